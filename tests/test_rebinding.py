"""A name that leads outside when it is checked and inside when it is connected to (DNS rebinding), against a running server.

The server's processes have a resolver of this test: it gives a public address to the first question for a name, and to each later one
the address of this machine, where a listener waits that must never be called. No packet leaves this machine: a connection to one of
the two public addresses ends at a peer here.
"""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from app import store
from app.accounts.rights import OutletRecord
from tests.conftest import ROOT, Server, until
from tests.provider import CLIENT, SECRET, Provider
from tests.test_hub import PUSH
from tests.test_openid import enter, somebody
from tests.test_people import browser, close_browsers, signed_in
from tests.test_sources import release

assert close_browsers  # a fixture

pytestmark = pytest.mark.slow

RESOLVER = """
import os, socket

LOG, PEERS = os.environ["REBINDING_LOG"], dict(part.split("=") for part in os.environ["REBINDING_PEERS"].split())
asked, connected = socket.getaddrinfo, socket.socket.connect


def note(line):
    with open(LOG, "a") as log:
        log.write(line + "\\n")
    with open(LOG) as log:
        return log.read().split("\\n").count(line)


def getaddrinfo(host, port, *more, **named):
    if not str(host).endswith(".rebinding.example"):
        return asked(host, port, *more, **named)
    public = "1.0.0.1" if host.startswith("token.") else "1.1.1.1"
    address = public if note(f"asked {host}") == 1 else "127.0.0.1"
    return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))]


def connect(self, address):
    if isinstance(address, tuple) and address[0] in PEERS:
        note(f"dialled {address[0]}")
        address = ("127.0.0.1", int(PEERS[address[0]]))
    return connected(self, address)


socket.getaddrinfo, socket.socket.connect = getaddrinfo, connect
"""


class Listener:
    """Records each connection, confirms subscriptions, and has a release for every request."""

    def __init__(self) -> None:
        self.called: list[str] = []
        listener = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                listener.called.append(f"{self.headers['Host'].partition(':')[0]} {self.command}")
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                query = parse_qs(urlsplit(self.path).query)
                body = query["hub.challenge"][0].encode() if "hub.challenge" in query else release("urn:x:pulled")
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Connection", "close")  # the next call needs a connection of its own
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET

            def log_message(self, *_: object) -> None:
                pass

        class Counted(ThreadingHTTPServer):
            def get_request(self) -> tuple[object, object]:
                listener.connections += 1
                return super().get_request()

        self.connections = 0
        self.server = Counted(("127.0.0.1", 0), Handler)
        self.port = self.server.server_port
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class Rebound:
    """A server for which names have another address at the second question."""

    def __init__(self, directory: Path) -> None:
        self.outside, self.inside, self.provider = Listener(), Listener(), Provider()
        self.log = directory / "names"
        self.log.touch()
        stub = directory / "stub"
        stub.mkdir()
        (stub / "sitecustomize.py").write_text(RESOLVER)
        secret = directory / "secret"
        secret.write_text(SECRET)
        data = directory / "data"
        data.mkdir()
        oidc = {"oidc_issuer": self.provider.issuer, "oidc_client_id": CLIENT, "oidc_client_secret": str(secret)}
        self.server = Server(data, workers="1", oidc_name="SSO", **PUSH | {"push_private": ""}, **oidc)
        path = os.pathsep.join(filter(None, (str(stub), str(ROOT), os.environ.get("PYTHONPATH", ""))))
        peers = f"1.1.1.1={self.outside.port} 1.0.0.1={self.provider.server.server_port}"
        self.server.environ |= {"PYTHONPATH": path, "REBINDING_LOG": str(self.log), "REBINDING_PEERS": peers}
        self.server.start()
        self.token = self.server.office()
        engine, now = self.server.engine(), datetime.now(UTC)
        store.accounts.save_outlet(engine, OutletRecord("daily", "신문"), now)
        outlet = store.accounts.new_token(engine, "", "", now, role="outlet", outlet="daily")
        engine.dispose()
        self.outlet = {"Authorization": f"Bearer {outlet}"}

    def url(self, name: str) -> str:
        """The inner listener is at the port of this URL."""
        return f"http://{name}.rebinding.example:{self.inside.port}/x"

    def noted(self, what: str) -> int:
        return self.log.read_text().split("\n").count(what)

    def called(self, name: str) -> list[str]:
        return [one for one in self.outside.called if one.startswith(f"{name}.")]

    def run(self, *words: str) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-m", "app.cli", *words]
        return subprocess.run(command, cwd=ROOT, env=self.server.environ, capture_output=True, text=True, timeout=60)

    def close(self) -> None:
        self.server.close()
        for one in (self.outside, self.inside, self.provider):
            one.close()


