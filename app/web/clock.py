"""How much time is left until an instant, in words. static/countdown.js says the same while the page stands. Pure but for the
language."""

from datetime import datetime

from msgspec import Struct

from app.syndication.texts import text
from app.web.html import language

MINUTE, HOUR, DAY = 60, 3600, 86_400


class Clock(Struct, frozen=True):
    """When an embargo ends, and how much time is left; `end` None: somebody ends it by hand."""

    end: datetime | None
    words: str


def until(end: datetime | None, now: datetime) -> Clock:
    """The clock of an embargo."""
    lang = language()
    if end is None:
        return Clock(None, text("clock-held", lang))
    left = int((end - now).total_seconds())
    if left < MINUTE:
        return Clock(end, text("clock-soon", lang))
    if left < HOUR:
        return Clock(end, text("clock-minutes", lang).format(m=left // MINUTE))
    if left < DAY:
        return Clock(end, text("clock-hours", lang).format(h=left // HOUR, m=left % HOUR // MINUTE))
    return Clock(end, text("clock-days", lang).format(d=left // DAY, h=left % DAY // HOUR))
