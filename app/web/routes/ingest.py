"""POST /releases: offices push releases here. Order of checks: token, size, encoding, XML, schema, then each article."""

from contextlib import suppress

import msgspec
from flask import Blueprint, Response, g, request

from app import store, web
from app.files.multipart import Limits, receive, spool
from app.intake.releases import Receipt, as_problem, is_readable, take
from app.web import Context, Problem, Sender, Unavailable, body_parts, check_type, drain, here, whole_body

blueprint = Blueprint("ingest", __name__)


@blueprint.post("/releases")
def post() -> Response:
    """Accept a release, alone or with its files: 201, 200 if nothing is new, 207 if its articles have different results."""
    context = here()
    sender = web.access.sender(web.access.needed("publish"))
    dry_run = _dry_run()
    if request.mimetype == "multipart/form-data":
        if "signed" in g:
            detail = (
                "The signature covers the whole request, but only the release is stored, so nobody could verify it later."
                " Sign a release that names its files by URL, or send both with a token."
            )
            raise Problem(400, "signed-files", "A signed release comes without files", detail)
        return _answer(_with_files(context, sender, dry_run))
    body = whole_body(context.settings.max_body)
    check_type()
    receipts = take(context, web.access.spent(sender), body, request.headers.get("Content-Type", ""), dry_run=dry_run)
    return _answer(receipts)


def _with_files(context: Context, sender: Sender, dry_run: bool) -> list[Receipt]:
    settings = context.settings
    limits = Limits(settings.max_body, settings.max_file, settings.max_files)
    parts = body_parts(settings.max_upload)
    with spool(settings.data_dir) as directory:
        try:
            received = receive(parts, request.mimetype_params.get("boundary", ""), directory, limits)
        except (Problem, Unavailable):
            with suppress(Problem):
                drain(parts)
            raise
        drain(
            parts
        )  # The bytes after the last part belong to the body too: only now it is certain that it is complete.
        return take(context, sender, received.body, received.content_type, dry_run=dry_run, files=received.files)


def _dry_run() -> bool:
    value = request.args.get("dry_run", "0")
    if value not in ("0", "1"):
        raise Problem(400, "bad-parameter", "Bad parameter", "dry_run must be 0 or 1.")
    return value == "1"


def _answer(receipts: list[Receipt]) -> Response:
    now = here().now()
    if all(is_readable(receipt, now) for receipt in receipts):
        web.measured.may_measure()
    statuses = {receipt.status for receipt in receipts}
    if any(receipt.id for receipt in receipts if receipt.problem is not None):
        web.access.keep_refusals(_refusals(receipts))
        g.pop("asking")  # recorded for each article, so not again for the request
    if all(receipt.problem is not None for receipt in receipts) and len(statuses) == 1:
        raise as_problem(receipts)
    if "asking" in g:
        web.access.keep_refusals(_refusals(receipts))
    if len(receipts) == 1:
        receipt = receipts[0]
        headers = {"Location": receipt.url} if receipt.status == 201 else {}
        return _json(msgspec.json.encode(receipt), receipt.status, headers)
    status = statuses.pop() if len(statuses) == 1 else 207
    return _json(msgspec.json.encode({"receipts": receipts}), status, {})


def _refusals(receipts: list[Receipt]) -> list[store.audit.Event]:
    """The events for the audit log of articles that were refused while others of the same release may have been accepted."""
    actor, office = g.asking
    return [
        store.audit.Event(
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
