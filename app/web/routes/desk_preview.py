"""The preview of a draft in each form that readers get, and the check of any file as `POST /releases?dry_run=1` checks it."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import msgspec
from flask import Blueprint, Response, request
from msgspec import Struct
from werkzeug.exceptions import NotFound

from app import store, web
from app.intake.parsers.encodings import CODECS, DECLARED
from app.web import (
    Context,
    Fault,
    Problem,
    Seat,
    Visit,
    as_format,
    as_mail,
    bare,
    contents,
    draft_at,
    draft_page,
    here,
    own_page,
    seat_at,
    sentences,
    signed_in,
    work,
)
from feeds import FORMATS, Article

blueprint = Blueprint("desk_preview", __name__)

FRAMES = ("phone", "desktop")
AROUND = 2  # lines that are shown before and after a line with a fault
WHOLE = 400  # a file of at most so many lines is shown whole
MOST_LINES = 600  # that one page shows
WIDEST = 300  # characters of a line
FAULTS = 200  # that one page lists


class FileLine(Struct, frozen=True):
    """A line of a file, and what is wrong there."""

    number: int  # from 1; 0: lines are left out here
    text: str
    faults: tuple[Fault, ...] = ()


# A draft


@blueprint.get("/desk/drafts/<id>/preview/page")
@signed_in
def page(visit: Visit, id: str) -> Response:
    """The draft's page alone. `width`: phone or desktop."""
    _, draft, article = _article(visit, id)
    if article is not None:
        article, _ = web.previewing.with_files(here(), draft, article, web.previewing.in_draft(draft))
    width = request.args.get("width", "")
    return bare(article, width if width in FRAMES else "")


@blueprint.get("/desk/drafts/<id>/preview/mail")
@signed_in
def mail(visit: Visit, id: str) -> Response:
    """The mail that readers with alerts will get."""
    seat, draft, article = _article(visit, id)
    if article is None:
        return draft_page(here(), seat, draft)
    subject, body = as_mail(here(), article)
    return _text(seat, draft, "mail", f"{subject}\n\n{body}")


@blueprint.get("/desk/drafts/<id>/preview/<format>")
@signed_in
def formatted(visit: Visit, id: str, format: str) -> Response:
    """The draft in a feed format, as text."""
    if format not in FORMATS:
        raise NotFound
    seat, draft, article = _article(visit, id)
    if article is None:
        return draft_page(here(), seat, draft)
    article, _ = web.previewing.with_files(here(), draft, article, partial(web.previewing.located, here()))
    return _text(seat, draft, format, as_format(here(), article, format))


def _article(visit: Visit, id: str) -> tuple[Seat, store.desk.DraftRecord, Article | None]:
    """The draft, and the article that it would be; None if it has faults."""
    context = here()
    seat, draft = draft_at(context, visit, id)
    checked = work.check(context, seat.office, draft, contents.from_json(draft.content), datetime.now(UTC))
    return seat, draft, checked.article


def _text(seat: Seat, draft: store.desk.DraftRecord, form: str, shown: str) -> Response:
    forms = [(name, format.LABEL) for name, format in FORMATS.items()]
    return own_page("desk_format.html", seat=seat, draft=draft, form=form, forms=forms, shown=shown)


# Any file


@blueprint.get("/desk/check")
@signed_in
def checking(visit: Visit) -> Response:
    """The form to check a file."""
    return _check_page(seat_at(here(), visit, request.args.get("office", ""), "draft"))


@blueprint.post("/desk/check")
@signed_in
def check(visit: Visit) -> Response:
    """What `POST /releases?dry_run=1` says of a file, with each fault at its line. Nothing is stored."""
    context = here()
    seat_at(context, visit, "", "draft")  # before the form is read
    with web.whole_form() as form:
        office = next((value for name, value in form.fields if name == "office"), "")
        seat = seat_at(context, web.sessions.still(), office, "draft")
        upload = next(iter(form.files.values()), None)
        if upload is None or not upload.size:
            return _check_page(seat, {"file": "desk-check-none"}, 422)
        if upload.size > context.settings.max_body:
            return _check_page(seat, {"file": "desk-check-large"}, 422)
        body = Path(upload.path).read_bytes()
    receipts, faults = _checked(context, seat, body, upload.type)
    lines = _lines(body, faults)
    return own_page(
        "desk_check.html",
        seat=seat,
        name=upload.name,
        receipts=receipts,
        faults={},
        found=faults[:FAULTS],
        more=max(0, len(faults) - FAULTS),
        lines=lines,
        numbered={line.number for line in lines},
    )


def _checked(
    context: Context, seat: Seat, body: bytes, content_type: str
) -> tuple[Sequence[web.releases.Receipt], list[Fault]]:
    """The receipts, and every fault."""
    kind = content_type if "xml" in content_type or "json" in content_type else ""
    try:
        with web.places.reading(seat.actor):
            receipts = web.releases.take(context, work.sender_of(seat.office, seat.actor), body, kind, dry_run=True)
    except Problem as problem:
        if problem.status >= 500:
            raise
        return (), list(problem.errors) or [Fault(problem.detail or problem.title)]
    faults: list[Fault] = []
    for receipt in receipts:
        if receipt.problem is not None:
            told = receipt.problem.get("errors") or [{"reason": receipt.problem.get("detail", "")}]
            faults += [msgspec.convert(one, Fault) for one in told]
    return receipts, faults


def _lines(body: bytes, faults: Sequence[Fault]) -> list[FileLine]:
    """The lines of a file; of a long one, those around its faults."""
    lines = _decoded(body).splitlines()
    at: dict[int, list[Fault]] = {}
    for fault in faults[:FAULTS]:
        if 0 < fault.line <= len(lines):
            at.setdefault(fault.line, []).append(fault)
    if len(lines) <= WHOLE:
        wanted = range(1, len(lines) + 1)
        chosen = list(wanted)
    else:
        near = {number for line in at for number in range(line - AROUND, line + AROUND + 1)}
        chosen = sorted(number for number in near or range(1, 21) if 0 < number <= len(lines))[:MOST_LINES]
    shown: list[FileLine] = []
    for number in chosen:
        if number > (shown[-1].number if shown else 0) + 1:
            shown.append(FileLine(0, ""))
        shown.append(FileLine(number, lines[number - 1][:WIDEST], tuple(at.get(number, ()))))
    return shown


def _decoded(body: bytes) -> str:
    """The text of a file, whatever its encoding: a character that cannot be read is shown as such."""
    if body.startswith((b"\xff\xfe", b"\xfe\xff")):
        return body.decode("utf-16", "replace")
    declared = DECLARED.match(body[:500])
    # Only codecs that intake knows: of Python's others, some fail whatever the bytes, and "punycode" takes quadratic time.
    codec = CODECS.get(declared[1].decode("ascii", "replace").lower(), "utf-8") if declared else "utf-8"
    return body.decode("utf-8-sig" if codec == "utf-8" else codec, "replace")


def _check_page(seat: Seat, faults: Mapping[str, str] | None = None, status: int = 200) -> Response:
    return own_page(
        "desk_check.html",
        status=status,
        seat=seat,
        name="",
        receipts=(),
        faults=sentences(faults),
        found=(),
        more=0,
        lines=(),
        numbered=(),
    )
