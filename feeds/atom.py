"""Atom 1.0 by feedgen, completed with lxml: https://www.rfc-editor.org/rfc/rfc4287. `beside` adds elements that Atom does not have.

`rel="license"` comes from RFC 4946, pages and archives from RFC 5005, deleted entries from RFC 6721.
"""

from collections.abc import Iterator
from typing import Any

import msgspec
from lxml import etree

from feeds import beside, fragments, paging, press_release
from feeds.article import (
    GENERATOR,
    LANG,
    SCHEMES,
    Article,
    Feed,
    Fragment,
    Office,
    Related,
    Withdrawn,
    as_cdata,
    ascii_uri,
    atom_id,
    classifications,
    embargo_in_words,
    is_canonical,
    is_uri,
    label_of,
    names_of,
    open_ended,
    parsed,
    rights_of,
)
from feeds.feedgen_safe import FeedEntry, new_feed

MIMETYPE = "application/atom+xml; charset=utf-8"
LABEL = "Atom"
LINKED = paging.LINKED

_ATOM = "{http://www.w3.org/2005/Atom}"
_TOMBSTONES = "http://purl.org/atompub/tombstones/1.0"
_APP = "http://www.w3.org/2007/app"


def fragment_of(article: Article, *, extended: bool = False) -> Fragment:
    """The entry. `extended`: with all extensions."""
    made = FeedEntry()
    _entry(made, article)
    root = fragments.root_for(f"{_ATOM}feed", {None: _ATOM[1:-1]})
    entry = made.atom_entry()
    root.append(entry)
    _in_namespace(entry.iter())
    entry.set(LANG, article.lang)
    as_cdata(entry.find(f"{_ATOM}content"))
    id = _id(article.id, article.guid)
    entry.find(f"{_ATOM}id").text = id
    if id != article.guid:
        etree.SubElement(entry, f"{beside.DC}identifier").text = article.guid
    _translate(entry, article)
    beside.add(entry, article, extended)
    return fragments.cut_out(entry, article)


def assemble(feed: Feed, *, extended: bool = False) -> bytes:
    """The feed. `extended`: with all extensions, which include deleted entries."""
    generator = new_feed(feed, MIMETYPE)
    generator.author(_author(feed))
    root = etree.Element(f"{_ATOM}feed", nsmap={None: _ATOM[1:-1]})
    made = generator._create_atom()[0]  # the tree behind atom_str()
    root.set(LANG, feed.lang)
    root.extend(made)
    _in_namespace(root.iterdescendants())
    paging.add(root, feed)
    if feed.fragments:
        fragments.hold_place(root, f"{_ATOM}entry", feed.fragments)
    for gone in feed.withdrawn if extended else ():
        _deleted(root, gone)
    return fragments.put_together(root, "entry", feed.fragments)


def _in_namespace(elements: Iterator[etree._Element]) -> None:
    """Put feedgen's elements into Atom's namespace: feedgen writes the declaration as a plain attribute."""
    for element in elements:
        element.tag = f"{_ATOM}{element.tag}"


def tells(gone: Withdrawn, *, extended: bool = False) -> bool:
    """With all extensions: a deleted entry can express any withdrawal."""
    return extended


def marked(article: Article) -> Article:
    """The mark in words; a held article also has an `iptc:embargoed` without an instant."""
    return open_ended(embargo_in_words(article))


def entry(article: Article, *, edit: str = "") -> bytes:
    """One article as a complete entry document (RFC 4287, sections 2 and 6): elements and attributes of our own dialect carry what
    Atom has no element for. `edit`: URL for editing the entry (RFC 5023, section 11)."""
    alone = Feed(self="", home="", title="x", subtitle="", lang=article.lang, updated=article.updated, articles=())
    generator = new_feed(msgspec.structs.replace(alone, self=article.url, home=article.url), MIMETYPE)
    generator.author(_person(article.office))
    _entry(generator.add_entry(order="append"), article)
    root = parsed(generator.atom_str()).find(f"{_ATOM}entry")
    root.tail = None
    root.set(LANG, article.lang)
    _license(root, article)
    if edit:
        etree.SubElement(root, f"{_ATOM}link", rel="edit", href=edit)
    _extend(root, article)
    return bytes(etree.tostring(_alone(root), encoding="UTF-8", xml_declaration=True))


def _alone(entry: etree._Element) -> etree._Element:
    """The entry as a root element, with the prefix of our dialect declared once."""
    root = etree.Element(entry.tag, nsmap={None: _ATOM[1:-1], "pr": press_release.NAMESPACE})
    for name, value in entry.attrib.items():
        root.set(name, value)
    root.extend(list(entry))
    etree.cleanup_namespaces(root, keep_ns_prefixes=["pr"])
    return root


