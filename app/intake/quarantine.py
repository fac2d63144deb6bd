"""Documents that crashed the process that read them. Such a document must not end one process after the other.

The parent of a server notes each crash (app/liveness.py, app/run/serve.py) in a file of the data directory, named after the SHA-256 of
the document. A document that crashed a process once is read in a process of its own (app/intake/trial.py); if that one crashes too,
the document is refused from then on. So a document that was only read beside the wrong one is taken all the same. Each host learns by
itself.
"""

import logging
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path

import msgspec
from msgspec import Struct

from app import liveness
from app.errors import Problem
from app.settings import Settings

log = logging.getLogger("pressrelay.quarantine")
ROOT = Path(__file__).resolve().parent.parent.parent  # the directory of the package `app`
FOLDER = "quarantine"  # in the data directory
REFUSED_FROM = 2  # crashes
FORGOTTEN = (
    7 * 86_400.0
)  # seconds after which one crash is forgotten; a refusal is forgotten only when the operator says so
LONGEST = 20.0  # seconds that reading a document in a process of its own may take
NAME = re.compile(r"[0-9a-f]{64}")


class Suspect(Struct, frozen=True):
    """A document that crashed a process."""

    crashes: int
    first: float  # seconds since 1970
    last: float

    @property
    def refused(self) -> bool:
        """Whether the document is not read any more."""
        return self.crashes >= REFUSED_FROM


_decoder = msgspec.json.Decoder(Suspect)


class Quarantine:
    """The documents of one data directory. Threads and processes may share it: each file is replaced in one step."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def of(cls, settings: Settings) -> "Quarantine":
        """That of a server."""
        return cls(Path(settings.data_dir).resolve() / FOLDER)

    def find(self, sha256: str) -> Suspect | None:
        """What is known of a document; None if it crashed nothing. For most documents this is one system call."""
        try:
            found = _decoder.decode((self._folder / sha256).read_bytes())
        except (OSError, msgspec.MsgspecError):
            return None
        return found if found.refused or found.last > time.time() - FORGOTTEN else None

    def note_crash(self, sha256: str) -> int:
        """Note one more crash; returns how many there were. If it cannot be written, the crash is not noted."""
        now = time.time()
        before = self.find(sha256) or Suspect(0, now, now)
        suspect = Suspect(before.crashes + 1, before.first, now)
        new = self._folder / f".{sha256}-{os.getpid()}"
        with suppress(OSError):
            self._folder.mkdir(exist_ok=True)
            new.write_bytes(msgspec.json.encode(suspect))
            new.replace(self._folder / sha256)
        return suspect.crashes

    def all(self) -> dict[str, Suspect]:
        """SHA-256 -> what is known, for all documents that crashed a process."""
        with suppress(OSError):
            names = sorted(path.name for path in self._folder.iterdir() if NAME.fullmatch(path.name))
            return {name: suspect for name in names if (suspect := self.find(name)) is not None}
        return {}

    def release(self, sha256: str) -> bool:
        """Forget a document, so that it is read again. False if it is not known."""
        try:
            (self._folder / sha256).unlink()
        except OSError:
            return False
        return True


def refusal(sha256: str) -> Problem:
    """The answer for a document that is not read any more."""
    detail = (
        f"Reading this document crashed the server {REFUSED_FROM} times, so it is not read again. Nothing was stored. Send the release"
        f" in another form, or ask the operator of this server to look at it. Its SHA-256 is {sha256}."
    )
    return Problem(422, "quarantined", "The document is in quarantine", detail)


@contextmanager
def watched(settings: Settings, body: bytes) -> Iterator[Suspect | None]:
    """Note that this process reads a document, for as long as the block runs; what is known of it. Raises Problem (422) if it is
    refused."""
    digest = sha256(body)
    suspect = Quarantine.of(settings).find(digest.hexdigest())
    if suspect is not None and suspect.refused:
        raise refusal(digest.hexdigest())
    with liveness.reading(digest.digest()):
        yield suspect


def read_alone(settings: Settings, body: bytes, request: bytes) -> bytes:
    """The answer of app/intake/trial.py, which reads a document in a process of its own. Raises Problem: 422 if that process crashes
    too, and 503 if another document is read in this way."""
    if not _alone.acquire(blocking=False):
        raise Problem(
            503,
            "busy",
            "Too many doubtful documents at once",
            "The server is reading another document with care. Try again in a second.",
            headers={"Retry-After": "1"},
        )
    try:
        done = subprocess.run(
            [sys.executable, "-m", "app.intake.trial"], cwd=ROOT, input=request, capture_output=True, timeout=LONGEST
        )
        if done.returncode == 0:
            return done.stdout
        reason = f"code {done.returncode}"
    except subprocess.TimeoutExpired:
        reason = f"no answer within {LONGEST:.0f} seconds"
    finally:
        _alone.release()
    digest = sha256(body).hexdigest()
    log.error("The document %s crashed the process that read it alone (%s). It is refused from now on.", digest, reason)
    Quarantine.of(settings).note_crash(digest)
    raise refusal(digest)


_alone = threading.Lock()
