"""Delta encoding: to a client that says which instance of a feed it has, only what changed since (RFC 3229).

The instance manipulation "feed": the entries that are new or changed, as a document of the feed's own format. It is given only
where it tells all that changed: what left the feed too.
"""

import re
from collections.abc import Sequence

from flask import request
from msgspec.structs import replace

from app.cache.redis import Instance
from app.query.query import Cursor, Query
from app.web.representation import ENCODERS
from feeds import TELLS
from feeds.article import Feed

FEED = "feed"
# Caches that know nothing of 226 must not keep a part as the whole; those that do may (RFC 3229, section 10).
CACHE_CONTROL = "no-store, im"
BASES = 8  # ETags of one client that are looked up
ETAG = re.compile(rf"([0-9a-f]{{32}})(?:-(?:{'|'.join(ENCODERS)}))?")
WANTED = re.compile(rf"\s*{FEED}\s*(;\s*q\s*=\s*(0\.[0-9]{{0,2}}[1-9][0-9]{{0,2}}|1(\.0{{0,3}})?)\s*)?", re.IGNORECASE)


class Whole(Exception):
    """The whole feed has to be told."""


def possible(query: Query) -> bool:
    """Whether all that leaves such a feed is known: not of pages, and not where entries are looked up one by one."""
    narrowed = query.probes() or query.exclusions() or query.words or query.since or query.until
    return not (narrowed or query.before or query.after)


def bases(current: str) -> dict[str, str]:
    """The plain ETags of the instances that this client has, and how it sent each; none where it wants no delta, or has
    the current one (RFC 3229, section 10.5.3)."""
    if request.method != "GET" or not any(map(WANTED.fullmatch, request.headers.get("A-IM", "").split(","))):
        return {}
    tags = request.if_none_match.as_set(include_weak=True)
    found = {match[1]: tag for tag in sorted(tags)[:BASES] if (match := ETAG.fullmatch(tag))}
    return {} if current in found or request.if_none_match.star_tag else found


def part(
    whole: Feed, standing: Sequence[Cursor], base: Instance, changed: set[str] | None, format: str, most: int
) -> Feed:
    """What of a feed changed since the base, `changed` being the ids of all that did. `most`: how many that left a feed can tell.
    Raises Whole."""
    if changed is None:
        raise Whole
    # What left above lets in what stood below the base's last article, changed or not.
    articles = tuple(
        article
        for article, stands in zip(whole.articles, standing, strict=True)
        if article.id in changed or stands < base.lowest
    )
    gone = tuple(one for one in whole.withdrawn if one.id in changed)
    if len(articles) == len(whole.articles) or not (articles or gone) or len(gone) == most:
        raise Whole
    if any(format not in TELLS or not (one.canceled or TELLS[format]) for one in gone):
        raise Whole
    return replace(whole, articles=articles, withdrawn=gone)
