"""File stores that hang, and what a disk is told to keep: feeds go on, and the server says what is wrong."""

import shutil
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest

from app import store
from tests.conftest import Server, until
from tests.files import PNG
from tests.test_enclosures import article, path_of, push, release
from tests.test_server import minimal

pytestmark = pytest.mark.slow
Make = Callable[..., Server]


class Bucket(ThreadingHTTPServer):
    """As much of an S3-compatible store as the server asks for, which can hang: it takes connections and answers nothing."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.objects: dict[str, bytes] = {}
        self.goes_on = threading.Event()
        self.goes_on.set()
        self.waiting = 0


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Bucket

    def _wait(self) -> None:
        if not self.server.goes_on.is_set():
            self.server.waiting += 1
        self.server.goes_on.wait(60)

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._wait()
        self.server.objects[self.path] = body
        self._say(200, b"", ETag='"1"')

    def do_GET(self) -> None:
        self._wait()
        body = self.server.objects[self.path]
        first, last = map(int, self.headers["Range"].removeprefix("bytes=").split("-"))
        part = body[first : last + 1]
        self._say(206, part, **{"Content-Range": f"bytes {first}-{first + len(part) - 1}/{len(body)}", "ETag": '"1"'})

    def _say(self, status: int, body: bytes, **headers: str) -> None:
        try:
            self.send_response(status)
            for name, value in {
                **headers,
                "Content-Length": str(len(body)),
                "Last-Modified": "Tue, 09 Mar 2021 00:00:00 GMT",
            }.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            pass

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    bucket = Bucket()
    thread = threading.Thread(target=bucket.serve_forever, args=(0.05,))
    thread.start()
    yield bucket
    bucket.goes_on.set()
    bucket.shutdown()
    thread.join(10)
    bucket.server_close()


def test_a_file_store_that_hangs_holds_up_no_feed(own_server: Make, bucket: Bucket) -> None:
    pytest.importorskip("obstore")
    keys = {"s3_access_key": "test-key", "s3_secret_key": "test-secret", "s3_bucket": "press"}
    server = own_server(workers="1", s3_endpoint=f"http://127.0.0.1:{bucket.server_port}", **keys).start()
    token = server.office()
    pushed = push(server, token, release("file", "picture.png"), {"picture.png": (PNG, "image/png")})
    path = path_of(server, article(server, pushed)["enclosures"][0]["url"])
    assert server.client.get(path).content == PNG
    bucket.goes_on.clear()

    def download() -> int:
        return httpx.get(server.url + path, trust_env=False, timeout=60).status_code

    def upload(number: int) -> int:
        parts = {"release": ("r.xml", release(f"up-{number}", "p.png")), "file": ("p.png", PNG + bytes([number]))}
        headers = {"Authorization": f"Bearer {token}"}
        return httpx.post(
            f"{server.url}/releases", files=parts, headers=headers, trust_env=False, timeout=60
        ).status_code

    with ThreadPoolExecutor(24) as pool:
        answers = [pool.submit(download) for _ in range(12)] + [pool.submit(upload, number) for number in range(12)]
        until(lambda: bucket.waiting >= 3, 20)  # two threads that read and at least one that writes hang
        slowest = 0.0
        for number in range(20):
            began = time.monotonic()
            feed = httpx.get(
                f"{server.url}/feed.atom?limit={number + 1}", trust_env=False, timeout=30
            )  # none is cached
            slowest = max(slowest, time.monotonic() - began)
            assert feed.status_code == 200
        assert slowest < 5, "threads were left for feeds"
        statuses = [answer.result() for answer in answers]
    assert set(statuses) == {503}
    bucket.goes_on.set()
    until(lambda: download() == 200, 20, 0.1)
    assert "sign of life" not in server.log.read_text(), "a thread that waits freezes no process"


def test_a_file_that_another_host_has(own_server: Make) -> None:
    server = own_server(workers="1").start()
    token = server.office()
    pushed = push(server, token, release("file", "picture.png"), {"picture.png": (PNG, "image/png")})
    path = path_of(server, article(server, pushed)["enclosures"][0]["url"])
    shutil.rmtree(server.directory / "files")
    answer = server.client.get(path)
    assert answer.status_code == 503
    assert answer.json()["detail"].startswith("This host does not have the file. Ask again")
    assert "set PRESSRELAY_S3_BUCKET on each" in server.log.read_text()


def test_an_embargo_that_is_not_lifted_is_told(own_server: Make) -> None:
    """The only background worker does not run."""
    import os
    import signal

    from tests.faults.test_nodes_processes import titled

    server = own_server(workers="1").start()
    token = server.office()
    (worker,) = titled(server, "pressrelay worker")
    os.kill(worker, signal.SIGSTOP)
    later = b"</issued><embargo until='2099-01-01T00:00:00+09:00'/>"
    body = minimal("tag:example.org,2026:late").replace(b"</issued>", later, 1)
    assert server.push(token, body).status_code == 201
    engine = server.engine()
    with engine.begin() as connection:  # its instant was seven seconds ago
        connection.exec_driver_sql("UPDATE articles SET due = ?", (int((time.time() - 7) * 1_000_000),))
    engine.dispose()
    assert server.client.get("/readyz").json() == {"status": "degraded"}
    (warning,) = server.ready()["warnings"]
    assert "is not lifted. Check that a background worker is running." in warning
    os.kill(worker, signal.SIGCONT)
    until(lambda: server.client.get("/readyz").json() == {"status": "ok"}, 15)


def test_the_log_of_sqlite_becomes_short_again(tmp_path: Path) -> None:
    file = tmp_path / "long.db"
    engine = store.connect(f"sqlite:///{file}")
    store.upgrade(engine)
    log = tmp_path / "long.db-wal"
    with closing(sqlite3.connect(file, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM articles").fetchall()
        with engine.connect() as connection:
            connection.exec_driver_sql("CREATE TABLE filler (bytes BLOB)")
            for _ in range(10):
                connection.exec_driver_sql("INSERT INTO filler VALUES (zeroblob(8000000))")
                connection.commit()
        before = log.stat().st_size
        assert before > 70_000_000
        began = time.monotonic()
        assert store.shorten_log(engine) == before, "somebody reads the old state"
        assert time.monotonic() - began < 3, "nobody waits for that reader"
        reader.execute("COMMIT")
    assert store.shorten_log(engine) == 0
    engine.dispose()
