"""A disk that is full: what cannot be stored is refused with 503, reading goes on, and nothing that was acknowledged is lost."""

import json
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

import httpx
import pytest
from msgspec import Struct

from tests.conftest import Server, together, until
from tests.faults.history import History, Operation, check
from tests.faults.test_nodes_processes import web_workers
from tests.files import PNG
from tests.test_enclosures import push, release
from tests.test_lifecycle import document

pytestmark = pytest.mark.slow
Make = Callable[..., Server]
ROOM = 1_500_000  # bytes that are left when the pushes begin: some tens of them
CLIENTS, REFUSALS = 4, 5  # each client goes on until it was refused so often
TEXT = b"x " * 20_000
RATES = {"token_rate": "0/minute", "address_rate": "0/minute"}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(disk)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this user may not mount a disk")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_full_disk_is_told(own_server: Make, small_disk: Path) -> None:
    server = own_server(workers="1", data_dir=str(small_disk)).start()
    assert server.client.get("/readyz").status_code == 200
    (small_disk / "filler").write_bytes(bytes(40_000_000))
    full = server.client.get("/readyz")
    assert (full.status_code, full.json()) == (503, {"status": "disk-full"})
    assert server.client.get("/feed.atom").status_code == 200
    doctor = server.run("doctor")
    assert doctor.returncode == 1 and "FAIL  disk: The disk of the data directory" in doctor.stdout
    assert server.stop() == 0
    server.start()  # It starts all the same: feeds can be read.
    assert server.client.get("/feed.atom").status_code == 200
    assert "WARNING    The disk of the data directory" in server.log.read_text()
    (small_disk / "filler").unlink()
    assert server.client.get("/readyz").status_code == 200
    server.close()


class Shortage(Struct):
    """A server whose data directory takes some bytes more, and then none until there is room."""

    server: Server
    begin: Callable[[], None]
    end: Callable[[], None]


def _on_a_small_disk(make: Make, disk: Path) -> Shortage:
    server = make()
    server.directory = disk
    server.environ["PRESSRELAY_DATA_DIR"] = str(disk)
    filler = disk / "filler"

    def begin() -> None:
        found = os.statvfs(disk)
        filler.write_bytes(bytes(found.f_bavail * found.f_frsize - ROOM))

    return Shortage(server, begin, filler.unlink)


def _with_short_files(make: Make) -> Shortage:
    """The limit of a process for the size of its files, which every user may set."""
    server = make()

    def limit(most: int) -> None:
        for worker in web_workers(server):
            resource.prlimit(worker, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))

    def begin() -> None:
        limit(max(path.stat().st_size for path in server.directory.glob("pressrelay.db*")) + ROOM)

    return Shortage(server, begin, partial(limit, resource.RLIM_INFINITY))


@pytest.fixture(params=["a small disk", "short files"])
def shortage(request: pytest.FixtureRequest, own_server: Make) -> Shortage:
    make = partial(own_server, **RATES)
    if request.param == "short files":
        return _with_short_files(make)
    return _on_a_small_disk(make, request.getfixturevalue("small_disk"))


class Client:
    """Pushes one release after the other until it was refused some times, and reads between its pushes."""

    def __init__(self, server: Server, token: str, number: int) -> None:
        self.server, self.token, self.name = server, token, f"tag:full,2026:{number}"
        self.history: History = []
        self.shown = ""  # the page of the newest release that was acknowledged

    def run(self) -> None:
        with httpx.Client(base_url=self.server.url, trust_env=False, timeout=30) as http:
            refused = 0
            while refused < REFUSALS:
                refused += self.push(http).status_code != 201
                for path in ("/feed.rss?office=full", f"/feed.json?limit={len(self.history) % 200 + 1}", self.shown):
                    assert not path or http.get(path).status_code == 200

    def push(self, http: httpx.Client) -> httpx.Response:
        """The next release. Raises AssertionError if it was neither taken nor refused as it should be."""
        guid, began = f"{self.name}-{len(self.history)}", time.monotonic()
        body = document(guid).replace("본문 한 단락.".encode(), TEXT)
        headers = {"Content-Type": "application/xml", "Authorization": f"Bearer {self.token}"}
        answer = http.post("/releases", content=body, headers=headers)
        outcome = "ok" if answer.status_code == 201 else "fail"
        self.history.append(Operation(self.name, "push", guid, 1, began, time.monotonic(), outcome))
        if outcome == "ok":
            self.shown = f"/articles/{answer.json()['id']}.json"
        else:
            assert_refused(answer)
        return answer


