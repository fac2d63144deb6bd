"""NewsML-G2 2.35, power conformance: one newsMessage with a package that lists the feed, and the newsItems with their whole text.

https://iptc.org/std/NewsML-G2/guidelines/ and the IPTC's XML Schema. The functions follow the order of the schema.
"""

import hashlib
from collections.abc import Callable
from datetime import datetime

import msgspec
from lxml import etree

from feeds import nar
from feeds.article import (
    ALL_RIGHTS_RESERVED,
    GENERATOR,
    LANG,
    SCHEMES,
    Article,
    Feed,
    Fragment,
    Licence,
    Term,
    Withdrawn,
    copyright_notice,
    direction,
    embargo_noted,
    numbered,
    open_ended,
    parsed,
    terms_of_use,
)
from feeds.nar import NAR, add, names

MIMETYPE = "application/vnd.iptc.g2.newsmessage+xml; charset=utf-8"
LABEL = "NewsML-G2"
LINKED: frozenset[str] = frozenset()
ARTICLE_MIMETYPE = "application/vnd.iptc.g2.newsitem+xml; charset=utf-8"

_PLACE = "fragments"  # an element that fragments replace
_XHTML = "http://www.w3.org/1999/xhtml"
_ITEM_TYPE = "application/vnd.iptc.g2.newsitem+xml"
_CATALOG = "http://www.iptc.org/std/catalog/catalog.IPTC-G2-Standards_41.xml"  # ninat, stat, medtop, irel, drol, sig
_LOCAL_SCHEMES = ("region", "brm", "office", "kind", "role")
_KINDS = {"press-release": "Press release", "reference": "Reference material", "explanation": "Explanation"}


def fragment_of(article: Article) -> Fragment:
    """The item, and the reference to it in the package. The ids of its files have its number: they are unique in a message."""
    number = hashlib.sha256(msgspec.json.encode(article)).hexdigest()  # no article can contain its own hash
    pieces = tuple(_alone(lambda items: _item(items, article, number)).split(number.encode()))
    listed = _alone(lambda group: _reference(group, article))
    return Fragment(article.id, article.updated, article.office, pieces, listed=listed)


def assemble(feed: Feed) -> bytes:
    """The message."""
    root = etree.Element(f"{{{NAR}}}newsMessage", nsmap={None: NAR})
    _header(root, feed)
    items = add(root, "itemSet")
    _package(items, feed)
    if feed.fragments:
        add(items, _PLACE)
    for gone in filter(tells, feed.withdrawn):
        _canceled(items, gone)
    document = bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True))
    if not feed.fragments:
        return document
    # The texts of a feed are escaped, so these tags are those of `_package` and the one above.
    before, between, after = document.split(b"<%s/>" % _PLACE.encode())
    listed = [fragment.listed for fragment in feed.fragments]
    written = [numbered(fragment, number) for number, fragment in enumerate(feed.fragments, 1)]
    return b"".join((before, *listed, between, *written, after))


def _alone(build: Callable[[etree._Element], object]) -> bytes:
    """What `build` adds to an element of a message, as bytes."""
    root = etree.Element(f"{{{NAR}}}x", nsmap={None: NAR})
    build(root)
    document = bytes(etree.tostring(root, encoding="UTF-8"))
    return document[document.index(b">", document.index(b"<x ")) + 1 : document.rindex(b"</")]


def render_article(article: Article) -> bytes:
    """One article as a news item document."""
    items = etree.Element(f"{{{NAR}}}itemSet", nsmap={None: NAR})
    _item(items, article, "1")
    item = items[0]
    items.remove(item)
    return bytes(etree.tostring(item, encoding="UTF-8", xml_declaration=True))


def tells(gone: Withdrawn) -> bool:
    """Only if the article was canceled or withheld: items have no status for an article that only left the feed."""
    return gone.canceled or gone.withheld


def marked(article: Article) -> Article:
    """The sentence in the editor's note; a held article is embargoed until further notice."""
    return open_ended(embargo_noted(article))


def _instant(parent: etree._Element, name: str, instant: datetime) -> None:
    add(parent, name, instant.isoformat())


def _header(root: etree._Element, feed: Feed) -> None:
    """Add the header. `sent` is the instant of the newest article, so that the message does not depend on the clock."""
    header = add(root, "header")
    _instant(header, "sent", feed.updated)
    add(header, "sender", GENERATOR)
    add(header, "priority", "5")  # normal; Superdesk refuses a message without it
    add(header, "origin", feed.self)


