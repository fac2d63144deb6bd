"""Our own JSON format: one article with all fields of `feeds.article`, described in docs/http.md."""

import msgspec

from feeds.article import Article, embargo_noted

ARTICLE_MIMETYPE = "application/json"

marked = embargo_noted  # the field `held` says that an article is held


def render_article(article: Article) -> bytes:
    """The article as UTF-8 bytes; the same article gives the same bytes."""
    return msgspec.json.encode(article)
