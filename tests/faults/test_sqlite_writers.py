"""Sixteen writers on one SQLite, in four processes, while another program holds the lock for longer than anybody waits."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial

import httpx
import pytest

from app.store import engine
from tests.conftest import Server, together, until
from tests.faults.history import Operation, check
from tests.faults.readers import History
from tests.test_lifecycle import document

pytestmark = pytest.mark.slow
PROCESSES, WRITERS = 4, 16


def pushed(server: Server, token: str, guid: str) -> Iterator[tuple[Operation, httpx.Response]]:
    """Push until it is acknowledged, each attempt over a connection of its own, so that it reaches any process."""
    headers = {"Content-Type": "application/xml", "Authorization": f"Bearer {token}", "Connection": "close"}
    while True:
        began = time.monotonic()
        answer = httpx.post(
            f"{server.url}/releases", content=document(guid), headers=headers, trust_env=False, timeout=60
        )
        times = {"t_invoke": began, "t_return": time.monotonic()}
        yield Operation("push", "push", guid, 1, outcome="ok" if answer.status_code == 201 else "fail", **times), answer
        if answer.status_code == 201:
            return


class Writers:
    """Sixteen clients that push at once, and what they were answered."""

    def __init__(self, server: Server, token: str, name: str) -> None:
        self.server, self.token, self.name = server, token, name
        self.attempts: list[tuple[Operation, httpx.Response]] = []

    def write(self, each: int) -> None:
        """Each pushes so many releases."""

        def run(writer: int) -> None:
            for number in range(each):
                self.attempts += pushed(self.server, self.token, f"tag:{self.name},2026:{writer * each + number:06d}")

        together(*(partial(run, writer) for writer in range(WRITERS)))

    def check(self) -> None:
        """Raises AssertionError unless each refusal was a 503 with Retry-After, and what was acknowledged is there once."""
        for _, answer in self.attempts:
            assert answer.status_code in (201, 503), answer.text
            if answer.status_code == 503:
                assert answer.headers["Content-Type"] == "application/problem+json" and int(
                    answer.headers["Retry-After"]
                )
                assert "locked" not in answer.text, "SQLite's words are not ours"
        numbers = History("writers", self.token, self.name).numbers(self.server)
        finals = [Operation("end", "final", f"tag:{self.name},2026:{n:06d}", 1, seq=at) for at, n in enumerate(numbers)]
        assert check([operation for operation, _ in self.attempts] + finals) == []
        with closing(sqlite3.connect(self.server.directory / "pressrelay.db")) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_sixteen_writers_and_a_lock_that_is_held_too_long(own_server: Callable[..., Server]) -> None:
    server = own_server(workers=str(PROCESSES), token_rate="0/minute", address_rate="0/minute").start()
    writers = Writers(server, server.office("writers", "쓰는청", "kr:52"), "locked")
    with closing(
        sqlite3.connect(server.directory / "pressrelay.db", isolation_level=None, check_same_thread=False)
    ) as other:
        other.execute("BEGIN IMMEDIATE")

        def let_go() -> None:
            until(lambda: any(answer.status_code == 503 for _, answer in writers.attempts), 4 * engine.BUSY_SECONDS)
            other.execute("ROLLBACK")

        together(let_go, partial(writers.write, 12))
    writers.check()
