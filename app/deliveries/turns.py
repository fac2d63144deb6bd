"""Whose call is made now, so that nobody waits for those who answer slowly.

Each line (app.store.queue) has room of its own for what is claimed and for what is in flight. Within a host accounts take turns.
A call that lasts gives its place to the next and is waited for beside the others. There is room for a share of such calls, and of one
site and of one address for half of that; where it is full, the one that lasts longest is cut off. So a host where hundreds stop
answering at once delays those that share it for seconds, once: afterwards each of the slow waits in the line of the slow.

All of it belongs to one asyncio loop.
"""

import asyncio
import time
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager

from app.accounts.sites import network, site
from app.store import NEW, PROMPT, SLOW, Room

ASKED = 3  # the line of what the hub was asked, by whom it does not know yet
CLAIMED = 2  # times as many are claimed as may be in flight
SHARE = {NEW: 8, SLOW: 4, ASKED: 8}  # of what may be in flight, one in so many
WAITING = 8  # times as many of one host are claimed as may be in flight to it
LASTING = 4  # of what may be in flight, one in so many more for the calls that last
PATIENCE = 0.5  # seconds after which a call lasts; less where others of its site last already
SLOW_AFTER = 2.0  # seconds after which an answer was slow
OWED, MOST_OWED = 4, 64  # prompt answers after a slow one; twice as many each time
LOOK = 0.05  # seconds between two looks for calls that last


def owed_after(owed: int, seconds: float) -> int:
    """How many answers must come soon from now on, after one that took so long."""
    return min(MOST_OWED, max(OWED, 2 * owed)) if seconds >= SLOW_AFTER else max(0, owed - 1)


class Turn:
    """A claimed subscription or request, from its claim until it is over."""

    def __init__(self, line: int, host: str, account: str) -> None:
        self.line, self.host, self.account, self.site = line, host, account, site(host)
        self.keys = Room.keys(host, self.site, account)
        self.key = line, host
        self.place: _Host | None = None
        self.began = 0.0  # monotonic seconds
        self.lasts = False
        self.groups: tuple[tuple[str, str], ...] = ()  # what it shares its room with while it lasts
        self._since = 0.0  # when the call began that is in flight (monotonic seconds)
        self._limit: asyncio.Timeout | None = None

    @asynccontextmanager
    async def calling(self) -> AsyncIterator[None]:
        """Around one call. Raises TimeoutError where it is cut off."""
        async with asyncio.timeout(None) as self._limit:
            self._since = time.monotonic()
            try:
                yield
            finally:
                self._limit = None

    def seconds(self) -> float:
        """For how long the call in flight has lasted; 0: there is none that could be cut off."""
        return time.monotonic() - self._since if self._limit else 0.0

    def cut(self) -> None:
        if self._limit:
            self._limit.reschedule(asyncio.get_running_loop().time())


