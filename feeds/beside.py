"""What RSS and Atom write alike beside their own elements: Dublin Core, PRISM, Media RSS and the IPTC's properties.

https://www.dublincore.org/specifications/dublin-core/dcmi-terms/, https://www.w3.org/submissions/2020/SUBM-prism-20200910/,
https://www.rssboard.org/media-rss, https://iptc.org/std/NewsML-G2/guidelines/
"""

from lxml import etree

from feeds import nar, wording
from feeds.article import Article, Enclosure

ATOM = "{http://www.w3.org/2005/Atom}"
DC = "{http://purl.org/dc/elements/1.1/}"
TERMS = "{http://purl.org/dc/terms/}"
PRISM = "{http://prismstandard.org/namespaces/basic/2.0/}"
LANG = "{http://www.w3.org/XML/1998/namespace}lang"
MEDIA = "{http://search.yahoo.com/mrss/}"

_PREFIXES = {"dc": DC, "dcterms": TERMS, "prism": PRISM, "media": MEDIA}
_NSMAP = {prefix: name[1:-1] for prefix, name in _PREFIXES.items()} | {"iptc": nar.NAR}


def declare(root: etree._Element) -> None:
    """Say each prefix once, at the root, where it is used at all."""
    etree.cleanup_namespaces(root, top_nsmap=_NSMAP)


def add(entry: etree._Element, article: Article) -> None:
    """Everything of the article that the elements of an entry leave out."""
    for text in article.subheadlines:
        _sub(entry, f"{TERMS}alternative", text)
    _sub(entry, f"{TERMS}created", article.issued.isoformat())
    _sub(entry, f"{DC}type", article.kind)
    _sub(entry, f"{DC}source", article.source)
    for related in article.related:
        if related.guid and (related.url or not wording.is_uri(related.guid)):
            relation = etree.SubElement(entry, f"{DC}relation")
            relation.text = related.guid
            if related.translation:
                relation.set(LANG, related.translation)
    _sub(entry, f"{PRISM}versionIdentifier", str(article.version))
    if article.licence.uri:
        etree.SubElement(entry, f"{ATOM}link", rel="license", href=article.licence.uri)
    for file in article.enclosures:
        _media(entry, file)
    nar.beside(entry, article)


def _sub(parent: etree._Element, name: str, text: str) -> None:
    if text:
        etree.SubElement(parent, name).text = text


def _media(entry: etree._Element, file: Enclosure) -> None:
    """One file. No media:group: a group holds renditions of one and the same object."""
    media = etree.SubElement(entry, f"{MEDIA}content", url=file.url, type=file.type)
    media.set("medium", "image" if file.type.startswith("image/") else "document")
    if file.length:  # the W3C's validator takes 0 for no size
        media.set("fileSize", str(file.length))
    if file.lang:
        media.set("lang", file.lang)
    if file.caption:
        etree.SubElement(media, f"{MEDIA}title", type="plain").text = file.caption
    etree.SubElement(media, f"{MEDIA}category", scheme=wording.SCHEMES["role"]).text = file.role
    if file.licence and wording.terms_of_use(file.licence):
        # The W3C's validator does not know media:license, and calls an undefined element an error.
        rights = etree.SubElement(media, f"{MEDIA}copyright")
        rights.text = file.licence.text or None
        if file.licence.uri:
            rights.set("url", file.licence.uri)
