"""A web worker that has hardly a file descriptor or hardly memory left refuses with 503, and all is well again by itself."""

import json
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.conftest import Server, together, until
from tests.faults.test_nodes_processes import web_workers
from tests.test_lifecycle import document

pytestmark = pytest.mark.slow
ROOM = 1024 * 1024  # bytes of address space that the worker may still take


@contextmanager
def limited(pid: int, what: int, most: int) -> Iterator[None]:
    """A running process under a limit, which is taken off again."""
    before = resource.prlimit(pid, what)
    resource.prlimit(pid, what, (most, before[1]))
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            resource.prlimit(pid, what, before)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    rates = {"token_rate": "0/minute", "address_rate": "0/minute"}
    server = Server(tmp_path_factory.mktemp("few"), workers="1", **rates).start()
    yield server
    server.close()


class Pusher:
    """Pushes of one office, and what was acknowledged."""

    def __init__(self, server: Server, name: str) -> None:
        self.server, self.name, self.token = server, name, server.office(name, name, "kr:51")
        self.acknowledged: list[str] = []
        self.refused = self.unanswered = 0

    def push(self, name: str, text: str = "x") -> bool:
        """Whether it was acknowledged. Raises AssertionError if the answer was neither 201 nor a 503 with Retry-After."""
        headers = {"Content-Type": "application/xml", "Authorization": f"Bearer {self.token}", "Connection": "close"}
        guid = f"tag:{self.name},2026:{name}"
        body = document(guid).replace("본문 한 단락.".encode(), text.encode())
        url = f"{self.server.url}/releases"
        try:
            answer = httpx.post(url, content=body, headers=headers, trust_env=False, timeout=20)
        except httpx.HTTPError:
            self.unanswered += 1
            return False
        if answer.status_code == 201:
            self.acknowledged.append(guid)
            return True
        assert answer.status_code == 503 and int(answer.headers["Retry-After"]), answer.text
        self.refused += 1
        return False

    def check(self) -> None:
        """All is well again, and what was acknowledged is there. Raises AssertionError."""
        until(lambda: self.push("after"), 20)
        lines = self.server.client.get("/changes").text.splitlines()
        found = [guid for guid in (json.loads(line)["guid"] for line in lines) if guid.startswith(f"tag:{self.name},")]
        assert set(self.acknowledged) <= set(found) and len(set(found)) == len(found)


def test_hardly_a_file_descriptor(server: Server) -> None:
    pusher = Pusher(server, "files")
    (worker,) = web_workers(server)
    usual = len(list(Path(f"/proc/{worker}/fd").iterdir()))
    for more in (2, 4):
        with limited(worker, resource.RLIMIT_NOFILE, usual + more):
            together(*(partial(pusher.push, f"{more}-{number}") for number in range(8)))
    assert pusher.unanswered == 0
    pusher.check()
    assert web_workers(server) == [worker] and "Traceback" not in server.log.read_text()


def test_hardly_any_memory(server: Server) -> None:
    pusher = Pusher(server, "memory")
    (worker,) = web_workers(server)
    until(lambda: time.time() - Path(f"/proc/{worker}").stat().st_ctime > 6, 10)  # Granian ends if a worker dies before
    size = int(Path(f"/proc/{worker}/statm").read_text().split()[0]) * resource.getpagesize()
    with limited(worker, resource.RLIMIT_AS, size + ROOM):
        for number in range(4):
            pusher.push(str(number), "가 " * 750_000)
    # The interpreter found no memory; or a part of the server did that can only end the worker, and another one is there.
    assert pusher.refused or web_workers(server) != [worker]
    pusher.check()
