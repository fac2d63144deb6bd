"""PostgreSQL is frozen, cut off, killed or gone: hot feeds go on, pushes hear so within seconds, and nobody restarts anything."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import psycopg
import pytest

from app import store
from app.errors import Unavailable
from app.store import patience
from app.store.engine import reading, writing
from tests.conftest import Server, together, until
from tests.faults.clusters import Cluster, Gate, Pushing, clusters, timed
from tests.test_lifecycle import document

pytestmark = pytest.mark.slow

WITHIN = 5.0  # seconds: until a push is refused, and until all is well again
HOT = "/feed.atom?limit=5"


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with clusters() as (made,):
        yield made.make()


@pytest.fixture(scope="module")
def gate(cluster: Cluster) -> Iterator[Gate]:
    made = Gate(cluster.port)
    yield made
    made.close()


@pytest.fixture(scope="module")
def running(cluster: Cluster, gate: Gate, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that reaches the database through the gate."""
    url = cluster.url().replace(str(cluster.port), str(gate.port))
    server = Server(tmp_path_factory.mktemp("away"), database_url=url)
    yield server.start()
    server.close()


@pytest.fixture(scope="module")
def token(running: Server) -> str:
    return running.office()


def heated(server: Server, token: str, name: str) -> bytes:
    """Push a release, and read the hot feed until every worker has a copy of it; the feed."""
    assert server.push(token, document(f"tag:{name},2026:first")).status_code == 201
    found = [httpx.get(server.url + HOT, trust_env=False) for _ in range(12)]
    assert {answer.status_code for answer in found} == {200}
    assert len({answer.content for answer in found}) == 1
    return found[0].content


def check_outage(server: Server, token: str, name: str, hot: bytes) -> None:
    """Raises AssertionError if a push is held or lost silently, or if a hot feed is not served."""

    def push(number: int) -> None:
        answer, seconds = timed(lambda: server.push(token, document(f"tag:{name},2026:{number}")))
        assert answer.status_code == 503 and answer.headers["Retry-After"], answer.text
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["type"] == "urn:pressrelay:problem:unavailable"
        assert seconds < WITHIN, f"a push was held for {seconds:.1f} s"

    together(*(lambda number=number: push(number) for number in range(6)))  # type: ignore[misc]
    # From now on one request at a time tries to connect, and no other waits for it.
    waits = sorted(timed(lambda: server.push(token, document(f"tag:{name},2026:later")))[1] for _ in range(8))
    assert waits[-1] < WITHIN and waits[3] < 1, waits
    for _ in range(8):
        answer, seconds = timed(lambda: httpx.get(server.url + HOT, trust_env=False))
        assert answer.status_code == 200 and answer.content == hot, answer.text
        assert seconds < 1
    assert server.client.get("/readyz").status_code == 503


def check_recovery(server: Server, token: str, name: str) -> None:
    """Raises AssertionError unless all is well within seconds."""
    until(lambda: server.client.get("/readyz").status_code == 200, WITHIN)
    until(lambda: server.push(token, document(f"tag:{name},2026:after")).status_code in (200, 201), WITHIN)
    fresh = httpx.get(server.url + HOT, trust_env=False)
    assert fresh.status_code == 200 and f"tag:{name},2026:after" in fresh.text


def test_a_frozen_database_holds_no_push(running: Server, token: str, cluster: Cluster) -> None:
    """SIGSTOP: the kernel still takes packets and connections, so no timeout of TCP helps."""
    hot, before = heated(running, token, "frozen"), running.children()
    cluster.freeze()
    try:
        check_outage(running, token, "frozen", hot)
    finally:
        cluster.thaw()
    check_recovery(running, token, "frozen")
    assert running.children() == before, "nothing was restarted"


def test_a_database_that_is_cut_off_holds_no_push(running: Server, token: str, gate: Gate) -> None:
    hot, before = heated(running, token, "cut"), running.children()
    gate.open = False
    try:
        check_outage(running, token, "cut", hot)
    finally:
        gate.open = True
    check_recovery(running, token, "cut")
    assert running.children() == before, "nothing was restarted"


