"""The desk: an office's releases in one list, the steps of a draft to publication, and the steps of a published article."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import msgspec
from flask import Blueprint, Response, request
from markupsafe import Markup
from werkzeug.exceptions import NotFound

from app import store, web
from app.desk import content as contents
from app.desk import sentences as wording
from app.desk import suggesting, work, writing
from app.desk.content import DraftText
from app.files.multipart import Form
from app.intake import releases
from app.query import LICENCES
from app.text.zones import zone_of
from app.web import (
    SPOKEN,
    Context,
    OfficeRecord,
    Problem,
    Seat,
    Visit,
    article_at,
    draft_at,
    draft_page,
    gone,
    here,
    language,
    members,
    named_by,
    number_sent,
    own_page,
    seat_at,
    seats_of,
    sentence,
    sentences,
    signed_in,
)
from feeds import Article

blueprint = Blueprint("desk", __name__)

PAGE = 50  # releases on one page of the list
DRAFTS_FIRST = 25  # drafts at the beginning of the list of both, where releases follow
CURSOR = re.compile(r"(draft|article)-(\d{1,17})-([0-9a-f]{1,16})")
DRAFTING = ("draft", "returned", "review", "scheduled")
PUBLIC = ("embargo", "held", "published", "corrected", "withheld", "canceled")
FURTHEST = timedelta(days=366)  # how far ahead a release may be planned
LONGEST_REASON = 1000  # characters
MOST_TOLD = 100  # faults and warnings in one answer


# The list


@blueprint.get("/desk")
@signed_in
def listed(visit: Visit) -> Response:
    """The releases of an office: what is being written, and what is published. `office`, `state`, `q`, `before`. Without a state, the
    first page has both, and each of them goes on by itself."""
    context = here()
    asked = {name: request.args.get(name, "").strip() for name in ("office", "state", "q", "before")}
    seats = seats_of(context, visit)
    if not seats:
        return own_page("desk_none.html")
    seat = next((seat for seat in seats if seat.office.code == asked["office"]), None if asked["office"] else seats[0])
    if seat is None:
        raise NotFound
    state = asked["state"] if asked["state"] in (*DRAFTING, *PUBLIC, "discarded") else ""
    cursor = CURSOR.fullmatch(asked["before"])
    of, at, last = cursor.groups() if cursor else ("", "", "")
    if state and of != ("article" if state in PUBLIC else "draft"):  # a cursor of the other kind is none
        of = ""
    drafts, older, articles, next_page = list[store.desk.DraftRecord](), "", list[store.desk.DeskArticle](), ""
    if state not in PUBLIC and of != "article":
        before = (store.instant(int(at)), last) if of else None
        most = PAGE if state or of else DRAFTS_FIRST
        drafts, older = _drafts(context, seat, state, asked["q"], before, most)
    if state not in (*DRAFTING, "discarded") and of != "draft":
        position = (store.instant(int(at)), int(last)) if of and last.isdecimal() else None
        articles, next_page = _articles(context, seat, state, asked["q"], position, PAGE - len(drafts))
    counts = store.desk.draft_counts(context.engine, seat.office.code, seat.sees)
    counts |= store.desk.waiting_counts(context.engine, seat.office.code)
    return own_page(
        "desk.html",
        seat=seat,
        seats=seats,
        state=state,
        words=asked["q"],
        drafts=drafts,
        articles=articles,
        older=older,
        next_page=next_page,
        counts=counts,
        states=(*DRAFTING, *PUBLIC, "discarded"),
        names=named_by(context, drafts),
        waiting=web.seats.waiting_for(context, seat) if counts["review"] else 0,
        failures=web.seats.failures_of(context, seat),
        ending=web.seats.asks_to_end(context, seat),
    )


def _drafts(
    context: Context, seat: Seat, state: str, words: str, before: tuple[datetime, str] | None, most: int
) -> tuple[list[store.desk.DraftRecord], str]:
    """(the drafts of a page, the address of the next page or nothing)."""
    states = (state,) if state else DRAFTING
    found = store.desk.drafts_of(
        context.engine, seat.office.code, states=states, words=words, person=seat.sees, before=before, limit=most + 1
    )
    if len(found) <= most:
        return found, ""
    last = found[most - 1]
    return found[:most], _older(seat, state, words, f"draft-{store.micros(last.updated)}-{last.id}")


def _articles(
    context: Context, seat: Seat, state: str, words: str, before: tuple[datetime, int] | None, most: int
) -> tuple[list[store.desk.DeskArticle], str]:
    states = (state,) if state else PUBLIC
    found, last = store.desk.placed(
        context.engine, seat.office.code, states=states, words=words, before=before, limit=most
    )
    return found, _older(seat, state, words, f"article-{store.micros(last[0])}-{last[1]}") if last else ""


def _older(seat: Seat, state: str, words: str, before: str) -> str:
    query = {"office": seat.office.code, "state": state, "q": words, "before": before}
    return f"/desk?{urlencode({name: value for name, value in query.items() if value})}"


# Writing


@blueprint.get("/desk/new")
@signed_in
def composing(visit: Visit) -> Response:
    """An empty draft. Nothing is stored before it is saved."""
    seat = seat_at(here(), visit, request.args.get("office", ""), "draft")
    return _compose(here(), seat, None, DraftText({"language": "ko"}))


@blueprint.post("/desk/new")
@signed_in
def begin(visit: Visit) -> Response:
    """Store a new draft."""
    context, now = here(), datetime.now(UTC)
    seat_at(context, visit, "", "draft")  # before the form is read
    with web.whole_form() as form:
        seat = seat_at(context, web.sessions.still(), _value(form, "office"), "draft")
        asked = _value(form, "id")
        content, id = _content(form), asked if web.seats.DRAFT.fullmatch(asked) else ""
        try:
            draft = work.begin_draft(context, seat.office, content, seat.person, seat.actor, now, id)
        except store.desk.Stale as stale:
            known = stale.draft
            if known is not None and (known.author, known.office) == (seat.person, seat.office.code):
                # The answer did not reach the browser, which sends it again.
                base = known.revision if known.writer == seat.person else 0
                return _stored(context, seat, known, base, form, now)
            draft = work.begin_draft(context, seat.office, content, seat.person, seat.actor, now)
        return _stored(context, seat, draft, draft.revision, form, now)


@blueprint.get("/desk/drafts/<id>")
@signed_in
def one(visit: Visit, id: str) -> Response:
    """A draft: its form, or what it says and what can be done with it."""
    context = here()
    seat, draft = draft_at(context, visit, id)
    if draft.state in store.desk.EDITABLE and seat.may.may("draft"):
        return _compose(context, seat, draft, contents.from_json(draft.content))
    return draft_page(context, seat, draft)


@blueprint.post("/desk/drafts/<id>")
@signed_in
def save(visit: Visit, id: str) -> Response:
    """Store a new text of a draft. If somebody else changed it meanwhile, nothing is overwritten, and both texts are kept."""
    context, now = here(), datetime.now(UTC)
    draft_at(context, visit, id, "draft")  # before the form is read
    with web.whole_form() as form:
        seat, draft = draft_at(context, web.sessions.still(), id, "draft")
        return _stored(context, seat, draft, number_sent(_value(form, "revision")), form, now)


def _stored(
    context: Context, seat: Seat, draft: store.desk.DraftRecord, base: int, form: Form, now: datetime
) -> Response:
    """Store the form with its files, and answer."""
    content = _fixed(_content(form), _value(form, "then"))
    chosen = _chosen_contact(context, seat, form)
    content = content.with_contact(chosen.entry) if chosen else content
    try:
        entries, wrong = work.keep_files(context, draft, form.files.values())
    except store.desk.Stale:  # so is the text, which is kept beside the draft
        entries, wrong = [], []
    content = content.with_files(entries)
    wrong += [(name, f"desk-file-{why}") for name, why in form.left]
    try:
        settles = _value(form, "aside") == "1"
        draft = work.save_text(context, draft, base, content, seat.person, now, settles=settles)
    except store.desk.Stale as stale:
        return _meanwhile(context, seat, stale.draft or draft, content)
    return _saved(context, seat, draft, form, wrong)


def _chosen_contact(context: Context, seat: Seat, form: Form) -> store.desk.DeskContact | None:
    """The contact of the office that was chosen for the draft, if the button for that was pressed."""
    pressed = _value(form, "then") == "pick-contact"
    return web.seats.contact_of(context, seat, _value(form, "contact-kept")) if pressed else None


def _fixed(content: DraftText, then: str) -> DraftText:
    """The text with a name in the place of a wrong one, if that was pressed: "take-region kr:52 전라북동"."""
    action, _, rest = then.partition(" ")
    code, _, wrong = rest.partition(" ")
    name = action.removeprefix("take-")
    if action not in ("take-region", "take-topic") or not code:
        return content
    values = tuple(dict.fromkeys(code if value == wrong else value for value in content.all(name)))
    return msgspec.structs.replace(content, lists=content.lists | {name: values})


def _saved(
    context: Context, seat: Seat, draft: store.desk.DraftRecord, form: Form, wrong: Sequence[tuple[str, str]] = ()
) -> Response:
    """What follows a save: the same page, or what the pressed button asks for."""
    content = contents.from_json(draft.content)
    if _json_wanted():
        checked = work.check(context, seat.office, draft, content, datetime.now(UTC))
        files = [{"name": name, "reason": web.text(key, language())} for name, key in wrong]
        at = draft.updated.astimezone(zone_of(context.settings.site_timezone))
        known = {"id": draft.id, "revision": draft.revision, "saved": draft.updated, "shown": f"{at:%H:%M:%S}"}
        wording = contents.embargo_wording(content, work.zone_of_office(context, seat.office))
        return _json(known | {"wrong": files, "wording": wording} | _told(checked, content))
    if wrong:
        said = " ".join(f"{name}: {web.text(key, language())}" for name, key in wrong)
        return _compose(context, seat, draft, content, faults={"file": said}, status=422)
    then = _value(form, "then")
    if then == "preview":
        return gone(f"/desk/drafts/{draft.id}/preview")
    if then == "check" or then.startswith("take-"):
        checked = work.check(context, seat.office, draft, content, datetime.now(UTC))
        return _compose(context, seat, draft, content, checked=checked, done="desk-checked")
    if then == "pick-contact":
        if _chosen_contact(context, seat, form) is None:
            return _compose(context, seat, draft, content, faults={"contact-kept": "desk-contact-none"}, status=422)
        return _compose(context, seat, draft, content, more="contact-kept", done="desk-saved")
    if then.startswith("add-"):
        return _compose(context, seat, draft, content, more=then.removeprefix("add-"))
    return gone(f"/desk/drafts/{draft.id}?saved={draft.revision}")


def _meanwhile(context: Context, seat: Seat, draft: store.desk.DraftRecord, content: DraftText) -> Response:
    """The person's own text in the form again, and who changed the draft meanwhile."""
    if _json_wanted():
        who = named_by(context, [draft]).get(draft.writer, "")
        known = {"id": draft.id, "revision": draft.revision, "meanwhile": who, "state": draft.state}
        return _json(known | {"when": web.when(draft.updated, language())}, 409)
    if draft.state not in store.desk.EDITABLE:
        return draft_page(context, seat, draft, {"": "desk-closed"}, 409)
    return _compose(context, seat, draft, content, faults={"": "desk-meanwhile"}, status=409, own=True)


