"""The one order of all changes: a number for each, raised within its transaction, so that they commit in their order."""

import secrets
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    ScalarSelect,
    and_,
    bindparam,
    func,
    literal_column,
    select,
    update,
)

from app.store.built import Built
from app.store.instants import micros
from app.store.keys import Keys
from app.store.tables import changes, counter, versions
from feeds.article import Article


class Change(Struct, frozen=True):
    """Something that became visible, was corrected or canceled."""

    seq: int
    keys: tuple[Keys, ...]  # the feeds that show it, before and after
    stamp: int  # random: tells it from the change that has this number in another history of the database
    instance: str = ""  # the name of the history that it was written in; empty: not known


def lock(connection: Connection) -> tuple[int, str]:
    """The last number and the name of the history; writers pass one after the other from here on, so numbers commit in order and no
    deadlock can arise."""
    ((seq, instance),) = _LOCK.rows(connection)
    return int(seq), str(instance)


def new_stamp() -> int:
    """A random number that fits a column of 64 bits."""
    return secrets.randbits(63)


def unlock(connection: Connection, seq: int) -> None:
    """Leave the last number for the next writer, who gets it when this transaction ends."""
    _UNLOCK.rows(connection, newest=seq)


def change_row(change: Change, num: int, version: int, kind: str, now: datetime) -> dict[str, Any]:
    """The row of a change of article `num`."""
    packed = msgspec.json.encode(change.keys)
    row = {"seq": change.seq, "num": num, "version": version, "kind": kind, "at": micros(now), "axes": packed}
    return row | {"stamp": change.stamp}


def last_seq(connection: Connection) -> int:
    """The number of the newest change; 0 before the first."""
    return int(connection.execute(select(func.coalesce(func.max(changes.c.seq), 0))).scalar_one())


_LOCK = Built(
    lambda _: select(counter.c.seq, counter.c.instance).where(counter.c.id == literal_column("1")).with_for_update()
)
_UNLOCK = Built(lambda _: update(counter).where(counter.c.id == literal_column("1")).values(seq=bindparam("newest")))


class Told(Struct, frozen=True):
    """What the public was told of an article last."""

    kind: str  # of the change
    note: str  # the office's words with it
    keys: tuple[Keys, ...]  # the feeds that showed it before, or after


def last_told(connection: Connection, num: int) -> Told | None:
    """The last change of an article; None where it never was public."""
    row = connection.execute(
        select(changes.c.kind, changes.c.axes, versions.c.doc)
        .join(versions, and_(versions.c.num == changes.c.num, versions.c.version == changes.c.version))
        .where(changes.c.num == num)
        .order_by(changes.c.seq.desc())
        .limit(1)
    ).one_or_none()
    if row is None:
        return None
    note = msgspec.json.decode(row.doc, type=Article).note
    return Told(row.kind, note, msgspec.json.decode(row.axes, type=tuple[Keys, ...]))


def public_state(num: ColumnElement[int] | Column[int], column: Column[Any]) -> ScalarSelect[Any]:
    """A column of an article's last change: what the public was told last, whatever came since and waits."""
    last = changes.alias()
    return select(last.c[column.name]).where(last.c.num == num).order_by(last.c.seq.desc()).limit(1).scalar_subquery()
