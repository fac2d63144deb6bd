"""A note in the data directory of the newest change that was seen in the database. If the database does not have that change any
more, it was restored to an older state or replaced. Then its history gets a new name (app/store/identity.py), even if the operator
forgot to give it one.

The background worker of each host writes the note. Every process compares it when it starts; the worker compares it five times a
second.
"""

import os
import re
from contextlib import suppress
from pathlib import Path

from app import store
from app.announce import renew
from app.cache.redis import Cache
from app.store import Engine

NAME = "head"  # in the data directory
NOTE = re.compile(r"(\d{1,19}) (\d{1,19}) (\d{1,19})\n")


class Witness:
    """The note of one host."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mark: store.identity.Mark | None = None
        self._renewed = 0
        with suppress(OSError):
            if found := NOTE.fullmatch(path.read_text("ascii", "replace")):
                self._mark = int(found[1]), int(found[2])
                self._renewed = int(found[3])

    def compare(self, cache: Cache, engine: Engine) -> store.identity.NewestChange:
        """The newest change. Compares the note with the database, and gives the history a new name if the database is older.
        Raises Unavailable."""
        head = store.identity.head(engine)
        if head.renewed > self._renewed:  # Another process noticed it first and renewed the name.
            return head
        same = self._mark in (None, head.mark) or store.identity.holds(engine, self._mark or store.identity.START)
        if same and head.renewed == self._renewed:
            return head
        renew(cache, engine, head.instance, older=True)
        return store.identity.head(engine)

    def note(self, head: store.identity.NewestChange) -> None:
        """Write down that change. If the note cannot be written, the old one stays: the database still has its change."""
        if (head.mark, head.renewed) == (self._mark, self._renewed):
            return
        self._mark, self._renewed = head.mark, head.renewed
        new = self._path.with_name(f".{self._path.name}-{os.getpid()}")
        try:
            new.write_text(f"{head.mark[0]} {head.mark[1]} {head.renewed}\n", "ascii")
            new.replace(self._path)
        except OSError:
            with suppress(OSError):
                new.unlink()  # A disk that is full takes a name without bytes.
