"""PgBouncer in transaction mode between server and PostgreSQL: each transaction may be on another session."""

import getpass
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from app import store
from app.errors import TooSlow, Unavailable
from app.store.engine import lock, reading, writing
from bench.processes import free_port, program
from tests.conftest import Server, together, until
from tests.faults.clusters import Cluster, Pushing, clusters
from tests.subscriber import Subscriber
from tests.test_deliveries import subscribe

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("pgbouncer") is None, reason="there is no pgbouncer here"),
]

CONF = """
[databases]
* = host=127.0.0.1 port={server} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 4
max_client_conn = 200
server_login_retry = 1
user = {user}
"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with clusters() as (made,):
        yield made.make()


@pytest.fixture(scope="module")
def pooled(cluster: Cluster) -> Iterator[str]:
    """The URL of the database through the pooler, which has four sessions for everybody."""
    port = free_port()
    conf, log = cluster.directory / "pgbouncer.ini", cluster.directory / "pgbouncer.log"
    user = cluster.owner or getpass.getuser()  # PgBouncer does not run as root
    conf.write_text(CONF.format(server=cluster.port, port=port, user=user))
    with program([str(shutil.which("pgbouncer")), str(conf)], log, port):
        yield f"postgresql+psycopg://postgres@127.0.0.1:{port}/press"


def test_nothing_is_left_in_a_session(pooled: str) -> None:
    """Limits, prepared statements and locks belong to one transaction each; another client may have the session next."""
    engine = store.connect(pooled, threads=8, deadline=2, locks=3)
    store.upgrade(engine)

    def write() -> None:
        for _ in range(8):
            with writing(engine) as connection:
                store.engine.unlock(connection, lock(connection).seq + 1)
            store.articles.newest_seq(engine)

    together(*[write] * 8)
    with reading(engine) as connection:
        assert connection.info["pooled"]
        assert connection.exec_driver_sql("SELECT seq FROM counter").scalar_one() == 64
        assert connection.exec_driver_sql("SHOW statement_timeout").scalar_one() == "2s"
        began = time.monotonic()
        with pytest.raises(TooSlow), reading(engine) as slow:
            slow.exec_driver_sql("SELECT pg_sleep(9)")
        assert time.monotonic() - began < 5
    with psycopg.connect(pooled.replace("+psycopg", ""), autocommit=True, prepare_threshold=None) as other:
        for _ in range(8):
            for name in ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"):
                assert other.execute(f"SHOW {name}").fetchone() == ("0",)  # type: ignore[call-overload]
            assert other.execute("SELECT count(*) FROM pg_prepared_statements").fetchone() == (0,)
            assert other.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'").fetchone() == (0,)
    engine.dispose()


def test_a_writer_waits_for_others_only_for_a_while_behind_a_pooler(pooled: str) -> None:
    engine = store.connect(pooled, deadline=2, locks=1)
    store.upgrade(engine)
    with writing(engine) as held:
        lock(held)
        with pytest.raises(Unavailable, match="lock timeout"), writing(engine) as waiting:
            lock(waiting)
    engine.dispose()


def test_a_whole_server_runs_behind_a_pooler(cluster: Cluster, pooled: str, tmp_path: Path) -> None:
    """Web workers, deliveries and background processes share four sessions, and PostgreSQL is killed once meanwhile."""
    cluster.ask("CREATE DATABASE whole")
    subscriber = Subscriber().start()
    server = Server(
        tmp_path,
        database_url=pooled.replace("/press", "/whole"),
        deliverers="1",
        push_http="1",
        push_ports="1-65535",
        push_private="127.0.0.0/8",
    )
    try:
        token = server.start().office()
        engine = server.engine()
        subscribe(engine, server.url, subscriber.url("/hook"), kind="webhook", format="json")
        engine.dispose()
        pushing = Pushing(server, token, "pooled")
        try:
            pushing.goes_on(20)
            cluster.kill()
            cluster.start()
            pushing.goes_on(10)
        finally:
            pushing.stop()
        pushing.check()

        def delivered() -> bool:
            return all(any(id.encode() in got.body for got in subscriber.to("/hook")) for id in pushing.acknowledged)

        until(delivered, 20)
        assert server.client.get("/feed.atom", params={"q": "본문", "limit": "3"}).status_code == 200
        assert "prepared statement" not in server.log.read_text()
    finally:
        server.close()
        subscriber.stop()
