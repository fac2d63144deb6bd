"""Elements that RSS and Atom add to their own: Dublin Core and Media RSS; with all extensions, also those of PRISM and the IPTC.

The W3C's feed validator warns of every namespace that it does not know, among them those of PRISM, the IPTC and deleted entries (RFC
6721). So ordinary feeds have none of these; `feeds.format.Extended` writes them.

https://www.dublincore.org/specifications/dublin-core/dcmi-terms/, https://www.w3.org/submissions/2020/SUBM-prism-20200910/,
https://www.rssboard.org/media-rss, https://iptc.org/std/NewsML-G2/guidelines/
"""

from lxml import etree

from feeds import nar
from feeds.article import LANG, SCHEMES, Article, Enclosure, ascii_uri, is_uri, terms_of_use

ATOM = "{http://www.w3.org/2005/Atom}"
DC = "{http://purl.org/dc/elements/1.1/}"
TERMS = "{http://purl.org/dc/terms/}"
PRISM = "{http://prismstandard.org/namespaces/basic/2.0/}"
MEDIA = "{http://search.yahoo.com/mrss/}"

_PREFIXES = {"dc": DC, "dcterms": TERMS, "prism": PRISM, "media": MEDIA}
NSMAP: dict[str | None, str] = {**{prefix: name[1:-1] for prefix, name in _PREFIXES.items()}, "iptc": nar.NAR}


def declare(root: etree._Element) -> None:
    """Declare each prefix that is used, once at the root."""
    etree.cleanup_namespaces(root, top_nsmap=NSMAP)


def add(entry: etree._Element, article: Article, extended: bool) -> None:
    """Add what the elements of an entry cannot express: as far as validators know the elements, or everything."""
    for text in article.subheadlines:
        _sub(entry, f"{TERMS}alternative", text)
    _sub(entry, f"{TERMS}created", article.issued.isoformat())
    _sub(entry, f"{DC}type", article.kind)
    _sub(entry, f"{DC}source", article.source)
    for related in article.related:
        if related.guid and (related.url or not is_uri(related.guid)):
            relation = etree.SubElement(entry, f"{DC}relation")
            relation.text = related.guid
            if related.translation:
                relation.set(LANG, related.translation)
    if extended:
        _sub(entry, f"{PRISM}versionIdentifier", str(article.version))
    if article.licence.uri:
        etree.SubElement(entry, f"{ATOM}link", rel="license", href=ascii_uri(article.licence.uri))
    for file in article.enclosures:
        _media(entry, file)
    if extended:
        nar.beside(entry, article)


def _sub(parent: etree._Element, name: str, text: str) -> None:
    if text:
        etree.SubElement(parent, name).text = text


def _media(entry: etree._Element, file: Enclosure) -> None:
    """Add one file. There is no media:group, because a group contains renditions of the same object."""
    media = etree.SubElement(entry, f"{MEDIA}content", url=ascii_uri(file.url), type=file.type)
    media.set("medium", "image" if file.type.startswith("image/") else "document")
    if file.length:  # the W3C's validator does not accept 0
        media.set("fileSize", str(file.length))
    if file.lang:
        media.set("lang", file.lang)
    if file.caption:
        etree.SubElement(media, f"{MEDIA}title", type="plain").text = file.caption
    etree.SubElement(media, f"{MEDIA}category", scheme=SCHEMES["role"]).text = file.role
    if file.licence and terms_of_use(file.licence):
        # The W3C's validator does not know media:license and reports it as an error.
        rights = etree.SubElement(media, f"{MEDIA}copyright")
        rights.text = file.licence.text or None
        if file.licence.uri:
            rights.set("url", ascii_uri(file.licence.uri))
