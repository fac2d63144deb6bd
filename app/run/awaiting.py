"""Waits for the database: a process that starts while PostgreSQL is away goes on when it is back, and nobody has to start it again."""

import logging
import sys
import time
from collections.abc import Callable
from typing import TypeVar

from app.errors import Unavailable

log = logging.getLogger("pressrelay")
FIRST, LONGEST = 0.25, 1.0  # seconds between two attempts; each waits twice as long as the one before

T = TypeVar("T")


def patiently(
    url: str,
    action: Callable[[], T],
    say: Callable[[str], None] = log.error,
    stopped: Callable[[], object] = lambda: False,
) -> T:
    """The result of `action`, which is repeated while the PostgreSQL at `url` is unavailable. `say` gets each new reason once.
    Ends the process with code 0 when `stopped` is true. Raises Unavailable if waiting does not help, such as for a wrong password or
    with SQLite."""
    pause, told = FIRST, ""
    while True:
        try:
            return action()
        except Unavailable as error:
            if error.lasting or not url.startswith("postgresql"):
                raise
            if str(error) != told:
                say(f"Waiting for the database. {error}")
            told = str(error)
        until = time.monotonic() + pause
        while time.monotonic() < until:
            if stopped():
                sys.exit(0)
            time.sleep(0.05)
        pause = min(LONGEST, 2 * pause)
