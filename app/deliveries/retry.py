"""When a delivery that failed is tried again, and when it is given up. Pure."""

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST = 3600.0  # seconds between two attempts
SPREAD = 0.25  # of the pause, to either side: what failed together is not tried together


def pause(attempts: int, first: float, chance: Callable[[], float]) -> float:
    """Seconds until the next attempt, after so many: twice as long each time. `chance`: evenly from 0 to 1."""
    seconds = min(LONGEST, first * float(2 ** min(attempts - 1, 20)))
    return seconds * (1 - SPREAD + 2 * SPREAD * chance())


def asked(retry_after: str, now: datetime) -> float:
    """Seconds that a Retry-After wants (RFC 9110, section 10.2.3), at most LONGEST; 0 where it says nothing."""
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return min(LONGEST, float(text[:9]))
    try:
        until = parsedate_to_datetime(text)
        if until.tzinfo is None:  # Such a date is GMT, whether it says so or not (section 5.6.7).
            until = until.replace(tzinfo=UTC)
        return min(LONGEST, max(0.0, (until - now).total_seconds()))
    except (ValueError, TypeError):
        return 0.0
