"""What SQLite promises, under the server's own use: synced before it is acknowledged, no writer refused for another, a log that
shrinks."""

import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from tests.conftest import ROOT, Server, until
from tests.faults.test_nodes_processes import web_workers
from tests.test_lifecycle import document
from tests.test_store import article, put

pytestmark = pytest.mark.slow
CALLS = "pwrite64,fdatasync,fsync,sendto,write,writev"
ANSWER = re.compile(r'"HTTP/1\.1 201')
PUSHES = 20


def test_no_release_is_acknowledged_before_it_is_on_disk(own_server: Callable[..., Server], tmp_path: Path) -> None:
    """The system calls of a web worker: no answer 201 leaves while bytes of the write-ahead log are not synced."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    server = own_server(workers="1").start()
    token = server.office()
    assert server.push(token, document("tag:disk,2026:before")).status_code == 201
    (worker,) = web_workers(server)
    traced = tmp_path / "calls"
    words = ["strace", "-f", "-y", "-s", "16", "-e", f"trace={CALLS}", "-o", str(traced), "-p", str(worker)]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as strace:
        assert strace.stderr is not None
        said = strace.stderr.readline()
        if "attached" not in said:
            strace.kill()
            pytest.skip(f"no process may be traced here: {said.strip()}")
        for number in range(PUSHES):
            assert server.push(token, document(f"tag:disk,2026:{number}")).status_code == 201
        strace.send_signal(signal.SIGINT)
        strace.wait(20)
        strace.stderr.read()
    written, answers = 0, 0
    synced = True
    for line in traced.read_text("utf-8", "replace").splitlines():
        if "-wal>" in line and "pwrite64(" in line:
            written, synced = written + 1, False
        elif "-wal>" in line and ("fdatasync(" in line or "fsync(" in line):
            synced = True
        elif ANSWER.search(line):
            answers += 1
            assert synced, f"acknowledged before it was on disk: {line[:200]}"
    assert answers >= PUSHES and written >= PUSHES


WRITER = """
import sys, threading
from app import store
from tests.test_store import article, put
engine = store.connect(sys.argv[1])
def write(thread):
    for number in range(int(sys.argv[3])):
        put(engine, article(guid=f"tag:many,2026:{sys.argv[2]}-{thread}-{number}"))
threads = [threading.Thread(target=write, args=(thread,)) for thread in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""
PROCESSES, EACH = 3, 25  # besides the web workers; articles of each of their four threads


def test_many_writers_wait_for_each_other_and_lose_nothing(own_server: Callable[..., Server]) -> None:
    """Two web workers and clients that push at once, beside processes that write by four threads each."""
    server = own_server().start()
    token = server.office()
    path = server.directory / "pressrelay.db"
    answers = Counter[int]()
    acknowledged: list[str] = []

    def push(client: int) -> None:
        with httpx.Client(base_url=server.url, trust_env=False, timeout=60) as http:
            for number in range(10):
                guid = f"tag:many,2026:{client}-{number}"
                answer = http.post(
                    "/releases",
                    content=document(guid),
                    headers={"Content-Type": "application/xml", "Authorization": f"Bearer {token}"},
                )
                answers[answer.status_code] += 1
                if answer.status_code == 201:
                    acknowledged.append(guid)
                else:
                    assert answer.status_code == 503 and answer.headers["Retry-After"], answer.text

    command = [sys.executable, "-c", WRITER, f"sqlite:///{path}"]
    others = [subprocess.Popen([*command, f"p{number}", str(EACH)], cwd=ROOT) for number in range(PROCESSES)]
    pushers = [threading.Thread(target=push, args=(number,)) for number in range(16)]
    for thread in pushers:
        thread.start()
    for thread in pushers:
        thread.join()
    assert [process.wait(60) for process in others] == [0] * PROCESSES, "no writer was refused"
    assert set(answers) <= {201, 503} and answers[201] > 100, answers
    with closing(sqlite3.connect(path)) as connection:
        found = Counter(guid for (guid,) in connection.execute("SELECT guid FROM articles WHERE guid LIKE 'tag:many%'"))
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert set(acknowledged) <= set(found) and max(found.values()) == 1
    assert len(found) == len(acknowledged) + PROCESSES * 4 * EACH


def test_a_long_read_refuses_no_writer_and_the_log_shrinks_after_it(own_server: Callable[..., Server]) -> None:
    server = own_server(workers="1").start()
    token = server.office()
    path = server.directory / "pressrelay.db"
    log = Path(f"{path}-wal")
    assert server.push(token, document("tag:long,2026:before")).status_code == 201
    body = "가" * 20_000
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        before = reader.execute("SELECT count(*) FROM articles").fetchone()
        engine = server.engine()
        for batch in range(40):
            put(
                engine,
                *(article(guid=f"tag:long,2026:{batch}-{number}", body=f"<p>{body}</p>") for number in range(25)),
            )
        assert server.push(token, document("tag:long,2026:meanwhile")).status_code == 201, (
            "no writer waits for a reader"
        )
        assert reader.execute("SELECT count(*) FROM articles").fetchone() == before, "it reads one state"
        assert log.stat().st_size > 64 * 1024 * 1024, "the log grows while the old state is read"
        reader.execute("COMMIT")
    engine.dispose()
    until(lambda: log.stat().st_size <= 64 * 1024 * 1024, 30, 0.2)
    assert server.push(token, document("tag:long,2026:after")).status_code == 201
