"""Two hundred readers at the moment at which a feed changes: they share what is made, within each process and between them."""

import socket
import threading
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.conftest import ROOT, Server, together
from tests.test_lifecycle import document

pytestmark = pytest.mark.slow
READERS, CHANGES = 200, 3
JOINED = (
    4  # times that a process may join the feed for one change: for the first who ask, and for those who came meanwhile
)
# Every process of the server runs this first: it notes each fragment that is written and each feed that is joined, and takes for both
# as long as a long feed does, so that many ask meanwhile. On a machine that is busy otherwise, neither the cache nor the other
# process may count as too slow.
NOTES = """
import os, time
from app.cache import redis, servers
from app.web import rendering
from feeds import atom
servers.TIMEOUT, redis.TURN, rendering.AWAITED = 10, 60_000, 60
def noted(call, name):
    def made(given):
        with open(os.environ["NOTES"], "a") as file:
            file.write(f"{name} {os.getpid()} {getattr(given, 'guid', '')}\\n")
        time.sleep(0.1)
        return call(given)
    return made
atom.fragment_of, atom.assemble = noted(atom.fragment_of, "written"), noted(atom.assemble, "joined")
"""


def asked(reader: socket.socket, start: threading.Barrier, answers: list[bytes]) -> None:
    start.wait(60)
    reader.sendall(b"GET /feed.atom?office=herd HTTP/1.1\r\nHost: x\r\n\r\n")
    with reader.makefile("rb") as file:
        status = file.readline()
        headers = dict(line.decode().lower().strip().split(": ", 1) for line in iter(file.readline, b"\r\n"))
        body = file.read(int(headers["content-length"]))
    assert b" 200 " in status, status
    answers.append(body)


class Herd:
    """Readers of one feed, and what the processes of the server noted while they read."""

    def __init__(self, server: Server, notes: Path) -> None:
        self.server, self.notes = server, notes

    def read(self) -> tuple[bytes, Counter[str]]:
        """What all of them got, and how often the fragment of each guid was written. Raises AssertionError if not all got the same, or
        if a process joined the feed more often than it has to."""
        self.notes.write_text("")
        readers = [socket.create_connection(("127.0.0.1", self.server.port), 60) for _ in range(READERS)]
        start, answers = threading.Barrier(READERS), list[bytes]()
        together(*(partial(asked, reader, start, answers) for reader in readers))
        for reader in readers:
            reader.close()
        assert len(answers) == READERS and len(set(answers)) == 1
        lines = [line.split() for line in self.notes.read_text().splitlines()]
        joined = Counter(process for what, process, *_ in lines if what == "joined")
        assert 1 <= len(joined) <= 2 and max(joined.values()) <= JOINED, joined
        return answers[0], Counter(guid for what, _, *guids in lines if what == "written" for guid in guids)


def test_a_feed_that_changes_is_made_once_for_all_who_ask(own_server: Callable[..., Server], tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(NOTES)
    herd = Herd(own_server(workers="2", address_rate="0/minute"), tmp_path / "notes")
    server = herd.server
    server.environ |= {"PYTHONPATH": f"{tmp_path}:{ROOT}", "NOTES": str(herd.notes)}
    server.start()
    token = server.office("herd", "몰림청", "kr:51")
    guids = [f"tag:herd,2026:{number}" for number in range(CHANGES)]
    ids = []
    for guid in guids:
        answer = server.push(token, document(guid))
        assert answer.status_code == 201
        ids.append(answer.json()["id"])
        feed, written = herd.read()
        assert guid.encode() in feed
        assert written == {guid: 1}, "the others are in the cache, and one process writes this one for both"
    for guid, id in zip(guids[1:], ids[1:], strict=True):  # nothing has to be written, so no process waits for another
        withdrawn = server.client.delete(
            f"/articles/{id}", params={"reason": "착오"}, headers={"Authorization": f"Bearer {token}"}
        )
        assert withdrawn.status_code == 200
        feed, written = herd.read()
        assert f">{guid}<".encode() not in feed and not written
