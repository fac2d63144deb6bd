"""The W3C feed validator's rules that our feeds could break, re-implemented for use without a network.

`check(bytes, location)` returns the validator's event names, errors and warnings alike, but for UnknownNamespace.
"""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from lxml import etree, html

ATOM = "{http://www.w3.org/2005/Atom}"
CONTENT = "{http://purl.org/rss/1.0/modules/content/}encoded"
MEDIA = "{http://search.yahoo.com/mrss/}"
LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_RFC822 = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d ([+-]\d{4}|GMT)")
_MIME = re.compile(r"[^\s()<>,;:\\\"/\[\]?=]+/[^\s()<>,;:\\\"/\[\]?=]+(\s*;.*)?")
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")
_ABSOLUTE = re.compile(r"(https?://[^\s/]+|urn:[A-Za-z0-9][A-Za-z0-9-]{1,31}:|tag:[^\s,]+,\d{4}[\d-]*:|mailto:)\S*")
_NO_IRI = re.compile(r'[\s"<>\\^`{|}]')  # RFC 3987, section 2.2
_RISKY = {"script", "iframe", "object", "embed", "style", "meta", "link", "form", "input", "base", "frame", "frameset"}


def check(document: bytes, location: str) -> list[str]:
    """Events of the document as served from `location`."""
    root = etree.fromstring(document)
    return list(_rss(root, location) if root.tag == "rss" else _atom(root, location))


def _text(parent: etree._Element, name: str) -> str:
    return (parent.findtext(name) or "").strip()


def _exactly_one(parent: etree._Element, *names: str) -> Iterator[str]:
    for name in names:
        found = len(parent.findall(name))
        if found != 1:
            yield f"{'MissingElement' if not found else 'DuplicateElement'} {name}"
        elif not _text(parent, name):
            yield f"NotBlank {name}"


def _at_most_one(parent: etree._Element, *names: str) -> Iterator[str]:
    yield from (f"DuplicateElement {name}" for name in names if len(parent.findall(name)) > 1)


def _url(value: str | None, event: str = "InvalidFullLink") -> Iterator[str]:
    if not _ABSOLUTE.fullmatch(value or "") or _NO_IRI.search(value or ""):
        yield f"{event} {value}"


def _markup(source: str) -> Iterator[str]:
    """What an HTML construct may not hold."""
    if not source.strip():
        return
    for element in html.fragment_fromstring(source, create_parent="div").iter():
        if element.tag in _RISKY:
            yield f"SecurityRisk {element.tag}"
        for name, value in element.items():
            if name.startswith("on"):
                yield f"SecurityRiskAttr {name}"
            if name == "style":
                yield "DangerousStyleAttr"
            if name in ("href", "src") and not _ABSOLUTE.fullmatch(value):
                yield f"ContainsRelRef {value}"


def _title(text: str) -> Iterator[str]:
    if re.search(r"</?[A-Za-z][^>]*>|&(#\d+|[a-z]+);", text):
        yield f"ContainsHTML {text}"


def _instant(text: str, pattern: re.Pattern[str], event: str) -> Iterator[str]:
    if not pattern.fullmatch(text):
        yield f"{event} {text}"
        return
    instant = parsedate_to_datetime(text) if pattern is _RFC822 else datetime.fromisoformat(text)
    if instant > datetime.now(UTC):
        yield f"ImplausibleDate {text}"


def _language(tag: str) -> Iterator[str]:
    if not _LANGUAGE.fullmatch(tag):
        yield f"InvalidLanguage {tag}"


def _twice(values: list[object], event: str) -> Iterator[str]:
    yield from (f"{event} {value}" for value, count in Counter(values).items() if count > 1)


def _rss(root: etree._Element, location: str) -> Iterator[str]:
    channel = root[0]
    yield from _exactly_one(channel, "title", "link", "description")
    yield from _at_most_one(channel, "language", "copyright", "pubDate", "lastBuildDate", "generator", "docs", "ttl")
    yield from _url(_text(channel, "link"))
    yield from _language(_text(channel, "language"))
    yield from _title(_text(channel, "title"))
    yield from _instant(_text(channel, "lastBuildDate"), _RFC822, "InvalidRFC2822Date")
    own = [link.get("href") for link in channel.findall(f"{ATOM}link") if link.get("rel") == "self"]
    if not own:
        yield "MissingAtomSelfLink"
    elif own != [location]:
        yield "SelfDoesntMatchLocation"
    for contact in ("managingEditor", "webMaster"):
        if channel.find(contact) is not None and "@" not in _text(channel, contact):
            yield "InvalidContact"
    items = channel.findall("item")
    yield from _twice([_text(item, "guid") for item in items], "DuplicateValue")
    for item in items:
        yield from _rss_item(item)


