"""NITF 3.6, one article in each document: https://iptc.org/standards/nitf/ and the IPTC's XML Schema. The functions follow its
order."""

from datetime import UTC, datetime
from html import escape

from lxml import etree

from feeds import nar, nitf_body
from feeds.article import (
    ALL_RIGHTS_RESERVED,
    GENERATOR,
    LANG,
    SCHEMES,
    Article,
    Enclosure,
    Licence,
    copyright_notice,
    embargo_noted,
    names_of,
    terms_of_use,
)
from feeds.nitf_body import NITF, sub

ARTICLE_MIMETYPE = "application/nitf+xml; charset=utf-8"

_TRANSLATION = f"{SCHEMES['role']}translation"
_SEE_ALSO = "http://cv.iptc.org/newscodes/itemrelation/seeAlso"

marked = embargo_noted  # the status `embargoed` needs no instant


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
    etree.cleanup_namespaces(root, top_nsmap={"nar": nar.NAR})
    return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True))


def _head(root: etree._Element, article: Article) -> None:
    head = sub(root, "head")
    sub(head, "title", article.headline)
    for name, content in (
        ("generator", GENERATOR),
        ("pressrelay.id", article.id),
        ("pressrelay.kind", article.kind),
        ("pressrelay.pubstatus", article.pubstatus),
        ("pressrelay.updated", article.updated.isoformat()),
        ("pressrelay.source", article.source),
        ("pressrelay.office", article.office.url),
        ("pressrelay.licence", article.licence.uri),
        ("pressrelay.signal", article.signal),
        ("pressrelay.held", "true" if article.held else ""),
    ):
        if content:
            sub(head, "meta", name=name, content=content)
    _docdata(head, article)
    sub(head, "pubdata", type="web", **{"ex-ref": article.url, "date.publication": _norm(article.published)})


def _docdata(head: etree._Element, article: Article) -> None:
    status = "embargoed" if article.embargoed is not None or article.held else article.pubstatus
    docdata = sub(head, "docdata", management_status=status)
    sub(docdata, "doc-id", regsrc=article.office.code, id_string=article.guid)
    if article.urgency:
        # NITF defines 1 to 8, like the IPTC's older IIM; 9 is "user-defined" there and never means urgent.
        sub(docdata, "urgency", ed_urg=str(article.urgency))
    sub(docdata, "date.issue", norm=_norm(article.issued))
    if article.embargoed is not None:
        sub(docdata, "date.release", norm=_norm(article.embargoed))
    if article.signal == "correction":
        sub(docdata, "correction", id_string=article.guid)
    for kind, info in (("note", article.note), ("embargo", article.embargo_wording)):
        if info:
            sub(docdata, "ed-msg", msg_type=kind, info=info)
    sub(docdata, "du-key", key=article.slugline, version=str(article.version))
    sub(docdata, "doc.copyright", year=str(article.issued.year), holder=copyright_notice(article))
    terms = terms_of_use(article.licence) or ALL_RIGHTS_RESERVED
    sub(docdata, "doc.rights", owner=article.office.name, limitations=terms)
    if article.keywords:
        keys = sub(docdata, "key-list")
        for keyword in article.keywords:
            sub(keys, "keyword", key=keyword.code)
    _identified(docdata, article)
    # NITF has no place for contacts and related articles, but allows elements of other standards.
    nar.contacts(docdata, article)
    for related in article.related:
        nar.link(docdata, related, reluri=_TRANSLATION if related.translation else _SEE_ALSO)


def _identified(docdata: etree._Element, article: Article) -> None:
    """Add regions and topics with their codes and schemes, once for each language of their names."""
    if not article.regions and not article.topics:
        return
    content = sub(docdata, "identified-content")
    for region in article.regions:
        for lang, name in names_of(region, article.lang):
            location = sub(content, "location", name, location_code=region.code, code_source=SCHEMES["region"])
            if lang:
                location.set(LANG, lang)
    for topic in article.topics:
        for lang, name in names_of(topic, article.lang):
            scheme = SCHEMES[topic.scheme]
            classifier = sub(content, "classifier", name, type="subject", idsrc=scheme, value=topic.code)
            if lang:
                classifier.set(LANG, lang)


def _body_head(body: etree._Element, article: Article) -> None:
    head = sub(body, "body.head")
    hedline = sub(head, "hedline")
    sub(hedline, "hl1", article.headline)
    for subheadline in article.subheadlines:
        sub(hedline, "hl2", subheadline)
    if article.byline:
        sub(head, "byline", article.byline)
    distributor = sub(head, "distributor")
    sub(distributor, "org", article.office.name, idsrc=SCHEMES["office"], value=article.office.code)
    if article.dateline:
        sub(sub(head, "dateline"), "location", article.dateline)
    sub(sub(head, "abstract"), "p", article.summary)


def _media(content: etree._Element, enclosure: Enclosure) -> None:
    kind = enclosure.type.partition("/")[0]
    media = sub(content, "media", media_type=kind if kind in ("image", "audio", "video") else "other")
    licence = enclosure.licence or Licence()
    length = "" if enclosure.length is None else str(enclosure.length)
    for name, value in (
        ("licence", terms_of_use(licence)),
        ("licence-uri", licence.uri),
        ("length", length),
        ("lang", enclosure.lang),
    ):
        if value:
            sub(media, "media-metadata", name=name, value=value)
    sub(media, "media-reference", source=enclosure.url, mime_type=enclosure.type, name=enclosure.role)
    if enclosure.caption:
        caption = sub(media, "media-caption", enclosure.caption)
        if enclosure.lang:
            caption.set(LANG, enclosure.lang)


def _norm(instant: datetime) -> str:
    """An instant in ISO 8601, basic format, as in NITF's own examples; with microseconds if it has any."""
    fraction = f".{instant.microsecond:06}" if instant.microsecond else ""
    return f"{instant.astimezone(UTC):%Y%m%dT%H%M%S}{fraction}Z"
