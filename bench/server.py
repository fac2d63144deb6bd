"""Starts a real `pressrelay serve` in a directory of its own, and has a minimal HTTP client.

All traffic is to 127.0.0.1. A full HTTP client would need more time than the answers that are measured.
"""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import httpx
from msgspec import Struct

from app import store
from app.settings import Settings
from app.store import Engine
from bench.processes import HOST, STARTED_WITHIN, free_port, program
from bench.releases import OFFICE

BASE = "https://press.example.org"  # public URL; it has no port, so that the same articles give the same bytes
ANSWERED_WITHIN = 30.0  # seconds
UNLIMITED = "999999999/second"  # a rate limit that is never reached


class Prepared(Struct, frozen=True):
    """A data directory with a database that has one office, and the environment for commands that use it."""

    settings: Settings
    engine: Engine
    token: str
    environ: dict[str, str]


class Running(Struct, frozen=True):
    """A server that answers."""

    settings: Settings
    engine: Engine
    token: str
    pid: int

    @property
    def port(self) -> int:
        return self.settings.port


@contextmanager
def prepared(keep: Path | None = None, database_url: str = "") -> Iterator[Prepared]:
    """A database in a temporary directory, which is removed at the end; or in the directory `keep`, with its present content.
    `database_url`: an empty PostgreSQL database instead of SQLite."""
    with tempfile.TemporaryDirectory(prefix="pressrelay-bench-") as temporary:
        directory = str(keep or temporary)
        Path(directory).mkdir(parents=True, exist_ok=True)
        settings = Settings(
            data_dir=directory,
            host=HOST,
            port=free_port(),
            base_url=BASE,
            token_rate=UNLIMITED,
            address_rate=UNLIMITED,
            database_url=database_url,
        )
        engine = store.connect(settings.database)
        store.upgrade(engine)
        store.accounts.save_office(engine, OFFICE)
        token = store.accounts.new_token(engine, OFFICE.code, "bench", datetime.now(UTC))
        environ = {name: value for name, value in os.environ.items() if not name.startswith("PRESSRELAY_")}
        environ |= {
            "PRESSRELAY_DATA_DIR": directory,
            "PRESSRELAY_HOST": HOST,
            "PRESSRELAY_PORT": str(settings.port),
            "PRESSRELAY_BASE_URL": BASE,
            "PRESSRELAY_TOKEN_RATE": UNLIMITED,
            "PRESSRELAY_ADDRESS_RATE": UNLIMITED,
            "PRESSRELAY_DATABASE_URL": database_url,
        }
        try:
            yield Prepared(settings, engine, token, environ)
        finally:
            engine.dispose()


@contextmanager
def serving(ready: Prepared) -> Iterator[Running]:
    """A server on that directory, stopped at the end."""
    log = Path(ready.settings.data_dir, "serve.log")
    with program([sys.executable, "-m", "app.cli", "serve"], log, ready.settings.port, ready.environ) as process:
        wait_until_ready(process, ready.settings.port, log)
        yield Running(ready.settings, ready.engine, ready.token, process.pid)


@contextmanager
def running(preload: Callable[[Engine, str], None] = lambda engine, url: None) -> Iterator[Running]:
    """A server in a temporary directory, stopped at the end; `preload` fills its database before it starts."""
    with prepared() as ready:
        preload(ready.engine, ready.settings.url)
        with serving(ready) as server:
            yield server


def wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Until the server, whose process writes to `log`, is ready. Raises RuntimeError if it ends before, or does not answer in time."""
    until = time.monotonic() + STARTED_WITHIN
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"The server ended (code {process.returncode}):\n{log.read_text('utf-8')}")
        try:
            if httpx.get(f"http://{HOST}:{port}/readyz", trust_env=False, timeout=1).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.05)
    raise RuntimeError(f"The server did not answer within {STARTED_WITHIN:.0f} seconds.")


class Answer(Struct, frozen=True):
    """The answer to a request."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    size: int  # bytes of head and body

    def header(self, name: str) -> str:
        """The value of a header, whose name is in lower case; empty if there is none."""
        return next((value for key, value in self.headers if key.lower() == name), "")


class Connection:
    """One persistent HTTP/1.1 connection. The answers must have Content-Length."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection((HOST, port), ANSWERED_WITHIN)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def ask(self, request: bytes, expected: int) -> bytes:
        """The body of the answer. Raises RuntimeError if the status is not the expected one."""
        return self.answer(request, expected).body

    def answer(self, request: bytes, *expected: int) -> Answer:
        """The whole answer. Raises RuntimeError if its status is none of those expected."""
        self.socket.sendall(request)
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._more()
        head, _, body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        status = int(first.split(" ", 2)[1])
        headers = tuple((name, value.strip()) for name, _, value in (line.partition(":") for line in lines))
        length = next((int(value) for name, value in headers if name.lower() == "content-length"), 0)
        parts, missing = [body], (0 if status == 304 else length) - len(body)
        while missing > 0:
            parts.append(self._more())
            missing -= len(parts[-1])
        body = b"".join(parts)
        if status not in expected:
            raise RuntimeError(f"{first}: {body[:500].decode(errors='replace')}")
        return Answer(status, headers, body, len(head) + 4 + len(body))

    def _more(self) -> bytes:
        data = self.socket.recv(1 << 18)
        if not data:
            raise RuntimeError("The server closed the connection.")
        return data


def get(path: str, **headers: str) -> bytes:
    """The bytes of a GET request."""
    fields = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n{fields}\r\n".encode()


def post(token: str, body: bytes) -> bytes:
    """The bytes of a push."""
    head = (
        f"POST /releases HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def spread(port: int, requests: Sequence[bytes], clients: int, expected: int) -> tuple[float, list[float]]:
    """Send the requests with so many clients. Returns the seconds from the first request to the last answer, and for each answer."""

    def work(connection: Connection, own: Sequence[bytes]) -> list[float]:
        taken = []
        for request in own:
            start = time.perf_counter()
            connection.ask(request, expected)
            taken.append(time.perf_counter() - start)
        return taken

    connections = [Connection(port) for _ in range(clients)]
    try:
        with ThreadPoolExecutor(clients) as pool:
            start = time.perf_counter()
            done = [pool.submit(work, connection, requests[n::clients]) for n, connection in enumerate(connections)]
            each = [seconds for future in done for seconds in future.result()]
            return time.perf_counter() - start, each
    finally:
        for connection in connections:
            connection.socket.close()
