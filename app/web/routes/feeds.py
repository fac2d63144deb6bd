"""GET /feed.<format>: a feed from the cache, or else from the store and the renderer. The same articles always give the same bytes."""

from collections.abc import Mapping
from functools import lru_cache
from math import inf
from time import monotonic, time

from flask import Blueprint, Response, request
from msgspec.structs import replace

from app import store, web
from app.cache.redis import Rendered
from app.syndication.retired import successors
from app.web import (
    IDENTITY,
    Context,
    KeptAnswer,
    Problem,
    Query,
    Rendering,
    Values,
    here,
    key_of,
    known,
    may_keep,
    media_type,
    pairs_of,
    question_here,
    question_of_saved,
    respond,
)
from feeds import DEFAULT, FORMATS, Feed, Fragment, fullest

blueprint = Blueprint("feeds", __name__)
blueprint.after_request(web.representation.allow_all_origins)

TYPES = {media_type(format.MIMETYPE): name for name, format in FORMATS.items()}  # media type -> format
KEPT = frozenset(web.parameters.ASKED)
NEGOTIATED = TYPES | dict.fromkeys(web.representation.XML, DEFAULT)


@blueprint.get("/feed.<format>")
def get(format: str) -> Response:
    """A feed. 404 for an unknown format or value, 400 for a bad parameter, 304 by ETag or date, 226 for a delta."""
    format = known(format)
    return (
        web.embargoed.feed(format)
        if web.embargoed.is_requested(request.args)
        else answer(here(), question_here(format), format)
    )


@blueprint.get("/feed")
def negotiated() -> Response:
    """A feed in the format that `Accept` prefers, or in the default format if it names none."""
    format = known(web.representation.negotiate(NEGOTIATED, media_type(FORMATS[DEFAULT].MIMETYPE)))
    if web.embargoed.is_requested(request.args):
        return web.embargoed.feed(format)
    context, query = here(), question_here(format)
    response = answer(context, query, format)
    response.headers["Content-Location"] = web.page.address(context, query, format)
    response.headers["Vary"] = "Accept, A-IM, Accept-Encoding"
    return response


@blueprint.get("/f/<name>.<format>")
def saved(name: str, format: str) -> Response:
    """A saved feed by its short name (`pressrelay feed add`); `limit`, `before` and `after` select its pages."""
    format = known(format)
    found = web.limits.saved_feed()
    if found is None:
        raise Problem(404, "unknown-feed", "No such feed", f"There is no saved feed with the name {name[:64]!r}.")
    if found.gone:
        detail = "This feed has ended. Choose another feed at /feeds."
        raise Problem(410, "ended-feed", "The feed has ended", detail)
    return answer(here(), question_of_saved(found, format), format)


def answer(context: Context, query: Query, format: str) -> Response:
    """The response with a query's feed in one format: whole, as a delta, or 304."""
    encoding = web.representation.encoding()
    own = web.page.address(context, query, format)
    marks = context.cache.marks
    slots = marks.slots(pairs_of(query))
    numbers = marks.read(slots)
    rendered = read(context, query, format, encoding)
    feed = web.counting.count_poll(query)
    # A parameter that is ignored would fill the memory with copies of the same answer.
    if not web.limits.COSTLY & set(request.args) and set(request.args) <= KEPT.union(web.parameters.of_format(format)):
        key = key_of(context, query, format, _named(query), encoding)
        told, until = web.representation.told(rendered.modified), inf
        if rendered.modified and not told:  # A copy without its date must not outlive the second.
            until = monotonic() + rendered.modified - time()
        may_keep(request.environ, KeptAnswer(key, rendered.etag, told, slots, numbers, feed, until=until))
    since = (
        _since(context, query, format, encoding, web.delta.bases(rendered.etag)) if web.delta.possible(query) else None
    )
    if since is None:
        response = respond(rendered, query, format, own)
    else:
        base, part = since
        # The ETag is that of the whole feed that the client now has. It was read before the part, so it may be older, but never newer.
        response = respond(replace(part, etag=rendered.etag), query, format, own, web.delta.CACHE_CONTROL, 226)
        response.headers["IM"] = web.delta.FEED
        response.headers["Delta-Base"] = f'"{base}"'
    response.headers["Vary"] = "A-IM, Accept-Encoding"
    response.headers["Link"] += _alternates(context.settings.url, query, format, context.cache.instance)
    for successor in successors(context, query, context.settings.language):
        if href := successor.address(context, format):
            response.headers["Link"] += f', <{href}>; rel="successor-version"'
    return response


@lru_cache(1000)
def _alternates(base: str, query: Query, format: str, _history: str) -> str:
    """The page and the other formats of a feed, as the end of a Link header (RFC 8288). `_history` only makes this function's cache
    distinguish histories of the database, on which cursors depend."""
    links = [(replace(query, before=None, after=None).home(base), "text/html")]
    links += [
        (query.address(base, name, here().write_cursor), mimetype)
        for mimetype, other in TYPES.items()
        for name in dict.fromkeys((other, fullest(other) if other == format else other))
        if name != format
    ]
    return "".join(f', <{href}>; rel="alternate"; type="{mimetype}"' for href, mimetype in links)


def _since(
    context: Context, query: Query, format: str, encoding: str, bases: Mapping[str, str]
) -> tuple[str, Rendered] | None:
    """The base and the changes of the feed since, if one of the client's instances is known; None: answer with the whole feed."""
    known = context.cache.instances(key_of(context, query, format, _named(query)), list(bases)) if bases else {}
    if not known:
        return None
    etag, instance = max(known.items(), key=lambda item: item[1].mark[0])

    def plan() -> web.page.Plan:
        whole = web.page.planned(context, query, format)

        def finish(written: tuple[Fragment, ...]) -> Feed:
            made = whole.finish(written)
            changed = store.articles.changed_since(context.engine, instance.mark)
            return web.delta.part(made, written, whole.standing, instance, changed, fullest(format))

        return replace(whole, finish=finish)

    try:
        named = (*_named(query), "/since", etag)
        return bases[etag], Rendering(context, query, fullest(format), named, plan).read(encoding)
    except web.delta.Whole:
        return None


def read(context: Context, query: Query, format: str, encoding: str = IDENTITY) -> Rendered:
    """The bytes of a feed in an encoding, from the cache while they are fresh. Raises Unavailable."""
    return Rendering(context, query, format, _named(query), lambda: web.page.planned(context, query, format)).read(
        encoding
    )


def _named(query: Query) -> Values:
    saved = query.saved
    return (saved.name, saved.title, *(("/ended", saved.following) if saved.ended else ())) if saved else ()