def _rss_item(item: etree._Element) -> Iterator[str]:
    yield from _exactly_one(item, "title", "link", "description", CONTENT, "guid", "pubDate")
    yield from _at_most_one(item, "author", "comments", "enclosure", "source")
    yield from _url(_text(item, "link"))
    yield from _title(_text(item, "title"))
    yield from _markup(_text(item, "description"))
    yield from _markup(_text(item, CONTENT))
    yield from _instant(_text(item, "pubDate"), _RFC822, "InvalidRFC2822Date")
    guid = item.find("guid")
    if guid is not None and guid.get("isPermaLink", "true") == "true":
        yield from _url(guid.text, "InvalidHttpGUID")
    for author in item.findall("author"):
        if "@" not in (author.text or ""):
            yield "InvalidContact"
    for enclosure in item.findall("enclosure"):
        yield from _url(enclosure.get("url"))
        if not (enclosure.get("length") or "").isdigit():
            yield "InvalidNonNegativeInteger length"
        if not _MIME.fullmatch(enclosure.get("type") or ""):
            yield "InvalidMIMEType"
    for category in item.findall("category"):
        if not (category.text or "").strip():
            yield "NotBlank category"
    for group in item.findall(f"{MEDIA}group"):
        if len(group.findall(f"{MEDIA}content")) < 2:
            yield "MediaGroupWithoutAlternatives"
    for media in item.iter(f"{MEDIA}content"):
        yield from _url(media.get("url"))
        if not (media.get("fileSize") or "0").isdigit() or media.get("medium") not in ("image", "document", None):
            yield "InvalidMediaAttribute"


def _atom(root: etree._Element, location: str) -> Iterator[str]:
    yield from _exactly_one(root, *(ATOM + name for name in ("id", "title", "updated")))
    yield from _at_most_one(root, *(ATOM + name for name in ("subtitle", "rights", "generator", "icon", "logo")))
    yield from _url(_text(root, f"{ATOM}id"))
    yield from _title(_text(root, f"{ATOM}title"))
    yield from _instant(_text(root, f"{ATOM}updated"), _RFC3339, "InvalidRFC3339Date")
    yield from _atom_links(root)
    own = [link.get("href") for link in root.findall(f"{ATOM}link") if link.get("rel") == "self"]
    if not own:
        yield "MissingSelf"
    elif own != [location]:
        yield "SelfDoesntMatchLocation"
    entries = root.findall(f"{ATOM}entry")
    if root.find(f"{ATOM}author") is None and (not entries or any(e.find(f"{ATOM}author") is None for e in entries)):
        yield "MissingElement author"
    yield from _twice([_text(entry, f"{ATOM}updated") for entry in entries], "DuplicateUpdated")
    yield from _twice([_text(entry, f"{ATOM}id") for entry in entries], "DuplicateEntries")
    for entry in entries:
        yield from _atom_entry(entry)


def _atom_entry(entry: etree._Element) -> Iterator[str]:
    yield from _exactly_one(entry, *(ATOM + name for name in ("id", "title", "updated")))
    yield from _at_most_one(entry, *(ATOM + name for name in ("content", "summary", "published", "rights", "source")))
    yield from _url(_text(entry, f"{ATOM}id"))
    yield from _title(_text(entry, f"{ATOM}title"))
    yield from _language(entry.get(LANG) or "")
    for name in ("updated", "published"):
        yield from _instant(_text(entry, ATOM + name), _RFC3339, "InvalidRFC3339Date")
    if not _text(entry, f"{ATOM}content") and not _text(entry, f"{ATOM}summary"):
        yield "MissingTextualContent"
    yield from _markup(_text(entry, f"{ATOM}content"))
    yield from _atom_links(entry)
    for person in (*entry.findall(f"{ATOM}author"), *entry.findall(f"{ATOM}contributor")):
        yield from _exactly_one(person, f"{ATOM}name")
    for category in entry.findall(f"{ATOM}category"):
        if not category.get("term"):
            yield "MissingAttribute term"
        if category.get("scheme"):
            yield from _url(category.get("scheme"))


def _atom_links(parent: etree._Element) -> Iterator[str]:
    links = parent.findall(f"{ATOM}link")
    for link in links:
        yield from _url(link.get("href"))
        if link.get("type") and not _MIME.fullmatch(link.get("type") or ""):
            yield "InvalidMIMEType"
        if link.get("length") and not (link.get("length") or "").isdigit():
            yield "InvalidNonNegativeInteger length"
        if link.get("hreflang"):
            yield from _language(link.get("hreflang") or "")
    alternates = [link for link in links if link.get("rel", "alternate") == "alternate"]
    yield from _twice([(link.get("type"), link.get("hreflang")) for link in alternates], "DuplicateAtomLink")
