"""The primary of the cache is killed under load, behind Sentinel and in a cluster: no error, nothing lost, nothing too old."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.store import identity
from tests.conftest import Server, until
from tests.faults.readers import History
from tests.valkeys import NAME, Valkey, six, trio

pytestmark = pytest.mark.slow
WELL = 15.0  # seconds within which a replica must have taken over, on a busy machine
MORE = 40  # pushes after that


@contextmanager
def by_sentinel(directory: Path) -> Iterator[tuple[str, Callable[[str], Valkey]]]:
    with trio(directory) as servers:
        yield f"redis+sentinel://{servers.hosts}/{NAME}", lambda _: servers.primary()


@contextmanager
def in_a_cluster(directory: Path) -> Iterator[tuple[str, Callable[[str], Valkey]]]:
    with six(directory) as nodes:
        yield nodes.url, nodes.owner


@pytest.mark.parametrize("kind", [by_sentinel, in_a_cluster])
def test_a_primary_is_killed_under_load(
    own_server: Callable[..., Server], tmp_path: Path, kind: Callable[[Path], object]
) -> None:
    """Two hosts, each with copies of its own; one of them is pushed to. In the cluster, the node of the revisions is killed."""
    with kind(tmp_path / "valkeys") as (url, primary):  # type: ignore[attr-defined]
        one = own_server(redis_url=url).start()
        database = f"sqlite:///{one.directory}/pressrelay.db"
        other = own_server(database_url=database, redis_url=url, workers="1").start()
        history = History("failing", one.office("failing", "전환청", "kr:52"))
        history.push(one.client)
        engine = one.engine()
        killed = primary(f"pr:{{{identity.instance(engine)}}}:r")
        engine.dispose()
        with history.under_load(one, [one, other]):
            until(lambda: len(history.acknowledged) > 30 and len(history.polls) > 200, 20)
            killed.kill()
            until(lambda: all(server.ready()["cache"] == "ok" for server in (one, other)), WELL, 0.1)
            after = len(history.acknowledged) + MORE
            until(lambda: len(history.acknowledged) > after, 30)
            killed.start()  # It comes back as a replica.
            until(lambda: killed.info("replication")["role"] == "slave", 20)
            after = len(history.acknowledged) + MORE
            until(lambda: len(history.acknowledged) > after, 30)
        history.check(one)
        for server in (one, other):
            _is_well(server)


def _is_well(server: Server) -> None:
    """The log has a line for the failure and one for its end, of each process, and none for each request."""
    lines = server.log.read_text().splitlines()
    failed = [line for line in lines if "The cache cannot be used: " in line]
    assert 1 <= len(failed) <= 12, failed
    assert not [line for line in lines if re.search("Traceback|unexpected error", line)]
