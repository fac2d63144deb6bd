"""The one order of all changes: a number for each, raised within its transaction, so that they commit in their order."""

from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Column, ColumnElement, Connection, ScalarSelect, func, select, update

from app.store.instants import micros
from app.store.keys import Keys
from app.store.tables import changes, counter


class Change(Struct, frozen=True):
    """Something that became visible, was corrected or canceled."""

    seq: int
    keys: tuple[Keys, ...]  # the feeds that show it, before and after


def lock(connection: Connection) -> int:
    """The last number; writers pass one after the other from here on, so numbers commit in order and no deadlock can arise."""
    locked = select(counter.c.seq).where(counter.c.id == 1).with_for_update()
    return int(connection.execute(locked).scalar_one())


def unlock(connection: Connection, seq: int) -> None:
    """Leave the last number for the next writer, who gets it when this transaction ends."""
    connection.execute(update(counter).where(counter.c.id == 1).values(seq=seq))


def change_row(change: Change, num: int, version: int, kind: str, now: datetime) -> dict[str, Any]:
    """The row of a change of article `num`."""
    packed = msgspec.json.encode(change.keys)
    return {"seq": change.seq, "num": num, "version": version, "kind": kind, "at": micros(now), "axes": packed}


def last_seq(connection: Connection) -> int:
    """The number of the newest change; 0 before the first."""
    return int(connection.execute(select(func.coalesce(func.max(changes.c.seq), 0))).scalar_one())


def last_shown(connection: Connection, num: int) -> tuple[Keys, ...]:
    """The feeds that showed an article before its last change, or after it."""
    newest = select(changes.c.axes).where(changes.c.num == num).order_by(changes.c.seq.desc()).limit(1)
    packed = connection.execute(newest).scalar_one_or_none()
    return () if packed is None else msgspec.json.decode(packed, type=tuple[Keys, ...])


def public_state(num: ColumnElement[int] | Column[int], column: Column[Any]) -> ScalarSelect[Any]:
    """A column of an article's last change: what the public was told last, whatever came since and waits."""
    last = changes.alias()
    return select(last.c[column.name]).where(last.c.num == num).order_by(last.c.seq.desc()).limit(1).scalar_subquery()
