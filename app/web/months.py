"""The months of the site's time zone, for amounts and searches by month."""

from datetime import datetime

from babel.dates import format_date

from app.text.zones import zone_of
from app.web.context import here

PATTERNS = {"ko": "y년 M월", "en": "MMMM y"}


def month_starts(now: datetime, count: int) -> list[datetime]:
    """The beginnings of so many months, oldest first, that of `now` included, and the end of the last one; in the site's zone."""
    zone = zone_of(here().settings.site_timezone)
    local = now.astimezone(zone)
    last = local.year * 12 + local.month - 1
    return [datetime(*_month(number), 1, tzinfo=zone) for number in range(last - count + 1, last + 2)]


def month_of(instant: datetime) -> tuple[datetime, datetime]:
    """The beginning and the end of the month of an instant, in the site's zone."""
    first, end = month_starts(instant, 1)
    return first, end


def month_name(start: datetime, lang: str) -> str:
    """The name of the month that begins then: 2026년 3월."""
    return str(format_date(start, PATTERNS[lang], locale=lang))


def _month(number: int) -> tuple[int, int]:
    return number // 12, number % 12 + 1
