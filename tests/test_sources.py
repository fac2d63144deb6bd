"""Sources that are pulled, from a real HTTP server that answers well and badly; and addresses that lead inside."""

import contextlib
import datetime
import gzip
import ipaddress
import json
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import certifi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from msgspec.structs import replace

from app import store
from app.accounts.offices import OfficeRecord, Sender
from app.cache.redis import Cache
from app.context import Context
from app.errors import Refused
from app.files import blobs
from app.intake import releases, sources
from app.outbound import addresses
from app.outbound.addresses import fetch, is_public
from app.query.cursors import Cursors
from app.settings import Settings
from app.store import Engine
from feeds import Article
from tests.conftest import ROOT, Server, until

GOOD = (ROOT / "tests" / "releases" / "minimal.xml").read_text("utf-8")
DAY = 86_400


def release(guid: str, version: int = 1, headline: str = "") -> bytes:
    start, end = GOOD.index("<guid>"), GOOD.index("</guid>")
    text = GOOD[: start + 6] + guid + GOOD[end:]
    text = text.replace('version="1"', f'version="{version}"', 1) if 'version="1"' in text else text
    if headline:
        start, end = text.index("<headline>"), text.index("</headline>")
        text = text[: start + 10] + headline + text[end:]
    assert f'version="{version}"' in text
    return text.encode()


class Peer:
    """A server whose answers a test gives."""

    def __init__(self) -> None:
        self.answer: Callable[[BaseHTTPRequestHandler], None] = lambda request: send(request, b"")
        self.asked: list[dict[str, str]] = []
        self.stop = threading.Event()
        peer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                peer.asked.append({name.lower(): value for name, value in self.headers.items()})
                try:
                    peer.answer(self)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/feed.xml"

    def close(self) -> None:
        self.stop.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


def send(request: BaseHTTPRequestHandler, body: bytes, status: int = 200, **headers: str) -> None:
    request.send_response(status)
    for name, value in {"Content-Type": "application/xml", **headers}.items():
        request.send_header(name.replace("_", "-"), value)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


def answers(body: bytes, status: int = 200, **headers: str) -> Callable[[BaseHTTPRequestHandler], None]:
    return lambda request: send(request, body, status, **headers)


@pytest.fixture
def peer() -> Iterator[Peer]:
    peer = Peer()
    yield peer
    peer.close()


@pytest.fixture
def context(engine: Engine, tmp_path: Path) -> Context:
    store.accounts.save_office(engine, OfficeRecord("jeonbuk", "전북특별자치도", "", ("kr:52",)))
    # No cache runs there: the effect of a pull on the database does not depend on it.
    settings = Settings(data_dir=str(tmp_path))
    return Context(
        settings, engine, Cache("unix:///nowhere/valkey.sock", "test"), blobs.connect(settings), Cursors(b"")
    )


def source(peer: Peer, **fields: Any) -> store.accounts.Source:
    made = store.accounts.Source(
        "agency", "press-release", peer.url, "jeonbuk", every=300, silent_after=7 * DAY, private=True
    )
    return replace(made, **fields)


def test_what_is_new_comes_in_and_what_is_known_is_silent(context: Context, peer: Peer) -> None:
    peer.answer = answers(release("tag:a"), ETag='"one"', Last_Modified="Tue, 09 Mar 2021 20:15:00 GMT")
    first = sources.pull(context, source(peer), now=1000)
    assert [receipt.status for receipt in first.receipts] == [201]
    after = first.source
    assert (after.etag, after.items, after.alarm, after.error) == ('"one"', 1, "", "")
    assert (after.last_ok, after.last_new, after.next_due) == (10**9, 10**9, 1300 * 10**6)
    peer.answer = answers(b"", 304)
    second = sources.pull(context, after, now=1300)
    assert peer.asked[-1]["if-none-match"] == '"one"' and "if-modified-since" in peer.asked[-1]
    assert second.unchanged and second.source.items == 1 and second.source.etag == '"one"'
    peer.answer = answers(release("tag:a", 2, "Corrected"))
    third = sources.pull(context, second.source, now=1600)
    assert [(receipt.status, receipt.version) for receipt in third.receipts] == [(201, 2)]
    assert third.source.etag == "", "a validator that is no longer sent is not sent back"
    for useless in ('"\xe9"', '"' + "a" * 5000 + '"'):
        peer.answer = answers(release("tag:a"), ETag=useless)
        assert (sources.pull(context, source(peer)).source.etag, peer.asked[-1].get("if-none-match")) == ("", None)


