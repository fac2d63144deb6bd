"""GET /articles/{id}: the page; `.json`, `.xml` and the feed formats: the article as data."""

import hashlib

import msgspec
from flask import Blueprint, Response, request

from app import store
from app.errors import Problem
from app.normalize import PUBLIC_ID
from app.routes.context import here
from app.routes.pages import article_page
from app.routes.representation import CACHE_CONTROL
from app.store import Kept

blueprint = Blueprint("articles", __name__)


@blueprint.get("/articles/<id>")
def page(id: str) -> Response:
    """The article for people. 404 while it is not public, 410 once canceled."""
    return _conditional(article_page(_kept(id).article))


@blueprint.get("/articles/<id>.json")
def as_json(id: str) -> Response:
    """Our own JSON: the Article, field by field."""
    return _conditional(Response(msgspec.json.encode(_kept(id).article), mimetype="application/json"))


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
    return _conditional(response)


def _kept(id: str) -> Kept:
    kept = store.by_id(here().engine, id) if PUBLIC_ID.fullmatch(id) else None
    if kept is None:
        raise _unknown()
    if kept.pubstatus == "canceled" and kept.seen:
        raise Problem(410, "canceled", "The article was canceled", kept.article.note)
    if not kept.public:
        raise _unknown()  # As if it did not exist: an embargo must not be told by its door.
    return kept


def _unknown() -> Problem:
    return Problem(404, "unknown-article", "No such article")


def _conditional(response: Response) -> Response:
    response.headers["Cache-Control"] = CACHE_CONTROL
    response.set_etag(hashlib.sha256(response.get_data()).hexdigest()[:32])
    response.make_conditional(request)
    return response
