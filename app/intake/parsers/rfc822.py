"""Takes dates in the format of RSS (RFC 822, RFC 5322 section 3.3) apart. `moments.py` makes instants of them.

https://www.rfc-editor.org/rfc/rfc5322#section-3.3
"""

import re
from datetime import date, timedelta, timezone

from msgspec import Struct

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
# Hours east of Greenwich, for the zone names in RFC 822, 5.1, and for other common names that mean one zone only. Military letters
# other than Z have no meaning (RFC 5322, 4.3), and IST may be Irish, Israeli or Indian time.
ZONES = {
    "z": 0, "ut": 0, "utc": 0, "gmt": 0, "est": -5, "edt": -4, "cst": -6, "cdt": -5, "mst": -7, "mdt": -6, "pst": -8, "pdt": -7,
    "akst": -9, "akdt": -8, "hst": -10, "wet": 0, "west": 1, "bst": 1, "cet": 1, "cest": 2, "eet": 2, "eest": 3, "msk": 3,
    "sgt": 8, "hkt": 8, "awst": 8, "kst": 9, "jst": 9, "aest": 10, "aedt": 11, "nzst": 12, "nzdt": 13,
}  # fmt: skip
DATE = re.compile(
    r"(?:(?P<weekday>[a-z]{3,9})\.?,?\s*)?(?P<day>\d{1,2})[\s-]+(?P<month>[a-z]{3,9})\.?,?[\s-]+(?P<year>\d{4}|\d\d),?"
    r"(?:\s+(?P<hour>\d{1,2}):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.\d+)?)?\s*(?P<zone>.*))?",
    re.IGNORECASE | re.ASCII,
)
OFFSET = re.compile(r"(?:gmt|utc|ut)?\s*([+\u2212-])(\d{1,2}):?(\d\d)?(?:\s*\([^()]*\))?", re.IGNORECASE | re.ASCII)
EXPECTED = "a date such as Tue, 09 Mar 2021 20:15:00 +0900"


class Parts(Struct, frozen=True):
    """A date as written."""

    day: date
    clock: tuple[int, int, int]
    zone: str  # empty: none
    weekday: str  # empty: none
    timed: bool


def parts(text: str) -> Parts | str:
    """The parts of a date; else what is wrong, as the end of a sentence. Raises ValueError if there is no such day."""
    found = DATE.fullmatch(text)
    if found is None:
        return f"expected {EXPECTED}"
    month = found["month"].lower()[:3]
    if month not in MONTHS:
        return f"{found['month'][:20]!r} is not a month; expected {EXPECTED}"
    year = int(found["year"])
    if len(found["year"]) == 2:  # RFC 5322, 4.3
        year += 2000 if year < 50 else 1900
    day = date(year, MONTHS.index(month) + 1, int(found["day"]))
    clock = (int(found["hour"] or 0), int(found["minute"] or 0), int(found["second"] or 0))
    return Parts(day, clock, found["zone"] or "", found["weekday"] or "", found["hour"] is not None)


def zone(text: str) -> timezone | None:
    """The time zone of an offset or of a name that means only one zone; None for anything else."""
    name = text.strip().strip("()").lower()
    if name in ZONES:
        return timezone(timedelta(hours=ZONES[name]))
    found = OFFSET.fullmatch(text.strip())
    if found is None:
        return None
    offset = timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
    if offset > timedelta(hours=14) or int(found[3] or 0) > 59:
        return None
    return timezone(offset if found[1] == "+" else -offset)
