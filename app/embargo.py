"""보도시점, when a release may be reported, as Korean press offices write it.

Four forms are in use: a date and time, at once, an edition of the newspapers (조간 in the morning, 석간 in the evening), or an event
that no clock knows. The last holds the release until its office lets it go, and so does what is not understood: an embargo
that is kept too long does less harm than one that is broken.
"""

import re
import unicodedata
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from msgspec import Struct

SEOUL = ZoneInfo("Asia/Seoul")
WEEKDAYS = "월화수목금토일"

_DATE = re.compile(
    r"(?:'?(?P<year>\d{4}|\d{2})\s*[.년/-]\s*)?(?P<month>\d{1,2})\s*[.월/-]\s*(?P<day>\d{1,2})\s*[.일]?\s*"
    r"(?:\(?(?P<weekday>[월화수목금토일])(?:요일)?\)|(?=\D|$))"
)
_TIME = re.compile(
    r"(?P<half>오전|오후|낮|밤|새벽|아침|저녁)?\s*(?:(?P<hour>\d{1,2})\s*:\s*(?P<minute>\d{2})"
    r"|(?P<hour2>\d{1,2})\s*시\s*(?:(?P<minute2>\d{1,2})\s*분|(?P<half_past>반))?)|(?P<noon>정오)|(?P<midnight>자정)"
)
_CLOCK = re.compile(r"\d\s*[:시]\s*\d")
_WEB = re.compile(r"(?:온라인|인터넷|웹)\D{0,8}(\d.*)")
_AT_ONCE = re.compile(r"즉시|곧바로|배포\s*시\s*부터|엠바고\s*(?:없음|해제)")
_EVENT = re.compile(r"(?:회의|보고|발표|브리핑|행사|의결|안건|종료|이후\s*별도|심의|개회|선고)")
_AFTERNOON = {"오후", "저녁", "밤"}


class Hours(Struct, frozen=True):
    """When the editions come out, in Seoul."""

    morning: time = time(6)
    evening: time = time(12)


class Embargo(Struct, frozen=True):
    """What a wording means: an instant, at once (neither), or held."""

    until: datetime | None = None  # with Seoul's offset
    held: bool = False
    weekday_wrong: str = ""  # the weekday as written, where the date is of another
    understood: bool = True  # False: held because it was not


def read(wording: str, day: date, hours: Hours | None = None) -> Embargo:
    """The meaning of a wording in a release that was handed out on `day`, in Seoul.

    A date without a year is the one nearest to that day; an edition without a date is the next one after it.
    """
    hours = hours or Hours()
    text = " ".join(unicodedata.normalize("NFKC", wording).replace("’", "'").replace("‘", "'").split())
    if not text:
        return Embargo()
    # A printed edition with an hour of its own for the web: a feed is the web.
    if (web := _WEB.search(text)) and (online := read(web[1], day, hours)).until:
        return online
    found = _DATE.search(text)
    on, wrong = _day(found, day) if found else (None, "")
    rest = text[found.end() :] if found else text
    if found and on is None:
        return Embargo(held=True, understood=False)  # The 30th of February.
    clock = _clock(rest)
    if clock is None and _CLOCK.search(rest):
        return Embargo(held=True, understood=False)  # 25:00.
    edition = "조간" in text or "석간" in text
    if clock is not None and on is not None:
        return Embargo(_seoul(on, clock), weekday_wrong=wrong)
    if edition:
        evening = "석간" in text and "조간" not in text
        if on is None:
            on = day if evening else day + timedelta(days=1)
        return Embargo(_seoul(on, hours.evening if evening else hours.morning), weekday_wrong=wrong)
    if _EVENT.search(rest):
        return Embargo(held=True, weekday_wrong=wrong)
    if _AT_ONCE.search(text):
        return Embargo(weekday_wrong=wrong)
    if clock is not None:
        return Embargo(_seoul(day, clock))
    if on is not None:
        return Embargo(_seoul(on, time(0)), weekday_wrong=wrong)
    return Embargo(held=True, understood=False)


def _day(found: re.Match[str], near: date) -> tuple[date | None, str]:
    year = found["year"]
    years = [int(year) + (2000 if len(year) == 2 else 0)] if year else [near.year - 1, near.year, near.year + 1]
    days: list[date] = []
    for number in years:
        try:
            days.append(date(number, int(found["month"]), int(found["day"])))
        except ValueError:
            continue
    if not days:
        return None, ""
    on = min(days, key=lambda one: abs(one - near))
    weekday = found["weekday"] or ""
    return on, weekday if weekday and WEEKDAYS[on.weekday()] != weekday else ""


def _clock(text: str) -> time | None:
    found = _TIME.search(text)
    if found is None:
        return None
    if found["noon"]:
        return time(12)
    if found["midnight"]:
        return time(0)
    hour, minute = int(found["hour"] or found["hour2"]), int(found["minute"] or found["minute2"] or 0)
    if found["half_past"]:
        minute = 30
    half = found["half"] or ""
    if (half in _AFTERNOON and hour < 12) or (half == "낮" and hour < 6):
        hour += 12
    elif half in ("오전", "새벽") and hour == 12:
        hour = 0
    return time(hour, minute) if hour < 24 and minute < 60 else None


def _seoul(on: date, clock: time) -> datetime:
    return datetime.combine(on, clock, SEOUL)
