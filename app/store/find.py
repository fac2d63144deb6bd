"""Reading: a feed is one range scan for each (place, topic) pair asked for, newest change first."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    Engine,
    Table,
    and_,
    case,
    exists,
    or_,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.sql import Select

from app.query import Query
from app.store.engine import reading
from app.store.instants import instant, micros
from app.store.keys import Keys
from app.store.order import Change, last_seq, public_state
from app.store.search import matching
from app.store.tables import articles, axis, changes, counter, embargo_entries, feed_entries, versions, withdrawals
from feeds.article import Article, Office, Withdrawn

Probe = tuple[tuple[str, ...], tuple[str, ...]]  # (places, topics), in one of each of which an entry must stand
Ref = tuple[int, int]  # an article's number and version: what a version's immutable document is kept by


class Kept(Struct, frozen=True):
    """An article with its state now."""

    article: Article
    public: bool
    pubstatus: str
    seen: bool  # it was public once
    edited: datetime  # when this version came: a silent correction is later than its `updated`


def find(engine: Engine, query: Query) -> list[Ref]:
    """The articles of a feed, newest change first, at most `query.limit`. Raises Unavailable."""
    return [(num, version) for _, num, version in standing(engine, query)]


def standing(engine: Engine, query: Query) -> list[tuple[int, int, int]]:
    """(sort, number, version) of a feed's articles: where each stands, and what it is. Raises Unavailable."""
    return _standing(engine, query, _Where(feed_entries))


def waiting(engine: Engine, query: Query, within: Sequence[Probe]) -> list[tuple[int, int, int]]:
    """The same of what is under embargo, the newest version first, where it stands in each of `within`. For those who may read
    it: nothing else reads that table. Raises Unavailable."""
    return _standing(engine, query, _Where(embargo_entries, tuple(within)))


class _Where(Struct, frozen=True):
    """What is read: the entries of what is public, or of what waits, and what an entry must stand in besides."""

    entries: Table
    within: tuple[Probe, ...] = ()


def _standing(engine: Engine, query: Query, where: _Where) -> list[tuple[int, int, int]]:
    with reading(engine) as connection:
        ids = _axis(connection, query, where.within)
        pairs = [(ids[place], ids[topic]) for place, topic in query.scans() if place in ids and topic in ids]
        if not pairs:  # No article has ever stood there.
            return []
        if query.words:
            parts = [_searched(connection, pairs, query, ids, where)]
        else:
            parts = [_scan(place, topic, query, ids, where) for place, topic in pairs]
        found = union_all(*(select(part.subquery()) for part in parts)).subquery()
        statement = (
            select(found.c.sort, found.c.num, articles.c.version)
            .join(articles, articles.c.num == found.c.num)
            .distinct()
            .limit(query.limit)
        )
        up = query.after is not None
        order = (found.c.sort, found.c.num) if up else (found.c.sort.desc(), found.c.num.desc())
        rows = [(sort, num, version) for sort, num, version in connection.execute(statement.order_by(*order))]
    return rows[::-1] if up else rows


def withdrawn(engine: Engine, query: Query, after: int, limit: int) -> list[Withdrawn]:
    """What left these feeds at `after` (micros) or later, newest first. Raises Unavailable."""
    with reading(engine) as connection:
        ids = _axis(connection, query)
        dimensions = _dimensions(query, ids)
        if not all(dimensions):
            return []
        pairs = {pair for dimension in dimensions for pair in dimension}
        parts = [
            select(withdrawals.c.sort, withdrawals.c.num)
            .where(withdrawals.c.place == place, withdrawals.c.topic == topic, withdrawals.c.sort >= after)
            .order_by(withdrawals.c.sort.desc(), withdrawals.c.num.desc())
            .limit(limit)
            for place, topic in sorted(pairs)
        ]
        left = union_all(*(select(part.subquery()) for part in parts)).subquery()
        stands = [_stands(dimension) for dimension in dimensions]
        stood = [or_(there, _left(dimension)) for there, dimension in zip(stands, dimensions, strict=True)]
        statement = (
            select(left.c.sort, articles.c.id, articles.c.guid, changes.c.version, changes.c.kind, versions.c.doc)
            .select_from(left)
            .join(articles, articles.c.num == left.c.num)
            # What the public was told last of it, whatever came since and waits.
            .join(changes, changes.c.seq == public_state(articles.c.num, changes.c.seq))
            .join(versions, and_(versions.c.num == articles.c.num, versions.c.version == changes.c.version))
            # It stood in each dimension, and does not in all of them now.
            .where(*stood, ~and_(*stands))
            .order_by(left.c.sort.desc(), articles.c.num.desc())
            .limit(limit * len(pairs))
        )
        rows = connection.execute(statement).all()
    found: dict[str, Withdrawn] = {}
    for row in rows:
        canceled = row.kind == "canceled"
        article = msgspec.json.decode(row.doc, type=Article)
        # Of an article that is not public now, nothing is told but that it left.
        note, office = (article.note, article.office) if canceled else ("", Office("", ""))
        at = instant(row.sort)
        version = row.version if canceled else 0
        found.setdefault(row.guid, Withdrawn(row.id, row.guid, at, canceled, version, note, office, article.lang))
    return list(found.values())[:limit]


