"""What left a feed."""

import msgspec
from sqlalchemy import ColumnElement, Engine, and_, bindparam, exists, or_, select, union_all

from app.query.query import Query
from app.store.engine import reading
from app.store.instants import instant
from app.store.order import public_state
from app.store.scan import Ids, ids_of
from app.store.tables import articles, changes, feed_entries, versions, withdrawals
from feeds.article import Article, Office, Withdrawn

_ANY = (
    select(withdrawals.c.num)
    .where(
        withdrawals.c.place.in_(bindparam("places", expanding=True)),
        withdrawals.c.topic.in_(bindparam("topics", expanding=True)),
        withdrawals.c.sort >= bindparam("after"),
    )
    .limit(1)
)


def withdrawn(engine: Engine, query: Query, after: int, limit: int) -> list[Withdrawn]:
    """What left these feeds at `after` (micros) or later, newest first. Raises Unavailable."""
    with reading(engine) as connection:
        names = {name for pair in query.scans() for name in pair}
        names |= {name for probe in query.probes() for part in probe for name in part}
        dimensions = _dimensions(query, ids_of(connection, names))
        if not all(dimensions):
            return []
        pairs = {pair for dimension in dimensions for pair in dimension}
        places, topics = {place for place, _ in pairs}, {topic for _, topic in pairs}
        asked = {"places": sorted(places), "topics": sorted(topics), "after": after}
        if connection.execute(_ANY, asked).first() is None:  # as it mostly is
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


def _dimensions(query: Query, ids: Ids) -> list[set[tuple[int, int]]]:
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
