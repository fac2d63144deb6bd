"""NewsML-G2 2.35, power conformance: one newsMessage of newsItems, the whole text inside.

https://iptc.org/std/NewsML-G2/guidelines/ and the IPTC's XML Schema; functions follow the schema's order.
"""

from datetime import datetime

from lxml import etree

from feeds import wording
from feeds.article import Article, Contact, Feed, Licence, Term, Withdrawn

MIMETYPE = "application/vnd.iptc.g2.newsmessage+xml; charset=utf-8"
ITEM_MIMETYPE = "application/vnd.iptc.g2.newsitem+xml; charset=utf-8"

_NAR = "http://iptc.org/std/nar/2006-10-01/"
_XHTML = "http://www.w3.org/1999/xhtml"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_CATALOG = "http://www.iptc.org/std/catalog/catalog.IPTC-G2-Standards_41.xml"  # ninat, stat, medtop, irel, drol
_LOCAL_SCHEMES = ("region", "brm", "office", "kind", "role")
_KINDS = {"press-release": "Press release", "reference": "Reference material", "explanation": "Explanation"}


def render(feed: Feed) -> bytes:
    """The feed as UTF-8 bytes; the same feed gives the same bytes."""
    root = etree.Element(f"{{{_NAR}}}newsMessage", nsmap={None: _NAR})
    _header(root, feed)
    items = _add(root, "itemSet")
    for number, article in enumerate(feed.articles, 1):
        _item(items, article, number)
    for gone in feed.withdrawn:
        _canceled(items, gone)
    if not len(items):
        _empty_package(items, feed)
    return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True))


def render_article(article: Article) -> bytes:
    """One article as a news item document."""
    items = etree.Element(f"{{{_NAR}}}itemSet", nsmap={None: _NAR})
    _item(items, article, 1)
    item = items[0]
    items.remove(item)
    return bytes(etree.tostring(item, encoding="UTF-8", xml_declaration=True))


def _add(parent: etree._Element, name: str, text: str = "", **attributes: str) -> etree._Element:
    """A child in the standard's namespace; attributes that are empty are left out."""
    child = etree.SubElement(parent, f"{{{_NAR}}}{name}")
    for key, value in attributes.items():
        if value:
            child.set(key, value)
    if text:
        child.text = text
    return child


def _names(parent: etree._Element, names: dict[str, str]) -> None:
    for lang, name in sorted(names.items()):
        _add(parent, "name", name).set(_LANG, lang)


def _instant(parent: etree._Element, name: str, instant: datetime) -> None:
    _add(parent, name, instant.isoformat())


def _header(root: etree._Element, feed: Feed) -> None:
    """`sent` is the newest article's instant: the message depends on its articles, not on the clock."""
    header = _add(root, "header")
    _instant(header, "sent", feed.updated)
    _add(header, "sender", wording.GENERATOR)
    _add(header, "origin", feed.self)


def _empty_package(items: etree._Element, feed: Feed) -> None:
    """The schema wants an item in every message: an empty feed is a package of nothing, with no newsItem to read."""
    package = _add(items, "packageItem", standard="NewsML-G2", standardversion="2.35", conformance="power")
    package.set("guid", feed.self)
    _catalogs(package)
    meta = _add(package, "itemMeta")
    _add(meta, "itemClass", qcode="ninat:composite")
    _add(meta, "provider", literal=wording.GENERATOR)
    _instant(meta, "versionCreated", feed.updated)
    _add(meta, "title", feed.title)
    _add(_add(package, "groupSet", root="root"), "group", id="root", role="role:feed")


def _canceled(items: etree._Element, gone: Withdrawn) -> None:
    """An item without content that says so; an article that only left this feed is not canceled, and not told."""
    if not (gone.canceled or gone.withheld):
        return
    item = _add(items, "newsItem", standard="NewsML-G2", standardversion="2.35", conformance="power")
    item.set("guid", gone.guid)
    item.set("version", str(gone.version))
    item.set(_LANG, gone.lang)
    _catalogs(item)
    meta = _add(item, "itemMeta")
    _add(meta, "itemClass", qcode="ninat:text")
    provider = _add(meta, "provider", qcode=f"office:{gone.office.code}")
    _names(provider, {gone.lang: gone.office.name})
    _instant(meta, "versionCreated", gone.at)
    _add(meta, "pubStatus", qcode="stat:canceled" if gone.canceled else "stat:withheld")
    if gone.note:
        _add(meta, "edNote", gone.note)


def _item(items: etree._Element, article: Article, number: int) -> None:
    item = _add(items, "newsItem", standard="NewsML-G2", standardversion="2.35", conformance="power")
    item.set("guid", article.guid)
    item.set("version", str(article.version))
    item.set(_LANG, article.lang)
    item.set("dir", wording.direction(article.lang))
    _catalogs(item)
    _rights(item, article, number)
    _item_meta(item, article)
    _content_meta(item, article)
    _content_set(item, article, number)


def _catalogs(item: etree._Element) -> None:
    _add(item, "catalogRef", href=_CATALOG)
    catalog = _add(item, "catalog")
    for alias in _LOCAL_SCHEMES:
        _add(catalog, "scheme", alias=alias, uri=wording.SCHEMES[alias])


def _rights(item: etree._Element, article: Article, number: int) -> None:
    """The article's rights, then those of each file that has its own."""
    info = _add(item, "rightsInfo")
    _office(info, "copyrightHolder", article)
    _add(info, "copyrightNotice", wording.copyright_notice(article))
    _licence(info, article.licence)
    for position, enclosure in enumerate(article.enclosures, 1):
        if enclosure.licence is not None:
            own = _add(item, "rightsInfo", idrefs=_file_id(number, position))
            _licence(own, enclosure.licence)


