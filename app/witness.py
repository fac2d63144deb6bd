"""A note beside the database: the newest change that was seen in it. Where the database does not hold that change any more, it was
put back to an older state, or is another one. Then its history gets a new name (app/store/identity.py), whatever the operator forgot.

The background worker of each host writes the note; every process compares it when it starts, the worker five times a second.
"""

import os
import re
from contextlib import suppress
from pathlib import Path

from app import store
from app.announce import renew
from app.cache.redis import Cache
from app.store import Engine, Head

NAME = "head"  # in the data directory
NOTE = re.compile(r"(\d{1,19}) (\d{1,19}) (\d{1,19})\n")


class Witness:
    """The note of one host."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mark: store.Mark | None = None
        self._renewed = 0
        with suppress(OSError):
            if found := NOTE.fullmatch(path.read_text("ascii", "replace")):
                self._mark = int(found[1]), int(found[2])
                self._renewed = int(found[3])

    def compare(self, cache: Cache, engine: Engine) -> Head:
        """Hold the note against the database, and renew the history's name where that is older; how it stands. Raises Unavailable."""
        head = store.head(engine)
        if head.renewed > self._renewed:  # Somebody found it before, and renewed the name.
            return head
        same = self._mark in (None, head.mark) or store.holds(engine, self._mark or store.START)
        if same and head.renewed == self._renewed:
            return head
        renew(cache, engine, head.instance, older=True)
        return store.head(engine)

    def note(self, head: Head) -> None:
        """Remember that state. A note that cannot be written stays as it is: what it says is still in the database."""
        if (head.mark, head.renewed) == (self._mark, self._renewed):
            return
        self._mark, self._renewed = head.mark, head.renewed
        new = self._path.with_name(f".{self._path.name}-{os.getpid()}")
        with suppress(OSError):
            new.write_text(f"{head.mark[0]} {head.mark[1]} {head.renewed}\n", "ascii")
            new.replace(self._path)
