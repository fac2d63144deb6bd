"""The desk's page that finds from whose copy under embargo a text comes (docs/tracing.md)."""

from collections.abc import Mapping
from pathlib import Path

from flask import Blueprint, Response, request

from app import web
from app.syndication.tracing import Trace, record_trace, trace, trace_file
from app.web import Seat, Visit, here, own_page, seat_at, sentences, signed_in, whole_form

blueprint = Blueprint("desk_trace", __name__)

LONGEST = 100_000  # characters of a pasted text


@blueprint.get("/desk/trace")
@signed_in
def asking(visit: Visit) -> Response:
    """A form for a text or a file. `office`."""
    return _page(seat_at(here(), visit, request.args.get("office", ""), "publish"))


@blueprint.post("/desk/trace")
@signed_in
def found(visit: Visit) -> Response:
    """Find the copy from which the text or file comes. Only the office's own releases are searched, and the search is recorded."""
    context = here()
    with whole_form() as form:
        fields = dict(form.fields)
        seat = seat_at(context, visit, fields.get("office", ""), "publish")
        offices = {seat.office.code, *(office.code for office in seat.may.within)}
        text, upload = fields.get("text", "").strip(), next((one for one in form.files.values() if one.size), None)
        if upload is None and not text:
            return _page(seat, {"text": "trace-none-sent"})
        if len(text) > LONGEST:
            return _page(seat, {"text": "trace-large"})
        with web.places.reading(seat.actor):
            if upload is not None:
                result = trace_file(context.engine, Path(upload.path), offices)
            else:
                result = trace(context.engine, text, offices)
    if result.problem:
        return _page(seat, {"text" if upload is None else "file": f"trace-{result.problem}"}, text=text)
    record_trace(context.engine, seat.actor, seat.office.code, result)
    return _page(seat, result=result)


def _page(seat: Seat, faults: Mapping[str, str] | None = None, result: Trace | None = None, text: str = "") -> Response:
    return own_page(
        "desk_trace.html",
        status=422 if faults else 200,
        seat=seat,
        faults=sentences(faults),
        result=result,
        text=text,
        rounded=_rounded,
    )


def _rounded(chance: float) -> str:
    """The number in "one in …", rounded for people: the first digit and zeros, at most 1,000,000,000,000."""
    number = min(1 / max(chance, 1e-12), 1e12)
    digits = str(int(number))
    return f"{int(digits[0] + '0' * (len(digits) - 1)):,}"
