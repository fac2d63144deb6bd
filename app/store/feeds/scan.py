"""Finds the articles of a feed: one range scan for each (place, topic) pair, and a lookup in the other dimensions for each row.

The statement is built once for each shape of a query and run with the query's values, because building it takes several times as long
as the database needs.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, Self

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Engine, Table, bindparam, exists, select, tuple_, union_all
from sqlalchemy.sql import Select

from app.query import Query
from app.store.built import Built
from app.store.changes import Ids, ids_of
from app.store.engine import reading
from app.store.feeds.search import expression, newest_matches
from app.store.tables import articles, embargo_entries, feed_entries, micros

Probe = tuple[tuple[str, ...], tuple[str, ...]]  # (places, topics); an article must have an entry in one of their pairs
# Number, version, and the instant at which the version was stored (micros). Another history of the database may have the same number
# and version, but not with the same instant.
Dated = tuple[int, int, int]
Standing = tuple[int, int, int, int]  # sort, number, version, and that instant


def dated(rows: Iterable[Standing]) -> list[Dated]:
    """The rows without their sort."""
    return [(num, version, edited) for _, num, version, edited in rows]


def standing(engine: Engine, query: Query) -> list[Standing]:
    """(sort, number, version, instant) of each article of a feed, last change first, at most `query.limit`. Raises Unavailable."""
    return _standing(engine, query, feed_entries)


def waiting(engine: Engine, query: Query, within: Sequence[Probe]) -> list[Standing]:
    """(sort, number, version, instant) of the articles under embargo that match the query and each of `within`, newest version first.
    Only for readers with embargoed access; no other code reads these entries. Raises Unavailable."""
    return _standing(engine, query, embargo_entries, tuple(within))


class QueryShape(Struct, frozen=True):
    """The shape of a query: what it asks for, without its values."""

    entries: str  # the name of the table
    pairs: int
    probes: int
    exclusions: int
    since: bool
    until: bool
    before: bool
    after: bool


class Asked(Struct, frozen=True):
    """A query as the database is asked for it."""

    shape: QueryShape
    pairs: tuple[tuple[int, int], ...]  # the ids of the pairs that ever had an article; none: the feed is empty
    values: dict[str, Any]  # the parameters of its statements

    @classmethod
    def of(
        cls, connection: Connection, query: Query, entries: Table = feed_entries, within: tuple[Probe, ...] = ()
    ) -> Self:
        """The query, with the ids of its places and topics."""
        probes, exclusions = (*query.probes(), *within), query.exclusions()
        names = {name for pair in query.scans() for name in pair}
        names |= {name for probe in (*probes, *exclusions) for part in probe for name in part}
        # These ids decide who may read an article under embargo, so they are always read from the database.
        ids = ids_of(connection, names, remembered=entries is not embargo_entries)
        pairs = tuple((ids[place], ids[topic]) for place, topic in query.scans() if place in ids and topic in ids)
        shape = QueryShape(
            entries.name,
            len(pairs),
            len(probes),
            len(exclusions),
            query.since is not None,
            query.until is not None,
            query.before is not None,
            query.after is not None,
        )
        values = _values(query, pairs, probes, exclusions, ids)
        if query.words:
            values["expression"] = expression(connection.dialect.name, query.words)
        return cls(shape, pairs, values)


def _standing(engine: Engine, query: Query, entries: Table, within: tuple[Probe, ...] = ()) -> list[Standing]:
    with reading(engine) as connection:
        asked = Asked.of(connection, query, entries, within)
        if not asked.pairs:
            return []
        rows: list[Standing]
        if query.words or asked.shape.probes or asked.shape.exclusions:  # with lists of values
            statement = _searched(asked.shape, connection.dialect.name) if query.words else _scans(asked.shape)
            found = connection.execute(statement, asked.values)
            rows = [(sort, num, version, edited) for sort, num, version, edited in found]
        else:
            rows = _built(asked.shape).rows(connection, **asked.values)
    return rows[::-1] if query.after is not None else rows


def _values(
    query: Query, pairs: Sequence[tuple[int, int]], probes: Sequence[Probe], exclusions: Sequence[Probe], ids: Ids
) -> dict[str, Any]:
    """The parameters of the statements."""
    values: dict[str, Any] = {"limit": query.limit}
    if query.words:
        values |= {"places": sorted({place for place, _ in pairs}), "topics": sorted({topic for _, topic in pairs})}
    else:
        for number, (place, topic) in enumerate(pairs):
            values |= {f"place{number}": place, f"topic{number}": topic}
    for kind, given in (("probe", probes), ("exclusion", exclusions)):
        for number, (places, topics) in enumerate(given):
            values[f"{kind}{number}_places"] = [ids[name] for name in places if name in ids]
            values[f"{kind}{number}_topics"] = [ids[name] for name in topics if name in ids]
    for name, instant in (("since", query.since), ("until", query.until)):
        if instant is not None:
            values[name] = micros(instant)
    for name, cursor in (("before", query.before), ("after", query.after)):
        if cursor is not None:
            values |= {f"{name}_sort": cursor[0], f"{name}_num": cursor[1]}
    return values


@lru_cache(500)
def _built(shape: QueryShape) -> Built:
    return Built(lambda _: _scans(shape))


@lru_cache(500)
def _scans(shape: QueryShape) -> Select[Any]:
    return _whole(shape, [_narrowed(statement, sort, num, shape) for statement, sort, num in each_pair(shape)])


def each_pair(shape: QueryShape) -> Iterator[tuple[Select[Any], ColumnElement[int], ColumnElement[int]]]:
    """A statement for all entries of each pair, with its columns sort and num."""
    for number in range(shape.pairs):
        entry = _entries(shape)
        statement = select(entry.c.sort, entry.c.num).where(
            entry.c.place == bindparam(f"place{number}"), entry.c.topic == bindparam(f"topic{number}")
        )
        yield statement, entry.c.sort, entry.c.num


@lru_cache(500)
def _searched(shape: QueryShape, dialect: str) -> Select[Any]:
    """The articles that match the words, looked up in every dimension."""
    article = articles.alias()
    there_too = there(shape, article.c.sort, article.c.num, "places", "topics")
    statement = select(article.c.sort, article.c.num).where(
        article.c.num.in_(newest_matches(dialect)), article.c.public, there_too
    )
    return _whole(shape, [_narrowed(statement, article.c.sort, article.c.num, shape)])


def _whole(shape: QueryShape, parts: Sequence[Select[Any]]) -> Select[Any]:
    """The rows of all parts in order, without repeats, each with the article's version."""
    found = union_all(*(select(part.subquery()) for part in parts)).subquery()
    statement = (
        select(found.c.sort, found.c.num, articles.c.version, articles.c.edited)
        .join(articles, articles.c.num == found.c.num)
        .distinct()
        .limit(bindparam("limit"))
    )
    return statement.order_by(*_order(shape, found.c.sort, found.c.num))


