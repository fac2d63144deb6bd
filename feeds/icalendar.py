"""Public events as iCalendar: https://www.rfc-editor.org/rfc/rfc5545, with names of calendars from RFC 7986.

Instants are written in UTC, so that no reader needs our definition of a time zone. A canceled event stays, with STATUS:CANCELLED,
and each change raises SEQUENCE, so that subscribed calendars follow.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from urllib.parse import quote
from zoneinfo import ZoneInfo

from msgspec import Struct

from feeds.article import GENERATOR, Office

MIMETYPE = "text/calendar; charset=utf-8"
LABEL = "iCalendar"
LINE = 75  # octets of a line (section 3.1)
HOURLY = "PT1H"  # how often a calendar should ask again
_SPECIAL = re.compile(r"([\\;,])")
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


class PressEvent(Struct, frozen=True):
    """A public event, or a planned announcement, as an office enters it."""

    id: str  # 32 hexadecimal digits
    office: Office
    title: str
    starts: datetime  # in UTC; of whole days: midnight where it is
    ends: datetime | None  # in UTC, later; of whole days: midnight after the last one; empty: not known
    whole_days: bool
    zone: str  # IANA name
    created: datetime
    updated: datetime
    place: str = ""
    regions: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    about: str = ""  # plain text, perhaps of several lines
    audience: str = ""  # who may attend
    contact: str = ""
    link: str = ""  # http or https
    state: str = "told"  # "told", "canceled" or "removed"
    sequence: int = 0  # how often it was changed

    @property
    def canceled(self) -> bool:
        """Whether it will not take place."""
        return self.state == "canceled"

    @property
    def first_day(self) -> date:
        """The day on which it begins, where it is."""
        return self.starts.astimezone(ZoneInfo(self.zone)).date()

    @property
    def last_day(self) -> date:
        """The day on which it ends, where it is."""
        if self.ends is None:
            return self.first_day
        before = self.ends - timedelta(days=1) if self.whole_days else self.ends
        return max(self.first_day, before.astimezone(ZoneInfo(self.zone)).date())


def render(name: str, url: str, about: str, events: Sequence[PressEvent], page: str) -> bytes:
    """A calendar; the same events give the same bytes. `url`: of the calendar itself; `page`: of the pages of events, before their
    ids."""
    lines = [
        "BEGIN:VCALENDAR",
        "VERSION:2.0",
        f"PRODID:-//{GENERATOR}//{GENERATOR}//EN",
        "CALSCALE:GREGORIAN",
        "METHOD:PUBLISH",
        f"NAME:{text(name)}",
        f"X-WR-CALNAME:{text(name)}",
        f"DESCRIPTION:{text(about)}",
        f"SOURCE;VALUE=URI:{address(url)}",
        f"REFRESH-INTERVAL;VALUE=DURATION:{HOURLY}",
        f"X-PUBLISHED-TTL:{HOURLY}",
    ]
    for event in events:
        lines += _event(event, page)
    lines.append("END:VCALENDAR")
    return "".join(map(folded_line, lines)).encode()


def _event(event: PressEvent, page: str) -> Iterable[str]:
    yield "BEGIN:VEVENT"
    yield f"UID:{uid(event.id)}"
    yield f"DTSTAMP:{_utc(event.updated)}"
    yield f"CREATED:{_utc(event.created)}"
    yield f"LAST-MODIFIED:{_utc(event.updated)}"
    yield f"SEQUENCE:{event.sequence}"
    yield f"STATUS:{'CANCELLED' if event.canceled else 'CONFIRMED'}"
    if event.whole_days:
        yield f"DTSTART;VALUE=DATE:{event.first_day:%Y%m%d}"
        yield f"DTEND;VALUE=DATE:{event.last_day + timedelta(days=1):%Y%m%d}"
    else:
        yield f"DTSTART:{_utc(event.starts)}"
        if event.ends is not None:
            yield f"DTEND:{_utc(event.ends)}"
    yield f"SUMMARY:{text(event.title)}"
    for name, value in (("LOCATION", event.place), ("CONTACT", event.contact)):
        if value:
            yield f"{name}:{text(value)}"
    about = "\n".join(filter(None, (event.office.name, event.about, event.audience, event.link)))
    yield f"DESCRIPTION:{text(about)}"
    yield f"URL:{address(page + event.id)}"
    if codes := ",".join(map(text, event.topics)):
        yield f"CATEGORIES:{codes}"
    yield "TRANSP:TRANSPARENT"
    yield "END:VEVENT"


def uid(id: str) -> str:
    """The identifier of an event in all calendars (RFC 7986, section 5.3): a UUID without a name of a host in it."""
    return "-".join((id[:8], id[8:12], id[12:16], id[16:20], id[20:]))


def text(value: str) -> str:
    """A value of the type TEXT (section 3.3.11)."""
    lines = _UNSEEN.sub("", value.replace("\r\n", "\n").replace("\r", "\n"))
    return _SPECIAL.sub(r"\\\1", lines).replace("\n", "\\n")


def address(value: str) -> str:
    """A value of the type URI: what may not stand in one is percent-encoded."""
    return quote(value, safe="!#$%&'()*+,/:;=?@[]~-._")


def folded_line(line: str) -> str:
    """A content line, folded so that no line has more than LINE octets and no letter is cut (section 3.1)."""
    parts, part, size = [], "", 0
    for letter in line:
        width = len(letter.encode())
        if size + width > LINE:
            parts.append(part)
            part, size = " ", 1
        part, size = part + letter, size + width
    return "\r\n".join((*parts, part)) + "\r\n"


def _utc(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y%m%dT%H%M%SZ}"
