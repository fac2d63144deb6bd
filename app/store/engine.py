"""One engine for each process: SQLite (WAL, every commit synced to disk) or PostgreSQL."""

import math
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, create_engine, event, inspect, text
from sqlalchemy import Engine as Engine
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.errors import Misconfigured, TooSlow, Unavailable, Unfit
from app.text.masking import hushed

BUSY_SECONDS = 5
WRITING_SECONDS = 30  # that one statement of a transaction may take on PostgreSQL, waiting for other writers included
OPERATIONS = 20_000  # of SQLite's machine, between two looks at the time
ASK_AGAIN = 0.0002  # seconds from one try to write to the next
VERSIONS = Path(__file__).parent / "migrations" / "versions"
NEWEST = max(path.name for path in VERSIONS.glob("[0-9]*.py"))[
    :4
]  # the schema's revision; each file's name begins with its own
MIGRATION_LOCK = 7_079_771  # any number that only this project uses


def connect(url: str, *, threads: int = 8, deadline: float = 0.0) -> Engine:
    """The engine for a database URL. Nothing is opened yet. `deadline`: seconds that what reads may take, 0: as long as it likes.
    Raises Misconfigured."""
    try:
        if url.startswith("sqlite"):
            engine = create_engine(
                url,
                pool_size=threads,
                max_overflow=threads,
                connect_args={"timeout": BUSY_SECONDS},
                hide_parameters=True,  # of a statement that fails: they are texts and secrets, and errors are logged
            )
            event.listen(engine, "connect", _sqlite_connect)
            event.listen(engine, "begin", _sqlite_begin)
            if deadline:
                event.listen(engine, "connect", _watch_the_time)
                event.listen(engine, "checkout", partial(_from_now, deadline))
            return engine
        engine = create_engine(
            url,
            pool_size=threads,
            max_overflow=threads,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args={"connect_timeout": BUSY_SECONDS},
        )
        if deadline:
            event.listen(engine, "connect", partial(_set_timeout, deadline))
        return engine
    except (ArgumentError, ImportError) as error:
        raise Misconfigured(f"PRESSRELAY_DATABASE_URL is not a database URL this server can use: {error}.") from None
    except ValueError:  # It quotes what should be a port, and may be a part of the password.
        raise Misconfigured(
            "PRESSRELAY_DATABASE_URL is not a database URL this server can use: it takes postgresql+psycopg://user:password@host:5432/name;"
            " in a password, characters such as # / : and @ are written as %23 %2F %3A and %40."
        ) from None


def _watch_the_time(connection: Any, record: Any) -> None:
    """SQLite has no timeout for a statement; it asks this every OPERATIONS steps of its machine, about each millisecond."""
    info = record.info
    info["until"] = math.inf
    connection.set_progress_handler(lambda: time.monotonic() > info["until"], OPERATIONS)


def _from_now(deadline: float, _connection: Any, record: Any, _proxy: Any) -> None:
    """A connection is taken for a question or a transaction; a transaction is not cut off."""
    record.info["until"] = time.monotonic() + deadline


def _set_timeout(deadline: float, connection: Any, record: Any) -> None:
    """https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-STATEMENT-TIMEOUT"""
    with connection.cursor() as cursor:
        cursor.execute(f"SET statement_timeout = {int(deadline * 1000)}")
    connection.commit()
    record.info["limited"] = True


def _sqlite_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # transactions are ours, not the driver's
    _wal(connection)
    for pragma in ("synchronous=FULL", "foreign_keys=ON", "cache_size=-4000", "temp_store=MEMORY"):
        connection.execute(f"PRAGMA {pragma}").close()


def _wal(connection: Any) -> None:
    """Turn the write-ahead log on. Two processes that open a new database at once: one is told "locked" at once, whatever
    the timeout, for SQLite sees a deadlock; so it asks again."""
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
    # IMMEDIATE: a transaction that reads before it writes must not find, half-way, that another writer was first.
    if not connection.get_execution_options().get("reading"):
        _begin_in_turn(connection.connection.driver_connection)


def _begin_in_turn(connection: Any) -> None:
    """Begin as soon as the writer of another process ends: SQLite's own waiting sleeps for up to 100 ms, a push takes one or two."""
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
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction, committed to disk on leaving. Raises Unavailable and Unfit."""
    with _converted(), _turn(engine), engine.begin() as connection:
        # A transaction is not cut off like a question: it may wait for others that write.
        if connection.dialect.name == "sqlite":
            connection.info["until"] = math.inf
        elif connection.info.get("limited"):
            connection.exec_driver_sql(f"SET LOCAL statement_timeout = {WRITING_SECONDS * 1000}")
        yield connection


@contextmanager
def _turn(engine: Engine) -> Iterator[None]:
    """The writers of one process go one after the other, on SQLite: each is woken by the one before. Raises Unavailable."""
    if engine.dialect.name != "sqlite":
        yield
        return
    turn = _turns.setdefault(str(engine.url), threading.Lock())
    if not turn.acquire(timeout=BUSY_SECONDS):
        raise Unavailable(f"The database was written to for {BUSY_SECONDS} seconds.")
    try:
        yield
    finally:
        turn.release()


_turns: dict[str, threading.Lock] = {}  # database URL -> whose turn it is


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection for single statements, each its own snapshot. Raises Unavailable and Unfit."""
    options: dict[str, Any] = {"reading": True}
    if engine.dialect.name == "postgresql":
        options["isolation_level"] = "AUTOCOMMIT"
    with _converted(), engine.connect().execution_options(**options) as connection:
        yield connection


@contextmanager
def _converted() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeout, sqlite3.OperationalError) as error:
        if _took_too_long(error):
            raise TooSlow(
                "A question to the database took longer than it may (PRESSRELAY_STATEMENT_SECONDS)."
            ) from None
        raise Unavailable(f"The database cannot be used right now ({_brief(error)}).") from error
    except (DataError, UnicodeEncodeError, OverflowError) as error:  # The last two are the drivers' own.
        raise Unfit(f"The database takes no such value ({_brief(error)}).") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise Unavailable("The connection to the database was lost.") from error
        raise


def _took_too_long(error: Exception) -> bool:
    cause = getattr(error, "orig", None) or error
    if isinstance(cause, sqlite3.OperationalError):
        return getattr(cause, "sqlite_errorcode", 0) == sqlite3.SQLITE_INTERRUPT
    return getattr(cause, "sqlstate", "") == "57014"  # query_canceled


def _brief(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return hushed(str(cause).strip().splitlines()[0][:200]) if str(cause).strip() else type(cause).__name__


def _revision(engine: Engine) -> str:
    """The schema's revision; empty for a database that is new."""
    with reading(engine) as connection:
        if not inspect(connection).has_table("alembic_version"):
            return ""
        return str(connection.scalar(text("SELECT version_num FROM alembic_version")) or "")


def upgrade(engine: Engine) -> None:
    """Bring the schema to the newest revision; two processes may do so at once. Raises Unavailable."""
    if _revision(engine) == NEWEST:
        return
    # Loaded only here: whatever finds the schema as it should be starts half a second sooner.
    import alembic.command
    import alembic.config

    config = alembic.config.Config()
    config.set_main_option("script_location", "app.store:migrations")
    with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, "head")
