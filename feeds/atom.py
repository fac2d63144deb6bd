"""Atom 1.0 by feedgen, completed with lxml: https://www.rfc-editor.org/rfc/rfc4287. `beside` adds what Atom has no element for.

`rel="license"` is RFC 4946, pages and archives are RFC 5005, deleted entries RFC 6721.
"""

from typing import Any

import msgspec
from lxml import etree

from feeds import beside, paging, press_release, wording
from feeds.article import Article, Feed, Related, Withdrawn
from feeds.feedgen_safe import new_feed

MIMETYPE = "application/atom+xml; charset=utf-8"

_ATOM = "{http://www.w3.org/2005/Atom}"
_TOMBSTONES = "http://purl.org/atompub/tombstones/1.0"
_APP = "http://www.w3.org/2007/app"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


def render(feed: Feed) -> bytes:
    """The feed as UTF-8 bytes; the same feed gives the same bytes."""
    generator = new_feed(feed, MIMETYPE)
    generator.author(_author(feed))
    for article in feed.articles:
        _entry(generator.add_entry(order="append"), article)
    # feedgen's tree has an attribute that only looks like a namespace: its bytes are right, so read those.
    root = etree.fromstring(generator.atom_str(), _parser())
    for entry, article in zip(root.findall(f"{_ATOM}entry"), feed.articles, strict=True):
        entry.set(_LANG, article.lang)
        if not wording.is_uri(article.guid):
            etree.SubElement(entry, f"{beside.DC}identifier").text = article.guid
        _translate(entry, article)
        beside.add(entry, article)
    paging.add(root, feed)
    for gone in feed.withdrawn:
        _deleted(root, gone)
    beside.declare(root)
    return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True))


def entry(article: Article, *, edit: str = "") -> bytes:
    """One article as an entry document that loses nothing (RFC 4287, sections 2 and 6): what Atom has no element for is in
    elements and attributes of our own dialect. `edit`: where the entry is edited (RFC 5023, section 11)."""
    alone = Feed(self="", home="", title="x", subtitle="", lang=article.lang, updated=article.updated, articles=())
    generator = new_feed(msgspec.structs.replace(alone, self=article.url, home=article.url), MIMETYPE)
    generator.author(_person(article))
    _entry(generator.add_entry(order="append"), article)
    root = etree.fromstring(generator.atom_str(), _parser()).find(f"{_ATOM}entry")
    root.tail = None
    root.set(_LANG, article.lang)
    _license(root, article)
    if edit:
        etree.SubElement(root, f"{_ATOM}link", rel="edit", href=edit)
    _extend(root, article)
    return bytes(etree.tostring(_alone(root), encoding="UTF-8", xml_declaration=True))


def _alone(entry: etree._Element) -> etree._Element:
    """The entry as a root of its own, with the prefix of our dialect declared once."""
    root = etree.Element(entry.tag, nsmap={None: _ATOM[1:-1], "pr": press_release.NAMESPACE})
    for name, value in entry.attrib.items():
        root.set(name, value)
    root.extend(list(entry))
    etree.cleanup_namespaces(root, keep_ns_prefixes=["pr"])
    return root


def _extend(root: etree._Element, article: Article) -> None:
    """What Atom has no place for."""
    for name, value in (("version", str(article.version)), ("kind", article.kind), ("pubstatus", article.pubstatus)):
        root.set(f"{{{press_release.NAMESPACE}}}{name}", value)
    if article.pubstatus == "withheld":  # what the publishing protocol calls a draft (RFC 5023, section 13.1.1)
        control = etree.SubElement(root, f"{{{_APP}}}control", nsmap={"app": _APP})
        etree.SubElement(control, f"{{{_APP}}}draft").text = "yes"
    if article.urgency:
        root.set(f"{{{press_release.NAMESPACE}}}urgency", str(article.urgency))
    if article.signal:
        root.set(f"{{{press_release.NAMESPACE}}}signal", article.signal)
    if not wording.is_uri(article.guid):
        root.append(press_release.element("guid", article.guid))
    root.append(press_release.element("issued", article.issued.isoformat()))
    root.extend(press_release.embargo(article))
    root.extend(press_release.element("subheadline", text) for text in article.subheadlines)
    for name in ("dateline", "slugline", "note", "source", "copyright"):
        root.extend(press_release.given(name, getattr(article, name)))
    root.extend(map(press_release.contact, article.contacts))
    root.extend(map(press_release.enclosure, article.enclosures))
    if article.licence.text:
        root.append(press_release.licence(article.licence))
    if any(not _linkable(related) for related in article.related):
        root.extend(map(press_release.related, article.related))


