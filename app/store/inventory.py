"""Compares long lists of file names without holding them in memory, such as the files in a backup with those that it must have."""

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

from app.errors import Unavailable


class Inventory:
    """Two sets of names in a temporary database: the names that are wanted, and those that are there."""

    def __init__(self, file: Path) -> None:
        """`file`: where it is; the caller removes it."""
        self._connection = sqlite3.connect(file, isolation_level=None)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-8000"):
            self._connection.execute(f"PRAGMA {pragma}").close()
        self._connection.execute("CREATE TABLE wanted (name TEXT PRIMARY KEY, about TEXT, size INTEGER) WITHOUT ROWID")
        self._connection.execute("CREATE TABLE there (name TEXT PRIMARY KEY) WITHOUT ROWID")

    def want(self, rows: Iterable[tuple[str, str, int]]) -> None:
        """Add names that are wanted, each with something that the caller wants to know again, and its size in bytes. Raises
        Unavailable."""
        self._add("INSERT OR IGNORE INTO wanted VALUES (?, ?, ?)", rows)

    def found(self, names: Iterable[str]) -> None:
        """Add names that are there. Raises Unavailable."""
        self._add("INSERT OR IGNORE INTO there VALUES (?)", ((name,) for name in names))

    def missing(self) -> Iterator[tuple[str, str, int]]:
        """The wanted names that are not there, in order."""
        yield from self._connection.execute(
            "SELECT * FROM wanted WHERE name NOT IN (SELECT name FROM there) ORDER BY name"
        )

    def count_missing(self) -> int:
        """How many names are missing."""
        found = self._connection.execute("SELECT count(*) FROM wanted WHERE name NOT IN (SELECT name FROM there)")
        return int(found.fetchone()[0])

    def unwanted(self) -> Iterator[str]:
        """The names that are there and not wanted, in order."""
        for (name,) in self._connection.execute(
            "SELECT name FROM there WHERE name NOT IN (SELECT name FROM wanted) ORDER BY name"
        ):
            yield name

    def wanted(self) -> Iterator[tuple[str, str, int]]:
        """All wanted names, in order."""
        yield from self._connection.execute("SELECT * FROM wanted ORDER BY name")

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def _add(self, statement: str, rows: Iterable[tuple[object, ...]]) -> None:
        try:
            self._connection.execute("BEGIN").close()
            self._connection.executemany(statement, rows).close()
            self._connection.execute("COMMIT").close()
        except sqlite3.Error as error:
            raise Unavailable(f"The list of files cannot be written ({error}).") from None