def _extend(root: etree._Element, article: Article) -> None:
    """Add the parts of an article that Atom has no place for."""
    for name, value in (("version", str(article.version)), ("kind", article.kind), ("pubstatus", article.pubstatus)):
        root.set(f"{{{press_release.NAMESPACE}}}{name}", value)
    if article.pubstatus == "withheld":  # what the publishing protocol calls a draft (RFC 5023, section 13.1.1)
        control = etree.SubElement(root, f"{{{_APP}}}control", nsmap={"app": _APP})
        etree.SubElement(control, f"{{{_APP}}}draft").text = "yes"
    if article.urgency:
        root.set(f"{{{press_release.NAMESPACE}}}urgency", str(article.urgency))
    if article.signal:
        root.set(f"{{{press_release.NAMESPACE}}}signal", article.signal)
    if not is_uri(article.guid):
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
    """Whether a link can express everything about a related article."""
    return (
        not related.translation
        and bool(related.url) != bool(related.guid)
        and (not related.guid or _is_urn(related.guid))
    )


def _is_urn(guid: str) -> bool:
    return is_uri(guid) and not guid.startswith("http")


def _author(feed: Feed) -> dict[str, str]:
    """The office if all articles are from the same one, else this server."""
    offices = {fragment.office for fragment in feed.fragments}
    return _person(*offices) if len(offices) == 1 else {"name": GENERATOR}


def _person(office: Office) -> dict[str, str]:
    return {"name": office.name, "uri": office.url} if office.url else {"name": office.name}


def _entry(entry: Any, article: Article) -> None:
    entry.id(atom_id(article.id, article.guid))
    entry.title(article.headline)
    entry.updated(article.updated)
    entry.author(_person(article.office))
    entry.content(article.body, type="html")
    for link in _links(article):
        entry.link(link)
    entry.summary(article.summary)
    entry.category(_categories(article))
    if article.byline:
        entry.contributor({"name": article.byline})
    entry.published(article.published)
    entry.rights(rights_of(article))


def _id(id: str, guid: str) -> str:
    """The sender's guid if it is a URI in its normal form (RFC 4287, section 4.2.6.1); else a URN of ours."""
    return atom_id(id, guid if is_uri(guid) and is_canonical(guid) else "")


def _license(entry: etree._Element, article: Article) -> None:
    """Add the licence link, which feedgen refuses."""
    if article.licence.uri:
        etree.SubElement(entry, f"{_ATOM}link", rel="license", href=article.licence.uri)


def _deleted(root: etree._Element, gone: Withdrawn) -> None:
    """Add a deleted entry (RFC 6721), so that readers that stored the entry learn that it left the feed."""
    deleted = etree.SubElement(root, f"{{{_TOMBSTONES}}}deleted-entry", nsmap={"at": _TOMBSTONES})
    deleted.set("ref", _id(gone.id, gone.guid))
    deleted.set("when", gone.at.isoformat())
    if gone.office.name:
        by = etree.SubElement(deleted, f"{{{_TOMBSTONES}}}by")
        etree.SubElement(by, f"{_ATOM}name").text = gone.office.name
    if gone.note:
        comment = etree.SubElement(deleted, f"{{{_TOMBSTONES}}}comment")
        comment.text = gone.note
        comment.set(LANG, gone.lang)


def _links(article: Article) -> list[dict[str, str]]:
    """Links to the page, to the files with their type, length and caption, and to related articles."""
    links = [{"href": article.url, "rel": "alternate", "type": "text/html", "hreflang": article.lang}]
    for file in article.enclosures:
        link = {
            "href": ascii_uri(file.url),
            "rel": "enclosure",
            "type": file.type,
            "title": file.caption,
            "hreflang": file.lang,
        }
        if file.length is not None:
            link["length"] = str(file.length)
        links.append(link)
    for related in article.related:
        target = related.url or (related.guid if is_uri(related.guid) else "")
        if target:  # not rel="alternate" for a translation, which feedparser would take for the entry's own page
            link = {
                "href": ascii_uri(target),
                "rel": "related",
                "hreflang": related.translation,
                "title": related.headline,
            }
            links.append(link)
    return [{key: value for key, value in link.items() if value} for link in links]


def _categories(article: Article) -> list[dict[str, str]]:
    """Categories with term, scheme and a label; a keyword is its own term and has no scheme."""
    categories = []
    for term in classifications(article):
        category = {"term": term.code, "label": label_of(term, article.lang)}
        if term.scheme in SCHEMES:
            category["scheme"] = SCHEMES[term.scheme]
        categories.append(category)
    return categories


def _translate(entry: etree._Element, article: Article) -> None:
    """Add a category for the name of each term in each further language, because a label has one language."""
    at = max((entry.index(category) for category in entry.findall(f"{_ATOM}category")), default=0) + 1
    for term in reversed((*article.regions, *article.topics)):
        for lang, name in reversed(names_of(term, article.lang)[1:]):
            category = etree.Element(f"{_ATOM}category", term=term.code, scheme=SCHEMES[term.scheme], label=name)
            category.set(LANG, lang)
            entry.insert(at, category)