def _content(form: Form) -> DraftText:
    try:
        return contents.from_fields(form.fields)
    except contents.TooLong:
        raise Problem(413, "too-large", "The draft is too large", "Shorten the text.") from None


# On the way to the readers


@blueprint.post("/desk/drafts/<id>/<step>")
@signed_in
def step(visit: Visit, id: str, step: str) -> Response:
    """Take a step with a draft: `submit`, `return`, `take-back`, `publish`, `discard` or `recover`."""
    context, now = here(), datetime.now(UTC)
    sent = members(("revision", "reason", "at"))
    seat, draft = draft_at(context, visit, id, "publish" if step in ("publish", "return") else "draft")
    if number_sent(sent.get("revision", "")) != draft.revision:
        return draft_page(context, seat, draft, {"": "desk-meanwhile-step"}, 409)
    try:
        if step == "submit":
            draft = work.submit(context, seat.office, draft, seat.person, seat.actor, now)
        elif step == "return":
            reason = " ".join(sent.get("reason", "").split())
            if not 0 < len(reason) <= LONGEST_REASON:
                return draft_page(context, seat, draft, {"reason": "desk-reason-missing"}, 422)
            draft = work.give_back(context, seat.office, draft, reason, seat.person, seat.actor, now)
        elif step == "take-back":
            draft = work.take_back(context, draft, seat.actor, now)
        elif step == "discard":
            work.discard(context, draft, seat.actor, now)
            return gone(f"/desk?office={seat.office.code}")
        elif step == "recover":
            draft = work.recover(context, draft, seat.actor, now)
        elif step == "publish":
            return _publish(context, seat, draft, sent.get("at", ""), now)
        else:
            raise NotFound
    except work.Faulty as refused:
        return _refused(context, seat, draft, refused)
    except store.desk.Stale:
        _, draft = draft_at(context, visit, id)
        return draft_page(context, seat, draft, {"": "desk-meanwhile-step"}, 409)
    return gone(f"/desk/drafts/{draft.id}")