def _dimensions(query: Query, ids: dict[str, int]) -> list[set[tuple[int, int]]]:
    """The pairs of each dimension: those of the scan, and those that an entry must stand in as well, as narrow as the fan-out has
    them: in the places or the topics of the scan."""
    scans = query.scans()
    found = [scans]
    for places, topics in query.probes():
        by_place = topics == ("*",)
        own = {(place, topic) for place in places for _, topic in scans} if by_place else set()
        found.append(tuple(own or {(place, topic) for place, _ in scans for topic in topics}))
    return [{(ids[p], ids[t]) for p, t in pairs if p in ids and t in ids} for pairs in found]


def _stands(pairs: set[tuple[int, int]]) -> ColumnElement[bool]:
    """Whether the article stands in one of these feeds."""
    entry = feed_entries.alias()
    one = or_(*(and_(entry.c.place == place, entry.c.topic == topic) for place, topic in sorted(pairs)))
    return exists().where(one, entry.c.sort == articles.c.sort, entry.c.num == articles.c.num)


def _left(pairs: set[tuple[int, int]]) -> ColumnElement[bool]:
    """Whether the article left one of these feeds."""
    row = withdrawals.alias()
    one = or_(*(and_(row.c.place == place, row.c.topic == topic) for place, topic in sorted(pairs)))
    return exists().where(row.c.num == articles.c.num, one)


def _axis(connection: Connection, query: Query, within: Sequence[Probe] = ()) -> dict[str, int]:
    names = {name for pair in query.scans() for name in pair}
    names |= {name for probe in (*query.probes(), *query.exclusions(), *within) for part in probe for name in part}
    return dict(connection.execute(select(axis.c.name, axis.c.id).where(axis.c.name.in_(sorted(names)))).all())


def _scan(place: int, topic: int, query: Query, ids: dict[str, int], where: _Where) -> Select[tuple[int, int]]:
    """One feed's range scan, each row looked up in the other dimensions."""
    entry = where.entries.alias()
    statement = select(entry.c.sort, entry.c.num).where(entry.c.place == place, entry.c.topic == topic)
    return _narrowed(statement, entry.c.sort, entry.c.num, query, ids, where)


def _searched(
    connection: Connection, pairs: Sequence[tuple[int, int]], query: Query, ids: dict[str, int], where: _Where
) -> Select[tuple[int, int]]:
    """What the words match, looked up in every dimension."""
    entry, one = where.entries.alias(), articles.alias()
    places, topics = {place for place, _ in pairs}, {topic for _, topic in pairs}
    statement = select(one.c.sort, one.c.num).where(
        one.c.num.in_(matching(connection, query.words)),
        one.c.public,
        exists().where(
            entry.c.place.in_(places), entry.c.topic.in_(topics), entry.c.sort == one.c.sort, entry.c.num == one.c.num
        ),
    )
    return _narrowed(statement, one.c.sort, one.c.num, query, ids, where)


def _narrowed(
    statement: Select[tuple[int, int]],
    sort: Column[int],
    num: Column[int],
    query: Query,
    ids: dict[str, int],
    where: _Where,
) -> Select[tuple[int, int]]:
    for wanted, probes in ((True, (*query.probes(), *where.within)), (False, query.exclusions())):
        for places, topics in probes:
            other = where.entries.alias()
            stands = exists().where(
                other.c.place.in_([ids[name] for name in places if name in ids]),
                other.c.topic.in_([ids[name] for name in topics if name in ids]),
                other.c.sort == sort,
                other.c.num == num,
            )
            statement = statement.where(stands if wanted else ~stands)
    if query.since:
        statement = statement.where(sort >= micros(query.since))
    if query.until:
        statement = statement.where(sort < micros(query.until))
    if query.before:
        statement = statement.where(tuple_(sort, num) < query.before)
    if query.after:
        # The page above: nearest first.
        statement = statement.where(tuple_(sort, num) > query.after)
        return statement.order_by(sort, num).limit(query.limit)
    return statement.order_by(sort.desc(), num.desc()).limit(query.limit)


