"""Counts of polls of feeds and of pages seen, by the hour. Web workers add what they counted in memory, many counts in one statement.

Hours and days are whole numbers since 1970, UTC.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, Engine, delete, func, select

from app.store.engine import reading, writing
from app.store.tables import reach_counts, reach_feeds, reach_readers, token_uses

AT_ONCE = 5000  # rows that one transaction removes


class FeedPairs(Struct, frozen=True):
    """A feed that was polled, with the pairs "place/topic" that it is found by."""

    feed: str  # its canonical query
    complex: bool  # an article of one of the pairs need not be in the feed
    pairs: tuple[str, ...]


class ReaderClaim(Struct, frozen=True):
    """What a feed reader says: for how many subscribers it polls a feed."""

    feed: str
    day: int
    program: str
    count: int


class ReachBatch(Struct, frozen=True):
    """What a web worker counted since it last wrote."""

    hour: int
    polls: Mapping[str, int]  # feed -> number
    views: Mapping[str, int]  # public id of an article -> number
    claims: Sequence[ReaderClaim] = ()
    feeds: Sequence[FeedPairs] = ()  # those that this worker has not written yet
    uses: Mapping[str, int] = {}  # id of a token -> number


def add_counts(engine: Engine, batch: ReachBatch) -> None:
    """Add a batch in one transaction, with one statement for each table. Raises Unavailable."""
    counts = [("poll", feed, batch.hour, number) for feed, number in batch.polls.items()]
    counts += [("view", article, batch.hour, number) for article, number in batch.views.items()]
    # Sorted, so that two workers lock the rows in one order.
    claims = sorted((claim.feed, claim.day, claim.program, claim.count) for claim in batch.claims)
    feeds = sorted((pair, found.complex, found.feed, batch.hour) for found in batch.feeds for pair in found.pairs)
    uses = sorted((token, batch.hour // 24, number) for token, number in batch.uses.items())
    if not (counts or claims or feeds or uses):
        return
    with writing(engine) as connection:
        _upsert(connection, "reach_counts", _COUNTS, sorted(counts))
        _upsert(connection, "reach_readers", _READERS, claims)
        _upsert(connection, "reach_feeds", _FEEDS, feeds)
        _upsert(connection, "token_uses", _USES, uses)


# Columns with their types on PostgreSQL; the last one is what a repeated row changes, and how.
_COUNTS = (("kind", "text"), ("subject", "text"), ("hour", "int"), ("count", "bigint"))
_READERS = (("feed", "text"), ("day", "int"), ("program", "text"), ("count", "bigint"))
_FEEDS = (("pair", "text"), ("complex", "boolean"), ("feed", "text"), ("hour", "int"))
_USES = (("token", "text"), ("day", "int"), ("count", "bigint"))
_ADDED = ("reach_counts", "token_uses")  # of others, the larger number stays
_SUMS = {"sqlite": "max", "postgresql": "greatest"}


def _upsert(
    connection: Connection, table: str, columns: Sequence[tuple[str, str]], rows: Sequence[tuple[Any, ...]]
) -> None:
    if not rows:
        return
    names = [name for name, _ in columns]
    last, dialect = names[-1], connection.dialect.name
    if dialect == "postgresql":
        source = f"SELECT * FROM unnest({', '.join(f'%s::{kind}[]' for _, kind in columns)})"
        given: tuple[Any, ...] = tuple(map(list, zip(*rows, strict=True)))
    else:
        members = ", ".join(f"json_extract(value, '$[{number}]')" for number in range(len(names)))
        source = f"SELECT {members} FROM json_each(?) WHERE true"  # https://www.sqlite.org/lang_upsert.html#parsing_ambiguity
        given = (msgspec.json.encode(rows).decode(),)
    changed = f"{table}.{last} + excluded.{last}"
    if table not in _ADDED:
        changed = f"{_SUMS[dialect]}({table}.{last}, excluded.{last})"
    connection.exec_driver_sql(
        f"INSERT INTO {table} ({', '.join(names)}) {source}"
        f" ON CONFLICT ({', '.join(names[:-1])}) DO UPDATE SET {last} = {changed}",
        given,
    )


def prune_counts(engine: Engine, hour: int) -> int:
    """Delete counts from before an hour, at most AT_ONCE of each table. Return how many. Raises Unavailable."""
    gone = 0
    keyed = (
        (reach_counts, reach_counts.c.hour < hour, ("kind", "subject", "hour")),
        (reach_feeds, reach_feeds.c.hour < hour, ("pair", "complex", "feed")),
        (reach_readers, reach_readers.c.day < hour // 24, ("feed", "day", "program")),
        (token_uses, token_uses.c.day < hour // 24, ("token", "day")),
    )
    for table, old, key in keyed:
        with reading(engine) as connection:
            if connection.execute(select(table.c[key[0]]).where(old).limit(1)).first() is None:
                continue
        with writing(engine) as connection:
            rows = connection.execute(select(*(table.c[name] for name in key)).where(old).limit(AT_ONCE)).all()
            for row in rows:
                connection.execute(delete(table).where(*(table.c[name] == row._mapping[name] for name in key)))
            gone += len(rows)
    return gone


def uses_by_day(engine: Engine, tokens: Collection[str], first: int) -> dict[str, dict[int, int]]:
    """Id of a token -> day -> how often it was used, since the day `first`. Raises Unavailable."""
    found: dict[str, dict[int, int]] = {}
    asked = select(token_uses).where(token_uses.c.token.in_(sorted(tokens)), token_uses.c.day >= first)
    with reading(engine) as connection:
        for row in connection.execute(asked.order_by(token_uses.c.day)):
            found.setdefault(row.token, {})[int(row.day)] = int(row._mapping["count"])
    return found


def polled_feeds(engine: Engine, pairs: Collection[str], most: int) -> list[tuple[bool, str]]:
    """(complex, canonical query) of polled feeds that have one of the pairs "place/topic": the simple ones, and at most `most` complex
    ones, those that were polled last. Raises Unavailable."""
    found: dict[str, bool] = {}
    with reading(engine) as connection:
        for complex in (False, True):
            statement = select(reach_feeds.c.feed).where(
                reach_feeds.c.pair.in_(sorted(pairs)), reach_feeds.c.complex.is_(complex)
            )
            statement = statement.distinct().limit(most if complex else 4 * len(pairs) + 1)
            found |= {feed: complex for (feed,) in connection.execute(statement)}
    return [(complex, feed) for feed, complex in found.items()]


def polls_by_feed(engine: Engine, feeds: Collection[str], start: int, end: int) -> list[tuple[str, int]]:
    """(feed, polls from the hour `start` to before `end`), the most polled first. Raises Unavailable."""
    total = func.sum(reach_counts.c.count)
    statement = (
        select(reach_counts.c.subject, total)
        .where(_counted("poll", feeds), reach_counts.c.hour >= start, reach_counts.c.hour < end)
        .group_by(reach_counts.c.subject)
        .order_by(total.desc(), reach_counts.c.subject)
    )
    with reading(engine) as connection:
        return [(feed, int(number)) for feed, number in connection.execute(statement)]


def polls_by_step(engine: Engine, feeds: Collection[str], start: int, end: int, step: int) -> dict[int, int]:
    """Number of the step since the hour `start` -> polls of all these feeds together; a step has `step` hours. Raises Unavailable."""
    return _by_step(engine, "poll", feeds, start, end, step)


def views_by_step(engine: Engine, article: str, start: int, end: int, step: int) -> dict[int, int]:
    """Number of the step since the hour `start` -> how often the article's page was seen. Raises Unavailable."""
    return _by_step(engine, "view", (article,), start, end, step)


