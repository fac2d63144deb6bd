"""What the form of a draft needs while somebody writes: who else has it open, texts that were kept beside it, its files, and
suggestions for names. `routes/desk.py` saves the form itself, by a button or by the page's script.
"""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
from flask import Blueprint, Response, request
from werkzeug.exceptions import NotFound

from app import store, web
from app.desk import content as contents
from app.desk import suggesting, work, writing
from app.desk.content import DraftText
from app.files.multipart import clean
from app.text import html
from app.web import (
    Context,
    Problem,
    Seat,
    Visit,
    draft_at,
    fields,
    gone,
    here,
    language,
    members,
    named_by,
    own_page,
    seat_at,
    signed_in,
    text,
)

blueprint = Blueprint("compose", __name__)

LAST = 20  # drafts whose places and topics are suggested to the office
MOST_LAST = 8  # suggestions


# Together


@blueprint.post("/desk/drafts/<id>/here")
@signed_in
def present(visit: Visit, id: str) -> Response:
    """Note that the person has a draft open. The answer says who else has, and who changed it last."""
    context = here()
    _, draft = draft_at(context, visit, id)
    members(())
    person, now = visit.person.id, datetime.now(UTC)
    others = store.desk.present(context.engine, draft.id, person, now)
    names = named_by(context, [draft], [f"person {one}" for one in others])
    told = {"others": [names.get(one, "") for one in others], "revision": draft.revision, "state": draft.state}
    return _json(told | {"writer": "" if draft.writer == person else names.get(draft.writer, "")})


@blueprint.get("/desk/drafts/<id>/aside")
@signed_in
def aside(visit: Visit, id: str) -> Response:
    """What the person wrote while somebody else changed the draft, beside the draft as it is now."""
    context = here()
    seat, draft = draft_at(context, visit, id, "draft")
    return _aside(context, seat, draft)


def _aside(context: Context, seat: Seat, draft: store.desk.DraftRecord, fault: str = "") -> Response:
    own = _own(context, seat, draft)
    said = text("desk-aside-of", language()).format(when=web.when(own.at, language()))
    return _compared(context, seat, draft, own.content, said, fault)


def _own(context: Context, seat: Seat, draft: store.desk.DraftRecord) -> store.desk.Aside:
    for one in store.desk.asides(context.engine, draft.id):
        if one.person == seat.person:
            return one
    raise NotFound


@blueprint.post("/desk/drafts/<id>/aside")
@signed_in
def settle(visit: Visit, id: str) -> Response:
    """Save what was written beside the draft as its newest text (`then=take`), or forget it (`then=drop`)."""
    context, now = here(), datetime.now(UTC)
    sent = members(("revision", "then"))
    seat, draft = draft_at(context, visit, id, "draft")
    if sent.get("then") == "drop":
        store.desk.forget_aside(context.engine, draft.id, seat.person)
        return gone(f"/desk/drafts/{draft.id}")
    own = _own(context, seat, draft)
    if sent.get("revision") != str(draft.revision) or not _saved(context, seat, draft, own.content, now):
        return _aside(context, seat, draft_at(context, visit, id, "draft")[1], "desk-meanwhile-step")
    return gone(f"/desk/drafts/{draft.id}")


def _saved(context: Context, seat: Seat, draft: store.desk.DraftRecord, stored: bytes, now: datetime) -> bool:
    """Whether a text that is kept became the newest one of the draft."""
    if draft.state not in store.desk.EDITABLE:
        return False
    try:
        content = contents.from_json(stored)
        work.save_text(context, draft, draft.revision, content, seat.person, now, settles=True)
    except store.desk.Stale:
        return False
    return True


def _compared(
    context: Context, seat: Seat, draft: store.desk.DraftRecord, stored: bytes, title: str, fault: str
) -> Response:
    """A kept text beside the draft as it is now: the fields in which they differ."""
    now, other = contents.from_json(draft.content), contents.from_json(stored)
    different = [(name, old, new) for name, old, new in _fields(now, other) if old != new]
    return own_page(
        "desk_compared.html",
        status=409 if fault else 200,
        seat=seat,
        draft=draft,
        names=named_by(context, [draft]),
        fields=different,
        heading=title,
        fault=text(fault, language()) if fault else "",
        may=seat.may.may("draft") and draft.state in store.desk.EDITABLE,
    )


def _fields(now: DraftText, other: DraftText) -> Iterator[tuple[str, str, str]]:
    """(field, its text in the one, its text in the other)."""
    for name in contents.LINES:
        if name == "body":
            yield name, _plain(now[name]), _plain(other[name])
        else:
            yield name, now[name], other[name]
    for name in contents.LISTS:
        yield name, "\n".join(now.all(name)), "\n".join(other.all(name))
    for name in contents.PARTS:
        yield name, _entries(now, name), _entries(other, name)


def _entries(content: DraftText, name: str) -> str:
    return "\n".join(" · ".join(entry.values()) for entry in content.entries(name))


def _plain(body: str) -> str:
    try:
        return html.plain(writing.body_of(body))
    except html.TooComplex:
        return body


