"""What the operator ordered for the whole server, that is for every process of every host: deliver nothing, take no releases. Also
the time of the last backup.

A restored or copied database delivers nothing by itself (app/store/identity.py sets `held`), because the original may still run: two
servers that call the same subscribers, or pull the same sources, would contradict each other.
"""

from datetime import datetime

from msgspec import Struct
from sqlalchemy import Connection, Engine, literal_column, select, update

from app.store.built import Built
from app.store.engine import lock, reading, writing
from app.store.tables import counter, micros

HELD = "delivers to nobody and pulls no source. If this is the real server, and no other one delivers: pressrelay deliveries resume"
DRAINED = "takes no releases. To take them again: pressrelay drain --end"


class OperatorOrders(Struct, frozen=True):
    """The orders that are in force; instants as micros; 0: not in force, or never."""

    held: int  # since when nothing is delivered to subscribers and no source is pulled
    drained: int  # since when no release is taken
    backed_up: int  # the moment that the newest backup shows


_ROW = Built(
    lambda _: select(counter.c.held, counter.c.drained, counter.c.backed_up).where(counter.c.id == literal_column("1"))
)


def now_holds(engine: Engine) -> OperatorOrders:
    """The orders that are in force now. Raises Unavailable."""
    with reading(engine) as connection:
        ((held, drained, backed_up),) = _ROW.rows(connection)
    return OperatorOrders(int(held), int(drained), int(backed_up))


def is_held(connection: Connection) -> bool:
    """Whether nothing may be delivered now. A worker asks this in the same transaction in which it claims a delivery."""
    ((held, _, _),) = _ROW.rows(connection)
    return bool(held)


def may_pull(connection: Connection) -> bool:
    """Whether sources may be pulled now: neither held nor drained."""
    ((held, drained, _),) = _ROW.rows(connection)
    return not held and not drained


def hold_deliveries(engine: Engine, since: datetime | None) -> None:
    """Deliver nothing and pull nothing from now on, or again if `since` is None. Raises Unavailable."""
    _set(engine, "held", since)


def drain_intake(engine: Engine, since: datetime | None) -> None:
    """Take no releases from now on, or again if `since` is None. It waits for the transactions that run, and none that begins later
    takes a release: when this returns, no more releases are acknowledged. Raises Unavailable."""
    _set(engine, "drained", since)


def note_backup(engine: Engine, at: datetime) -> None:
    """Note that a backup of the state at that moment is complete. Raises Unavailable."""
    _set(engine, "backed_up", at)


def _set(engine: Engine, name: str, at: datetime | None) -> None:
    with writing(engine) as connection:
        lock(connection)
        connection.execute(update(counter).where(counter.c.id == 1).values({name: micros(at) if at else 0}))
