"""GET /articles/{id}: the page, or what `Accept` likes better; `.json`, `.ninjs`, `.newsml`, `.nitf`, `.xml`: the article as data."""

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
from flask import Blueprint, Response, request

from app import store
from app.errors import Problem
from app.intake.normalize import PUBLIC_ID
from app.store import Kept
from app.web import protection, representation
from app.web.context import here
from app.web.representation import CACHE_CONTROL, media_type
from app.web.routes import embargoed
from app.web.routes.pages import article_page
from feeds import embargo, newsml, ninjs, nitf
from feeds.article import Article

blueprint = Blueprint("articles", __name__)
blueprint.after_request(representation.of_article)

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
    suffix = representation.negotiate(NEGOTIATED, PAGE)
    kept = _shown(id, suffix)
    if isinstance(kept, Response):
        return kept
    if not suffix:
        response = _alternates(article_page(kept.article, store.corrected(here().engine, id)), kept.article)
        response.headers["Vary"] = "Accept, Accept-Encoding, Accept-Language"
        return response
    response = _data(kept, suffix)
    response.headers["Content-Location"] = f"{kept.article.url}.{suffix}"
    response.headers["Vary"] = "Accept, Accept-Encoding"
    return response


@blueprint.get("/articles/<id>.<format>")
def as_data(id: str, format: str) -> Response:
    """The article in one format."""
    kept = _shown(id, format)
    if isinstance(kept, Response):
        return kept
    if format not in FORMATS:
        known = ", ".join(FORMATS)
        raise Problem(404, "unknown-format", "Unknown format", f"{format[:40]!r} is not one of {known}, xml.")
    return _data(kept, format)


@blueprint.get("/articles/<id>.xml")
def as_received(id: str) -> Response:
    """The original bytes of the release that brought the newest version."""
    kept_public(id)
    return original(store.original(here().engine, id))


def original(found: tuple[bytes, str] | None) -> Response:
    """A release as it was received: its bytes and their media type; 404 where they are not to be seen."""
    if found is None:
        raise unknown()
    body, mimetype = found
    response = Response(body, content_type=mimetype)
    # The bytes are the sender's: a browser must not run them.
    response.headers["Content-Security-Policy"] = protection.SANDBOX
    response.headers["Cache-Control"] = CACHE_CONTROL
    response.set_etag(representation.etag_of(body))
    response.make_conditional(request)
    return response


def _shown(id: str, suffix: str) -> Kept | Response:
    """A public article, or the answer to who may read it before. Raises Problem: 404, 410."""
    try:
        return kept_public(id)
    except Problem as problem:
        # 410 too: what was withdrawn may wait again.
        offered = problem.status in (404, 410) and PUBLIC_ID.fullmatch(id) and suffix in ("", *FORMATS)
        article = embargoed.article(id, suffix or "page") if offered else None
        if article is None:
            raise
    if not suffix:
        return embargoed.private(article_page(article, embargo=embargo.sentence(article)))
    mimetype, render = FORMATS[suffix]
    # Our own JSON says of what is held that it is.
    marked = embargo.noted(article) if suffix == "json" else embargo.marked(article, suffix)
    return embargoed.private(Response(render(marked), content_type=mimetype))


def _data(kept: Kept, suffix: str) -> Response:
    mimetype, render = FORMATS[suffix]
    changed = max(
        kept.article.updated, kept.edited
    )  # an embargo lifts after its version came, a silent correction raises no `updated`
    modified = representation.whole_seconds(changed, datetime.now(UTC))
    response = representation.whole(render(kept.article), mimetype, modified=modified)
    response.headers["Link"] = f'<{kept.article.url}>; rel="alternate"; type="{PAGE}"'
    return representation.allow_all_origins(response)


def _alternates(response: Response, article: Article) -> Response:
    """RFC 8288: the same article in other formats, and its versions (RFC 5829)."""
    links = [
        f'<{article.url}.{suffix}>; rel="alternate"; type="{media_type(mimetype)}"'
        for suffix, (mimetype, _) in FORMATS.items()
    ]
    response.headers["Link"] = ", ".join(
        [f'<{article.url}>; rel="canonical"', *links, f'<{article.url}/versions>; rel="version-history"']
    )
    return response


def kept_public(id: str) -> Kept:
    """A public article. Raises Problem: 410 once canceled, 404 where it is not to be seen."""
    kept = store.by_id(here().engine, id) if PUBLIC_ID.fullmatch(id) else None
    if kept is None:
        raise unknown()
    if kept.pubstatus == "canceled" and kept.seen:
        raise Problem(410, "canceled", "The article was canceled", kept.article.note)
    if kept.pubstatus == "withheld" and kept.seen:
        # No more is told: what the office says of it may be as little for the public as the article.
        raise Problem(410, "withheld", "The office took the article back", "It may come again under this address.")
    if not kept.public:
        raise unknown()  # As if it did not exist: an embargo must not be told by its door.
    return kept


def unknown() -> Problem:
    """404, whether there is no such article or it must not be told of."""
    return Problem(404, "unknown-article", "No such article")
