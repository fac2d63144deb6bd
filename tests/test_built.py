"""Statements that go straight to the driver: they give the same answers and errors as SQLAlchemy's, and listeners are told of
them."""

import os
import signal
import time

import pytest
from sqlalchemy import bindparam, event, insert, select, text
from sqlalchemy.exc import IntegrityError, OperationalError

from app import store
from app.errors import Misconfigured, Unavailable
from app.store import Engine, patience
from app.store.built import Built
from app.store.engine import reading, writing
from app.store.tables import saved_feeds

ADD = Built(lambda _: insert(saved_feeds))
NAMED = Built(
    lambda _: select(saved_feeds.c.name, saved_feeds.c.query).where(saved_feeds.c.query == bindparam("asked"))
)
PLAIN = {"query": "region=kr", "title": "100 % 'a' :b ?", "ended": None, "following": "", "gone": 0}
ROWS = [{"name": name, **PLAIN} for name in ("a", "b")]


@pytest.mark.parametrize("listening", [False, True])
def test_rows_go_in_and_come_out(engine: Engine, listening: bool) -> None:
    heard: list[str] = []
    if listening:
        event.listen(engine, "before_cursor_execute", lambda *given: heard.append(given[2]))
    with writing(engine) as connection:
        ADD.many(connection, ROWS)
    with reading(engine) as connection:
        assert sorted(NAMED.rows(connection, asked="region=kr")) == [("a", "region=kr"), ("b", "region=kr")]
        assert NAMED.rows(connection, asked="'; --") == []
    assert [one.title for one in store.feeds.all_saved(engine)] == ["100 % 'a' :b ?"] * 2
    assert len([one for one in heard if "saved_feeds" in one]) == (4 if listening else 0)


def test_an_error_is_sqlalchemys_and_the_transaction_leaves_nothing(engine: Engine) -> None:
    with pytest.raises(IntegrityError), writing(engine) as connection:
        ADD.many(connection, [*ROWS, ROWS[0]])
    assert store.feeds.all_saved(engine) == []
    wrong = Built(lambda _: text("SELECT 1 FROM nowhere"))
    with pytest.raises(Exception, match="nowhere"), reading(engine) as connection:
        wrong.rows(connection)
    with writing(engine) as connection:
        ADD.many(connection, ROWS[:1])
    assert len(store.feeds.all_saved(engine)) == 1


def test_a_connection_that_is_lost_is_unavailable_once(postgres_url: str) -> None:
    engine, other = store.connect(postgres_url), store.connect(postgres_url)
    with pytest.raises(Unavailable), writing(engine) as connection:
        ADD.many(connection, ROWS)
        ((pid,),) = Built(lambda _: text("SELECT pg_backend_pid()")).rows(connection)
        with other.connect() as second:
            second.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
        with pytest.raises(OperationalError) as caught:
            NAMED.rows(connection, asked="region=kr")
        assert caught.value.connection_invalidated
        raise caught.value
    assert store.feeds.all_saved(engine) == [], "and the next connection is a good one"
    for one in (engine, other):
        one.dispose()


@pytest.mark.parametrize(
    ("hosts", "host", "port"),
    [
        ("u:p%40x@db1:5432,db2:5433", "db1,db2", "5432,5433"),
        ("u@db1,db2:5433", "db1,db2", "5432,5433"),
        ("[::1]:5432,[fe80::2]", "::1,fe80::2", "5432,5432"),
        ("u:p@x@db1,db2", "db1,db2", "5432,5432"),
    ],
)
def test_an_address_may_name_several_hosts(hosts: str, host: str, port: str) -> None:
    engine = store.connect(f"postgresql+psycopg://{hosts}/press?sslmode=require", threads=8, pool=3)
    _, given = engine.dialect.create_connect_args(engine.url)
    assert (given["host"], given["port"], given["dbname"], given["sslmode"]) == (host, port, "press", "require")
    assert engine.pool.size() == 3 and engine.pool._max_overflow == 0  # type: ignore[attr-defined]


@pytest.mark.parametrize("hosts", ["db1:54x2,db2", "u:secret@db1,[::1"])
def test_a_port_that_is_none_is_told_without_the_password(hosts: str) -> None:
    with pytest.raises(Misconfigured, match="is not a database URL") as caught:
        store.connect(f"postgresql+psycopg://{hosts}/press", replica=True)
    assert "secret" not in str(caught.value) and "PRESSRELAY_READ_DATABASE_URL" in str(caught.value)


@pytest.mark.slow
def test_a_frozen_server_holds_no_thread(postgres_url: str) -> None:
    """A frozen server closes no connection, and its own time limits do not run: each thread that asked used to wait until it
    continued."""
    engine = store.connect(postgres_url, deadline=0.1)
    with reading(engine) as connection:
        ((pid,),) = Built(lambda _: text("SELECT pg_backend_pid()")).rows(connection)
        os.kill(pid, signal.SIGSTOP)
        try:
            begun = time.monotonic()
            with pytest.raises(OperationalError, match=r"did not answer for 3\.1 seconds") as caught:
                NAMED.rows(connection, asked="region=kr")
        finally:
            os.kill(pid, signal.SIGCONT)
        assert caught.value.connection_invalidated and time.monotonic() - begun < 10
    assert store.feeds.all_saved(engine) == [], "and the next connection is a good one"
    with pytest.raises(Unavailable, match="did not answer"), writing(engine) as connection:
        ((pid,),) = Built(lambda _: text("SELECT pg_backend_pid()")).rows(connection)
        patience.let(connection.connection.driver_connection, -2.5)
        os.kill(pid, signal.SIGSTOP)
        try:
            ADD.many(connection, ROWS)
        finally:
            os.kill(pid, signal.SIGCONT)
    assert store.feeds.all_saved(engine) == []
    engine.dispose()
