"""An office's events in the press calendar. Editors add, change, cancel and remove them; every step is public at once."""

import re
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from uuid import UUID

from flask import Blueprint, Response, request
from msgspec.structs import replace
from werkzeug.exceptions import NotFound

from app import store, web
from app.desk import announcing
from app.syndication import press_calendar
from app.web import (
    Problem,
    Seat,
    Visit,
    gone,
    here,
    language,
    members,
    number_sent,
    own_page,
    seat_at,
    sentences,
    signed_in,
    work,
)
from feeds.icalendar import PressEvent

blueprint = Blueprint("desk_announcements", __name__)

LISTED, PAST = 200, timedelta(days=31)
WHEN = re.compile(r"(20\d\d-\d\d-\d\d)(?:T(\d\d:\d\d))?")


@blueprint.get("/desk/announcements")
@signed_in
def listed(visit: Visit) -> Response:
    """The events of an office, and a form for a new one. `office`; `when` (2026-03-09T10:00): the time that the form is filled
    with."""
    seat = seat_at(here(), visit, request.args.get("office", ""), "publish")
    asked = WHEN.fullmatch(request.args.get("when", ""))
    return _page(seat, filled={"day": asked[1], "clock": asked[2] or ""} if asked else {})


@blueprint.post("/desk/announcements")
@signed_in
def tell(visit: Visit) -> Response:
    """Add an event."""
    context, now = here(), datetime.now(UTC)
    sent = members(announcing.FIELDS)
    seat = seat_at(context, visit, sent.get("office", ""), "publish")
    id = UUID(bytes=secrets.token_bytes(16), version=4).hex
    event, faults = announcing.read_event(id, seat.office, sent, now, _say)
    if event is None:
        return _page(seat, faults, sent)
    if not store.press_events.tell_event(context.engine, event, press_calendar.calendar_pairs(event), seat.actor, now):
        return _page(seat, {"title": "announcements-full"}, sent)
    _announce()
    return gone(f"/desk/announcements?office={seat.office.code}")


@blueprint.get("/desk/announcements/<id>")
@signed_in
def one(visit: Visit, id: str) -> Response:
    """The form to change an event."""
    seat, event = _event(visit, id)
    return _page(seat, filled=announcing.as_form(event), event=event)


@blueprint.post("/desk/announcements/<id>")
@signed_in
def change(visit: Visit, id: str) -> Response:
    """Change an event. A canceled event takes place again after that."""
    now = datetime.now(UTC)
    seat, old = _event(visit, id)
    sent = members(announcing.FIELDS)
    event, faults = announcing.read_event(id, seat.office, sent, now, _say, old)
    if event is None:
        return _page(seat, faults, sent, event=old)
    return _stored(seat, replace(event, sequence=old.sequence + 1), number_sent(sent.get("sequence", "")), now)


@blueprint.post("/desk/announcements/<id>/<step>")
@signed_in
def steer(visit: Visit, id: str, step: str) -> Response:
    """`cancel` or `remove` an event."""
    states = {"cancel": "canceled", "remove": "removed"}
    if step not in states:
        raise NotFound
    seat, old = _event(visit, id)
    sent, now = members(("sequence",)), datetime.now(UTC)
    event = replace(old, state=states[step], sequence=old.sequence + 1, updated=now)
    return _stored(seat, event, number_sent(sent.get("sequence", "")), now)


def _stored(seat: Seat, event: PressEvent, seen: int, now: datetime) -> Response:
    """`seen`: the sequence of the event in the form, which must be the one before this."""
    context = here()
    pairs = press_calendar.calendar_pairs(event)
    if seen != event.sequence - 1 or not store.press_events.change_event(context.engine, event, pairs, seat.actor, now):
        newest = store.press_events.event_by_id(context.engine, event.id)
        if newest is None or newest.state == "removed":
            raise NotFound
        return _page(seat, {"title": "announcements-meanwhile"}, announcing.as_form(newest), newest, 409)
    _announce()
    return gone(f"/desk/announcements?office={seat.office.code}")


def _announce() -> None:
    """End all copies of the pages of the press calendar, before the person is answered."""
    here().tell([press_calendar.PAIR])


def _say(problem: Problem) -> str:
    """A problem in a sentence, with the nearest names."""
    said = web.html.fault_of(problem, language())
    nearest = [name for fault in problem.errors for name in fault.nearest if name not in said]
    return f"{said} {web.text('nearest', language())} {', '.join(nearest)}" if nearest else said


def _event(visit: Visit, id: str) -> tuple[Seat, PressEvent]:
    """An event of an office where the person is an editor. Raises NotFound."""
    context = here()
    found = store.press_events.event_by_id(context.engine, id) if len(id) == 32 else None
    if found is None or found.state == "removed":
        raise NotFound
    return seat_at(context, visit, found.office.code, "publish"), found


def _page(
    seat: Seat,
    faults: Mapping[str, str] | None = None,
    filled: Mapping[str, str] | None = None,
    event: PressEvent | None = None,
    status: int = 422,
) -> Response:
    context, lang = here(), language()
    since = datetime.now(UTC) - PAST
    zone = work.zone_of_office(context, seat.office)
    return own_page(
        "desk_announcements.html",
        status=status if faults else 200,
        seat=seat,
        event=event,
        events=[] if event else store.press_events.office_events(context.engine, seat.office.code, since, LISTED),
        when_of=lambda one: press_calendar.when_of(one, lang),
        filled={"zone": zone, "regions": "\n".join(seat.office.regions), **(filled or {})},
        most=announcing.MOST,
        faults=sentences(faults),
    )
