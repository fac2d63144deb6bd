"""Which history of the database this is.

After a backup was put back, numbers are given again, to other content. A copy that is brought up beside the original goes on
differently. So each change has a random stamp beside its number: whoever remembers both can ask whether this database still
holds that very change, and with it all that came before. The history as a whole has a random name, `instance`. The name is renewed
where an older state of the database, or another home of it, is found; then nobody looks at what is kept under the name before.
"""

import os
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from weakref import WeakKeyDictionary

from msgspec import Struct
from sqlalchemy import Connection, Engine, and_, event, select, update

from app.store import scan
from app.store.engine import reading, writing
from app.store.instants import micros
from app.store.tables import changes, counter

Mark = tuple[int, int]  # a change: its number and its stamp
START: Mark = (0, 0)  # before the first change; every history has that


class Head(Struct, frozen=True):
    """Where a history stands."""

    instance: str  # its name
    mark: Mark  # the newest change
    renewed: int  # when the name was last renewed, micros; 0: never


_HEAD = (
    select(counter.c.instance, counter.c.renewed, changes.c.seq, changes.c.stamp)
    .select_from(counter.outerjoin(changes, changes.c.seq == counter.c.seq))
    .where(counter.c.id == 1)
)


def head(engine: Engine) -> Head:
    """The history and its newest change, in one snapshot. Raises Unavailable."""
    with reading(engine) as connection:
        instance, at, seq, stamp = connection.execute(_HEAD).one()
    return Head(str(instance), START if seq is None else (int(seq), int(stamp)), int(at))


def holds(engine: Engine, mark: Mark) -> bool:
    """Whether this history has that very change. Raises Unavailable."""
    if mark == START:
        return True
    with reading(engine) as connection:
        row = connection.execute(
            select(changes.c.seq).where(and_(changes.c.seq == mark[0], changes.c.stamp == mark[1]))
        )
        return row.first() is not None


def moved(engine: Engine) -> bool:
    """Whether the database is another one than that in which the history was named: a copy, or one that was put back from a dump.
    Raises Unavailable."""
    with reading(engine) as connection:
        known = connection.execute(select(counter.c.home).where(counter.c.id == 1)).scalar_one()
        return str(known) != _home(connection)


def renew(engine: Engine, instance: str, *, older: bool) -> str:
    """Give the history a new name, unless somebody did so since it was called `instance`; the name that is in force. `older`: its
    state is older than one that was seen. Else it only has another home, and where it had none yet, it keeps its name: a version of
    this program that knew of no homes gave it. Raises Unavailable."""
    with writing(engine) as connection:
        found, known = connection.execute(
            select(counter.c.instance, counter.c.home).where(counter.c.id == 1).with_for_update()
        ).one()
        if found != instance:
            return str(found)
        name = secrets.token_hex(8) if known or older else str(found)
        values: dict[str, str | int] = {"instance": name, "home": _home(connection)}
        if name != found:
            values["renewed"] = micros(datetime.now(UTC))
        connection.execute(update(counter).where(counter.c.id == 1).values(**values))
    return name


def _home(connection: Connection) -> str:
    """What a copy does not share with its original. Of SQLite the file's number in its file system; of PostgreSQL the database's own
    number, the cluster's, and its timeline, which changes when it is put back to an instant or a standby takes over."""
    if connection.dialect.name == "sqlite":
        row = connection.exec_driver_sql("PRAGMA database_list").first()
        return f"file {os.stat(row[2]).st_ino}" if row is not None and row[2] else "memory"
    own = connection.exec_driver_sql("SELECT oid FROM pg_database WHERE datname = current_database()").scalar_one()
    allowed = connection.exec_driver_sql(_MAY_ASK).scalar_one()
    cluster = connection.exec_driver_sql(_CLUSTER).one() if allowed else ("", "")
    return f"database {own} {cluster[0]} {cluster[1]}".strip()


_MAY_ASK = (
    "SELECT has_function_privilege('pg_control_system()', 'EXECUTE')"
    " AND has_function_privilege('pg_control_checkpoint()', 'EXECUTE')"
)
_CLUSTER = (
    "SELECT system_identifier::text, timeline_id::text FROM pg_control_system() CROSS JOIN pg_control_checkpoint()"
)


def watch(engine: Engine, call: Callable[[], None]) -> None:
    """Call this with each new connection: another state of the database may stand at its other end."""

    def connected(_connection: Any, _record: Any) -> None:
        scan.forget(engine)
        call()

    event.listen(engine, "connect", connected)


def entered(engine: Engine, instance: str) -> None:
    """This process goes on with the history of that name: it forgets the numbers of another one."""
    if _entered.get(engine, instance) != instance:
        scan.forget(engine)
    _entered[engine] = instance


_entered: WeakKeyDictionary[Engine, str] = WeakKeyDictionary()
