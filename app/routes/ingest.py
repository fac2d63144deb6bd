"""POST /releases: the door. Order of checks: token, size, encoding, XML, schema, article by article."""

import base64
import binascii
import hashlib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
from flask import Blueprint, Response, request
from msgspec import Struct

from app import parsers, store
from app.announce import announce
from app.draft import Draft
from app.errors import Fault, Invalid, Problem
from app.normalize import Context, Normal, normalize
from app.office import OfficeRecord
from app.routes.context import here, now
from app.store import Item, Original, Stored

blueprint = Blueprint("ingest", __name__)

XML_TYPES = ("application/xml", "text/xml")
CHUNK = 64 * 1024
DRAIN = 8  # times the largest body: as much is read and thrown away, so that the sender hears why
DIGESTS = {"sha-256": hashlib.sha256, "sha-512": hashlib.sha512}


class Receipt(Struct, frozen=True, omit_defaults=True):
    """What became of one article; the office keeps it."""

    index: int  # place in the release, from 1
    status: int  # as the HTTP status of this article alone
    id: str = ""
    url: str = ""
    guid: str = ""
    version: int = 0
    pubstatus: str = ""
    public: str = ""  # RFC 3339 instant at which it may be seen; empty: held, withheld or canceled
    regions: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    feeds: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    problem: dict[str, Any] | None = None
    dry_run: bool = False


@blueprint.post("/releases")
def post() -> Response:
    """Take a release: 201, 200 when nothing is new, 207 when its articles differ, or one problem."""
    context = here()
    office = _office()
    dry_run = _dry_run()
    body = _body(context.settings.max_body)
    mimetype = _mimetype()
    parsed = parsers.parse(body, request.headers.get("Content-Type", ""), max_depth=context.settings.max_depth)
    count = len(parsed.drafts) + len(parsed.refused)
    if count > context.settings.max_articles:
        reason = f"The release has {count} articles; at most {context.settings.max_articles} are taken."
        raise Problem(413, "too-many-articles", "Too many articles", reason)
    receipts: dict[int, Receipt] = {index: _refused(index, Invalid(faults)) for index, faults in parsed.refused.items()}
    places: list[int] = []
    items: list[Item] = []
    for index, draft, answer in _normals(parsed.drafts, office):
        if isinstance(answer, Problem):
            receipts[index] = _refused(index, answer)
        else:
            places.append(index)
            items.append(Item(answer.article, draft.fingerprint(), answer.warnings))
    if dry_run:
        receipts |= {
            index: msgspec.structs.replace(_receipt(index, item), status=200, dry_run=True)
            for index, item in zip(places, items, strict=True)
        }
    elif items:
        original = Original(body, mimetype, office.code)
        stored = store.put(context.engine, original, items, lambda item: msgspec.json.encode(_receipt(0, item)), now())
        announce(context.cache, [outcome.change for outcome in stored if outcome.change])
        for index, item, outcome in zip(places, items, stored, strict=True):
            receipts[index] = _outcome(index, item, outcome)
    return _answer([receipts[index] for index in sorted(receipts)], dry_run)


def _office() -> OfficeRecord:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    challenge = {"WWW-Authenticate": 'Bearer realm="pressrelay"'}
    if scheme.lower() != "bearer" or not token.strip():
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


def _mimetype() -> str:
    mimetype = request.mimetype
    if mimetype not in XML_TYPES and not mimetype.endswith("+xml"):
        detail = f"Send Content-Type: application/xml, not {mimetype[:80] or 'none'!r}."
        raise Problem(415, "unsupported-media-type", "Not an XML media type", detail)
    return mimetype


def _body(most: int) -> bytes:
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


def _normals(
    drafts: tuple[tuple[int, Draft], ...], office: OfficeRecord
) -> Iterator[tuple[int, Draft, Normal | Problem]]:
    instant = now()
    for place, (index, draft) in enumerate(drafts):
        # A microsecond apart: no two articles of a release carry the same `updated`, and they keep their order.
        context = Context(office, instant + timedelta(microseconds=place), here().settings.url)
        try:
            normal = normalize(draft, context)
        except Problem as problem:
            yield index, draft, problem
            continue
        yield index, draft, normal if isinstance(normal, Normal) else Invalid(normal)


def _receipt(index: int, item: Item) -> Receipt:
    article = item.article
    keys = store.keys(article)
    url = here().settings.url
    public = article.pubstatus == "usable" and not article.held
    return Receipt(
        index=index + 1,
        status=201,
        id=article.id,
        url=article.url,
        guid=article.guid,
        version=article.version,
        pubstatus=article.pubstatus,
        public=article.updated.isoformat().replace("+00:00", "Z") if public else "",
        regions=tuple(term.code for term in article.regions),
        topics=tuple(term.code for term in article.topics),
        feeds=tuple(
            f"{url}/feed.atom?region={p.replace(':', '%3A')}" for p in keys.places if p != "*" and p[:7] != "office:"
        )
        if public
        else (),
        warnings=item.warnings,
    )


def _refused(index: int, problem: Problem) -> Receipt:
    return Receipt(index=index + 1, status=problem.status, problem=problem.body())


def _outcome(index: int, item: Item, stored: Stored) -> Receipt:
    if stored.outcome in ("stored", "same"):
        receipt = msgspec.json.decode(stored.receipt, type=Receipt)
        return msgspec.structs.replace(receipt, index=index + 1, status=201 if stored.outcome == "stored" else 200)
    guid, version = item.article.guid, item.article.version
    reasons = {
        "older": (409, f"Version {version} of {guid} came late: version {stored.version} is kept."),
        "changed": (409, f"Version {version} of {guid} is kept with other content: raise the version to correct it."),
        "wrong-office": (403, f"{guid} belongs to another office."),
        "already-public": (409, f"{guid} is public already: an embargo or a hold would come too late."),
    }
    status, reason = reasons[stored.outcome]
    kinds = {"older": "older-version", "changed": "changed-version"}
    return _refused(
        index, Problem(status, kinds.get(stored.outcome, stored.outcome), "The article was not stored", reason)
    )


def _answer(receipts: list[Receipt], dry_run: bool) -> Response:
    statuses = {receipt.status for receipt in receipts}
    if all(receipt.problem is not None for receipt in receipts) and len(statuses) == 1:
        raise _as_problem(receipts)
    if len(receipts) == 1:
        receipt = receipts[0]
        headers = {"Location": receipt.url} if receipt.status == 201 else {}
        return _json(msgspec.json.encode(receipt), receipt.status, headers)
    status = statuses.pop() if len(statuses) == 1 else 207
    return _json(msgspec.json.encode({"receipts": receipts}), status, {})


def _as_problem(receipts: list[Receipt]) -> Problem:
    """All were refused alike: one problem with the faults of every article."""
    first = receipts[0].problem or {}
    errors = [
        msgspec.convert(fault, Fault)
        for receipt in receipts
        for fault in (receipt.problem or {}).get("errors", [{"reason": (receipt.problem or {}).get("detail", "")}])
    ]
    kind = str(first["type"]).rpartition(":")[2]
    if receipts[0].status == 422:
        return Invalid(errors, type=kind)
    detail = (
        str(first.get("detail", ""))
        if len(receipts) == 1
        else f"{len(receipts)} articles were refused; nothing was stored."
    )
    return Problem(receipts[0].status, kind, str(first["title"]), detail, errors=errors)


def _json(body: bytes, status: int, headers: dict[str, str]) -> Response:
    return Response(body, status, {"Cache-Control": "no-store", **headers}, mimetype="application/json")
