"""Lists the feeds that have articles, and all public articles by their last change, one period at a time.

Articles are not listed by number, because the numbers also count articles under embargo. The cost of an answer depends on what it
lists and not on the size of the archive: each query jumps in the index from one place, topic or period to the next.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from sqlalchemy import Engine, Subquery, and_, or_, select

from app.store.built import Built, among, listed
from app.store.changes import ALL, Keys
from app.store.engine import reading
from app.store.tables import articles, axis, feed_entries, instant, versions


def names_in_use(engine: Engine) -> set[str]:
    """The names of the places and topics whose feeds have an article now. Raises Unavailable."""
    everything = select(axis.c.id).where(axis.c.name == ALL).scalar_subquery()
    # Select the first entry of each feed. EXISTS would make PostgreSQL read every entry for a join.
    first = select(feed_entries.c.num).order_by(feed_entries.c.sort).limit(1).correlate(axis)
    there = first.where(feed_entries.c.place == axis.c.id, feed_entries.c.topic == everything).scalar_subquery()
    about = first.where(feed_entries.c.place == everything, feed_entries.c.topic == axis.c.id).scalar_subquery()
    statement = select(axis.c.name).where(or_(there.is_not(None), about.is_not(None)))
    with reading(engine) as connection:
        return set(connection.execute(statement).scalars())


def crossed(engine: Engine, places: Sequence[str]) -> list[tuple[str, str]]:
    """(place, topic) of each feed of these places that has articles; one index lookup for each. Raises Unavailable."""
    place = axis.alias("place")
    first = (
        select(feed_entries.c.topic)
        .where(feed_entries.c.place == place.c.id)
        .order_by(feed_entries.c.topic)
        .limit(1)
        .correlate(place)
        .scalar_subquery()
    )
    pair = (
        select(place.c.id.label("place"), first.label("topic"))
        .where(place.c.name.in_(places))
        .cte("pair", recursive=True)
    )
    following = (
        select(feed_entries.c.topic)
        .where(feed_entries.c.place == pair.c.place, feed_entries.c.topic > pair.c.topic)
        .order_by(feed_entries.c.topic)
        .limit(1)
        .correlate(pair)
        .scalar_subquery()
    )
    pair = pair.union_all(select(pair.c.place, following).where(pair.c.topic.is_not(None)))
    topic = axis.alias("topic")
    statement = (
        select(place.c.name, topic.c.name)
        .select_from(pair)
        .join(place, place.c.id == pair.c.place)
        .join(topic, topic.c.id == pair.c.topic)
    )
    with reading(engine) as connection:
        return [(there, about) for there, about in connection.execute(statement)]


def blocks(engine: Engine, size: int, most: int) -> list[int]:
    """The starts (micros) of the periods of `size` microseconds that contain the last change of a public article, at most `most`.
    Raises Unavailable."""
    entry = _everything()
    start = select(entry.c.sort).order_by(entry.c.sort).limit(1).scalar_subquery()
    block = select(start.label("sort")).cte("block", recursive=True)
    # Added before the division and subtracted after it, because the databases round negative numbers differently.
    shift = 30_000 * size
    later = _everything()
    following = (
        select(later.c.sort)
        .where(later.c.sort >= ((block.c.sort + shift) // size + 1) * size - shift)
        .order_by(later.c.sort)
        .limit(1)
        .correlate(block)
        .scalar_subquery()
    )
    block = block.union_all(select(following).where(block.c.sort.is_not(None)))
    with reading(engine) as connection:
        found = connection.execute(select(block.c.sort).where(block.c.sort.is_not(None)).limit(most)).scalars()
        return [sort // size * size for sort in found]


def block(engine: Engine, start: int, size: int, most: int) -> list[tuple[str, datetime]]:
    """(public id, last change) of the public articles whose last change is in the period, newest first, at most `most`. Raises
    Unavailable."""
    entry = _everything()
    statement = (
        select(articles.c.id, entry.c.sort)
        .select_from(entry)
        .join(articles, articles.c.num == entry.c.num)
        .where(entry.c.sort >= start, entry.c.sort < start + size)
        .order_by(entry.c.sort.desc())
        .limit(most)
    )
    with reading(engine) as connection:
        rows = connection.execute(statement).all()
    return [(id, instant(sort)) for id, sort in rows]


def _everything() -> Subquery:
    """The entries of the feed that has all public articles."""
    all_ = select(axis.c.id).where(axis.c.name == ALL).scalar_subquery()
    return (
        select(feed_entries.c.sort, feed_entries.c.num)
        .where(feed_entries.c.place == all_, feed_entries.c.topic == all_)
        .subquery()
    )


def keys_of(engine: Engine, nums: Sequence[int]) -> list[Keys]:
    """The places and topics of these public articles, in no order; those that are not public are left out. Raises Unavailable."""
    with reading(engine) as connection:
        rows = _KEYS.rows(connection, nums=listed(connection, sorted(set(nums))))
    return [msgspec.json.decode(axes, type=Keys) for (axes,) in rows]


_KEYS = Built(
    lambda dialect: (
        select(versions.c.axes)
        .select_from(articles)
        .join(versions, and_(versions.c.num == articles.c.num, versions.c.version == articles.c.version))
        .where(among(articles.c.num, "nums", dialect), articles.c.public)
    )
)
