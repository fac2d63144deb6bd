"""The W3C feed validator's rules that our feeds could break, re-implemented for use without a network.

https://validator.w3.org/feed/docs/. `check(bytes, location)` returns the validator's event names, errors and warnings alike.
"""

import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

from html5lib.html5parser import HTMLParser, ParseError
from lxml import etree, html

from tests.feedwords import (
    ATOM,
    ATTRIBUTES,
    CHANNEL,
    CONTENT,
    DC,
    ENTRY,
    EXPECTED,
    FEED,
    FEED_TYPES,
    HISTORY,
    HTML,
    ITEM,
    KNOWN,
    MEDIA,
    PAGING,
    PREFIXES,
    RELATIONS,
    SAID_TWICE,
    TERMS,
)

LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_RFC822 = re.compile(r"(Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d ([+-]\d{4}|GMT)")
_MIME = re.compile(r"[^\s()<>,;:\\\"/\[\]?=]+/[^\s()<>,;:\\\"/\[\]?=]+(\s*;.*)?")
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*")
_ABSOLUTE = re.compile(r"(https?://[^\s/]+|urn:[A-Za-z0-9][A-Za-z0-9-]{1,31}:|tag:[^\s,]+,\d{4}[\d-]*:|mailto:)\S*")
_URI = re.compile(r"[a-zA-Z][0-9a-zA-Z+\-.]*:(//)?[0-9a-zA-Z;/?:@&=+$.\-_!~*'()%,#]+")  # validators.py, rfc2396_full
_HTTP = re.compile(
    r"https?://([0-9]{1,3}(\.[0-9]{1,3}){2}\.|([A-Z0-9-]+\.)+)[A-Z0-9][-A-Z0-9]*(:\d+)?(/|$)", re.I
)  # httpURL
_URN = re.compile(r"urn:[a-zA-Z0-9][a-zA-Z0-9-]{1,31}:([a-zA-Z0-9()+,.:=@;$_!*'-]|%[0-9A-Fa-f]{2})+", re.I)
_TAG = re.compile(r"tag:([a-z0-9._-]+@)?[a-z0-9.-]+,\d{4}(-\d\d(-\d\d)?)?:[0-9a-zA-Z;/?:@&=+$._!~*'()%,#-]*")
LARGEST = 5_000_000  # bytes; __init__.py, MAXDATALENGTH


def check(document: bytes, location: str) -> list[str]:
    """Events of the document as served from `location`."""
    root = etree.fromstring(document)
    return [
        *_bytes(document),
        *_vocabulary(root),
        *(_rss(root, location) if root.tag == "rss" else _atom(root, location)),
    ]


def _bytes(document: bytes) -> Iterator[str]:
    """What it says of the document as a text (__init__.py)."""
    if len(document) > LARGEST:
        yield "ValidatorLimit"
    outside = re.sub(rb"<!\[CDATA\[.*?\]\]>", b"", document, flags=re.DOTALL)
    # nonhtml: an ampersand or a less-than sign in a title is taken for HTML, unless the line has a number in hexadecimal digits.
    if re.search(rb"&(amp|lt);", outside):
        yield "CharacterData"


def _vocabulary(root: etree._Element) -> Iterator[str]:
    """Namespaces, their elements, and characters that are none."""
    seen: set[str] = set()
    for element in root.iter():
        seen.update(element.nsmap.values())
        name = etree.QName(element)
        known = KNOWN.get(name.namespace or "")
        if known is not None and name.localname not in known:
            yield f"UndefinedElement {name.localname}"
        for prefix, namespace in element.nsmap.items():
            expected = PREFIXES.get(namespace)
            if prefix and prefix != expected and prefix in PREFIXES.values():
                yield f"ReservedPrefix {prefix}"
            elif prefix and expected and prefix != expected:
                yield f"NonstdPrefix {prefix}"
        if known is not None or name.namespace in (None, ATOM[1:-1]):
            for attribute in element.attrib:
                if not attribute.startswith("{") and attribute not in EXPECTED.get(element.tag, ()):
                    yield f"UnexpectedAttribute {name.localname} {attribute}"
        for text in (element.text, element.tail, *element.attrib.values()):
            if text and re.search("[\x80-\x9f\ufffd]", text):
                yield f"BadCharacters {name.localname}"
    if root.tag != "rss" and {"atom", "xhtml"} & {prefix for element in root.iter() for prefix in element.nsmap}:
        yield "AvoidNamespacePrefix"
    for namespace in sorted(seen - set(KNOWN)):
        yield f"UnknownNamespace {namespace}"


