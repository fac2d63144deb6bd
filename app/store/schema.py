"""Upgrades the schema while servers read and write, and downgrades it by one revision. app/store/revisions.py says what a revision
is.

Each revision is a transaction of its own, so a process that is killed leaves the schema at one revision or the next, and the next
start goes on. On PostgreSQL a revision gives up a lock that it does not get soon, because everybody else would wait behind it, and
tries again. A contract first writes down which code is too old, and then waits until every transaction ended that began before: from
then on no old code writes.
"""

import importlib.util
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from types import ModuleType
from typing import Any

from sqlalchemy import Connection, delete, func, insert, inspect, select, table, text, update
from sqlalchemy.exc import DBAPIError, OperationalError

from app.errors import Misconfigured, Unavailable
from app.store.engine import SCHEMA, Engine, check_fit, converted, reading, writing
from app.store.revisions import OURS, History, Revision
from app.store.tables import backfills, micros, schema_version

MIGRATION_LOCK = 7_079_771  # any number that only this project uses
LOCK_SECONDS = 2.0  # how long a revision waits for a lock; everybody else waits behind it
PAUSE = 0.5  # seconds before it tries again
ATTEMPTS = 20
DRAIN_SECONDS = 60.0  # how long a contract waits for transactions that began before it
WAIT = 0.1  # seconds between two looks
BUSY = ("55P03", "40P01")  # lock_not_available, deadlock_detected

Say = Callable[[str], None]


def state(engine: Engine) -> tuple[str, str]:
    """The revision of the schema, empty for a new database, and the oldest code that may run beside it. Raises Unavailable."""
    with reading(engine) as connection:
        tables = inspect(connection)
        if not tables.has_table("alembic_version"):
            return "", ""
        number = str(connection.scalar(text("SELECT version_num FROM alembic_version")) or "")
        known = tables.has_table("schema_version")
        return number, str(connection.scalar(select(schema_version.c.oldest)) or "") if known else ""


def newest() -> str:
    """The newest revision that this program knows."""
    return OURS.newest


def check(engine: Engine) -> None:
    """Raises Unavailable if this version may not write in the database; the message says why."""
    with reading(engine) as connection:
        check_fit(connection.exec_driver_sql(SCHEMA).all())


def upgrade(engine: Engine, history: History = OURS, *, contract: bool = False, say: Say = lambda _: None) -> None:
    """Bring the schema to what this version needs; several processes may do so at once. `contract`: also do what only works when no
    older version runs. `say` is called with a sentence for each step. Raises Misconfigured if the schema is of a version that cannot
    be upgraded from or is newer than this one, and Unavailable."""
    found, oldest = state(engine)
    if not found:
        _create(engine, history)
        return
    if not pending(history, found, oldest, contract=contract):
        return
    with _alone(engine):
        found, oldest = state(engine)  # another process may have been first
        for revision in pending(history, found, oldest, contract=contract):
            if revision.kind == "contract":
                _fence(engine, history, revision, say)
            say(f"Migration {revision.path.stem} ({revision.kind}).")
            _run(engine, history, revision.number, say)


def pending(history: History, found: str, oldest: str, *, contract: bool = False) -> list[Revision]:
    """The revisions that an upgrade would run. Raises Misconfigured if this version cannot work with the schema."""
    if not history.known(found):
        if why := history.misfit(found, oldest):
            raise Misconfigured(why)
        return []
    if contract:
        return history.after(found)
    needed = [revision for revision in history.after(found) if revision.number <= history.needs]
    for revision in needed:
        if revision.kind == "contract":
            raise Misconfigured(
                f"The database has schema {found}, and this version needs schema {history.needs}. Before that comes migration"
                f" {revision.number}, which you must start, because code older than {revision.oldest} cannot run beside it."
                " When no older version runs any more, run `pressrelay db upgrade --contract`."
            )
    return needed


