"""RSS 2.0 with content:encoded, by feedgen, completed with lxml; `beside` adds elements that RSS does not have.

https://www.rssboard.org/rss-specification, https://www.rssboard.org/rss-profile
"""

from html import escape
from typing import Any

from lxml import etree

from feeds import beside, fragments, paging
from feeds.article import (
    NEVER,
    SCHEMES,
    Article,
    Feed,
    Fragment,
    Withdrawn,
    as_cdata,
    ascii_uri,
    atom_id,
    classifications,
    embargo_in_words,
    is_uri,
    open_ended,
    rights_of,
)
from feeds.beside import ATOM, DC
from feeds.feedgen_safe import FeedEntry, new_feed

MIMETYPE = "application/rss+xml; charset=utf-8"
LABEL = "RSS"
LINKED = paging.LINKED

_NSMAP: dict[str | None, str] = {
    "atom": ATOM[1:-1],
    "content": "http://purl.org/rss/1.0/modules/content/",
}  # as feedgen declares them
_CONTENT = f"{{{_NSMAP['content']}}}encoded"


def fragment_of(article: Article, *, extended: bool = False) -> Fragment:
    """The item. `extended`: with all extensions."""
    made = FeedEntry()
    _item(made, article)
    root = fragments.root_for("rss", _NSMAP)
    item = made.rss_entry()
    root.append(item)
    as_cdata(item.find(_CONTENT))
    _dublin_core(item, article)
    _links(item, article)
    beside.add(item, article, extended)
    return fragments.cut_out(item, article)


def assemble(feed: Feed, *, extended: bool = False) -> bytes:
    """The feed. `extended`: with all extensions; there are none around the items."""
    generator = new_feed(feed, MIMETYPE)
    generator.description(feed.subtitle or feed.title)  # RSS requires a description
    root = generator._create_rss()[0]  # the tree behind rss_str(), before it becomes bytes
    channel = root.find("channel")
    if feed.updated == NEVER:  # A feed without articles has never been built, and its bytes do not depend on the clock.
        channel.remove(channel.find("lastBuildDate"))
    paging.add(channel, feed)
    if feed.fragments:
        fragments.hold_place(channel, "item", feed.fragments)
    return fragments.put_together(root, "item", feed.fragments)


def tells(gone: Withdrawn, *, extended: bool = False) -> bool:
    """Never: RSS cannot express withdrawals."""
    return False


def marked(article: Article) -> Article:
    """The mark in words; a held article also has an `iptc:embargoed` without an instant."""
    return open_ended(embargo_in_words(article))


def _item(entry: Any, article: Article) -> None:
    """Set the elements that feedgen writes correctly: title, link, description, content, guid, categories, enclosure, pubDate."""
    entry.title(article.headline)
    entry.link(href=article.url)
    entry.description(escape(article.summary, quote=False))  # a description is HTML, a summary is plain text
    entry.content(article.body or f"<p>{escape(article.summary, quote=False)}</p>")
    entry.guid(_guid(article), permalink=False)
    entry.category(_categories(article))
    for enclosure in article.enclosures[:1]:  # at most one in each item; media:content has all
        entry.enclosure(ascii_uri(enclosure.url), str(enclosure.length or 0), enclosure.type)
    entry.published(article.published)


def _guid(article: Article) -> str:
    """The sender's guid. A short number becomes the URN that Atom uses, because the W3C's validator warns about short numbers."""
    short = article.guid.isdigit() and len(article.guid) < 9
    return atom_id(article.id, article.guid) if short else article.guid


def _categories(article: Article) -> list[dict[str, str]]:
    """Each code with its scheme, for programs; then each name once, for people."""
    coded = [term for term in classifications(article) if term.scheme in SCHEMES]
    codes = [{"term": term.code, "scheme": SCHEMES[term.scheme]} for term in coded]
    names = [name for term in coded for name in term.names.values()]
    names += [term.code for term in article.keywords]
    return codes + [{"term": name} for name in dict.fromkeys(names)]


def _dublin_core(item: etree._Element, article: Article) -> None:
    """Add Dublin Core elements. The office is dc:creator, because RSS <author> must be an e-mail address."""
    for name, text in (
        ("creator", article.office.name),
        ("contributor", article.byline),
        ("language", article.lang),
        ("rights", rights_of(article)),
        ("identifier", article.guid if _guid(article) != article.guid else ""),
    ):
        if text:
            etree.SubElement(item, f"{DC}{name}").text = text


def _links(item: etree._Element, article: Article) -> None:
    """Add the instant of this version, and links to related articles."""
    etree.SubElement(item, f"{ATOM}updated").text = article.updated.isoformat()
    for related in article.related:
        target = related.url or (related.guid if is_uri(related.guid) else "")
        if target:
            link = etree.SubElement(item, f"{ATOM}link", rel="related", href=ascii_uri(target))
            if related.translation:  # not rel="alternate", which feedparser would take for the item's own page
                link.set("hreflang", related.translation)
            if related.headline:
                link.set("title", related.headline)
