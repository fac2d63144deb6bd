"""The representation of a resource in HTTP: its encoding, its validators, 304, and what shared caches may do with it.

RFC 9110 (sections 8.8, 12.5.3, 13), RFC 9111.
"""

import hashlib
import re
import time
from datetime import UTC, datetime
from email.utils import format_datetime
from urllib.parse import quote

from flask import Response, request
from werkzeug.datastructures import MIMEAccept

from app.errors import Problem
from app.web import conditional
from app.web.compression import quickly
from app.web.conditional import ENCODINGS, encoding_in, tag_of

NO_NAME = re.compile(r'[\\/:*?"<>|\x00-\x1f\x7f\u202a-\u202e\u2066-\u2069]')  # may not be in the name of a file
LONGEST_NAME = 80  # characters of the headline

# An article may be withdrawn, and must be gone from every cache within 30 seconds: max-age and stale-while-revalidate together. Both
# are named, because a cache such as Varnish has a window of its own otherwise. Surrogate-Key lets it purge an article at once.
OF_ARTICLE = "public, max-age=20, stale-while-revalidate=10"
CACHE_CONTROL = f"{OF_ARTICLE}, stale-if-error=86400"
IDENTITY = "identity"
XML = ("application/xml", "text/xml")  # the types of XML in general (RFC 7303), which many clients ask for
ATTR_CHAR = "!#$&+-.^_`|~"  # RFC 8187, section 3.2.1, besides letters and digits
PACKED = {"application/hwp+zip", "application/pdf"}  # compressed inside already
VARY_OF_PAGES = (
    "Accept-Encoding, Accept-Language, Cookie"  # a page's language: the cookie of app/web/html.py comes first
)
WORTHWHILE = 512  # bytes; smaller bodies are not compressed


def encoding() -> str:
    """The encoding that the client prefers (RFC 9110, section 12.5.3): "zstd", "br", "gzip" or "identity"."""
    if "Accept-Encoding" not in request.headers:
        return IDENTITY
    accepted = request.accept_encodings
    best = max(ENCODINGS, key=accepted.quality)
    quality = accepted.quality(best)
    # Without a word about "identity", the client accepts it.
    plain = next((quality for name, quality in accepted if name.lower() == IDENTITY), 0.0)
    return best if quality > 0 and quality >= plain else IDENTITY


def encoded(body: bytes, name: str) -> tuple[bytes, str]:
    """The body in that encoding, and the coding that names its bytes (app/web/compression.py)."""
    return (body, IDENTITY) if name == IDENTITY else quickly(body, name)


def etag_of(body: bytes) -> str:
    """The strong validator of an uncompressed document: a hash of its bytes."""
    return hashlib.sha256(body).hexdigest()[:32]


def media_type(content_type: str) -> str:
    """A media type without its parameters."""
    return content_type.partition(";")[0]


def whole(body: bytes, content_type: str, *, modified: int = 0, status: int = 200) -> Response:
    """The response with a document that is made for this request, compressed if it is large enough; or 304."""
    name = encoding() if len(body) >= WORTHWHILE and content_type not in PACKED else IDENTITY
    sent, coding = encoded(body, name)
    return respond(sent, content_type, etag_of(body), coding=coding, modified=modified, status=status)


def negotiate(types: dict[str, str], default: str) -> str:
    """The value of the media type that the client prefers; that of the default if it names none (RFC 9110, section 12.5.1).
    Raises Problem 406."""
    if not request.headers.get("Accept"):
        return types[default]
    best = _without_parameters(request.accept_mimetypes).best_match(types)
    if best is None:
        detail = f"Accept names none of the media types here: {', '.join(types)}."
        raise Problem(406, "not-acceptable", "No acceptable format", detail, headers={"Vary": "Accept"})
    return types[best]


def _without_parameters(accepted: MIMEAccept) -> MIMEAccept:
    """The accepted types without their parameters, such as `charset`: our types have none that a client could choose between."""
    qualities: dict[str, float] = {}
    for value, quality in accepted:
        name = media_type(value).strip()
        qualities[name] = max(quality, qualities.get(name, 0))
    return MIMEAccept(list(qualities.items()))


