"""The HTTP response with a document of a feed: a page of it, or a part of its archive."""

import re
from urllib.parse import quote

from flask import Response

from app.cache.redis import Rendered
from app.query import Query
from app.web import representation
from app.web.representation import CACHE_CONTROL
from feeds import format_of

_WORD = re.compile(r"[!-~]+")


def respond(
    rendered: Rendered,
    query: Query,
    format: str,
    own: str,
    cache_control: str = CACHE_CONTROL,
    status: int = 200,
) -> Response:
    """The response with a rendered document; `own` is its canonical URL. The header Link has what discovery needs (`self` and `hub`),
    and the links for which the format has no place."""
    module = format_of(format)
    response = representation.respond(
        rendered.body,
        module.MIMETYPE,
        rendered.etag,
        coding=rendered.coding,
        modified=rendered.modified,
        cache_control=cache_control,
        status=status,
    )
    links = [f'<{own}>; rel="self"']
    links += [f'<{href}>; rel="{rel}"' for rel, href in rendered.links.items() if rel not in module.LINKED]
    response.headers["Link"] = ", ".join(links)
    keys = [*map(_plain, pairs_of(query)), *map(representation.article_key, rendered.shown)]
    response.headers["Surrogate-Key"] = " ".join(keys)
    return response


def pairs_of(query: Query) -> list[str]:
    """The pairs of place and topic that a feed shows, as announcements and shared caches name them."""
    return [f"{place}/{topic}" for place, topic in query.scans()]


def _plain(pair: str) -> str:
    """A pair as one word of a header. It may need encoding because a licence may be any text."""
    return pair if _WORD.fullmatch(pair) else quote(pair, safe="/:*")
