"""Dates as RSS has them (RFC 822, RFC 5322 section 3.3), and as feeds write them besides: an instant with its zone, or a reason.

A zone is never guessed: 0900 in the office and 0900 in Greenwich are hours apart, and an embargo hangs on it.
"""

import re
from datetime import datetime, timedelta, timezone

from msgspec import Struct

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# Hours east of Greenwich of the names in RFC 822, 5.1, and of those that offices write and that mean one zone only. Military
# letters but Z carry no meaning (RFC 5322, 4.3); IST is Irish, Israeli and Indian.
ZONES = {
    "z": 0, "ut": 0, "utc": 0, "gmt": 0, "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7,
    "akst": -9, "akdt": -8, "hst": -10, "wet": 0, "west": 1, "bst": 1, "cet": 1, "cest": 2, "eet": 2, "eest": 3, "msk": 3,
    "sgt": 8, "hkt": 8, "awst": 8, "kst": 9, "jst": 9, "aest": 10, "aedt": 11, "nzst": 12, "nzdt": 13,
}  # fmt: skip
DATE = re.compile(
    r"(?:(?P<weekday>[a-z]{3,9})\.?,?\s*)?(?P<day>\d{1,2})[\s-]+(?P<month>[a-z]{3,9})\.?,?[\s-]+(?P<year>\d{4}|\d\d),?\s+"
    r"(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.\d+)?)?\s*(?P<zone>.*)",
    re.IGNORECASE | re.ASCII,
)
OFFSET = re.compile(r"(?:gmt|utc|ut)?\s*([+-])(\d{1,2}):?(\d\d)?(?:\s*\([^()]*\))?", re.IGNORECASE | re.ASCII)
EXPECTED = "a date such as Tue, 09 Mar 2021 20:15:00 +0900"


class Instant(Struct, frozen=True):
    """A date that could be read."""

    iso: str  # with the zone as it was written
    weekday: str  # as written; empty: none


def instant(text: str) -> Instant | str:
    """The instant of an RFC 822 date, or of an ISO 8601 one in its place; else what is wrong, as the end of a sentence."""
    text = " ".join(text.split())
    found = DATE.fullmatch(text)
    if found is None:
        return _iso(text)
    month = found["month"].lower()[:3]
    if month not in MONTHS:
        return f"{found['month'][:20]!r} is no month; expected is {EXPECTED}"
    zone = _zone(found["zone"])
    if zone is None:
        if not found["zone"]:
            return f"it has no time zone; expected is {EXPECTED}"
        return f"the time zone {found['zone'][:20]!r} is not known; expected is an offset such as +0900"
    year = int(found["year"])
    if len(found["year"]) == 2:  # RFC 5322, 4.3
        year += 2000 if year < 50 else 1900
    clock = (int(found["hour"]), int(found["minute"]), int(found["second"] or 0))
    try:
        moment = datetime(year, MONTHS.index(month) + 1, int(found["day"]), *clock, tzinfo=timezone(zone))
    except ValueError:
        return f"there is no such day or time; expected is {EXPECTED}"
    return Instant(moment.isoformat(), found["weekday"] or "")


def _zone(text: str) -> timedelta | None:
    name = text.strip().strip("()").lower()
    if name in ZONES:
        return timedelta(hours=ZONES[name])
    found = OFFSET.fullmatch(text.strip())
    if found is None:
        return None
    sign = -1 if found[1] == "-" else 1
    offset = timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
    return sign * offset if offset <= timedelta(hours=14) and int(found[3] or 0) < 60 else None


def _iso(text: str) -> Instant | str:
    """What dc:date and atom:updated hold, and many a pubDate (W3C date and time formats, RFC 3339)."""
    spaced = re.sub(r"^(\d{4}-\d\d-\d\d \d\d:\d\d(?::\d\d)?) ([+-]\d\d:?\d\d|Z)$", r"\1\2", text)
    try:
        moment = datetime.fromisoformat(spaced)
    except ValueError:
        return f"expected is {EXPECTED}"
    if moment.tzinfo is None:
        return f"it has no time zone; expected is {EXPECTED}"
    return Instant(moment.isoformat(), "")
