"""A subscriber that speaks HTTP over real sockets: it echoes challenges, keeps what it is sent, and answers as a test says."""

import asyncio
import hashlib
import hmac
import random
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

from msgspec import Struct

from app import store
from tests.conftest import Server

Reply = Callable[["Got"], bytes] | Callable[["Got", asyncio.StreamWriter], Awaitable[None]]


class Got(Struct, frozen=True):
    """A request."""

    method: str
    target: str
    headers: dict[str, str]  # names in lower case
    body: bytes
    at: float  # monotonic seconds

    @property
    def path(self) -> str:
        return urlsplit(self.target).path

    @property
    def asked(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.target).query, keep_blank_values=True)

    @property
    def mode(self) -> str:
        return self.asked.get("hub.mode", [""])[-1]

    def signed(self, secret: str) -> bool:
        method, _, digest = self.headers["x-hub-signature"].partition("=")
        return hmac.compare_digest(hmac.new(secret.encode(), self.body, getattr(hashlib, method)).hexdigest(), digest)


def answer(status: int, body: bytes = b"", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def echo(got: Got) -> bytes:
    """As a good subscriber does: the challenge, else 204."""
    if got.method == "GET":
        return answer(200, got.asked["hub.challenge"][-1].encode() if "hub.challenge" in got.asked else b"")
    return answer(204)


@contextmanager
def subscribing(server: Server) -> Iterator["Subscriber"]:
    """A subscriber; its subscriptions end with it."""
    subscriber = Subscriber().start()
    try:
        yield subscriber
    finally:
        engine = server.engine()
        for one in store.deliveries.find_subscriptions(engine, host=subscriber.host):
            store.deliveries.end_subscription(engine, one.id, "The test is over.", datetime.now(UTC))
        engine.dispose()
        subscriber.stop()


class Subscriber:
    """Listens on every loopback address at one port, in a thread of its own."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self._tls = tls
        self.got: list[Got] = []
        self.replies: dict[str, Reply] = {}  # by path; else `echo`
        self.port = 0
        # Each subscriber has its own address, so that none shares a limit by host: Linux answers at all of 127.0.0.0/8.
        self.host = f"127.{random.randint(1, 254)}.{random.randint(1, 254)}.{random.randint(1, 254)}"
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> "Subscriber":
        self._thread.start()
        assert self._started.wait(10)
        return self

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def url(self, path: str, host: str = "") -> str:
        return f"{'https' if self._tls else 'http'}://{host or self.host}:{self.port}{path}"

    def to(self, path: str, method: str = "POST") -> list[Got]:
        """What came to a path, in its order."""
        return [got for got in list(self.got) if got.path == path and got.method == method]

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, "0.0.0.0", 0, backlog=4096, ssl=self._tls)
        )
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        self._loop.run_forever()
        server.close()
        for task in asyncio.all_tasks(self._loop):
            task.cancel()
        self._loop.run_until_complete(asyncio.sleep(0.01 if self._tls else 0))
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                method, target, _ = head[0].split(" ")
                pairs = (line.split(":", 1) for line in head[1:] if line)
                headers = {name.lower(): value.strip() for name, value in pairs}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                got = Got(method, target, headers, body, time.monotonic())
                self.got.append(got)
                reply = self.replies.get(got.path, echo)
                if asyncio.iscoroutinefunction(reply):
                    await reply(got, writer)
                else:
                    writer.write(reply(got))  # type: ignore[arg-type,call-arg]
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            if self._tls:
                writer.transport.abort()  # do not wait until the peer ends TLS
            writer.close()
