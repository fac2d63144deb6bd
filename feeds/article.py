"""The article: one press release as it is stored and served, and what every format writes of it.

The terms follow IPTC NewsML-G2 (https://iptc.org/std/NewsML-G2/guidelines/). All objects are frozen; `msgspec` encodes them for JSON
and for the cache. All instants are timezone-aware and in UTC.
"""

import re
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone
from html import escape
from urllib.parse import quote, urlsplit

from lxml import etree
from msgspec import Struct
from msgspec.structs import replace


class Term(Struct, frozen=True):
    """One classification of an article, with its names at the time when the article was normalised."""

    scheme: str  # "region", "medtop", "brm" or "keyword"
    code: str  # as used in feeds and queries: "kr:52", "medtop:20000500", "brm11"; a keyword is its own code
    names: dict[str, str] = {}  # BCP 47 language -> name; empty for a keyword


class Office(Struct, frozen=True):
    """The office that issues an article (NewsML-G2 `provider`)."""

    code: str  # short, stable, ASCII: "jeonbuk"
    name: str  # in the office's own language
    url: str = ""  # its home page
    above: tuple[
        str, ...
    ] = ()  # codes of the offices that it is part of, nearest first; their feeds show its articles too


class Contact(Struct, frozen=True):
    """A contact for questions; any field may be empty."""

    department: str = ""
    role: str = ""
    name: str = ""
    phone: str = ""
    email: str = ""


class Licence(Struct, frozen=True):
    """The terms of use of a text or a file. If both fields are empty, all rights are reserved."""

    uri: str = ""
    text: str = ""


class Enclosure(Struct, frozen=True):
    """An attached file, by reference."""

    url: str  # absolute http or https URL
    type: str  # media type, "application/pdf"
    length: int | None = None  # bytes; None: not known
    role: str = "document"  # "photo" or "document"
    caption: str = ""
    lang: str = ""  # BCP 47; empty: the language of the article
    licence: Licence | None = None  # its own licence; None: that of the article


class Related(Struct, frozen=True):
    """A related article, or a translation of the article. It has a guid or a URL, or both."""

    headline: str = ""
    guid: str = ""
    url: str = ""
    translation: str = ""  # BCP 47 language if it is a translation of the article; empty: another article


class Article(Struct, frozen=True):
    """One press release. Everything in it was checked and cleaned before this object was made, so renderers can trust it."""

    id: str  # our public id, derived from the guid
    guid: str  # the sender's globally unique id
    version: int  # the sender's revision, from 1
    lang: str  # BCP 47 language of the text
    pubstatus: str  # "usable", "withheld" or "canceled" (IPTC pubstatusg2)
    office: Office
    kind: str  # "press-release", "reference" or "explanation"
    headline: str  # plain text, one line
    subheadlines: tuple[str, ...]  # plain text
    summary: str  # plain text, never empty: the lead paragraph where the release gives none
    body: str  # well-formed XHTML fragment (see app/text/html.py) with absolute URLs
    text: str  # the body as plain text, with a blank line between paragraphs
    dateline: str  # place name, may be empty
    byline: str  # may be empty
    issued: datetime  # the date of issue that the office gives
    published: datetime  # when it may first be reported: the later of issued and embargoed
    updated: datetime  # when this version became public here; unique within one release
    embargoed: datetime | None  # when the embargo ends or ended
    held: bool  # embargoed until somebody releases it
    embargo_wording: str  # the office's own words for the embargo
    regions: tuple[Term, ...]  # as in the release, without their ancestors
    topics: tuple[Term, ...]  # "medtop" and "brm"
    keywords: tuple[Term, ...]
    contacts: tuple[Contact, ...]
    enclosures: tuple[Enclosure, ...]
    licence: Licence
    related: tuple[Related, ...]
    note: str  # editor's note
    url: str  # absolute URL of the article's page on this server
    urgency: int = 0  # 1 (most urgent) to 9 (IPTC); 0: not given
    slugline: str = ""
    source: str = ""  # where the information comes from, if not the office (NewsML-G2 infoSource)
    copyright: str = ""  # the copyright notice; empty: "© " and the name of the office
    signal: str = ""  # "correction" or "update" (IPTC signal): how this version differs from the public one before it


class Brief(Struct, frozen=True):
    """What lists show of an article: reading it takes no memory for the texts."""

    id: str
    guid: str
    version: int
    lang: str
    office: Office
    headline: str
    related: tuple[Related, ...]
    note: str
    url: str
    signal: str = ""