def _linkable(related: Related) -> bool:
    """Whether a link says all of it."""
    return (
        not related.translation
        and bool(related.url) != bool(related.guid)
        and (not related.guid or _is_urn(related.guid))
    )


def _is_urn(guid: str) -> bool:
    return wording.is_uri(guid) and not guid.startswith("http")


def _parser() -> etree.XMLParser:
    return etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, huge_tree=True)


def _author(feed: Feed) -> dict[str, str]:
    """The office where all articles are of one, else this server."""
    offices = {article.office for article in feed.articles}
    return _person(feed.articles[0]) if len(offices) == 1 else {"name": wording.GENERATOR}


def _person(article: Article) -> dict[str, str]:
    office = article.office
    return {"name": office.name, "uri": office.url} if office.url else {"name": office.name}


def _entry(entry: Any, article: Article) -> None:
    entry.id(wording.atom_id(article.id, article.guid))
    entry.title(article.headline)
    entry.updated(article.updated)
    entry.author(_person(article))
    entry.content(article.body, type="html")
    for link in _links(article):
        entry.link(link)
    entry.summary(article.summary)
    entry.category(_categories(article))
    if article.byline:
        entry.contributor({"name": article.byline})
    entry.published(article.published)
    entry.rights(wording.rights(article))


def _license(entry: etree._Element, article: Article) -> None:
    """feedgen refuses this rel."""
    if article.licence.uri:
        etree.SubElement(entry, f"{_ATOM}link", rel="license", href=article.licence.uri)


def _deleted(root: etree._Element, gone: Withdrawn) -> None:
    """RFC 6721: a reader that keeps the entry is told that it left this feed."""
    deleted = etree.SubElement(root, f"{{{_TOMBSTONES}}}deleted-entry", nsmap={"at": _TOMBSTONES})
    deleted.set("ref", wording.atom_id(gone.id, gone.guid))
    deleted.set("when", gone.at.isoformat())
    if gone.office.name:
        by = etree.SubElement(deleted, f"{{{_TOMBSTONES}}}by")
        etree.SubElement(by, f"{_ATOM}name").text = gone.office.name
    if gone.note:
        comment = etree.SubElement(deleted, f"{{{_TOMBSTONES}}}comment")
        comment.text = gone.note
        comment.set(_LANG, gone.lang)


def _links(article: Article) -> list[dict[str, str]]:
    """The page, the files with their type, length and caption, the related articles."""
    links = [{"href": article.url, "rel": "alternate", "type": "text/html", "hreflang": article.lang}]
    for file in article.enclosures:
        link = {"href": file.url, "rel": "enclosure", "type": file.type, "title": file.caption, "hreflang": file.lang}
        if file.length is not None:
            link["length"] = str(file.length)
        links.append(link)
    for related in article.related:
        target = related.url or (related.guid if wording.is_uri(related.guid) else "")
        if target:  # a translation is no alternate: feedparser would take it for the entry's own page
            link = {"href": target, "rel": "related", "hreflang": related.translation, "title": related.headline}
            links.append(link)
    return [{key: value for key, value in link.items() if value} for link in links]


def _categories(article: Article) -> list[dict[str, str]]:
    """Term, scheme and a name for people; a keyword is its own term and has no scheme."""
    categories = []
    for term in wording.terms(article):
        category = {"term": term.code, "label": wording.label(term, article.lang)}
        if term.scheme in wording.SCHEMES:
            category["scheme"] = wording.SCHEMES[term.scheme]
        categories.append(category)
    return categories


def _translate(entry: etree._Element, article: Article) -> None:
    """A category's label is in a language: each name of a term in another one is a category of its own."""
    at = max((entry.index(one) for one in entry.findall(f"{_ATOM}category")), default=0) + 1
    for term in reversed((*article.regions, *article.topics)):
        for lang, name in reversed(wording.names(term, article.lang)[1:]):
            category = etree.Element(
                f"{_ATOM}category", term=term.code, scheme=wording.SCHEMES[term.scheme], label=name
            )
            category.set(_LANG, lang)
            entry.insert(at, category)
