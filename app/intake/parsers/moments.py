"""Reads dates and times as foreign dialects write them: ISO 8601 in all its forms, and RFC 822 as feeds use it.

https://www.iso.org/iso-8601-date-and-time-format.html, https://www.w3.org/TR/NOTE-datetime, app/intake/parsers/rfc822.py

A time without a zone is read in the zone of the office, and the receipt says so. An embargo is never early: if no
zone is known, an embargo without a zone holds the article.
"""

import re
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from msgspec import Struct

from app.errors import Fault
from app.intake.draft import Given, Value
from app.intake.parsers import rfc822
from app.text.zones import later, zone_of

LONGEST = 100  # characters of a date
ISO = re.compile(
    r"(?P<year>\d{4})"
    r"(?:(?P<mark>[-/.]) ?(?P<month>\d{1,2})(?P=mark) ?(?P<day>\d{1,2})\.?|(?P<basic>\d{4})"
    r"|-?(?P<ordinal>\d{3})|-?W(?P<week>\d\d)-?(?P<weekday>[1-7]))(?![\d.])"
    r"(?:[T ]{1,2}(?P<hour>\d\d|\d(?=:))(?::?(?P<minute>\d\d)(?::?(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,30}))?)?)?(?!\d))?"
    r" ?(?P<zone>.{0,60})",
    re.IGNORECASE | re.ASCII,
)
COMPACT = re.compile(r"(\d{8})(\d{4}(?:\d\d)?)(?!\d)", re.ASCII)  # 20141126152703
NO_DAY = re.compile(r"\d{4}(?:[-/.]?\d\d|-?W\d\d)?", re.IGNORECASE | re.ASCII)
EXPECTED = "expected a date and time such as 2021-03-09T20:15:00+09:00"
TELL = "Tell the zone once with `pressrelay office add CODE --timezone Asia/Seoul`, or send it with each date."


class Moment(Struct, frozen=True):
    """A date that was understood."""

    iso: str  # ISO 8601, with a time zone
    weekday: str = ""  # as written; empty: none
    warnings: tuple[str, ...] = ()  # what was filled in
    zoned: bool = True  # the zone was written
    day: bool = False  # only a day was written, without a time


class Until(Struct, frozen=True):
    """The meaning of an embargo that is given as a date."""

    instant: Value | None
    held: bool = False
    warnings: tuple[str, ...] = ()


class Dated(Struct, frozen=True):
    """The date of issue, chosen from several."""

    value: Value | None  # ISO 8601, with a time zone
    moment: Moment | None = None
    warnings: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()  # of each, if none was understood


class Written(Struct, frozen=True):
    """A date as written, before its zone is known."""

    local: datetime
    zone: str  # as written
    weekday: str
    day: bool  # without a time


def moment(text: str, given: Given) -> Moment | str:
    """The instant of a date in ISO 8601 or RFC 822 format; else what is wrong, as the end of a sentence."""
    text = " ".join(text.split())
    if len(text) > LONGEST:
        return EXPECTED
    try:
        written = _iso(text) or _feed(text)
    except (ValueError, OverflowError):
        return "this date or time does not exist"
    if isinstance(written, str):
        return written
    try:
        return _zoned(text, written, given)
    except (ValueError, OverflowError):
        return "it is out of range. In UTC, its year must be 1 to 9999"


def first_of(values: Iterable[Value], given: Given, *, timed: bool = False) -> Dated:
    """The first date that was understood; if `timed`, the first that has a time, else the first day.

    Empty values are skipped. A value that was not understood is a warning if another was, else a fault. A year or a month alone,
    which NewsML-G2 allows, is no warning.
    """
    wrong: list[tuple[Value, str]] = []
    days: list[tuple[Value, Moment]] = []
    for at in values:
        if not at.text.strip():
            continue
        found = moment(at.text, given)
        if isinstance(found, str):
            wrong.append((at, found))
        elif found.day and timed:
            days.append((at, found))
        else:
            return _dated(at, found, wrong)
    if days:
        return _dated(*days[0], wrong)
    faults = (Fault(f"The date is {at.text.strip()[:60]!r}: {reason}.", at.path, at.line) for at, reason in wrong)
    return Dated(None, faults=tuple(faults))