def documents(engine: Engine, refs: Sequence[Ref]) -> dict[Ref, bytes]:
    """The articles of these versions, JSON as kept. Raises Unavailable."""
    if not refs:
        return {}
    wanted = set(refs)
    # Two lists and not pairs: SQLite would scan the whole table for (num, version) IN (…). The few that two lists find
    # too many, versions of one article in the number of another's, are left out here.
    statement = select(versions.c.num, versions.c.version, versions.c.doc).where(
        versions.c.num.in_({num for num, _ in wanted}), versions.c.version.in_({version for _, version in wanted})
    )
    with reading(engine) as connection:
        rows = connection.execute(statement).all()
    return {(num, version): bytes(doc) for num, version, doc in rows if (num, version) in wanted}


def newest(engine: Engine, id: str) -> Kept | None:
    """The article of a public id, whatever its state: for its office, and for who may read under embargo. Raises Unavailable."""
    return _kept(engine, _KEPT.where(articles.c.id == id))


def by_id(engine: Engine, id: str) -> Kept | None:
    """The article of a public id as the public knows it: of one that was withdrawn and waits under embargo now, the version that
    withdrew it. Of one that never was public there is no row, as there is none of an unknown id, so neither the answer nor its
    time tells one from the other. Raises Unavailable."""
    told = _TOLD.where(articles.c.id == id, or_(articles.c.public, articles.c.seen))
    return _kept(engine, told)


_TOLD = (
    select(
        versions.c.doc,
        articles.c.public,
        case((articles.c.public, "usable"), else_=public_state(articles.c.num, changes.c.kind)).label("pubstatus"),
        articles.c.seen,
        articles.c.edited,
    )
    .select_from(articles)
    .join(
        versions,
        and_(
            versions.c.num == articles.c.num,
            versions.c.version
            == case((articles.c.public, articles.c.version), else_=public_state(articles.c.num, changes.c.version)),
        ),
    )
)
_KEPT = select(versions.c.doc, articles.c.public, articles.c.pubstatus, articles.c.seen, articles.c.edited).join(
    versions, and_(versions.c.num == articles.c.num, versions.c.version == articles.c.version)
)


def _kept(engine: Engine, statement: Select[Any]) -> Kept | None:
    with reading(engine) as connection:
        row = connection.execute(statement).one_or_none()
    if row is None:
        return None
    edited = instant(row.edited)
    return Kept(msgspec.json.decode(row.doc, type=Article), row.public, row.pubstatus, row.seen, edited)


def changes_after(engine: Engine, seq: int, limit: int) -> list[tuple[Change, int]]:
    """Changes in commit order, each with its instant in microseconds. Raises Unavailable."""
    with reading(engine) as connection:
        rows = connection.execute(
            select(changes.c.seq, changes.c.axes, changes.c.at)
            .where(changes.c.seq > seq)
            .order_by(changes.c.seq)
            .limit(limit)
        ).all()
    return [(Change(row.seq, msgspec.json.decode(row.axes, type=tuple[Keys, ...])), row.at) for row in rows]


def newest_seq(engine: Engine) -> int:
    """The number of the newest change; 0 before the first. Raises Unavailable."""
    with reading(engine) as connection:
        return last_seq(connection)


def newest_change(engine: Engine) -> tuple[int, datetime | None]:
    """The number of the newest change and when it was, in UTC; 0 and None before the first. Raises Unavailable."""
    with reading(engine) as connection:
        row = connection.execute(
            select(changes.c.seq, changes.c.at).order_by(changes.c.seq.desc()).limit(1)
        ).one_or_none()
    return (0, None) if row is None else (row.seq, instant(row.at))


def instance(engine: Engine) -> str:
    """The random name of this database. Raises Unavailable."""
    with reading(engine) as connection:
        return str(connection.execute(select(counter.c.instance).where(counter.c.id == 1)).scalar_one())


def secret(engine: Engine) -> bytes:
    """The secret of this database. Raises Unavailable."""
    with reading(engine) as connection:
        return str(connection.execute(select(counter.c.secret).where(counter.c.id == 1)).scalar_one()).encode()


def next_due(engine: Engine) -> int | None:
    """When the next embargo lifts, in microseconds. Raises Unavailable."""
    with reading(engine) as connection:
        statement = select(articles.c.due).where(articles.c.due.is_not(None)).order_by(articles.c.due).limit(1)
        return connection.execute(statement).scalar_one_or_none()
