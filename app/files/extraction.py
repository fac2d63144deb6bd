"""Extracts the texts of files, and recognises press releases in documents, in separate processes (`python -m extract`), so that a
hostile file costs no more than its limits."""

import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TypeVar

import msgspec

from extract import Extracted
from extract.__main__ import LAYOUTS, MOST_OUTPUT, READERS
from extract.recognised import Recognised

SECONDS_EACH, SECONDS_ALL = 5.0, 8.0  # for one file, and for all files of a push
AT_ONCE = 2  # processes for one web worker
HOUSE = Path(__file__).resolve().parents[2]
SENTENCES = {  # key of why a process gave no answer -> a sentence
    "busy": "The server was too busy to read it.",
    "slow": "Reading it took too long.",
    "not-started": "The server could not start reading it.",
    "costly": "Reading it took more time or memory than allowed.",
    "unread": "It cannot be read.",
}
_slots = threading.BoundedSemaphore(AT_ONCE)


class Deadline:
    """The time that is left for a push."""

    def __init__(self, seconds: float = SECONDS_ALL) -> None:
        self.end = time.monotonic() + seconds

    def left(self) -> float:
        return max(0.0, self.end - time.monotonic())


def readable(mimetype: str) -> bool:
    """Whether we can extract the text of files of this type."""
    return mimetype in READERS


def recognisable(mimetype: str) -> bool:
    """Whether a press release can be recognised in files of this type."""
    return mimetype in LAYOUTS


def extract(path: Path, mimetype: str, deadline: Deadline) -> Extracted:
    """The text of a file. Never raises; if the text cannot be read, `problem` says why."""
    answer = _in_turn(path, [mimetype], deadline, Extracted)
    return Extracted(problem=SENTENCES[answer]) if isinstance(answer, str) else answer


def recognise(path: Path, mimetype: str, pictures: Path, deadline: Deadline) -> Recognised:
    """The press release in a file; its pictures are saved in the directory `pictures`. Never raises; if the file cannot be read,
    `problem` is the key of the reason."""
    answer = _in_turn(path, [mimetype, str(pictures)], deadline, Recognised)
    return Recognised(problem=answer) if isinstance(answer, str) else answer


T = TypeVar("T")


def _in_turn(path: Path, arguments: list[str], deadline: Deadline, kind: type[T]) -> T | str:
    """The answer of the process, or the key of the reason why there is none."""
    if not _slots.acquire(timeout=deadline.left()):
        return "busy"
    try:
        return _answer(path, arguments, min(SECONDS_EACH, deadline.left()), kind)
    finally:
        _slots.release()


def _answer(path: Path, arguments: list[str], seconds: float, kind: type[T]) -> T | str:
    # The process does not get our environment, which may contain the password of the database or the keys of the store.
    environ = {"PYTHONPATH": str(HOUSE), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1"}
    command = [sys.executable, "-s", "-m", "extract", *arguments]
    with path.open("rb") as file, tempfile.TemporaryFile() as answer:
        try:
            done = subprocess.run(
                command, stdin=file, stdout=answer, stderr=subprocess.DEVNULL, env=environ, cwd="/", timeout=seconds
            )
        except subprocess.TimeoutExpired:
            return "slow"
        except OSError:
            return "not-started"
        if done.returncode < 0:
            return "costly"
        answer.seek(0)
        try:
            return msgspec.json.decode(answer.read(MOST_OUTPUT), type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return "unread"
