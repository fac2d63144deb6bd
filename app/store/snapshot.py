"""One state of the database while others write: for a backup. On SQLite a copy of the file, on PostgreSQL a snapshot that several
connections and pg_dump share.

https://www.sqlite.org/backup.html, https://www.postgresql.org/docs/current/functions-admin.html#FUNCTIONS-SNAPSHOT-SYNCHRONIZATION
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from msgspec import Struct
from sqlalchemy import Engine, event, func, select, text, union
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from app.errors import Damaged, Misconfigured, Unavailable
from app.store.engine import connect, reading, sizes_of, writing
from app.store.tables import (
    articles,
    audit,
    changes,
    draft_files,
    drafts,
    files,
    offices,
    people,
    releases,
    subscriptions,
    tokens,
    versions,
)

AT_ONCE = 1000  # files that are read with one query
COUNTED = {
    table.name: table
    for table in (articles, versions, releases, changes, files, audit, offices, people, tokens, drafts, subscriptions)
}


class Kept(Struct, frozen=True):
    """A file that the database refers to."""

    sha256: str
    size: int  # bytes


class Address(Struct, frozen=True):
    """The address of a PostgreSQL database, in the form that its own programs take."""

    conninfo: str  # without the password, because other users can see a command line
    password: str


def kind(url: str) -> str:
    """The kind of a database: "sqlite" or "postgresql". Raises Misconfigured."""
    try:
        return make_url(url).get_backend_name()
    except ArgumentError:
        raise Misconfigured(
            "That is not a database URL. Write postgresql+psycopg://user:password@host:5432/name."
        ) from None


def copy_file(source: Path, target: Path) -> None:
    """Copy an SQLite database that others may write to. The copy is made in one step: it shows one commit, and writers do not wait.
    Raises Unavailable."""
    try:
        with closing(sqlite3.connect(f"{source.as_uri()}?mode=rw", uri=True, timeout=30)) as there:
            with closing(sqlite3.connect(target)) as here:
                here.execute("PRAGMA synchronous=OFF").close()  # the copy is read at once and then removed
                there.backup(here)
            # What the writers added meanwhile stayed in the log, because the copy was reading.
            with suppress(sqlite3.OperationalError):
                there.execute("PRAGMA busy_timeout=0").close()
                there.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    except sqlite3.Error as error:
        raise Unavailable(f"The database {source} cannot be copied ({error}).") from None


def check_file(file: Path, *, thorough: bool) -> None:
    """Check an SQLite database that was restored; `thorough`: also that each index fits its table. Raises Damaged."""
    try:
        with closing(sqlite3.connect(file)) as connection:
            found = connection.execute(f"PRAGMA {'integrity_check' if thorough else 'quick_check'}(1)").fetchone()[0]
            if found == "ok" and (row := connection.execute("PRAGMA foreign_key_check").fetchone()):
                found = f"a row of {row[0]} belongs to a row of {row[2]} that is not there"
    except sqlite3.Error as error:
        found = str(error)
    if found != "ok":
        raise Damaged(
            f"The database in the backup is damaged ({str(found).splitlines()[0][:200]}). Restore another backup."
        )


def check_schema(engine: Engine, fresh: Engine) -> None:
    """Check that an SQLite database of our schema has nothing that `fresh`, a new one, has not: a foreign trigger would run with
    our statements. Raises Damaged and Unavailable."""
    for kind, name, _ in sorted(_schema(engine) - _schema(fresh)):
        raise Damaged(
            f"The database in the backup has the {kind} {str(name)[:80]!r}, which Pressrelay does not have. Restore another backup."
        )


def _schema(engine: Engine) -> set[tuple[str, str, str]]:
    """Kind and name of each part of an SQLite database; of a trigger, also what it does."""
    with reading(engine) as connection:
        return {tuple(row) for row in connection.exec_driver_sql(_PARTS)}


_PARTS = "SELECT type, name, CASE type WHEN 'trigger' THEN sql ELSE '' END FROM sqlite_master"


def merge_log(file: Path) -> None:
    """Move everything from the log of an SQLite database into its file, and remove the log. Raises Unavailable if it is in use."""
    try:
        with closing(sqlite3.connect(file, timeout=5)) as connection:
            if connection.execute("PRAGMA journal_mode=DELETE").fetchone()[0] != "delete":
                raise Unavailable(f"Another process uses the database {file}. Stop the server first.")
    except sqlite3.Error as error:
        raise Unavailable(f"The database {file} is in use ({error}). Stop the server first.") from None


@contextmanager
def shared_snapshot(engine: Engine) -> Iterator[tuple[Engine, str]]:
    """A snapshot of a PostgreSQL database: an engine whose connections all read in it, and its name for pg_dump. Raises
    Unavailable."""
    seen = connect(engine.url.render_as_string(hide_password=False), threads=2)
    try:
        with writing(engine, fenced=False) as holder:  # it writes nothing, but stays open while the snapshot is used
            holder.exec_driver_sql(_ISOLATED)
            holder.exec_driver_sql(_PATIENT)
            name = str(holder.exec_driver_sql("SELECT pg_export_snapshot()").scalar_one())
            event.listen(
                seen, "checkout", lambda connection, *_: connection.execute(f"{_ISOLATED}; {_SNAPSHOT % name}")
            )
            seen.update_execution_options(snapshot=name)
            yield seen, name
    finally:
        seen.dispose()


_ISOLATED = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_PATIENT = (
    "SELECT set_config(name, '0', true) FROM pg_settings"
    " WHERE name IN ('statement_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')"
)
_SNAPSHOT = "SET TRANSACTION SNAPSHOT '%s'"


def address(engine: Engine) -> Address:
    """The address of a PostgreSQL database for pg_dump and pg_restore."""
    from psycopg.conninfo import make_conninfo

    words, named = engine.dialect.create_connect_args(engine.url)
    known = {key: value for key, value in named.items() if key not in ("context", "password", "prepare_threshold")}
    return Address(make_conninfo(*words, **known), str(named.get("password") or ""))


def tables(engine: Engine) -> int:
    """How many tables the database has. Raises Unavailable."""
    from sqlalchemy import inspect

    with reading(engine) as connection:
        return len(inspect(connection).get_table_names())


def others(engine: Engine) -> int:
    """How many other connections a PostgreSQL database has. Raises Unavailable."""
    with reading(engine) as connection:
        return int(connection.execute(text(_OTHERS)).scalar_one())


_OTHERS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    " AND backend_type = 'client backend'"
)
OLD = "pressrelay_before_restore"  # the schema in which the tables before wait until the restored ones are checked
ASIDE = f"ALTER SCHEMA public RENAME TO {OLD}; CREATE SCHEMA public;"
BACK = f"DROP SCHEMA public CASCADE; ALTER SCHEMA {OLD} RENAME TO public;"
AWAY = f"DROP SCHEMA {OLD} CASCADE;"


def check_old(engine: Engine) -> None:
    """Raises Misconfigured if a restore was killed before it had checked what it restored, and Unavailable."""
    with reading(engine) as connection:
        if connection.execute(text("SELECT 1 FROM pg_namespace WHERE nspname = :name"), {"name": OLD}).first():
            raise Misconfigured(
                f"A restore was interrupted, and the database from before it is in the schema {OLD}."
                f" Put it back with psql: {BACK} Or remove it: {AWAY}"
            )


@contextmanager
def replacing(engine: Engine) -> Iterator[None]:
    """Use this after the restored tables of a PostgreSQL database replaced the old ones. If the block fails, the old tables are put
    back; otherwise they are removed. Raises Unavailable."""
    try:
        yield
    except BaseException:
        run_statements(engine, BACK)
        raise
    run_statements(engine, AWAY)
    run_statements(engine, "ANALYZE")  # a dump has no statistics, without which the planner guesses


def run_statements(engine: Engine, statements: str) -> None:
    """Run statements in one transaction, whatever the schema. Raises Unavailable."""
    with writing(engine, fenced=False) as connection:
        for statement in filter(None, statements.split("; ")):
            connection.execute(text(statement))


def row_counts(engine: Engine) -> dict[str, int]:
    """How many rows the tables have that an operator knows by name. Raises Unavailable."""
    return sizes_of(engine, {name: select(table.c[0]) for name, table in COUNTED.items()})


def kept_files(engine: Engine) -> Iterator[list[Kept]]:
    """All files that articles and drafts use, each once, some at a time. Raises Unavailable."""
    after = ""
    while True:
        both = union(
            *(
                select(table.c.sha256, func.max(table.c.size).label("size"))
                .where(table.c.sha256 > after)
                .group_by(table.c.sha256)
                .order_by(table.c.sha256)
                .limit(AT_ONCE)
                .subquery()
                .select()
                for table in (files, draft_files)
            )
        ).subquery()
        statement = select(both.c.sha256, func.max(both.c.size)).group_by(both.c.sha256).order_by(both.c.sha256)
        with reading(engine) as connection:
            rows: list[Any] = list(connection.execute(statement.limit(AT_ONCE)))
        if not rows:
            return
        yield [Kept(str(sha256), int(size)) for sha256, size in rows]
        after = rows[-1][0]