def assert_refused(answer: httpx.Response) -> None:
    assert answer.status_code == 503 and int(answer.headers["Retry-After"]), answer.text
    assert answer.headers["Content-Type"] == "application/problem+json", answer.text
    assert answer.json()["type"] == "urn:pressrelay:problem:unavailable"


def test_a_full_disk_refuses_pushes_and_loses_none(shortage: Shortage) -> None:
    server = shortage.server
    server.start()
    token = server.office("full", "가득청", "kr:51")
    headers = {"Authorization": f"Bearer {token}"}
    before = server.push(token, document("tag:full,2026:before"))
    assert before.status_code == 201
    clients = [Client(server, token, number) for number in range(CLIENTS)]
    shortage.begin()
    together(*(client.run for client in clients))
    refused = sum(op.outcome == "fail" for client in clients for op in client.history)
    assert refused >= CLIENTS * REFUSALS
    # Everything else that would be stored is refused in the same way.
    article = f"/articles/{before.json()['id']}"
    corrected = document("tag:full,2026:before", 2).replace("본문 한 단락.".encode(), TEXT)
    assert_refused(server.client.put(article, content=corrected, headers=headers | {"Content-Type": "application/xml"}))
    with_file = {"picture.png": (PNG + bytes(3 * ROOM), "image/png")}
    assert_refused(push(server, token, release("full", "picture.png"), with_file))
    shortage.end()
    assert push(server, token, release("full", "picture.png"), with_file).status_code == 201
    assert server.client.delete(article, params={"reason": "착오"}, headers=headers).status_code == 200
    with httpx.Client(base_url=server.url, trust_env=False, timeout=30) as http:
        for client in clients:
            assert client.push(http).status_code == 201
    assert_whole(server, [op for client in clients for op in client.history])


def assert_whole(server: Server, pushes: History) -> None:
    lines = [json.loads(line) for line in server.client.get("/changes").text.splitlines()]
    finals = [
        Operation("end", "final", line["guid"], line["version"], seq=line["seq"])
        for line in lines
        if line["guid"].startswith("tag:full,")
    ]
    assert len(lines) < 200 and len(finals) > CLIENTS * 2
    assert check(pushes + finals) == []
    with closing(sqlite3.connect(server.directory / "pressrelay.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert "Traceback" not in server.log.read_text()
    assert not list(server.directory.glob(".head-*")), "no half-written note is left"
    assert not list((server.directory / "files" / "incoming").iterdir())


def test_a_server_that_is_killed_on_a_full_disk_starts_again(own_server: Make, small_disk: Path) -> None:
    shortage = _on_a_small_disk(partial(own_server, **RATES), small_disk)
    server = shortage.server.start()
    token = server.office("full", "가득청", "kr:51")
    client = Client(server, token, 0)
    shortage.begin()
    stop = threading.Event()

    def hammer() -> None:
        with suppress(httpx.HTTPError):
            client.run()
            while not stop.is_set():
                client.push(server.client)

    def kill() -> None:
        until(lambda: any(op.outcome == "fail" for op in client.history), 60)
        server.stop(signal.SIGKILL)
        stop.set()

    together(hammer, kill)
    server.start()
    assert server.client.get(client.shown).status_code == 200 == server.client.get("/feed.rss?office=full").status_code
    assert_refused(client.push(server.client))
    shortage.end()
    assert client.push(server.client).status_code == 201
    lines = [json.loads(line) for line in server.client.get("/changes").text.splitlines()]
    finals = [Operation("end", "final", line["guid"], line["version"], seq=line["seq"]) for line in lines]
    assert check(client.history + finals) == []
