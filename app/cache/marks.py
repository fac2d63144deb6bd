"""Marks show which feeds changed. A mark is a random number for a feed, in memory that all processes of this host share. Each change
of a feed replaces its number.

Each copy of a feed in a web worker stores the numbers from before it was made (app/web/fastlane.py). Comparing them takes less than a
microsecond, so the first request after a change finds that a copy is out of date, in any worker. Other hosts hear of changes through
the cache's channel (`Cache.hear`) and replace their own numbers.
"""

import mmap
import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from zlib import crc32

SLOTS = 1 << 15  # feeds that share a slot become out of date together, which costs a check but shows nothing wrong
EVERYTHING, HISTORY, FIRST = 1, 2, 3  # slots; the first is not used
SIZE = SLOTS * 8  # bytes
BOOT = Path("/proc/sys/kernel/random/boot_id")  # a new number at each start of the machine: random(4)


class Marks:
    """The numbers of a host, shared through a file; without a file, those of this process alone."""

    def __init__(self, path: Path | None = None) -> None:
        memory, self.host = _shared(path) if path else _alone()
        self._numbers = memoryview(memory).cast("Q")

    def slots(self, pairs: Iterable[str]) -> tuple[int, ...]:
        """The slots for pairs "place/topic", and the slot for everything."""
        return (EVERYTHING, *sorted({FIRST + crc32(pair.encode()) % (SLOTS - FIRST) for pair in pairs}))

    def read(self, slots: Iterable[int]) -> tuple[int, ...]:
        """The current numbers. Read them before reading the data that is stored with them."""
        numbers = self._numbers
        return tuple([numbers[slot] for slot in slots])

    def turn(self) -> None:
        """Note that the database continues with another history, so that everything that was remembered must be checked."""
        self._numbers[HISTORY] = secrets.randbits(64)
        self.replace(None)

    def replace(self, pairs: Iterable[str] | None) -> None:
        """Replace the numbers of pairs that changed; None: everything may have changed. The new numbers are random, so they differ
        from earlier ones even if several processes write at once."""
        slots = self.slots(pairs)[1:] if pairs is not None else (EVERYTHING,)
        for slot, number in zip(slots, memoryview(secrets.token_bytes(8 * len(slots))).cast("Q"), strict=True):
            self._numbers[slot] = number


def _alone() -> tuple[mmap.mmap, str]:
    return mmap.mmap(-1, SIZE), secrets.token_hex(8)


def _shared(path: Path) -> tuple[mmap.mmap, str]:
    """The memory of a file, and its name. Processes have the same name if, and only if, they share the memory. So nothing in the file
    tells it: a copy of a data directory would have the name of the original, and ignore what that one announces."""
    try:
        if not path.exists() or path.stat().st_size != SIZE:
            _make(path)
        with path.open("r+b") as file:
            found = os.fstat(file.fileno())
            name = f"{BOOT.read_text('ascii').strip()} {found.st_dev} {found.st_ino}"
            return mmap.mmap(file.fileno(), SIZE), sha256(name.encode()).hexdigest()[:16]
    except (OSError, ValueError):  # for example, if this process may only read the directory
        return _alone()


def _make(path: Path) -> None:
    """Create the file in one step. If several processes start together, all use the file of the first one."""
    new = path.with_name(f".{path.name}-{os.getpid()}-{secrets.token_hex(4)}")
    new.write_bytes(bytes(SIZE))
    try:
        if path.exists():
            new.replace(path)  # it has another size, from another version of this program
        else:
            with suppress(FileExistsError):
                os.link(new, path)
    finally:
        new.unlink(missing_ok=True)