def _licence(info: etree._Element, licence: Licence) -> None:
    _add(info, "usageTerms", wording.terms_of_use(licence) or wording.ALL_RIGHTS_RESERVED)
    if licence.uri:
        _add(info, "link", href=licence.uri)


def _office(parent: etree._Element, name: str, article: Article) -> etree._Element:
    office = _add(parent, name, qcode=f"office:{article.office.code}")
    _names(office, {article.lang: article.office.name})
    return office


def _item_meta(item: etree._Element, article: Article) -> None:
    meta = _add(item, "itemMeta")
    _add(meta, "itemClass", qcode="ninat:text")
    _office(meta, "provider", article)
    _instant(meta, "versionCreated", article.updated)
    _instant(meta, "firstCreated", article.issued)
    if article.embargoed is not None:
        _instant(meta, "embargoed", article.embargoed)
    elif article.held:
        _add(meta, "embargoed")  # until further notice
    _add(meta, "pubStatus", qcode=f"stat:{article.pubstatus}")
    _add(meta, "generator", wording.GENERATOR)
    _add(meta, "title", article.headline)
    if article.note:
        _add(meta, "edNote", article.note)
    if article.embargo_wording:
        _add(meta, "edNote", article.embargo_wording, role="role:embargo")
    if article.held and article.embargoed is not None:
        _add(meta, "itemMetaExtProperty", rel="role:held", value="true")
    _related(meta, article)


def _related(meta: etree._Element, article: Article) -> None:
    _add(meta, "link", rel="role:page", href=article.url, contenttype="text/html")
    for related in article.related:
        link = _add(meta, "link", rel="role:translation" if related.translation else "irel:seeAlso")
        told = {
            "href": related.url,
            "hreflang": related.translation,
            "residref": related.guid,
            "title": related.headline,
        }
        for name, value in told.items():
            if value:
                link.set(name, value)


def _content_meta(item: etree._Element, article: Article) -> None:
    meta = _add(item, "contentMeta")
    if article.urgency:
        _add(meta, "urgency", str(article.urgency))
    _instant(meta, "contentCreated", article.issued)
    for region in article.regions:
        _names(_add(meta, "located", qcode=_qcode(region)), region.names)
    _administrative(meta, article)
    _descriptive(meta, article)


def _qcode(term: Term) -> str:
    """Media Topics carry their alias in the code itself."""
    return term.code if term.scheme == "medtop" else f"{term.scheme}:{term.code}"


def _administrative(meta: etree._Element, article: Article) -> None:
    """Who made it and whom to ask: each contact is a contributor in the role of contact."""
    source = _office(meta, "infoSource", article)
    if article.office.url:
        details = _add(source, "organisationDetails")
        _add(_add(details, "contactInfo"), "web", article.office.url)
    if article.source:
        _add(_add(meta, "infoSource"), "name", article.source)
    _office(meta, "creator", article)
    for contact in article.contacts:
        if any((contact.department, contact.role, contact.name, contact.phone, contact.email)):
            _contact(meta, contact)
    _add(meta, "altId", article.id)


def _contact(meta: etree._Element, contact: Contact) -> None:
    """A named person with the department as affiliation, else the department itself."""
    party = _add(meta, "contributor", role="role:contact")
    if contact.name or contact.department:
        _add(party, "name", contact.name or contact.department)
    if contact.role:
        _add(party, "note", contact.role)
    details = _add(party, "personDetails" if contact.name else "organisationDetails")
    if contact.name and contact.department:
        _add(_add(details, "affiliation"), "name", contact.department)
    if contact.email or contact.phone:
        info = _add(details, "contactInfo")
        if contact.email:
            _add(info, "email", contact.email)
        if contact.phone:
            _add(info, "phone", contact.phone)


def _descriptive(meta: etree._Element, article: Article) -> None:
    _add(meta, "language", tag=article.lang)
    genre = _add(meta, "genre", qcode=f"kind:{article.kind}")
    _names(genre, {"en": _KINDS.get(article.kind, article.kind)})
    for keyword in article.keywords:
        _add(meta, "keyword", keyword.code)
    for topic in article.topics:
        _names(_add(meta, "subject", type="cpnat:abstract", qcode=_qcode(topic)), topic.names)
    if article.slugline:
        _add(meta, "slugline", article.slugline)
    _add(meta, "headline", article.headline)
    for subheadline in article.subheadlines:
        _add(meta, "headline", subheadline, role="role:subheadline")
    if article.dateline:
        _add(meta, "dateline", article.dateline)
    if article.byline:
        _add(meta, "by", article.byline)
    _add(meta, "description", article.summary, role="drol:summary")


def _content_set(item: etree._Element, article: Article, number: int) -> None:
    content = _add(item, "contentSet")
    inline = _add(content, "inlineXML", contenttype="application/xhtml+xml")
    inline.append(_xhtml(article))
    for position, enclosure in enumerate(article.enclosures, 1):
        remote = _add(
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
    """The body as an XHTML document: `application/xhtml+xml` has no fragments."""
    parser = etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, huge_tree=True)
    source = f'<html xmlns="{_XHTML}"><head><title/></head><body>{article.body}</body></html>'
    html = etree.fromstring(source.encode(), parser)
    html.set(_LANG, article.lang)
    html.set("lang", article.lang)
    html.set("dir", wording.direction(article.lang))
    html[0][0].text = article.headline
    return html


def _file_id(number: int, position: int) -> str:
    """Unique within the message, as xs:ID demands."""
    return f"file-{number}-{position}"
