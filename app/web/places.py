"""Places for requests that may occupy a thread for a long time: costly queries, forms and releases that arrive slowly, files that are
read slowly, requests that wait for a change, passwords that are hashed, and calls to another server.

A worker has few threads, and its web server cannot end a request whose bytes arrive very slowly. So only a certain number of requests
of each kind is answered at once, and only a few from one client's network. The other threads stay free. A request does not wait for a
place, because waiting would occupy a thread as well. Forms, releases and passwords are the exception: they are usually done at once,
so they try for a tenth of a second.
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

PATIENCE = 0.1  # seconds for which a form or a release tries to get a place
EACH = 2  # places of one kind that one client's network may have
# The endpoints that read a body only after the token or signature was checked, in a place for releases: `reading`.
KNOWN = ("ingest.", "atompub.", "lifecycle.")


class Places:
    """A number of places in this process, and a smaller number for each client. Threads may share it; it has a lock."""

    def __init__(self, most: int, each: int = EACH) -> None:
        self.most = most
        self.each = each
        self._lock = threading.Lock()
        self._taken: Counter[str] = Counter()

    def take(self, who: str) -> bool:
        """Take a place for that client; False if none is free. The client "" is unknown and limited only by `most`."""
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
    """The places of one application; all are made before its first request."""

    questions: Places
    forms: Places
    releases: Places
    files: Places
    waiting: Places
    passwords: Places
    providers: Places
    trials: Places


def kinds() -> Kinds:
    """The places of the application that answers this request."""
    return cast(Kinds, current_app.extensions["places"])


def client() -> str:
    """The client that a place is counted for: its network, or "" if the request comes through a proxy on this machine."""
    return limits.network(request.remote_addr or "")


def busy(what: str) -> Problem:
    """The answer if no place is free."""
    detail = f"The server is already answering as many {what} as it can at once. Try again in a second."
    return Problem(503, "busy", f"Too many {what} at once", detail, headers={"Retry-After": "1"})


def install(app: Flask, threads: int) -> None:
    """Make every costly query and every small form of this application take a place. Routes take those for files and waiting."""
    quarter, half = max(1, threads // 4), max(1, threads // 2)
    questions, forms = Places(quarter, quarter), Places(half, max(EACH, quarter))
    app.extensions["places"] = Kinds(
        questions,
        forms,
        Places(half, quarter),
        files=Places(quarter),
        waiting=Places(threads // 2),
        passwords=Places(quarter),
        providers=Places(quarter),
        trials=Places(quarter, 1),
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
                raise busy("costly queries")
            g.asks = who

    def leave(_error: BaseException | None = None) -> None:
        if (who := g.pop("asks", None)) is not None:
            questions.leave(who)

    app.before_request(enter)
    app.teardown_request(leave)


def _read_form(forms: Places) -> None:
    """Read a small form before its route runs, in a place that is held only while the bytes arrive. A body without a length, or one
    that is too large, is not read: the route refuses it. Raises Problem (503)."""
    if not request.content_length or request.content_length > limits.LARGEST_FORM:
        return
    with _placed(forms, client(), "forms"):
        request.get_data(cache=True, parse_form_data=False)


def reading(actor: str) -> AbstractContextManager[None]:
    """A place for the body of a release while its bytes arrive. So a token whose holder sends slowly can occupy at most a quarter of
    the threads. Raises Problem (503)."""
    return _placed(kinds().releases, actor, "releases")


def proving() -> AbstractContextManager[None]:
    """A place for hashing a password, which occupies a core for a tenth of a second. Raises Problem (503)."""
    return _placed(kinds().passwords, client(), "passwords")


def calling_provider() -> AbstractContextManager[None]:
    """A place for calls to the provider of OpenID Connect, which may be slow. Raises Problem (503)."""
    return _placed(kinds().providers, client(), "sign-ins by another service")


def asking() -> AbstractContextManager[None]:
    """A place for a page of signed-in people that takes about a second: one of those for costly queries. Raises Problem (503)."""
    return _placed(kinds().questions, client(), "costly queries")


def trying(account: str) -> AbstractContextManager[None]:
    """A place for the test of a webhook, whose endpoint may take ten seconds: one for each account. Raises Problem (503)."""
    return _placed(kinds().trials, account, "tests of webhooks")


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
