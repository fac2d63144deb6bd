"""Counts the public articles of each place and of each topic by month, so that a page with such numbers reads some rows and not the
archive.

The rows are written in the transaction of the feed entries, so they are as exact as these. An article counts in the month of its last
change, like in the archives of feeds. A month of the site's time zone is not one of UTC: so near the turn of a month (UTC) the spans
are a quarter of an hour long, the step of all time zones, and the rest of the month is one span. The months of each time zone are sums
of whole spans.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, delete, func, select

from app.store.changes import ids_of
from app.store.engine import reading
from app.store.tables import axis, feed_amounts, instant, micros

TURN = timedelta(hours=14)  # no time zone is farther from UTC
STEP = timedelta(minutes=15)

Spans = Counter[tuple[int, int]]  # (axis, the beginning of a span) -> articles


def span_start(sort: int) -> int:
    """The beginning of the span of an instant; both in micros."""
    moment = instant(sort)
    month = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    following = (month + timedelta(days=31)).replace(day=1)
    if month + TURN <= moment < following - TURN:
        return micros(month + TURN)
    return micros(moment - (moment - month) % STEP)


def add(connection: Connection, spans: Mapping[tuple[int, int], int]) -> None:
    """Add articles to these spans. Only a writer that holds the counter's row may call this."""
    if not spans:
        return
    rows = sorted((number, since, amount) for (number, since), amount in spans.items())
    into = "INSERT INTO feed_amounts (axis, since, amount)"
    sums = "ON CONFLICT (axis, since) DO UPDATE SET amount = feed_amounts.amount + excluded.amount"
    if connection.dialect.name == "postgresql":
        columns = tuple(map(list, zip(*rows, strict=True)))
        values = "SELECT * FROM unnest(%s::int[], %s::bigint[], %s::bigint[])"
        connection.exec_driver_sql(f"{into} {values} {sums}", columns)
    else:
        connection.exec_driver_sql(f"{into} VALUES (?, ?, ?) {sums}", rows)


def take_away(connection: Connection, numbers: Collection[int], sort: int) -> None:
    """Take one article away from the span of `sort`, in these places and topics."""
    since = span_start(sort)
    add(connection, dict.fromkeys(((number, since) for number in numbers), -1))
    empty = feed_amounts.c.axis.in_(numbers), feed_amounts.c.since == since, feed_amounts.c.amount <= 0
    connection.execute(delete(feed_amounts).where(*empty))


def monthly(engine: Engine, name: str, starts: Sequence[datetime]) -> list[int]:
    """How many articles a place or topic has in each period: from one of `starts` to the next. These are the beginnings of months in
    any time zone, oldest first; the last one is the end. Raises Unavailable."""
    bounds = [micros(start) for start in starts]
    found = [0] * (len(bounds) - 1)
    with reading(engine) as connection:
        ids = ids_of(connection, (name,))
        own = feed_amounts.c.axis == ids.get(name, 0)
        within = feed_amounts.c.since >= bounds[0], feed_amounts.c.since < bounds[-1]
        for since, amount in connection.execute(
            select(feed_amounts.c.since, feed_amounts.c.amount).where(own, *within)
        ):
            found[bisect_right(bounds, since) - 1] += amount
    return found


def amounts_of(engine: Engine, names: Collection[str], since: datetime, until: datetime) -> dict[str, int]:
    """Name -> how many articles each of these places or topics has from the beginning of one month to that of another, in any time
    zone; those that have none are left out. Raises Unavailable."""
    statement = (
        select(axis.c.name, func.sum(feed_amounts.c.amount))
        .join(feed_amounts, feed_amounts.c.axis == axis.c.id)
        .where(feed_amounts.c.since >= micros(since), feed_amounts.c.since < micros(until))
        .group_by(axis.c.name)
    )
    with reading(engine) as connection:
        ids = ids_of(connection, names)
        if not ids:
            return {}
        return {name: int(amount) for name, amount in connection.execute(statement.where(axis.c.id.in_(ids.values())))}
