"""What subscribers are told: written in the transaction of the change itself, so that neither is there without the other.

A change is matched through the (place, topic) pairs that somebody subscribed to. Where nobody did, that is one question a transaction.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, bindparam, exists, select

from app.store.built import Built
from app.store.instants import micros
from app.store.lists import among, listed
from app.store.order import new_stamp
from app.store.tables import axis, subscribed

Pair = tuple[str, str]  # place, topic


class Told(Struct, frozen=True):
    """A change, as subscribers are told of it."""

    seq: int  # 0: of what is under embargo, which is counted here
    num: int
    version: int
    kind: str  # of the change; "embargoed" and "lapsed" of what is under embargo
    pairs: Collection[Pair]
    stamp: int = 0  # of the change; 0: made here


def tell(connection: Connection, told: Sequence[Told], now: datetime, *, embargoed: bool = False) -> None:
    """Queue these for whoever subscribed to a feed of theirs. Only a writer that holds the counter's row may call this."""
    if not told or not _ANY.rows(connection, embargoed=embargoed)[0][0]:
        return
    named = {name for one in told for pair in one.pairs for name in pair}
    ids: dict[str, int] = dict(_NAMED.rows(connection, names=listed(connection, sorted(named))))
    where = {(ids[place], ids[topic]) for one in told for place, topic in one.pairs if place in ids and topic in ids}
    listening = _listening(connection, sorted(where), embargoed)
    if not listening:
        return
    if embargoed:
        told = _counted(connection, told)
    rows: dict[tuple[int, int], Told] = {}
    for one in told:
        for place, topic in one.pairs:
            for subscription in listening.get((ids.get(place, 0), ids.get(topic, 0)), ()):
                rows[subscription, one.seq] = one
    at = micros(now)
    stamps = {one.seq: one.stamp or new_stamp() for one in told}
    found = sorted(rows.items())
    _enter(connection, [(id, seq, one.num, one.version, one.kind, at, stamps[seq]) for (id, seq), one in found])
    ring(connection, sorted({id for id, _ in rows}), at)


def ring(connection: Connection, subscriptions: Sequence[int], at: int) -> None:
    """Something waits for these, sorted, from that instant on (micros)."""
    if connection.dialect.name == "postgresql":
        # Locked in their order: the delivery workers' transactions take them in the same.
        connection.exec_driver_sql(_RING_POSTGRESQL, (list(subscriptions), at))
    else:
        text = "UPDATE queue SET bell = bell + 1, next = COALESCE(next, ?) WHERE subscription = ?"
        connection.exec_driver_sql(text, [(at, id) for id in subscriptions])


_RING_POSTGRESQL = """
WITH mine AS (
    SELECT subscription FROM queue WHERE subscription = ANY(%s::bigint[]) ORDER BY subscription FOR UPDATE
)
UPDATE queue SET bell = queue.bell + 1, next = COALESCE(queue.next, %s)
FROM mine WHERE queue.subscription = mine.subscription
"""
_ANY = Built(lambda _: select(exists().where(subscribed.c.embargoed == bindparam("embargoed"))))
_NAMED = Built(lambda dialect: select(axis.c.name, axis.c.id).where(among(axis.c.name, "names", dialect)))


def _listening(
    connection: Connection, pairs: Sequence[tuple[int, int]], embargoed: bool
) -> dict[tuple[int, int], list[int]]:
    """Who subscribed to which of these pairs."""
    if connection.dialect.name == "postgresql":
        text = (
            "SELECT s.place, s.topic, s.subscription FROM unnest(%s::int[], %s::int[]) AS p(place, topic)"
            " JOIN subscribed s ON s.place = p.place AND s.topic = p.topic AND s.embargoed = %s"
        )
        given: tuple[Any, ...] = ([place for place, _ in pairs], [topic for _, topic in pairs], embargoed)
    else:
        # CROSS JOIN: SQLite keeps the order, and looks each pair up (https://www.sqlite.org/optoverview.html#crossjoin).
        text = (
            "SELECT s.place, s.topic, s.subscription FROM json_each(?) AS p CROSS JOIN subscribed AS s"
            " WHERE s.embargoed = ? AND s.place = json_extract(p.value, '$[0]') AND s.topic = json_extract(p.value, '$[1]')"
        )
        given = (msgspec.json.encode(pairs).decode(), embargoed)
    found: dict[tuple[int, int], list[int]] = {}
    for place, topic, subscription in connection.exec_driver_sql(text, given):
        found.setdefault((place, topic), []).append(subscription)
    return found


def _counted(connection: Connection, told: Sequence[Told]) -> list[Told]:
    """With numbers of what waits: those of changes would tell the public how much does."""
    text = f"UPDATE counter SET waited = waited + {len(told)} WHERE id = 1 RETURNING waited"
    last = int(connection.exec_driver_sql(text).scalar_one())
    first = last - len(told) + 1
    return [msgspec.structs.replace(one, seq=first + place) for place, one in enumerate(told)]


def _enter(connection: Connection, rows: Sequence[tuple[int, int, int, int, str, int, int]]) -> None:
    into = "INSERT INTO deliveries (subscription, seq, num, version, kind, at, stamp, state, attempts, status, error, millis)"
    if connection.dialect.name == "postgresql":
        columns = tuple(map(list, zip(*rows, strict=True)))
        told = ", ".join(
            f"%s::{kind}[]" for kind in ("bigint", "bigint", "bigint", "bigint", "text", "bigint", "bigint")
        )
        connection.exec_driver_sql(f"{into} SELECT t.*, 'waiting', 0, 0, '', 0 FROM unnest({told}) AS t", columns)
    else:
        connection.exec_driver_sql(f"{into} VALUES (?, ?, ?, ?, ?, ?, ?, 'waiting', 0, 0, '', 0)", list(rows))
