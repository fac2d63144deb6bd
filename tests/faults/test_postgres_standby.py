"""Two PostgreSQL servers with streaming replication: one takes over from the other, and one is read from."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from sqlalchemy import event

from app.context import Context, connect
from app.query import Query
from app.settings import Settings
from app.store import Engine
from app.store.engine import reading
from app.syndication.page import find
from tests.conftest import Server, until
from tests.faults.clusters import Cluster, Gate, Pushing, clusters, guids, timed
from tests.test_lifecycle import document

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pair() -> Iterator[tuple[Cluster, Cluster]]:
    """A primary server and its standby. The tests have an order: in the last one the standby takes over."""
    with clusters(2) as (primary, standby):
        primary.make()
        standby.follow(primary, "b")
        yield primary, standby


def confirmed(primary: Cluster, standby: Cluster) -> None:
    """From now on the standby confirms each commit before it is acknowledged."""
    primary.ask("ALTER SYSTEM SET synchronous_standby_names = 'b'")
    primary.ask("SELECT pg_reload_conf()")
    until(lambda: primary.ask("SELECT sync_state FROM pg_stat_replication") == [("sync",)], 20)


def test_a_standby_that_confirms_nothing_holds_no_push(pair: tuple[Cluster, Cluster], tmp_path: Path) -> None:
    """Every commit waits for it, for ever. A push is refused meanwhile, and is the same release when it is sent again."""
    primary, standby = pair
    confirmed(primary, standby)
    server = Server(tmp_path, database_url=primary.url())
    try:
        token = server.start().office()
        assert server.push(token, document("tag:sync,2026:1")).status_code == 201
        standby.freeze()
        answer, seconds = timed(lambda: server.push(token, document("tag:sync,2026:2")))
        assert answer.status_code == 503 and answer.headers["Retry-After"], answer.text
        assert seconds < 5.5
        standby.thaw()
        until(lambda: server.push(token, document("tag:sync,2026:2")).status_code == 200, 8)
        assert guids(server, "tag:sync,2026:") == ["tag:sync,2026:1", "tag:sync,2026:2"]
    finally:
        standby.thaw()
        server.close()


def test_a_standby_that_is_read_from_is_never_behind(pair: tuple[Cluster, Cluster], tmp_path: Path) -> None:
    """Its replay is paused while releases are pushed: what was acknowledged is in the next answer, whoever gives it."""
    primary, standby = pair
    primary.ask("ALTER SYSTEM SET synchronous_standby_names = ''")
    primary.ask("SELECT pg_reload_conf()")
    server = Server(tmp_path / "server", database_url=primary.url(), read_database_url=standby.url())
    server.directory.mkdir()
    try:
        token = server.start().office()
        settings = Settings(data_dir=str(tmp_path), database_url=primary.url(), read_database_url=standby.url())
        context = connect(settings, web=True)
        assert context.replica is not None
        asked: list[str] = []
        event.listen(context.replica, "before_cursor_execute", lambda *given: asked.append(given[2]))

        def shown() -> set[str]:
            asked.clear()
            return {article.guid for article in find(context, Query(limit=50)) if "replica" in article.guid}

        def by_the_standby() -> bool:
            return shown() == pushed and any("feed_entries" in statement for statement in asked)

        pushed: set[str] = set()

        def push(name: str) -> None:
            guid = f"tag:replica,2026:{name}"
            assert server.push(token, document(guid)).status_code == 201
            pushed.add(guid)
            assert shown() == pushed, "acknowledged, and not there"
            # A query that no cache has, over HTTP.
            answer = server.client.get("/feed.atom", params={"limit": str(len(pushed)), "q": "본문"})
            assert answer.status_code == 200 and guid in answer.text

        push("0")
        until(by_the_standby, 10)
        doctor = server.run("doctor").stdout
        assert f":{standby.port}/press, 0 changes behind" in doctor, doctor
        for number in range(1, 4):
            standby.ask("SELECT pg_wal_replay_pause()")
            push(f"{number}-paused")
            assert not by_the_standby(), "it cannot know of that release"
            standby.ask("SELECT pg_wal_replay_resume()")
            push(f"{number}-resumed")
            until(by_the_standby, 10)
        # Something that the numbers of changes do not tell: a column that an upgrade has just added there.
        assert context.read(lacking(context)) == "asked the primary server"
        standby.freeze()
        push("frozen")
        standby.thaw()
        until(by_the_standby, 10)
        standby.stop()
        push("stopped")
        standby.start()
        until(by_the_standby, 10)
        context.replica.dispose(), context.engine.dispose(), context.cache.close()
    finally:
        standby.thaw()
        server.close()


def lacking(context: Context) -> Callable[[Engine], str]:
    """A question that the standby cannot answer yet."""

    def ask(engine: Engine) -> str:
        if engine is context.engine:
            return "asked the primary server"
        with reading(engine) as connection:
            connection.exec_driver_sql("SELECT lacking FROM articles")
        return "asked the standby"

    return ask


def test_a_standby_takes_over_under_pushes(pair: tuple[Cluster, Cluster], tmp_path: Path) -> None:
    """Both hosts stand in the address. The primary is first cut off, which is the hardest: nothing says that it is gone."""
    primary, standby = pair
    confirmed(primary, standby)
    gate = Gate(primary.port)
    hosts = f"127.0.0.1:{gate.port},127.0.0.1:{standby.port}"
    server = Server(
        tmp_path, database_url=f"postgresql+psycopg://postgres@{hosts}/press?target_session_attrs=read-write"
    )
    pushing = None
    try:
        server.start()
        token = server.office()
        children = server.children()
        pushing = Pushing(server, token, "failover")
        pushing.goes_on(20)
        hot = httpx.get(f"{server.url}/feed.atom?limit=5", trust_env=False)
        assert hot.status_code == 200
        gate.open = False
        primary.kill()  # Whoever promotes must be sure of this, or two servers would take releases.
        standby.promote()
        standby.ask("SELECT pg_reload_conf()")
        took = pushing.goes_on(8)
        assert took < 8
        assert server.children() == children, "nothing was restarted"
        until(lambda: server.client.get("/readyz").status_code == 200, 5)
        pushing.check()
        assert pushing.slowest < 5, "a push was held"
        assert len(pushing.acknowledged) > 20
    finally:
        if pushing is not None:
            pushing.stop()
        server.close()
        gate.close()