def _dated(at: Value, found: Moment, wrong: list[tuple[Value, str]]) -> Dated:
    odd = [other for other, _ in wrong if not NO_DAY.fullmatch(other.text.strip())]
    warnings = (f"{other.path}: {other.text.strip()[:60]!r} was not understood. {found.iso} was used." for other in odd)
    return Dated(Value(found.iso, at.line, at.path), found, (*found.warnings, *warnings))


def embargo_at(at: Value, given: Given) -> Until:
    """The end of an embargo that is given as a date. What is not understood holds the article, with a warning."""
    text = at.text.strip()
    if not text:
        return Until(None, held=True)  # without an end (NewsML-G2 specification, "embargoed")
    found = moment(text, given)
    if isinstance(found, str):
        return Until(None, True, (f"The embargo {text[:60]!r} was not understood: {found}. The article is held.",))
    if not (found.zoned or found.day or given.zone):
        reason = f"The embargo {text[:60]!r} has no time zone, and none is known for this office. The article is held. {TELL}"
        return Until(None, True, (reason,))
    return Until(Value(found.iso, at.line, at.path), False, found.warnings)


def _iso(text: str) -> Written | str | None:
    """A date in ISO 8601; a reason if it has that form and names no day; None if it has another form. Raises ValueError."""
    found = ISO.fullmatch(COMPACT.sub(r"\1T\2", text, count=1))
    if found is None:
        return f"it names no day; {EXPECTED}" if NO_DAY.fullmatch(text) else None
    year = int(found["year"])
    if found["ordinal"]:
        number = int(found["ordinal"])
        day = date(year, 1, 1) + timedelta(days=number - 1)
        if not number or day.year != year:
            raise ValueError("no such day")
    elif found["week"]:
        day = date.fromisocalendar(year, int(found["week"]), int(found["weekday"]))
    else:
        numbers = found["basic"] or f"{int(found['month']):02}{int(found['day']):02}"
        day = date(year, int(numbers[:2]), int(numbers[2:]))
    clock = [int(found[part] or 0) for part in ("hour", "minute", "second")]
    micros = int((found["fraction"] or "0")[:6].ljust(6, "0"))
    return Written(_local(day, clock, micros), found["zone"], "", found["hour"] is None)


def _local(day: date, clock: list[int], micros: int = 0) -> datetime:
    """24:00 is the end of a day, and the second 60 a leap second; both are the beginning of what follows. Raises ValueError."""
    hour, minute, second = clock
    ends, leaps = (hour, minute, second, micros) == (24, 0, 0, 0), second == 60
    local = datetime.combine(day, time(0 if ends else hour, minute, 59 if leaps else second, micros))
    return local + timedelta(days=int(ends), seconds=int(leaps))


def _feed(text: str) -> Written | str:
    """A date in RFC 822 format; else a reason. Raises ValueError."""
    found = rfc822.parts(text)
    if isinstance(found, str):
        return found
    return Written(_local(found.day, list(found.clock)), found.zone, found.weekday, not found.timed)


def _zoned(text: str, written: Written, given: Given) -> Moment | str:
    """The instant of a date. Raises OverflowError."""
    local, name = written.local, given.zone or "UTC"
    zone: tzinfo | None = rfc822.zone(written.zone)
    if zone is not None:
        there = local.replace(tzinfo=zone)
        there.astimezone(UTC)  # raises OverflowError
        if not written.day:
            return Moment(there.isoformat(), written.weekday)
        said = f"{text[:60]} is a date without a time. Midnight was used."
        return Moment(there.isoformat(), written.weekday, (said,), day=True)
    if written.zone and written.zone.strip(" ()").upper() != local.replace(tzinfo=zone_of(name)).tzname():
        return f"the time zone {written.zone[:20]!r} is not known; expected an offset such as +09:00"
    there, changes = later(local, name)
    if written.day:
        said = f"{text[:60]} is a date without a time. Midnight in {name} was used."
    elif written.zone:
        said = f"{text[:60]} was read in the time zone {name}, in which {written.zone[:20]} is known."
    else:
        said = (
            f"{text[:60]} has no time zone. It was read in {name}{'' if given.zone else ', because no zone is known'}."
        )
    return Moment(
        there.isoformat(), written.weekday, tuple(filter(None, (said, changes))), bool(written.zone), written.day
    )