def _undefined(parent: etree._Element, names: set[str], namespace: str = "") -> Iterator[str]:
    """Elements of the core vocabulary that may not be there."""
    for child in parent:
        name = etree.QName(child)
        if (name.namespace or "") == namespace and name.localname not in names:
            yield f"UndefinedElement {name.localname}"


def _said_twice(parent: etree._Element) -> Iterator[str]:
    event = "DuplicateItemSemantics" if parent.tag == "item" else "DuplicateSemantics"
    for core, others in SAID_TWICE.items():
        if parent.find(core) is not None:
            yield from (f"{event} {core}" for other in others if parent.find(other) is not None)


def _misplaced(parent: etree._Element, entry: str, event: str, namespace: str) -> Iterator[str]:
    """The elements about the feed itself must come before its entries."""
    begun = False
    for child in parent:
        begun = begun or child.tag == entry
        if begun and child.tag != entry and (etree.QName(child).namespace or "") in (namespace, ATOM[1:-1]):
            yield f"{event} {etree.QName(child).localname}"


def _history(parent: etree._Element, links: list[etree._Element]) -> Iterator[str]:
    """RFC 5005."""
    rels = {link.get("rel") for link in links}
    if parent.find(f"{HISTORY}archive") is not None:
        if "current" not in rels:
            yield "MissingCurrentInArchive"
        if "prev-archive" not in rels:
            yield "ArchiveIncomplete"
    if parent.find(f"{HISTORY}complete") is not None:
        yield from (f"FeedRelInCompleteFeed {rel}" for rel in sorted(rels & PAGING))


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
    """rfc2396_full, and what it asks of URNs and tags."""
    value = value or ""
    if value.lower().startswith("urn:"):
        if not _URN.fullmatch(value):
            yield f"InvalidURN {value}"
    elif value.startswith("tag:"):
        if not _TAG.fullmatch(value):
            yield f"InvalidTAG {value}"
    elif not _ABSOLUTE.fullmatch(value) or not _URI.fullmatch(value):
        yield f"{event} {value}"


def _canonical(uri: str) -> Iterator[str]:
    """canonicaluri: an identifier is in its normal form (uri.py)."""
    parts = urlsplit(uri)
    host, path, escapes = parts.netloc, parts.path, re.findall("%(..)", uri)
    wrong = parts.scheme in ("http", "https") and (
        host != host.lower() or not path or re.search(r"(:|:80|:443|\.)$", host) or re.search(r"/\.\.?(/|$)", path)
    )
    if wrong or any(escape != escape.upper() or re.match(r"[\w.~-]", chr(int(escape, 16)), re.A) for escape in escapes):
        yield f"NonCanonicalURI {uri}"


def _markup(source: str) -> Iterator[str]:
    """What an HTML construct may not hold."""
    if not source.strip():
        return
    try:  # HTMLValidator
        HTMLParser(strict=True).parseFragment(source)
    except ParseError as error:
        yield f"NotHtml {error}"
    for element in html.fragment_fromstring(source, create_parent="div").iter():
        if element.tag not in HTML:
            yield f"SecurityRisk {element.tag}"
        for name, value in element.items():
            if name == "style":
                yield "DangerousStyleAttr"
            elif name not in ATTRIBUTES:
                yield f"SecurityRiskAttr {name}"
            if name in ("href", "src", "cite") and not _ABSOLUTE.fullmatch(value):
                yield f"ContainsRelRef {value}"


def _title(text: str) -> Iterator[str]:
    """nonhtml; for entities see `_bytes`."""
    if any(tag.lower() in HTML for tag in re.findall(r"</(\w+)>", text)):
        yield f"ContainsHTML {text}"


