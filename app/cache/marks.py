"""What changed lately, in memory that all processes of this host share: a number for each feed, replaced by every change of it.

The web workers' copies of feeds carry the numbers under which they were made (app/web/fastlane.py). To compare them takes less than a
microsecond, so the first request after a change finds a copy out of date, whichever worker has it. Other hosts are told through the
cache's channel (`Cache.hear`), and replace the numbers of theirs.
"""

import mmap
import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from zlib import crc32

SLOTS = 1 << 15  # feeds that share a slot are out of date together: it costs a look, and shows nothing wrong
HOST, EVERYTHING, HISTORY, FIRST = 0, 1, 2, 3  # slots
SIZE = SLOTS * 8  # bytes


class Marks:
    """The numbers of a host, or where there is no file to share them by, of this process alone."""

    def __init__(self, path: Path | None = None) -> None:
        self._numbers = memoryview(_shared(path) if path else _alone()).cast("Q")
        self.host = f"{self._numbers[HOST]:016x}"

    def slots(self, pairs: Iterable[str]) -> tuple[int, ...]:
        """Where the numbers of these "place/topic" stand, and that of everything."""
        return (EVERYTHING, *sorted({FIRST + crc32(pair.encode()) % (SLOTS - FIRST) for pair in pairs}))

    def read(self, slots: Iterable[int]) -> tuple[int, ...]:
        """The numbers in force. Read them before what is to be kept under them."""
        numbers = self._numbers
        return tuple([numbers[slot] for slot in slots])

    def turn(self) -> None:
        """The database goes on in another history: whoever remembers anything of it must look."""
        self._numbers[HISTORY] = secrets.randbits(64)
        self.replace(None)

    def replace(self, pairs: Iterable[str] | None) -> None:
        """These changed; None: everything may have. Never a number that was there before, whoever else writes at once."""
        for slot in self.slots(pairs)[1:] if pairs is not None else (EVERYTHING,):
            self._numbers[slot] = secrets.randbits(64)


def _alone() -> mmap.mmap:
    made = mmap.mmap(-1, SIZE)
    made[:8] = secrets.token_bytes(8)
    return made


def _shared(path: Path) -> mmap.mmap:
    try:
        if not path.exists() or path.stat().st_size != SIZE:
            _make(path)
        with path.open("r+b") as file:
            return mmap.mmap(file.fileno(), SIZE)
    except (OSError, ValueError):  # a directory that this process may only read, say
        return _alone()


def _make(path: Path) -> None:
    """Whole from the first moment, and once: of processes that start together, the first one's file is everybody's."""
    new = path.with_name(f".{path.name}-{os.getpid()}-{secrets.token_hex(4)}")
    new.write_bytes(secrets.token_bytes(8) + bytes(SIZE - 8))
    try:
        if path.exists():
            new.replace(path)  # of another size: of another version of this program
        else:
            with suppress(FileExistsError):
                os.link(new, path)
    finally:
        new.unlink(missing_ok=True)
