"""GET /files/…: the files of public articles. Ranges as in https://www.rfc-editor.org/rfc/rfc9110#section-14"""

import re
import time
from collections.abc import Iterator
from functools import partial
from typing import IO
from urllib.parse import quote

from flask import Blueprint, Response, request
from msgspec.structs import replace
from werkzeug.datastructures import Headers

from app import store
from app.context import Context
from app.errors import Problem
from app.files.blobs import SHA256
from app.files.filetypes import OCTETS
from app.files.multipart import clean
from app.store import FileRecord
from app.web import places, protection
from app.web.context import here
from app.web.routes import embargoed

blueprint = Blueprint("files", __name__)

CHUNK = 64 * 1024
AT_ONCE = 1024 * 1024  # bytes that the web server and the kernel take from us at once, or nearly
PATIENCE, SLOWEST = 30.0, 20_000  # seconds that a reader may take, and bytes a second besides
# The bytes of an address never change, but whether they may be seen does: a shared cache asks again after five minutes.
CACHE_CONTROL = "public, max-age=86400, s-maxage=300, immutable"
INLINE = {"application/pdf", "image/jpeg", "image/png", "image/gif", "image/webp", "image/avif"}
RANGE = re.compile(r"bytes=\s*(?:(?P<first>\d{1,18})-(?P<last>\d{0,18})|-(?P<tail>\d{1,18}))\s*", re.IGNORECASE)
ATTR_CHAR = "!#$&+-.^_`|~"  # RFC 8187, section 3.2.1, besides letters and digits


@blueprint.get("/files/<sha256>/<name>")
def file(sha256: str, name: str) -> Response:
    """A file while an article that carries it is public; else 404, as if it did not exist."""
    context = here()
    known = store.public_files(context.engine, sha256) if SHA256.fullmatch(sha256) else []
    named = [file for file in known if file.name == clean(name)]
    found = named[0] if named else None
    if len({file.mimetype for file in named}) > 1:
        # Two offices sent the same bytes under the same name and call them differently: neither's word counts for the other.
        found = replace(named[0], mimetype=OCTETS)
    early = None
    if found is None and SHA256.fullmatch(sha256):
        early = found = embargoed.file(sha256, clean(name))
    if found is None:
        raise Problem(404, "unknown-file", "No such file")
    response = Response(headers=_headers(found))
    if early:
        embargoed.private(response)
        response.content_length = found.size
        if request.method != "HEAD":
            _send(context, response, found.sha256, 0, found.size)
        return response
    response.set_etag(found.sha256)
    response.make_conditional(request)
    if response.status_code == 304:
        return response
    part = _range(found.size)
    start, length = part or (0, found.size)
    response.content_length = length
    if part:
        response.status_code = 206
        response.headers["Content-Range"] = f"bytes {start}-{start + length - 1}/{found.size}"
    if request.method != "HEAD":
        _send(context, response, found.sha256, start, length)
    return response


def _send(context: Context, response: Response, sha256: str, start: int, length: int) -> None:
    """Send the bytes as the reader takes them, within a time that a slow line needs; a larger part takes a place, for as long as it is
    sent. Raises Problem (503), Unavailable."""
    if length > AT_ONCE:
        sending, who = places.kinds().files, places.client()
        if not sending.take(who):
            raise places.busy("large files")
        response.call_on_close(partial(sending.leave, who))
    try:
        source = context.blobs.open(sha256, start, length)
    except BaseException:
        response.close()  # which gives the place back
        raise
    response.call_on_close(source.close)
    response.response = _chunks(source, length)


def _headers(found: FileRecord) -> Headers:
    headers = Headers()
    textual = found.mimetype.startswith("text/")
    # How the office encoded it is not known; a reader told nothing guesses, and runs nothing.
    headers["Content-Type"] = "text/plain" if textual and found.mimetype != "text/csv" else found.mimetype
    headers["Content-Disposition"] = disposition(found.name, inline=found.mimetype in INLINE)
    headers["Accept-Ranges"] = "bytes"
    headers["Cache-Control"] = CACHE_CONTROL
    headers["Content-Security-Policy"] = protection.FILE
    return headers


def disposition(name: str, *, inline: bool) -> str:
    """Content-Disposition with the name in ASCII for old readers and whole for the others (RFC 6266, appendix D)."""
    how = "inline" if inline else "attachment"
    plain = "".join(c if c.isascii() and c not in '"\\%' else "_" for c in name)
    if plain == name:
        return f'{how}; filename="{name}"'
    return f"{how}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe=ATTR_CHAR)}"


def _range(size: int) -> tuple[int, int] | None:
    """Where the part that is asked for starts and how long it is; None: the whole. Raises Problem (416).

    Several ranges, and what is no range, are answered with the whole file (RFC 9110, section 14.2).
    """
    asked = RANGE.fullmatch(request.headers.get("Range", ""))
    if asked is None or not _unchanged():
        return None
    first, last, tail = (int(asked[name]) if asked[name] else None for name in ("first", "last", "tail"))
    start = first if first is not None else max(0, size - (tail or 0))
    if last is not None and last < start:
        return None
    end = size if last is None else min(last + 1, size)
    if start >= end:
        headers = {"Content-Range": f"bytes */{size}"}
        raise Problem(416, "bad-range", "No such range", f"The file has {size} bytes.", headers=headers)
    return start, end - start


def _unchanged() -> bool:
    """If-Range: only a strong tag that is this file's; a date tells nothing of a file without one."""
    condition = request.headers.get("If-Range")
    return condition is None or condition.strip() == f'"{(request.view_args or {})["sha256"]}"'


def _chunks(source: IO[bytes], length: int) -> Iterator[bytes]:
    end = time.monotonic() + PATIENCE + length / SLOWEST
    while length:
        if time.monotonic() > end:
            raise OSError("A reader takes a file too slowly.")
        chunk = source.read(min(CHUNK, length))
        if not chunk:
            raise OSError("A file became shorter while it was read.")  # Content-Length tells the reader as well.
        length -= len(chunk)
        yield chunk