def test_a_database_that_is_killed_loses_and_doubles_nothing(running: Server, token: str, cluster: Cluster) -> None:
    """F04 and F05: the whole of it, and single processes, while releases are pushed."""
    running.client.get("/readyz")
    pushing = Pushing(running, token, "killed")
    try:
        pushing.goes_on(20)
        for number in range(3):
            cluster.stop() if number % 2 else cluster.kill()
            cluster.start()
            pushing.goes_on(WITHIN)
        pids = [int(str(pid)) for (pid,) in cluster.ask("SELECT pid FROM pg_stat_activity WHERE datname = 'press'")]
        cluster.ask(f"SELECT pg_terminate_backend(pid) FROM unnest(ARRAY{pids}) AS pid")
        pushing.goes_on(WITHIN)
        (pid,) = cluster.ask("SELECT pid FROM pg_stat_activity WHERE datname = 'press' LIMIT 1")[0]
        os.kill(
            int(str(pid)), signal.SIGKILL
        )  # PostgreSQL then ends all sessions, because their memory may be damaged.
        pushing.goes_on(WITHIN)
    finally:
        pushing.stop()
    pushing.check()
    assert len(pushing.acknowledged) > 50 and pushing.slowest < WITHIN + 1


def test_children_that_end_while_it_is_away_wait_for_it(running: Server, token: str, cluster: Cluster) -> None:
    """D5: each start gave up in half a second, so the whole server ended."""
    hot = heated(running, token, "waits")
    cluster.stop()
    assert running.process is not None
    for name in ("pressrelay worker", "pressrelay desk", "pressrelay pull"):
        (pid,) = [pid for pid in running.children() if title(pid) == name]
        os.kill(pid, signal.SIGKILL)
    until(lambda: running.log.read_text().count("Waiting for the database. PostgreSQL cannot be reached") >= 3, 20)
    for _ in range(4):
        assert httpx.get(running.url + HOT, trust_env=False).content == hot
    assert running.process.poll() is None
    cluster.start()
    check_recovery(running, token, "waits")
    assert "again and again" not in running.log.read_text()


def title(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0 ").decode()
    except OSError:
        return ""


def test_a_server_waits_for_a_database_that_starts_later(cluster: Cluster, tmp_path: Path) -> None:
    cluster.stop()
    late = Server(tmp_path, database_url=cluster.url("later"))

    def start() -> None:
        with suppress(AssertionError):  # It ends the first time.
            late.start()

    try:
        starting = threading.Thread(target=start)
        starting.start()
        until(lambda: late.log.exists() and "Waiting for the database." in late.log.read_text(), 30)
        assert late.process is not None and late.process.poll() is None
        cluster.start()
        # There is no such database, and waiting makes none: the server ends with one sentence.
        until(lambda: late.process is not None and late.process.poll() is not None, 20)
        starting.join(60)
        said = late.log.read_text().splitlines()
        assert "PostgreSQL does not have this database; make it with createdb" in said[-1]
        cluster.ask("CREATE DATABASE later")
        cluster.stop()
        late.log.write_text("")
        starting = threading.Thread(target=start)
        starting.start()
        until(lambda: "Waiting for the database." in late.log.read_text(), 30)
        cluster.start()
        starting.join(60)
        assert late.push(late.office(), document("tag:later,2026:1")).status_code == 201
    finally:
        late.close()


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("postgresql+psycopg://postgres@127.0.0.1:1/press", "PostgreSQL cannot be reached"),
        ("postgresql+psycopg://postgres@nowhere.invalid:5432/press", "The host of PostgreSQL cannot be found"),
        ("postgresql+psycopg://nobody:geheimnis@127.0.0.1:{port}/press", "PostgreSQL does not know this user"),
        ("postgresql+psycopg://postgres@127.0.0.1:{port}/nothing", "PostgreSQL does not have this database"),
        (
            "postgresql+psycopg://postgres:geheimnis@127.0.0.1:{port}/press?sslmode=require",
            "cannot be encrypted as the URL demands",
        ),
        (
            "postgresql+psycopg://guarded:geheimnis@127.0.0.1:{port}/press",
            "PostgreSQL refuses the user or the password",
        ),
        ("postgresql+psycopg://postgres:geheimnis@127.0.0.1,127.0.0.1:{port}x/press", "is not a database URL"),
        ("postgresql+psycopg://postgres@127.0.0.1:{port}/press?nonsense=1", "A parameter of the address is wrong"),
    ],
)
def test_a_wrong_address_is_told_in_one_sentence(cluster: Cluster, tmp_path: Path, address: str, said: str) -> None:
    if "guarded" in address:
        hba = cluster.data / "pg_hba.conf"
        hba.write_text("host all guarded 127.0.0.1/32 scram-sha-256\n" + hba.read_text())
        cluster.ask("CREATE ROLE guarded LOGIN PASSWORD 'another'")
        cluster.ask("SELECT pg_reload_conf()")
    server = Server(tmp_path, database_url=address.format(port=cluster.port))
    doctor = server.run("doctor")
    assert doctor.returncode == 1 and said in doctor.stdout + doctor.stderr, doctor.stdout + doctor.stderr
    for text in (doctor.stdout, doctor.stderr):
        assert "geheim" not in text and "Traceback" not in text


