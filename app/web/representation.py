"""One representation of what is asked for: its encoding, its validators, 304, and what shared caches may do with it.

RFC 9110 (sections 8.8, 12.5.3, 13), RFC 9111.
"""

import gzip
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import brotli
import zstandard
from flask import Response, request

from app.errors import Problem
from app.web import conditional
from app.web.conditional import ENCODINGS, tag_of

CACHE_CONTROL = "public, max-age=30, stale-while-revalidate=300, stale-if-error=86400"
# What may be withdrawn: a cache in between may show it for so long, and is told by which key to purge it at once.
OF_ARTICLE = "public, max-age=30"
IDENTITY = "identity"
# Levels: what costs about as much as rendering the feed.
ENCODERS: dict[str, Callable[[bytes], bytes]] = {
    "zstd": lambda body: zstandard.compress(body, 9),
    "br": lambda body: brotli.compress(body, quality=5),
    "gzip": lambda body: gzip.compress(body, 6, mtime=0),
}
WORTHWHILE = 512  # bytes; less is sent as it is


def encoding() -> str:
    """What this client takes best (RFC 9110, section 12.5.3): "zstd", "br", "gzip" or "identity"."""
    if "Accept-Encoding" not in request.headers:
        return IDENTITY
    accepted = request.accept_encodings
    best = max(ENCODINGS, key=accepted.quality)
    quality = accepted.quality(best)
    # What is not named is taken as it is, unless the client forbids it.
    plain = next((quality for name, quality in accepted if name.lower() == IDENTITY), 0.0)
    return best if quality > 0 and quality >= plain else IDENTITY


def encoded(body: bytes, name: str) -> bytes:
    """The body in that encoding; the same body gives the same bytes."""
    return body if name == IDENTITY else ENCODERS[name](body)


def etag_of(body: bytes) -> str:
    """The strong validator of a document as it is: a hash of its bytes."""
    return hashlib.sha256(body).hexdigest()[:32]


def media_type(content_type: str) -> str:
    """A media type without its parameters."""
    return content_type.partition(";")[0]


def whole(body: bytes, content_type: str, *, modified: int = 0, status: int = 200) -> Response:
    """The response to a document that is made for this request, compressed if that is worth it, or 304."""
    taken = encoding() if len(body) >= WORTHWHILE else IDENTITY
    return respond(encoded(body, taken), content_type, etag_of(body), encoding=taken, modified=modified, status=status)


def negotiate(types: dict[str, str], default: str) -> str:
    """The value of the media type that the client likes best, the default's where it does not say (RFC 9110, section 12.5.1).
    Raises Problem 406."""
    if not request.headers.get("Accept"):
        return types[default]
    best = request.accept_mimetypes.best_match(types)
    if best is None:
        detail = f"Formats are {', '.join(types)}."
        raise Problem(406, "not-acceptable", "No such format", detail, headers={"Vary": "Accept"})
    return types[best]


def respond(
    body: bytes,
    content_type: str,
    etag: str,
    *,
    encoding: str = IDENTITY,
    modified: int = 0,
    cache_control: str = CACHE_CONTROL,
    status: int = 200,
) -> Response:
    """The response, or 304. `body` is encoded already; `etag` is of the plain bytes; `modified`: seconds since 1970, 0 where
    it is not to be told."""
    response = Response(body, status, content_type=content_type)
    response.set_etag(tag_of(etag, encoding))
    response.headers["Cache-Control"] = cache_control
    response.headers["Vary"] = "Accept-Encoding"
    if encoding != IDENTITY:
        response.headers["Content-Encoding"] = encoding
    if modified:
        response.headers["Last-Modified"] = format_datetime(datetime.fromtimestamp(modified, UTC), usegmt=True)
    if status == 200 and fresh(etag, modified):
        response.status_code = 304
        response.set_data(b"")
        for name in ("Content-Type", "Content-Length", "Content-Encoding"):
            response.headers.pop(name, None)
    return response


def fresh(etag: str, modified: int) -> bool:
    """Whether the client has it."""
    if request.method not in ("GET", "HEAD"):
        return False
    given = request.headers
    return conditional.fresh(given.get("If-None-Match"), given.get("If-Modified-Since"), etag, modified)


def whole_seconds(moment: datetime | None, now: datetime) -> int:
    """`Last-Modified` of something that changed at `moment`: the next whole second since 1970, or 0 while that second lasts,
    for another change within it could not be told from this one (RFC 9110, section 8.8.2.2)."""
    if moment is None:
        return 0
    second = moment.replace(microsecond=0) + timedelta(seconds=1)
    return int(second.timestamp()) if second <= now else 0


def of_article(response: Response) -> Response:
    """What shows an article may be withdrawn: no cache in between keeps it beyond its time, and each can be told to purge it."""
    if response.headers.get("Cache-Control") == CACHE_CONTROL:
        response.headers["Cache-Control"] = OF_ARTICLE
        response.headers["Surrogate-Key"] = f"article/{(request.view_args or {})['id']}"
    return response


def allow_all_origins(response: Response) -> Response:
    """Feeds are public: a script of any site may read them, validators included (CORS, https://fetch.spec.whatwg.org/)."""
    if (
        response.cache_control.private or response.status_code == 401
    ):  # what needs a token is for no other site's scripts
        return response
    response.headers["Access-Control-Allow-Origin"] = "*"
    if request.method == "OPTIONS":
        response.headers["Access-Control-Allow-Methods"] = "GET, HEAD, OPTIONS"
        response.headers["Access-Control-Allow-Headers"] = "A-IM, If-Modified-Since, If-None-Match"
        response.headers["Access-Control-Max-Age"] = "86400"
    else:
        response.headers["Access-Control-Expose-Headers"] = "Content-Encoding, ETag, IM, Last-Modified, Link"
    return response
