"""Which articles stand in a feed: one range scan for each (place, topic) pair asked for, each row looked up in the other dimensions.

A statement is built once for each shape of a question, and run with its values: building costs several times what the database takes.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Any
from weakref import WeakKeyDictionary

from msgspec import Struct
from sqlalchemy import ColumnElement, Connection, Engine, Table, bindparam, exists, select, tuple_, union_all
from sqlalchemy.sql import Select

from app.query.query import Query
from app.store.engine import reading
from app.store.instants import micros
from app.store.search import matching
from app.store.tables import articles, axis, embargo_entries, feed_entries

Probe = tuple[tuple[str, ...], tuple[str, ...]]  # (places, topics), in one of each of which an entry must stand
Ref = tuple[int, int]  # an article's number and version
Dated = tuple[
    int, int, int
]  # with the instant at which the version came (micros): no other history has it under these numbers
Standing = tuple[int, int, int, int]  # sort, number, version, that instant
Ids = dict[str, int]  # of places and topics by name

REMEMBERED = 50_000  # names
# Threads share it: a number that a name was given stays, so two threads that look up a name at once write the same.
_ids: WeakKeyDictionary[Engine, Ids] = WeakKeyDictionary()
_NAMED = select(axis.c.name, axis.c.id).where(axis.c.name.in_(bindparam("names", expanding=True)))


def find(engine: Engine, query: Query) -> list[Ref]:
    """The articles of a feed, newest change first, at most `query.limit`. Raises Unavailable."""
    return [(num, version) for _, num, version, _ in standing(engine, query)]


def dated(rows: Iterable[Standing]) -> list[Dated]:
    """What stands there, without where."""
    return [(num, version, edited) for _, num, version, edited in rows]


def forget(engine: Engine) -> None:
    """Ask anew for the numbers of places and topics: another state of the database may have given them otherwise."""
    _ids.pop(engine, None)


def standing(engine: Engine, query: Query) -> list[Standing]:
    """(sort, number, version, when that came) of a feed's articles: where each stands, and what it is. Raises Unavailable."""
    return _standing(engine, query, feed_entries)


def waiting(engine: Engine, query: Query, within: Sequence[Probe]) -> list[Standing]:
    """The same of what is under embargo, the newest version first, where it stands in each of `within`. For those who may read
    it: nothing else reads that table. Raises Unavailable."""
    return _standing(engine, query, embargo_entries, tuple(within))


def ids_of(connection: Connection, names: Iterable[str], *, remembered: bool = True) -> Ids:
    """The numbers of places and topics, of those that have ever had an article: a number that was given stays, in one history."""
    known = _ids.setdefault(connection.engine, {}) if remembered else {}
    wanted = set(names)
    found = {name: number for name in wanted if (number := known.get(name)) is not None}
    if missing := sorted(wanted - found.keys()):
        new = dict(connection.execute(_NAMED, {"names": missing}).all())
        if len(known) > REMEMBERED:
            known.clear()
        known.update(new)
        found |= new
    return found


class _Shape(Struct, frozen=True):
    """What a question asks for, without the values."""

    entries: str  # the table
    pairs: int
    probes: int
    exclusions: int
    since: bool
    until: bool
    before: bool
    after: bool


def _standing(engine: Engine, query: Query, entries: Table, within: tuple[Probe, ...] = ()) -> list[Standing]:
    probes, exclusions = (*query.probes(), *within), query.exclusions()
    with reading(engine) as connection:
        names = {name for pair in query.scans() for name in pair}
        names |= {name for probe in (*probes, *exclusions) for part in probe for name in part}
        # Who may read what is under embargo hangs on these numbers: they are asked for, not remembered.
        ids = ids_of(connection, names, remembered=entries is not embargo_entries)
        pairs = [(ids[place], ids[topic]) for place, topic in query.scans() if place in ids and topic in ids]
        if not pairs:  # No article has ever stood there.
            return []
        shape = _Shape(
            entries.name,
            len(pairs),
            len(probes),
            len(exclusions),
            query.since is not None,
            query.until is not None,
            query.before is not None,
            query.after is not None,
        )
        statement = (
            _whole(shape, [_searched(shape, matching(connection, query.words))]) if query.words else _scans(shape)
        )
        values = _values(query, pairs, probes, exclusions, ids)
        rows = [(sort, num, version, edited) for sort, num, version, edited in connection.execute(statement, values)]
    return rows[::-1] if query.after is not None else rows


