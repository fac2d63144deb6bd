"""Our own dialect, `urn:pressrelay:press-release:1`: a complete article as an office would send it.

See docs/press-release-format.md. The functions follow the order of the schema.
"""

from collections.abc import Iterator

from lxml import etree

from feeds.article import LANG, Article, Contact, Enclosure, Licence, Related, embargo_noted, parsed
from schemas import xsd

ARTICLE_MIMETYPE = "application/xml; charset=utf-8"
NAMESPACE = "urn:pressrelay:press-release:1"


marked = embargo_noted  # the `embargo` element says that an article is held


def render_article(article: Article) -> bytes:
    """The article as a release, in UTF-8; the same article gives the same bytes."""
    root = etree.Element(f"{{{NAMESPACE}}}release", nsmap={None: NAMESPACE})
    root.append(_article(article))
    return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True))


def element(name: str, text: str = "", **attributes: str) -> etree._Element:
    """An element of the dialect; attributes that are empty are left out."""
    made = etree.Element(f"{{{NAMESPACE}}}{name}", nsmap={None: NAMESPACE})
    for key, value in attributes.items():
        if value:
            made.set(key, value)
    if text:
        made.text = text
    return made


def _article(article: Article) -> etree._Element:
    root = element("article", kind=article.kind, pubstatus=article.pubstatus, version=str(article.version))
    root.set(LANG, article.lang)
    if article.urgency:
        root.set("urgency", str(article.urgency))
    if article.signal:
        root.set("signal", article.signal)
    root.append(element("guid", article.guid))
    root.append(element("office", article.office.code))
    root.append(element("issued", article.issued.isoformat()))
    root.extend(embargo(article))
    root.append(element("headline", article.headline))
    root.extend(element("subheadline", text) for text in article.subheadlines)
    for name in ("summary", "dateline", "byline", "slugline"):
        root.extend(given(name, getattr(article, name)))
    root.append(_body(article.body))
    for name, terms in (("region", article.regions), ("topic", article.topics), ("keyword", article.keywords)):
        root.extend(element(name, term.code) for term in terms)
    root.extend(map(contact, article.contacts))
    root.extend(map(enclosure, article.enclosures))
    if article.licence != Licence():
        root.append(licence(article.licence))
    root.extend(map(related, article.related))
    for name in ("note", "source", "copyright"):
        root.extend(given(name, getattr(article, name)))
    return root


def given(name: str, text: str) -> Iterator[etree._Element]:
    """The element for a text; none if the text is empty."""
    if text:
        yield element(name, text)


def embargo(article: Article) -> Iterator[etree._Element]:
    """The `embargo` element, if there is an embargo or a wording. `held="false"` means that the wording alone does not hold the
    article."""
    if article.embargoed is None and not article.held and not article.embargo_wording:
        return
    made = element("embargo", article.embargo_wording, until=article.embargoed.isoformat() if article.embargoed else "")
    if article.held or article.embargoed is None:
        made.set("held", "true" if article.held else "false")
    yield made


def _body(xhtml: str) -> etree._Element:
    """The body as XHTML if it is in the dialect's subset, else as HTML in text form."""
    body = parsed(f'<body xmlns="{NAMESPACE}">{xhtml}</body>'.encode())
    loose = (body.text, *(child.tail for child in body))
    if len(body) and not any(text and text.strip() for text in loose) and xsd("press-release").validate(body):
        return body
    return element("body", xhtml, type="html")


def contact(contact: Contact) -> etree._Element:
    """The `contact` element with the fields that are not empty."""
    made = element("contact")
    for name in ("department", "role", "name", "phone", "email"):
        made.extend(given(name, getattr(contact, name)))
    return made


def enclosure(file: Enclosure) -> etree._Element:
    """The `enclosure` element, which refers to the file."""
    made = element("enclosure", url=file.url, type=file.type, role=file.role)
    if file.length is not None:
        made.set("length", str(file.length))
    if file.lang:
        made.set(LANG, file.lang)
    made.extend(given("caption", file.caption))
    if file.licence is not None:
        made.append(licence(file.licence))
    return made


def licence(licence: Licence) -> etree._Element:
    """The `licence` element, with the URI if there is one."""
    return element("licence", licence.text, uri=licence.uri)


def related(related: Related) -> etree._Element:
    """The `related` element, by guid or URL."""
    return element("related", related.headline, guid=related.guid, url=related.url, translation=related.translation)
