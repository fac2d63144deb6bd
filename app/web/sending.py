"""Sends the bytes of a file, within a time that is enough for a slow line. Several routes share it."""

import time
from collections.abc import Iterator
from functools import partial
from typing import IO

from flask import Response

from app.web import places
from app.web.context import Context

CHUNK = 64 * 1024
AT_ONCE = 1024 * 1024  # about as many bytes as the web server and the kernel accept at once
PATIENCE, SLOWEST = 30.0, 20_000  # a reader may take so many seconds, and one more for each so many bytes


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
