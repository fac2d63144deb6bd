"""Writes several releases in one transaction: releases that arrive during a write wait, and are then written together.

A commit to disk costs as much as the rows of several articles. A release that arrives while nobody writes is written at once. Which
releases are written together is decided only when the transaction has its turn: while it waits for the writer of another process,
more of them come. The next transaction begins as soon as one is committed, while that one is announced. Each release is answered only
after its commit and its announcement. A release that fails does not affect the others.
"""

import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from app.errors import TooSlow, Unavailable

MOST = 100  # articles written together, so that nobody waits long

Given = TypeVar("Given")
Made = TypeVar("Made")

Gather = Callable[[], Sequence[Given]]
"""Returns what is to be written; called once, when the transaction has its turn."""
Written = tuple[Sequence[Made], Callable[[], object]]
"""The result for each input, in the same order, and what remains to be done before anybody gets one: the announcement."""


class _Waiting:
    """A caller's input that waits to be written, and then its result or error."""

    def __init__(self, given: Any, weight: int) -> None:
        self.given = given
        self.weight = weight
        self.made: Any = None
        self.error: BaseException | None = None
        self.done = False
        self.woken = threading.Event()  # set when it is written, or when its caller has to write


class GroupCommit:
    """Writes for all callers of one process, one group at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._queue: list[_Waiting] = []
        self._busy = False  # whether a caller writes or was woken to write
        self._announced = threading.Event()  # set when the group that was written last is announced
        self._announced.set()

    def write(self, given: Given, weight: int, write: Callable[[Gather[Given]], Written[Made]]) -> Made:
        """Write `given`, alone or together with the input of other callers, and return its result.

        `write` calls the function that it gets for a list of inputs; if it raises, it has written nothing. `weight`: the number of
        articles in `given`. Raises what `write` raises.
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

    def _lead(self, write: Callable[[Gather[Any]], Written[Any]]) -> None:
        """Write the input at the head of the queue with as many others as allowed; wake the next leader, and then their callers."""
        group: list[_Waiting] = []
        with self._lock:
            waited = len(self._queue)

        def gather() -> Sequence[Any]:
            group.extend(self._take())
            return [waiting.given for waiting in group]

        announce: Callable[[], object] | None = None
        try:
            made, announce = write(gather)
            _give(group, made)
        except BaseException as error:
            # Without a turn nothing was gathered. Then those who wait as long as this caller had none either.
            shared = isinstance(error, Unavailable) and not (group and isinstance(error, TooSlow))
            group = group or self._take(waited if shared else 1)
            if shared or len(group) == 1:
                _fail(group, error)
            else:
                _write_alone(group, write)
        before, own = self._wake_next()
        try:
            if announce is not None:
                announce()
        except BaseException as error:
            for waiting in group:
                waiting.error = error
        finally:
            # What the group before has stored is "the same" for one that is sent again here: nobody may be told so any sooner.
            before.wait()
            own.set()
            for waiting in group:
                waiting.woken.set()

    def _take(self, most: int = MOST) -> list[_Waiting]:
        """Take the head of the queue and at most so many in all as can be written together."""
        with self._lock:
            group = [self._queue.pop(0)]
            weight = group[0].weight
            while self._queue and len(group) < most and weight + self._queue[0].weight <= MOST:
                group.append(self._queue.pop(0))
                weight += group[-1].weight
            return group

    def _wake_next(self) -> tuple[threading.Event, threading.Event]:
        """Wake the next leader. Returns what tells that the group before is announced, and what is to tell that of this one."""
        with self._lock:
            before, self._announced = self._announced, threading.Event()
            own = self._announced
            following = self._queue[:1]
            self._busy = bool(following)
        for waiting in following:
            waiting.woken.set()
        return before, own


def _give(group: Sequence[_Waiting], made: Sequence[Any]) -> None:
    for waiting, done in zip(group, made, strict=True):
        waiting.made, waiting.done = done, True


def _fail(group: Sequence[_Waiting], error: BaseException) -> None:
    for waiting in group:
        waiting.error, waiting.done = error, True


def _write_alone(group: Sequence[_Waiting], write: Callable[[Gather[Any]], Written[Any]]) -> None:
    """Write each by itself: one of them made the transaction fail, and nothing is stored."""
    for waiting in group:
        try:
            made, announce = write(partial(list, (waiting.given,)))
            announce()
        except BaseException as error:
            _fail([waiting], error)
        else:
            _give([waiting], made)
