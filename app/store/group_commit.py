"""Group commit: what comes while another is written is written together with all that wait by then, in one transaction.

A commit to disk and what surrounds it cost as much as the rows of several articles. Nobody waits for company: who finds nobody
writing writes at once. Each is answered only after the commit that it is in, and what fails because of one fails for that one alone.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from app.errors import PressrelayError

MOST = 100  # articles written together: others must not wait long for them

Given = TypeVar("Given")
Made = TypeVar("Made")


class _Waiting:
    """One that waits, and what became of it."""

    def __init__(self, given: Any, weight: int) -> None:
        self.given = given
        self.weight = weight
        self.made: Any = None
        self.error: BaseException | None = None
        self.done = False
        self.woken = threading.Event()  # it is done, or it is its turn to write


class Together:
    """What one process writes, one group at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queue: list[_Waiting] = []
        self._busy = False  # somebody writes, or was told to

    def write(self, given: Given, weight: int, write: Callable[[Sequence[Given]], Sequence[Made]]) -> Made:
        """What `write` makes of it, alone or with others: it makes one of each, in their order, or raises and has done nothing.

        `weight`: how many articles. Raises what `write` raises.
        """
        own = _Waiting(given, weight)
        with self._lock:
            self._queue.append(own)
            leads = not self._busy
            self._busy = True
        if not leads:
            own.woken.wait()
        if not own.done:
            self._lead(write)
        if own.error is not None:
            raise own.error
        made: Made = own.made
        return made

    def _lead(self, write: Callable[[Sequence[Any]], Sequence[Any]]) -> None:
        """Write those that wait, the caller first among them, and wake the one that leads the next group."""
        with self._lock:
            group = [self._queue.pop(0)]
            while self._queue and sum(one.weight for one in (*group, self._queue[0])) <= MOST:
                group.append(self._queue.pop(0))
        try:
            _write(group, write)
        finally:
            with self._lock:
                following = self._queue[:1]
                self._busy = bool(following)
            for one in (*group, *following):
                one.woken.set()


def _write(group: Sequence[_Waiting], write: Callable[[Sequence[Any]], Sequence[Any]]) -> None:
    try:
        made = write([one.given for one in group])
    except BaseException as error:
        if len(group) == 1 or isinstance(error, PressrelayError):  # The database's fault is everybody's.
            for one in group:
                one.error, one.done = error, True
            return
        for one in group:  # One of them made it fail, and nothing of any is stored.
            _write([one], write)
        return
    for one, done in zip(group, made, strict=True):
        one.made, one.done = done, True
