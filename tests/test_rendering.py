"""What it costs to make a feed: round trips to a real Valkey, counted on the way. Also that nothing old is stored."""

import gzip
import select
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import brotli
import pytest
from flask import Flask

from app import create_app
from app.cache.redis import Cache, Pair, RenderingTurn
from app.settings import Settings
from feeds import atom
from feeds.article import Feed
from tests.conftest import Server
from tests.test_lifecycle import document

PATH = "/feed.atom?office=trips"
GUID = "tag:trips,2026:"
QUIET = 0.03  # seconds after which a client counts as waiting


class Counter:
    """Stands between a client and the server's cache, and counts how often the client waits for an answer."""

    def __init__(self, path: str) -> None:
        self.trips = 0
        self._path = path
        self._sockets = [socket.create_server(("127.0.0.1", 0))]
        self.port = self._sockets[0].getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._sockets[0].accept()
            except OSError:
                return
            server = socket.socket(socket.AF_UNIX)
            server.connect(self._path)
            self._sockets += [client, server]
            threading.Thread(target=self._ask, args=(client, server), daemon=True).start()
            threading.Thread(target=self._answer, args=(server, client), daemon=True).start()

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(1 << 20):
                # A pipeline is sent in pieces: it continues when the client has sent everything and waits.
                while select.select([client], [], [], QUIET)[0] and (more := client.recv(1 << 20)):
                    data += more
                self.trips += 1
                server.sendall(data)

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(1 << 20):
                client.sendall(data)

    def close(self) -> None:
        for each in self._sockets:
            each.close()


@pytest.fixture
def counter(server: Server) -> Iterator[Counter]:
    counter = Counter(f"{server.directory}/valkey.sock")
    yield counter
    counter.close()


@pytest.fixture
def app(server: Server, counter: Counter, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """One more web worker of the server, in this process and behind the counter."""
    monkeypatch.setattr("app.cache.servers.TIMEOUT", 10)
    redis_url = f"redis://127.0.0.1:{counter.port}"
    app = create_app(
        Settings(data_dir=str(server.directory), port=server.port, redis_url=redis_url, address_rate="0/minute")
    )
    yield app
    app.extensions["pressrelay"].engine.dispose()
    app.extensions["pressrelay"].cache.close()


@pytest.fixture(scope="module")
def token(server: Server) -> str:
    return server.office("trips", "왕복청", "kr:51")


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The feeds that were rendered here."""
    made: list[str] = []
    assemble = atom.assemble

    def counted(feed: Feed) -> bytes:
        made.append(feed.self)
        return assemble(feed)

    monkeypatch.setattr(atom, "assemble", counted)
    return made


def read(app: Flask, encoding: str) -> bytes:
    answer = app.test_client().get(PATH, headers={"Accept-Encoding": encoding})
    assert answer.status_code == 200
    assert answer.headers.get("Content-Encoding", "identity") == encoding
    return {"gzip": gzip.decompress, "br": brotli.decompress}.get(encoding, bytes)(answer.data)


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_a_cold_feed_takes_three_round_trips_and_a_warm_one_takes_one(
    server: Server, token: str, app: Flask, counter: Counter, rendered: list[str], encoding: str
) -> None:
    for name in ("a", "b"):
        assert server.push(token, document(f"{GUID}{encoding}-{name}")).status_code == 201
    read(app, encoding)  # the connection is there, and the cache is trusted
    # The revisions are no longer current, and the cache does not have the new article.
    assert server.push(token, document(f"{GUID}{encoding}-new")).status_code == 201
    rendered.clear()
    before = counter.trips
    cold = read(app, encoding)
    assert f"{encoding}-new".encode() in cold and len(rendered) == 1
    assert counter.trips - before <= 3
    before = counter.trips
    assert read(app, encoding) == cold and counter.trips - before == 1
    before = counter.trips
    assert read(app, "br") == cold and counter.trips - before <= 3, "another encoding of the same bytes"
    assert len(rendered) == (1 if encoding == "identity" else 2), "joined anew, if the plain bytes are not in the cache"


def test_what_changes_between_look_and_turn_is_in_what_is_kept(
    server: Server, token: str, app: Flask, rendered: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert server.push(token, document(f"{GUID}before")).status_code == 201
    turn, late = Cache.turn, [f"{GUID}late"]

    def slowly(cache: Cache, key: str, keys: list[str], pairs: list[Pair], *others: Any) -> RenderingTurn:
        if late:
            assert server.push(token, document(late.pop())).status_code == 201
        return turn(cache, key, keys, pairs, *others)

    monkeypatch.setattr(Cache, "turn", slowly)
    first = read(app, "gzip")
    assert f"{GUID}late".encode() in first
    assert read(app, "gzip") == first and len(rendered) == 1
    assert read(app, "identity") == first


def test_what_changes_after_the_turn_is_not_kept_as_fresh(
    server: Server, token: str, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert server.push(token, document(f"{GUID}early")).status_code == 201
    assemble, late = atom.assemble, [f"{GUID}later"]

    def slowly(feed: Feed) -> bytes:
        body = assemble(feed)
        if late:
            assert server.push(token, document(late.pop())).status_code == 201
        return body

    monkeypatch.setattr(atom, "assemble", slowly)
    assert f"{GUID}later".encode() not in read(app, "gzip"), "it came after this was asked for"
    for encoding in ("gzip", "identity", "br"):
        assert f"{GUID}later".encode() in read(app, encoding)


def test_a_document_that_fails_ends_its_turn(
    server: Server, token: str, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert server.push(token, document(f"{GUID}fails")).status_code == 201
    monkeypatch.setattr("app.cache.redis.TURN", 60_000)
    monkeypatch.setattr("app.web.rendering.AWAITED", 60)

    def fail(feed: Feed) -> bytes:
        raise ValueError

    with monkeypatch.context() as broken:
        broken.setattr(atom, "assemble", fail)
        assert app.test_client().get(PATH).status_code == 500
    assert f"{GUID}fails".encode() in read(app, "gzip"), "at once"
