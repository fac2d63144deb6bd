"""GET /feed.<format>: query, cache, else store and renderer; the same articles always give the same bytes."""

import re
from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import quote

from flask import Blueprint, Response, request
from msgspec.structs import replace

from app import store
from app.announce import synced
from app.cache.redis import Rendered
from app.context import Context
from app.errors import Problem
from app.query import query as queries
from app.query.query import Query, Values
from app.syndication.page import WITHDRAWN, Shown, address, feed
from app.web import delta, representation
from app.web.context import here
from app.web.fastlane import Kept, may_keep
from app.web.limits import COSTLY
from app.web.rendering import kept, key_of
from app.web.representation import CACHE_CONTROL, IDENTITY, media_type
from app.web.routes import embargoed
from feeds import FORMATS

blueprint = Blueprint("feeds", __name__)
blueprint.after_request(representation.allow_all_origins)

_WORD = re.compile(r"[!-~]+")
TYPES = {media_type(module.MIMETYPE): name for name, module in FORMATS.items()}  # media type -> format


@blueprint.get("/feed.<format>")
def get(format: str) -> Response:
    """A feed. 404 for an unknown format or value, 400 for a bad parameter, 304 by ETag or date, 226 for a delta."""
    known(format)
    return embargoed.feed(format) if embargoed.asked(request.args) else answer(here(), parse(), format)


@blueprint.get("/feed")
def negotiated() -> Response:
    """The format that the client likes best, by Accept; RSS where it does not say."""
    format = representation.negotiate(TYPES, media_type(FORMATS["rss"].MIMETYPE))
    if embargoed.asked(request.args):
        return embargoed.feed(format)
    context, query = here(), parse()
    response = answer(context, query, format)
    response.headers["Content-Location"] = address(context, query, format)
    response.headers["Vary"] = "Accept, A-IM, Accept-Encoding"
    return response


@blueprint.get("/f/<name>.<format>")
def saved(name: str, format: str) -> Response:
    """A feed by its short name (`pressrelay feed add`); `limit`, `before` and `after` ask for its pages."""
    known(format)
    found = store.saved_feed(here().engine, name) if queries.NAME.fullmatch(name) else None
    if found is None:
        raise Problem(404, "unknown-feed", "No such feed", f"No feed is saved under {name[:64]!r}.")
    offices = _offices() if "office" in found.query else []
    _sync()
    return answer(here(), queries.recall(found, request.args.items(multi=True), offices), format)


def known(format: str) -> None:
    """Raises Problem 404 for a format that there is not."""
    if format not in FORMATS:
        detail = f"{format[:40]!r} is not one of {', '.join(FORMATS)}."
        raise Problem(404, "unknown-format", "Unknown feed format", detail)


def answer(context: Context, query: Query, format: str) -> Response:
    """A query's feed in one format, as this client wants it."""
    encoding = representation.encoding()
    own = address(context, query, format)
    marks = context.cache.marks
    slots = marks.slots(_pairs(query))
    numbers = marks.read(slots)
    rendered = read(context, query, format, encoding)
    if not COSTLY & set(request.args):
        key = key_of(context, query, format, _named(query), encoding)
        may_keep(request.environ, Kept(key, rendered.etag, rendered.modified, slots, numbers))
    since = _since(context, query, format, encoding, delta.bases(rendered.etag)) if delta.possible(query) else None
    if since is None:
        response = respond(rendered, query, format, encoding, own)
    else:
        base, part = since
        # The ETag is of the whole that the client has now. Read before the part, it may be older than that, never newer.
        response = respond(replace(part, etag=rendered.etag), query, format, encoding, own, delta.CACHE_CONTROL, 226)
        response.headers["IM"] = delta.FEED
        response.headers["Delta-Base"] = f'"{base}"'
    response.headers["Vary"] = "A-IM, Accept-Encoding"
    response.headers["Link"] += _alternates(context.settings.url, query, format)
    return response


@lru_cache(1000)
def _alternates(base: str, query: Query, format: str) -> str:
    """The page and the other formats of a feed, as the rest of a Link header (RFC 8288)."""
    links = [(replace(query, before=None, after=None).home(base), "text/html")]
    links += [(query.address(base, name), mimetype) for mimetype, name in TYPES.items() if name != format]
    return "".join(f', <{href}>; rel="alternate"; type="{mimetype}"' for href, mimetype in links)


def _since(
    context: Context, query: Query, format: str, encoding: str, bases: Mapping[str, str]
) -> tuple[str, Rendered] | None:
    """The base and what changed in the feed since, where one of the client's instances is known; None: tell the whole."""
    known = context.cache.instances(key_of(context, query, format, _named(query)), list(bases)) if bases else {}
    if not known:
        return None
    etag, instance = max(known.items(), key=lambda one: one[1].mark[0])

    def make() -> Shown:
        whole, standing = feed(context, query, format)
        changed = store.changed_since(context.engine, instance.mark)
        return delta.part(whole, standing, instance, changed, format, WITHDRAWN), standing

    try:
        return bases[etag], kept(context, query, format, encoding, (*_named(query), "/since", etag), make)
    except delta.Whole:
        return None


def respond(
    rendered: Rendered,
    query: Query,
    format: str,
    encoding: str,
    own: str,
    cache_control: str = CACHE_CONTROL,
    status: int = 200,
) -> Response:
    """The response to a rendered document; `own` is its one URL."""
    response = representation.respond(
        rendered.body,
        FORMATS[format].MIMETYPE,
        rendered.etag,
        encoding=encoding,
        modified=rendered.modified,
        cache_control=cache_control,
        status=status,
    )
    links = [f'<{own}>; rel="self"']
    links += [f'<{href}>; rel="{rel}"' for rel, href in rendered.links.items()]
    response.headers["Link"] = ", ".join(links)
    response.headers["Surrogate-Key"] = " ".join(map(_plain, _pairs(query)))
    return response


def _pairs(query: Query) -> list[str]:
    """The pairs that a feed shows, as announcements and shared caches name them."""
    return [f"{place}/{topic}" for place, topic in query.scans()]


def _plain(pair: str) -> str:
    """A pair as one word of a header: what a licence is called may be any text."""
    return pair if _WORD.fullmatch(pair) else quote(pair, safe="/:*")


def parse() -> Query:
    """The query of this request. Raises Problem."""
    named = any(name.endswith("office") for name in request.args)
    _sync()
    # `status` is answered elsewhere: what waits is no part of any question here.
    public = {("status", "public"), ("status", "")}
    pairs = [(name, value) for name, value in request.args.items(multi=True) if (name, value.strip()) not in public]
    return queries.parse(pairs, _offices() if named else [])


def _sync() -> None:
    """Where a page is asked for by a cursor: look first which history the database is in. Raises Unavailable."""
    if {"before", "after"} & set(request.args):
        synced(here().cache, here().engine)


def _offices() -> list[str]:
    return [office.code for office in store.all_offices(here().engine)]


def read(context: Context, query: Query, format: str, encoding: str = IDENTITY) -> Rendered:
    """A feed's bytes in an encoding, from the cache while they are fresh. Raises Unavailable."""
    return kept(context, query, format, encoding, _named(query), lambda: feed(context, query, format))


def _named(query: Query) -> Values:
    return (query.saved.name, query.saved.title) if query.saved else ()