def _publish(context: Context, seat: Seat, draft: store.desk.DraftRecord, at: str, now: datetime) -> Response:
    planned = contents.at(at, work.zone_of_office(context, seat.office)) if at else now
    if planned is None:
        return draft_page(context, seat, draft, {"at": "desk-at-wrong"}, 422)
    if at and planned <= now:
        return draft_page(context, seat, draft, {"at": "desk-at-past"}, 422)
    if planned > now + FURTHEST:
        return draft_page(context, seat, draft, {"at": "desk-at-far"}, 422)
    try:
        draft = work.plan(context, seat.office, draft, planned, seat.person, seat.actor, now)
    except Problem as problem:
        if problem.type != "second-person":
            raise
        return draft_page(context, seat, draft, {"": "desk-second-person"}, 403)
    if planned <= now:
        with suppress(store.desk.Stale):  # the process for planned drafts was first
            work.send(context, draft, datetime.now(UTC))
        draft = store.desk.draft_by_id(context.engine, draft.id) or draft
    where = f"/desk/articles/{draft.article}" if draft.state == "published" else f"/desk/drafts/{draft.id}"
    return gone(where)


def _refused(context: Context, seat: Seat, draft: store.desk.DraftRecord, refused: work.Faulty) -> Response:
    content = contents.from_json(draft.content)
    if draft.state in store.desk.EDITABLE and seat.may.may("draft"):
        return _compose(context, seat, draft, content, checked=refused.checked, status=422)
    return draft_page(context, seat, draft, {"": "desk-refused"}, 422)


