"""Places for requests that may hold a thread for long: costly questions, forms and releases that come slowly, files that are read
slowly, and those that wait for a change.

A worker has few threads, and its web server cannot end a request that drips. So of each kind only so many are answered at once, and
only a few of one client's network; the threads for everything else stay free. Nobody waits for a place, for that would take a thread
as well; a form, whose bytes are there at once as a rule, looks for one for a tenth of a second.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import cast

from flask import Flask, current_app, g, request
from msgspec import Struct

from app.errors import Problem
from app.web import limits
from app.web.forms import LARGEST

PATIENCE = 0.1  # seconds in which a form or a release looks for a place
EACH = 2  # places that one client's network may have of a kind
# These read a body only of whom a token or a signature has told already, in a place of theirs: `reading`.
KNOWN = ("ingest.", "atompub.", "lifecycle.")


class Places:
    """So many at once in this process, and so many of each client; threads share it, under its lock."""

    def __init__(self, most: int, each: int = EACH) -> None:
        self.most = most
        self.each = each
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()

    def take(self, who: str) -> bool:
        """Whether there was a place for that client; "" is nobody in particular, and bound by `most` alone."""
        with self._lock:
            if self._taken.total() >= self.most or (who and self._taken[who] >= self.each):
                return False
            self._taken[who] += 1
            return True

    def leave(self, who: str) -> None:
        """Give a place back."""
        with self._lock:
            self._taken[who] -= 1
            if not self._taken[who]:
                del self._taken[who]


class Kinds(Struct, frozen=True):
    """The places of one application, all made before its first request."""

    questions: Places
    forms: Places
    releases: Places
    files: Places
    waiting: Places


def kinds() -> Kinds:
    """The places of the application that answers this request."""
    return cast(Kinds, current_app.extensions["places"])


def client() -> str:
    """Whom a place is counted for: a network, or nobody in particular where a proxy of this machine speaks for all."""
    return limits.network(request.remote_addr or "")


def busy(what: str) -> Problem:
    """The answer to who finds no place."""
    detail = f"As many {what} as may be answered at once are being answered. Ask again in a second."
    return Problem(503, "busy", f"Too many {what} at once", detail, headers={"Retry-After": "1"})


def install(app: Flask, threads: int) -> None:
    """Have every costly question and every small form of this application take a place; routes take those for files and waiting."""
    quarter, half = max(1, threads // 4), max(1, threads // 2)
    questions, forms = Places(quarter, quarter), Places(half, max(EACH, quarter))
    app.extensions["places"] = Kinds(
        questions, forms, Places(half, quarter), files=Places(quarter), waiting=Places(threads // 2)
    )

    def enter() -> None:
        if request.endpoint is None:
            return
        if request.method not in ("GET", "HEAD", "OPTIONS"):
            if not request.endpoint.startswith(KNOWN):
                _read_form(forms)
        elif limits.price() >= limits.GATED_FROM:
            who = client()
            if not questions.take(who):
                raise busy("costly questions")
            g.asks = who

    def leave(_error: BaseException | None = None) -> None:
        if (who := g.pop("asks", None)) is not None:
            questions.leave(who)

    app.before_request(enter)
    app.teardown_request(leave)


def _read_form(forms: Places) -> None:
    """Read a small form here, in a place that is taken for as long as its bytes come and no longer; the route finds it read. What says
    no length, or too large a one, the route refuses unread. Raises Problem (503)."""
    if not request.content_length or request.content_length > LARGEST:
        return
    with _placed(forms, client(), "forms"):
        request.get_data(cache=True, parse_form_data=False)


def reading(actor: str) -> AbstractContextManager[None]:
    """A place for the body of a release while its bytes come: whose holder sends slowly, that token keeps a quarter of the threads at
    most. Raises Problem (503)."""
    return _placed(kinds().releases, actor, "releases")


@contextmanager
def _placed(of: Places, who: str, what: str) -> Iterator[None]:
    until = time.monotonic() + PATIENCE
    while not of.take(who):
        if time.monotonic() > until:
            raise busy(what)
        time.sleep(PATIENCE / 20)
    try:
        yield
    finally:
        of.leave(who)