def respond(
    body: bytes,
    content_type: str,
    etag: str,
    *,
    coding: str = IDENTITY,
    modified: int = 0,
    cache_control: str = CACHE_CONTROL,
    status: int = 200,
) -> Response:
    """The response, or 304. `body` is already in the coding; `etag` is that of the uncompressed bytes; `modified` is in seconds since
    1970, 0 for no Last-Modified."""
    modified = told(modified)
    response = Response(body, status, content_type=content_type)
    response.set_etag(tag_of(etag, coding))
    response.headers["Cache-Control"] = cache_control
    response.headers["Vary"] = "Accept-Encoding"
    if coding != IDENTITY:
        response.headers["Content-Encoding"] = encoding_in(coding)
    if modified:
        response.headers["Last-Modified"] = format_datetime(datetime.fromtimestamp(modified, UTC), usegmt=True)
    if status == 200 and fresh(etag, modified):
        response.status_code = 304
        response.set_data(b"")
        for name in ("Content-Type", "Content-Length", "Content-Encoding"):
            response.headers.pop(name, None)
    return response


def fresh(etag: str, modified: int) -> bool:
    """Whether the client already has this document."""
    if request.method not in ("GET", "HEAD"):
        return False
    headers = request.headers
    return conditional.fresh(headers.get("If-None-Match"), headers.get("If-Modified-Since"), etag, modified)


def whole_seconds(moment: datetime | None) -> int:
    """The date of something that changed at `moment`, for `Last-Modified`: the next whole second since 1970; 0 if it never changed."""
    return 0 if moment is None else int(moment.timestamp()) + 1


def told(modified: int) -> int:
    """That date once its second is reached, else 0: another change before it would get the same date (RFC 9110, section 8.8.2.2)."""
    return modified if modified <= time.time() else 0


def of_article(response: Response) -> Response:
    """The headers of an answer that shows an article: shared caches may keep it only for a short time, and can purge it at once."""
    if response.headers.get("Cache-Control") == CACHE_CONTROL:
        response.headers["Cache-Control"] = OF_ARTICLE
        response.headers["Surrogate-Key"] = article_key((request.view_args or {})["id"])
    return response


def article_key(id: str) -> str:
    """The key of everything that shows an article, as caches in front know it (app/deliveries/purge.py)."""
    return f"article/{id}"


def allow_all_origins(response: Response) -> Response:
    """Let scripts of any site read a public answer and its validators (CORS, https://fetch.spec.whatwg.org/)."""
    if (
        response.cache_control.private or response.status_code == 401
    ):  # other sites' scripts must not read private answers
        return response
    response.headers["Access-Control-Allow-Origin"] = "*"
    if request.method == "OPTIONS":
        response.headers["Access-Control-Allow-Methods"] = "GET, HEAD, OPTIONS"
        response.headers["Access-Control-Allow-Headers"] = "A-IM, If-Modified-Since, If-None-Match"
        response.headers["Access-Control-Max-Age"] = "86400"
    else:
        response.headers["Access-Control-Expose-Headers"] = "Content-Encoding, ETag, IM, Last-Modified, Link"
    return response


def document_name(headline: str, issued: datetime, suffix: str) -> str:
    """The name of an article's document as offices give it: "210309 명품 으뜸 도정상.hwpx". `issued`: where the offices are."""
    words = " ".join(NO_NAME.sub(" ", headline).split())[:LONGEST_NAME].strip()
    return f"{issued:%y%m%d} {words}.{suffix}"


def disposition(name: str, *, inline: bool) -> str:
    """Content-Disposition with the name in ASCII for old clients and in full for others (RFC 6266, appendix D)."""
    how = "inline" if inline else "attachment"
    plain = "".join(c if c.isascii() and c not in '"\\%' else "_" for c in name)
    if plain == name:
        return f'{how}; filename="{name}"'
    return f"{how}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe=ATTR_CHAR)}"