@blueprint.get("/desk/drafts/<id>/preview")
@signed_in
def preview(visit: Visit, id: str) -> Response:
    """A draft as its page will be, with what is wrong with it and what will happen."""
    context = here()
    seat, draft = draft_at(context, visit, id)
    return draft_page(context, seat, draft)


# What is published


@blueprint.get("/desk/articles/<id>")
@signed_in
def published(visit: Visit, id: str) -> Response:
    """An article of the office, whatever its state: what happened to it and what can be done."""
    seat, article, state = article_at(here(), visit, id, "read")
    return _life(here(), seat, article, state)


@blueprint.post("/desk/articles/<id>/<step>")
@signed_in
def steer(visit: Visit, id: str, step: str) -> Response:
    """Take a step with an article: `correct`, `release`, `withhold`, `withdraw` or `restore`."""
    context, now = here(), datetime.now(UTC)
    sent = members(("reason", "version", "password"))
    seat, article, state = article_at(context, visit, id, "draft" if step == "correct" else "publish")
    if step == "correct":
        draft = work.begin_correction(context, seat.office, article, seat.person, seat.actor, now)
        return gone(f"/desk/drafts/{draft.id}")
    if number_sent(sent.get("version", "")) != article.version:
        return _life(context, seat, article, state, {"": "desk-meanwhile-step"}, 409)
    reason = " ".join(sent.get("reason", "").split())
    if step == "withdraw" and not 0 < len(reason) <= LONGEST_REASON:
        return _life(context, seat, article, state, {"reason-withdraw": "desk-reason-missing"}, 422)
    if step == "withdraw" and not web.proof.given(visit, sent.get("password", "")):  # a withdrawal cannot be undone
        return _life(context, seat, article, state, {"password-withdraw": "old-wrong"}, 422, reason)
    sender = work.sender_of(seat.office, seat.actor)
    try:
        if step == "release":
            releases.release(context, article, sender)
        elif step == "withhold" and article.pubstatus == "usable":
            releases.withdraw(context, article, sender, reason[:LONGEST_REASON], "withheld")
        elif step == "withdraw" and article.pubstatus != "canceled":
            releases.withdraw(context, article, sender, reason, "canceled")
        elif step == "restore" and article.pubstatus == "withheld":
            releases.withdraw(context, article, sender, "", "usable")
        else:
            raise NotFound
    except Problem as problem:
        if problem.status not in (409, 412):
            raise
        _, article, state = article_at(context, visit, id, "read")
        return _life(context, seat, article, state, {"": "desk-meanwhile-step"}, 409)
    return gone(f"/desk/articles/{id}")


