"""A feed's bytes: from the cache while they are fresh, else rendered, once for all who ask at the same time."""

import hashlib
import time
from collections.abc import Callable
from datetime import UTC, datetime

from msgspec.structs import replace

from app import store
from app.announce import trusted
from app.cache.redis import Instance, Rendered
from app.context import Context
from app.query.query import Cursor, Query, Values
from app.syndication.page import Shown
from app.web import representation
from app.web.representation import IDENTITY
from feeds import FORMATS

LINKED = ("hub", "first", "previous", "next", "last", "current", "prev-archive", "next-archive")
NOTHING: Cursor = (0, 0)  # where the last article of an empty feed stands
AWAITED = 0.25  # seconds that another process's rendering is waited for
LOOK = 0.004  # seconds between two looks for it

Revisions = tuple[str, ...] | None  # None: the cache cannot be used


def key_of(context: Context, query: Query, format: str, named: Values, encoding: str = IDENTITY) -> str:
    own = (context.settings.url, context.settings.site_name, context.settings.language)
    asked = "\n".join((format, query.canonical(), encoding, *own, *named))
    return hashlib.sha256(asked.encode()).hexdigest()


def kept(
    context: Context, query: Query, format: str, encoding: str, named: Values, make: Callable[[], Shown]
) -> Rendered:
    """What `make` makes of a query, as bytes in an encoding, from the cache while they are fresh. `named`: what tells it from
    other documents of this query. Raises Unavailable."""
    key = key_of(context, query, format, named, encoding)
    held, revisions = _held(context, key, query)
    if held is not None:
        return held

    def once(waited: bool) -> Rendered:
        held, current = _held(context, key, query) if waited else (None, revisions)
        if held is None and current is not None:
            held, current = _awaited(context, key, query)
        return held or _made(context, key, query, format, encoding, named, make, current)

    return context.once.do(key, once)


def _held(context: Context, key: str, query: Query) -> tuple[Rendered | None, Revisions]:
    """The copy that is fresh, and the revisions in force; None where the cache cannot be used."""
    return context.cache.feed(key, query.scans()) if trusted(context.cache, context.engine) else (None, None)


def _awaited(context: Context, key: str, query: Query) -> tuple[Rendered | None, Revisions]:
    """What another process is rendering at this moment; None where none does, or where it takes too long: then it is rendered here."""
    until = time.monotonic() + AWAITED
    while True:
        if not trusted(context.cache, context.engine):
            return None, None
        mine, held, revisions = context.cache.turn(key, query.scans())
        if mine or held is not None or revisions is None or time.monotonic() > until:
            return held, revisions
        time.sleep(LOOK)


def _made(
    context: Context,
    key: str,
    query: Query,
    format: str,
    encoding: str,
    named: Values,
    make: Callable[[], Shown],
    revisions: Revisions,
) -> Rendered:
    rendered: Rendered | None = None
    try:
        if encoding == IDENTITY:
            rendered, instance = _render(context, format, revisions or (), make)
            if revisions is not None:
                context.cache.keep_instance(key, rendered.etag, instance)
        else:
            plain = kept(context, query, format, IDENTITY, named, make)
            rendered = replace(plain, body=representation.encoded(plain.body, encoding))
    finally:
        if revisions is not None:
            # Of the plain bytes, those of a later moment may have been found: they are kept under their own revisions alone.
            context.cache.keep_feed(key, rendered if rendered and rendered.revisions == revisions else None)
    return rendered


def _render(
    context: Context, format: str, revisions: tuple[str, ...], make: Callable[[], Shown]
) -> tuple[Rendered, Instance]:
    # The last change comes before the articles as well: it may be told too early, never too late.
    mark, at = store.newest_change(context.engine)
    modified = representation.whole_seconds(at, datetime.now(UTC))
    made, standing = make()
    body = FORMATS[format].render(made)
    etag = representation.etag_of(body)
    links = {rel: href for rel, href in {"hub": made.hub, **made.links}.items() if rel in LINKED and href}
    return Rendered(revisions, etag, body, links, modified), Instance(mark, standing[-1] if standing else NOTHING)
