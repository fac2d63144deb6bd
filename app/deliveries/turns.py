"""Decides which calls are made now, so that nobody waits for subscribers that answer slowly.

A line is a group of subscribers that answer about equally fast (app/store/deliveries/queue.py). Each line may have a limited number
of deliveries claimed and of calls open. At each host, accounts take turns.

A call that lasts long gives its place to the next call, and continues outside the limit. The number of such lasting calls is limited
too, and one site or one address may have half of them; when there are too many, the longest call is cut off. So if hundreds of
subscribers at one host stop answering at once, others at that host are delayed only once and for seconds: afterwards, each slow
subscriber waits in the line of slow subscribers. All objects here belong to one asyncio loop.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable

from app import store
from app.deliveries.channel import Turn
from app.deliveries.hosts import Hosts

ASKED = 3  # the line of intents: it is not known yet whether their subscribers answer
CLAIMED = 2  # ratio of claimed deliveries to calls in flight
SHARE = {
    store.deliveries.NEW: 8,
    store.deliveries.SLOW: 4,
    ASKED: 8,
}  # line -> its part of the calls in flight: one in 8, 4, 8
WAITING = 8  # ratio of claimed deliveries to calls in flight for one host
LASTING = 4  # room for lasting calls: one for each 4 calls in flight
PATIENCE = 0.5  # seconds after which a call counts as lasting; less if other calls to its site are lasting
SLOW_AFTER = 2.0  # seconds after which an answer counts as slow
OWED, MOST_OWED = 4, 64  # prompt answers required after a slow one; they double with each slow answer
LOOK = 0.05  # seconds between two checks for lasting calls


def owed_after(owed: int, seconds: float) -> int:
    """How many prompt answers are required after an answer that took `seconds`."""
    return min(MOST_OWED, max(OWED, 2 * owed)) if seconds >= SLOW_AFTER else max(0, owed - 1)


class Turns:
    """All turns. `flight`: calls in flight; `each`: calls in flight to one host."""

    def __init__(self, flight: int, each: int, reached: Callable[[str], str]) -> None:
        self._flight = asyncio.Semaphore(flight)
        self._most = CLAIMED * flight
        self._shares = {store.deliveries.PROMPT: self._most} | {
            line: max(4, flight // part) for line, part in SHARE.items()
        }
        self._each = {line: each if line == store.deliveries.PROMPT else max(1, each // 2) for line in self._shares}
        self._limits = {
            line: {
                "account": share * 7 // 8 if line == store.deliveries.PROMPT else share * 3 // 4,
                "host": WAITING * self._each[line],
                "site": share // 2,
            }
            for line, share in self._shares.items()
        }
        self._most_lasting = max(4, flight // LASTING)
        self.hosts = Hosts(reached)
        self._taken: dict[int, dict[tuple[str, str, str], int]] = {line: {} for line in self._shares}
        self._counts: Counter[int] = Counter()
        self._in_flight: dict[Turn, None] = {}  # turns that may become lasting
        self._lasting: dict[Turn, None] = {}
        self._looking = False
        self._groups: Counter[tuple[str, str]] = Counter()

    def rooms(self) -> dict[int, store.deliveries.Room]:
        """The room for claims in each line; resting hosts have none."""
        resting = self.hosts.resting()
        left = self._most - self._counts.total()
        return {
            line: store.deliveries.Room(
                min(left, share - self._counts[line]), self._limits[line], self._taken[line], resting
            )
            for line, share in self._shares.items()
        }

    def begin(self, turn: Turn) -> None:
        """Count a turn as claimed."""
        self._counts[turn.line] += 1
        taken = self._taken[turn.line]
        for key in turn.keys:
            taken[key] = taken.get(key, 0) + 1

    def end(self, turn: Turn) -> None:
        """Stop counting a turn, because it is finished or lasts. Others may then be claimed in its place."""
        self._counts[turn.line] -= 1
        taken = self._taken[turn.line]
        for key in turn.keys:
            if taken[key] > 1:
                taken[key] -= 1
            else:
                del taken[key]

    async def within(self, turn: Turn, work: Callable[[], Awaitable[None]]) -> None:
        """Do the work when its turn comes. `begin` must have been called before."""
        await self.hosts.places(turn.line, turn.host, self._each[turn.line]).acquire(turn.account)
        try:
            await self._flight.acquire()
        except BaseException:
            self.hosts.leave(turn.line, turn.host)
            raise
        turn.began = time.monotonic()
        if turn.line != store.deliveries.SLOW:  # In that line, slow calls are expected.
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
        """Remove a turn from the lasting turns, because it is finished or makes room for another."""
        if turn in self._lasting:
            del self._lasting[turn]
            self._groups.subtract(turn.groups)
            self._groups += Counter()  # without those that are 0

    def _leave(self, turn: Turn) -> None:
        self._flight.release()
        self.hosts.leave(turn.line, turn.host)

    def _look(self) -> None:
        """Make long turns lasting turns, which gives up their places, as far as there is room."""
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
        return PATIENCE / (1 + others / self._each[store.deliveries.PROMPT])

    def _shared(self, turn: Turn) -> tuple[tuple[str, str], ...]:
        address = self.hosts.network(turn.host)
        return (("site", turn.site), ("address", address)) if address else (("site", turn.site),)

    def _makes_room(self, turn: Turn) -> bool:
        """Make a turn a lasting one, if there is room; whether it is one now."""
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
            # Done here, because otherwise it could be found and cut off again before its task runs.
            self._forget(longest)
        turn.lasts, turn.groups = True, groups
        self._lasting[turn] = None
        self._groups.update(groups)
        return True