def _narrowed(
    statement: Select[Any], sort: ColumnElement[int], num: ColumnElement[int], shape: QueryShape
) -> Select[Any]:
    statement = statement.where(*narrowing(shape, sort, num))
    if shape.before:
        statement = statement.where(tuple_(sort, num) < tuple_(bindparam("before_sort"), bindparam("before_num")))
    if shape.after:
        statement = statement.where(tuple_(sort, num) > tuple_(bindparam("after_sort"), bindparam("after_num")))
    return statement.order_by(*_order(shape, sort, num)).limit(bindparam("limit"))


def narrowing(shape: QueryShape, sort: ColumnElement[int], num: ColumnElement[int]) -> Iterator[ColumnElement[bool]]:
    """The conditions on an article of the scan: its other feeds, and the period."""
    for number in range(shape.probes):
        yield there(shape, sort, num, f"probe{number}_places", f"probe{number}_topics")
    for number in range(shape.exclusions):
        yield ~there(shape, sort, num, f"exclusion{number}_places", f"exclusion{number}_topics")
    if shape.since:
        yield sort >= bindparam("since")
    if shape.until:
        yield sort < bindparam("until")


def _order(shape: QueryShape, sort: ColumnElement[int], num: ColumnElement[int]) -> tuple[ColumnElement[int], ...]:
    """Newest first; for the page of newer articles, oldest first, so that the limit keeps the nearest."""
    return (sort, num) if shape.after else (sort.desc(), num.desc())


def there(
    shape: QueryShape, sort: ColumnElement[int], num: ColumnElement[int], places: str, topics: str
) -> ColumnElement[bool]:
    """Whether the article also has an entry in one of these places and topics."""
    other = _entries(shape)
    return exists().where(
        other.c.place.in_(bindparam(places, expanding=True)),
        other.c.topic.in_(bindparam(topics, expanding=True)),
        other.c.sort == sort,
        other.c.num == num,
    )


def _entries(shape: QueryShape) -> Any:
    return (feed_entries if shape.entries == feed_entries.name else embargo_entries).alias()
