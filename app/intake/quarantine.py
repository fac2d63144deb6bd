"""Documents that crashed the process that read them. Such a document must not end one process after the other.

The parent of a server notes each crash (app/liveness.py, app/run/serve.py) in a file of the data directory, named after the SHA-256 of
the document. A document that was read during a crash is read in a process of its own from then on (app/intake/trial.py), and refused
once that one crashes too. So a harmless document that happened to be read beside a bad one is still taken, however often that
happens: nobody can cause the refusal of another sender's document. Each host learns by itself.
"""

import logging
import os
import pickle
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from app import liveness
from app.errors import PressrelayError, Problem
from app.settings import Settings, directory_of

log = logging.getLogger("pressrelay.quarantine")
ROOT = Path(__file__).resolve().parent.parent.parent  # the directory of the package `app`
FOLDER = "quarantine"  # in the data directory
FORGOTTEN = (
    7 * 86_400.0
)  # seconds after which one crash is forgotten; a refusal is forgotten only when the operator says so
LONGEST = 20.0  # seconds that reading a document in a process of its own may take
NAME = re.compile(r"[0-9a-f]{64}")
ENDED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)  # by these somebody ends a process; it did not crash
Read = TypeVar("Read")


class Suspect(Struct, frozen=True):
    """A document that was read during a crash."""

    crashes: int
    first: float  # seconds since 1970
    last: float
    refused: bool = False  # it crashed a process that read nothing else, so it is not read any more


_decoder = msgspec.json.Decoder(Suspect)


class Quarantine:
    """The documents of one data directory. Threads and processes may share it: each file is replaced in one step."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def of(cls, settings: Settings) -> "Quarantine":
        """That of a server."""
        return cls(directory_of(settings.data_dir) / FOLDER)

    def find(self, sha256: str) -> Suspect | None:
        """What is known of a document; None if it crashed nothing. For most documents this is one system call."""
        try:
            found = _decoder.decode((self._folder / sha256).read_bytes())
        except (OSError, msgspec.MsgspecError):
            return None
        return found if found.refused or found.last > time.time() - FORGOTTEN else None

    def note_crash(self, sha256: str, *, alone: bool = False) -> int:
        """Note one more crash; returns how many there were. `alone`: the process read nothing else, so the document is refused from
        now on. If it cannot be written, the crash is not noted."""
        now = time.time()
        before = self.find(sha256) or Suspect(0, now, now)
        suspect = Suspect(before.crashes + 1, before.first, now, before.refused or alone)
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


def read_safely(
    settings: Settings, body: bytes, read: Callable[[], Read], alone: Callable[[], Read] | None = None
) -> Read:
    """What `read` makes of a document; of one that was read during a crash, in a process of its own. `alone`: what that process calls,
    if it cannot be sent `read`. Raises what they raise, and Problem: 422 if the document is refused, or crashes its own process; 503
    if that process cannot read it now."""
    digest = sha256(body)
    suspect = Quarantine.of(settings).find(digest.hexdigest())
    if suspect is None:
        with liveness.reading(digest.digest()):
            return read()
    if suspect.refused:
        raise _refusal(digest.hexdigest())
    return _read_alone(settings, digest.hexdigest(), alone or read)


def _read_alone(settings: Settings, sha256: str, read: Callable[[], Read]) -> Read:
    """What `read` returns or raises in a process of its own (app/intake/trial.py)."""
    if not _alone.acquire(blocking=False):
        raise _busy(
            "Too many suspicious documents at once", "The server is reading another suspicious document on its own."
        )
    try:
        done = subprocess.run(
            [sys.executable, "-m", "app.intake.trial"],
            cwd=ROOT,
            input=pickle.dumps(read),
            capture_output=True,
            timeout=LONGEST,
        )
    except subprocess.TimeoutExpired:
        # Its processor time has a limit of its own, so it waited for this machine or the database: no fault of the document.
        log.error("The document %s was not read alone within %.0f seconds.", sha256, LONGEST)
        raise _busy(
            "The document could not be read", "The server is too busy to read this suspicious document on its own."
        ) from None
    finally:
        _alone.release()
    code = done.returncode
    if code == 0:
        answer = pickle.loads(done.stdout)
        if isinstance(answer, PressrelayError):
            raise answer
        found: Read = answer
        return found
    if code > 0 or -code in ENDED:
        words = done.stderr.decode("utf-8", "replace").strip().splitlines() or [f"code {code}"]
        kind = words[-1].partition(":")[0][:100]  # and nothing after it, which may quote a document under embargo
        log.error("The document %s could not be read alone: %s", sha256, kind)
        raise _busy(
            "The document could not be read", "The process that read this suspicious document on its own failed."
        )
    log.error(
        "The document %s crashed the process that read it alone (code %d). It is refused from now on.", sha256, code
    )
    Quarantine.of(settings).note_crash(sha256, alone=True)
    raise _refusal(sha256)


def _refusal(sha256: str) -> Problem:
    detail = (
        "Reading this document crashed the server, and again when it was read alone, so it is not read again. Nothing was stored. Send"
        f" the release in another form, or ask the operator of this server to look at it. Its SHA-256 is {sha256}."
    )
    return Problem(422, "quarantined", "The document is in quarantine", detail)


def _busy(title: str, reason: str) -> Problem:
    detail = f"{reason} Nothing was stored. Try again in a second."
    return Problem(503, "busy", title, detail, headers={"Retry-After": "1"})


_alone = threading.Lock()
