"""How an office works at its desk: whether a second person approves each release, and when it is notified of embargoes."""

from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec
from flask import Blueprint, Response, request

from app import store, web
from app.desk import routines
from app.web import Context, Seat, Visit, here, members, number_sent, page_with_ways, seat_at, sentences, signed_in

blueprint = Blueprint("desk_routine", __name__)

LONGEST_NOTICE = 10_080  # minutes


@blueprint.get("/desk/routine")
@signed_in
def shown(visit: Visit) -> Response:
    """Whether a second person approves, and when notices are sent."""
    return _page(here(), seat_at(here(), visit, request.args.get("office", ""), "publish"))


@blueprint.post("/desk/routine")
@signed_in
def change(visit: Visit) -> Response:
    """Change it: `approval`, `notice`. `approval=0` ends approval, or asks a second editor to do so; `then=drop` refuses that
    request."""
    context, now = here(), datetime.now(UTC)
    sent = members(("office", "approval", "notice", "then", "password"))
    seat = seat_at(context, visit, sent.get("office", ""), "publish")
    before = store.desk.routine(context.engine, seat.office.code)
    notice = number_sent(sent.get("notice", str(before.notice)))
    if not 0 <= notice <= LONGEST_NOTICE:
        return _page(context, seat, {"notice": "desk-notice-wrong"})
    if sent.get("then") == "drop":
        kept = not before.asker or routines.keep_approval(context, seat.office, before, seat.actor, now)
        return _done(context, seat, kept, "desk-approval-kept")
    if before.approval and sent.get("approval") == "0":
        return _end(context, seat, before, sent.get("password", ""), now)
    approval = sent.get("approval", "1" if before.approval else "0") == "1"
    after = msgspec.structs.replace(before, approval=approval, notice=notice)
    stored = routines.change_routine(context, seat.office, before, after, seat.actor, now)
    return _done(context, seat, stored, "desk-routine-set")


def _end(context: Context, seat: Seat, before: store.desk.Routine, password: str, now: datetime) -> Response:
    """End approval if the person may do so and proves again who they are; otherwise ask a second editor."""
    asker, person = routines.asker_of(context, seat.office, before, now), seat.visit.person
    if not routines.may_end(person, asker):
        done = routines.ask_to_end(context, seat.office, before, person, now)
        return _done(context, seat, done, "desk-approval-asked-done")
    if not web.proof.given(seat.visit, password):
        return _page(context, seat, {"password": "old-wrong"})
    ended = routines.end_approval(context, seat.office, before, seat.actor, now)
    return _done(context, seat, ended, "desk-approval-ended")


def _done(context: Context, seat: Seat, stored: bool, done: str) -> Response:
    if not stored:
        return _page(context, seat, {"": "desk-routine-meanwhile"}, status=409)
    return _page(context, seat, done=done)


def _page(
    context: Context, seat: Seat, faults: Mapping[str, str] | None = None, done: str = "", status: int = 422
) -> Response:
    routine = store.desk.routine(context.engine, seat.office.code)
    asker = routines.asker_of(context, seat.office, routine, datetime.now(UTC))
    return page_with_ways(
        "desk_routine.html",
        status=status if faults else 200,
        seat=seat,
        routine=routine,
        asker=asker,
        may_end=routines.may_end(seat.visit.person, asker),
        proven=web.proof.recent(seat.visit),
        faults=sentences(faults),
        done=done,
    )
