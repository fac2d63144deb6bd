"""What every XML format says in the same words: scheme URIs, labels, rights, writing direction."""

import re
from datetime import UTC, datetime

from feeds.article import Article, Licence, Term

GENERATOR = "Pressrelay"
ALL_RIGHTS_RESERVED = "All rights reserved."
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)  # when a feed without articles was last updated: bytes depend on no clock

# A scheme's URI, where a code is a code of a public or of our own table; a keyword is free text and has none.
SCHEMES = {
    "region": "urn:pressrelay:region:",
    "brm": "urn:pressrelay:brm:",
    "medtop": "http://cv.iptc.org/newscodes/mediatopic/",
    "office": "urn:pressrelay:office:",
    "kind": "urn:pressrelay:kind:",
    "role": "urn:pressrelay:role:",
    "signal": "http://cv.iptc.org/newscodes/signal/",
}

SIGNALS = ("correction", "update")  # of IPTC's signals those that tell versions apart

_RTL_SCRIPTS = {"adlm", "arab", "aran", "hebr", "mand", "mend", "nkoo", "rohg", "samr", "syrc", "thaa", "yezi"}
_RTL_LANGUAGES = {"ar", "arc", "ckb", "dv", "fa", "he", "ks", "nqo", "ps", "sd", "syr", "ug", "ur", "yi"}

# RFC 3986 http(s), RFC 8141 urn and RFC 4151 tag; a looser reading would take "jeonbuk:2021-1" for a URI.
_PCHAR = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})"
_URI = re.compile(
    rf"https?://[A-Za-z0-9.-]+(?::\d+)?(?:/{_PCHAR}*)?(?:\?(?:{_PCHAR}|\?)*)?(?:\#(?:{_PCHAR}|\?)*)?"
    rf"|urn:[A-Za-z0-9][A-Za-z0-9-]{{1,31}}:{_PCHAR}+"
    rf"|tag:[A-Za-z0-9@._-]+,\d{{4}}(?:-\d\d){{0,2}}:{_PCHAR}*"
)


def is_uri(text: str) -> bool:
    """True for what a feed may carry as an identifier that is a URI: http, https, urn or tag, in ASCII."""
    return _URI.fullmatch(text) is not None


def atom_id(id: str, guid: str) -> str:
    """The sender's guid where it is a URI, else a URN of ours."""
    return guid if is_uri(guid) else f"urn:pressrelay:article:{id}"


def label(term: Term, lang: str) -> str:
    """The term's name for a reader of `lang`, else in English, else in any language, else its code."""
    return names(term, lang)[0][1]


def names(term: Term, lang: str) -> list[tuple[str, str]]:
    """(language, name), the one for a reader of `lang` first; a term without names has its code in no language."""
    known = term.names
    first = next((one for one in (lang, lang.split("-")[0], "en", *known) if known.get(one)), "")
    if not first:
        return [("", term.code)]
    return [(first, known[first]), *((one, name) for one, name in known.items() if one != first)]


def terms(article: Article) -> tuple[Term, ...]:
    """Every classification, places first."""
    return article.regions + article.topics + article.keywords


def terms_of_use(licence: Licence) -> str:
    """A licence's words and address on one line; empty where it says neither."""
    return " ".join(filter(None, (licence.text, licence.uri)))


def rights(article: Article) -> str:
    """Who holds the rights and what they allow; a release without a licence reserves all of them."""
    return f"{copyright_notice(article)}. {terms_of_use(article.licence) or ALL_RIGHTS_RESERVED}"


def copyright_notice(article: Article) -> str:
    """The release's own notice, else the office's name."""
    return article.copyright or f"© {article.office.name}"


def direction(lang: str) -> str:
    """ "rtl" or "ltr": by the tag's script where it names one, else by its language."""
    language, *rest = lang.lower().split("-")
    script = next((part for part in rest if len(part) == 4 and part.isalpha()), "")
    rtl = script in _RTL_SCRIPTS if script else language in _RTL_LANGUAGES
    return "rtl" if rtl else "ltr"
