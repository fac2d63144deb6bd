"""POST /releases: the door. Order of checks: token, size, encoding, XML, schema, article by article."""

import base64
import binascii
import hashlib

import msgspec
from flask import Blueprint, Response, request

from app import store
from app.errors import Problem
from app.intake import Receipt, as_problem, take
from app.office import OfficeRecord
from app.routes.context import here

blueprint = Blueprint("ingest", __name__)

XML_TYPES = ("application/xml", "text/xml")
CHUNK = 64 * 1024
DRAIN = 8  # times the largest body: as much is read and thrown away, so that the sender hears why
DIGESTS = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}


@blueprint.post("/releases")
def post() -> Response:
    """Take a release: 201, 200 when nothing is new, 207 when its articles differ, or one problem."""
    context = here()
    office = token_office()
    dry_run = _dry_run()
    body = whole_body(context.settings.max_body)
    _mimetype()
    receipts = take(context, office, body, request.headers.get("Content-Type", ""), dry_run=dry_run)
    return _answer(receipts)


def token_office() -> OfficeRecord:
    """Whose token came, as Bearer (RFC 6750) or as Basic password (RFC 7617) for clients that know no other way."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    challenge = {"WWW-Authenticate": 'Bearer realm="pressrelay", Basic realm="pressrelay", charset="UTF-8"'}
    if scheme.lower() == "basic" and request.authorization is not None:
        token = request.authorization.password or ""
    elif scheme.lower() != "bearer":
        token = ""
    if not token.strip():
        detail = "Send the office's token: Authorization: Bearer …"
        raise Problem(401, "token-missing", "A token is needed", detail, headers=challenge)
    office = store.office_of(here().engine, token.strip())
    if office is None:
        raise Problem(401, "token-wrong", "The token is not known", headers=challenge)
    return office


def _dry_run() -> bool:
    value = request.args.get("dry_run", "0")
    if value not in ("0", "1"):
        raise Problem(400, "bad-parameter", "Bad parameter", "dry_run takes 0 or 1.")
    return value == "1"


def _mimetype() -> None:
    mimetype = request.mimetype
    if mimetype not in XML_TYPES and not mimetype.endswith("+xml"):
        detail = f"Send Content-Type: application/xml, not {mimetype[:80] or 'none'!r}."
        raise Problem(415, "unsupported-media-type", "Not an XML media type", detail)


def whole_body(most: int) -> bytes:
    """The whole body, or the reason why not. Granian hands a cut-off body on as if it were whole (D1, D2)."""
    if request.headers.get("Transfer-Encoding") or request.content_length is None:
        raise Problem(
            411, "length-required", "Content-Length is needed", "Send the release in one piece with its length."
        )
    length = request.content_length
    if length > most:
        if length <= DRAIN * most:
            _read(length, keep=False)
        raise Problem(413, "too-large", "The release is too large", f"{length} bytes; at most {most} are taken.")
    body = _read(length, keep=True)
    if len(body) != length:
        detail = f"{len(body)} of {length} bytes arrived; nothing was stored."
        raise Problem(400, "cut-off", "The upload was cut off", detail)
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding != "identity":
        raise Problem(
            415, "content-encoding", "Compressed releases are not taken", f"Content-Encoding: {encoding[:40]!r}."
        )
    _digest(body)
    return body


def _read(length: int, *, keep: bool) -> bytes:
    stream = request.environ["wsgi.input"]
    parts: list[bytes] = []
    while length > 0 and (part := stream.read(min(CHUNK, length))):
        length -= len(part)
        if keep:
            parts.append(part)
    return b"".join(parts)


def _digest(body: bytes) -> None:
    """Content-Digest, where it is sent (RFC 9530, section 2)."""
    for field in filter(None, request.headers.get("Content-Digest", "").split(",")):
        name, _, value = field.strip().partition("=")
        if name.lower() not in DIGESTS:
            continue
        try:
            sent = base64.b64decode(value.strip().strip(":"), validate=True)
        except binascii.Error:
            raise Problem(400, "bad-digest", "Content-Digest cannot be read", f"{field.strip()[:120]!r}") from None
        if sent != DIGESTS[name.lower()](body).digest():
            raise Problem(400, "digest-mismatch", "The body is not what Content-Digest says", "Nothing was stored.")


def _answer(receipts: list[Receipt]) -> Response:
    statuses = {receipt.status for receipt in receipts}
    if all(receipt.problem is not None for receipt in receipts) and len(statuses) == 1:
        raise as_problem(receipts)
    if len(receipts) == 1:
        receipt = receipts[0]
        headers = {"Location": receipt.url} if receipt.status == 201 else {}
        return _json(msgspec.json.encode(receipt), receipt.status, headers)
    status = statuses.pop() if len(statuses) == 1 else 207
    return _json(msgspec.json.encode({"receipts": receipts}), status, {})


def _json(body: bytes, status: int, headers: dict[str, str]) -> Response:
    return Response(body, status, {"Cache-Control": "no-store", **headers}, mimetype="application/json")