class Turns:
    """`flight`: calls at once; `each`: of these to one host; `reached`: the address last reached of a host, empty if unknown."""

    def __init__(self, flight: int, each: int, reached: Callable[[str], str]) -> None:
        self._flight = asyncio.Semaphore(flight)
        self._most = CLAIMED * flight
        self._shares = {PROMPT: self._most} | {line: max(4, flight // part) for line, part in SHARE.items()}
        self._each = {line: each if line == PROMPT else max(1, each // 2) for line in self._shares}
        self._limits = {
            line: {
                "account": share * 7 // 8 if line == PROMPT else share * 3 // 4,
                "host": WAITING * self._each[line],
                "site": share // 2,
            }
            for line, share in self._shares.items()
        }
        self._most_lasting = max(4, flight // LASTING)
        self._reached = reached
        self._taken: dict[int, dict[tuple[str, str, str], int]] = {line: {} for line in self._shares}
        self._counts: Counter[int] = Counter()
        self._hosts: dict[tuple[int, str], _Host] = {}
        self._in_flight: dict[Turn, None] = {}  # those that may turn out to last
        self._lasting: dict[Turn, None] = {}
        self._looking = False
        self._groups: Counter[tuple[str, str]] = Counter()

    def rooms(self, resting: Collection[str] = ()) -> dict[int, Room]:
        """How many may be claimed of each line; of hosts that rest, none."""
        left = self._most - self._counts.total()
        return {
            line: Room(min(left, share - self._counts[line]), self._limits[line], self._taken[line], resting)
            for line, share in self._shares.items()
        }

    def begin(self, turn: Turn) -> None:
        """It is claimed."""
        self._counts[turn.line] += 1
        taken = self._taken[turn.line]
        for key in turn.keys:
            taken[key] = taken.get(key, 0) + 1

    def end(self, turn: Turn) -> None:
        """It is over, or lasts: in either case others may be claimed in its place."""
        self._counts[turn.line] -= 1
        taken = self._taken[turn.line]
        for key in turn.keys:
            if taken[key] > 1:
                taken[key] -= 1
            else:
                del taken[key]

    async def within(self, turn: Turn, work: Callable[[], Awaitable[None]]) -> None:
        """Do it when it is its turn; `begin` was called before."""
        turn.place = host = self._hosts.get(turn.key) or _Host(self._each[turn.line])
        self._hosts[turn.key] = host
        await host.acquire(turn.account)
        try:
            await self._flight.acquire()
        except BaseException:
            self._leave_host(turn)
            raise
        turn.began = time.monotonic()
        if turn.line != SLOW:  # There it is nothing new that one lasts.
            self._in_flight[turn] = None
            if not self._looking:
                self._looking = True
                asyncio.get_running_loop().call_later(LOOK, self._look)
        try:
            await work()
        finally:
            if turn.lasts:
                self._forget(turn)
            else:
                self._in_flight.pop(turn, None)
                self._leave(turn)

    def _forget(self, turn: Turn) -> None:
        """It lasts no longer, or makes room for another that does."""
        if turn in self._lasting:
            del self._lasting[turn]
            self._groups.subtract(turn.groups)
            self._groups += Counter()  # without those that are 0

    def _leave(self, turn: Turn) -> None:
        self._flight.release()
        self._leave_host(turn)

    def _leave_host(self, turn: Turn) -> None:
        assert turn.place is not None
        turn.place.release()
        if turn.place.idle and self._hosts.get(turn.key) is turn.place:
            del self._hosts[turn.key]

    def _look(self) -> None:
        """Have those that last give their places away, as far as there is room for them."""
        now = time.monotonic()
        for turn in [turn for turn in self._in_flight if now - turn.began >= self._patience(turn)]:
            if self._makes_room(turn):
                del self._in_flight[turn]
                self._leave(turn)
                self.end(turn)
        self._looking = bool(self._in_flight)
        if self._looking:
            asyncio.get_running_loop().call_later(LOOK, self._look)

    def _patience(self, turn: Turn) -> float:
        if not self._groups:
            return PATIENCE
        others = max(self._groups[key] for key in self._shared(turn))
        return PATIENCE / (1 + others / self._each[PROMPT])

    def _shared(self, turn: Turn) -> tuple[tuple[str, str], ...]:
        address = network(self._reached(turn.host))
        return (("site", turn.site), ("address", address)) if address else (("site", turn.site),)

    def _makes_room(self, turn: Turn) -> bool:
        """Whether it is among those that last from now on."""
        groups = self._shared(turn)
        full = [key for key in groups if self._groups[key] >= self._most_lasting // 2]
        if full or len(self._lasting) >= self._most_lasting:
            accounts = Counter(other.account for other in self._lasting)
            most = max(accounts.values(), default=0)
            others = (
                other
                for other in self._lasting
                if (any(key in other.groups for key in full) if full else accounts[other.account] == most)
            )
            longest = max(others, key=Turn.seconds)
            if longest.seconds() < SLOW_AFTER:
                return False
            longest.cut()
            # At once: it goes on until its task runs again, and would be found, and cut, once more.
            self._forget(longest)
        turn.lasts, turn.groups = True, groups
        self._lasting[turn] = None
        self._groups.update(groups)
        return True


class _Host:
    """Places at one host, for which accounts take turns."""

    def __init__(self, places: int) -> None:
        self._all = self._free = places
        self._waiting: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()

    @property
    def idle(self) -> bool:
        return self._free == self._all and not self._waiting

    async def acquire(self, account: str) -> None:
        if self._free:
            self._free -= 1
            return
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(account, deque()).append(mine)
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self.release()  # It was given a place meanwhile.
            raise

    def release(self) -> None:
        while self._waiting:
            account, line = self._waiting.popitem(last=False)
            first = line.popleft()
            if line:
                self._waiting[account] = line  # behind the other accounts
            if not first.done():
                first.set_result(None)
                return
        self._free += 1
