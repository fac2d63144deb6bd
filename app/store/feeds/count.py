"""Counts the articles of feeds, without reading them: so many entries of an index range, and no more."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Engine, bindparam, func, literal, select, union_all
from sqlalchemy.sql import CompoundSelect

from app.store.changes import ALL, ids_of
from app.store.engine import reading
from app.store.tables import axis, feed_entries


def counted_since(engine: Engine, places: Sequence[str], since: int, most: int) -> dict[str, int]:
    """How many public articles changed last at `since` (micros) or later, for each of these places; at most `most` of each are
    counted. Raises Unavailable."""
    with reading(engine) as connection:
        ids = ids_of(connection, {*places, ALL})
        known = [place for place in places if place in ids]
        if not known or ALL not in ids:
            return dict.fromkeys(places, 0)
        values: dict[str, Any] = {f"place{number}": ids[place] for number, place in enumerate(known)}
        values |= {"topic": ids[ALL], "since": since, "most": most}
        found: dict[int, int] = dict(connection.execute(_counts(len(known)), values).all())
    return dict.fromkeys(places, 0) | {place: found[number] for number, place in enumerate(known)}


def newest_of_places(engine: Engine, places: Sequence[str]) -> dict[str, int]:
    """When a public article last changed in each of these places, micros; a place without one is left out. One look into an
    index for each place. Raises Unavailable."""
    with reading(engine) as connection:
        everything = connection.execute(select(axis.c.id).where(axis.c.name == ALL)).scalar()
        newest = (
            select(func.max(feed_entries.c.sort))
            .where(feed_entries.c.place == axis.c.id, feed_entries.c.topic == everything)
            .scalar_subquery()
        )
        statement = select(axis.c.name, newest).where(axis.c.name.in_(sorted(places)))
        return {name: int(at) for name, at in connection.execute(statement) if at is not None}


@lru_cache(32)
def _counts(places: int) -> CompoundSelect[Any]:
    parts = []
    for number in range(places):
        entries = (
            select(feed_entries.c.num)
            .where(
                feed_entries.c.place == bindparam(f"place{number}"),
                feed_entries.c.topic == bindparam("topic"),
                feed_entries.c.sort >= bindparam("since"),
            )
            .order_by(feed_entries.c.sort.desc())
            .limit(bindparam("most"))
            .subquery()
        )
        parts.append(select(literal(number), func.count()).select_from(entries))
    return union_all(*parts)
