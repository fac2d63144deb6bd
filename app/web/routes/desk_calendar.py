"""The calendar of an office: what is planned, under embargo, held and published, by day in the site's time zone."""

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

from babel.dates import format_date
from flask import Blueprint, Response, request
from msgspec import Struct

from app import store
from app.text.zones import later, zone_of
from app.web import Context, Query, Seat, Visit, here, language, own_page, seat_at, seats_of, signed_in

blueprint = Blueprint("desk_calendar", __name__)

MONTH = re.compile(r"(20\d\d)-(0[1-9]|1[0-2])")
MOST = 300  # published articles that a month shows
DAYS = {"ko": "M. d.(E)", "en": "EEE d MMMM"}
MONTHS = {"ko": "y년 M월", "en": "MMMM y"}


class Planned(Struct, frozen=True):
    """Something in the calendar."""

    at: datetime
    state: str  # of a draft or an article, as the desk lists it
    headline: str
    path: str


@blueprint.get("/desk/calendar")
@signed_in
def shown(visit: Visit) -> Response:
    """A month of an office. `office`, `month` (2026-03)."""
    context, lang = here(), language()
    seat = seat_at(context, visit, request.args.get("office", ""), "read")
    zone = context.settings.site_timezone
    today = datetime.now(UTC).astimezone(zone_of(zone)).date()
    asked = MONTH.fullmatch(request.args.get("month", ""))
    first = date(int(asked[1]), int(asked[2]), 1) if asked else today.replace(day=1)
    next_month = (first + timedelta(days=32)).replace(day=1)
    since, until = (later(datetime(day.year, day.month, 1), zone)[0].astimezone(UTC) for day in (first, next_month))
    waiting = store.desk.waiting_articles(context.engine, seat.office.code)
    published, more = _published(context, seat, since, until)
    found = [*_planned(context, seat, since, until), *published]
    found += [
        Planned(one.due, "embargo", one.article.headline, f"/desk/articles/{one.article.id}")
        for one in waiting
        if one.due is not None and since <= one.due < until
    ]
    days: dict[date, list[Planned]] = {today: []} if first <= today < next_month else {}
    for one in sorted(found, key=lambda one: one.at):
        days.setdefault(one.at.astimezone(zone_of(zone)).date(), []).append(one)
    return own_page(
        "desk_calendar.html",
        seat=seat,
        seats=seats_of(context, visit),
        month=f"{first:%Y-%m}",
        named=format_date(first, MONTHS[lang], locale=lang),
        before=f"{first - timedelta(days=1):%Y-%m}",
        after=f"{next_month:%Y-%m}",
        days=[(format_date(day, DAYS[lang], locale=lang), day == today, days[day]) for day in sorted(days)],
        held=[one for one in waiting if one.due is None],
        clock=lambda at: f"{at.astimezone(zone_of(zone)):%H:%M}",
        more=more,
    )


def _planned(context: Context, seat: Seat, since: datetime, until: datetime) -> Iterator[Planned]:
    for draft in store.desk.planned_drafts(context.engine, seat.office.code, seat.sees, since, until):
        yield Planned(draft.planned or since, "scheduled", draft.headline, f"/desk/drafts/{draft.id}/preview")


def _published(context: Context, seat: Seat, since: datetime, until: datetime) -> tuple[list[Planned], bool]:
    """(what was published or corrected last within a month, whether there is more than MOST)."""
    query = Query(offices=(seat.office.code,), since=since, until=until, limit=MOST + 1)
    rows = store.feeds.standing(context.engine, query)
    briefs = store.articles.briefs(context.engine, [(num, version) for _, num, version, _ in rows[:MOST]])
    found = []
    for sort, num, version, _ in rows[:MOST]:
        brief = briefs.get((num, version))
        if brief is not None and brief.office.code == seat.office.code:
            state = "corrected" if version > 1 else "published"
            found.append(Planned(store.instant(sort), state, brief.headline, f"/desk/articles/{brief.id}"))
    return found, len(rows) > MOST