def downgrade(engine: Engine, history: History = OURS, *, lose: bool = False) -> tuple[str, str]:
    """Undo the last revision; returns the schema before and after. `lose`: also if data is lost. Raises Misconfigured if there is no
    way back or data would be lost, and Unavailable."""
    with _alone(engine):
        found, _ = state(engine)
        before = [revision.number for revision in history.revisions if revision.number < found]
        if not history.known(found):
            raise Misconfigured(
                f"The database has schema {found or 'none'}, which this version does not know."
                " Downgrade with the version that made it."
            )
        module = loaded(next(revision for revision in history.revisions if revision.number == found))
        if not before or not hasattr(module, "downgrade"):
            raise Misconfigured(f"Schema {found} cannot be downgraded. Restore a backup of the version before.")
        lost = _lost(engine, getattr(module, "loses", {}))
        if lost and not lose:
            raise Misconfigured(
                f"Going back from schema {found} to {before[-1]} would lose {', '.join(lost)}."
                " Make a backup. Then repeat the command with --lose-data if you want that."
            )
        _run(engine, history, before[-1], lambda _: None, down=True)
        return found, before[-1]


def _lost(engine: Engine, loses: dict[str, str]) -> list[str]:
    """How many rows of which tables have what a downgrade would remove. `loses`: table -> SQL condition of such rows."""
    with reading(engine) as connection:
        counts = {
            name: connection.scalar(select(func.count()).select_from(table(name)).where(text(condition)))
            for name, condition in loses.items()
        }
    return [f"what {count} rows of {name} hold" for name, count in counts.items() if count]


