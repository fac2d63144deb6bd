"""Names the history of the database, and finds out when the database was restored or copied.

After a backup is restored, numbers are given again to other content. A copy that runs beside the original continues differently. So
each change has a random stamp beside its number: whoever remembers both can ask whether this database still has that very change, and
so everything before it. The history as a whole has a random name, `instance`. The name is renewed when the database turns out to be in
an older state or in another place; then nobody reads what the cache holds under the old name.
"""

import os
import secrets
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from msgspec import Struct
from sqlalchemy import Connection, Engine, and_, delete, event, select, update
from sqlalchemy.exc import SQLAlchemyError

from app.errors import TooSlow, Unavailable
from app.store.changes import forget
from app.store.engine import reading, writing
from app.store.tables import (
    ceremonies,
    changes,
    counter,
    draft_links,
    drafts,
    micros,
    office_routines,
    one_time_links,
    outlet_applications,
    sessions,
)

Answer = TypeVar("Answer")
Mark = tuple[int, int]  # a change: its number and its stamp
# The reason why a planned draft was returned, for people of any language.
RETURNED = (
    "서버를 백업에서 복구해, 그 뒤에 예약이 취소되었는지 알 수 없습니다. 확인하고 다시 예약하십시오."
    " The server was restored from a backup, so the plan may have been taken back since. Check, and plan it again."
)
START: Mark = (0, 0)  # before the first change, in every history


class NewestChange(Struct, frozen=True):
    """A history and its newest change."""

    instance: str  # its name
    mark: Mark  # the newest change
    renewed: int  # when the name was last renewed because the state may be older or a copy, micros; 0: never


_HEAD = (
    select(counter.c.instance, counter.c.renewed, changes.c.seq, changes.c.stamp)
    .select_from(counter.outerjoin(changes, changes.c.seq == counter.c.seq))
    .where(counter.c.id == 1)
)


def head(engine: Engine) -> NewestChange:
    """The history and its newest change, in one snapshot. Raises Unavailable."""
    with reading(engine) as connection:
        instance, at, seq, stamp = connection.execute(_HEAD).one()
    return NewestChange(str(instance), START if seq is None else (int(seq), int(stamp)), int(at))


def instance(engine: Engine) -> str:
    """The random name of this history of the database. Raises Unavailable."""
    with reading(engine) as connection:
        return str(connection.execute(select(counter.c.instance).where(counter.c.id == 1)).scalar_one())


def secret(engine: Engine) -> bytes:
    """The random secret of this database. Raises Unavailable."""
    with reading(engine) as connection:
        return str(connection.execute(select(counter.c.secret).where(counter.c.id == 1)).scalar_one()).encode()


def holds(engine: Engine, mark: Mark) -> bool:
    """Whether this history has the change with that number and stamp. Raises Unavailable."""
    if mark == START:
        return True
    with reading(engine) as connection:
        row = connection.execute(
            select(changes.c.seq).where(and_(changes.c.seq == mark[0], changes.c.stamp == mark[1]))
        )
        return row.first() is not None


def follows(replica: Engine, primary: Engine) -> bool:
    """Whether a replica has every change that the primary has now, and so everything that was acknowledged. False if the replica
    cannot be used. A later change does not matter: the caller does not know it yet. Raises Unavailable if the primary cannot be
    used."""
    now = head(primary)
    try:
        there = head(replica)
    except (Unavailable, SQLAlchemyError):  # It cannot be reached, or it lacks these tables.
        return False
    entered(replica, there.instance)
    return there.instance == now.instance and (there.mark == now.mark or there.mark[0] > now.mark[0])


def read_newest(replica: Engine, primary: Engine, ask: Callable[[Engine], Answer]) -> Answer:
    """What `ask` reads: from the replica if that has everything that was acknowledged, else from the primary. Raises Unavailable, and
    what `ask` raises."""
    if follows(replica, primary):
        try:
            return ask(replica)
        except TooSlow:  # The primary would take as long.
            raise
        except (Unavailable, SQLAlchemyError):
            pass  # A standby ends a query whose rows it has to remove. It may also lack what an upgrade has just added.
    return ask(primary)


