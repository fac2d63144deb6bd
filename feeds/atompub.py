"""Documents of the Atom Publishing Protocol: https://www.rfc-editor.org/rfc/rfc5023."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from lxml import etree
from msgspec import Struct

from feeds import atom
from feeds.article import EPOCH, SCHEMES, Article, Office, parsed

SERVICE = "application/atomsvc+xml; charset=utf-8"
CATEGORIES = "application/atomcat+xml; charset=utf-8"
ENTRY = "application/atom+xml;type=entry; charset=utf-8"
COLLECTION = "application/atom+xml;type=feed; charset=utf-8"

_APP = "http://www.w3.org/2007/app"
_ATOM = "http://www.w3.org/2005/Atom"
_NSMAP = {None: _APP, "atom": _ATOM}


class Member(Struct, frozen=True):
    """An article of a collection, for its office to edit."""

    article: Article
    edited: datetime  # when this version came (section 10.2)
    url: str  # of the member itself, absolute


def service(office: Office, collection: str, categories: Sequence[str]) -> bytes:
    """The service document of an office: one workspace with one collection of entries, without media (section 8)."""
    root = etree.Element(f"{{{_APP}}}service", nsmap=_NSMAP)
    workspace = etree.SubElement(root, f"{{{_APP}}}workspace")
    _title(workspace, office.name)
    place = etree.SubElement(workspace, f"{{{_APP}}}collection", href=collection)
    _title(place, office.name)
    etree.SubElement(place, f"{{{_APP}}}accept").text = "application/atom+xml;type=entry"
    for href in categories:
        etree.SubElement(place, f"{{{_APP}}}categories", href=href)
    return _bytes(root)


def categories(scheme: str, terms: Iterable[tuple[str, str]]) -> bytes:
    """The category document of a scheme, from (code, label) of each term. Other categories are allowed and become keywords (section
    7)."""
    root = etree.Element(f"{{{_APP}}}categories", fixed="no", scheme=SCHEMES[scheme], nsmap=_NSMAP)
    for code, label in terms:
        etree.SubElement(root, f"{{{_ATOM}}}category", term=code, label=label)
    return _bytes(root)


def member(shown: Member) -> bytes:
    """The entry that an office reads, edits and sends back."""
    return _bytes(_entry(shown))


def collection(office: Office, url: str, first: str, following: str, members: Sequence[Member]) -> bytes:
    """A page of the collection, last edited first. `following`: the URL of the next page, or empty (section 10.1)."""
    root = etree.Element(f"{{{_ATOM}}}feed", nsmap={None: _ATOM, "app": _APP})
    etree.SubElement(root, f"{{{_ATOM}}}id").text = first
    etree.SubElement(root, f"{{{_ATOM}}}title").text = office.name
    newest = max((shown.edited for shown in members), default=EPOCH)
    etree.SubElement(root, f"{{{_ATOM}}}updated").text = newest.isoformat()
    author = etree.SubElement(root, f"{{{_ATOM}}}author")
    etree.SubElement(author, f"{{{_ATOM}}}name").text = office.name
    for rel, href in (("self", url), ("first", first), ("next", following)):
        if href:
            etree.SubElement(root, f"{{{_ATOM}}}link", rel=rel, href=href)
    root.extend(map(_entry, members))
    return _bytes(root)


def _entry(shown: Member) -> etree._Element:
    entry = parsed(atom.entry(shown.article, edit=shown.url))
    etree.SubElement(entry, f"{{{_APP}}}edited", nsmap={"app": _APP}).text = shown.edited.isoformat()
    return entry


def _title(parent: etree._Element, text: str) -> None:
    etree.SubElement(parent, f"{{{_ATOM}}}title").text = text


def _bytes(root: etree._Element) -> bytes:
    return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True))
