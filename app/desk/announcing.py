"""Reads the form of the press calendar as an event, or finds its faults by field. It takes nothing from drafts. Pure."""

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from urllib.parse import urlsplit

from app.accounts.offices import OfficeRecord
from app.errors import Problem
from app.query import parse
from app.text import characters
from app.text.zones import is_zone, later, zone_of
from feeds import Office
from feeds.icalendar import PressEvent

FIELDS = (
    *("office", "title", "day", "clock", "last", "closes", "zone", "place", "regions", "topics", "about"),
    *("audience", "contact", "link", "sequence"),
)
MOST = {
    "title": 120,
    "place": 120,
    "audience": 120,
    "contact": 200,
    "link": 500,
    "about": 800,
    "zone": 64,
}  # characters
MOST_CODES = 10  # regions, and topics
AHEAD, DAYS = timedelta(days=3 * 366), 60  # how far ahead an event may be, and how many days it may take
CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)(?::00)?")


def read_event(
    id: str,
    office: OfficeRecord,
    sent: Mapping[str, str],
    now: datetime,
    say: Callable[[Problem], str],
    old: PressEvent | None = None,
) -> tuple[PressEvent | None, dict[str, str]]:
    """(the event, nothing), or (nothing, field -> key of a text or a sentence). `say`: a problem as a
    sentence for people; `old`: the event that it changes."""
    values = {name: _lines(sent.get(name, "")) if name == "about" else _line(sent.get(name, "")) for name in MOST}
    faults = {name: "calendar-long" for name, most in MOST.items() if len(values[name]) > most}
    if not values["title"]:
        faults["title"] = "calendar-no-title"
    if values["link"] and not _is_link(values["link"]):
        faults["link"] = "calendar-link"
    codes: dict[str, tuple[str, ...]] = {}
    for field, name in (("regions", "region"), ("topics", "topic")):
        codes[field], fault = _codes(sent.get(field, ""), name, say)
        faults |= {field: fault} if fault else {}
    starts, ends, when = _when(sent, values["zone"], now, old)
    faults |= when
    if faults or starts is None:
        return None, faults
    event = PressEvent(
        id,
        Office(office.code, office.name, office.url, office.above),
        values["title"],
        starts,
        ends,
        not sent.get("clock", "").strip(),
        values["zone"],
        old.created if old else now,
        now,
        place=values["place"],
        regions=codes["regions"],
        topics=codes["topics"],
        about=values["about"],
        audience=values["audience"],
        contact=values["contact"],
        link=values["link"],
        state="told",
        sequence=old.sequence + 1 if old else 0,
    )
    return event, {}


def as_form(event: PressEvent) -> dict[str, str]:
    """The fields of a form that says what an event says."""
    zone = zone_of(event.zone)
    ends = event.ends.astimezone(zone) if event.ends and not event.whole_days else None
    return {
        **{name: getattr(event, name) for name in MOST},
        "day": f"{event.first_day}",
        "clock": "" if event.whole_days else f"{event.starts.astimezone(zone):%H:%M}",
        "last": f"{event.last_day}" if event.last_day != event.first_day else "",
        "closes": f"{ends:%H:%M}" if ends else "",
        "regions": "\n".join(event.regions),
        "topics": "\n".join(event.topics),
        "sequence": str(event.sequence),
    }


def _when(
    sent: Mapping[str, str], zone: str, now: datetime, old: PressEvent | None
) -> tuple[datetime | None, datetime | None, dict[str, str]]:
    """(when it begins, when it ends, what is wrong)."""
    faults: dict[str, str] = {}
    if not is_zone(zone):
        return None, None, {"zone": "calendar-zone"}
    first, last = _day(sent.get("day", "")), _day(sent.get("last", ""))
    clock, closes = CLOCK.fullmatch(sent.get("clock", "").strip()), CLOCK.fullmatch(sent.get("closes", "").strip())
    if first is None:
        return None, None, {"day": "calendar-day"}
    if sent.get("last", "").strip() and (last is None or not 0 <= (last - first).days < DAYS):
        faults["last"] = "calendar-last"
    for name, found in (("clock", clock), ("closes", closes)):
        if sent.get(name, "").strip() and found is None:
            faults[name] = "calendar-clock"
    if closes and not clock and "clock" not in faults:
        faults["closes"] = "calendar-closes"
    if faults:
        return None, None, faults
    last = last or first
    starts, ends = _at(first, clock, zone), None
    if closes:
        ends = _at(last, closes, zone)
        if ends <= starts:
            return None, None, {"closes": "calendar-closes"}
    elif clock is None or last > first:
        ends = _at(last + timedelta(days=1), None, zone)
    if starts > now + AHEAD:
        return None, None, {"day": "calendar-far"}
    if (ends or starts) < now - timedelta(days=1) and (old is None or starts != old.starts):
        return None, None, {"day": "calendar-past"}
    return starts, ends, {}


def _at(day: date, clock: re.Match[str] | None, zone: str) -> datetime:
    hour, minute = (int(clock[1]), int(clock[2])) if clock else (0, 0)
    return later(datetime(day.year, day.month, day.day, hour, minute), zone)[0].astimezone(UTC)


def _day(given: str) -> date | None:
    try:
        found = date.fromisoformat(given.strip()) if len(given.strip()) == 10 else None
    except ValueError:
        return None
    return found if found and 2000 <= found.year < 2100 else None


def _codes(given: str, name: str, say: Callable[[Problem], str]) -> tuple[tuple[str, ...], str]:
    """(codes of regions or topics, what is wrong)."""
    values = [value.strip() for value in given.replace(",", "\n").splitlines() if value.strip()]
    if len(values) > MOST_CODES:
        return (), "calendar-codes"
    try:
        query = parse([(name, value) for value in values], [])
    except Problem as problem:
        return (), say(problem)
    return (query.regions if name == "region" else query.topics), ""


def _is_link(given: str) -> bool:
    try:
        parts = urlsplit(given)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"\s", given)


def _line(given: str) -> str:
    return " ".join(characters.UNSEEN.sub("", given).split())


def _lines(given: str) -> str:
    return "\n".join(line.rstrip() for line in characters.UNSEEN.sub("", given).splitlines()).strip()
