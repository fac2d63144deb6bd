"""POST /releases: the door. Order of checks: token, size, encoding, XML, schema, article by article."""

import base64
import binascii
import hashlib
from collections.abc import Iterator, Mapping
from contextlib import suppress

import msgspec
from flask import Blueprint, Response, g, request

from app.accounts.offices import Sender
from app.context import Context
from app.errors import Problem
from app.files.multipart import XML_TYPES, Limits, receive, spool
from app.intake.releases import Receipt, as_problem, take
from app.store import Event
from app.web import access, places
from app.web.context import here

blueprint = Blueprint("ingest", __name__)

CHUNK = 64 * 1024
DRAIN = 8  # times the largest body: as much is read and thrown away, so that the sender hears why
DIGESTS = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}


@blueprint.post("/releases")
def post() -> Response:
    """Take a release, alone or with its files: 201, 200 when nothing is new, 207 when its articles differ, or one problem."""
    context = here()
    sender = access.sender(access.needed("publish"))
    dry_run = _dry_run()
    if request.mimetype == "multipart/form-data":
        if "signed" in g:
            detail = (
                "The signature is of the whole request, of which the release alone is kept: nobody could check it later."
                " Sign the release with its files by address, or send both with a token."
            )
            raise Problem(400, "signed-files", "A signed release comes without files", detail)
        return _answer(_with_files(context, sender, dry_run))
    body = whole_body(context.settings.max_body)
    check_type()
    receipts = take(context, access.spent(sender), body, request.headers.get("Content-Type", ""), dry_run=dry_run)
    return _answer(receipts)


def _with_files(context: Context, sender: Sender, dry_run: bool) -> list[Receipt]:
    settings = context.settings
    limits = Limits(settings.max_body, settings.max_file, settings.max_files)
    parts = body_parts(settings.max_upload)
    with spool(settings.data_dir) as directory:
        try:
            received = receive(parts, request.mimetype_params.get("boundary", ""), directory, limits)
        except Problem:
            with suppress(Problem):
                _drain(parts)
            raise
        _drain(parts)  # What stands after the last part counts as well, and only now the body is known to be whole.
        return take(context, sender, received.body, received.content_type, dry_run=dry_run, files=received.files)


def _dry_run() -> bool:
    value = request.args.get("dry_run", "0")
    if value not in ("0", "1"):
        raise Problem(400, "bad-parameter", "Bad parameter", "dry_run takes 0 or 1.")
    return value == "1"


def check_type() -> None:
    """Raises Problem (415) for what is no XML media type."""
    mimetype = request.mimetype
    if mimetype not in XML_TYPES and not mimetype.endswith("+xml"):
        detail = (
            f"Send Content-Type: application/xml, or multipart/form-data with files; not {mimetype[:80] or 'none'!r}."
        )
        raise Problem(415, "unsupported-media-type", "Not an XML media type", detail)


def whole_body(most: int) -> bytes:
    """The whole body, or the reason why not. Raises Problem."""
    return b"".join(body_parts(most))


def no_body(sender: Sender) -> Sender:
    """The sender of a request that says all in its address: what Content-Digest says of the body is compared all the same."""
    if request.content_length:
        whole_body(here().settings.max_body)
    else:
        _digest({name: start().digest() for name, start in DIGESTS.items()})
    return sender


def body_parts(most: int) -> Iterator[bytes]:
    """The body as it comes, and at its end the reason why it is not whole: what came before must then be thrown away.

    Granian hands a cut-off body on as if it were whole (D1, D2). Raises Problem.
    """
    if request.headers.get("Transfer-Encoding") or request.content_length is None:
        raise Problem(
            411, "length-required", "Content-Length is needed", "Send the release in one piece with its length."
        )
    length = request.content_length
    if length > most:
        if length <= DRAIN * most:
            _drain(_read(length))
        raise Problem(413, "too-large", "The release is too large", f"{length} bytes; at most {most} are taken.")
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding != "identity":
        _drain(_read(length))
        raise Problem(
            415, "content-encoding", "Compressed releases are not taken", f"Content-Encoding: {encoding[:40]!r}."
        )
    hashes = {name: start() for name, start in DIGESTS.items() if "Content-Digest" in request.headers}
    arrived = 0
    for part in _read(length):
        arrived += len(part)
        for hash in hashes.values():
            hash.update(part)
        yield part
    if arrived != length:
        detail = f"{arrived} of {length} bytes arrived; nothing was stored."
        raise Problem(400, "cut-off", "The upload was cut off", detail)
    _digest({name: hash.digest() for name, hash in hashes.items()})


def _read(length: int) -> Iterator[bytes]:
    """The bytes as they come. Raises Problem (503) where this sender's others take up all places."""
    stream = request.environ["wsgi.input"]
    with places.reading(g.asking[0] if "asking" in g else places.client()):
        while length > 0 and (part := stream.read(min(CHUNK, length))):
            length -= len(part)
            yield part


def _drain(parts: Iterator[bytes]) -> None:
    """Read to the end: a sender that is still sending does not hear an answer."""
    for _ in parts:
        pass


def _digest(found: Mapping[str, bytes]) -> None:
    """Content-Digest, where it is sent (RFC 9530, section 2)."""
    for field in filter(None, request.headers.get("Content-Digest", "").split(",")):
        name, _, value = field.strip().partition("=")
        if name.lower() not in DIGESTS:
            continue
        try:
            sent = base64.b64decode(value.strip().strip(":"), validate=True)
        except binascii.Error:
            raise Problem(400, "bad-digest", "Content-Digest cannot be read", f"{field.strip()[:120]!r}") from None
        if sent != found[name.lower()]:
            raise Problem(400, "digest-mismatch", "The body is not what Content-Digest says", "Nothing was stored.")


def _answer(receipts: list[Receipt]) -> Response:
    statuses = {receipt.status for receipt in receipts}
    if any(receipt.id for receipt in receipts if receipt.problem is not None):
        access.keep_refusals(_refusals(receipts))
        g.pop("asking")  # told by article: not once more for the request
    if all(receipt.problem is not None for receipt in receipts) and len(statuses) == 1:
        raise as_problem(receipts)
    if "asking" in g:
        access.keep_refusals(_refusals(receipts))
    if len(receipts) == 1:
        receipt = receipts[0]
        headers = {"Location": receipt.url} if receipt.status == 201 else {}
        return _json(msgspec.json.encode(receipt), receipt.status, headers)
    status = statuses.pop() if len(statuses) == 1 else 207
    return _json(msgspec.json.encode({"receipts": receipts}), status, {})


def _refusals(receipts: list[Receipt]) -> list[Event]:
    """What the audit log tells of articles that were refused beside others."""
    actor, office = g.asking
    return [
        Event(
            "refused",
            actor,
            office,
            receipt.id,
            receipt.version,
            {"problem": str(receipt.problem["type"]).rpartition(":")[2], "request": "POST /releases"},
        )
        for receipt in receipts
        if receipt.problem is not None
    ]


def _json(body: bytes, status: int, headers: dict[str, str]) -> Response:
    return Response(body, status, {"Cache-Control": "no-store", **headers}, mimetype="application/json")