def test_what_has_no_date_keeps_the_moment_when_it_was_first_seen(context: Context, peer: Peer) -> None:
    item = "<item><title>{}</title><link>/1</link><description>Text</description></item>"
    feed = f"<rss version='2.0'><channel><title>t</title><language>en</language>{item}</channel></rss>"
    peer.answer = answers(feed.format("One").encode())
    pulls = source(peer, dialect="rss")
    (first,) = sources.pull(context, pulls).receipts
    assert (first.status, first.version, first.guid) == (201, 1, peer.url.replace("feed.xml", "1"))
    (again,) = sources.pull(context, pulls).receipts
    assert (again.status, again.version) == (200, 1)
    issued = stored(context, first.id).issued
    peer.answer = answers(feed.format("Two").encode())
    (other,) = sources.pull(context, pulls).receipts
    assert (other.status, other.version, stored(context, first.id).issued) == (201, 2, issued)
    sender = Sender(OfficeRecord("jeonbuk", "전북특별자치도", "", ("kr:52",)), (), "test")
    releases.withdraw(context, stored(context, first.id), sender)
    (late,) = sources.pull(context, pulls).receipts
    assert late.status == 409, "a feed without dates does not bring back what was withdrawn"


def test_a_json_feed_is_pulled(context: Context, peer: Peer) -> None:
    body = (
        b'{"version":"https://jsonfeed.org/version/1.1","title":"t","items":[{"id":"urn:x:1","title":"a","url":"/b"}]}'
    )
    peer.answer = answers(body, Content_Type="application/feed+json")
    (receipt,) = sources.pull(context, source(peer, dialect="jsonfeed")).receipts
    assert (receipt.status, receipt.guid) == (201, "urn:x:1")
    assert store.articles.original(context.engine, receipt.id) == (body, "application/json")
    assert "expected rss" in sources.pull(context, source(peer, dialect="rss")).source.error


def stored(context: Context, id: str) -> Article:
    found = store.articles.by_id(context.engine, id)
    assert found is not None
    return found.article


def test_the_charset_of_the_answer_counts(context: Context, peer: Peer) -> None:
    body = (
        release("tag:cp949", headline="똠방각하").decode().replace('encoding="UTF-8"', 'encoding="x"').encode("cp949")
    )
    peer.answer = answers(body, Content_Type="text/xml; charset=EUC-KR")
    pulled = sources.pull(context, source(peer))
    assert pulled.receipts and pulled.receipts[0].accepted, pulled.source.error


EMPTY = b"<rss version='2.0'><channel><title>t</title></channel></rss>"


@pytest.mark.parametrize(
    ("answer", "fields", "error"),
    [
        (answers(b"<!DOCTYPE html><html><body>Login</body></html>"), {}, "sent an HTML page"),
        (answers(b"\n<!-- x --><HTML>", Content_Type="text/html"), {}, "sent an HTML page"),
        (answers(b"gone", 410), {}, "The source answered with the status 410."),
        (answers(b"<a"), {}, "Not well-formed XML"),
        (answers(b"<unknown/>"), {}, "The root element is <unknown>"),
        (answers(EMPTY), {}, "The source sent the dialect rss; expected press-release."),
        (answers(EMPTY), {"dialect": "rss"}, "no <item>"),
        (answers(b"x", Content_Encoding="br"), {}, "has the content encoding 'br'"),
        (answers(b"x", Content_Encoding="gzip"), {}, "is labelled gzip, but is not"),
        (answers(gzip.compress(b" " * 20_000_000), Content_Encoding="gzip"), {}, "has more than 3145728 bytes"),
        (answers(b"", 302, Location="/again"), {}, "There were more than 5 redirects."),
        (answers(b"", 302, Location="file:///etc/passwd"), {}, "is not an http or https URL"),
        (answers(b"", 302, Location="http://user:pass@127.0.0.1/"), {}, "credentials"),
        (answers(b"", 302, Location="http://[x"), {}, "'http://[x' is not a URL."),
        (answers(b"", 302, Location="http://xn--/"), {}, "The request failed: Malformed A-label"),
        (answers(b"", X="a" * 200_000), {}, "The request failed: Receive buffer too long"),
        (answers(b"", **{f"X{n}": "a" for n in range(40_000)}), {}, "The request failed: Receive buffer too long"),
        (answers(release("tag:a")), {"office": "nobody"}, "The office 'nobody' does not exist any more."),
    ],
)
def test_failures_are_told(
    context: Context, peer: Peer, answer: Callable[..., None], fields: dict[str, Any], error: str
) -> None:
    peer.answer = answer
    pulled = sources.pull(context, source(peer, **fields), now=1000)
    assert error in pulled.source.error, pulled.source.error
    assert pulled.source.failures == 1 and not pulled.receipts


