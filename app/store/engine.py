"""Connects to the database, reads and writes in it, and upgrades its schema: SQLite (WAL, every commit synced) or PostgreSQL."""

import math
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import (
    Connection,
    Select,
    bindparam,
    create_engine,
    event,
    func,
    inspect,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy import Engine as Engine
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.errors import Misconfigured, TooSlow, Unavailable, Unfit
from app.store.built import Built
from app.store.tables import counter
from app.text.masking import hushed

BUSY_SECONDS = 5
WRITING_SECONDS = 30  # how long a statement of a transaction may take on PostgreSQL, including waits for other writers
OPERATIONS = 20_000  # instructions of SQLite's virtual machine between two looks at the time
ASK_AGAIN = 0.0002  # seconds between two attempts to begin a transaction
VERSIONS = Path(__file__).parent / "migrations" / "versions"
# A migration's file name begins with the revision that it leads to.
REVISIONS = sorted(path.name[:4] for path in VERSIONS.glob("[0-9]*.py"))
MIGRATION_LOCK = 7_079_771  # any number that only this project uses


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
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction, committed to disk when the block ends. Raises Unavailable and Unfit."""
    with _converted(), _turn(engine), engine.begin() as connection:
        # The deadline for queries does not apply to a transaction, which may wait for other writers.
        if connection.dialect.name == "sqlite":
            connection.info["until"] = math.inf
        elif connection.info.get("limited"):
            from app.store import patience

            patience.let(connection.connection.driver_connection, WRITING_SECONDS)
            connection.exec_driver_sql(f"SET LOCAL statement_timeout = {WRITING_SECONDS * 1000}")
        yield connection


def lock(connection: Connection) -> tuple[int, str]:
    """Lock the counter's row. Return the last number, and the name of the history. Other writers wait here until this transaction
    ends, so numbers are committed in order and no deadlock is possible."""
    ((seq, instance),) = _LOCK.rows(connection)
    return int(seq), str(instance)


def has_room(connection: Connection, rows: Select[Any], most: int) -> bool:
    """Whether there are fewer than `most` of these rows. It locks the counter's row, so a transaction that adds one next is the only
    one that does: of several requests at once, no more than there is room for find any."""
    lock(connection)
    found = select(func.count()).select_from(rows.limit(most).subquery())
    return int(connection.execute(found).scalar_one()) < most


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
    with _converted(), engine.connect().execution_options(**options) as connection:
        yield connection


def sizes_of(engine: Engine, found: Mapping[str, Select[Any]]) -> dict[str, int]:
    """How many rows each of some queries has, asked at once. Raises Unavailable."""
    counts = [select(func.count()).select_from(rows.subquery()).scalar_subquery() for rows in found.values()]
    with reading(engine) as connection:
        return dict(zip(found, connection.execute(select(*counts)).one(), strict=True))


@contextmanager
def _converted() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeout, sqlite3.OperationalError) as error:
        if _took_too_long(error):
            raise TooSlow("A database query took longer than PRESSRELAY_STATEMENT_SECONDS allows.") from None
        raise Unavailable(f"The database cannot be used right now ({_brief(error)}).") from error
    except (DataError, UnicodeEncodeError, OverflowError) as error:  # The drivers raise the last two themselves.
        raise Unfit(f"The database does not accept this value ({_brief(error)}).") from error
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
    """The revision of the schema; empty for a new database."""
    with reading(engine) as connection:
        if not inspect(connection).has_table("alembic_version"):
            return ""
        return str(connection.scalar(text("SELECT version_num FROM alembic_version")) or "")


def upgrade(engine: Engine) -> None:
    """Upgrade the schema to the newest revision; two processes may do so at once. Raises Misconfigured if the schema is too old, or
    newer than this version, and Unavailable."""
    found = _revision(engine)
    if found == REVISIONS[-1]:
        return
    if found and found not in REVISIONS:
        oldest, newest = REVISIONS[0], REVISIONS[-1]
        whose, then = (
            ("a newer version", "Start that version.")
            if found > newest
            else (
                "an older version",
                f"Upgrade it to schema {oldest} first, with the last version that made schema {oldest}.",
            )
        )
        raise Misconfigured(
            f"The database has schema {found} of {whose} of Pressrelay; this version needs schema {newest}. {then}"
        )
    # Imported only here: a process that needs no upgrade starts half a second sooner.
    import alembic.command
    import alembic.config

    config = alembic.config.Config()
    config.set_main_option("script_location", "app.store:migrations")
    with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, "head")
