"""Documents that deliver a single article, or say that it left a feed or was withdrawn. Pure."""

from datetime import datetime

import msgspec
from msgspec.structs import replace

from app import store
from feeds import (
    BLANK,
    Article,
    ArticleFormat,
    Withdrawn,
    article_json,
    of_articles,
    press_release,
    rfc3339_utc,
    variants_of_articles,
    withdrawal,
)

PAYLOAD = "json"  # the webhook format that also names the event (Standard Webhooks)
WRITERS: dict[str, ArticleFormat] = {
    PAYLOAD: article_json,
    **of_articles(),
    **variants_of_articles(),
    "xml": press_release,
}
# A webhook's format -> media type.
DOCUMENTS = {name: format.ARTICLE_MIMETYPE for name, format in WRITERS.items()}
DOCUMENTS |= {PAYLOAD: "application/json; charset=utf-8"}


def article_document(format: str, article: Article | None, event: str, at: datetime) -> bytes:
    """An article as a webhook sends it: a payload of Standard Webhooks in JSON, or the article in another format; empty if there is no
    article."""
    if format == PAYLOAD:
        return _payload(event, at, article)
    return b"" if article is None else WRITERS[format].render_article(article)


def _payload(event: str, at: datetime, data: Article | Withdrawn | None) -> bytes:
    type = event if event == "test" else f"article.{event}"
    return msgspec.json.encode({"type": type, "timestamp": rfc3339_utc(at), "data": data})


def left_document(format: str, state: store.articles.State, event: str) -> bytes:
    """A webhook's document about an article that left the feed or was withdrawn, without the text of the article."""
    if format == PAYLOAD:
        return _payload(event, state.at, withdrawn(state))
    return article_document(format, _bare(state), event, state.at)


def embargoed_document(format: str, state: store.articles.State, event: str) -> bytes:
    """A webhook's document of an embargoed article, marked as embargoed."""
    return article_document(format, WRITERS[format].marked(state.article), event, state.at)


def withdrawn(state: store.articles.State) -> Withdrawn:
    """The withdrawal that a feed shows for an article that left it or was withdrawn."""
    canceled = state.pubstatus == "canceled"
    withheld, version = not canceled and not state.public, state.version if canceled else 0
    return withdrawal(state.article, state.at, canceled=canceled, version=version, withheld=withheld)


def _bare(state: store.articles.State) -> Article:
    """An article that says only that it was withdrawn, for formats in which a withdrawal is a version of the article. Nothing else is
    copied: its newest version may never have been public."""
    article = state.article
    return replace(
        BLANK,
        id=article.id,
        guid=article.guid,
        url=article.url,
        version=state.version,
        pubstatus=state.pubstatus if state.pubstatus != "usable" else "canceled",
        lang=article.lang,
        office=article.office,
        headline=article.office.name,
        summary=article.office.name,
        issued=state.at,
        published=state.at,
        updated=state.at,
        note=article.note if state.pubstatus == "canceled" else "",
    )
