"""The values that this process used last, kept in its memory."""

import threading
from collections import OrderedDict
from collections.abc import Iterable
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Recent(Generic[Key, Value]):
    """Values of at most so many bytes together; the least recently used are dropped. Threads share it."""

    def __init__(self, most: int) -> None:
        """`most`: bytes."""
        self.most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[Key, tuple[Value, int]] = OrderedDict()  # the least recently used first
        self._size = 0

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, keys: Iterable[Key]) -> dict[Key, Value]:
        """The values that are here."""
        found: dict[Key, Value] = {}
        with self._lock:
            look, used = self._kept.get, self._kept.move_to_end
            for key in keys:
                if (held := look(key)) is not None:
                    used(key)
                    found[key] = held[0]
        return found

    def keep(self, key: Key, value: Value, size: int) -> None:
        """Keep a value of about so many bytes."""
        with self._lock:
            if key in self._kept:
                self._size -= self._kept.pop(key)[1]
            self._kept[key] = value, size
            self._size += size
            while self._size > self.most:
                self._size -= self._kept.popitem(last=False)[1][1]