def _life(
    context: Context,
    seat: Seat,
    article: Article,
    state: str,
    faults: Mapping[str, str] | None = None,
    status: int = 200,
    reason: str = "",
) -> Response:
    drafts = store.desk.drafts_of(
        context.engine, seat.office.code, states=store.desk.STATES, article=article.id, person=seat.sees
    )
    events = store.audit.records(context.engine, article=article.id, limit=PAGE)
    return own_page(
        "desk_article.html",
        status=status,
        seat=seat,
        article=article,
        state=state,
        drafts=drafts,
        events=[record for record in events if record.event.action != "read"],
        faults=sentences(faults),
        names=named_by(context, drafts, [record.event.actor for record in events]),
        proven=web.proof.recent(seat.visit),
        reason=reason,
    )


# What they share


def _compose(
    context: Context,
    seat: Seat,
    draft: store.desk.DraftRecord | None,
    content: DraftText,
    *,
    faults: Mapping[str, str] | None = None,
    checked: work.Inspection | None = None,
    more: str = "",
    done: str = "",
    status: int = 200,
    own: bool = False,
) -> Response:
    """The form of a draft. `more`: a field with several parts that gets an empty entry, or where something was just chosen. `own`: it
    shows what the person wrote while somebody else changed the draft."""
    said = sentences(faults)
    for name, fault in checked.faults if checked else ():
        said.setdefault(name, sentence(fault.reason, language()))
    notes: dict[str, str] = {}
    for name, reason in checked.notes if checked else ():
        notes[name] = Markup(" ").join(filter(None, (notes.get(name), sentence(reason, language()))))
    zone = work.zone_of_office(context, seat.office)
    others = store.desk.present(context.engine, draft.id, seat.person, datetime.now(UTC)) if draft else []
    asides = store.desk.asides(context.engine, draft.id) if draft and not own else []
    names = named_by(context, [draft] if draft else [], [f"person {id}" for id in others])
    return own_page(
        "desk_compose.html",
        status=status,
        seat=seat,
        draft=draft,
        content=content,
        office_zone=zone,
        routine=store.desk.routine(context.engine, seat.office.code),
        faults=said,
        notes=notes,
        nearest=_nearest(checked, content) if checked else [],
        wording=contents.embargo_wording(content, zone),
        chosen={kind: _chosen(kind, content, seat.office) for kind in suggesting.SCHEMES},
        largest=context.settings.max_file,
        pictures=web.previewing.pictures_of(context, draft, content["body"]) if draft else {},
        spoken={key: both[language()] for key, both in SPOKEN["compose"].items()},
        own=own,
        checked=checked,
        more=more,
        done=done or ("desk-saved" if request.args.get("saved") and not said else ""),
        contacts=store.desk.contacts_of(context.engine, seat.office.code),
        licences=sorted((uri, name.upper()) for name, uri in LICENCES.items()),
        others=[names.get(id, "–") for id in others],
        aside=next((one for one in asides if one.person == seat.person), None),
        names=names,
    )


