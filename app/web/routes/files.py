"""GET /files/…: the files of public articles. Ranges as in https://www.rfc-editor.org/rfc/rfc9110#section-14"""

import re

from flask import Blueprint, Response, request
from msgspec.structs import replace

from app import store, web
from app.files.blobs import SHA256
from app.files.filetypes import OCTETS
from app.files.multipart import clean
from app.web import Problem, here

blueprint = Blueprint("files", __name__)

RANGE = re.compile(r"bytes=\s*(?:(?P<first>\d{1,18})-(?P<last>\d{0,18})|-(?P<tail>\d{1,18}))\s*", re.IGNORECASE)


@blueprint.get("/files/<sha256>/<name>")
def file(sha256: str, name: str) -> Response:
    """A file, while an article that it belongs to is public; otherwise 404, as if it did not exist."""
    context = here()
    known = store.articles.public_files(context.engine, sha256) if SHA256.fullmatch(sha256) else []
    named = [file for file in known if file.name == clean(name)]
    found = named[0] if named else None
    if len({file.mimetype for file in named}) > 1:
        # If two offices sent the same bytes with the same name but with different media types, neither type is used.
        found = replace(named[0], mimetype=OCTETS)
    if found is None:
        early = web.embargoed.file(sha256, clean(name)) if SHA256.fullmatch(sha256) else None
        if early is None:
            raise Problem(404, "unknown-file", "No such file")
        return web.sending.early_file(context, early)
    response = Response(headers=web.sending.file_headers(found))
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
        web.sending.pass_on(context, response, found.sha256, start, length)
    return response


def _range(size: int) -> tuple[int, int] | None:
    """The start and the length of the requested part; None: the whole file. Raises Problem (416).

    Several ranges, and headers that are no valid range, are answered with the whole file (RFC 9110, section 14.2).
    """
    match = RANGE.fullmatch(request.headers.get("Range", ""))
    if match is None or not _unchanged():
        return None
    first, last, tail = (int(match[name]) if match[name] else None for name in ("first", "last", "tail"))
    start = first if first is not None else max(0, size - (tail or 0))
    if last is not None and last < start:
        return None
    end = size if last is None else min(last + 1, size)
    if start >= end:
        headers = {"Content-Range": f"bytes */{size}"}
        raise Problem(416, "bad-range", "No such range", f"The file has {size} bytes.", headers=headers)
    return start, end - start


def _unchanged() -> bool:
    """Whether If-Range allows a part: only the strong ETag of this file does. A date does not, because files have no Last-Modified."""
    condition = request.headers.get("If-Range")
    return condition is None or condition.strip() == f'"{(request.view_args or {})["sha256"]}"'
