"""How an office works at its desk: whether a second person approves, and when it is notified."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from msgspec import Struct
from sqlalchemy import Connection, Engine, delete, insert, select

from app.store import audit
from app.store.audit import Event
from app.store.deliveries.intents import Intent, ask_within
from app.store.engine import reading, writing
from app.store.tables import instant, micros, office_routines, offices


class Routine(Struct, frozen=True):
    """How an office works at its desk."""

    approval: bool = False  # a second person must approve each release
    notice: int = 60  # minutes before an embargo lifts at which the office gets a mail; 0: none
    asker: str = ""  # id of the editor who asked to end approval; empty: nobody
    asked: datetime | None = None  # when


def routine(engine: Engine, office: str) -> Routine:
    """How an office works. Raises Unavailable."""
    with reading(engine) as connection:
        return _routine(connection, office)


def set_routine(
    engine: Engine,
    office: str,
    before: Routine,
    after: Routine,
    action: str,
    actor: str,
    now: datetime,
    detail: Mapping[str, str] | None = None,
    letters: Sequence[Intent] = (),
) -> bool:
    """Change how an office works, if it still works as `before` says. False, and nothing is stored, if somebody changed it
    meanwhile. `action`: its name in the audit log. `letters`: the mails that the change causes. Raises Unavailable."""
    with writing(engine) as connection:
        # The row of the office is always there, so that of two changes at once one sees the other.
        connection.execute(select(offices.c.code).where(offices.c.code == office).with_for_update())
        if _routine(connection, office) != before:
            return False
        connection.execute(delete(office_routines).where(office_routines.c.office == office))
        connection.execute(
            insert(office_routines).values(
                office=office,
                approval=after.approval,
                notice=after.notice,
                asker=after.asker,
                asked=None if after.asked is None else micros(after.asked),
            )
        )
        told = {"approval": "second person" if after.approval else "none", "notice": str(after.notice)}
        audit.record(connection, [Event(action, actor, office, detail=told | dict(detail or {}))], now)
        ask_within(connection, letters, now)
    return True


def _routine(connection: Connection, office: str) -> Routine:
    row = connection.execute(select(office_routines).where(office_routines.c.office == office)).first()
    if row is None:
        return Routine()
    return Routine(bool(row.approval), row.notice, row.asker, None if row.asked is None else instant(row.asked))
