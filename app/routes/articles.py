"""GET /articles/{id}: the page, or what `Accept` likes better; `.json`, `.ninjs`, `.newsml`, `.nitf`, `.xml`: the article as data."""

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
from flask import Blueprint, Response, request

from app import store
from app.errors import Problem
from app.normalize import PUBLIC_ID
from app.routes import representation
from app.routes.context import here
from app.routes.pages import article_page
from app.routes.representation import CACHE_CONTROL, media_type
from app.store import Kept
from feeds import newsml, ninjs, nitf
from feeds.article import Article

blueprint = Blueprint("articles", __name__)

# Suffix -> media type and renderer; in the order of preference where a client likes several alike, after the page.
FORMATS: dict[str, tuple[str, Callable[[Article], bytes]]] = {
    "json": ("application/json", msgspec.json.encode),
    "newsml": (newsml.ITEM_MIMETYPE, newsml.render_article),
    "nitf": (nitf.MIMETYPE, nitf.render_article),
    "ninjs": (ninjs.MIMETYPE, ninjs.render_article),
}
PAGE = "text/html"
# JSON asked for by its type alone is our own: ninjs has no type of its own and is asked for by its address.
NEGOTIATED = {PAGE: ""} | {
    media_type(mimetype): suffix for suffix, (mimetype, _) in FORMATS.items() if suffix != "ninjs"
}


@blueprint.get("/articles/<id>")
def page(id: str) -> Response:
    """The article as the client likes it best, for people where it does not say. 404 while it is not public, 410 once canceled."""
    kept = _kept(id)
    suffix = representation.negotiate(NEGOTIATED, PAGE)
    if not suffix:
        response = _alternates(article_page(kept.article), kept.article)
        response.headers["Vary"] = "Accept, Accept-Encoding, Accept-Language"
        return response
    response = _data(kept.article, suffix)
    response.headers["Content-Location"] = f"{kept.article.url}.{suffix}"
    response.headers["Vary"] = "Accept, Accept-Encoding"
    return response


@blueprint.get("/articles/<id>.<format>")
def as_data(id: str, format: str) -> Response:
    """The article in one format."""
    kept = _kept(id)
    if format not in FORMATS:
        known = ", ".join(FORMATS)
        raise Problem(404, "unknown-format", "Unknown format", f"{format[:40]!r} is not one of {known}, xml.")
    return _data(kept.article, format)


@blueprint.get("/articles/<id>.xml")
def as_received(id: str) -> Response:
    """The original bytes of the release that brought the newest version."""
    _kept(id)
    found = store.original(here().engine, id)
    if found is None:
        raise _unknown()
    body, mimetype = found
    response = Response(body, content_type=mimetype)
    # The bytes are the sender's: a browser must neither guess at them nor run them.
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.headers["Cache-Control"] = CACHE_CONTROL
    response.set_etag(representation.etag_of(body))
    response.make_conditional(request)
    return response


def _data(article: Article, suffix: str) -> Response:
    mimetype, render = FORMATS[suffix]
    modified = representation.whole_seconds(article.updated, datetime.now(UTC))
    response = representation.whole(render(article), mimetype, modified=modified)
    response.headers["Link"] = f'<{article.url}>; rel="alternate"; type="{PAGE}"'
    return representation.allow_all_origins(response)


def _alternates(response: Response, article: Article) -> Response:
    """RFC 8288: the same article in other formats."""
    links = [
        f'<{article.url}.{suffix}>; rel="alternate"; type="{media_type(mimetype)}"'
        for suffix, (mimetype, _) in FORMATS.items()
    ]
    response.headers["Link"] = ", ".join([f'<{article.url}>; rel="canonical"', *links])
    return response


def _kept(id: str) -> Kept:
    kept = store.by_id(here().engine, id) if PUBLIC_ID.fullmatch(id) else None
    if kept is None:
        raise _unknown()
    if kept.pubstatus == "canceled" and kept.seen:
        raise Problem(410, "canceled", "The article was canceled", kept.article.note)
    if kept.pubstatus == "withheld" and kept.seen:
        # No more is told: what the office says of it may be as little for the public as the article.
        raise Problem(410, "withheld", "The office took the article back", "It may come again under this address.")
    if not kept.public:
        raise _unknown()  # As if it did not exist: an embargo must not be told by its door.
    return kept


def _unknown() -> Problem:
    return Problem(404, "unknown-article", "No such article")
