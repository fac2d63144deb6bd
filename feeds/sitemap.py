"""Sitemaps (https://www.sitemaps.org/protocol.html), and Google's for news, 0.9
(https://developers.google.com/search/docs/crawling-indexing/sitemaps/news-sitemap)."""

from collections.abc import Iterable
from datetime import datetime

from lxml import etree

from feeds.article import Article

MIMETYPE = "application/xml; charset=utf-8"
MOST = 50_000  # URLs in one sitemap, and sitemaps in one index
MOST_NEWS = 1000

_SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"
_NEWS = "http://www.google.com/schemas/sitemap-news/0.9"
# The language of a publication: ISO 639, but for the two that news readers tell apart by script.
_CHINESE = {"hant": "zh-tw", "tw": "zh-tw", "hk": "zh-tw", "mo": "zh-tw"}


def render(pages: Iterable[tuple[str, datetime | None]]) -> bytes:
    """(URL, last change) of each page."""
    return _list("urlset", "url", pages)


def index(sitemaps: Iterable[str]) -> bytes:
    """A list of sitemaps. Without dates: to know them, every page would have to be looked at."""
    return _list("sitemapindex", "sitemap", ((url, None) for url in sitemaps))


def _list(name: str, row: str, pages: Iterable[tuple[str, datetime | None]]) -> bytes:
    root = etree.Element(f"{{{_SITEMAP}}}{name}", nsmap={None: _SITEMAP})
    for url, changed in pages:
        element = etree.SubElement(root, f"{{{_SITEMAP}}}{row}")
        etree.SubElement(element, f"{{{_SITEMAP}}}loc").text = url
        if changed is not None:
            etree.SubElement(element, f"{{{_SITEMAP}}}lastmod").text = _instant(changed)
    return _bytes(root)


def news(publication: str, articles: Iterable[tuple[str, Article]]) -> bytes:
    """(URL, article) of each, under the name of the publication. An empty list is allowed."""
    root = etree.Element(f"{{{_SITEMAP}}}urlset", nsmap={None: _SITEMAP, "news": _NEWS})
    for url, article in articles:
        element = etree.SubElement(root, f"{{{_SITEMAP}}}url")
        etree.SubElement(element, f"{{{_SITEMAP}}}loc").text = url
        told = etree.SubElement(element, f"{{{_NEWS}}}news")
        bearer = etree.SubElement(told, f"{{{_NEWS}}}publication")
        etree.SubElement(bearer, f"{{{_NEWS}}}name").text = publication
        etree.SubElement(bearer, f"{{{_NEWS}}}language").text = _language(article.lang)
        etree.SubElement(told, f"{{{_NEWS}}}publication_date").text = _instant(article.published)
        etree.SubElement(told, f"{{{_NEWS}}}title").text = article.headline
    return _bytes(root)


def _language(lang: str) -> str:
    language, *rest = lang.lower().split("-")
    if language != "zh":
        return language
    return next((_CHINESE[part] for part in rest if part in _CHINESE), "zh-cn")


def _instant(instant: datetime) -> str:
    """W3C Datetime (https://www.w3.org/TR/NOTE-datetime), whole seconds."""
    return instant.replace(microsecond=0).isoformat().replace("+00:00", "Z")


def _bytes(root: etree._Element) -> bytes:
    return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True))
