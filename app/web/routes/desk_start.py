"""Makes drafts from files, and documents from drafts that the office can sign off."""

import hashlib
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import quote

from flask import Blueprint, Response, request
from msgspec.structs import replace
from werkzeug.exceptions import NotFound

from app import store, web
from app.desk import content as contents
from app.desk import starting, work
from app.files.multipart import Upload
from app.intake.documents import Reading, read_document
from app.intake.enclosures import address
from app.intake.releases import Rules
from app.web import (
    Context,
    Problem,
    Seat,
    Visit,
    draft_at,
    gone,
    here,
    language,
    own_page,
    seat_at,
    signed_in,
    text,
)
from feeds import hwpx, pdf

blueprint = Blueprint("desk_start", __name__)

MOST = 20  # drafts that one file starts
PRINTED = {"hwpx": hwpx, "pdf": pdf}


@blueprint.get("/desk/start")
@signed_in
def choosing(visit: Visit) -> Response:
    """The form that takes a file. Nothing is stored before it is sent."""
    return _page(seat_at(here(), visit, request.args.get("office", ""), "draft"))


@blueprint.post("/desk/start")
@signed_in
def start(visit: Visit) -> Response:
    """Make a draft of each article in a `file`: HWPX, DOCX, PDF, HWP, text, or a release in any dialect. What is not certain is
    marked."""
    context = here()
    seat_at(context, visit, "", "draft")  # before the form is read
    with web.whole_form() as form:
        office = next((value for name, value in form.fields if name == "office"), "")
        seat = seat_at(context, web.sessions.still(), office.strip(), "draft")
        upload = next(iter(form.files.values()), None)
        if upload is None:
            return _page(seat, "desk-start-none")
        pictures = Path(upload.path).parent / "pictures"
        pictures.mkdir()
        zone = work.zone_of_office(context, seat.office)
        rules = Rules(context.settings, work.sender_of(seat.office, seat.actor), zone=zone)
        try:
            found = read_document(Path(upload.path), upload.name, upload.type, pictures, rules)
        except Problem as problem:
            if problem.status not in (400, 413, 415, 422, 501, 503):
                raise
            return _refused(seat, problem)
        good = [reading for reading in found if reading.parts][:MOST]
        if not good:
            faults = [fault for reading in found for fault in reading.faults]
            return _page(seat, "desk-start-nothing", [f"{fault.line}: {fault.reason}" for fault in faults[:50]])
        drafts = [_begin(context, seat, reading, upload, pictures) for reading in good]
    return gone(f"/desk/drafts/{drafts[0].id}" if len(drafts) == 1 else f"/desk?office={seat.office.code}&state=draft")


def _begin(context: Context, seat: Seat, reading: Reading, upload: Upload, pictures: Path) -> store.desk.DraftRecord:
    """The draft of one article, with the pictures of its document, and the document itself."""
    now = datetime.now(UTC)
    uploads = [_picture(pictures / picture.name, picture.name, picture.type) for picture in reading.pictures]
    urls = {one.name: f"{context.settings.url}{address(one.sha256, one.name)}" for one in uploads}
    content = starting.draft_text_of(reading, work.zone_of_office(context, seat.office), urls)
    draft = work.begin_draft(context, seat.office, content, seat.person, seat.actor, now)
    document = [] if reading.kind in ("xml", "json", "text") else [upload]
    entries, _ = work.keep_files(context, draft, [*uploads, *document])
    captions = {picture.name: picture.caption for picture in reading.pictures}
    entries = [
        entry | {"caption": captions[entry["name"]]} if captions.get(entry["name"]) else entry for entry in entries
    ]
    told = tuple(f"document:{key}" for key in reading.warnings)
    content = replace(content.with_files(entries), told=told)
    return work.save_text(context, draft, draft.revision, content, seat.person, now)


def _picture(path: Path, name: str, type: str) -> Upload:
    content = path.read_bytes()
    return Upload(name, type, len(content), hashlib.sha256(content).hexdigest(), str(path))


def _refused(seat: Seat, problem: Problem) -> Response:
    lines = [f"{fault.line}: {fault.reason}" if fault.line else fault.reason for fault in problem.errors[:50]]
    key = f"problem:{problem.type}"
    known = key in web.html.WORDS[language()]
    return _page(seat, key if known else "desk-start-nothing", lines or ([] if known else [problem.detail]))


def _page(seat: Seat, fault: str = "", lines: list[str] | None = None) -> Response:
    return own_page(
        "desk_start.html",
        status=422 if fault else 200,
        seat=seat,
        faults={"file": text(fault, language())} if fault else {},
        lines=lines or [],
    )


@blueprint.get("/desk/drafts/<id>/release.<format>")
@signed_in
def printed(visit: Visit, id: str, format: str) -> Response:
    """A draft as the release will be, as HWPX or PDF, to be signed off. 404 while it has faults."""
    context = here()
    seat, draft = draft_at(context, visit, id)
    made = PRINTED.get(format)
    content = contents.from_json(draft.content)
    checked = work.check(context, seat.office, draft, content, datetime.now(UTC)) if made else None
    if made is None or checked is None or checked.article is None:
        raise NotFound
    article, _ = web.previewing.with_files(context, draft, checked.article, partial(web.previewing.located, context))
    response = Response(made.render_article(made.marked(article)), mimetype=made.MIMETYPE)
    name = f"{draft.headline[:60] or 'release'}.{format}"
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name, safe='')}"
    return response
