"""Queues notices of changes for subscribers, in the transaction of the change, so that neither is stored without the other.

A change is matched by the (place, topic) pairs that have subscriptions. If there are no subscriptions at all, this costs one query for
each transaction.
"""

import secrets
from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import accumulate
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, bindparam, exists, select

from app.store.built import Built, among, listed
from app.store.changes import new_stamp
from app.store.tables import axis, micros, subscribed

Pair = tuple[str, str]  # place, topic
GAP = 1000  # the largest step between the numbers of two notices under embargo


class Notice(Struct, frozen=True):
    """A change that subscribers are notified of."""

    seq: int  # the number of the change; 0 for an article under embargo, which gets a number here
    num: int
    version: int
    kind: str  # of the change; "embargoed" or "lapsed" for an article under embargo
    pairs: Collection[Pair]
    stamp: int = 0  # of the change; 0: a new stamp is made


def enqueue(connection: Connection, notices: Sequence[Notice], now: datetime, *, embargoed: bool = False) -> None:
    """Queue notices for all subscriptions to their feeds. Only a writer that holds the counter's row may call this. `embargoed`: the
    notices are of articles under embargo."""
    if not notices or not _ANY.rows(connection, embargoed=embargoed)[0][0]:
        return
    named = {name for notice in notices for pair in notice.pairs for name in pair}
    ids: dict[str, int] = dict(_NAMED.rows(connection, names=listed(connection, sorted(named))))
    where = {
        (ids[place], ids[topic]) for notice in notices for place, topic in notice.pairs if place in ids and topic in ids
    }
    listening = _listening(connection, sorted(where), embargoed)
    if not listening:
        return
    if embargoed:
        notices = _counted(connection, notices, micros(now))
    rows: dict[tuple[int, int], Notice] = {}
    for notice in notices:
        for place, topic in notice.pairs:
            for subscription in listening.get((ids.get(place, 0), ids.get(topic, 0)), ()):
                rows[subscription, notice.seq] = notice
    at = micros(now)
    stamps = {notice.seq: notice.stamp or new_stamp() for notice in notices}
    found = sorted(rows.items())
    add_rows(
        connection, [(id, seq, notice.num, notice.version, notice.kind, at, stamps[seq]) for (id, seq), notice in found]
    )
    ring(connection, sorted({id for id, _ in rows}), at)


def ring(connection: Connection, subscriptions: Sequence[int], at: int) -> None:
    """Note in the queue that deliveries wait for these subscriptions from `at` on (micros). `subscriptions` must be sorted."""
    if connection.dialect.name == "postgresql":
        # The rows are locked in the order that the transactions of the delivery workers also use.
        connection.exec_driver_sql(_RING_POSTGRESQL, (list(subscriptions), at))
    else:
        text = "UPDATE queue SET bell = bell + 1, next = COALESCE(next, ?) WHERE subscription = ?"
        connection.exec_driver_sql(text, [(at, id) for id in subscriptions])


_RING_POSTGRESQL = """
WITH locked AS (
    SELECT subscription FROM queue WHERE subscription = ANY(%s::bigint[]) ORDER BY subscription FOR UPDATE
)
UPDATE queue SET bell = queue.bell + 1, next = COALESCE(queue.next, %s)
FROM locked WHERE queue.subscription = locked.subscription
"""
_ANY = Built(lambda _: select(exists().where(subscribed.c.embargoed == bindparam("embargoed"))))
_NAMED = Built(lambda dialect: select(axis.c.name, axis.c.id).where(among(axis.c.name, "names", dialect)))


def _listening(
    connection: Connection, pairs: Sequence[tuple[int, int]], embargoed: bool
) -> dict[tuple[int, int], list[int]]:
    """The subscriptions to each of these pairs."""
    if connection.dialect.name == "postgresql":
        text = (
            "SELECT s.place, s.topic, s.subscription FROM unnest(%s::int[], %s::int[]) AS p(place, topic)"
            " JOIN subscribed s ON s.place = p.place AND s.topic = p.topic AND s.embargoed = %s"
        )
        given: tuple[Any, ...] = ([place for place, _ in pairs], [topic for _, topic in pairs], embargoed)
    else:
        # CROSS JOIN makes SQLite keep this order and look up each pair (https://www.sqlite.org/optoverview.html#crossjoin).
        text = (
            "SELECT s.place, s.topic, s.subscription FROM json_each(?) AS p CROSS JOIN subscribed AS s"
            " WHERE s.embargoed = ? AND s.place = json_extract(p.value, '$[0]') AND s.topic = json_extract(p.value, '$[1]')"
        )
        given = (msgspec.json.encode(pairs).decode(), embargoed)
    found: dict[tuple[int, int], list[int]] = {}
    for place, topic, subscription in connection.exec_driver_sql(text, given):
        found.setdefault((place, topic), []).append(subscription)
    return found


def _counted(connection: Connection, notices: Sequence[Notice], at: int) -> list[Notice]:
    """Give notices under embargo numbers that rise but reveal nothing. Numbers of changes would show the public how many articles are
    under embargo, and a simple count would show an outlet how many came for others. So the numbers start at the present instant
    (micros) and have random gaps."""
    steps = list(accumulate(1 + secrets.randbelow(GAP) for _ in notices))
    text = (
        f"UPDATE counter SET waited = CASE WHEN waited > {at:d} THEN waited ELSE {at:d} END + {steps[-1]:d}"
        " WHERE id = 1 RETURNING waited"
    )
    first = int(connection.exec_driver_sql(text).scalar_one()) - steps[-1]
    return [msgspec.structs.replace(notice, seq=first + step) for notice, step in zip(notices, steps, strict=True)]


def add_rows(connection: Connection, rows: Sequence[tuple[int, int, int, int, str, int, int]]) -> None:
    """Queue rows: subscription, number, article, version, kind, instant, stamp."""
    into = "INSERT INTO deliveries (subscription, seq, num, version, kind, at, stamp, state, attempts, status, error, millis)"
    if connection.dialect.name == "postgresql":
        columns = tuple(map(list, zip(*rows, strict=True)))
        arrays = ", ".join(
            f"%s::{kind}[]" for kind in ("bigint", "bigint", "bigint", "bigint", "text", "bigint", "bigint")
        )
        connection.exec_driver_sql(f"{into} SELECT t.*, 'waiting', 0, 0, '', 0 FROM unnest({arrays}) AS t", columns)
    else:
        connection.exec_driver_sql(f"{into} VALUES (?, ?, ?, ?, ?, ?, ?, 'waiting', 0, 0, '', 0)", list(rows))
