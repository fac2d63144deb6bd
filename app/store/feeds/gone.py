"""Finds the articles that left a feed."""

import msgspec
from msgspec.structs import replace
from sqlalchemy import ColumnElement, Engine, and_, bindparam, exists, or_, select, union_all

from app.query import Query
from app.store.built import Built, among, listed
from app.store.changes import Ids, ids_of, public_state
from app.store.engine import reading
from app.store.tables import articles, changes, feed_entries, instant, versions, withdrawals
from feeds import Article, Office, Withdrawn, withdrawal

_ANY = Built(
    lambda dialect: (
        select(withdrawals.c.num)
        .where(
            among(withdrawals.c.place, "places", dialect),
            among(withdrawals.c.topic, "topics", dialect),
            withdrawals.c.sort >= bindparam("after"),
        )
        .limit(1)
    )
)


def withdrawn(engine: Engine, query: Query, after: int, limit: int) -> list[Withdrawn]:
    """The articles that left these feeds at `after` (micros) or later, newest first, at most `limit`. Raises Unavailable."""
    with reading(engine) as connection:
        names = {name for pair in query.scans() for name in pair}
        names |= {name for probe in query.probes() for part in probe for name in part}
        dimensions = _dimensions(query, ids_of(connection, names))
        if not all(dimensions):
            return []
        pairs = {pair for dimension in dimensions for pair in dimension}
        places, topics = {place for place, _ in pairs}, {topic for _, topic in pairs}
        given = {"places": listed(connection, sorted(places)), "topics": listed(connection, sorted(topics))}
        if not _ANY.rows(connection, **given, after=after):  # the usual case
            return []
        parts = [
            select(withdrawals.c.sort, withdrawals.c.num)
            .where(withdrawals.c.place == place, withdrawals.c.topic == topic, withdrawals.c.sort >= after)
            .order_by(withdrawals.c.sort.desc(), withdrawals.c.num.desc())
            .limit(limit)
            for place, topic in sorted(pairs)
        ]
        left = union_all(*(select(part.subquery()) for part in parts)).subquery()
        stands = [_stands(dimension) for dimension in dimensions]
        in_each = [or_(stands_now, _left(dimension)) for stands_now, dimension in zip(stands, dimensions, strict=True)]
        statement = (
            select(left.c.sort, articles.c.id, articles.c.guid, changes.c.version, changes.c.kind, versions.c.doc)
            .select_from(left)
            .join(articles, articles.c.num == left.c.num)
            # The article's last public change: a newer version that is under embargo must not show.
            .join(changes, changes.c.seq == public_state(articles.c.num, changes.c.seq))
            .join(versions, and_(versions.c.num == articles.c.num, versions.c.version == changes.c.version))
            # The article is or was in each dimension, and is not in all of them now.
            .where(*in_each, ~and_(*stands))
            .order_by(left.c.sort.desc(), articles.c.num.desc())
            .limit(limit * len(pairs))
        )
        rows = connection.execute(statement).all()
    found: dict[str, Withdrawn] = {}
    for row in rows:
        canceled = row.kind == "canceled"
        article = msgspec.json.decode(row.doc, type=Article)
        gone = withdrawal(article, instant(row.sort), canceled=canceled, version=row.version if canceled else 0)
        # For an article that was not canceled, readers see only that it left.
        found.setdefault(row.guid, gone if canceled else replace(gone, office=Office("", "")))
    return list(found.values())[:limit]


def _dimensions(query: Query, ids: Ids) -> list[set[tuple[int, int]]]:
    """The (place, topic) pairs of each dimension: first the pairs of the scan, then those of each probe. A probe is narrowed to the
    places or the topics of the scan, as the fan-out stores such pairs."""
    scans = query.scans()
    found = [scans]
    for places, topics in query.probes():
        by_place = topics == ("*",)
        own = {(place, topic) for place in places for _, topic in scans} if by_place else set()
        found.append(tuple(own or {(place, topic) for place, _ in scans for topic in topics}))
    return [{(ids[p], ids[t]) for p, t in pairs if p in ids and t in ids} for pairs in found]


def _stands(pairs: set[tuple[int, int]]) -> ColumnElement[bool]:
    """Whether the article is in one of these feeds."""
    entry = feed_entries.alias()
    in_a_feed = or_(*(and_(entry.c.place == place, entry.c.topic == topic) for place, topic in sorted(pairs)))
    return exists().where(in_a_feed, entry.c.sort == articles.c.sort, entry.c.num == articles.c.num)


def _left(pairs: set[tuple[int, int]]) -> ColumnElement[bool]:
    """Whether the article left one of these feeds."""
    row = withdrawals.alias()
    in_a_feed = or_(*(and_(row.c.place == place, row.c.topic == topic) for place, topic in sorted(pairs)))
    return exists().where(row.c.num == articles.c.num, in_a_feed)