@cache
def loaded(revision: Revision) -> ModuleType:
    """The module of a migration."""
    spec = importlib.util.spec_from_file_location(f"pressrelay_migration_{revision.number}", revision.path)
    if spec is None or spec.loader is None:
        raise Misconfigured(f"{revision.path} cannot be imported.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _create(engine: Engine, history: History) -> None:
    """Make all tables in one transaction: nobody uses the database yet."""
    with writing(engine, fenced=False) as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
        if not inspect(connection).has_table("alembic_version"):
            _alembic(connection, history, "head", online=False)


def _run(engine: Engine, history: History, number: str, say: Say, *, down: bool = False) -> None:
    """Run one revision, or undo down to one. Raises Unavailable if it does not get its locks."""
    for attempt in range(ATTEMPTS):
        try:
            with converted():
                _once(engine, history, number, down=down)
            return
        except (Unavailable, DBAPIError) as error:
            if not _is_busy(error):
                raise
            say(
                f"Other transactions use a table that is to be changed. Attempt {attempt + 1} of {ATTEMPTS} was given up."
            )
            time.sleep(PAUSE)
    raise Unavailable(
        f"Migration {number} did not get its locks in {ATTEMPTS} attempts of {LOCK_SECONDS:g} seconds. The schema is as it was."
        " Look for a long transaction in the database, end it, and run `pressrelay db upgrade` again."
    )


def _is_busy(error: BaseException) -> bool:
    cause = error.__cause__ if isinstance(error, Unavailable) else error
    orig = getattr(cause, "orig", None) or cause
    return getattr(orig, "sqlstate", "") in BUSY or getattr(orig, "sqlite_errorname", "") == "SQLITE_BUSY"


def _once(engine: Engine, history: History, number: str, *, down: bool) -> None:
    if engine.dialect.name == "sqlite":
        with writing(engine, fenced=False) as connection:
            _alembic(connection, history, number, online=True, down=down)
        return
    # Here Alembic begins the transaction, so that a migration can leave it to make an index CONCURRENTLY.
    with engine.connect() as connection:
        _alembic(connection, history, number, online=True, down=down, lock_timeout=int(LOCK_SECONDS * 1000))


def _alembic(
    connection: Connection, history: History, number: str, *, online: bool, down: bool = False, lock_timeout: int = 0
) -> None:
    # Imported only here: a process that needs no upgrade starts half a second sooner.
    import alembic.command
    import alembic.config

    config = alembic.config.Config()
    config.set_main_option("script_location", "app.store:migrations")
    folders = dict.fromkeys(str(revision.path.parent) for revision in history.revisions)
    config.set_main_option("path_separator", "os")
    config.set_main_option("version_locations", os.pathsep.join(folders).replace("%", "%%"))

    def applied(*, ctx: Any, heads: set[str], **_: Any) -> None:
        _note(ctx.connection, history, max(heads, default=""), online=online)

    config.attributes.update(connection=connection, online=online, lock_timeout=lock_timeout, applied=applied)
    (alembic.command.downgrade if down else alembic.command.upgrade)(config, number)


def _note(connection: Connection, history: History, number: str, *, online: bool) -> None:
    """After a step, in its transaction: note the oldest code that may run beside the schema, and the backfill that begins."""
    if not inspect(connection).has_table("schema_version"):
        return
    connection.execute(update(schema_version).values(oldest=history.oldest(number)))
    connection.execute(delete(backfills).where(backfills.c.revision > number))
    revision = next(revision for revision in history.revisions if revision.number == number)
    begun = connection.scalar(select(func.count()).select_from(backfills).where(backfills.c.revision == number))
    if online and revision.backfills and not begun:
        rows = connection.scalar(select(func.count()).select_from(table(loaded(revision).backfilled)))
        values = {"place": "", "done": 0, "total": rows, "begun": micros(datetime.now(UTC))}
        connection.execute(insert(backfills).values(revision=number, **values))


def _fence(engine: Engine, history: History, revision: Revision, say: Say) -> None:
    """Keep older code from writing, and wait for all transactions that began before that. Raises Misconfigured if rows are still to
    be filled, and Unavailable."""
    with writing(engine, fenced=False) as connection:
        left = connection.scalars(select(backfills.c.revision).where(backfills.c.ended.is_(None))).all()
        if left:
            raise Misconfigured(
                f"The backfill of migration {', '.join(left)} has not ended, so migration {revision.number} cannot run yet."
                " `pressrelay db status` shows how far it is; `pressrelay db backfill` goes on with it at once."
            )
        connection.execute(update(schema_version).values(oldest=revision.oldest))
    if engine.dialect.name == "sqlite":
        return  # BEGIN IMMEDIATE: no other writer is between its look at the row and its commit
    until = time.monotonic() + DRAIN_SECONDS
    with reading(engine) as connection:
        fenced = connection.scalar(text("SELECT clock_timestamp()"))
        while pids := connection.scalars(_BEFORE, {"fenced": fenced}).all():
            if time.monotonic() > until:
                raise Unavailable(
                    f"Transactions that began before the migration are still open (process {', '.join(map(str, pids))} of PostgreSQL)."
                    " End them, and run `pressrelay db upgrade --contract` again."
                )
            time.sleep(WAIT)
    say(f"Code older than {revision.oldest} can no longer write.")


_BEFORE = text(
    "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start < :fenced"
    f" AND pid NOT IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objid = {MIGRATION_LOCK})"
)


@contextmanager
def _alone(engine: Engine) -> Iterator[None]:
    """Only one process changes the schema. On PostgreSQL a transaction of its own holds a lock; it holds no snapshot, so CREATE INDEX
    CONCURRENTLY does not wait for it. On SQLite each step is alone by itself. Raises Unavailable."""
    if engine.dialect.name == "sqlite":
        yield
        return
    with converted(), engine.connect() as connection:
        # A waiting pg_advisory_lock would hold a snapshot: the index of the other process would wait for this one.
        while not connection.scalar(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK}):
            connection.rollback()
            time.sleep(WAIT)
        connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
        try:
            yield
        finally:
            try:
                connection.rollback()
            except OperationalError:
                connection.invalidate()