class Withdrawn(Struct, frozen=True):
    """An article that left a feed: RFC 6721 `deleted-entry`, NewsML-G2 `stat:canceled`."""

    id: str  # our public id
    guid: str
    at: datetime  # when it left
    canceled: bool  # False: it was corrected and now belongs to other feeds
    version: int = 0  # the version that canceled it; 0: not canceled
    note: str = ""  # the office's reason
    office: Office = Office("", "")
    lang: str = ""
    withheld: bool = False  # it is in no feed at present: NewsML-G2 `stat:withheld`


def withdrawal(
    article: Article | Brief, at: datetime, *, canceled: bool, version: int = 0, withheld: bool = False
) -> Withdrawn:
    """What a feed says about an article that left it at that instant. It has the office's words only if the article was
    canceled."""
    return Withdrawn(
        article.id,
        article.guid,
        at,
        canceled,
        version,
        article.note if canceled else "",
        article.office,
        article.lang,
        withheld,
    )


class Fragment(Struct, frozen=True, array_like=True):
    """An article as one format writes it in each of its feeds: made once, and joined with others (`feeds/format.py`)."""

    id: str  # of the article, as the two below
    updated: datetime
    office: Office
    pieces: tuple[bytes, ...]  # UTF-8; between two of them is the number of the article in the feed, from 1
    namespaces: tuple[str, ...] = ()  # XML: those of its elements, which the feed declares
    listed: bytes = b""  # NewsML-G2: how the package lists it


def numbered(fragment: Fragment, number: int) -> bytes:
    """The bytes of a fragment that is the `number`th of its feed."""
    return str(number).encode().join(fragment.pieces)


class Feed(Struct, frozen=True):
    """The input of a renderer: the result of one query."""

    self: str  # canonical URL of this document
    home: str  # URL of the HTML page for the same query
    title: str
    subtitle: str
    lang: str  # language of title and subtitle
    updated: datetime  # the newest change; a fixed instant for an empty feed
    articles: tuple[Article, ...] = ()  # newest change first
    hub: str = ""  # WebSub hub; empty: none
    links: dict[str, str] = {}  # RFC 5005: "first", "previous", "next", "last", "prev-archive", … -> absolute URL
    archive: bool = False  # RFC 5005, section 4: this document is part of the archive
    withdrawn: tuple[Withdrawn, ...] = ()  # newest first
    fragments: tuple[Fragment, ...] = ()  # the articles as the format writes them, for `assemble`


# What all formats share: instants, the attributes of XML, scheme URIs, labels, rights and writing direction.

EPOCH = datetime(
    1970, 1, 1, tzinfo=UTC
)  # the last update of a feed without articles, so that its bytes do not depend on the clock
NEVER = datetime(2000, 1, 1, tzinfo=UTC)  # the same instant as documents show it: validators take 1970 for a mistake

# An empty article. `msgspec.structs.replace` makes entries of it that are not releases.
BLANK = Article(
    id="",
    guid="",
    version=1,
    lang="",
    pubstatus="usable",
    office=Office("", ""),
    kind="press-release",
    headline="",
    subheadlines=(),
    summary="",
    body="",
    text="",
    dateline="",
    byline="",
    issued=NEVER,
    published=NEVER,
    updated=NEVER,
    embargoed=None,
    held=False,
    embargo_wording="",
    regions=(),
    topics=(),
    keywords=(),
    contacts=(),
    enclosures=(),
    licence=Licence(),
    related=(),
    note="",
    url="",
)


def as_cdata(element: etree._Element) -> None:
    """Write the HTML in an element as a CDATA section: parsers limit how many entities they expand, REXML to 10,240 bytes. In HTML,
    `]]&gt;` says the same as `]]>`, which would end the section."""
    if element.text:
        element.text = etree.CDATA(element.text.replace("]]>", "]]&gt;"))


_AS_NUMBERS = ((b"&amp;", b"&#x26;"), (b"&lt;", b"&#x3C;"))
_CDATA, _CDATA_ENDS = b"<![CDATA[", b"]]>"


def as_bytes(root: etree._Element) -> bytes:
    """A feed as UTF-8 bytes. `&` and `<` are written as numbers, because otherwise readers take a title such as "R&D" or "<AI>" for
    HTML (https://www.rssboard.org/rss-profile#data-types-characterdata)."""
    document = etree.tostring(root, encoding="UTF-8", xml_declaration=True)
    parts, at = [], 0
    while (section := document.find(_CDATA, at)) >= 0:
        ends = document.index(_CDATA_ENDS, section) + len(_CDATA_ENDS)
        parts += [_numbered(document[at:section]), document[section:ends]]
        at = ends
    return b"".join((*parts, _numbered(document[at:])))


def _numbered(xml: bytes) -> bytes:
    for named, numbered in _AS_NUMBERS:
        xml = xml.replace(named, numbered)
    return xml


