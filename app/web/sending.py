"""Sends the bytes of a file, within a time that is enough for a slow line. Several routes share it."""

import time
from collections.abc import Iterator
from functools import partial
from typing import IO

from flask import Response, request
from werkzeug.datastructures import Headers

from app import store
from app.web import embargoed, places, protection, representation
from app.web.context import Context

CHUNK = 64 * 1024
AT_ONCE = 1024 * 1024  # about as many bytes as the web server and the kernel accept at once
PATIENCE, SLOWEST = 30.0, 20_000  # a reader may take PATIENCE seconds, and one more for each SLOWEST bytes

# The bytes at a URL never change, but the right to see them may end: a shared cache asks again after five minutes.
# A browser may keep the file; shared caches must drop a withdrawn file within 30 seconds.
CACHE_CONTROL = "public, max-age=86400, s-maxage=20, stale-while-revalidate=10, immutable"
INLINE = {"application/pdf", "image/jpeg", "image/png", "image/gif", "image/webp", "image/avif"}


def file_headers(found: store.articles.FileRecord) -> Headers:
    """The headers of a public file."""
    headers = Headers()
    textual = found.mimetype.startswith("text/")
    # The encoding of the text is not known. Without a charset, a browser guesses it, and text/plain is never run.
    headers["Content-Type"] = "text/plain" if textual and found.mimetype != "text/csv" else found.mimetype
    headers["Content-Disposition"] = representation.disposition(found.name, inline=found.mimetype in INLINE)
    headers["Accept-Ranges"] = "bytes"
    headers["Cache-Control"] = CACHE_CONTROL
    headers["Content-Security-Policy"] = protection.FILE
    return headers


def early_file(context: Context, found: store.articles.FileRecord) -> Response:
    """A file of an article under embargo, for this reader only. Raises Problem (503) and Unavailable."""
    response = embargoed.private(Response(headers=file_headers(found)))
    response.content_length = found.size
    if request.method != "HEAD":
        pass_on(context, response, found.sha256, 0, found.size)
    return response


def pass_on(context: Context, response: Response, sha256: str, start: int, length: int) -> None:
    """Send the bytes as the reader takes them, within a time that is enough for a slow line. A large part occupies a place while it is
    sent. Raises Problem (503) and Unavailable."""
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


def _chunks(source: IO[bytes], length: int) -> Iterator[bytes]:
    end = time.monotonic() + PATIENCE + length / SLOWEST
    while length:
        if time.monotonic() > end:
            raise OSError("A reader takes a file too slowly.")
        chunk = source.read(min(CHUNK, length))
        if not chunk:
            raise OSError("A file became shorter while it was read.")  # The reader notices it by Content-Length.
        length -= len(chunk)
        yield chunk