@pytest.fixture(scope="module")
def rebound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rebound]:
    made = Rebound(tmp_path_factory.mktemp("rebinding"))
    yield made
    made.close()


def webhook(rebound: Rebound) -> str:
    sent = {"url": rebound.url("hook"), "query": "office=jeonbuk"}
    made = rebound.server.client.post("/subscriptions", json=sent, headers=rebound.outlet)
    assert made.status_code == 201, made.text
    test = f"/subscriptions/{made.json()['name']}/test"
    first = rebound.server.client.post(test, headers=rebound.outlet).json()
    assert first["status"] == 200 and len(rebound.called("hook")) == 1, first
    again = rebound.server.client.post(test, headers=rebound.outlet).json()
    assert again["status"] == 0
    return str(again["error"])


def subscription(rebound: Rebound) -> str:
    form = {"hub.mode": "subscribe", "hub.topic": f"{rebound.server.url}/feed.atom", "hub.callback": rebound.url("sub")}
    assert rebound.server.client.post("/hub", data=form).status_code == 202
    until(lambda: len(rebound.called("sub")) == 1, 20)
    engine = rebound.server.engine()
    until(lambda: store.deliveries.find_subscriptions(engine, kind="websub", live=True), 20)
    (made,) = store.deliveries.find_subscriptions(engine, kind="websub", live=True)
    headers = {"Authorization": f"Bearer {rebound.token}", "Content-Type": "application/xml"}
    sent = rebound.server.client.post("/releases", content=release("urn:x:new"), headers=headers)
    assert sent.status_code == 201, sent.text
    until(lambda: any(row.error for row in store.deliveries.log_of(engine, made.id, 10)), 20)
    (row, *_) = store.deliveries.log_of(engine, made.id, 10)
    store.deliveries.end_subscription(engine, made.id, "", datetime.now(UTC))
    engine.dispose()
    return row.error


def source(rebound: Rebound) -> str:
    words = ("--dialect", "press-release", "--url", rebound.url("source"), "--office", "jeonbuk", "--every", "7d")
    assert rebound.run("source", "add", "agency", *words).returncode == 0
    until(lambda: len(rebound.called("source")) == 1 or rebound.run("source", "pull", "agency").returncode == 0, 30)
    assert len(rebound.called("source")) == 1
    again = rebound.run("source", "pull", "agency")
    assert again.returncode == 1
    return again.stderr


def provider(rebound: Rebound) -> str:
    """The token endpoint: the provider's own host is the operator's word, each other one must be public."""
    elsewhere = f"http://token.rebinding.example:{rebound.inside.port}/token"
    rebound.provider.discovery = {"token_endpoint": elsewhere}
    signed_in(rebound.server, "kim@press.example")
    rebound.provider.claims = somebody("kim@press.example")
    assert enter(browser(rebound.server)).status_code == 303
    refused = enter(browser(rebound.server))
    assert refused.status_code == 502 and "127.0.0.1" not in refused.text
    return rebound.server.log.read_text()


@pytest.mark.parametrize("call", [webhook, subscription, source, provider], ids=lambda call: call.__name__)
def test_nothing_inside_is_called(rebound: Rebound, call: Callable[[Rebound], str]) -> None:
    """Each connection asks for the name once, and goes to the address that was judged."""
    said = call(rebound)
    name = {"webhook": "hook", "subscription": "sub", "provider": "token"}.get(call.__name__, "source")
    assert rebound.noted(f"asked {name}.rebinding.example") >= 2, "it was asked again"
    assert rebound.inside.connections == 0, "something inside was called"
    assert "not a public address" in said or "No public address was found" in said, said
    listed = json.dumps(rebound.server.client.get("/subscriptions", headers=rebound.outlet).json())
    assert "is at 127.0.0.1" not in listed, "which address it is, is nobody's business"