def test_an_answer_that_never_ends_is_cut(context: Context, peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    def drip(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        while not peer.stop.wait(0.02):
            request.wfile.write(b" ")

    def flood(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        while not peer.stop.is_set():
            request.wfile.write(b" " * 1_000_000)

    monkeypatch.setattr(sources, "SECONDS", 0.3)
    peer.answer = drip
    assert "was not complete within 0.3 seconds" in sources.pull(context, source(peer)).source.error
    monkeypatch.setattr(sources, "SECONDS", 30.0)
    peer.answer = flood
    assert f"has more than {context.settings.max_body} bytes" in sources.pull(context, source(peer)).source.error
    monkeypatch.setattr(addresses, "READ", 0.2)
    peer.answer = lambda request: peer.stop.wait(5) and None
    assert sources.pull(context, source(peer)).source.error == "No answer came within 0.2 seconds."
    peer.stop.set()


@contextlib.contextmanager
def dripping(
    first: bytes, again: bytes, pause: float = 0.02, tls: ssl.SSLContext | None = None, asked: int = 65_536
) -> Iterator[int]:
    """The port of a peer that answers with `first`, then `again` and again; after 500 times it gives up on a test that fails."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def talk() -> None:
            with contextlib.suppress(OSError):
                connection, _ = server.accept()
                connection.settimeout(10)
                with tls.wrap_socket(connection, server_side=True) if tls else connection as peer:
                    peer.recv(asked)
                    peer.sendall(first)
                    for _ in range(500):
                        if stop.wait(pause):
                            return
                        peer.sendall(again) if again else peer.recv(asked)

        thread = threading.Thread(target=talk)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            stop.set()
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            thread.join(10)
            assert not thread.is_alive()


LATE = r"^The answer was not complete within 0\.5 seconds\.$"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("first", "again"),
    [
        pytest.param(b"HTTP/1.1 200 ", b"O", id="status line"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: ", b"a", id="header"),
        pytest.param(b"HTTP/1.1 200 OK\r\n", b"X: a\r\n", id="headers"),
        pytest.param(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", id="1xx"),
        pytest.param(CHUNKED + b"1;", b"a", id="chunk extension"),
        pytest.param(CHUNKED, b"1\r\na\r\n", id="chunks"),
        pytest.param(CHUNKED + b"0\r\n", b"X: a\r\n", id="trailers"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n", b"a", id="body"),
        pytest.param(b"HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 9999\r\n\r\n", b"a", id="redirect"),
    ],
)
def test_no_drip_outlives_the_deadline(first: bytes, again: bytes) -> None:
    begun = time.monotonic()
    with dripping(first, again) as port, pytest.raises(Refused, match=LATE):
        fetch(f"http://127.0.0.1:{port}/", {}, most=100_000, seconds=0.5, private=True)
    assert time.monotonic() - begun < 5


def test_no_slow_reader_outlives_the_deadline() -> None:
    begun = time.monotonic()
    with dripping(b"", b"", asked=2000) as port, pytest.raises(Refused, match=LATE):
        fetch(f"http://127.0.0.1:{port}/", {"X": "a" * 20_000_000}, most=1000, seconds=0.5, private=True)
    assert time.monotonic() - begun < 5


def test_no_tls_handshake_outlives_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = time.monotonic()
    record = b"\x16\x03\x03\x3f\xff\x02\x00\x3f\xfb"  # the head of a ServerHello that fills a record
    with dripping(record, b"\x03") as port, pytest.raises(Refused, match=LATE):
        fetch(f"https://127.0.0.1:{port}/", {}, most=1000, seconds=0.5, private=True)
    assert time.monotonic() - begun < 5
    monkeypatch.setattr(addresses, "CONNECT", 0.2)
    with (
        dripping(record, b"\x03") as port,
        pytest.raises(Refused, match=r"^No connection was made within 0\.2 seconds\.$"),
    ):
        fetch(f"https://127.0.0.1:{port}/", {}, most=1000, seconds=30, private=True)


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ssl.SSLContext:
    """A server with a certificate for pinned.invalid, which only this test trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "pinned.invalid")])
    now, day = datetime.datetime.now(datetime.UTC), datetime.timedelta(days=1)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now - day, now + day)
    made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName("pinned.invalid")]), critical=False)
    pem = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (tmp_path / "both.pem").write_bytes(pem + secret)
    (tmp_path / "trusted.pem").write_bytes(pem)
    monkeypatch.setattr(certifi, "where", lambda: str(tmp_path / "trusted.pem"))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(tmp_path / "both.pem")
    return server


