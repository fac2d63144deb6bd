"""The public press calendar: /press-calendar by month, as iCalendar and as feeds. It has only what offices added to it."""

import calendar
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlencode

from babel.dates import format_date, get_day_names
from flask import Blueprint, Response
from msgspec import Struct

from app import store, web
from app.query import url
from app.syndication import press_calendar
from app.text.zones import later, zone_of
from app.web import (
    Context,
    OfficeRecord,
    Problem,
    Query,
    here,
    html_page,
    language,
    meant,
    only,
    parse,
    text,
    title_language,
    whole,
)
from feeds import format_of, icalendar, render
from feeds.icalendar import PressEvent

blueprint = Blueprint("press_calendar", __name__)

ASKED = ("region", "topic", "office")
MONTH = re.compile(r"(20[0-9]{2})-(0[1-9]|1[0-2])")
PAGE_NUMBER = re.compile("[1-9][0-9]{0,2}")
ID = re.compile(r"[0-9a-f]{32}")
MOST, PAGES = 80, 100  # events that a page shows, and pages of a month
IN_FEED, IN_CALENDAR = 50, 1_000
AT_MOST = 10  # seconds that a copy of a page is served
MONTHS_AHEAD = 13  # of iCalendar
MONTHS = {"ko": "y년 M월", "en": "MMMM y"}


class CalendarDay(Struct, frozen=True):
    """A day of the month."""

    number: int
    id: str  # of its heading: "day-2026-03-09"
    name: str
    today: bool
    events: tuple[PressEvent, ...]


@blueprint.get("/press-calendar")
def month() -> Response:
    """The events of a month. `month` (2026-03), `page` (2), `region`, `topic` and `office`, each several times."""
    context, lang = here(), language()
    sent = meant((*ASKED, "month", "page"))
    asked = web.parameters.given_once([pair for pair in sent if pair[0] not in ASKED])
    offices = web.building.offices_by_code()
    query = _query(offices, sent)
    zone = context.settings.site_timezone
    now = datetime.now(UTC)
    today = now.astimezone(zone_of(zone)).date()
    first = _month(asked.get("month", ""), today)
    after = (first + timedelta(days=32)).replace(day=1)
    since, until = (_midnight(day, zone) for day in (first, after))
    within = press_calendar.within(query)
    page = _page(asked.pop("page", "1"))
    _share((_midnight(today + timedelta(days=1), zone) - now).total_seconds())
    found = store.press_events.events_between(context.engine, within, since, until, MOST + 1, (page - 1) * MOST)
    weeks = _weeks(first, today, found[:MOST], zone, lang)
    title = press_calendar.title_of(query, context.settings.site_name, _names(query, offices), lang)
    own = query.canonical()
    last = first - timedelta(days=1)
    named, named_before, named_after = (format_date(day, MONTHS[lang], locale=lang) for day in (first, last, after))
    base = context.settings.url
    formats = [(format_of(name).LABEL, name) for name in press_calendar.FORMATS]
    return html_page(
        "press_calendar.html",
        lang,
        title=f"{title} · {named}",
        heading=text("calendar-month-of", lang).format(month=named),
        chosen=[
            (one.label, _month_path(one.without, first)) for one in web.choosing.chosen_filters(query, offices, lang)
        ],
        kept=web.parameters.pairs(own),
        canonical=url(f"{base}/press-calendar", urlencode({"month": f"{first:%Y-%m}"}) + (f"&{own}" if own else "")),
        feeds=[
            (label, format_of(name).MIMETYPE.partition(";")[0], url(f"{base}/press-calendar.{name}", own))
            for label, name in formats
        ],
        feeds_title=title,
        ics=url(f"{base}/press-calendar.ics", own),
        filters=_filters(offices, query, lang),
        own=own,
        month=f"{first:%Y-%m}",
        before=f"{last:%Y-%m}" if first.year > 2000 else "",
        named_before=named_before,
        after=f"{after:%Y-%m}",
        named_after=named_after,
        weeks=weeks,
        weekdays=[get_day_names("abbreviated", locale=lang)[number] for number in (6, 0, 1, 2, 3, 4, 5)],
        days=[day for week in weeks for day in week if day and day.events],
        when_of=lambda event: press_calendar.when_of(event, lang),
        clock=lambda event: _clock(event, zone, lang),
        page=page,
        more=len(found) > MOST and page < PAGES,
    )


@blueprint.get("/press-calendar/<id>")
def one(id: str) -> Response:
    """An event. 410 if its office took it back."""
    only(())
    _share(AT_MOST)
    context, lang = here(), language()
    event = store.press_events.event_by_id(context.engine, id) if ID.fullmatch(id) else None
    if event is None:
        raise Problem(404, "unknown-event", "No such event")
    if event.state == "removed":
        raise Problem(410, "event-removed", "The office removed this event")
    return html_page(
        "press_event.html",
        lang,
        title=f"{event.title} · {context.settings.site_name}",
        canonical=f"{context.settings.url}/press-calendar/{id}",
        event=event,
        when=press_calendar.when_of(event, lang),
        month=f"{event.starts.astimezone(zone_of(context.settings.site_timezone)):%Y-%m}",
    )


