"""A real `pressrelay serve` in a directory of its own, and the smallest client that can ask it for something.

All traffic is to 127.0.0.1. The client is ours because a full one would cost more than what is measured.
"""

import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Self

import httpx
from msgspec import Struct

from app import store
from app.settings import Settings
from app.store import Engine
from bench.releases import OFFICE

HOST = "127.0.0.1"
STARTED_WITHIN, STOPPED_WITHIN, ANSWERED_WITHIN = 40.0, 30.0, 30.0  # seconds
ROOT = Path(__file__).parent.parent


class Running(Struct, frozen=True):
    """A server that answers."""

    settings: Settings
    engine: Engine
    token: str


class Prepared(Struct, frozen=True):
    """A data directory with a database of one office, and the environment of commands on it."""

    settings: Settings
    engine: Engine
    token: str
    environ: dict[str, str]


@contextmanager
def prepared() -> Iterator[Prepared]:
    """A database in a temporary directory, removed at the end."""
    with tempfile.TemporaryDirectory(prefix="pressrelay-bench-") as directory:
        settings = Settings(data_dir=directory, host=HOST, port=free_port())
        engine = store.connect(settings.database)
        store.upgrade(engine)
        store.save_office(engine, OFFICE)
        token = store.new_token(engine, OFFICE.code, "bench", datetime.now(UTC))
        environ = {name: value for name, value in os.environ.items() if not name.startswith("PRESSRELAY_")}
        environ |= {
            "PRESSRELAY_DATA_DIR": directory,
            "PRESSRELAY_HOST": HOST,
            "PRESSRELAY_PORT": str(settings.port),
        }
        try:
            yield Prepared(settings, engine, token, environ)
        finally:
            engine.dispose()


@contextmanager
def running(preload: Callable[[Engine, str], None] = lambda engine, url: None) -> Iterator[Running]:
    """A server in a temporary directory, stopped at the end; `preload` fills its database before it starts."""
    with prepared() as ready:
        preload(ready.engine, ready.settings.url)
        log = Path(ready.settings.data_dir, "serve.log")
        with log.open("wb") as output:
            command = [sys.executable, "-m", "app.cli", "serve"]
            process = subprocess.Popen(command, cwd=ROOT, env=ready.environ, stdout=output, stderr=output)
        try:
            _wait_until_ready(process, ready.settings, log)
            yield Running(ready.settings, ready.engine, ready.token)
        finally:
            process.terminate()
            try:
                process.wait(STOPPED_WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def free_port() -> int:
    """Below the ports that clients get (ip(7), ip_local_port_range): one of those may be taken before the server has it."""
    while True:
        port = random.randint(10_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        return port


def _wait_until_ready(process: subprocess.Popen[bytes], settings: Settings, log: Path) -> None:
    until = time.monotonic() + STARTED_WITHIN
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"The server ended (code {process.returncode}):\n{log.read_text()}")
        try:
            if httpx.get(f"{settings.url}/readyz", trust_env=False, timeout=1).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.05)
    raise RuntimeError(f"The server did not answer within {STARTED_WITHIN:.0f} seconds.")


class Connection:
    """One kept-alive HTTP/1.1 connection; the answers must carry Content-Length."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection((HOST, port), ANSWERED_WITHIN)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def ask(self, request: bytes, expected: int) -> bytes:
        """The body of the answer. Raises RuntimeError for another status than the one expected."""
        self.socket.sendall(request)
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._more()
        head, _, body = data.partition(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split(b"\r\n")[0])
        parts, missing = [body], length - len(body)
        while missing > 0:
            parts.append(self._more())
            missing -= len(parts[-1])
        body = b"".join(parts)
        if int(head.split(b" ", 2)[1]) != expected:
            raise RuntimeError(f"{head.splitlines()[0].decode()}: {body[:500].decode(errors='replace')}")
        return body

    def _more(self) -> bytes:
        data = self.socket.recv(1 << 18)
        if not data:
            raise RuntimeError("The server closed the connection.")
        return data


def get(path: str) -> bytes:
    """The bytes of a GET request."""
    return f"GET {path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()


def post(token: str, body: bytes) -> bytes:
    """The bytes of a push."""
    head = (
        f"POST /releases HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