def rfc3339(instant: datetime, *, seconds: bool = False) -> str:
    """An instant with its own offset, in RFC 3339 (which is also W3C Datetime and a form of ISO 8601); UTC is written as `Z`.
    `seconds`: cut off fractions of a second."""
    return (instant.replace(microsecond=0) if seconds else instant).isoformat().replace("+00:00", "Z")


def rfc3339_utc(instant: datetime) -> str:
    """The instant in UTC, in RFC 3339."""
    return rfc3339(instant.astimezone(UTC))


LANG = "{http://www.w3.org/XML/1998/namespace}lang"
BASE = "{http://www.w3.org/XML/1998/namespace}base"


def parsed(document: bytes) -> etree._Element:
    """The root of a well-formed document of any length that this server made. Each call has its own parser, because threads must not
    share one. Raises lxml.etree.XMLSyntaxError."""
    parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, huge_tree=True)
    return etree.fromstring(document, parser)


GENERATOR = "Pressrelay"
ALL_RIGHTS_RESERVED = "All rights reserved."

# The URIs of schemes whose codes are in a public table or in ours. Keywords are free text and have no scheme.
SCHEMES = {
    "region": "urn:pressrelay:region:",
    "brm": "urn:pressrelay:brm:",
    "medtop": "http://cv.iptc.org/newscodes/mediatopic/",
    "office": "urn:pressrelay:office:",
    "kind": "urn:pressrelay:kind:",
    "role": "urn:pressrelay:role:",
    "signal": "http://cv.iptc.org/newscodes/signal/",
}

SIGNALS = ("correction", "update")  # IPTC's signals about versions

_RTL_SCRIPTS = {"adlm", "arab", "aran", "hebr", "mand", "mend", "nkoo", "rohg", "samr", "syrc", "thaa", "yezi"}
_RTL_LANGUAGES = {"ar", "arc", "ckb", "dv", "fa", "he", "ks", "nqo", "ps", "sd", "syr", "ug", "ur", "yi"}

# RFC 3986 http(s), RFC 8141 urn and RFC 4151 tag. A looser pattern would accept "jeonbuk:2021-1" as a URI.
_PCHAR = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})"
_URI = re.compile(
    rf"https?://[A-Za-z0-9.-]+(?::\d+)?(?:/{_PCHAR}*)?(?:\?(?:{_PCHAR}|\?)*)?(?:\#(?:{_PCHAR}|\?)*)?"
    rf"|urn:[A-Za-z0-9][A-Za-z0-9-]{{1,31}}:{_PCHAR}+"
    rf"|tag:[A-Za-z0-9@._-]+,\d{{4}}(?:-\d\d){{0,2}}:{_PCHAR}*"
)


_URI_CHARACTERS = "!#$%&'()*+,/:;=?@~"  # besides letters, digits and -._
_UNRESERVED = re.compile("[A-Za-z0-9._~-]")


def is_uri(text: str) -> bool:
    """Whether a text can be an identifier that is a URI: http, https, urn or tag, in ASCII."""
    return _URI.fullmatch(text) is not None


def ascii_uri(iri: str) -> str:
    """An IRI as a URI (RFC 3987, section 3.1), for readers that know only URIs: the host in IDNA, everything else percent-encoded;
    square brackets too, which stand only around hosts (RFC 3986, section 3.2.2)."""
    host = urlsplit(iri).netloc
    scheme, found, rest = iri.partition(f"//{host}" if host else ":")
    if not host.isascii():
        with suppress(UnicodeError):  # a name that IDNA does not allow is percent-encoded
            found = f"//{host.encode('idna').decode('ascii')}"
    return scheme + quote(found, safe=f"{_URI_CHARACTERS}[]") + quote(rest, safe=_URI_CHARACTERS)


def is_canonical(uri: str) -> bool:
    """Whether a URI is in its normal form (RFC 3986, section 6.2.2 and 6.2.3), in which readers compare identifiers."""
    parts = urlsplit(uri)
    if parts.scheme in ("http", "https"):
        port = ":80" if parts.scheme == "http" else ":443"
        if parts.netloc != parts.netloc.lower() or parts.netloc.endswith((port, ":", ".")) or not parts.path:
            return False
        if {".", ".."} & set(parts.path.split("/")):
            return False
    escapes = re.findall("%(..)", uri)
    return all(escape == escape.upper() and not _UNRESERVED.fullmatch(chr(int(escape, 16))) for escape in escapes)


def atom_id(id: str, guid: str) -> str:
    """The sender's guid if it is a URI, else a URN of ours."""
    return guid if is_uri(guid) else f"urn:pressrelay:article:{id}"


def label_of(term: Term, lang: str) -> str:
    """The term's name for a reader of `lang`, else in English, else in any language, else its code."""
    return names_of(term, lang)[0][1]


