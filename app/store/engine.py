"""Connects to the database, and reads and writes in it: SQLite (WAL, every commit synced) or PostgreSQL."""

import math
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

from sqlalchemy import (
    Connection,
    Select,
    bindparam,
    create_engine,
    event,
    func,
    literal_column,
    select,
    update,
)
from sqlalchemy import Engine as Engine
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.errors import Misconfigured, TooSlow, Unavailable, Unfit
from app.store.built import Built
from app.store.revisions import OURS
from app.store.tables import counter
from app.text.masking import hushed

BUSY_SECONDS = 5
WRITING_SECONDS = 30  # how long a statement of a transaction may take on PostgreSQL, including waits for other writers
OPERATIONS = 20_000  # instructions of SQLite's virtual machine between two looks at the time
ASK_AGAIN = 0.0002  # seconds between two attempts to begin a transaction
# The database's revision, and the oldest code that may run beside it.
SCHEMA = "SELECT version_num, oldest FROM alembic_version CROSS JOIN schema_version"
# The same in the statement that sets a transaction's time, so that it costs no round trip.
SCHEMA_AND_TIME = (
    f"SELECT version_num, oldest, set_config('statement_timeout', '{WRITING_SECONDS * 1000}', true)"
    " FROM alembic_version CROSS JOIN schema_version"
)
OTHER_SCHEMA = (
    "The database has another schema than this version of Pressrelay needs{}. `pressrelay doctor` says what to do."
)
UNDEFINED = ("42P01", "42703")  # a table, a column


def connect(url: str, *, threads: int = 8, deadline: float = 0.0) -> Engine:
    """Make the engine for a database URL; no connection is opened yet. `deadline`: seconds that a query may take, 0 for no limit.
    Raises Misconfigured."""
    try:
        if url.startswith("sqlite"):
            engine = create_engine(
                url,
                pool_size=threads,
                max_overflow=threads,
                connect_args={"timeout": BUSY_SECONDS},
                hide_parameters=True,  # parameters are texts and secrets, and errors are logged
            )
            event.listen(engine, "connect", _sqlite_connect)
            event.listen(engine, "begin", _sqlite_begin)
            if deadline:
                event.listen(engine, "connect", _watch_the_time)
                event.listen(engine, "checkout", partial(_from_now, deadline))
            return engine
        from app.store import patience  # imports the driver, which SQLite does not need

        engine = create_engine(
            url,
            pool_size=threads,
            max_overflow=threads,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args={"connect_timeout": BUSY_SECONDS, **patience.KEEPALIVE},
        )
        if deadline:
            event.listen(engine, "connect", partial(_set_timeout, deadline))
            patience.make_patient(engine, deadline)
        return engine
    except (ArgumentError, ImportError) as error:
        raise Misconfigured(f"PRESSRELAY_DATABASE_URL is not a database URL this server can use: {error}.") from None
    except ValueError:  # Its message quotes the port, which may be a part of the password.
        raise Misconfigured(
            "PRESSRELAY_DATABASE_URL is not a database URL this server can use."
            " Write postgresql+psycopg://user:password@host:5432/name; in the password, write characters such as # / : and @"
            " as %23 %2F %3A and %40."
        ) from None


def _watch_the_time(connection: Any, record: Any) -> None:
    """Install a timeout: SQLite has none for statements, but it calls a handler every OPERATIONS instructions, about once a
    millisecond."""
    info = record.info
    info["until"] = math.inf
    connection.set_progress_handler(lambda: time.monotonic() > info["until"], OPERATIONS)


def _from_now(deadline: float, _connection: Any, record: Any, _proxy: Any) -> None:
    """Start the deadline when a connection leaves the pool. `writing` removes the deadline again for a transaction."""
    record.info["until"] = time.monotonic() + deadline


def _set_timeout(deadline: float, connection: Any, record: Any) -> None:
    """Set https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-STATEMENT-TIMEOUT"""
    with connection.cursor() as cursor:
        cursor.execute(f"SET statement_timeout = {int(deadline * 1000)}")
    connection.commit()
    record.info["limited"] = True


def _sqlite_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # this module begins transactions, not the driver
    _wal(connection)
    for pragma in ("synchronous=FULL", "foreign_keys=ON", "cache_size=-4000", "temp_store=MEMORY"):
        connection.execute(f"PRAGMA {pragma}").close()


def _wal(connection: Any) -> None:
    """Turn the write-ahead log on. If two processes open a new database at once, SQLite sees a deadlock and one of them gets
    "locked" at once, without the usual timeout. So try again."""
    until = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").close()
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.02)


def _sqlite_begin(connection: Connection) -> None:
    # BEGIN IMMEDIATE: a transaction that reads first must not fail at its first write because another writer came between.
    if not connection.get_execution_options().get("reading"):
        _begin_in_turn(connection.connection.driver_connection)


def _begin_in_turn(connection: Any) -> None:
    """Begin as soon as the writer of another process ends. SQLite itself would sleep up to 100 ms; a push takes one or two."""
    until = time.monotonic() + BUSY_SECONDS
    connection.execute("PRAGMA busy_timeout=0").close()
    try:
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE").close()
                return
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > until:
                    raise
            time.sleep(ASK_AGAIN)
    finally:
        connection.execute(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}").close()


