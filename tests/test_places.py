"""Clients that send slowly, read slowly, idle or hang up take no thread from others, even without a proxy in front."""

import http.client
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from hashlib import sha256

import pytest

from app.web.places import Places
from tests.conftest import Server, until
from tests.test_lifecycle import document


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(
        tmp_path_factory.mktemp("places"), workers="1", threads="8", proxies="1", address_rate="0/minute"
    ).start()
    yield server
    server.close()


def opened(server: Server, stack: ExitStack, head: str, body: bytes = b"") -> socket.socket:
    connection = stack.enter_context(socket.create_connection(("127.0.0.1", server.port), 30))
    connection.sendall(f"{head}\r\nHost: x\r\n".encode() + body)
    return connection


def status(
    server: Server, path: str, client: str = "198.51.100.9", method: str = "GET", body: str | None = None
) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    headers = {"X-Forwarded-For": client, "Content-Type": "application/x-www-form-urlencoded"}
    try:
        connection.request(method, path, body=body, headers=headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def goes_on(server: Server) -> None:
    """Feeds and health answer others, at once."""
    begun = time.monotonic()
    for _ in range(5):
        assert status(server, "/feed.atom") == 200
        assert status(server, "/healthz") == 200
    assert time.monotonic() - begun < 5


def test_places_are_for_all_and_for_each() -> None:
    places = Places(3, 2)
    assert [places.take(who) for who in "aaabc"] == [True, True, False, True, False]
    places.leave("a")
    assert places.take("c") and not places.take("c")
    for who in "abc":
        places.leave(who)
    assert places._taken.total() == 0
    assert [places.take("") for _ in range(4)] == [True, True, True, False], (
        "nobody in particular is bound by all alone"
    )


@pytest.mark.slow
@pytest.mark.parametrize("path", ["/hub", "/alerts", "/subscriptions"])
def test_slow_bodies(server: Server, path: str) -> None:
    with ExitStack() as stack:
        for number in range(24):
            more = f"X-Forwarded-For: 203.0.{number}.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 900\r\n"
            opened(server, stack, f"POST {path} HTTP/1.1", f"{more}\r\nhub".encode())
        goes_on(server)


@pytest.mark.slow
def test_slow_releases_of_one_token(server: Server) -> None:
    """They take no thread from anybody else, and no place from another office."""
    token, other = server.office("slow", "느린청", "kr:50"), server.office("prompt", "빠른청", "kr:51")
    with ExitStack() as stack:
        more = f"Authorization: Bearer {token}\r\nContent-Type: application/xml\r\nContent-Length: 9000\r\n"
        for _ in range(32):
            opened(server, stack, "POST /releases HTTP/1.1", f"{more}\r\n<re".encode())
        goes_on(server)
        assert server.push(other, document("tag:places,2026:prompt")).status_code == 201
        refused = server.push(token, document("tag:places,2026:slow"))
        assert (refused.status_code, refused.json()["type"]) == (503, "urn:pressrelay:problem:busy")
        assert refused.headers["retry-after"] == "1"

    def pushed() -> bool:
        return server.push(token, document("tag:places,2026:slow")).status_code in (200, 201)

    until(pushed, 20)


@pytest.mark.slow
def test_slow_readers_of_a_large_file(server: Server) -> None:
    token, content = server.office("places", "자리청", "kr:11"), b"%PDF-1.4\n" + b"x" * 30_000_000
    inside = "<enclosure url='cid:large.pdf' type='application/pdf'/>"
    body = document("tag:places,2026:file").replace(b"</body>", f"</body>{inside}".encode())
    parts = {"release": ("release.xml", body, "application/xml"), "file": ("large.pdf", content, "application/pdf")}
    assert server.client.post("/releases", files=parts, headers={"Authorization": f"Bearer {token}"}).status_code == 201
    path = f"/files/{sha256(content).hexdigest()}/large.pdf"
    with ExitStack() as stack:
        for number in range(24):
            opened(server, stack, f"GET {path} HTTP/1.1", f"X-Forwarded-For: 203.0.{number}.1\r\n\r\n".encode())
        goes_on(server)
        until(lambda: status(server, path, "198.51.100.77") == 503, 10)
    until(lambda: status(server, path, "198.51.100.77") == 200, 20)


@pytest.mark.slow
def test_idle_connections(server: Server) -> None:
    with ExitStack() as stack:
        for _ in range(300):
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port), 30))
        goes_on(server)


@pytest.mark.slow
def test_polls_that_hung_up_keep_a_few_places(server: Server) -> None:
    with ExitStack() as stack:
        for _ in range(16):
            asked = b"X-Forwarded-For: 203.0.113.5\r\n\r\n"
            opened(server, stack, "GET /changes?since=now&wait=30 HTTP/1.1", asked)
    goes_on(server)
    begun = time.monotonic()
    assert status(server, "/changes?since=now&wait=2", "198.51.100.5") == 200
    assert time.monotonic() - begun > 1.5, "there is a place for another client to wait in"
