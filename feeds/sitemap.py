"""Sitemaps (https://www.sitemaps.org/protocol.html), and Google's news sitemaps, 0.9
(https://developers.google.com/search/docs/crawling-indexing/sitemaps/news-sitemap)."""

from collections.abc import Iterable
from datetime import datetime

from lxml import etree

from feeds.article import Article, rfc3339

MIMETYPE = "application/xml; charset=utf-8"
MOST = 50_000  # URLs in one sitemap, and sitemaps in one index
MOST_NEWS = 1000

_SITEMAP = "http://www.sitemaps.org/schemas/sitemap/0.9"
_NEWS = "http://www.google.com/schemas/sitemap-news/0.9"
# The language of a publication is an ISO 639 code, except for Chinese, which has one code for each script.
_CHINESE = {"hant": "zh-tw", "tw": "zh-tw", "hk": "zh-tw", "mo": "zh-tw"}


def render(pages: Iterable[tuple[str, datetime | None]]) -> bytes:
    """A sitemap. `pages`: (URL, last change)."""
    return _list("urlset", "url", pages)


def index(sitemaps: Iterable[str]) -> bytes:
    """An index of sitemaps, without dates, because finding them would mean looking at every page."""
    return _list("sitemapindex", "sitemap", ((url, None) for url in sitemaps))


def _list(name: str, row: str, pages: Iterable[tuple[str, datetime | None]]) -> bytes:
    root = etree.Element(f"{{{_SITEMAP}}}{name}", nsmap={None: _SITEMAP})
    for url, changed in pages:
        element = etree.SubElement(root, f"{{{_SITEMAP}}}{row}")
        etree.SubElement(element, f"{{{_SITEMAP}}}loc").text = url
        if changed is not None:
            etree.SubElement(element, f"{{{_SITEMAP}}}lastmod").text = rfc3339(changed, seconds=True)
    return _bytes(root)


def news(publication: str, articles: Iterable[tuple[str, Article]]) -> bytes:
    """A news sitemap of a publication. `articles`: (URL, article); may be empty."""
    root = etree.Element(f"{{{_SITEMAP}}}urlset", nsmap={None: _SITEMAP, "news": _NEWS})
    for url, article in articles:
        element = etree.SubElement(root, f"{{{_SITEMAP}}}url")
        etree.SubElement(element, f"{{{_SITEMAP}}}loc").text = url
        entry = etree.SubElement(element, f"{{{_NEWS}}}news")
        publisher = etree.SubElement(entry, f"{{{_NEWS}}}publication")
        etree.SubElement(publisher, f"{{{_NEWS}}}name").text = publication
        etree.SubElement(publisher, f"{{{_NEWS}}}language").text = _language(article.lang)
        etree.SubElement(entry, f"{{{_NEWS}}}publication_date").text = rfc3339(article.published, seconds=True)
        etree.SubElement(entry, f"{{{_NEWS}}}title").text = article.headline
    return _bytes(root)


def _language(lang: str) -> str:
    language, *rest = lang.lower().split("-")
    if language != "zh":
        return language
    return next((_CHINESE[part] for part in rest if part in _CHINESE), "zh-cn")


def _bytes(root: etree._Element) -> bytes:
    return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True))
