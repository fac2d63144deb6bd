"""The names of places and topics in the fan-out that are not codes of regions or subjects: offices, languages, genres, licences."""

KINDS = ("press-release", "reference", "explanation")
NO_LICENCE = "none"  # all rights reserved
# Short names of the licences that offices use: https://www.kogl.or.kr/, https://creativecommons.org/
LICENCES = {
    **{f"kogl-{number}": f"https://www.kogl.or.kr/info/licenseType{number}.do" for number in range(5)},
    "cc-by-4.0": "https://creativecommons.org/licenses/by/4.0/",
    "cc0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "ogl-3.0": "https://www.nationalarchives.gov.uk/doc/open-government-licence/version/3/",
}


def office_place(office: str) -> str:
    """The place of an office's own feed. No region code begins with this prefix."""
    return f"office:{office}"


def lang_topic(lang: str) -> str:
    """The topic that stands for a language. No topic code begins with this prefix."""
    return f"lang:{lang.lower()}"


def lang_topics(lang: str) -> set[str]:
    """The topics of the ranges that a language tag matches: `zh-Hant-TW` matches `zh-Hant` and `zh` too (RFC 4647, section 3.3.1)."""
    parts = lang.split("-")
    return {lang_topic("-".join(parts[:end])) for end in range(1, len(parts) + 1)}


def genre_topic(kind: str) -> str:
    """The topic that stands for a genre, the kind of a release."""
    return f"genre:{kind}"


def licence_topic(uri: str) -> str:
    """The topic that stands for a licence. An empty URI means all rights reserved."""
    return f"licence:{uri or NO_LICENCE}"
