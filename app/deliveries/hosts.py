"""What the delivery worker knows about each host: how many calls are in flight to it, and whether it rests because it was unreachable.

All of it belongs to one asyncio loop.
"""

import asyncio
import time
from collections import OrderedDict, deque
from collections.abc import Callable

from msgspec import Struct

from app.accounts.sites import network

REST = 2.0  # seconds for which an unreachable host rests the first time; each further rest is twice as long
LONGEST_REST = 60.0
REMEMBERED = 10_000  # hosts with a rest; beyond that, finished rests are forgotten


class Rest(Struct, frozen=True):
    """A period in which a host is not called."""

    until: float  # monotonic seconds
    seconds: float  # length of the rest


class Hosts:
    """All hosts that are called. `reached`: gives the last address that was reached for a host, empty if unknown."""

    def __init__(self, reached: Callable[[str], str]) -> None:
        self._reached = reached
        self._rests: dict[str, Rest] = {}
        self._places: dict[tuple[int, str], HostPlaces] = {}

    def network(self, host: str) -> str:
        """The network of the last address that was reached for a host; empty if unknown."""
        return network(self._reached(host))

    def rest(self, host: str) -> None:
        """Do not call a host for a while, because other calls would wait for it in vain."""
        now = time.monotonic()
        before = self._rests.get(host, Rest(0.0, REST / 2))
        seconds = min(LONGEST_REST, 2 * before.seconds)
        self._rests[host] = Rest(now + seconds, seconds)
        if len(self._rests) > REMEMBERED:
            self._rests = {name: rest for name, rest in self._rests.items() if rest.until > now}

    def delivered(self, host: str) -> None:
        """Note that a delivery arrived at a host, so that its next rest is short again."""
        self._rests.pop(host, None)

    def resting(self) -> list[str]:
        """The hosts that rest now."""
        now = time.monotonic()
        return [host for host, rest in self._rests.items() if rest.until > now]

    def places(self, line: int, host: str, most: int) -> "HostPlaces":
        """The places at a host for a line of deliveries; `most`: how many there are."""
        return self._places.setdefault((line, host), HostPlaces(most))

    def leave(self, line: int, host: str) -> None:
        """Give back a place at a host. Places that nobody uses are forgotten."""
        places = self._places[line, host]
        places.release()
        if places.idle:
            del self._places[line, host]

    @property
    def idle(self) -> bool:
        """Whether no place at any host is in use or waited for."""
        return not self._places


class HostPlaces:
    """Places at one host, for which accounts take turns."""

    def __init__(self, places: int) -> None:
        self._all = self._free = places
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @property
    def idle(self) -> bool:
        """Whether every place is free and nobody waits for one."""
        return self._free == self._all and not self._waiting

    async def acquire(self, account: str) -> None:
        """Take a place; waits until it is the account's turn."""
        if self._free:
            self._free -= 1
            return
        place: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(account, deque()).append(place)
        try:
            await place
        except asyncio.CancelledError:
            if place.done() and not place.cancelled():
                self.release()  # The place was assigned in the meantime.
            raise

    def release(self) -> None:
        """Give a place to the next account; if nobody waits, the place becomes free."""
        while self._waiting:
            account, line = self._waiting.popitem(last=False)
            first = line.popleft()
            if line:
                self._waiting[account] = line  # behind the other accounts
            if not first.done():
                first.set_result(None)
                return
        self._free += 1
