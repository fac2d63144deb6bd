"""Delta encoding (RFC 3229): a client that names the instance of a feed that it has gets only the changes since.

The instance manipulation is "feed": a document in the feed's own format with the entries that are new or changed. It is used only if
it can show every change, entries that left the feed included.
"""

import re
from collections.abc import Sequence

from flask import request
from msgspec.structs import replace

from app.cache.redis import Instance
from app.query import Cursor, Query
from app.syndication.page import WITHDRAWN
from app.syndication.retired import has_ended
from app.web.conditional import ENCODINGS
from feeds import Feed, Fragment, format_of

FEED = "feed"
# Caches that do not know status 226 must not store a part as if it were the whole; those that know it may (RFC 3229, section 10).
CACHE_CONTROL = "no-store, im"
BASES = 8  # ETags of one client that are looked up
ETAG = re.compile(rf"([0-9a-f]{{32}})(?:-(?:{'|'.join(ENCODINGS)})(?:\.[a-z0-9]{{1,8}})?)?")
WANTED = re.compile(rf"\s*{FEED}\s*(;\s*q\s*=\s*(0\.[0-9]{{0,2}}[1-9][0-9]{{0,2}}|1(\.0{{0,3}})?)\s*)?", re.IGNORECASE)


class Whole(Exception):
    """A delta cannot be used: the client has to get the whole feed."""


def possible(query: Query) -> bool:
    """Whether it is known which entries leave such a feed. It is not known for pages, nor if entries are looked up one by one."""
    if has_ended(query):  # The entry that says so belongs to no change.
        return False
    narrowed = query.probes() or query.exclusions() or query.words or query.since or query.until
    return not (narrowed or query.before or query.after)


def bases(current: str) -> dict[str, str]:
    """The uncompressed ETags of the instances that this client has -> the ETags as it sent them. Empty if it does not want a delta, or
    already has the current instance (RFC 3229, section 10.5.3)."""
    if request.method != "GET" or not any(map(WANTED.fullmatch, request.headers.get("A-IM", "").split(","))):
        return {}
    tags = request.if_none_match.as_set(include_weak=True)
    found = {match[1]: tag for tag in sorted(tags)[:BASES] if (match := ETAG.fullmatch(tag))}
    return {} if current in found or request.if_none_match.star_tag else found


def part(
    whole: Feed,
    written: Sequence[Fragment],
    standing: Sequence[Cursor],
    base: Instance,
    changed: set[str] | None,
    format: str,
) -> Feed:
    """The part of a feed that changed since the base. `written` are the fragments of its articles, at the positions `standing`;
    `changed` are the ids of all changed articles; None if they are not known. Raises Whole."""
    if changed is None:
        raise Whole
    # When articles leave the feed, older ones from below the base's last article move in, changed or not.
    chosen = tuple(
        fragment
        for fragment, position in zip(written, standing, strict=True)
        if fragment.pieces and (fragment.id in changed or position < base.lowest)
    )
    gone = tuple(withdrawn for withdrawn in whole.withdrawn if withdrawn.id in changed)
    if len(chosen) == len(whole.fragments) or not (chosen or gone) or len(gone) == WITHDRAWN:
        raise Whole
    if not all(map(format_of(format).tells, gone)):
        raise Whole
    return replace(whole, fragments=chosen, withdrawn=gone)