# Files


@blueprint.post("/desk/drafts/<id>/files")
@signed_in
def upload(visit: Visit, id: str) -> Response:
    """Keep files of a draft. A program names them in the text that it saves next; a form sends `revision`, so they are added to it."""
    context, now = here(), datetime.now(UTC)
    draft_at(context, visit, id, "draft")  # before the form is read
    with web.whole_form() as form:
        seat, draft = draft_at(context, web.sessions.still(), id, "draft")
        try:
            entries, wrong = work.keep_files(context, draft, form.files.values())
        except store.desk.Stale:
            raise Problem(409, "draft-closed", "The draft cannot be changed now", "Take it back first.") from None
        wrong += [(name, f"desk-file-{why}") for name, why in form.left]
    revision = next((value for name, value in form.fields if name == "revision"), "")
    if revision and entries:
        content = contents.from_json(draft.content).with_files(entries)
        try:
            base = int(revision) if revision.isdecimal() and len(revision) < 18 else -1
            work.save_text(context, draft, base, content, seat.person, now)
        except store.desk.Stale:
            raise Problem(
                409, "draft-changed", "The draft was changed meanwhile", "Read it again, then send the files."
            ) from None
    if not web.html_wanted():
        refused = [{"name": name, "reason": text(key, language())} for name, key in wrong]
        return _json({"files": entries, "wrong": refused}, 201 if entries else 422)
    if wrong:
        reasons = " ".join(f"{name}: {text(key, language())}" for name, key in wrong)
        raise Problem(422, "file-refused", "A file was not taken", reasons)
    return gone(f"/desk/drafts/{draft.id}")


@blueprint.get("/desk/drafts/<id>/files/<name>")
@signed_in
def file(visit: Visit, id: str, name: str) -> Response:
    """A file of a draft, for its people."""
    context = here()
    _, draft = draft_at(context, visit, id)
    found = next((one for one in store.desk.files_of(context.engine, draft.id) if one.name == clean(name)), None)
    if found is None:
        raise NotFound
    return web.previewing.sent(context, found)


# Names that may be meant


@blueprint.get("/desk/suggest")
@signed_in
def searched(visit: Visit) -> Response:
    """Codes of a `kind`, "region" or "topic": those whose names have the words `q` in them, or those one level below `under`; with
    neither, what the `office` used last."""
    context, lang = here(), language()
    kind, words = request.args.get("kind", ""), request.args.get("q", "").strip()
    if kind not in suggesting.SCHEMES:
        raise Problem(400, "unknown-parameter", "Unknown kind", "`kind` is region or topic.")
    seat = seat_at(context, visit, request.args.get("office", ""), "draft")
    if "under" in request.args:
        found = suggesting.under(kind, request.args["under"][:20], lang)
    elif words:
        within = seat.office.regions if kind == "region" else seat.office.topics
        found = suggesting.search(kind, words, lang, within)
    else:
        found = _last(context, seat, kind, lang)
    return _json({"found": [_hint(kind, hint) for hint in found]})


def _hint(kind: str, hint: suggesting.Hint) -> dict[str, Any]:
    return {
        "code": hint.code,
        "name": hint.name,
        "within": hint.within,
        "lang": hint.lang or False,
        "more": suggesting.has_more(kind, hint.code),
    }


def _last(context: Context, seat: Seat, kind: str, lang: str) -> list[suggesting.Hint]:
    """The codes in the last drafts of the office that the person may see."""
    drafts = store.desk.drafts_of(
        context.engine, seat.office.code, states=store.desk.STATES, person=seat.sees, limit=LAST
    )
    within = seat.office.regions if kind == "region" else seat.office.topics
    lines = dict.fromkeys(line for draft in drafts for line in contents.from_json(draft.content).all(kind))
    hints = (suggesting.known(kind, line, lang, within) for line in [*lines, *within])
    return list({hint.code: hint for hint in hints if hint}.values())[:MOST_LAST]


@blueprint.post("/desk/suggest")
@signed_in
def suggested(visit: Visit) -> Response:
    """Places and topics that a `headline` and a `body` name. They are only suggested."""
    context, lang = here(), language()
    sent = dict(reversed(_few(("office", "headline", "body"))))
    seat = seat_at(context, visit, sent.get("office", ""), "draft")
    headline, body = sent.get("headline", ""), sent.get("body", "")
    regions = suggesting.suggested("region", headline, body, lang, seat.office.regions)
    topics = suggesting.suggested("topic", headline, body, lang)
    return _json(
        {"region": [_hint("region", one) for one in regions], "topic": [_hint("topic", one) for one in topics]}
    )


def _few(names: tuple[str, ...]) -> list[tuple[str, str]]:
    """The fields of a small form; others are left out. Raises Problem."""
    return [(name, value) for name, value in fields() if name in names]


def _json(members: Mapping[str, Any], status: int = 200) -> Response:
    return web.sessions.private(Response(msgspec.json.encode(members), status, mimetype="application/json"))
