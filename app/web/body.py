"""Reads the body of a push completely, or says why it cannot be read."""

from collections.abc import Iterator, Mapping

from flask import g, request

from app.accounts import structured
from app.accounts.offices import Sender
from app.errors import Problem
from app.files.multipart import readable
from app.web import places
from app.web.context import here

CHUNK = 64 * 1024
DRAIN = 8  # times the largest body: up to this, a body is read and thrown away, so that the sender gets the answer


def check_type() -> None:
    """Raises Problem (415) if the media type is neither XML nor JSON."""
    mimetype = request.mimetype
    if not readable(mimetype):
        shown = mimetype[:80] or "none"
        detail = (
            f"Content-Type must be application/xml, application/json, or multipart/form-data with files, not {shown!r}."
        )
        raise Problem(415, "unsupported-media-type", "Not a media type of releases", detail)


def whole_body(most: int) -> bytes:
    """The whole body. Raises Problem."""
    return b"".join(body_parts(most))


def no_body(sender: Sender) -> Sender:
    """The sender of a request that needs no body. Content-Digest is still compared with the body, which is usually empty."""
    if request.content_length:
        whole_body(here().settings.max_body)
    else:
        _digest({name: start().digest() for name, start in structured.DIGESTS.items()})
    return sender


def body_parts(most: int) -> Iterator[bytes]:
    """The body in parts, as it arrives. If it turns out not to be whole, Problem is raised at its end, and the caller must throw away
    all parts.

    Granian passes on an incomplete body as if it were complete, so the length is checked here.
    """
    if request.headers.get("Transfer-Encoding") or request.content_length is None:
        raise Problem(
            411,
            "length-required",
            "Content-Length is needed",
            "Send the release in one piece, with its length in Content-Length.",
        )
    length = request.content_length
    if length > most:
        if length <= DRAIN * most:
            drain(_read(length))
        raise Problem(
            413, "too-large", "The release is too large", f"It has {length} bytes. The limit is {most} bytes."
        )
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding != "identity":
        drain(_read(length))
        raise Problem(
            415,
            "content-encoding",
            "Compressed releases are not accepted",
            f"Content-Encoding is {encoding[:40]!r}. Send the release uncompressed.",
        )
    hashes = {name: start() for name, start in structured.DIGESTS.items() if "Content-Digest" in request.headers}
    arrived = 0
    for part in _read(length):
        arrived += len(part)
        for hash in hashes.values():
            hash.update(part)
        yield part
    if arrived != length:
        detail = f"Only {arrived} of {length} bytes arrived. Nothing was stored."
        raise Problem(400, "cut-off", "The upload was cut off", detail)
    _digest({name: hash.digest() for name, hash in hashes.items()})


def _read(length: int) -> Iterator[bytes]:
    """The bytes as they arrive. Raises Problem (503) if other requests of this sender use up all places."""
    stream = request.environ["wsgi.input"]
    with places.reading(g.asking[0] if "asking" in g else places.client()):
        while length > 0 and (part := stream.read(min(CHUNK, length))):
            length -= len(part)
            yield part


def drain(parts: Iterator[bytes]) -> None:
    """Read to the end: a sender does not read the answer while it is still sending."""
    for _ in parts:
        pass


def _digest(found: Mapping[str, bytes]) -> None:
    """Compare the digests in Content-Digest, if it was sent, with those of the body; `found`: by algorithm. Raises Problem (400)."""
    field = request.headers.get("Content-Digest", "")
    try:
        sent = structured.digests(field)
    except ValueError:
        raise Problem(
            400, "bad-digest", "Content-Digest cannot be read", f"Its value is {field.strip()[:120]!r}."
        ) from None
    if any(digest != found[name] for name, digest in sent.items()):
        raise Problem(400, "digest-mismatch", "The body does not match Content-Digest", "Nothing was stored.")