def _instant(text: str, pattern: re.Pattern[str], event: str) -> Iterator[str]:
    if not pattern.fullmatch(text):
        yield f"{event} {text}"
        return
    instant = parsedate_to_datetime(text) if pattern is _RFC822 else datetime.fromisoformat(text)
    if pattern is _RFC822 and instant.strftime("%a") != text[:3]:
        yield f"IncorrectDOW {text}"
    if instant > datetime.now(UTC) or instant.year < 1990:
        yield f"ImplausibleDate {text}"


def _language(tag: str) -> Iterator[str]:
    if not _LANGUAGE.fullmatch(tag):
        yield f"InvalidLanguage {tag}"


def _twice(values: list[object], event: str) -> Iterator[str]:
    yield from (f"{event} {value}" for value, count in Counter(values).items() if count > 1)


def _rss(root: etree._Element, location: str) -> Iterator[str]:
    channel = root[0]
    if root.get("version") != "2.0":
        yield "InvalidRSSVersion"
    yield from _undefined(channel, CHANNEL)
    yield from _said_twice(channel)
    yield from _misplaced(channel, "item", "MisplacedItem", "")
    yield from _exactly_one(channel, "title", "link", "description")
    yield from _at_most_one(channel, "language", "copyright", "pubDate", "lastBuildDate", "generator", "docs", "ttl")
    yield from _url(_text(channel, "link"))
    yield from _language(_text(channel, "language"))
    yield from _title(_text(channel, "title"))
    if channel.find("lastBuildDate") is not None:
        yield from _instant(_text(channel, "lastBuildDate"), _RFC822, "InvalidRFC2822Date")
    yield from _atom_links(channel, "rss")
    yield from _history(channel, channel.findall(f"{ATOM}link"))
    yield from _image(channel)
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


def _image(channel: etree._Element) -> Iterator[str]:
    image = channel.find("image")
    if image is not None:
        yield from _exactly_one(image, "url", "title", "link")
        for name, event in (("title", "ImageTitleDoesntMatch"), ("link", "ImageLinkDoesntMatch")):
            if _text(image, name) != _text(channel, name):
                yield event


def _rss_item(item: etree._Element) -> Iterator[str]:
    yield from _undefined(item, ITEM)
    yield from _said_twice(item)
    yield from _atom_links(item, "rss")
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
    elif guid is not None and (guid.text or "").isdigit() and len(guid.text or "") < 9:
        yield f"NotSufficientlyUnique {guid.text}"
    if item.find("description") is None and item.find(CONTENT) is not None:
        yield "NeedDescriptionBeforeContent"
    for author in item.findall("author"):
        if "@" not in (author.text or ""):
            yield "InvalidContact"
    for enclosure in item.findall("enclosure"):
        if not _HTTP.match(enclosure.get("url") or "") or not _URI.fullmatch(enclosure.get("url") or ""):
            yield f"InvalidURLAttribute {enclosure.get('url')}"
        if not (enclosure.get("length") or "").isdigit():
            yield "InvalidNonNegativeInteger length"
        if not _MIME.fullmatch(enclosure.get("type") or ""):
            yield "InvalidMIMEType"
    for category in item.findall("category"):
        if not (category.text or "").strip():
            yield "NotBlank category"
    yield from _beside(item)


def _beside(entry: etree._Element) -> Iterator[str]:
    """Dublin Core and Media RSS, in items and entries alike."""
    yield from _at_most_one(entry, *(DC + name for name in ("title", "type", "format", "source", "language", "rights")))
    for element in entry:
        if etree.QName(element).namespace in (DC[1:-1], TERMS[1:-1]) and not (element.text or "").strip():
            yield f"NotBlank {etree.QName(element).localname}"
    for name in (f"{TERMS}created", f"{TERMS}issued", f"{TERMS}modified", f"{ATOM}updated"):
        for element in entry.findall(name):
            yield from _instant(element.text or "", _RFC3339, "InvalidW3CDTFDate")
    for element in entry.findall(f"{DC}language"):
        yield from _language(element.text or "")
    for element in entry.findall(f"{DC}rights"):
        yield from _title(element.text or "")
    yield from _at_most_one(
        entry, CONTENT, f"{ATOM}updated", *(TERMS + name for name in ("created", "issued", "modified"))
    )
    for group in entry.findall(f"{MEDIA}group"):
        if len(group.findall(f"{MEDIA}content")) < 2:
            yield "MediaGroupWithoutAlternatives"
    for media in entry.iter(f"{MEDIA}content"):
        yield from _media(media)


