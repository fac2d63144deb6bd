"""Writes the feed entries of articles: rows for public articles, for articles under embargo, and for articles that left a feed."""

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import Connection, Table, delete, insert

from app.store.changes import ALL, Keys, axis_ids
from app.store.feeds import amounts, search
from app.store.tables import embargo_entries, feed_entries, withdrawals

Entry = tuple[int, Keys, int]  # an article's number, its places and topics, sort


def enter(connection: Connection, table: Table, entries: Sequence[Entry]) -> None:
    """Write a row for each (place, topic) pair of each entry."""
    if not entries:
        return
    ids = axis_ids(connection, {ALL}.union(*(where.names() for _, where, _ in entries)))
    rows: list[tuple[int, int, int, int]] = []
    for num, where, sort in entries:
        topics = [ids[topic] for topic in where.topics]
        rows += [(place, topic, sort, num) for place in [ids[place] for place in where.places] for topic in topics]
        rows += [(ids[ALL], ids[topic], sort, num) for topic in where.extra]
    rows.sort()
    # Written through the driver: a thousand articles have 20,000 rows, and a dictionary for each row takes longer than its INSERT.
    into = f"INSERT INTO {table.name} (place, topic, sort, num)"
    if connection.dialect.name == "postgresql":
        columns = tuple(map(list, zip(*rows, strict=True)))
        connection.exec_driver_sql(
            f"{into} SELECT * FROM unnest(%s::int[], %s::int[], %s::bigint[], %s::bigint[])", columns
        )
    else:
        connection.exec_driver_sql(f"{into} VALUES (?, ?, ?, ?)", rows)
    if table is feed_entries:  # Nothing is counted of what waits.
        spans = ((amounts.span_start(sort), where) for _, where, sort in entries)
        amounts.add(connection, Counter((ids[name], since) for since, where in spans for name in where.names()))


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
    amounts.take_away(connection, [ids[name] for name in where.names()], sort)
    search.remove(connection, [num])


def withdraw(connection: Connection, num: int, before: Keys | None, after: Keys | None, at: int) -> None:
    """Write a withdrawal for each feed that the article left, and delete the withdrawals of feeds that it returned to. `at`: its place
    in them, microseconds."""
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
    rows = [{"place": ids[place], "topic": ids[topic], "sort": at, "num": num} for place, topic in sorted(left)]
    if rows:
        connection.execute(insert(withdrawals), rows)


def unwait(connection: Connection, nums: Sequence[int]) -> None:
    """Delete the embargo entries of these articles. A version that is still under embargo gets new ones."""
    if nums:
        connection.execute(delete(embargo_entries).where(embargo_entries.c.num.in_(nums)))
