"""What an upgrade would do: its revisions, their statements, the locks that these take, and an estimate of rows and time."""

import io
import re
from collections.abc import Callable

from msgspec import Struct
from sqlalchemy import Connection, inspect, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import CompileError

from app.store.backfill import progress
from app.store.engine import Engine, reading
from app.store.revisions import OURS, History, Kind, Revision
from app.store.schema import loaded, pending, state
from app.store.tables import backfills

# Microseconds for each row of the table: an order of magnitude, which is what a plan needs.
INDEXED, REWRITTEN, FILLED = 5, 20, 100
QUICK = 0.1  # seconds of a statement that changes only the catalog
# What a statement begins with, the lock that it takes on PostgreSQL, and microseconds for each row.
# https://www.postgresql.org/docs/current/explicit-locking.html
LOCKS = (
    (r"CREATE TABLE", "", 0),
    (r"(?:CREATE|DROP) (?:UNIQUE )?INDEX CONCURRENTLY", "SHARE UPDATE EXCLUSIVE: reads and writes go on", INDEXED),
    (r"CREATE (?:UNIQUE )?INDEX", "SHARE: writes wait", INDEXED),
    (r"CREATE TRIGGER", "SHARE ROW EXCLUSIVE: writes wait", 0),
    (r"(?:DROP|ALTER) ", "ACCESS EXCLUSIVE: reads and writes wait", 0),
    (r"(?:UPDATE|DELETE)", "ROW EXCLUSIVE: writes of the same rows wait", REWRITTEN),
)
TABLE = re.compile(
    r'(?:ALTER TABLE|DROP TABLE(?: IF EXISTS)?|UPDATE|DELETE FROM| ON|INSERT INTO|CREATE TABLE)\s+"?(\w+)"?'
)
ALONE = "all writers wait"  # on SQLite


class MigrationStep(Struct, frozen=True):
    """A statement of a migration."""

    statement: str
    lock: str  # what others must wait for; empty: nothing
    rows: int  # of the table that it is about, as estimated
    seconds: float  # as estimated


class PlannedMigration(Struct, frozen=True):
    """A migration that would run."""

    revision: str
    kind: Kind
    purpose: str
    oldest: str  # the oldest code that may run beside it; empty: the code before
    steps: tuple[MigrationStep, ...]
    filled: int  # rows that are filled in afterwards, in the background
    seconds: float  # until it and its backfill end, as estimated


def would_run(engine: Engine, history: History = OURS, *, contract: bool = False) -> list[PlannedMigration]:
    """What `upgrade` would run, in its order; nothing is changed. Raises Misconfigured and Unavailable."""
    found, oldest = state(engine)
    revisions = pending(history, found, oldest, contract=contract) if found else list(history.revisions)
    with reading(engine) as connection:
        return [_planned(connection, revision) for revision in revisions]


def _planned(connection: Connection, revision: Revision) -> PlannedMigration:
    module = loaded(revision)
    steps = tuple(_step(connection, line) for line in statements(revision, connection.dialect.name))
    filled = _rows(connection, module.backfilled) if revision.backfills else 0
    purpose = " ".join((module.__doc__ or "").partition("\n\n")[0].split())
    seconds = sum(step.seconds for step in steps) + 2 * filled * FILLED / 1e6  # half of the time is left to others
    return PlannedMigration(revision.number, revision.kind, purpose, revision.oldest, steps, filled, round(seconds, 1))


def statements(revision: Revision, dialect: str) -> list[str]:
    """The SQL of a migration for "sqlite" or "postgresql", a statement a line; only a remark where it first asks the database."""
    from alembic.migration import MigrationContext
    from alembic.operations import Operations

    written = io.StringIO()
    context = MigrationContext.configure(
        dialect=postgresql.dialect() if dialect == "postgresql" else sqlite.dialect(),  # type: ignore[no-untyped-call]
        opts={"as_sql": True, "output_buffer": written, "literal_binds": True},
    )
    try:
        with Operations.context(context):
            migrate: Callable[[], None] = loaded(revision).upgrade
            migrate()
    except (AttributeError, CompileError):  # No connection: what follows depends on the data.
        return [*_split(written.getvalue()), "-- and statements that depend on the data"]
    return _split(written.getvalue())


def _split(written: str) -> list[str]:
    lines = (" ".join(statement.split()) for statement in written.split(";\n"))
    return [line for line in lines if line and line not in ("BEGIN", "COMMIT")]


def _step(connection: Connection, statement: str) -> MigrationStep:
    lock, each = next(((lock, each) for begin, lock, each in LOCKS if re.match(begin, statement)), ("", 0))
    named = TABLE.search(statement)
    rows = _rows(connection, named[1]) if named and each else 0
    if connection.dialect.name == "sqlite":
        lock = ALONE
    return MigrationStep(statement, lock, rows, round(QUICK + rows * each / 1e6, 1) if lock else 0.0)


def _rows(connection: Connection, name: str) -> int:
    """About how many rows a table has; 0 if it is not there yet."""
    if not inspect(connection).has_table(name):
        return 0
    quoted = connection.dialect.identifier_preparer.quote(name)
    if connection.dialect.name == "postgresql":
        guess = connection.scalar(text("SELECT reltuples FROM pg_class WHERE oid = to_regclass(:name)"), {"name": name})
        if guess is not None and guess > 0:
            return int(guess)
    return int(connection.scalar(text(f"SELECT COUNT(*) FROM {quoted}")) or 0)


def standing(engine: Engine, history: History = OURS) -> list[str]:
    """The state of the schema, in sentences: its revision, the oldest code that may run beside it, the migrations that wait. Raises
    Unavailable."""
    found, oldest = state(engine)
    if not found:
        return ["The database is new: it has no schema yet."]
    words = [f"The database has schema {found}; this version knows {history.newest} and needs {history.needs}."]
    if why := history.misfit(found, oldest):
        return [*words, why]
    if oldest:
        words.append(f"Code that knows schema {oldest} or a later one may run beside it.")
    if waits := [revision.number for revision in history.after(found) if history.known(found)]:
        words.append(
            f"Migration {', '.join(waits)} waits until you start it. When no older version runs any more, run"
            " `pressrelay db upgrade --contract`."
        )
    with reading(engine) as connection:
        known = inspect(connection).has_table(backfills.name)
    return words + [found.words() for found in (progress(engine) if known else [])]