def test_tls_asks_for_the_name_and_keeps_the_deadline(tls: ssl.SSLContext) -> None:
    def ask(port: int, name: str, seconds: float = 30) -> bytes:
        url = f"https://{name}:{port}/"
        return fetch(url, {}, most=1000, seconds=seconds, private=True, resolver=lambda *_: ["127.0.0.1"]).body

    with dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na", b"b", tls=tls) as port:
        assert ask(port, "pinned.invalid") == b"a"
    with dripping(b"", b"b", tls=tls) as port, pytest.raises(Refused, match="certificate is not valid for 'other"):
        ask(port, "other.invalid")
    begun = time.monotonic()
    with dripping(b"HTTP/1.1 200 OK\r\nX: ", b"a", tls=tls) as port, pytest.raises(Refused, match=LATE):
        ask(port, "pinned.invalid", 0.5)
    assert time.monotonic() - begun < 5


def test_resolving_counts_towards_the_deadline(peer: Peer, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=1000.0)
    clock.monotonic = lambda: clock.now
    monkeypatch.setattr(addresses, "time", clock)

    def slow(*_: object) -> list[str]:
        clock.now += 31
        return ["127.0.0.1"]

    with pytest.raises(Refused, match=r"^The answer was not complete within 30 seconds\.$"):
        fetch(f"http://slow.invalid:{peer.server.server_port}/", {}, most=1000, seconds=30, private=True, resolver=slow)
    assert peer.asked == []


def test_the_next_address_is_tried(peer: Peer) -> None:
    peer.answer = answers(b"<x/>")
    url = f"http://both.invalid:{peer.server.server_port}/"
    both = ["::1", "127.0.0.1"]  # The peer is at the second alone.
    assert fetch(url, {}, most=1000, seconds=5, private=True, resolver=lambda *_: both).body == b"<x/>"
    with pytest.raises(Refused, match=r"^The request failed: "):
        fetch(url, {}, most=1000, seconds=5, private=True, resolver=lambda *_: both[:1])
    with pytest.raises(Refused, match=r"^'both\.invalid' has no address\.$"):
        fetch(url, {}, most=1000, seconds=5, resolver=lambda *_: [])


def test_what_follows_the_end_of_gzip_is_not_read() -> None:
    first = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + gzip.compress(b"<x/>")
    with dripping(first, b"a" * 1_000_000, pause=0) as port:
        assert fetch(f"http://127.0.0.1:{port}/", {}, most=1000, seconds=30, private=True).body == b"<x/>"


