"""Writes several releases in one transaction: releases that arrive during a write wait, and are then written together.

A commit to disk costs as much as the rows of several articles. A release that arrives while nobody writes is written at once. Each
release is answered only after its commit. A release that fails does not affect the others.
"""

import threading
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from app.errors import PressrelayError

MOST = 100  # articles written together, so that nobody waits long

Given = TypeVar("Given")
Made = TypeVar("Made")


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

    def write(self, given: Given, weight: int, write: Callable[[Sequence[Given]], Sequence[Made]]) -> Made:
        """Write `given`, alone or together with the input of other callers, and return its result.

        `write` takes a list of inputs and returns one result for each, in the same order; if it raises, it has written nothing.
        `weight`: the number of articles in `given`. Raises what `write` raises.
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
        """Write the input at the head of the queue with as many others as allowed, then wake their callers and the next leader."""
        with self._lock:
            group = [self._queue.pop(0)]
            while self._queue and sum(waiting.weight for waiting in (*group, self._queue[0])) <= MOST:
                group.append(self._queue.pop(0))
        try:
            _write(group, write)
        finally:
            with self._lock:
                following = self._queue[:1]
                self._busy = bool(following)
            for waiting in (*group, *following):
                waiting.woken.set()


def _write(group: Sequence[_Waiting], write: Callable[[Sequence[Any]], Sequence[Any]]) -> None:
    try:
        made = write([waiting.given for waiting in group])
    except BaseException as error:
        if len(group) == 1 or isinstance(error, PressrelayError):  # It concerns them all: the database failed.
            for waiting in group:
                waiting.error, waiting.done = error, True
            return
        for waiting in group:  # One input made the transaction fail and nothing is stored, so write each alone.
            _write([waiting], write)
        return
    for waiting, done in zip(group, made, strict=True):
        waiting.made, waiting.done = done, True