def _package(items: etree._Element, feed: Feed) -> None:
    """Add the list of the feed's articles in their order, without canceled items."""
    package = add(items, "packageItem", standard="NewsML-G2", standardversion="2.35", conformance="power")
    package.set("guid", feed.self)
    package.set("version", str(max(1, int(feed.updated.timestamp()))))  # a later feed is a newer version
    package.set(LANG, feed.lang)
    package.set("dir", direction(feed.lang))
    _catalogs(package)
    meta = add(package, "itemMeta")
    add(meta, "itemClass", qcode="ninat:composite")
    add(meta, "provider", literal=GENERATOR)
    _instant(meta, "versionCreated", feed.updated)
    add(meta, "pubStatus", qcode="stat:usable")
    add(meta, "generator", GENERATOR)
    add(meta, "title", feed.title)
    add(meta, "link", rel="role:page", href=feed.home, contenttype="text/html")
    content = add(package, "contentMeta")
    add(content, "headline", feed.title)
    if feed.subtitle:
        add(content, "description", feed.subtitle, role="drol:summary")
    group = add(add(package, "groupSet", root="root"), "group", id="root", role="role:feed", mode="pgrmod:seq")
    if feed.fragments:
        add(group, _PLACE)


def _reference(group: etree._Element, article: Article) -> None:
    """Add the entry of an article in the list."""
    reference = add(group, "itemRef", residref=article.guid, version=str(article.version), contenttype=_ITEM_TYPE)
    add(reference, "itemClass", qcode="ninat:text")
    _office(reference, "provider", article)
    _instant(reference, "versionCreated", article.updated)
    add(reference, "pubStatus", qcode=f"stat:{article.pubstatus}")
    add(reference, "title", article.headline).set(LANG, article.lang)


def _canceled(items: etree._Element, gone: Withdrawn) -> None:
    """Add an item without content that says that the article was canceled or withheld."""
    item = add(items, "newsItem", standard="NewsML-G2", standardversion="2.35", conformance="power")
    item.set("guid", gone.guid)
    item.set("version", str(gone.version))
    item.set(LANG, gone.lang)
    _catalogs(item)
    meta = add(item, "itemMeta")
    add(meta, "itemClass", qcode="ninat:text")
    provider = add(meta, "provider", qcode=f"office:{gone.office.code}")
    names(provider, {gone.lang: gone.office.name})
    _instant(meta, "versionCreated", gone.at)
    add(meta, "pubStatus", qcode="stat:canceled" if gone.canceled else "stat:withheld")
    if gone.note:
        add(meta, "edNote", gone.note)
    # Superdesk and others read the content metadata and the content of every item, also of a withdrawn one.
    content = add(item, "contentMeta")
    add(content, "language", tag=gone.lang)
    add(add(item, "contentSet"), "inlineData", contenttype="text/plain")


def _item(items: etree._Element, article: Article, number: str) -> None:
    item = add(items, "newsItem", standard="NewsML-G2", standardversion="2.35", conformance="power")
    item.set("guid", article.guid)
    item.set("version", str(article.version))
    item.set(LANG, article.lang)
    item.set("dir", direction(article.lang))
    _catalogs(item)
    _rights(item, article, number)
    _item_meta(item, article)
    _content_meta(item, article)
    _content_set(item, article, number)


def _catalogs(item: etree._Element) -> None:
    add(item, "catalogRef", href=_CATALOG)
    catalog = add(item, "catalog")
    for alias in _LOCAL_SCHEMES:
        add(catalog, "scheme", alias=alias, uri=SCHEMES[alias])


def _rights(item: etree._Element, article: Article, number: str) -> None:
    """Add the rights of the article, then those of each file with its own licence."""
    info = add(item, "rightsInfo")
    _office(info, "copyrightHolder", article)
    add(info, "copyrightNotice", copyright_notice(article))
    _licence(info, article.licence)
    for position, enclosure in enumerate(article.enclosures, 1):
        if enclosure.licence is not None:
            own = add(item, "rightsInfo", idrefs=_file_id(number, position))
            _licence(own, enclosure.licence)


def _licence(info: etree._Element, licence: Licence) -> None:
    add(info, "usageTerms", terms_of_use(licence) or ALL_RIGHTS_RESERVED)
    if licence.uri:
        add(info, "link", href=licence.uri)


def _office(parent: etree._Element, name: str, article: Article) -> etree._Element:
    office = add(parent, name, qcode=f"office:{article.office.code}")
    names(office, {article.lang: article.office.name})
    return office


