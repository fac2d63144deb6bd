"""`pressrelay watch`: takes releases from a folder. Each file moves to accepted/, or to rejected/ with its problem beside it.

A file is moved only after the store has answered, so no release is lost or stored in part. If the process is killed in between, the
next start finds that the release is stored already, and moves the file.
"""

import os
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct

from app.errors import Problem, Unavailable
from app.intake.archive import PROBLEM, is_release, too_large
from app.intake.releases import Receipt, as_problem

ACCEPTED, REJECTED = "accepted", "rejected"
SETTLED = 1.0  # seconds for which the size and time of a file must not have changed

Take = Callable[[bytes], list[Receipt]]  # raises Problem and Unavailable


class Moved(Struct, frozen=True):
    """The result for one file."""

    name: str
    accepted: bool
    receipts: tuple[Receipt, ...] = ()
    problem: Problem | None = None


class DropFolder:
    """The folder, and what is known about files that may still be growing."""

    def __init__(self, folder: Path, take: Take, most: int) -> None:
        """`most`: bytes of the largest release."""
        self.folder = folder
        self.take = take
        self.most = most
        self._seen: dict[str, tuple[int, int, float]] = {}  # name -> size, mtime, since when both are unchanged
        for name in (ACCEPTED, REJECTED):
            (folder / name).mkdir(parents=True, exist_ok=True)

    def look(self) -> list[Moved]:
        """Take every complete file, oldest first. Raises Unavailable; the remaining files then stay in the folder."""
        moved = []
        for file in self._complete():
            result = self._take(file)
            if result is not None:
                moved.append(result)
        return moved

    def _complete(self) -> list[Path]:
        now = time.monotonic()
        seen: dict[str, tuple[int, int, float]] = {}
        ready: list[tuple[int, str, Path]] = []
        for entry in os.scandir(self.folder):
            if not entry.is_file(follow_symlinks=False) or entry.name.startswith("."):
                continue
            if not is_release(entry.name):  # also what is not finished: .part, .tmp, .filepart, .crdownload
                continue
            state = entry.stat(follow_symlinks=False)
            before = self._seen.get(entry.name)
            since = before[2] if before and before[:2] == (state.st_size, state.st_mtime_ns) else now
            seen[entry.name] = (state.st_size, state.st_mtime_ns, since)
            if now - since >= SETTLED:
                ready.append((state.st_mtime_ns, entry.name, Path(entry.path)))
        self._seen = seen
        return [path for _, _, path in sorted(ready)]

    def _take(self, file: Path) -> Moved | None:
        try:
            with file.open("rb") as opened:
                body = opened.read(self.most + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            problem = Problem(422, "unreadable-file", "The file cannot be read", error.strerror or str(error))
            return self._refused(file, problem)
        if len(body) > self.most:
            return self._refused(file, too_large(self.most))
        try:
            receipts = self.take(body)
        except Problem as problem:
            if problem.status == 503 or problem.status == 429:
                raise Unavailable(problem.detail or problem.title) from None
            return self._refused(file, problem)
        if all(receipt.accepted for receipt in receipts):
            self._move(file, ACCEPTED, None)
            return Moved(file.name, True, tuple(receipts))
        if len({receipt.status for receipt in receipts}) == 1:
            return self._refused(file, as_problem(receipts))
        self._move(file, REJECTED, msgspec.json.encode({"receipts": receipts}))
        return Moved(file.name, False, tuple(receipts))

    def _refused(self, file: Path, problem: Problem) -> Moved:
        self._move(file, REJECTED, msgspec.json.encode(problem.body()))
        return Moved(file.name, False, problem=problem)

    def _move(self, file: Path, where: str, problem: bytes | None) -> None:
        """Move a file under its name. If the name is in use, add a number: nothing is overwritten."""
        target = self.folder / where / file.name
        number = 1
        while target.exists() or _beside(target).exists():
            number += 1
            target = self.folder / where / f"{file.stem}.{number}{file.suffix}"
        if problem is not None:
            # Written before the move, so that a rejected file always has its reason beside it.
            _beside(target).write_bytes(msgspec.json.format(problem, indent=2) + b"\n")
        file.rename(target)
        self._seen.pop(file.name, None)


def _beside(file: Path) -> Path:
    return file.with_name(f"{file.name}{PROBLEM}")
