"""Files are read in processes of their own (`python -m extract`): one that spins or swells costs no more than its limits."""

import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import msgspec

from extract import Extracted
from extract.__main__ import MOST_OUTPUT, READERS

SECONDS_EACH, SECONDS_ALL = 5.0, 8.0  # of a file, and of all files of a push
AT_ONCE = 2  # processes of one web worker
HOUSE = Path(__file__).resolve().parents[2]
_slots = threading.BoundedSemaphore(AT_ONCE)


class Deadline:
    """What is left of a push's time."""

    def __init__(self, seconds: float = SECONDS_ALL) -> None:
        self.end = time.monotonic() + seconds

    def left(self) -> float:
        return max(0.0, self.end - time.monotonic())


def readable(mimetype: str) -> bool:
    """Whether files of this type have a text that we read."""
    return mimetype in READERS


def extract(path: Path, mimetype: str, deadline: Deadline) -> Extracted:
    """The text of a file; never raises: what cannot be read is told in `problem`."""
    if not _slots.acquire(timeout=deadline.left()):
        return Extracted(problem="The server had no time to read it.")
    try:
        return _extract(path, mimetype, min(SECONDS_EACH, deadline.left()))
    finally:
        _slots.release()


def _extract(path: Path, mimetype: str, seconds: float) -> Extracted:
    # Nothing of our environment goes along: it may hold the database's password or the store's keys.
    environ = {"PYTHONPATH": str(HOUSE), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1"}
    command = [sys.executable, "-s", "-m", "extract", mimetype]
    with path.open("rb") as file, tempfile.TemporaryFile() as answer:
        try:
            done = subprocess.run(
                command, stdin=file, stdout=answer, stderr=subprocess.DEVNULL, env=environ, cwd="/", timeout=seconds
            )
        except subprocess.TimeoutExpired:
            return Extracted(problem="Reading it took too long.")
        except OSError:
            return Extracted(problem="The server could not read it now.")
        if done.returncode < 0:
            return Extracted(problem="Reading it took more time or memory than is given.")
        answer.seek(0)
        try:
            return msgspec.json.decode(answer.read(MOST_OUTPUT), type=Extracted)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return Extracted(problem="It cannot be read.")
