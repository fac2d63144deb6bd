"""Atom 1.0 by feedgen, completed with lxml: https://www.rfc-editor.org/rfc/rfc4287.

`id` is the sender's guid where that is a URI, else a URN of ours; `rel="license"` is RFC 4946.
"""

from typing import Any

from lxml import etree

from feeds import wording
from feeds.article import Article, Feed
from feeds.feedgen_safe import new_feed

MIMETYPE = "application/atom+xml; charset=utf-8"

_ATOM = "{http://www.w3.org/2005/Atom}"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"


def render(feed: Feed) -> bytes:
    """The feed as UTF-8 bytes; the same feed gives the same bytes."""
    generator = new_feed(feed, MIMETYPE)
    generator.author(_author(feed))
    if feed.hub:
        generator.link(href=feed.hub, rel="hub")
    for article in feed.articles:
        _entry(generator.add_entry(order="append"), article)
    # feedgen's tree has an attribute that only looks like a namespace: its bytes are right, so read those.
    root = etree.fromstring(generator.atom_str(), _parser())
    for entry, article in zip(root.findall(f"{_ATOM}entry"), feed.articles, strict=True):
        entry.set(_LANG, article.lang)
        _license(entry, article)
    return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True))


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
    entry.id(article.guid if wording.is_uri(article.guid) else f"urn:pressrelay:article:{article.id}")
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
        if target:
            links.append({"href": target, "rel": "related", "title": related.headline})
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