def _item_meta(item: etree._Element, article: Article) -> None:
    meta = add(item, "itemMeta")
    add(meta, "itemClass", qcode="ninat:text")
    _office(meta, "provider", article)
    _instant(meta, "versionCreated", article.updated)
    _instant(meta, "firstCreated", article.issued)
    if article.embargoed is not None:
        _instant(meta, "embargoed", article.embargoed)
    elif article.held:
        add(meta, "embargoed")  # until further notice
    add(meta, "pubStatus", qcode=f"stat:{article.pubstatus}")
    add(meta, "generator", GENERATOR)
    add(meta, "title", article.headline)
    if article.note:
        add(meta, "edNote", article.note)
    if article.embargo_wording:
        add(meta, "edNote", article.embargo_wording, role="role:embargo")
    if article.signal:
        add(meta, "signal", qcode=f"sig:{article.signal}")
    _related(meta, article)
    if article.held and article.embargoed is not None:
        add(meta, "itemMetaExtProperty", rel="role:held", value="true")


def _related(meta: etree._Element, article: Article) -> None:
    add(meta, "link", rel="role:page", href=article.url, contenttype="text/html")
    for related in article.related:
        nar.link(meta, related, rel="role:translation" if related.translation else "irel:seeAlso")


def _content_meta(item: etree._Element, article: Article) -> None:
    meta = add(item, "contentMeta")
    if article.urgency:
        add(meta, "urgency", str(article.urgency))
    _instant(meta, "contentCreated", article.issued)
    for region in article.regions:
        names(add(meta, "located", qcode=_qcode(region)), region.names)
    _administrative(meta, article)
    _descriptive(meta, article)


def _qcode(term: Term) -> str:
    """The QCode of a term; a code of Media Topics includes its alias."""
    return term.code if term.scheme == "medtop" else f"{term.scheme}:{term.code}"


def _administrative(meta: etree._Element, article: Article) -> None:
    """Add the creator, and each contact as a contributor in the role of contact."""
    source = _office(meta, "infoSource", article)
    nar.web(source, article.office)
    if article.source:
        add(add(meta, "infoSource"), "name", article.source)
    _office(meta, "creator", article)
    for contact in article.contacts:
        if nar.says(contact):
            nar.contact(meta, contact, role="role:contact")
    add(meta, "altId", article.id)


def _descriptive(meta: etree._Element, article: Article) -> None:
    add(meta, "language", tag=article.lang)
    genre = add(meta, "genre", qcode=f"kind:{article.kind}")
    names(genre, {"en": _KINDS.get(article.kind, article.kind)})
    for keyword in article.keywords:
        add(meta, "keyword", keyword.code)
    for topic in article.topics:
        names(add(meta, "subject", type="cpnat:abstract", qcode=_qcode(topic)), topic.names)
    if article.slugline:
        add(meta, "slugline", article.slugline)
    add(meta, "headline", article.headline)
    for subheadline in article.subheadlines:
        add(meta, "headline", subheadline, role="role:subheadline")
    if article.dateline:
        add(meta, "dateline", article.dateline)
    if article.byline:
        add(meta, "by", article.byline)
    add(meta, "description", article.summary, role="drol:summary")


def _content_set(item: etree._Element, article: Article, number: str) -> None:
    content = add(item, "contentSet")
    inline = add(content, "inlineXML", contenttype="application/xhtml+xml")
    inline.append(_xhtml(article))
    for position, enclosure in enumerate(article.enclosures, 1):
        remote = add(
            content,
            "remoteContent",
            id=_file_id(number, position),
            rendition=f"role:{enclosure.role}",
            href=enclosure.url,
            contenttype=enclosure.type,
            title=enclosure.caption,
            language=enclosure.lang,
        )
        if enclosure.length is not None:
            remote.set("size", str(enclosure.length))


def _xhtml(article: Article) -> etree._Element:
    """The body as an XHTML document, because `application/xhtml+xml` does not allow fragments."""
    source = f'<html xmlns="{_XHTML}"><head><title/></head><body>{article.body}</body></html>'
    html = parsed(source.encode())
    html.set(LANG, article.lang)
    html.set("lang", article.lang)
    html.set("dir", direction(article.lang))
    html[0][0].text = article.headline
    return html


def _file_id(number: str, position: int) -> str:
    """An id that is unique within the message, as xs:ID demands."""
    return f"file-{number}-{position}"