def moved(engine: Engine) -> bool:
    """Whether the database moved since its history was named: it is a copy, or was restored from a dump. Raises Unavailable."""
    with reading(engine) as connection:
        known = connection.execute(select(counter.c.home).where(counter.c.id == 1)).scalar_one()
        return str(known) != _home(connection)


def renew(engine: Engine, instance: str, *, older: bool) -> str:
    """Give the history a new name, unless its name is no longer `instance`. Return the valid name. `older`: the database is in an
    older state than before; otherwise it only moved. A database that has moved but has no home yet keeps its name, because an earlier
    version of Pressrelay gave the name without noting a home. Where the state may be older or a copy, people sign in again, and
    nothing is delivered until the operator says that this is the real one; not where a standby took over. Raises Unavailable."""
    with writing(engine) as connection:
        found, known = connection.execute(
            select(counter.c.instance, counter.c.home).where(counter.c.id == 1).with_for_update()
        ).one()
        home = _home(connection)
        if found != instance or (known == home and not older):  # another process was first
            return str(found)
        name = secrets.token_hex(8) if known or older else str(found)
        values: dict[str, str | int] = {"instance": name, "home": home}
        if name != found and (older or not _took_over(connection, str(known), home)):
            values["renewed"] = values["held"] = now = micros(datetime.now(UTC))
            _end(connection, now)
        connection.execute(update(counter).where(counter.c.id == 1).values(**values))
    return name


def _took_over(connection: Connection, known: str, home: str) -> bool:
    """Whether a standby of the same PostgreSQL cluster became its primary server: only the timeline is later, and there is no
    recovery target. A standby that had not received everything is detected by the note of its host (app/witness.py)."""
    old, new = known.split(), home.split()
    if len(old) != 4 or old[:3] != new[:3] or int(new[3]) < int(old[3]):
        return False
    return connection.exec_driver_sql(_TARGETS).first() is None


_TARGETS = (
    "SELECT name FROM pg_settings WHERE setting <> '' AND name IN ('recovery_target', 'recovery_target_lsn',"
    " 'recovery_target_name', 'recovery_target_time', 'recovery_target_xid')"
)


def _end(connection: Connection, now: int) -> None:
    """End what may have ended or been used in the lost part of the history: sessions, links that work once (also those that confirm
    an application), links to previews, and open ceremonies of browsers. The link of the first administrator is kept: it works only
    while there is none. A planned draft may have been taken back, and a publication cannot be undone, so it waits for somebody of
    its office. A request of one editor to end the approval by a second person is dropped for the same reason."""
    connection.execute(delete(sessions))
    connection.execute(delete(ceremonies))
    connection.execute(delete(one_time_links).where(one_time_links.c.kind != "setup"))
    connection.execute(update(draft_links).where(draft_links.c.ended.is_(None)).values(ended=now))
    connection.execute(delete(outlet_applications).where(outlet_applications.c.state == "unconfirmed"))
    returned = {
        "state": "returned",
        "reason": RETURNED,
        "planned": None,
        "revision": drafts.c.revision + 1,
        "updated": now,
    }
    connection.execute(update(drafts).where(drafts.c.state == "scheduled").values(returned))
    connection.execute(update(office_routines).values(asker="", asked=None))


def _home(connection: Connection) -> str:
    """What a copy does not share with its original. For SQLite: the inode number of the file. For PostgreSQL: the database's OID, the
    cluster's identifier and its timeline, which changes after a point-in-time recovery and when a standby takes over."""
    if connection.dialect.name == "sqlite":
        row = connection.exec_driver_sql("PRAGMA database_list").first()
        try:
            return f"file {os.stat(row[2]).st_ino}" if row is not None and row[2] else "memory"
        except OSError as error:
            raise Unavailable("The file of the database is not there.") from error
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


def watch(engine: Engine, call: Callable[[], None] = lambda: None) -> None:
    """Call `call` after each new connection, because it may lead to another state of the database."""

    def connected(_connection: Any, _record: Any) -> None:
        forget(engine)
        call()

    event.listen(engine, "connect", connected)


def entered(engine: Engine, instance: str) -> None:
    """Note that this process uses the history with that name. If the name is new, forget the ids of the history before."""
    if _entered.get(engine, instance) != instance:
        forget(engine)
    _entered[engine] = instance


_entered: WeakKeyDictionary[Engine, str] = WeakKeyDictionary()
