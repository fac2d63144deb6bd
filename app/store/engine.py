"""Connects to the database, and reads and writes in it: SQLite (WAL, every commit synced) or PostgreSQL."""

import math
import re
import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import (
    Connection,
    Select,
    bindparam,
    create_engine,
    event,
    func,
    literal_column,
    make_url,
    select,
    update,
)
from sqlalchemy import Engine as Engine
from sqlalchemy.exc import ArgumentError, DataError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app import spans
from app.errors import Draining, Misconfigured, TooSlow, Unavailable, Unfit
from app.store.built import Built
from app.store.revisions import OURS
from app.store.tables import changes, counter
from app.text.masking import hushed

BUSY_SECONDS = 5
WRITING_SECONDS = 30  # how long a statement of a transaction may take on PostgreSQL, including waits for other writers
POOL_SECONDS = 3  # how long a thread waits for a free connection to PostgreSQL
SEVERAL = re.compile(
    r"(?P<start>postgresql[^:]*://(?:[^/?]*@)?)(?P<hosts>[^/?@]*,[^/?@]*)(?P<path>/[^?]*)?(?:\?(?P<query>.*))?"
)
HOST = re.compile(r"(?P<host>\[[^]]*\]|[^:\[\]]*)(?::(?P<port>.*))?")  # an IPv6 address is in brackets
OPERATIONS = 20_000  # instructions of SQLite's virtual machine between two looks at the time
ASK_AGAIN = 0.0002  # seconds between two attempts to begin a transaction
LOG_SIZE = 64 * 1024 * 1024  # bytes that the write-ahead log of SQLite keeps
LATEST_AHEAD = 2 * 3_600_000_000  # microseconds
# The database's revision, and the oldest code that may run beside it.
SCHEMA = "SELECT version_num, oldest FROM alembic_version CROSS JOIN schema_version"
OTHER_SCHEMA = (
    "The database has another schema than this version of Pressrelay needs{}. `pressrelay doctor` says what to do."
)
UNDEFINED = ("42P01", "42703")  # a table, a column


def connect(
    url: str, *, threads: int = 8, deadline: float = 0.0, pool: int = 0, locks: float = 0.0, replica: bool = False
) -> Engine:
    """Make the engine for a database URL; no connection is opened yet. `deadline`: seconds that a query may take, 0 for no limit.
    `pool`: most connections to PostgreSQL, 0 for twice the threads. `locks`: seconds that a statement waits for other writers there.
    `replica`: it is only read from, and may be a standby. Raises Misconfigured."""
    name = "READ_DATABASE_URL" if replica else "DATABASE_URL"
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

        where = make_url(_several_hosts(url))
        engine = create_engine(
            where,
            pool_size=min(pool or threads, threads),
            max_overflow=max(0, (pool or 2 * threads) - threads),
            pool_timeout=POOL_SECONDS,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args=patience.defaults(where, replica=replica),
        )
        patience.make_patient(engine, _limits(deadline, locks), deadline)
        return engine
    except (ArgumentError, ImportError) as error:
        raise Misconfigured(f"PRESSRELAY_{name} is not a database URL this server can use: {error}.") from None
    except ValueError:  # Its message quotes the port, which may be a part of the password.
        raise Misconfigured(
            f"PRESSRELAY_{name} is not a database URL this server can use."
            " Write postgresql+psycopg://user:password@host:5432/name; in the password, write characters such as # / : and @"
            " as %23 %2F %3A and %40."
        ) from None


def _several_hosts(url: str) -> str:
    """The URL as SQLAlchemy reads it. libpq's way to name several hosts with their ports, `host1:5432,host2:5432`, is another one
    (https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-MULTIPLE-HOSTS). Raises ValueError for a port that is none."""
    found = SEVERAL.fullmatch(url)
    if found is None:
        return url
    pairs = [HOST.fullmatch(part) for part in found["hosts"].split(",")]
    hosts = ",".join(pair["host"].strip("[]") if pair else "" for pair in pairs)
    ports = ",".join(str(int(pair["port"] or 5432) if pair else int("")) for pair in pairs)
    more = f"&{found['query']}" if found["query"] else ""
    return f"{found['start']}{found['path'] or '/'}?host={hosts}&port={ports}{more}"


def _limits(deadline: float, locks: float) -> dict[str, int]:
    """PostgreSQL's own limits of a session, in milliseconds:
    https://www.postgresql.org/docs/current/runtime-config-client.html#GUC-STATEMENT-TIMEOUT"""
    from app.store import patience

    limits = {"idle_in_transaction_session_timeout": patience.IDLE * 1000}
    if deadline:
        limits["statement_timeout"] = int(deadline * 1000)
    if locks:
        limits["lock_timeout"] = int(locks * 1000)
    return limits


