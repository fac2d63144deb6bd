"""RSS 2.0 with content:encoded, by feedgen, completed with lxml; `beside` adds what RSS has no element for.

https://www.rssboard.org/rss-specification, https://www.rssboard.org/rss-profile
"""

from html import escape
from typing import Any

from lxml import etree

from feeds import beside, paging, wording
from feeds.article import Article, Feed
from feeds.beside import ATOM, DC
from feeds.feedgen_safe import new_feed

MIMETYPE = "application/rss+xml; charset=utf-8"


def render(feed: Feed) -> bytes:
    """The feed as UTF-8 bytes; the same feed gives the same bytes."""
    generator = new_feed(feed, MIMETYPE)
    generator.description(feed.subtitle or feed.title)  # RSS demands one
    for article in feed.articles:
        _item(generator.add_entry(order="append"), article)
    root = generator._create_rss()[0]  # the tree behind rss_str(), before it becomes bytes
    channel = root.find("channel")
    paging.add(channel, feed)
    for item, article in zip(channel.findall("item"), feed.articles, strict=True):
        _dublin_core(item, article)
        _links(item, article)
        beside.add(item, article)
    beside.declare(root)
    return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True))


def _item(entry: Any, article: Article) -> None:
    """What feedgen writes well: title, link, description, content, guid, categories, enclosure, pubDate."""
    entry.title(article.headline)
    entry.link(href=article.url)
    entry.description(escape(article.summary, quote=False))  # a description is HTML, a summary is plain text
    entry.content(article.body or f"<p>{escape(article.summary, quote=False)}</p>")
    entry.guid(_guid(article), permalink=False)
    entry.category(_categories(article))
    for enclosure in article.enclosures[:1]:  # at most one an item; media:content has them all
        entry.enclosure(enclosure.url, str(enclosure.length or 0), enclosure.type)
    entry.published(article.published)


def _guid(article: Article) -> str:
    """The sender's; a short number alone, which the W3C's validator warns of, becomes the URN that Atom has."""
    short = article.guid.isdigit() and len(article.guid) < 9
    return wording.atom_id(article.id, article.guid) if short else article.guid


def _categories(article: Article) -> list[dict[str, str]]:
    """Each code under its scheme, then each name once: programs filter by the first, people read the second."""
    coded = [term for term in wording.terms(article) if term.scheme in wording.SCHEMES]
    codes = [{"term": term.code, "scheme": wording.SCHEMES[term.scheme]} for term in coded]
    names = [name for term in coded for name in term.names.values()]
    names += [term.code for term in article.keywords]
    return codes + [{"term": name} for name in dict.fromkeys(names)]


def _dublin_core(item: etree._Element, article: Article) -> None:
    """RSS <author> must be an e-mail address, so the office is dc:creator."""
    for name, text in (
        ("creator", article.office.name),
        ("contributor", article.byline),
        ("language", article.lang),
        ("rights", wording.rights(article)),
        ("identifier", article.guid if _guid(article) != article.guid else ""),
    ):
        if text:
            etree.SubElement(item, f"{DC}{name}").text = text


def _links(item: etree._Element, article: Article) -> None:
    """The instant of this version, and the articles it belongs with."""
    etree.SubElement(item, f"{ATOM}updated").text = article.updated.isoformat()
    for related in article.related:
        target = related.url or (related.guid if wording.is_uri(related.guid) else "")
        if target:
            link = etree.SubElement(item, f"{ATOM}link", rel="related", href=target)
            if related.translation:  # no alternate: feedparser would take it for the item's own page
                link.set("hreflang", related.translation)
            if related.headline:
                link.set("title", related.headline)
