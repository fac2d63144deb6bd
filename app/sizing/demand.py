"""What an operator expects: offices, pushes, polls and subscribers."""

import re
from collections.abc import Iterable

from msgspec import Struct

from app.errors import Misconfigured

MOST = 1e12  # polls a minute; a larger count is a typing error
LONGEST = 40  # characters of a wrong value in a message
PERIODS = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400}
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_POLLS = re.compile(r"(\d{1,15})(?:/(second|minute|hour|day)|@(\d{1,9})([smhd]))?", re.ASCII)
EXPECTED = "expected COUNT/minute (or /second, /hour, /day), or POLLERS@INTERVAL such as 2000@30s"


class Polls(Struct, frozen=True):
    """Polls of feeds, as an operator wrote them."""

    written: str
    a_second: float


def polls_of(texts: Iterable[str]) -> tuple[Polls, ...]:
    """The polls that these texts say, such as `600/minute` or `2000@30s`: 2,000 pollers, each every 30 seconds. A number alone is a
    minute's. Raises Misconfigured."""
    found = []
    for text in texts:
        match = _POLLS.fullmatch(text)
        if not match:
            raise Misconfigured(f"--polls {text[:LONGEST]!r} is not understood: {EXPECTED}.")
        count, period, interval, unit = match.groups()
        seconds = int(interval) * UNITS[unit] if interval else PERIODS[period or "minute"]
        if not seconds:
            raise Misconfigured(f"--polls {text[:LONGEST]!r} has an interval of 0: {EXPECTED}.")
        if int(count) / seconds * 60 > MOST:
            raise Misconfigured(f"--polls {text[:LONGEST]!r} is more than {MOST:,.0f} polls a minute.")
        found.append(Polls(text, int(count) / seconds))
    return tuple(found)


class Demand(Struct, frozen=True):
    """What a server is asked for. Shares are from 0 to 1."""

    offices: int
    pushes: float  # on a busy day
    busiest_hour: float  # its share of the day's pushes
    busiest_minute: float  # its share of the hour's pushes
    text: float  # bytes of a release's text
    files: float  # bytes of a release's files
    years: float  # for which everything is kept
    feeds: int  # different feeds that are polled
    changed: float  # how many of these show a release
    page: int  # articles in a feed
    polls: float  # each second, of all feeds together
    compressed: float  # share of polls that take compressed answers
    unchanged: float  # share of polls that get 304
    proxied: float  # share of polls that a cache in front answers
    webhooks: float
    websubs: float
    mails: float
    reached: float  # subscriptions that a release reaches

    @property
    def subscribers(self) -> float:
        """All subscriptions."""
        return self.webhooks + self.websubs + self.mails