def _media(media: etree._Element) -> Iterator[str]:
    yield from _url(media.get("url"))
    if media.get("fileSize") is not None and not re.fullmatch(r"[1-9]\d*", media.get("fileSize") or ""):
        yield "InvalidPositiveInteger fileSize"
    if media.get("medium") not in ("image", "audio", "video", "document", "executable", None):
        yield "InvalidMediaMedium"
    if not _MIME.fullmatch(media.get("type") or ""):
        yield "InvalidMIMEAttribute type"
    if media.get("lang") is not None:
        yield from _language(media.get("lang") or "")
    yield from _at_most_one(media, *(MEDIA + name for name in ("copyright", "description", "title")))
    for title in (*media.findall(f"{MEDIA}title"), *media.findall(f"{MEDIA}description")):
        if title.get("type") not in ("plain", "html", None):
            yield "InvalidMediaTextType"
        yield from _title(title.text or "")
    for element, name in ((f"{MEDIA}copyright", "url"), (f"{MEDIA}category", "scheme")):
        for found in media.findall(element):
            if found.get(name):
                yield from _url(found.get(name))


def _atom(root: etree._Element, location: str) -> Iterator[str]:
    yield from _undefined(root, FEED, ATOM[1:-1])
    yield from _misplaced(root, f"{ATOM}entry", "MisplacedMetadata", ATOM[1:-1])
    yield from _history(root, root.findall(f"{ATOM}link"))
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
    yield from _undefined(entry, ENTRY, ATOM[1:-1])
    yield from _beside(entry)
    yield from _exactly_one(entry, *(ATOM + name for name in ("id", "title", "updated")))
    yield from _at_most_one(entry, *(ATOM + name for name in ("content", "summary", "published", "rights", "source")))
    yield from _url(_text(entry, f"{ATOM}id"))
    yield from _canonical(_text(entry, f"{ATOM}id"))
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
        yield from _title(category.get("label") or "")


def _atom_links(parent: etree._Element, kind: str = "atom") -> Iterator[str]:
    links = parent.findall(f"{ATOM}link")
    inside = parent.tag in ("item", f"{ATOM}entry")
    for link in links:
        yield from _atom_link(link, inside)
    if kind == "rss":
        return
    if inside:
        links = [link for link in links if link.get("rel", "alternate") == "alternate"]
    same = [(link.get("rel", "alternate"), link.get("type"), link.get("hreflang")) for link in links]
    yield from _twice(list(same), "DuplicateAtomLink")


def _atom_link(link: etree._Element, inside: bool) -> Iterator[str]:
    rel, type = link.get("rel", "alternate"), link.get("type")
    yield from _url(link.get("href"))
    if rel not in RELATIONS and not _ABSOLUTE.fullmatch(rel):
        yield f"UnregisteredAtomLinkRel {rel}"
    if inside and rel in PAGING:
        yield f"FeedHistoryRelInEntry {rel}"
    if type is not None and not _MIME.fullmatch(type):
        yield "InvalidMIMEType"
    elif type is not None and rel == "self" and type.partition(";")[0] not in FEED_TYPES:
        yield "SelfNotAtom"
    if link.get("length") is not None and not (link.get("length") or "").isdigit():
        yield "InvalidNonNegativeInteger length"
    if link.get("hreflang") is not None:
        yield from _language(link.get("hreflang") or "")
    if link.get("title") is not None and not (link.get("title") or "").strip():
        yield "AttrNotBlank title"
    yield from _title(link.get("title") or "")
    if (link.text or "").strip():
        yield "AtomLinkNotEmpty"
