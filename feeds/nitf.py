"""NITF 3.6, one article a document: https://iptc.org/standards/nitf/ and the IPTC's XML Schema, whose order the functions follow."""

from datetime import UTC, datetime
from html import escape

from lxml import etree

from feeds import nitf_body, wording
from feeds.article import Article, Contact, Enclosure
from feeds.nitf_body import LANG, NITF, sub

MIMETYPE = "application/nitf+xml; charset=utf-8"


def render_article(article: Article) -> bytes:
    """The article as UTF-8 bytes; the same article gives the same bytes."""
    root = etree.Element(f"{{{NITF}}}nitf", nsmap={None: NITF})
    root.set("version", "-//IPTC//DTD NITF 3.6//EN")
    root.set("baselang", article.lang)
    root.set(LANG, article.lang)
    _head(root, article)
    body = sub(root, "body")
    _body_head(body, article)
    content = sub(body, "body.content")
    nitf_body.append(content, article.body or f"<p>{escape(article.summary, quote=False)}</p>")
    for enclosure in article.enclosures:
        _media(content, enclosure)
    return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True))


def _head(root: etree._Element, article: Article) -> None:
    head = sub(root, "head")
    sub(head, "title", article.headline)
    for name, content in (
        ("generator", wording.GENERATOR),
        ("pressrelay.id", article.id),
        ("pressrelay.kind", article.kind),
        ("pressrelay.pubstatus", article.pubstatus),
        ("pressrelay.updated", article.updated.isoformat()),
        ("pressrelay.source", article.source),
        *(("pressrelay.contact", _contact(contact)) for contact in article.contacts),
        *(
            ("pressrelay.related", " ".join(filter(None, (one.translation, one.headline, one.url or one.guid))))
            for one in article.related
        ),
    ):
        if content:
            sub(head, "meta", name=name, content=content)
    _docdata(head, article)
    sub(head, "pubdata", type="web", **{"ex-ref": article.url, "date.publication": _norm(article.published)})


def _contact(contact: Contact) -> str:
    """One line: NITF has no place for whom to ask."""
    return ", ".join(filter(None, (contact.department, contact.role, contact.name, contact.phone, contact.email)))


def _docdata(head: etree._Element, article: Article) -> None:
    status = article.pubstatus if article.embargoed is None else "embargoed"
    docdata = sub(head, "docdata", management_status=status)
    sub(docdata, "doc-id", regsrc=article.office.code, id_string=article.guid)
    if article.urgency:
        # NITF knows 1 to 8 as the IPTC's older IIM does; 9 is "user-defined" and never read as urgent.
        sub(docdata, "urgency", ed_urg=str(article.urgency))
    sub(docdata, "date.issue", norm=_norm(article.issued))
    if article.embargoed is not None:
        sub(docdata, "date.release", norm=_norm(article.embargoed))
    for kind, info in (("note", article.note), ("embargo", article.embargo_wording)):
        if info:
            sub(docdata, "ed-msg", msg_type=kind, info=info)
    sub(docdata, "du-key", key=article.slugline, version=str(article.version))
    sub(docdata, "doc.copyright", year=str(article.issued.year), holder=wording.copyright_notice(article))
    terms = wording.terms_of_use(article.licence) or "All rights reserved."
    sub(docdata, "doc.rights", owner=article.office.name, limitations=terms)
    if article.keywords:
        keys = sub(docdata, "key-list")
        for keyword in article.keywords:
            sub(keys, "keyword", key=keyword.code)
    _identified(docdata, article)


def _identified(docdata: etree._Element, article: Article) -> None:
    """Regions and topics, each with its code, its scheme and its name in every language it has one."""
    if not article.regions and not article.topics:
        return
    content = sub(docdata, "identified-content")
    for region in article.regions:
        location = sub(content, "location", wording.label(region, article.lang))
        location.set("location-code", region.code)
        location.set("code-source", wording.SCHEMES["region"])
    for topic in article.topics:
        classifier = sub(content, "classifier", wording.label(topic, article.lang), type="subject")
        classifier.set("idsrc", wording.SCHEMES[topic.scheme])
        classifier.set("value", topic.code)


def _body_head(body: etree._Element, article: Article) -> None:
    head = sub(body, "body.head")
    hedline = sub(head, "hedline")
    sub(hedline, "hl1", article.headline)
    for subheadline in article.subheadlines:
        sub(hedline, "hl2", subheadline)
    if article.byline:
        sub(head, "byline", article.byline)
    distributor = sub(head, "distributor")
    sub(distributor, "org", article.office.name, idsrc=wording.SCHEMES["office"], value=article.office.code)
    if article.dateline:
        sub(sub(head, "dateline"), "location", article.dateline)
    sub(sub(head, "abstract"), "p", article.summary)


def _media(content: etree._Element, enclosure: Enclosure) -> None:
    kind = enclosure.type.partition("/")[0]
    media = sub(content, "media", media_type=kind if kind in ("image", "audio", "video") else "other")
    if enclosure.licence and (terms := wording.terms_of_use(enclosure.licence)):
        sub(media, "media-metadata", name="licence", value=terms)
    if enclosure.length is not None:
        sub(media, "media-metadata", name="length", value=str(enclosure.length))
    sub(media, "media-reference", source=enclosure.url, mime_type=enclosure.type, name=enclosure.role)
    if enclosure.caption:
        caption = sub(media, "media-caption", enclosure.caption)
        if enclosure.lang:
            caption.set(LANG, enclosure.lang)


def _norm(instant: datetime) -> str:
    """ISO 8601, basic format, as NITF's own examples write it."""
    return instant.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