def _watch_the_time(connection: Any, record: Any) -> None:
    """Install a timeout: SQLite has none for statements, but it calls a handler every OPERATIONS instructions, about once a
    millisecond."""
    info = record.info
    info["until"] = math.inf
    connection.set_progress_handler(lambda: time.monotonic() > info["until"], OPERATIONS)


def _from_now(deadline: float, _connection: Any, record: Any, _proxy: Any) -> None:
    """Start the deadline when a connection leaves the pool. `writing` removes the deadline again for a transaction."""
    record.info["until"] = time.monotonic() + deadline


def _sqlite_connect(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # this module begins transactions, not the driver
    _wal(connection)
    for pragma in (
        f"journal_size_limit={LOG_SIZE}",
        "synchronous=FULL",
        "foreign_keys=ON",
        "cache_size=-4000",
        "temp_store=MEMORY",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def shorten_log(engine: Engine) -> int:
    """Make the write-ahead log of SQLite short again if it became long, and return how many bytes it has then. It grows while anybody
    reads one old state, such as a program that copies the database: https://www.sqlite.org/wal.html#avoiding_excessively_large_wal_files
    No writer waits for the copying. 0 on PostgreSQL. Raises Unavailable."""
    if engine.dialect.name != "sqlite" or engine.url.database is None:
        return 0
    log = Path(f"{engine.url.database}-wal")
    try:
        if log.stat().st_size <= LOG_SIZE:
            return log.stat().st_size
        with reading(engine) as connection:
            connection.exec_driver_sql("PRAGMA busy_timeout=0")
            try:
                _, pages, copied = connection.exec_driver_sql("PRAGMA wal_checkpoint(PASSIVE)").one()
                if pages == copied:  # There is nothing left to copy, so this takes a moment.
                    connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                connection.exec_driver_sql(f"PRAGMA busy_timeout={BUSY_SECONDS * 1000}")
        return log.stat().st_size
    except FileNotFoundError:
        return 0


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
    with converted(), _traced(engine, "write"), _turn(engine), engine.begin() as connection:
        # The deadline for queries does not apply to a transaction, which may wait for other writers.
        if connection.dialect.name == "sqlite":
            connection.info["until"] = math.inf
            if fenced:
                check_fit(connection.connection.driver_connection.execute(SCHEMA).fetchall())  # type: ignore[union-attr]
        else:
            _let_write(connection, fenced)
        yield connection


def _traced(engine: Engine, operation: str) -> AbstractContextManager[spans.TraceSpan]:
    """A span of a transaction: https://opentelemetry.io/docs/specs/semconv/db/database-spans/. No statement is in it: some name what
    they look for."""
    name = engine.dialect.name
    return spans.span(f"{operation} {name}", spans.CLIENT, db__system__name=name, db__operation__name=operation)


def check_fit(found: Sequence[Any]) -> None:
    """Raises Unavailable unless this version may write in a database that has this revision and oldest code (the rows of SCHEMA)."""
    if not found or (why := OURS.misfit(str(found[0][0]), str(found[0][1]))):
        raise Unavailable(why if found else OTHER_SCHEMA.format(""))


class LastNumber(NamedTuple):
    """The state of the counter."""

    seq: int  # the last number
    instance: str  # the name of the history
    at: int  # when the change with this number came, micros; 0: there is none, or on PostgreSQL another writer was just before

    def following(self, now: int) -> int:
        """`now` (micros), or the moment after the last change if the clock was set back after it; so the newer change has the later
        moment. A last change that is more than two hours ahead does not count: that clock was wrong."""
        return self.at + 1 if now <= self.at < now + LATEST_AHEAD else now


def lock(connection: Connection, *, takes: bool = False) -> LastNumber:
    """Lock the counter's row. Other writers wait here until this transaction ends, so numbers are committed in order and no deadlock
    is possible. `takes`: the transaction takes a release; raises Draining if none are taken at this time."""
    ((seq, instance, at, drained),) = _LOCK.rows(connection)
    if takes and drained:
        raise Draining("The server takes no releases at this time, because its operator drains it.")
    return LastNumber(int(seq), str(instance), int(at or 0))


def _let_write(connection: Connection, fenced: bool) -> None:
    """Give the statements of this transaction more time than a query, and look in the same statement whether this version may write
    here. Behind a pooler nothing was set for the session, so set all."""
    from app.store import patience

    limits: Mapping[str, int] = connection.info["limits"]
    own = dict(limits) if connection.info["pooled"] else {}
    if "statement_timeout" in limits:
        own["statement_timeout"] = WRITING_SECONDS * 1000
        patience.let(connection.connection.driver_connection, WRITING_SECONDS)
    if fenced:
        times = "".join(f", set_config('{name}', '{value}', true)" for name, value in own.items())
        check_fit(connection.exec_driver_sql(SCHEMA.replace(" FROM", f"{times} FROM")).all())
    elif own:
        connection.exec_driver_sql("; ".join(f"SET LOCAL {name} = {value}" for name, value in own.items()))


def has_room(connection: Connection, rows: Select[Any], most: int) -> bool:
    """Whether there are fewer than `most` of these rows. It locks the counter's row, so no other transaction adds one until this
    one ends: several requests at once cannot exceed the limit."""
    lock(connection)
    found = select(func.count()).select_from(rows.limit(most).subquery())
    return int(connection.execute(found).scalar_one()) < most


def unlock(connection: Connection, seq: int) -> None:
    """Store the last number for the next writer, who can read it when this transaction ends."""
    _UNLOCK.rows(connection, newest=seq)


_LAST_AT = select(changes.c.at).where(changes.c.seq == counter.c.seq).correlate(counter).scalar_subquery()
_LOCK = Built(
    lambda _: (
        select(counter.c.seq, counter.c.instance, _LAST_AT, counter.c.drained)
        .where(counter.c.id == literal_column("1"))
        .with_for_update(of=counter)
    )
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


class _Held(threading.local):
    """The connection that this thread now reads over."""

    engine: Engine | None = None
    connection: Connection | None = None


_held = _Held()


@contextmanager
def holding(engine: Engine) -> Iterator[None]:
    """Let all `reading` of this thread share one connection: taking one from the pool and giving it back costs more than a short
    statement. Use it for a few statements only, and do not wait meanwhile: on SQLite they share one deadline. Raises Unavailable and
    Unfit."""
    with converted(), _connected(engine) as connection:
        before = _held.engine, _held.connection
        _held.engine, _held.connection = engine, connection
        try:
            yield
        finally:
            _held.engine, _held.connection = before


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection for single statements, each its own snapshot. Raises Unavailable and Unfit."""
    with converted(), _traced(engine, "read"):
        if _held.engine is engine and _held.connection is not None:
            yield _held.connection
        else:
            with _connected(engine) as connection:
                yield connection


@contextmanager
def _connected(engine: Engine) -> Iterator[Connection]:
    with engine.connect().execution_options(reading=True) as connection:
        if connection.dialect.name == "postgresql" and "snapshot" not in engine.get_execution_options():
            limits = connection.info["limits"]
            if connection.info["pooled"] and "statement_timeout" in limits:
                # In a transaction (READ COMMITTED) each statement has a snapshot of its own too.
                connection.exec_driver_sql(f"SET LOCAL statement_timeout = {limits['statement_timeout']}")
            else:
                connection.execution_options(isolation_level="AUTOCOMMIT")
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
        raise _unavailable(error) from error
    except (DataError, UnicodeEncodeError, OverflowError) as error:  # The drivers raise the last two themselves.
        raise Unfit(f"The database does not accept this value ({_brief(error)}).") from error
    except DBAPIError as error:
        if error.connection_invalidated:
            raise Unavailable("The connection to the database was lost.") from error
        if getattr(error.orig, "sqlstate", "") in UNDEFINED:
            raise Unavailable(OTHER_SCHEMA.format(f" ({_brief(error)})")) from error
        raise


def _unavailable(error: Exception) -> Unavailable:
    """The error for callers: what is wrong, and whether it stays wrong until somebody changes a setting."""
    cause = getattr(error, "orig", None)
    if type(cause).__module__.startswith("psycopg"):
        from app.store import patience

        sentence, lasting = patience.outage_reason(cause)
        if sentence:
            ask = " Correct the address of the database." if lasting else ""
            return Unavailable(f"{sentence} ({_brief(error)}).{ask}", lasting=lasting)
    return Unavailable(f"The database cannot be used right now ({_brief(error)}).")


def _took_too_long(error: Exception) -> bool:
    cause = getattr(error, "orig", None) or error
    if isinstance(cause, sqlite3.OperationalError):
        return getattr(cause, "sqlite_errorcode", 0) == sqlite3.SQLITE_INTERRUPT
    return getattr(cause, "sqlstate", "") == "57014"  # query_canceled


def _brief(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    return hushed(str(cause).strip().splitlines()[0][:200]) if str(cause).strip() else type(cause).__name__
