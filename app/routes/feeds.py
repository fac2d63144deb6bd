"""GET /feed.<format>: query, cache, else store and renderer; the same articles always give the same bytes."""

import hashlib

import msgspec
from flask import Blueprint, Response, request

from app import query as queries
from app import store
from app.announce import trusted
from app.cache import Rendered
from app.context import Context
from app.errors import Problem
from app.query import Query
from app.routes.context import here
from app.wording import feed_subtitle, feed_title
from feeds import FORMATS
from feeds.article import Article, Feed
from feeds.wording import EPOCH

blueprint = Blueprint("feeds", __name__)

CACHE_CONTROL = "public, max-age=30, stale-while-revalidate=300, stale-if-error=86400"


@blueprint.get("/feed.<format>")
def get(format: str) -> Response:
    """A feed. 404 for an unknown format or value, 400 for a bad parameter, 304 by ETag."""
    if format not in FORMATS:
        known = ", ".join(f"/feed.{name}" for name in FORMATS)
        raise Problem(404, "unknown-format", "Unknown feed format", f"{format[:40]!r} is not one of {known}.")
    context = here()
    query = parse()
    rendered = read(context, query, format)
    response = Response(rendered.body, content_type=FORMATS[format].MIMETYPE)
    response.headers["Cache-Control"] = CACHE_CONTROL
    response.headers["Link"] = f'<{address(context, query, format)}>; rel="self"'
    response.set_etag(rendered.etag)
    response.make_conditional(request)
    return response


def parse() -> Query:
    """The query of this request. Raises Problem."""
    offices = [office.code for office in store.all_offices(here().engine)] if "office" in request.args else []
    return queries.parse(request.args.items(multi=True), offices)


def address(context: Context, query: Query, format: str) -> str:
    """The one URL of a feed."""
    canonical = query.canonical()
    return f"{context.settings.url}/feed.{format}{'?' + canonical if canonical else ''}"


def home(context: Context, query: Query) -> str:
    """The page that shows the same query."""
    canonical = query.canonical()
    return f"{context.settings.url}/{'?' + canonical if canonical else ''}"


def read(context: Context, query: Query, format: str) -> Rendered:
    """A feed's bytes, from the cache while they are fresh. Raises Unavailable."""
    key = hashlib.sha256(f"{format}?{query.canonical()}#{context.settings.url}".encode()).hexdigest()
    held, revisions = None, None
    if trusted(context.cache, context.engine):
        # The revisions come before the articles: what changes in between makes the copy kept here a stale one.
        held, revisions = context.cache.feed(key, query.scans())
    if held is not None:
        return held
    body = FORMATS[format].render(feed(context, query, format))
    rendered = Rendered(revisions or (), hashlib.sha256(body).hexdigest()[:32], body)
    if revisions is not None:
        context.cache.keep_feed(key, rendered)
    return rendered


def feed(context: Context, query: Query, format: str) -> Feed:
    """A query's feed object. Raises Unavailable."""
    articles = tuple(find(context, query))
    offices = {office.code: office for office in store.all_offices(context.engine)} if query.offices else {}
    return Feed(
        self=address(context, query, format),
        home=home(context, query),
        title=feed_title(context.settings.site_name, query, offices),
        subtitle=feed_subtitle(),
        lang="ko",
        updated=max((article.updated for article in articles), default=EPOCH),
        articles=articles,
    )


def find(context: Context, query: Query) -> list[Article]:
    """The articles of a query, newest change first: one range scan, one multi-get. Raises Unavailable."""
    refs = store.find(context.engine, query)
    found = {ref: article for ref, doc in context.cache.articles(refs).items() if (article := _decoded(doc))}
    missing = [ref for ref in refs if ref not in found]
    if missing:
        documents = store.documents(context.engine, missing)
        context.cache.keep_articles(documents)
        found |= {ref: msgspec.json.decode(doc, type=Article) for ref, doc in documents.items()}
    return [found[ref] for ref in refs]


def _decoded(doc: bytes) -> Article | None:
    """A document of the cache; one that cannot be read (another version of this program wrote it) is a miss."""
    try:
        return msgspec.json.decode(doc, type=Article)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