def _values(
    query: Query, pairs: Sequence[tuple[int, int]], probes: Sequence[Probe], exclusions: Sequence[Probe], ids: Ids
) -> dict[str, Any]:
    """The parameters of the statements below."""
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
def _scans(shape: _Shape) -> Select[Any]:
    parts = []
    for number in range(shape.pairs):
        entry = _entries(shape)
        statement = select(entry.c.sort, entry.c.num).where(
            entry.c.place == bindparam(f"place{number}"), entry.c.topic == bindparam(f"topic{number}")
        )
        parts.append(_narrowed(statement, entry.c.sort, entry.c.num, shape))
    return _whole(shape, parts)


def _searched(shape: _Shape, found: Select[int]) -> Select[Any]:
    """What the words match, looked up in every dimension."""
    one = articles.alias()
    statement = select(one.c.sort, one.c.num).where(
        one.c.num.in_(found), one.c.public, _there(shape, one.c.sort, one.c.num, "places", "topics")
    )
    return _narrowed(statement, one.c.sort, one.c.num, shape)


def _whole(shape: _Shape, parts: Sequence[Select[Any]]) -> Select[Any]:
    """The rows of all parts in their order, each once, with the version that is there now."""
    found = union_all(*(select(part.subquery()) for part in parts)).subquery()
    statement = (
        select(found.c.sort, found.c.num, articles.c.version, articles.c.edited)
        .join(articles, articles.c.num == found.c.num)
        .distinct()
        .limit(bindparam("limit"))
    )
    return statement.order_by(*_order(shape, found.c.sort, found.c.num))


def _narrowed(statement: Select[Any], sort: ColumnElement[int], num: ColumnElement[int], shape: _Shape) -> Select[Any]:
    for number in range(shape.probes):
        statement = statement.where(_there(shape, sort, num, f"probe{number}_places", f"probe{number}_topics"))
    for number in range(shape.exclusions):
        statement = statement.where(~_there(shape, sort, num, f"exclusion{number}_places", f"exclusion{number}_topics"))
    if shape.since:
        statement = statement.where(sort >= bindparam("since"))
    if shape.until:
        statement = statement.where(sort < bindparam("until"))
    if shape.before:
        statement = statement.where(tuple_(sort, num) < tuple_(bindparam("before_sort"), bindparam("before_num")))
    if shape.after:
        statement = statement.where(tuple_(sort, num) > tuple_(bindparam("after_sort"), bindparam("after_num")))
    return statement.order_by(*_order(shape, sort, num)).limit(bindparam("limit"))


def _order(shape: _Shape, sort: ColumnElement[int], num: ColumnElement[int]) -> tuple[ColumnElement[int], ...]:
    """Newest first; of the page above, nearest first."""
    return (sort, num) if shape.after else (sort.desc(), num.desc())


def _there(
    shape: _Shape, sort: ColumnElement[int], num: ColumnElement[int], places: str, topics: str
) -> ColumnElement[bool]:
    """Whether the article stands in one of these as well."""
    other = _entries(shape)
    return exists().where(
        other.c.place.in_(bindparam(places, expanding=True)),
        other.c.topic.in_(bindparam(topics, expanding=True)),
        other.c.sort == sort,
        other.c.num == num,
    )


def _entries(shape: _Shape) -> Any:
    return (feed_entries if shape.entries == feed_entries.name else embargo_entries).alias()
