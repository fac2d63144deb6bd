"""What many ask for at the same time is made once (and by one thread), also where no cache could be asked whether it is there already.

Whoever comes while it is being made does not get that one: what changed since it began would be missing. All who wait get the next,
which begins when they are all there.
"""

import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")


class Once:
    """One for each process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turns: dict[str, _Turn] = {}  # those that are being made

    def do(self, key: str, make: Callable[[bool], T]) -> T:
        """What `make` returns or raises; it is told whether others made the same just before."""
        with self._lock:
            before = self._turns.get(key)
            if before is None:
                mine, leads = _Turn(), True
                self._turns[key] = mine
            else:
                leads = before.next is None
                mine = before.next = before.next or _Turn()
        if not leads:
            mine.done.wait()
        else:
            if before:
                before.done.wait()
            self._make(key, mine, lambda: make(before is not None))
        if mine.error:
            raise mine.error
        result: T = mine.result
        return result

    def _make(self, key: str, mine: "_Turn", make: Callable[[], object]) -> None:
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


class _Turn:
    def __init__(self) -> None:
        self.done = threading.Event()
        self.result: Any = None
        self.error: Exception | None = None
        self.next: _Turn | None = None
