"""Time zones by their IANA names. https://www.iana.org/time-zones"""

import re
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

EXPECTED = "expected an IANA name such as Asia/Seoul, Europe/Berlin or UTC"
_NAME = re.compile(r"[A-Z][A-Za-z0-9_+\-]{0,30}(?:/[A-Za-z0-9_+\-]{1,30}){0,2}")


def is_zone(name: str) -> bool:
    """Whether this is the name of a time zone."""
    try:
        return _NAME.fullmatch(name) is not None and zone_of(name) is not None
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False


@lru_cache(64)
def zone_of(name: str) -> ZoneInfo:
    """The time zone of a name for which `is_zone` is true."""
    return ZoneInfo(name)


def later(local: datetime, name: str) -> tuple[datetime, str]:
    """(the instant of a local time in a zone, a warning or nothing).

    When clocks change, a local time happens twice or not at all. Then the later instant is used, so that no embargo lifts early.
    Raises OverflowError.
    """
    zone = zone_of(name)
    instants = [local.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
    there = max(instants).astimezone(zone)
    if instants[0] == instants[1]:
        return there, ""
    happens = "does not exist" if instants[0] > instants[1] else "happens twice"
    return (
        there,
        f"{local.isoformat(' ')} {happens} in {name}, because clocks change. The later instant was used: {there.isoformat()}.",
    )