def _chosen(kind: str, content: DraftText, office: OfficeRecord) -> dict[str, dict[str, str | bool]]:
    """Line of the form -> the name of what it means, and its language if that is not the reader's, for the script of the page."""
    meant = suggesting.chosen(kind, content.all(kind), language(), office)
    return {line: {"name": hint.name, "lang": hint.lang or False} for line, hint in meant.items()}


def _nearest(checked: work.Inspection, content: DraftText) -> list[tuple[str, str, list[tuple[str, str]]]]:
    """(field, wrong name, [(code, its names)]) for each wrong name that has similar right ones."""
    found = []
    for name, fault in checked.faults:
        values, number = content.all(name), writing.which(fault.path)[1]
        if fault.nearest and 0 < number <= len(values):
            near = [(code, names) for code, _, names in (shown.partition(" ") for shown in fault.nearest)]
            found.append((name, values[number - 1], near))
    return found


def _told(checked: work.Inspection, content: DraftText) -> dict[str, Any]:
    lang = language()
    near = {(name, wrong): codes for name, wrong, codes in _nearest(checked, content)}
    faults = []
    for name, fault in checked.faults[:MOST_TOLD]:
        said, spoken = wording.said(fault.reason, lang)
        values, number = content.all(name), writing.which(fault.path)[1]
        wrong = values[number - 1] if fault.nearest and 0 < number <= len(values) else ""
        told: dict[str, Any] = {"field": name, "reason": said, "lang": spoken}
        if codes := near.get((name, wrong)):
            told |= {"wrong": wrong, "nearest": [{"code": code, "name": names} for code, names in codes]}
        faults.append(told)
    said_of: dict[str, list[str]] = {}
    for name, reason in checked.notes:
        said_of.setdefault(name, []).append(wording.said(reason, lang)[0])
    notes = [{"field": name, "reason": " ".join(told)} for name, told in said_of.items()]
    warnings = [wording.said(warning, lang)[0] for warning in checked.warnings[:MOST_TOLD]]
    return {"faults": faults, "notes": notes, "warnings": warnings, "feeds": checked.feeds}


def _value(form: Form, name: str) -> str:
    return next((value.strip() for key, value in form.fields if key == name), "")


def _json_wanted() -> bool:
    return request.accept_mimetypes.best_match(("text/html", "application/json")) == "application/json"


def _json(members: Mapping[str, Any], status: int = 200) -> Response:
    return web.sessions.private(Response(msgspec.json.encode(members), status, mimetype="application/json"))
