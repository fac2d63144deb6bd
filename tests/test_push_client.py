"""Calls to callbacks, against real servers that answer well and badly, on this machine alone; and targets that lead inside.

The cases of targets are lines of tests/targets/*.txt: adding one needs no code.
"""

import asyncio
import datetime
import ipaddress
import json
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from app.errors import Misconfigured, Refused
from app.outbound import callbacks as module
from app.outbound.callbacks import Answer, Client, Policy, check
from tests.conftest import ROOT

TARGETS = ROOT / "tests" / "targets"
OPEN = Policy(http=True, ports=((1, 65535),), private=("127.0.0.0/8",))
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def lines(name: str) -> list[str]:
    text = (TARGETS / name).read_text("utf-8").splitlines()
    return [line for line in text if line and not line.startswith("#")]


def refused() -> Iterator[tuple[str, str]]:
    words = ""
    for line in lines("refused.txt"):
        if line.startswith("== "):
            words = line[3:]
        else:
            yield json.loads(line), words


def allowed() -> Iterator[tuple[str, str]]:
    for line in lines("allowed.txt"):
        url, end = json.JSONDecoder().raw_decode(line)
        yield url, json.loads(line[end:]) if line[end:] else url


ADDRESSES = [line.split()[0] for line in lines("addresses.txt")]


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.005)


