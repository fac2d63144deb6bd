"""When a failed delivery is tried again. Pure."""

from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

LONGEST = 3600.0  # seconds between two attempts
SPREAD = 0.25  # random part of the pause, so that deliveries that failed together are not retried together


def pause(attempts: int, first: float, chance: Callable[[], float]) -> float:
    """Seconds until the next attempt; they double with each attempt. `chance`: returns a random number from 0 to 1."""
    seconds = min(LONGEST, first * float(2 ** min(attempts - 1, 20)))
    return seconds * (1 - SPREAD + 2 * SPREAD * chance())


def asked_pause(retry_after: str, now: datetime) -> float:
    """Seconds in a Retry-After header (RFC 9110, section 10.2.3), at most LONGEST; 0 if it is empty or not valid."""
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return min(LONGEST, float(text[:9]))
    try:
        until = parsedate_to_datetime(text)
        if until.tzinfo is None:  # A date in this header is always in GMT (section 5.6.7).
            until = until.replace(tzinfo=UTC)
        return min(LONGEST, max(0.0, (until - now).total_seconds()))
    except (ValueError, TypeError):
        return 0.0