def test_back_off(context: Context, peer: Peer) -> None:
    peer.answer = answers(b"", 500)
    current, pauses = source(peer), []
    for _ in range(9):
        current = sources.pull(context, current, now=0).source
        pauses.append(current.next_due // 10**6)
    assert pauses == [300, 600, 1200, 2400, 4800, 9600, 19200, 21600, 21600]
    assert current.alarm == "failing"
    peer.answer = answers(b"", 429, Retry_After="5000")
    assert sources.pull(context, source(peer), now=0).source.next_due == 5000 * 10**6
    peer.answer = answers(b"", 503, Retry_After="9" * 5000)
    assert sources.pull(context, source(peer), now=0).source.next_due == 21600 * 10**6
    peer.answer = answers(release("tag:a"), Cache_Control="public, max-age=4000")
    well = sources.pull(context, current, now=0).source
    assert (well.next_due, well.failures, well.alarm) == (4000 * 10**6, 0, "")
    peer.answer = answers(release("tag:a"), Cache_Control="max-age=1")
    assert sources.pull(context, current, now=0).source.next_due == 300 * 10**6


def test_alarms(context: Context, peer: Peer) -> None:
    rss = (ROOT / "tests" / "releases" / "rss" / "new-zealand.xml").read_bytes()
    peer.answer = answers(EMPTY)
    never = sources.pull(context, source(peer, dialect="rss"), now=1000).source
    assert never.alarm == "", "a source that has not begun is not emptied"
    peer.answer = answers(rss)
    full = sources.pull(context, never, now=2000).source
    assert (full.alarm, full.items > 0) == ("", True)
    peer.answer = answers(EMPTY)
    emptied = sources.pull(context, full, now=3000).source
    assert emptied.alarm == "empty" and "no <item>" in emptied.error
    again = sources.pull(context, emptied, now=4000).source
    assert again.alarm == "empty"
    peer.answer = answers(rss)
    well = sources.pull(context, again, now=5000).source
    assert well.alarm == ""
    silent = sources.pull(context, well, now=2000 + 8 * DAY).source
    assert (silent.alarm, silent.error) == ("silent", "")


def test_two_workers_never_pull_one_source_at_once(context: Context, peer: Peer) -> None:
    engine = context.engine
    for number in range(5):
        store.accounts.save_source(engine, replace(source(peer), name=f"s{number}"))
    claimed: list[str] = []
    start = threading.Barrier(4)

    def claim() -> None:
        start.wait(10)
        for _ in range(20):
            if found := store.accounts.claim_source(engine, 10, 1000):
                claimed.append(found.name)

    threads = [threading.Thread(target=claim) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(claimed) == [f"s{number}" for number in range(5)]
    assert store.accounts.claim_source(engine, 10, 1000) is None
    assert store.accounts.claim_source(engine, 2000, 1000) is not None, "a worker that died gives its source back"


PRIVATE = [
    *("127.0.0.1", "10.0.0.1", "192.168.1.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1"),
    *("255.255.255.255", "192.0.2.1", "198.18.0.1", "240.0.0.1", "168.63.129.16", "192.88.99.1", "192.0.0.8"),
    *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1"),
    *("::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::1", "2002:7f00:1::", "2001::1", "2001:db8::1", "3fff::1", "100::1"),
]


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_that_lead_inside(address: str) -> None:
    assert not is_public(address)


# Every block of IANA's two special-purpose registries (updated 2025-10-09), and what their address space registries reserve.
SPECIAL = """
    0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24 192.31.196.0/24
    192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24 203.0.113.0/24 224.0.0.0/4 240.0.0.0/4
    ::/128 ::1/128 ::/96 ::ffff:0:0:0/96 64:ff9b::/96 64:ff9b:1::/48 100::/64 100:0:0:1::/64 2001::/23 2001::/32 2001:1::1/128
    2001:1::2/128 2001:1::3/128 2001:2::/48 2001:3::/32 2001:4:112::/48 2001:10::/28 2001:20::/28 2001:30::/28 2001:db8::/32 2002::/16
    2620:4f:8000::/48 3fff::/20 5f00::/16 fc00::/7 fe80::/10 fec0::/10 ff00::/8
    ::/8 100::/8 200::/7 400::/6 800::/5 1000::/4 4000::/3 6000::/3 8000::/3 a000::/3 c000::/3 e000::/4 f000::/5 f800::/6 fe00::/9
"""


@pytest.mark.parametrize("block", SPECIAL.split())
def test_special_blocks_are_not_public(block: str) -> None:
    network = ipaddress.ip_network(block)
    assert not is_public(str(network[0])) and not is_public(str(network[-1]))


@pytest.mark.parametrize(
    "address",
    [
        *("1.1.1.1", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "192.31.195.255", "192.31.197.0", "192.0.1.0"),
        *("192.52.194.0", "192.175.47.255", "2001:200::", "2620:4f:7fff::1", "2620:4f:8001::", "3ffe:ffff::1"),
    ],
)
def test_addresses_of_the_public_internet(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    [
        *("http://127.0.0.1:{port}/", "http://2130706433:{port}/", "http://0x7f000001:{port}/", "http://127.1:{port}/"),
        *(
            "http://0177.0.0.1:{port}/",
            "http://localhost:{port}/",
            "http://[::ffff:127.0.0.1]:{port}/",
            "http://0:{port}/",
        ),
    ],
)
def test_no_spelling_of_loopback_is_asked(peer: Peer, url: str) -> None:
    port = peer.server.server_port
    with pytest.raises(Refused, match=r"not a public address|cannot be resolved|request failed"):
        fetch(url.format(port=port), {}, most=1000, seconds=5)
    assert peer.asked == []


def test_a_name_is_judged_by_all_its_addresses_and_at_each_hop(peer: Peer) -> None:
    port = peer.server.server_port
    with pytest.raises(Refused, match=r"is at 10\.0\.0\.1, which is not a public address"):
        fetch(
            "http://two.example/",
            {},
            most=1000,
            seconds=5,
            resolver=lambda *_: ["1.1.1.1", "10.0.0.1"],
        )
    # The first address is allowed, to show that the second is checked separately.
    peer.answer = answers(b"", 302, Location=f"http://inside.example:{port}/")
    turns = iter([["127.0.0.1"], ["10.0.0.5"]])

    def rebinding(host: str, _port: int) -> list[str]:
        found = next(turns)
        if host == "inside.example":
            assert not is_public(found[0])
            raise Refused(f"{host!r} is at {found[0]}, which is not a public address.")
        return found

    with pytest.raises(Refused, match=r"'inside\.example' is at"):
        fetch(f"http://outside.example:{port}/", {}, most=1000, seconds=5, private=True, resolver=rebinding)
    assert len(peer.asked) == 1


def test_the_connection_goes_to_the_address_that_was_judged(peer: Peer) -> None:
    """The name resolves only here: a second look-up would find nothing."""
    peer.answer = answers(b"<x/>")
    calls: list[str] = []

    def once(host: str, _port: int) -> list[str]:
        calls.append(host)
        return ["127.0.0.1"]

    url = f"http://pinned.invalid:{peer.server.server_port}/"
    assert fetch(url, {}, most=1000, seconds=5, private=True, resolver=once).body == b"<x/>"
    assert calls == ["pinned.invalid"] and peer.asked[0]["host"].startswith("pinned.invalid")


@pytest.mark.slow
def test_from_the_command_to_the_feed(own_server: Callable[..., Server], peer: Peer, tmp_path: Path) -> None:
    server = own_server().start()
    server.office()
    peer.answer = answers(release("tag:example.org,2026:pulled", headline="Pulled once"))
    words = ("--dialect", "press-release", "--url", peer.url, "--office", "jeonbuk", "--every", "5s", "--allow-private")
    added = server.run("source", "add", "agency", *words)
    assert added.returncode == 0, added.stderr
    until(lambda: "Pulled once" in server.client.get("/feed.atom").text, 15, 0.1)
    peer.answer = answers(release("tag:example.org,2026:pulled", 2, "Pulled twice"))
    until(lambda: "Pulled twice" in server.client.get("/feed.atom").text, 15, 0.1)
    peer.answer = answers(b"<rss version='2.0'/>")
    done = server.run("source", "pull", "agency")
    assert done.returncode == 1 and "The source sent the dialect rss; expected press-release." in done.stderr
    for _ in range(3):
        server.run("source", "pull", "agency")
    until(lambda: server.ready()["sources"] != "ok", 10)
    (alarm,) = server.ready()["sources"]
    assert (alarm["name"], alarm["alarm"]) == ("agency", "failing")
    listed = server.run("source", "list")
    assert listed.returncode == 1 and "ALARM failing" in listed.stdout
    assert json.loads(server.run("source", "list", "--json").stdout)["sources"][0]["failures"] >= 3
    metrics = server.client.get("/metrics", headers=server.operator("metrics")).text
    assert 'pressrelay_source_alarm{alarm="failing",source="agency"} 1.0' in metrics
    assert server.run("source", "remove", "agency").returncode == 0
    for words, said in [
        (("source", "remove", "agency"), "There is no source"),
        (("source", "pull", "agency"), "There is no source"),
        (
            ("source", "add", "A b", "--dialect", "rss", "--url", "https://a.example/", "--office", "jeonbuk"),
            "cannot be used as a name",
        ),
        (
            ("source", "add", "a", "--dialect", "rss", "--url", "ftp://a.example/", "--office", "jeonbuk"),
            "is not an http",
        ),
        (
            ("source", "add", "a", "--dialect", "rss", "--url", "https://a.example/", "--office", "x"),
            "There is no office",
        ),
        (
            (
                "source",
                "add",
                "a",
                "--dialect",
                "rss",
                "--url",
                "https://a.example/",
                "--office",
                "jeonbuk",
                "--timezone",
                "X",
            ),
            "expected an IANA name",
        ),
    ]:
        done = server.run(*words)
        assert done.returncode == 1 and said in done.stderr and "Traceback" not in done.stderr, done.stderr


SPINNING = """
import signal, sys, threading
from app import store
from app.intake import sources
from app.run import puller
from app.settings import Settings
stop = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: stop.set())
settings = Settings(data_dir=sys.argv[1], redis_url="redis://127.0.0.1:1/0")
engine = store.connect(settings.database)
real = sources.pull
def pull(context, source):
    while source.name == "spins":
        pass
    if source.name == "sleeps":
        threading.Event().wait()
    return real(context, source)
sources.pull = pull
puller.run(settings, engine, stop, computing=1, lasting=2.0)
"""


@pytest.mark.slow
def test_a_pull_that_takes_too_long_is_ended_and_keeps_no_other(tmp_path: Path, peer: Peer) -> None:
    engine = store.connect(f"sqlite:///{tmp_path}/pressrelay.db")
    store.upgrade(engine)
    store.accounts.save_office(engine, OfficeRecord("jeonbuk", "전북특별자치도", "", ("kr:52",)))
    peer.answer = answers(release("tag:example.org,2026:beside"))
    for name in ("spins", "sleeps", "good"):
        store.accounts.save_source(engine, replace(source(peer), name=name, next_due=0))
    words = [sys.executable, "-c", SPINNING, str(tmp_path)]
    with subprocess.Popen(words, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        try:
            until(lambda: all(one.last_ok or one.failures for one in store.accounts.all_sources(engine)), 20, 0.1)
        finally:
            process.terminate()
            _, said = process.communicate(timeout=10)
    found = {one.name: one for one in store.accounts.all_sources(engine)}
    engine.dispose()
    assert found["good"].failures == 0 and found["good"].items == 1, said
    for name in ("spins", "sleeps"):
        assert found[name].error == "The pull was ended: reading what the source sent took too long.", said
        assert found[name].failures == 1


@pytest.mark.parametrize("body", [b"<!---->" * 285, b"<!---->" * 285 + b"<htm", b" \xef\xbb\xbf" * 500, b"<!--" * 500])
def test_what_a_source_sends_is_looked_at_in_no_time(body: bytes) -> None:
    before = time.process_time()
    assert sources.HTML.match(body[:2000]) is None
    assert time.process_time() - before < 0.5, "each comment doubled it: 29 of them took 40 seconds"


@pytest.mark.slow
def test_embargoes_lift_whatever_sources_send(own_server: Callable[..., Server], peer: Peer) -> None:
    server = own_server().start()
    token = server.office()
    peer.answer = answers(b"<!---->" * 40)
    words = ("--dialect", "press-release", "--url", peer.url, "--office", "jeonbuk", "--every", "5s", "--allow-private")
    assert server.run("source", "add", "hostile", *words).returncode == 0
    until(lambda: len(peer.asked) > 0, 20)
    lifts = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=2)
    body = release("tag:example.org,2026:lifts").replace(
        b"<headline>", f'<embargo until="{lifts.isoformat()}"/><headline>'.encode()
    )
    answer = server.push(token, body)
    assert answer.status_code == 201, answer.text
    until(lambda: server.client.get(f"/articles/{answer.json()['id']}.json").status_code == 200, 5)
    assert datetime.datetime.now(datetime.UTC) - lifts < datetime.timedelta(seconds=1.5)
