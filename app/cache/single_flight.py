"""Makes a result once for many threads that ask for it at the same time, even without a cache.

A thread that comes while the result is being made does not get that result, because later changes would be missing from it. All
waiting threads get the next result, which is started after they came.
"""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class Once:
    """There is one in each process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turns: dict[str, Flight] = {}  # results that are being made, by key

    def do(self, key: str, make: Callable[["Flight | None"], T]) -> T:
        """What `make` returns or raises. Its argument is the result that another thread has just made; None if there is none."""
        with self._lock:
            before = self._turns.get(key)
            if before is None:
                mine, leads = Flight(), True
                self._turns[key] = mine
            else:
                leads = before.next is None
                mine = before.next = before.next or Flight()
        if not leads:
            mine.done.wait()
        else:
            if before:
                before.done.wait()
            self._make(key, mine, lambda: make(before))
        if mine.error:
            raise mine.error
        result: T = mine.result
        return result

    def _make(self, key: str, mine: "Flight", make: Callable[[], object]) -> None:
        try:
            mine.result = make()
        except Exception as error:
            mine.error = error
        finally:
            with self._lock:
                if mine.next:
                    self._turns[key] = mine.next
                else:
                    del self._turns[key]
            mine.done.set()


class Flight:
    """The making of one result."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.result: Any = None  # also None if it failed
        self.error: Exception | None = None
        self.next: Flight | None = None