def test_a_slow_statement_is_no_outage(cluster: Cluster) -> None:
    """The server is asked on another connection, and answers there; so the statement has the time that it may take."""
    engine = store.connect(cluster.url())
    with reading(engine) as connection:
        assert connection.exec_driver_sql("SELECT pg_sleep(2.2), 7").one()[1] == 7
    engine.dispose()


def test_a_writer_that_is_frozen_keeps_the_others_only_for_a_while(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It holds the counter's row. The others are told so after some seconds, and PostgreSQL ends it after some more."""
    monkeypatch.setattr(patience, "IDLE", 2)
    frozen, other = store.connect(cluster.url()), store.connect(cluster.url(), deadline=2, locks=1)
    store.upgrade(frozen)
    with pytest.raises(Unavailable), writing(frozen) as held:
        store.engine.lock(held)
        began = time.monotonic()
        with pytest.raises(Unavailable, match="lock timeout"), writing(other) as waiting:
            store.engine.lock(waiting)
        assert 0.9 < time.monotonic() - began < 3

        def writes() -> bool:
            try:
                with writing(other) as waiting:
                    store.engine.lock(waiting)
                return True
            except Unavailable:
                return False

        until(writes, 10)
        store.engine.unlock(held, 1)
    frozen.dispose(), other.dispose()


def test_a_server_that_cannot_be_written_to_any_more_is_left(cluster: Cluster) -> None:
    """Another one has taken over behind the same address."""
    engine = store.connect(cluster.url())
    with pytest.raises(Unavailable, match="lost"), writing(engine) as connection:
        connection.exec_driver_sql("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY; COMMIT; BEGIN")
        connection.exec_driver_sql("CREATE TABLE t (a int)")
    with writing(engine) as connection:
        assert connection.exec_driver_sql("SHOW transaction_read_only").scalar_one() == "off"
    engine.dispose()


def test_it_takes_no_notice_of_a_hundred_threads(cluster: Cluster) -> None:
    """During an outage one thread tries to connect; all others are told at once what it was told."""
    engine = store.connect(cluster.url(), threads=50, deadline=2)
    cluster.freeze()
    try:
        with pytest.raises(Unavailable), reading(engine):
            pass

        def ask() -> None:
            with pytest.raises(Unavailable, match="cannot be reached"), reading(engine):
                pass

        began = time.monotonic()
        together(*[ask] * 100)
        assert time.monotonic() - began < WITHIN
    finally:
        cluster.thaw()

    def answers() -> bool:
        try:
            with reading(engine) as connection:
                return bool(connection.exec_driver_sql("SELECT 1").scalar_one())
        except Unavailable:
            return False

    until(answers, WITHIN)
    engine.dispose()
    with psycopg.connect(cluster.url().replace("+psycopg", "")) as direct:
        assert direct.execute("SELECT 1").fetchone() == (1,)
