"""Counts the public articles of each place and of each topic by month, so that a page with such numbers reads some rows and not the
archive.

The rows are written in the same transaction as the feed entries, so they are just as exact. An article counts in the month of its
last change, like in the archives of feeds. A month of the site's time zone is not one of UTC: so near the turn of a month (UTC) the
spans are a quarter of an hour long, the step of all time zones, and the rest of the month is one span. The months of each time zone
are sums of whole spans.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Engine, Integer, bindparam, delete, func, select, union_all
from sqlalchemy.sql import CompoundSelect

from app.query.axes import office_place
from app.store.changes import ALL, ids_of
from app.store.engine import reading
from app.store.tables import axis, feed_amounts, feed_entries, instant, micros

TURN = timedelta(hours=14)  # no time zone is farther from UTC
STEP = timedelta(minutes=15)

Spans = Counter[tuple[int, int]]  # (axis, the beginning of a span) -> articles


def span_start(sort: int) -> int:
    """The beginning of the span of an instant; both in micros."""
    return span_around(sort)[0]


def span_around(sort: int) -> tuple[int, int]:
    """The beginning and the end of the span of an instant; all in micros."""
    moment = instant(sort)
    month = moment.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    following = (month + timedelta(days=31)).replace(day=1)
    if month + TURN <= moment < following - TURN:
        return micros(month + TURN), micros(following - TURN)
    start = moment - (moment - month) % STEP
    return micros(start), micros(start + STEP)


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


def amounts_since(engine: Engine, places: Sequence[str], since: datetime, most: int) -> dict[str, int]:
    """How many articles each of these places has since an instant; at most `most` of each are counted. Raises Unavailable.

    Whole spans are read from their rows. What is left of the first one is counted in the feeds' entries, up to the bound.
    """
    start = micros(since)
    begun, end = span_around(start)
    with reading(engine) as connection:
        ids = ids_of(connection, {*places, ALL})
        known = {ids[place]: place for place in places if place in ids}
        if not known or ALL not in ids:
            return dict.fromkeys(places, 0)
        own = feed_amounts.c.axis.in_(known), feed_amounts.c.since >= (start if start == begun else end)
        sums = select(feed_amounts.c.axis, func.sum(feed_amounts.c.amount)).where(*own).group_by(feed_amounts.c.axis)
        found = Counter({number: int(amount) for number, amount in connection.execute(sums)})
        if start != begun:
            values = {"topic": ids[ALL], "since": start, "until": end, "most": most}
            values |= {f"place{at}": number for at, number in enumerate(known)}
            for number, amount in connection.execute(_entries_between(len(known)), values):
                found[number] += int(amount)
    return dict.fromkeys(places, 0) | {place: min(found[number], most) for number, place in known.items()}


@lru_cache(32)
def _entries_between(places: int) -> CompoundSelect[Any]:
    """(place, entries of its feed between two instants), for each of so many places."""
    parts = []
    for at in range(places):
        entries = (
            select(feed_entries.c.num)
            .where(
                feed_entries.c.place == bindparam(f"place{at}"),
                feed_entries.c.topic == bindparam("topic"),
                feed_entries.c.sort >= bindparam("since"),
                feed_entries.c.sort < bindparam("until"),
            )
            .limit(bindparam("most"))
            .subquery()
        )
        parts.append(select(bindparam(f"place{at}", type_=Integer), func.count()).select_from(entries))
    return union_all(*parts)


def newest_of_offices(engine: Engine, offices: Collection[str]) -> dict[str, int]:
    """When a public article of each of these offices last changed, micros, by its code; an office without one is left out. One
    look into an index for each office. Raises Unavailable."""
    places = {office_place(office): office for office in offices}
    newest = (
        select(func.max(feed_entries.c.sort))
        .where(feed_entries.c.place == axis.c.id, feed_entries.c.topic == bindparam("everything"))
        .scalar_subquery()
    )
    with reading(engine) as connection:
        ids = ids_of(connection, {*places, ALL})
        offices_by_id = {ids[place]: office for place, office in places.items() if place in ids}
        statement = select(axis.c.id, newest).where(axis.c.id.in_(offices_by_id))
        found = connection.execute(statement, {"everything": ids.get(ALL)})
        return {offices_by_id[number]: int(at) for number, at in found if at is not None}