@blueprint.get("/press-calendar.<format>")
def subscribed(format: str) -> Response:
    """The calendar for programs: `ics` from the last month on; `atom`, `rss` and `json` with the events that were added or changed
    last."""
    context = here()
    if format not in ("ics", *press_calendar.FORMATS):
        known = ", ".join(("ics", *press_calendar.FORMATS))
        raise Problem(
            404, "unknown-format", "Unknown format", f"{format[:40]!r} is not known. The formats are {known}."
        )
    offices = web.building.offices_by_code()
    query = _query(offices, meant(ASKED))
    lang = title_language(query, context.settings.language)
    title = press_calendar.title_of(query, context.settings.site_name, _names(query, offices), lang)
    within, base = press_calendar.within(query), context.settings.url
    if format == "ics":
        body, mimetype = _icalendar(context, within, query, title, lang), icalendar.MIMETYPE
    else:
        events = store.press_events.newest_events(context.engine, within, IN_FEED)
        module = format_of(format)
        body = render(module, press_calendar.feed_of(events, base, query, title, format, lang))
        mimetype = module.MIMETYPE
    response = web.representation.allow_all_origins(whole(body, mimetype))
    if format == "ics":
        response.headers["Content-Disposition"] = 'inline; filename="press-calendar.ics"'
    return response


def _share(seconds: float) -> None:
    """Let the page be copied while no event changes. A desk that is killed before it announces a change leaves copies of the old
    state, so a copy is kept for a short time only."""
    web.share(["/".join(press_calendar.PAIR)], seconds=min(seconds, AT_MOST))


def _icalendar(context: Context, within: store.press_events.Within, query: Query, title: str, lang: str) -> bytes:
    zone = context.settings.site_timezone
    this = datetime.now(UTC).astimezone(zone_of(zone)).date().replace(day=1)
    last = (this - timedelta(days=1)).replace(day=1)
    end = (this + timedelta(days=31 * MONTHS_AHEAD)).replace(day=1)
    # Whole months: within a month, the same events give the same bytes.
    events = store.press_events.events_between(
        context.engine, within, _midnight(last, zone), _midnight(end, zone), IN_CALENDAR
    )
    base = context.settings.url
    return icalendar.render(
        title,
        url(f"{base}/press-calendar.ics", query.canonical()),
        text("press-calendar-about", lang),
        events,
        f"{base}/press-calendar/",
    )


def _query(offices: Mapping[str, OfficeRecord], sent: Sequence[tuple[str, str]]) -> Query:
    """Regions, topics and offices of a request. Raises Problem (404) for unknown ones, with the nearest names."""
    return parse([(name, value.strip()) for name, value in sent if name in ASKED and value.strip()], [*offices])


def _names(query: Query, offices: Mapping[str, OfficeRecord]) -> list[str]:
    return [offices[code].name for code in query.offices]


def _month_path(query: Query, first: date) -> str:
    own = query.canonical()
    return url("/press-calendar", f"{own}&month={first:%Y-%m}" if own else f"month={first:%Y-%m}")


def _filters(
    offices: Mapping[str, OfficeRecord], query: Query, lang: str
) -> list[tuple[str, str, web.choosing.Choices]]:
    """(parameter, label, further choices). The choices are empty if they are too many for a list."""
    offered = {
        "region": web.choosing.region_choices(query, lang),
        "topic": web.choosing.topic_choices(query, lang),
        "office": web.choosing.office_choices(offices),
    }
    return [
        (name, text(f"filter:{name}", lang), [one for one in choices if one[0] not in query.values(name)])
        for name, choices in offered.items()
    ]


def _month(asked: str, today: date) -> date:
    if not asked:
        return today.replace(day=1)
    found = MONTH.fullmatch(asked)
    if found is None:
        detail = f"{asked[:40]!r} is not a month. Write the year and the month, such as 2026-03."
        raise Problem(400, "bad-parameter", "Bad parameter", detail)
    return date(int(found[1]), int(found[2]), 1)


def _page(asked: str) -> int:
    if not PAGE_NUMBER.fullmatch(asked) or int(asked) > PAGES:
        raise Problem(
            400, "bad-parameter", "Bad parameter", f"page must be a number from 1 to {PAGES}, not {asked[:40]!r}."
        )
    return int(asked)


def _midnight(day: date, zone: str) -> datetime:
    return later(datetime(day.year, day.month, day.day), zone)[0].astimezone(UTC)


def _weeks(first: date, today: date, events: list[PressEvent], zone: str, lang: str) -> list[list[CalendarDay | None]]:
    """The month by weeks, which begin on Sunday as in Korea; an event stands at its first day within the month."""
    by_day: dict[date, list[PressEvent]] = {}
    for event in events:
        # Of whole days, the day where it is; of an instant, the day that readers of this site have then.
        begins = event.first_day if event.whole_days else event.starts.astimezone(zone_of(zone)).date()
        by_day.setdefault(max(begins, first), []).append(event)
    weeks: list[list[CalendarDay | None]] = []
    for week in calendar.Calendar(6).monthdatescalendar(first.year, first.month):
        days: list[CalendarDay | None] = []
        for day in week:
            name = str(format_date(day, {"ko": "M월 d일 EEEE", "en": "EEEE d MMMM"}[lang], locale=lang))
            here_ = CalendarDay(day.day, f"day-{day}", name, day == today, tuple(by_day.get(day, ())))
            days.append(here_ if day.month == first.month else None)
        weeks.append(days)
    return weeks


def _clock(event: PressEvent, zone: str, lang: str) -> str:
    if event.whole_days:
        return text("calendar-whole-day", lang)
    begins = f"{event.starts.astimezone(zone_of(zone)):%H:%M}"
    short = event.ends is not None and event.last_day == event.first_day
    return f"{begins}–{event.ends.astimezone(zone_of(zone)):%H:%M}" if short and event.ends else begins