@contextmanager
def writing(engine: Engine, *, fenced: bool = True) -> Iterator[Connection]:
    """One transaction, committed to disk when the block ends. It is refused where this version may not write in the schema; not
    `fenced`: it changes the schema itself. Raises Unavailable and Unfit."""
    with converted(), _turn(engine), engine.begin() as connection:
        # The deadline for queries does not apply to a transaction, which may wait for other writers.
        if connection.dialect.name == "sqlite":
            connection.info["until"] = math.inf
            if fenced:
                check_fit(connection.connection.driver_connection.execute(SCHEMA).fetchall())  # type: ignore[union-attr]
        elif connection.info.get("limited"):
            from app.store import patience

            patience.let(connection.connection.driver_connection, WRITING_SECONDS)
            if fenced:
                check_fit(connection.exec_driver_sql(SCHEMA_AND_TIME).all())
            else:
                connection.exec_driver_sql(f"SET LOCAL statement_timeout = {WRITING_SECONDS * 1000}")
        elif fenced:
            check_fit(connection.exec_driver_sql(SCHEMA).all())
        yield connection


def check_fit(found: Sequence[Any]) -> None:
    """Raises Unavailable unless this version may write in a database that has this revision and oldest code (the rows of SCHEMA)."""
    if not found or (why := OURS.misfit(str(found[0][0]), str(found[0][1]))):
        raise Unavailable(why if found else OTHER_SCHEMA.format(""))


def lock(connection: Connection) -> tuple[int, str]:
    """Lock the counter's row. Return the last number, and the name of the history. Other writers wait here until this transaction
    ends, so numbers are committed in order and no deadlock is possible."""
    ((seq, instance),) = _LOCK.rows(connection)
    return int(seq), str(instance)


def unlock(connection: Connection, seq: int) -> None:
    """Store the last number for the next writer, who can read it when this transaction ends."""
    _UNLOCK.rows(connection, newest=seq)


_LOCK = Built(
    lambda _: select(counter.c.seq, counter.c.instance).where(counter.c.id == literal_column("1")).with_for_update()
)
_UNLOCK = Built(lambda _: update(counter).where(counter.c.id == literal_column("1")).values(seq=bindparam("newest")))


@contextmanager
def _turn(engine: Engine) -> Iterator[None]:
    """On SQLite, let the writers of one process write one after another; each wakes the next. Raises Unavailable."""
    if engine.dialect.name != "sqlite":
        yield
        return
    turn = _turns.setdefault(str(engine.url), threading.Lock())
    if not turn.acquire(timeout=BUSY_SECONDS):
        raise Unavailable(f"The database was busy with other writes for {BUSY_SECONDS} seconds.")
    try:
        yield
    finally:
        turn.release()


_turns: dict[str, threading.Lock] = {}  # database URL -> the lock that its writers take


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection for single statements, each its own snapshot. Raises Unavailable and Unfit."""
    options: dict[str, Any] = {"reading": True}
    if engine.dialect.name == "postgresql":
        options["isolation_level"] = "AUTOCOMMIT"
    with converted(), engine.connect().execution_options(**options) as connection:
        yield connection


def sizes_of(engine: Engine, found: Mapping[str, Select[Any]]) -> dict[str, int]:
    """How many rows each of some queries has, asked at once. Raises Unavailable."""
    counts = [select(func.count()).select_from(rows.subquery()).scalar_subquery() for rows in found.values()]
    with reading(engine) as connection:
        return dict(zip(found, connection.execute(select(*counts)).one(), strict=True))


@contextmanager
def converted() -> Iterator[None]:
    """Raises the errors of the drivers as Unavailable and Unfit."""
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeout, sqlite3.OperationalError) as error:
        if _took_too_long(error):
            raise TooSlow("A database query took longer than PRESSRELAY_STATEMENT_SECONDS allows.") from None
        if str(getattr(error, "orig", None) or error).startswith(("no such table", "no such column")):
            raise Unavailable(OTHER_SCHEMA.format(f" ({_brief(error)})")) from error
        raise Unavailable(f"The database cannot be used right now ({_brief(error)}).") from error
    except (DataError, UnicodeEncodeError, OverflowError) as error:  # The drivers raise the last two themselves.
        raise Unfit(f"The database does not accept this value ({_brief(error)}).") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise Unavailable("The connection to the database was lost.") from error
        if getattr(error.orig, "sqlstate", "") in UNDEFINED:
            raise Unavailable(OTHER_SCHEMA.format(f" ({_brief(error)})")) from error
        raise


def _took_too_long(error: Exception) -> bool:
    cause = getattr(error, "orig", None) or error
    if isinstance(cause, sqlite3.OperationalError):
        return getattr(cause, "sqlite_errorcode", 0) == sqlite3.SQLITE_INTERRUPT
    return getattr(cause, "sqlstate", "") == "57014"  # query_canceled


def _brief(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return hushed(str(cause).strip().splitlines()[0][:200]) if str(cause).strip() else type(cause).__name__