class Peer:
    """A server on every loopback address; a test gives its behaviour on each connection."""

    def __init__(self, conduct: Callable[["Peer", asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]):
        self.conduct = conduct
        self.requests: list[bytes] = []  # heads
        self.bodies: list[bytes] = []
        self.connections = 0
        self.open = 0
        self.port = 0

    async def connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        try:
            await self.conduct(self, reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open -= 1
            writer.transport.abort()

    async def request(self, reader: asyncio.StreamReader) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        self.bodies.append(await reader.readexactly(int(length[0].split(b":")[1])) if length else b"")
        self.requests.append(head)


def answers(*each: bytes) -> Callable[[Peer, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    """Answers to the requests on one connection, which is closed after the last; the last of none is always sent again."""

    async def conduct(peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for answer in each:
            await peer.request(reader)
            writer.write(answer)
            await writer.drain()

    async def always(peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            await peer.request(reader)
            writer.write(OK)

    return conduct if each else always


def endless(first: bytes, again: bytes, pause: float = 0.02) -> Callable[..., Awaitable[None]]:
    async def conduct(peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await peer.request(reader)
        writer.write(first)
        while again:
            await asyncio.sleep(pause)
            writer.write(again)
            await writer.drain()
        await reader.read()

    return conduct


@asynccontextmanager
async def serving(conduct: Callable[..., Awaitable[None]], tls: ssl.SSLContext | None = None) -> AsyncIterator[Peer]:
    peer = Peer(conduct)
    server = await asyncio.start_server(peer.connected, "0.0.0.0", 0, ssl=tls, backlog=1000)
    peer.port = server.sockets[0].getsockname()[1]
    try:
        yield peer
    finally:
        server.close()
        await until(lambda: not peer.open)  # A connection that a client leaves open shows here.
        await asyncio.sleep(0)


@asynccontextmanager
async def calling(policy: Policy = OPEN, *addresses: str) -> AsyncIterator[Client]:
    client = Client(policy, lambda host, port: addresses or ["127.0.0.1"])
    try:
        yield client
    finally:
        await client.close()
        assert not client._timers and not client._idle and not client._lookups


def run(test: Callable[[], Awaitable[None]]) -> None:
    """Run a test, which is one coroutine, with a time limit."""

    async def bounded() -> None:
        async with asyncio.timeout(30):
            await test()

    asyncio.run(bounded())


async def error(sending: Awaitable[Answer]) -> str:
    with pytest.raises(Refused) as raised:
        await sending
    return str(raised.value)


@pytest.fixture
def dialled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Records the addresses of connections, and connects to loopback instead."""
    seen: list[str] = []
    connect = asyncio.BaseEventLoop.create_connection

    async def recorded(loop: Any, protocol: Any, host: str, *rest: Any, **more: Any) -> Any:
        seen.append(host)
        return await connect(loop, protocol, "127.0.0.1", *rest, **more)

    monkeypatch.setattr(asyncio.BaseEventLoop, "create_connection", recorded)
    return seen


# What is judged by the text.


@pytest.mark.parametrize(("url", "words"), [*refused()])
def test_urls_that_are_refused(url: str, words: str) -> None:
    with pytest.raises(Refused) as raised:
        check(url, Policy(own="https://press.example/"))
    assert words in str(raised.value)


@pytest.mark.parametrize(("url", "called"), [*allowed()])
def test_urls_that_may_be_called(url: str, called: str) -> None:
    policy = Policy(own="https://press.example/")
    assert check(url, policy) == called
    assert check(called, policy) == called


@pytest.mark.parametrize("address", ADDRESSES)
def test_addresses_that_are_never_called(address: str, dialled: list[str]) -> None:
    host = f"[{address}]" if ":" in address else address
    with pytest.raises(Refused, match="which is not a public address"):
        check(f"https://{host}/", Policy())

    async def test() -> None:
        for found in ([address], ["1.1.1.1", address], [address, "2606:4700::1111"]):  # S71: mixed answers
            async with calling(Policy(), *found) as client:
                told = await error(client.send("POST", "https://outlet.example/", {}))
                assert told == f"'outlet.example' is at {address}, which is not a public address."

    run(test)
    assert dialled == []


@pytest.mark.parametrize("spelling", ["127.1", "2130706433", "0177.0.0.1", "[::1]", "[::ffff:127.0.0.1]"])
def test_what_check_refuses_is_not_sent(spelling: str, dialled: list[str]) -> None:
    async def test() -> None:
        async with calling(Policy()) as client:
            assert "not a public address" in await error(client.send("GET", f"https://{spelling}/", {}))

    run(test)
    assert dialled == []


def test_long_urls() -> None:
    assert len(check("https://outlet.example/".ljust(2000, "a"), Policy())) == 2000
    with pytest.raises(Refused, match=r"^The URL has 2001 characters; at most 2000 are allowed\.$"):
        check("https://outlet.example/".ljust(2001, "a"), Policy())
    with pytest.raises(Refused, match=r"when encoded; at most 2000"):
        check("https://outlet.example/".ljust(1000, "가"), Policy())


def test_ports_and_plain_http() -> None:
    wide = Policy(http=True, ports=((8000, 8999),))
    for url in ("http://outlet.example/", "http://outlet.example:8000/", "https://outlet.example:8999/"):
        assert check(url, wide) == url
    for url in ("https://outlet.example/", "https://outlet.example:7999/", "http://outlet.example:9000/"):
        with pytest.raises(Refused, match=r"is not allowed; expected one of 8000-8999, 80\.$"):
            check(url, wide)
    with pytest.raises(Refused, match=r"^Port 80 is not allowed"):
        check("https://outlet.example:80/", Policy())


def test_private_targets_only_by_setting(dialled: list[str]) -> None:
    policy = Policy(private=("10.1.0.0/16", "fd00::/8"))
    for address in ("10.1.2.3", "[fd00::1]", "[::ffff:10.1.2.3]"):
        assert check(f"https://{address}/", policy)
    for address in ("10.2.0.1", "127.0.0.1", "[fe80::1]", "[::10.1.2.3]"):
        with pytest.raises(Refused, match="not a public address"):
            check(f"https://{address}/", policy)

    async def test() -> None:
        async with calling(policy, "10.1.0.1", "10.2.0.1") as client:
            assert "is at 10.2.0.1" in await error(client.send("GET", "https://intranet.example/", {}))

    run(test)
    assert dialled == []


@pytest.mark.parametrize(
    ("own", "url"),
    [
        ("https://press.example/feeds/", "https://press.example/websub"),
        ("https://press.example", "http://press.example/"),
        ("http://press.example:8000", "http://press.example:8000/"),
        ("http://[2001:4860::1]:8000", "http://[2001:4860:0::1]:8000/"),
        ("http://8.8.8.8:8000", "http://134744072:8000/"),
        ("https://한글.kr", "https://xn--bj0bj06e.kr/"),
    ],
)
def test_this_server_is_not_called(own: str, url: str) -> None:
    with pytest.raises(Refused, match="is this server itself"):
        check(url, Policy(http=True, ports=((1, 65535),), own=own))


def test_a_policy_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"is not valid: 10\.0\.0\.1/8 has host bits set\.$"):
        Policy(private=("10.0.0.1/8",))
    with pytest.raises(Misconfigured, match=r"The server's own URL is not valid: 'press\.example'"):
        Policy(own="press.example")
    (tmp_path / "ca.pem").write_text("none")
    for name in ("ca.pem", "absent.pem"):
        with pytest.raises(Misconfigured, match="cannot be used"):
            Client(Policy(cafile=str(tmp_path / name)))


# What is called.


def test_what_is_sent_and_what_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):  # S75
        monkeypatch.setenv(name, "http://127.0.0.1:9/")
    answer = b"HTTP/1.1 202 Accepted\r\nSet-Cookie: a=b\r\nX-A: 1\r\nX-A: 2\r\nContent-Length: 9\r\n\r\nchallenge"

    async def test() -> None:
        async with serving(answers(answer, answer, answer)) as peer, calling() as client:
            url = f"http://outlet.example:{peer.port}/cb?hub.mode=x"
            told = await client.send("POST", url, {"X-Hub-Signature": "sha256=0", "host": "inside"}, b"<feed/>")
            assert (told.status, told.body, told.headers["x-a"]) == (202, b"challenge", "1, 2")
            assert 0 < told.seconds < 10
            await client.send("GET", url, {"User-Agent": "Other"})
            await client.send("POST", url, {})
            posted, got, empty = peer.requests
            assert posted.startswith(f"POST /cb?hub.mode=x HTTP/1.1\r\nHost: outlet.example:{peer.port}\r\n".encode())
            assert b"\r\nUser-Agent: Pressrelay\r\n" in posted and b"\r\nX-Hub-Signature: sha256=0\r\n" in posted
            assert posted.lower().count(b"host:") == 1 and peer.bodies == [b"<feed/>", b"", b""]
            assert b"cookie" not in got.lower() and b"content-length" not in got.lower()
            assert b"User-Agent: Other" in got and b"Content-Length: 0" in empty
            assert peer.connections == 1

    run(test)


@pytest.mark.parametrize("headers", [{"X": "a\r\nB: c"}, {"X\r\nB": "c"}, {"X": "한"}, {"한": "x"}, {"X": "a\0"}])
def test_a_header_that_is_none_is_not_sent(headers: dict[str, str], dialled: list[str]) -> None:
    async def test() -> None:
        async with calling() as client:
            assert "The call failed: " in await error(client.send("POST", "http://outlet.example/", headers))

    run(test)
    assert dialled == []


def test_a_redirect_is_an_answer() -> None:
    """S72: nothing is sent to its target."""
    leads = b"HTTP/1.1 307 Go\r\nLocation: http://169.254.169.254/latest/\r\nContent-Length: 0\r\n\r\n"

    async def test() -> None:
        async with serving(answers(leads)) as peer, calling() as client:
            told = await client.send("POST", f"http://outlet.example:{peer.port}/", {}, b"x")
            assert (told.status, told.headers["location"]) == (307, "http://169.254.169.254/latest/")
            assert peer.connections == 1

    run(test)


def test_the_connection_goes_to_the_address_that_was_judged(dialled: list[str]) -> None:
    async def test() -> None:
        asked: list[tuple[str, int]] = []

        def resolver(host: str, port: int) -> list[str]:
            asked.append((host, port))
            return ["1.1.1.1", "1.1.1.1"]

        client = Client(Policy(http=True, ports=((1, 65535),)), resolver)
        async with serving(answers()) as peer:
            assert (await client.send("GET", f"http://Outlet.example.:{peer.port}/", {})).status == 200
            assert asked == [("outlet.example", peer.port)]
            assert f"Host: outlet.example:{peer.port}\r\n".encode() in peer.requests[0]
            await client.close()

    run(test)
    assert dialled == ["1.1.1.1"]


def test_a_name_is_judged_at_each_new_connection(dialled: list[str]) -> None:
    """S70, S78: it is public during the subscription and while its connection lasts, and afterwards not."""

    async def test() -> None:
        turns = iter([["1.1.1.1"], ["169.254.169.254"]])
        client = Client(Policy(http=True, ports=((1, 65535),)), lambda host, port: next(turns))
        async with serving(answers(OK, OK)) as peer:
            url = f"http://rebinding.example:{peer.port}/"
            for _ in range(2):
                assert (await client.send("POST", url, {}, b"x")).status == 200
            await until(lambda: not peer.open)
            assert "is at 169.254.169.254, which is not" in await error(client.send("POST", url, {}, b"x"))
            assert peer.connections == 1
        await client.close()

    run(test)
    assert dialled == ["1.1.1.1"]


def test_the_next_address_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = Policy(http=True, ports=((1, 65535),), private=("127.0.0.0/8", "::1/128"))

    async def test() -> None:
        async with serving(answers()) as peer:  # at IPv4 alone
            url = f"http://both.example:{peer.port}/"
            async with calling(policy, "::1", "127.0.0.1") as client:
                assert (await client.send("GET", url, {})).status == 200
            async with calling(policy, "::1") as client:
                assert "The call failed: " in await error(client.send("GET", url, {}))
            tried: list[str] = []

            async def nowhere(_loop: Any, _protocol: Any, host: str, *_: Any, **__: Any) -> Any:
                tried.append(host)
                raise ConnectionRefusedError("none")

            with monkeypatch.context() as patch:
                patch.setattr(asyncio.BaseEventLoop, "create_connection", nowhere)
                async with calling(policy, *(f"127.0.0.{n}" for n in range(1, 100))) as client:
                    assert await error(client.send("GET", url, {})) == "The call failed: none."
            assert tried == [f"127.0.0.{n}" for n in range(1, 5)]

    run(test)


def test_a_name_without_an_address() -> None:
    def broken(host: str, port: int) -> list[str]:
        raise OSError("no such name")

    async def test() -> None:
        for resolver, told in (
            (lambda *_: [], "'outlet.example' has no address."),
            (broken, "The call failed: no such name."),
            (lambda *_: ["here"], "The call failed: 'here' does not appear to be an IPv4 or IPv6 address."),
        ):
            client = Client(OPEN, resolver)
            assert await error(client.send("GET", "http://outlet.example/", {})) == told
            await client.close()

    run(test)


def test_a_slow_name_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CONNECT", 0.3)
    stop, slow = threading.Event(), []

    def resolver(host: str, port: int) -> list[str]:
        if host == "slow.example":
            slow.append(host)
            stop.wait(20)
        return ["127.0.0.1"]

    async def test() -> None:
        client = Client(OPEN, resolver)
        async with serving(answers()) as peer:
            waiting = [client.send("GET", f"http://slow.example:{peer.port}/{n}", {}) for n in range(50)]
            quick = [client.send("GET", f"http://quick{n}.example:{peer.port}/", {}) for n in range(20)]
            told = await asyncio.gather(*waiting, *quick, return_exceptions=True)
            assert {str(one) for one in told[:50]} == {"No connection was made within 0.3 seconds."}
            assert {one.status for one in told[50:] if isinstance(one, Answer)} == {200} and slow == ["slow.example"]
            stop.set()
            await until(lambda: not client._lookups)
            assert (await client.send("GET", f"http://slow.example:{peer.port}/", {})).status == 200
            await client.close()
            assert await error(client.send("GET", f"http://slow.example:{peer.port}/", {})) == "The client is closed."

    try:
        run(test)
    finally:
        stop.set()


# Hostile and broken peers.


@pytest.mark.parametrize(
    ("first", "again", "body"),
    [
        pytest.param(b"", b"", None, id="silence"),
        pytest.param(b"HTTP/1.1 200 ", b"O", None, id="status line"),
        pytest.param(b"HTTP/1.1 200 OK\r\n", b"X: a\r\n", None, id="headers"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n", b"a", b"aaa", id="body"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\nb", b"", b"b", id="half a body"),
        pytest.param(CHUNKED, b"1\r\na\r\n", b"aaa", id="chunks"),
        pytest.param(CHUNKED + b"1;", b"a", b"", id="chunk extension"),
        pytest.param(CHUNKED + b"1\r\na\r\n0\r\n", b"X: a\r\n", b"a", id="trailers"),
    ],
)
def test_no_drip_outlives_the_deadline(
    monkeypatch: pytest.MonkeyPatch, first: bytes, again: bytes, body: bytes | None
) -> None:
    """S73. The head of an answer decides; without one, there is none."""
    monkeypatch.setattr(module, "TOTAL", 0.3)

    async def test() -> None:
        async with serving(endless(first, again)) as peer, calling() as client, asyncio.timeout(5):
            sending = client.send("POST", f"http://outlet.example:{peer.port}/", {}, b"x")
            if body is None:
                assert await error(sending) == "No answer came within 0.3 seconds."
            else:
                told = await sending
                assert told.status == 200 and told.body.startswith(body) and told.seconds < 5
            await until(lambda: not peer.open)

    run(test)


@pytest.mark.parametrize(
    ("first", "again", "least", "most"),
    [
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n", b"a" * 100_000, 65_536, 65_536, id="body"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n", b"a" * 100_000, 65_536, 65_536, id="10 GB"
        ),
        pytest.param(CHUNKED, b"10000\r\n" + b"a" * 65_536 + b"\r\n", 65_536, 65_536, id="chunks"),
        pytest.param(CHUNKED, b"1\r\na\r\n" * 10_000, 1024, 1024, id="tiny chunks"),
        pytest.param(CHUNKED + b"0\r\n", b"X: a\r\n" * 10_000, 0, 0, id="trailers"),
        pytest.param(b"HTTP/1.1 200 OK\r\n", b"X: a\r\n" * 10_000, None, None, id="headers"),
        pytest.param(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n" * 1000, None, None, id="1xx"),
        pytest.param(b"", b"a" * 100_000, None, None, id="no HTTP"),
    ],
)
def test_no_flood_is_read(first: bytes, again: bytes, least: int | None, most: int | None) -> None:
    """S74. The peer can send no more than the buffers of both sockets hold."""

    async def test() -> None:
        sent = 0

        async def flood(peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal sent
            await peer.request(reader)
            writer.write(first)
            while True:
                writer.write(again)
                sent += len(again)
                await writer.drain()

        async with serving(flood) as peer, calling() as client, asyncio.timeout(8):
            sending = client.send("POST", f"http://outlet.example:{peer.port}/", {}, b"x")
            if least is None or most is None:
                assert "The call failed: " in await error(sending)
            else:
                told = await sending
                assert told.status == 200 and least <= len(told.body) <= most
            await until(lambda: not peer.open)
            assert sent < 30_000_000

    run(test)


def test_a_peer_that_does_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TOTAL", 0.3)

    told = asyncio.Event()

    async def deaf(peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await told.wait()
        while await reader.read(1_000_000):
            pass

    async def test() -> None:
        async with serving(deaf) as peer, calling() as client:
            url = f"http://outlet.example:{peer.port}/"
            assert await error(client.send("POST", url, {}, b"a" * 50_000_000)) == "No answer came within 0.3 seconds."
            told.set()

    run(test)


def test_an_answer_before_the_request_is_read() -> None:
    async def early(peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        while await reader.read(1_000_000):
            pass

    async def test() -> None:
        async with serving(early) as peer, calling() as client:
            for _ in range(2):
                told = await client.send("POST", f"http://outlet.example:{peer.port}/", {}, b"a" * 50_000_000)
                assert told.status == 413
            assert peer.connections == 2, "half a request is on the first"

    run(test)


def test_a_large_body_arrives_whole() -> None:
    async def test() -> None:
        async with serving(answers()) as peer, calling() as client:
            body = bytes(range(256)) * 8000
            assert (await client.send("POST", f"http://outlet.example:{peer.port}/", {}, body)).status == 200
            assert peer.bodies == [body]

    run(test)


@pytest.mark.parametrize("tls", [False, True])
def test_a_peer_that_says_nothing_before_tls_or_speaks_first(monkeypatch: pytest.MonkeyPatch, tls: bool) -> None:
    monkeypatch.setattr(module, "CONNECT", 0.3)
    monkeypatch.setattr(module, "TOTAL", 0.4)

    async def first(peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not tls:
            writer.write(b"220 mail.example ESMTP\r\n")
        while await reader.read(1000):
            pass

    async def test() -> None:
        async with serving(first) as peer, calling() as client:
            url = f"http{'s' if tls else ''}://outlet.example:{peer.port}/"
            told = await error(client.send("POST", url, {}, b"x"))
            assert told.startswith(
                "No connection was made within 0.3 seconds." if tls else ("The call failed: ", "No answer came within")
            ), told

    run(test)


def test_nobody_is_there() -> None:
    async def test() -> None:
        async with serving(answers()) as peer:
            port = peer.port
        async with calling() as client:
            assert "The call failed: " in await error(client.send("POST", f"http://outlet.example:{port}/", {}))

    run(test)


# TLS.


class Authority:
    """Issues certificates; only clients that load `file` trust them."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Test authority")])
        rights = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        made = self.begun(self.name, self.key.public_key())
        made = made.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        made = made.add_extension(rights, critical=True)
        self.file = str(directory / "ca.pem")
        Path(self.file).write_bytes(made.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def begun(self, name: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
        serial = x509.random_serial_number()
        return x509.CertificateBuilder(self.name, name, key, serial, now - day, now + day)

    def context(self, host: str) -> ssl.SSLContext:
        """A server's side of TLS, with a certificate for a host."""
        key = ec.generate_private_key(ec.SECP256R1())
        is_address = host.replace(".", "").isdigit()
        names = [x509.IPAddress(ipaddress.ip_address(host)) if is_address else x509.DNSName(host)]
        made = self.begun(x509.Name([]), key.public_key())
        made = made.add_extension(x509.SubjectAlternativeName(names), critical=True)
        pem = made.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        path = self.directory / f"{host}.pem"
        path.write_bytes(pem + key.private_bytes(*form))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("tls"))


def test_tls_asks_for_the_name_at_the_judged_address(authority: Authority, dialled: list[str]) -> None:
    asked: list[str | None] = []
    context = authority.context("outlet.example")
    context.sni_callback = lambda _object, name, _context: asked.append(name)
    trusting = Policy(ports=((1, 65535),), cafile=authority.file)

    async def test() -> None:
        async with serving(answers(), context) as peer, calling(trusting, "1.1.1.1") as client:
            for _ in range(3):
                told = await client.send("POST", f"https://outlet.example.:{peer.port}/", {}, b"x" * 100_000)
                assert (told.status, told.body) == (200, b"ok")
            assert client._tls.minimum_version == ssl.TLSVersion.TLSv1_2
            assert peer.connections == 1 and b"Host: outlet.example:" in peer.requests[0]
            wrong = await error(client.send("POST", f"https://other.example:{peer.port}/", {}))
            assert "certificate is not valid for 'other.example'" in wrong
            async with calling(Policy(ports=((1, 65535),)), "1.1.1.1") as stranger:
                unknown = await error(stranger.send("POST", f"https://outlet.example:{peer.port}/", {}))
                assert "unable to get local issuer certificate" in unknown
            assert not peer.requests[3:]

    run(test)
    assert set(dialled) == {"1.1.1.1"} and asked == ["outlet.example", "other.example", "outlet.example"]


def test_tls_for_an_address(authority: Authority) -> None:
    policy = Policy(ports=((1, 65535),), private=("127.0.0.0/8",), cafile=authority.file)

    async def test() -> None:
        async with serving(answers(), authority.context("127.0.0.1")) as peer, calling(policy) as client:
            assert (await client.send("GET", f"https://127.0.0.1:{peer.port}/", {})).status == 200
            assert "IP address mismatch" in await error(client.send("GET", f"https://127.0.0.2:{peer.port}/", {}))

    run(test)


def test_no_tls_drip_outlives_the_deadline(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TOTAL", 0.5)

    async def test() -> None:
        policy = Policy(ports=((1, 65535),), private=("127.0.0.0/8",), cafile=authority.file)
        context = authority.context("outlet.example")
        async with serving(endless(b"HTTP/1.1 200 ", b"O"), context) as peer, calling(policy) as client:
            url = f"https://outlet.example:{peer.port}/"
            assert await error(client.send("GET", url, {})) == "No answer came within 0.5 seconds."

    run(test)


# Connections that are kept.


def test_a_call_is_repeated_once_when_the_kept_connection_was_closed() -> None:
    """The peer closes the connection without an answer when the second request comes, which the client could not know."""

    async def leaves(peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await peer.request(reader)
        writer.write(OK)
        await peer.request(reader)

    async def test() -> None:
        async with serving(leaves) as peer, calling() as client:
            url = f"http://outlet.example:{peer.port}/"
            for _ in range(3):
                assert (await client.send("POST", url, {}, b"x")).status == 200
            assert peer.connections == 3 and len(peer.requests) == 5
        async with serving(answers(b"")) as peer, calling() as client:
            told = await error(client.send("POST", f"http://outlet.example:{peer.port}/", {}, b"x"))
            assert told == "The call failed: it closed the connection without an answer." and peer.connections == 1

    run(test)


def test_a_call_is_not_repeated_once_an_answer_began() -> None:
    async def test() -> None:
        async with serving(answers(OK, b"HTTP/1.1 2")) as peer, calling() as client:
            url = f"http://outlet.example:{peer.port}/"
            assert (await client.send("POST", url, {}, b"x")).status == 200
            assert "The call failed: " in await error(client.send("POST", url, {}, b"x"))
            assert peer.connections == 1 and len(peer.requests) == 2

    run(test)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", id="close"),
        pytest.param(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", id="1.0"),
        pytest.param(OK + OK, id="an answer to no question"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 65537\r\n\r\n" + b"a" * 65537, id="too long"),
    ],
)
def test_connections_that_are_not_used_again(answer: bytes) -> None:
    async def test() -> None:
        async with serving(answers(answer, answer)) as peer, calling() as client:
            for _ in range(2):
                assert (await client.send("GET", f"http://outlet.example:{peer.port}/", {})).status == 200
            assert peer.connections == 2

    run(test)


def test_what_comes_unasked_answers_nothing() -> None:
    async def speaks(peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await peer.request(reader)
        writer.write(OK)
        await unasked.wait()
        writer.write(b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n")
        await reader.read()

    unasked = asyncio.Event()

    async def test() -> None:
        async with serving(speaks) as peer, calling() as client:
            url = f"http://outlet.example:{peer.port}/"
            assert (await client.send("GET", url, {})).status == 200
            unasked.set()
            await until(lambda: not peer.open)
            assert (await client.send("GET", url, {})).status == 200
            assert peer.connections == 2

    run(test)


def test_few_connections_are_kept_and_not_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "IDLE_ALL", 6)

    async def test() -> None:
        async with serving(answers()) as peer, calling() as client:
            calls = [client.send("GET", f"http://outlet.example:{peer.port}/", {}) for _ in range(20)]
            await asyncio.gather(*calls)
            await until(lambda: peer.open == module.IDLE_EACH)
            await asyncio.gather(*(client.send("GET", f"http://127.0.2.{n}:{peer.port}/", {}) for n in range(1, 9)))
            await until(lambda: peer.open == 6)
            assert len(client._timers) == 6
        monkeypatch.setattr(module, "IDLE_SECONDS", 0.05)
        async with serving(answers()) as peer, calling() as client:
            await client.send("GET", f"http://outlet.example:{peer.port}/", {})
            await until(lambda: peer.connections and not peer.open)
            assert not client._timers and not client._idle

    run(test)


def test_three_hundred_hosts_at_once() -> None:
    async def test() -> None:
        async with serving(answers()) as peer, calling() as client:
            for _ in range(2):
                hosts = [f"127.0.{n // 100 + 1}.{n % 100 + 1}" for n in range(300)]
                calls = [client.send("POST", f"http://{host}:{peer.port}/", {}, host.encode()) for host in hosts]
                assert {answer.status for answer in await asyncio.gather(*calls)} == {200}
            assert sorted(peer.bodies) == sorted(host.encode() for host in hosts * 2)
            assert peer.connections == 300

    run(test)


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_call_that_is_cancelled_leaves_no_connection(scheme: str) -> None:
    """With https the peer is silent during the handshake, with http after the request; and once more before any address is known."""
    stop = threading.Event()

    async def silent(peer: Peer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.read(1000):
            pass

    def slow(host: str, port: int) -> list[str]:
        stop.wait(20)
        return ["127.0.0.1"]

    async def cancelled(sending: asyncio.Task[Answer]) -> None:
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending

    async def test() -> None:
        async with serving(silent) as peer, calling() as client:
            url = f"{scheme}://outlet.example:{peer.port}/"
            sending = asyncio.create_task(client.send("POST", url, {}, b"x"))
            await until(lambda: peer.open)
            await cancelled(sending)
            await until(lambda: not peer.open)
            client._resolve = slow
            sending = asyncio.create_task(client.send("POST", url, {}, b"x"))
            await until(lambda: client._lookups)
            await cancelled(sending)
            stop.set()
            await until(lambda: not client._lookups)
            assert peer.connections == 1

    try:
        run(test)
    finally:
        stop.set()
