"""How to cite a release: a sentence, an entry for BibTeX, and one in CSL-JSON, which Zotero and Word's add-ins read.

The sentence follows the style of the American Psychological Association (https://apastyle.apa.org/style-grammar-guidelines/references/
examples/press-release-references), in Korean the usual one of Korean papers. BibTeX: https://ctan.org/pkg/bibtex, @misc. CSL-JSON:
https://docs.citationstyles.org/en/stable/specification.html; no type of it is a press release, and styles show the genre of a report.
"""

from datetime import date

import msgspec

from feeds.article import Article

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
NAMES = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
# Characters with a meaning in TeX, and how to write them as plain characters.
_ESCAPES = str.maketrans(
    {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"}
    | {character: f"\\{character}" for character in "{}$&#%_"}
)
_IN_URL = str.maketrans({"\\": "%5C", "{": "%7B", "}": "%7D", "%": r"\%", "#": r"\#"})


def citation_sentence(article: Article, lang: str, day: date) -> str:
    """A sentence that names office, day, headline and address. `day`: of its issue, in the site's time zone; `lang`: "ko" or
    "en"."""
    if lang == "ko":
        written = f"{day.year}. {day.month}. {day.day}."
        return f"{article.office.name}({written}), 「{article.headline}」, 보도자료, {article.url}"
    written = f"{day.day} {NAMES[day.month - 1]} {day.year}"
    return f"{article.office.name} ({written}). “{article.headline}” [Press release]. {article.url}"


def bibtex(article: Article, day: date) -> str:
    """The entry for BibTeX. It names the version if it is not the first."""
    fields = {
        "author": f"{{{{{_plain(article.office.name)}}}}}",  # in double braces, so that BibTeX does not split the name
        "title": f"{{{{{_plain(article.headline)}}}}}",
        "year": f"{{{day.year}}}",
        "month": MONTHS[day.month - 1],
        "day": f"{{{day.day}}}",
        "howpublished": "{Press release}",
        "language": f"{{{_plain(article.lang)}}}",
        "url": f"{{{article.url.translate(_IN_URL)}}}",
    }
    if article.version > 1:
        fields["note"] = f"{{Version {article.version}}}"
    lines = [f"  {name} = {value}," for name, value in fields.items()]
    return "\n".join([f"@misc{{{article.id},", *lines, "}"])


def csl_json(article: Article, day: date) -> str:
    """The entry as a list of one, as programs import it. It names the version if it is not the first."""
    entry = {
        "id": article.id,
        "type": "report",
        "genre": "보도자료" if article.lang.partition("-")[0] == "ko" else "Press release",
        "author": [{"literal": article.office.name}],
        "issued": {"date-parts": [[day.year, day.month, day.day]]},
        "title": article.headline,
        "language": article.lang,
        "URL": article.url,
    }
    if article.version > 1:
        entry["version"] = str(article.version)
    return msgspec.json.format(msgspec.json.encode([entry]), indent=2).decode()


def _plain(text: str) -> str:
    return text.translate(_ESCAPES)