def _by_step(engine: Engine, kind: str, subjects: Collection[str], start: int, end: int, step: int) -> dict[int, int]:
    number = (reach_counts.c.hour - start) // step
    statement = (
        select(number, func.sum(reach_counts.c.count))
        .where(_counted(kind, subjects), reach_counts.c.hour >= start, reach_counts.c.hour < end)
        .group_by(number)
    )
    with reading(engine) as connection:
        return {int(step): int(count) for step, count in connection.execute(statement)}


def _counted(kind: str, subjects: Collection[str]) -> Any:
    return (reach_counts.c.kind == kind) & reach_counts.c.subject.in_(sorted(subjects))


def claims_of(engine: Engine, feeds: Collection[str], first: int, last: int, most: int) -> list[ReaderClaim]:
    """How many subscribers feed readers claimed for these feeds, from the day `first` to `last`: for each program and feed the
    largest number, with the last day on which it said anything. The largest numbers come first; at most `most`. Raises
    Unavailable."""
    largest, day = func.max(reach_readers.c.count), func.max(reach_readers.c.day)
    statement = (
        select(reach_readers.c.feed, day, reach_readers.c.program, largest)
        .where(reach_readers.c.feed.in_(sorted(feeds)), reach_readers.c.day >= first, reach_readers.c.day <= last)
        .group_by(reach_readers.c.feed, reach_readers.c.program)
        .order_by(largest.desc(), reach_readers.c.program, reach_readers.c.feed)
        .limit(most)
    )
    with reading(engine) as connection:
        return [ReaderClaim(*row) for row in connection.execute(statement)]