def names_of(term: Term, lang: str) -> list[tuple[str, str]]:
    """(language, name) of a term, beginning with the best name for a reader of `lang`. A term without names has its code, without a
    language."""
    known = term.names
    first = next((tag for tag in (lang, lang.split("-")[0], "en", *known) if known.get(tag)), "")
    if not first:
        return [("", term.code)]
    return [(first, known[first]), *((tag, name) for tag, name in known.items() if tag != first)]


def classifications(article: Article) -> tuple[Term, ...]:
    """Every classification, places first."""
    return article.regions + article.topics + article.keywords


def terms_of_use(licence: Licence) -> str:
    """The text and URI of a licence on one line; empty if it has neither."""
    return " ".join(filter(None, (licence.text, licence.uri)))


def rights_of(article: Article) -> str:
    """The copyright notice and the terms of use. Without a licence, all rights are reserved."""
    return f"{copyright_notice(article)}. {terms_of_use(article.licence) or ALL_RIGHTS_RESERVED}"


def copyright_notice(article: Article) -> str:
    """The release's own notice, else one with the name of the office."""
    return article.copyright or f"© {article.office.name}"


def direction(lang: str) -> str:
    """ "rtl" or "ltr": by the script in the tag if there is one, else by the language."""
    language, *rest = lang.lower().split("-")
    script = next((part for part in rest if len(part) == 4 and part.isalpha()), "")
    rtl = script in _RTL_SCRIPTS if script else language in _RTL_LANGUAGES
    return "rtl" if rtl else "ltr"


# Articles that are still under embargo are marked for readers who may see them before. The article is marked, not the document. Each
# format builds its `marked` from these functions. In formats for people, the mark is in the title and at the start of the text
# (`embargo_in_words`). Formats for machines have elements for the instant, so their headline stays unchanged and the editor's note has
# the sentence (`embargo_noted`).

KOREA = timezone(timedelta(hours=9), "KST")


def embargo_mark(article: Article) -> str:
    """The mark before a headline: "[엠바고 2026-03-10 06:00 KST]" in a Korean article, in others in English with the instant in UTC.
    For a held article, it has the office's wording."""
    if _korean(article):
        held = article.embargo_wording or "해제 미정"
        return (
            f"[엠바고 {_in_korea(article.embargoed)}]"
            if article.embargoed and not article.held
            else f"[엠바고: {held}]"
        )
    held = article.embargo_wording or "held until released"
    return (
        f"[EMBARGO until {_in_utc(article.embargoed)}]"
        if article.embargoed and not article.held
        else f"[EMBARGO: {held}]"
    )


def embargo_sentence(article: Article) -> str:
    """The embargo as a sentence."""
    until, words = article.embargoed, f" ({article.embargo_wording})" if article.embargo_wording else ""
    if _korean(article):
        if article.held:
            after = f" 빨라도 {_in_korea(until)} 이후입니다." if until else ""
            return f"엠바고: 발표 기관이 풀 때까지 보도할 수 없습니다{words}.{after}"
        return f"엠바고: {_in_korea(until)}까지 보도할 수 없습니다{words}."
    if article.held:
        after = f" This will not be before {_in_utc(until)}." if until else ""
        return f"Under embargo until the office releases it{words}. Do not publish before.{after}"
    return f"Under embargo until {_in_utc(until)}{words}. Do not publish before."


def embargo_in_words(article: Article) -> Article:
    """The article with the mark before headline and summary, and the sentence before the text."""
    warning = embargo_sentence(article)
    return replace(
        article,
        headline=f"{embargo_mark(article)} {article.headline}",
        summary=f"{embargo_mark(article)} {article.summary}",
        body=f"<p><strong>{escape(warning, quote=False)}</strong></p>{article.body}",
        text=f"{warning}\n\n{article.text}",
    )


def embargo_noted(article: Article) -> Article:
    """The article with the sentence in its editor's note."""
    return replace(article, note="\n".join(filter(None, (embargo_sentence(article), article.note))))


def open_ended(article: Article) -> Article:
    """The article without an instant if it is held, for formats that can express an embargo without an end. A held article may name
    the earliest instant of its release; a program that sees only this instant would publish the article then. Call `embargo_in_words`
    or `embargo_noted` first, because the words name the instant."""
    return replace(article, embargoed=None) if article.held else article


def _korean(article: Article) -> bool:
    return article.lang.split("-")[0].lower() == "ko"


def _in_korea(instant: datetime | None) -> str:
    return f"{instant.astimezone(KOREA):%Y-%m-%d %H:%M} KST" if instant else ""


def _in_utc(instant: datetime | None) -> str:
    return rfc3339_utc(instant) if instant else ""
