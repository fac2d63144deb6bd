"""What is there to be found: which feeds have articles, and every public article by number, a block at a time.

Each answer costs what it lists and not the archive: the indexes are skipped through, from one place, topic or block to the next.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Engine, or_, select

from app.store.engine import reading
from app.store.instants import instant
from app.store.keys import ALL
from app.store.tables import articles, axis, feed_entries


def names_in_use(engine: Engine) -> set[str]:
    """The places and the topics in which an article stands now. Raises Unavailable."""
    everything = select(axis.c.id).where(axis.c.name == ALL).scalar_subquery()
    # The first entry of each, and not whether there is one: PostgreSQL would read every entry to join them.
    first = select(feed_entries.c.num).order_by(feed_entries.c.sort).limit(1).correlate(axis)
    there = first.where(feed_entries.c.place == axis.c.id, feed_entries.c.topic == everything).scalar_subquery()
    about = first.where(feed_entries.c.place == everything, feed_entries.c.topic == axis.c.id).scalar_subquery()
    statement = select(axis.c.name).where(or_(there.is_not(None), about.is_not(None)))
    with reading(engine) as connection:
        return set(connection.execute(statement).scalars())


def crossed(engine: Engine, places: Sequence[str]) -> list[tuple[str, str]]:
    """(place, topic) of each feed of these places that has articles: one look into the index for each. Raises Unavailable."""
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
    """The first number of each block of `size` numbers that has a public article, at most `most`. Raises Unavailable."""
    start = select(articles.c.num).where(articles.c.public).order_by(articles.c.num).limit(1).scalar_subquery()
    block = select(start.label("num")).cte("block", recursive=True)
    following = (
        select(articles.c.num)
        .where(articles.c.public, articles.c.num >= (block.c.num // size + 1) * size)
        .order_by(articles.c.num)
        .limit(1)
        .correlate(block)
        .scalar_subquery()
    )
    block = block.union_all(select(following).where(block.c.num.is_not(None)))
    with reading(engine) as connection:
        found = connection.execute(select(block.c.num).where(block.c.num.is_not(None)).limit(most)).scalars()
        return [num // size * size for num in found]


def block(engine: Engine, start: int, size: int) -> list[tuple[str, datetime]]:
    """(public id, last change) of the public articles of a block, by number. Raises Unavailable."""
    statement = (
        select(articles.c.id, articles.c.sort)
        .where(articles.c.num >= start, articles.c.num < start + size, articles.c.public)
        .order_by(articles.c.num)
    )
    with reading(engine) as connection:
        rows = connection.execute(statement).all()
    return [(id, instant(sort)) for id, sort in rows]
