"""Where articles stand: the rows of the fan-out, of what is public and of what waits, and what left a feed."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, Table, delete, insert, select

from app.store import search
from app.store.built import Built
from app.store.instants import micros
from app.store.keys import Keys
from app.store.lists import among, listed
from app.store.tables import axis, embargo_entries, feed_entries, withdrawals

Entry = tuple[int, Keys, int]  # an article's number, where it stands, sort


def enter(connection: Connection, table: Table, entries: Sequence[Entry]) -> None:
    """Write the entries of (number, where, sort)."""
    if not entries:
        return
    ids = axis_ids(connection, {name for _, where, _ in entries for pair in where.pairs() for name in pair})
    rows = sorted((ids[place], ids[topic], sort, num) for num, where, sort in entries for place, topic in where.pairs())
    # In the driver's own words: a thousand articles are 20,000 rows, and a dictionary for each takes longer than to write it.
    into = f"INSERT INTO {table.name} (place, topic, sort, num)"
    if connection.dialect.name == "postgresql":
        columns = tuple(map(list, zip(*rows, strict=True)))
        connection.exec_driver_sql(
            f"{into} SELECT * FROM unnest(%s::int[], %s::int[], %s::bigint[], %s::bigint[])", columns
        )
    else:
        connection.exec_driver_sql(f"{into} VALUES (?, ?, ?, ?)", rows)


def leave(connection: Connection, num: int, where: Keys, sort: int) -> None:
    ids = axis_ids(connection, {name for pair in where.pairs() for name in pair})
    for place in where.places:
        topics = [ids[topic] for other, topic in where.pairs() if other == place]
        connection.execute(
            delete(feed_entries).where(
                feed_entries.c.place == ids[place],
                feed_entries.c.topic.in_(topics),
                feed_entries.c.sort == sort,
                feed_entries.c.num == num,
            )
        )
    search.remove(connection, [num])


def withdraw(connection: Connection, num: int, before: Keys | None, after: Keys | None, now: datetime) -> None:
    """Tell the feeds that the article left, and no longer those that it is back in."""
    back = set(after.pairs()) if after else set()
    left = set(before.pairs()) - back if before else set()
    ids = axis_ids(connection, {name for pair in (*left, *back) for name in pair})
    for place in {place for place, _ in back}:
        connection.execute(
            delete(withdrawals).where(
                withdrawals.c.num == num,
                withdrawals.c.place == ids[place],
                withdrawals.c.topic.in_([ids[topic] for other, topic in back if other == place]),
            )
        )
    rows = [
        {"place": ids[place], "topic": ids[topic], "sort": micros(now), "num": num} for place, topic in sorted(left)
    ]
    if rows:
        connection.execute(insert(withdrawals), rows)


def axis_ids(connection: Connection, names: Iterable[str]) -> dict[str, int]:
    """The small numbers of places and topics, new ones made. Only a writer that holds the counter's row may call this."""
    wanted = sorted(set(names))
    found: dict[str, int] = dict(_NAMED.rows(connection, names=listed(connection, wanted)))
    if missing := [name for name in wanted if name not in found]:
        connection.execute(insert(axis), [{"name": name} for name in missing])
        found.update(_NAMED.rows(connection, names=listed(connection, missing)))
    return found


_NAMED = Built(lambda dialect: select(axis.c.name, axis.c.id).where(among(axis.c.name, "names", dialect)))


def unwait(connection: Connection, nums: Sequence[int]) -> None:
    """They do not wait any more, or wait elsewhere."""
    if nums:
        connection.execute(delete(embargo_entries).where(embargo_entries.c.num.in_(nums)))
