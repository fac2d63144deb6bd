"""Processes of a server that freeze or crash: they are noticed and replaced, and a document that crashes them is refused."""

import os
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from app import liveness
from app.intake.quarantine import Quarantine
from tests.conftest import ROOT, Server, until
from tests.test_server import minimal

pytestmark = pytest.mark.slow
Make = Callable[..., Server]

# Every process of the server runs this first. A document with this word ends the process that parses it, as a fault of a C library
# would, and a process is frozen after two seconds and not after ten.
POISON = """
import os
from app import liveness
from app.intake import parsers
liveness.FROZEN = 2.0
parse = parsers.parse
def crash(body, *args, **named):
    if b"poison-sticks" in body:
        os.abort()
    return parse(body, *args, **named)
parsers.parse = crash
"""


@pytest.fixture
def with_poison(own_server: Make, tmp_path: Path) -> Make:
    (tmp_path / "sitecustomize.py").write_text(POISON)

    def make(**settings: str) -> Server:
        server = own_server(**settings)
        server.environ["PYTHONPATH"] = f"{tmp_path}:{ROOT}"
        return server

    return make


def titled(server: Server, title: str) -> list[int]:
    """The server's processes that `ps` shows with this title."""
    found = []
    for pid in server.children():
        with suppress(OSError):
            if Path(f"/proc/{pid}/cmdline").read_bytes().decode().replace("\0", " ").strip() == title:
                found.append(pid)
    return found


def web_workers(server: Server) -> list[int]:
    return [pid for number in range(1, 3) for pid in titled(server, f"pressrelay web worker-{number}")]


def test_a_document_that_crashes_is_refused_after_two_crashes_and_others_are_taken(with_poison: Make) -> None:
    server = with_poison().start()
    token = server.office()
    poison = minimal("tag:example.org,2026:poison-sticks")

    def pushed(body: bytes) -> int:
        try:
            return server.push(token, body).status_code
        except httpx.HTTPError:  # the worker died
            return 0

    assert pushed(poison) == 0
    until(lambda: "ended while it read the document" in server.log.read_text())
    began = time.monotonic()
    answer = server.push(token, poison)  # read in a process of its own, which crashes too
    assert answer.status_code == 422, answer.text
    assert answer.json()["type"].endswith(":quarantined") and "SHA-256" in answer.json()["detail"]
    workers = web_workers(server)
    assert [pushed(poison) for _ in range(12)] == [422] * 12
    assert pushed(minimal("tag:example.org,2026:harmless")) == 201
    assert time.monotonic() - began < 25
    assert web_workers(server) == workers, "no worker crashed again"
    listed = server.run("quarantine", "list")
    (sha256,) = Quarantine(server.directory / "quarantine").all()
    assert f"{sha256}  refused  2" in listed.stdout
    assert "is not in quarantine" in server.run("quarantine", "release", "0" * 64).stderr
    assert server.run("quarantine", "release", sha256).returncode == 0
    assert "No document crashed" in server.run("quarantine", "list").stderr


def test_a_suspect_that_does_no_harm_is_taken(own_server: Make) -> None:
    """A document that was only read beside the one that crashed: it is read alone, and stored as usual."""
    from hashlib import sha256

    server = own_server().start()
    token = server.office()
    body = minimal("tag:example.org,2026:beside")
    Quarantine(server.directory / "quarantine").note_crash(sha256(body).hexdigest())
    answer = server.push(token, body)
    assert answer.status_code == 201, answer.text
    assert server.client.get(f"/articles/{answer.json()['id']}.json").json()["guid"] == "tag:example.org,2026:beside"
    assert server.push(token, body).status_code == 200
    wrong = body.replace(b"</headline>", b"</headline><nonsense/>")
    Quarantine(server.directory / "quarantine").note_crash(sha256(wrong).hexdigest())
    refused = server.push(token, wrong)
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:pressrelay:problem:invalid-release")


def test_a_correction_that_crashed_is_read_alone(with_poison: Make) -> None:
    server = with_poison().start()
    token, guid = server.office(), "tag:example.org,2026:corrected"
    path = f"/articles/{server.push(token, minimal(guid)).json()['id']}"
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/xml"}
    poison = minimal(guid).replace(b"</headline>", b" poison-sticks</headline>")
    with suppress(httpx.HTTPError):  # the worker died
        server.client.put(path, content=poison, headers=headers)
    until(lambda: "ended while it read the document" in server.log.read_text())
    until(lambda: len(web_workers(server)) == 2)
    workers = web_workers(server)
    answer = server.client.put(path, content=poison, headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:pressrelay:problem:quarantined")
    assert web_workers(server) == workers, "no worker crashed again"


def test_a_frozen_web_worker_and_a_frozen_background_worker_are_replaced(with_poison: Make) -> None:
    server = with_poison().start()
    until(lambda: len(web_workers(server)) == 2)
    frozen = [web_workers(server)[0], *titled(server, "pressrelay worker")]
    assert len(frozen) == 2
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    try:
        until(lambda: len(web_workers(server)) == 2 and frozen[0] not in web_workers(server), 20)
        until(lambda: titled(server, "pressrelay worker") not in ([], [frozen[1]]), 20)
    finally:
        for pid in frozen:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
    assert server.log.read_text().count("gave no sign of life") >= 2
    assert {httpx.get(f"{server.url}/healthz", trust_env=False, timeout=5).status_code for _ in range(10)} == {200}


def test_sighup_does_not_end_a_server(own_server: Make) -> None:
    server = own_server().start()
    assert server.process is not None
    server.process.send_signal(signal.SIGHUP)
    for pid in titled(server, "pressrelay worker"):
        os.kill(pid, signal.SIGHUP)
    assert server.client.get("/readyz").status_code == 200
    assert server.process.poll() is None
    assert server.stop() == 0


def test_a_machine_that_stood_still_ends_nothing() -> None:
    table = liveness.LivenessTable(2)
    row = table.join()
    table.write_beat(row)
    assert table.frozen() == []
    table._looked -= 60  # the parent was not run for a minute, as little as its children
    table._words[row * liveness.ROW // liveness.WORD + 1] = time.monotonic_ns() - 60 * 10**9
    assert table.frozen() == []
    table._patient_until = 0.0
    assert table.frozen() == [os.getpid()]


def test_a_child_leaves_its_row_and_what_it_was_reading() -> None:
    table = liveness.LivenessTable(1)
    note = bytes(range(32))
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        row = table.join()
        table.write_note(row, 3, note)
        os.write(writer, b"x")
        signal.pause()
        os._exit(0)
    assert os.read(reader, 1) == b"x"
    assert table.ended() == [] and table.has(child)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert table.ended() == [liveness.EndedProcess(child, (note,))]
    assert table.ended() == [] and not table.has(child)
    os.close(reader), os.close(writer)


def test_a_sign_of_life_is_never_seen_by_half() -> None:
    """Who looks while another process writes must not take it for frozen, and never for process 0: a signal to 0 ends the whole
    server."""
    table = liveness.LivenessTable(1)
    reader, writer = os.pipe()
    if (child := os.fork()) == 0:
        row = table.join()
        os.write(writer, b"x")
        while True:
            table.write_beat(row)
    try:
        assert os.read(reader, 1) == b"x"
        assert all(table.frozen() == [] and table.has(child) for _ in range(200_000))
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        os.close(reader), os.close(writer)
