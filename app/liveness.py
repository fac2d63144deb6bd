"""A table in memory that the processes of one server share with their parent: when each was last alive, and which documents it reads.

The parent makes the table before it forks. It replaces a process that is frozen, and it learns which documents a process was reading
when it crashed (app/intake/quarantine.py). A row belongs to the process that holds its lock; the kernel ends the lock with the process
(fcntl(2), "advisory record locking"). A process without a parent that made a table has none, and all calls do nothing.
"""

import fcntl
import mmap
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from msgspec import Struct

BEAT = 0.5  # seconds between two signs of life
FROZEN = 10.0  # seconds without a sign of life after which a process counts as frozen
GAP = 2.0  # seconds between two looks after which the machine itself must have stood still
NOTES = 64  # documents that one process notes at the same time; more are read without a note
HASH = 32  # bytes of a SHA-256
WORD = 8  # bytes that are written and read at once, so that nobody sees one by half
HEAD = 2 * WORD  # process id, monotonic nanoseconds of the last sign of life
ROW = HEAD + NOTES * HASH
NOTHING = bytes(HASH)


class EndedProcess(Struct, frozen=True):
    """A process that ended, with the SHA-256 of the documents that it was reading."""

    pid: int
    reading: tuple[bytes, ...]


class LivenessTable:
    """The table, as parent and children see it."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self._file = os.memfd_create("pressrelay-liveness", os.MFD_CLOEXEC)
        size = ROW * (rows + 1)  # the first row has one flag: whether the server is about to end
        os.ftruncate(self._file, size)
        self._memory = mmap.mmap(self._file, size)
        # Not the module struct: it writes zeros first, and who looks meanwhile sees process 0, without a sign of life.
        self._words = memoryview(self._memory).cast("Q")
        self._looked = time.monotonic()
        self._patient_until = 0.0

    # The parent

    def drain(self) -> None:
        """Tell all processes that the server ends soon."""
        self._memory[0] = 1

    def ended(self) -> list[EndedProcess]:
        """The processes that ended since the last call. Their rows become free."""
        found = []
        for row in self._taken():
            if not self._lock(row):
                continue
            at = row * ROW
            notes = self._memory[at + HEAD : at + ROW]
            hashes = (notes[place : place + HASH] for place in range(0, len(notes), HASH))
            found.append(EndedProcess(self._head(row)[0], tuple(note for note in hashes if note != NOTHING)))
            self._memory[at : at + ROW] = bytes(ROW)
            self._unlock(row)
        return found

    def frozen(self) -> list[int]:
        """The ids of the processes that gave no sign of life for FROZEN seconds. If this process stood still too, the whole machine
        did: then no process counts as frozen for FROZEN seconds."""
        now = time.monotonic()
        if now > self._looked + GAP:
            self._patient_until = now + FROZEN
        self._looked = now
        if now < self._patient_until:
            return []
        heads = (self._head(row) for row in range(1, self._rows + 1))
        return [pid for pid, beat in heads if pid and beat / 1e9 < now - FROZEN]

    def has(self, pid: int) -> bool:
        """Whether that process has given a sign of life."""
        return any(self._head(row)[0] == pid for row in self._taken())

    # A child

    def join(self) -> int:
        """Take a free row for this process, and return its number; 0: no row is free."""
        for row in range(1, self._rows + 1):
            if self._head(row)[0] or not self._lock(row):
                continue
            if not self._head(row)[0]:
                self.write_beat(row)
                return row
            self._unlock(row)
        return 0

    def write_beat(self, row: int) -> None:
        """Give a sign of life of this process."""
        self._words[row * ROW // WORD + 1] = time.monotonic_ns()  # first, so that a row with a process always has one
        self._words[row * ROW // WORD] = os.getpid()

    def write_note(self, row: int, place: int, note: bytes) -> None:
        """Write a document's hash at one of the places for notes."""
        at = row * ROW + HEAD + place * HASH
        self._memory[at : at + HASH] = note

    def drains(self) -> bool:
        """Whether the server ends soon."""
        return self._memory[0] == 1

    def _taken(self) -> Iterator[int]:
        return (row for row in range(1, self._rows + 1) if self._head(row)[0])

    def _head(self, row: int) -> tuple[int, int]:
        at = row * ROW // WORD
        return self._words[at], self._words[at + 1]

    def _lock(self, row: int) -> bool:
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, row)
        except OSError:
            return False
        return True

    def _unlock(self, row: int) -> None:
        fcntl.lockf(self._file, fcntl.LOCK_UN, 1, row)


_table: LivenessTable | None = None  # of this server; set before it forks
_member: "_Member | None" = None  # this process's place in it


class _Member:
    def __init__(self, table: LivenessTable, row: int) -> None:
        self.table = table
        self.row = row
        self.pid = os.getpid()
        self._lock = threading.Lock()
        self._free = list(range(NOTES))

    def take(self) -> int | None:
        with self._lock:
            return self._free.pop() if self._free else None

    def leave(self, place: int) -> None:
        with self._lock:
            self._free.append(place)


def make_table(rows: int) -> LivenessTable:
    """Make the table for the processes that this one forks from now on."""
    global _table
    _table = LivenessTable(rows)
    return _table


def take_part(on_drain: Callable[[], None] | None = None) -> None:
    """Take part from now on: a thread gives the signs of life of this process, and calls `on_drain` once when the server is about to
    end."""
    global _member
    if _table is None or not (row := _table.join()):
        return
    _member = _Member(_table, row)
    threading.Thread(target=_beat, args=(_member, on_drain), name="liveness", daemon=True).start()


def _beat(member: _Member, on_drain: Callable[[], None] | None) -> None:
    while True:
        member.table.write_beat(member.row)
        if on_drain is not None and member.table.drains():
            on_drain()
            on_drain = None
        time.sleep(BEAT / 5 if on_drain is not None else BEAT)


def draining() -> bool:
    """Whether the server is about to end."""
    return _table is not None and _table.drains()


@contextmanager
def reading(sha256: bytes) -> Iterator[None]:
    """Note that this process reads a document, for as long as the block runs. It costs about a microsecond and writes no file."""
    member = _member
    # A process that was forked from a member has no row of its own.
    place = member.take() if member is not None and member.pid == os.getpid() else None
    if member is None or place is None:
        yield
        return
    member.table.write_note(member.row, place, sha256)
    try:
        yield
    finally:
        member.table.write_note(member.row, place, NOTHING)
        member.leave(place)
