"""A format of feeds that the server does not have; `tests/test_new_format.py` adds it as CONTRIBUTING says."""

import msgspec

from feeds.article import Article, Feed, Fragment, Withdrawn, embargo_in_words

MIMETYPE = "application/vnd.example.toy+json; charset=utf-8"
LABEL = "Toy Feed"
LINKED = frozenset(["first", "previous", "next", "last", "prev-archive", "next-archive", "current"])
ARTICLE_MIMETYPE = "application/vnd.example.toy-item+json; charset=utf-8"

marked = embargo_in_words


def fragment_of(article: Article) -> Fragment:
    """The article in a feed."""
    return Fragment(article.id, article.updated, article.office, (render_article(article),))


def assemble(feed: Feed) -> bytes:
    """The feed as UTF-8 bytes."""
    toys = [msgspec.Raw(fragment.pieces[0]) for fragment in feed.fragments]
    gone = [one.guid for one in feed.withdrawn]
    return msgspec.json.encode({"self": feed.self, "hub": feed.hub, "links": feed.links, "toys": toys, "gone": gone})


def render_article(article: Article) -> bytes:
    """One article as UTF-8 bytes."""
    return msgspec.json.encode(_toy(article))


def tells(gone: Withdrawn) -> bool:
    """A toy feed lists what left, for whatever reason."""
    return True


def _toy(article: Article) -> dict[str, str]:
    return {"guid": article.guid, "headline": article.headline, "text": article.text, "state": article.pubstatus}
