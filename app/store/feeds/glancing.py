"""A glance at a feed: its newest articles, and how many it got lately. The cost does not depend on the size of the archive.

A feed of one place and topic is the end of one range of the index. A query with exclusions or several filters may pass over any number
of entries before one fits. So a glance looks at no more than the newest `LOOK_UPS` entries, divided by what each of them costs. If
these do not cover the whole period, the number is a lower bound and marked as such. The rows of the feed's own statement are
counted. An article under embargo has no entries, so it cannot be counted here.
"""

from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import Connection, Engine, and_, bindparam, case, func, literal, select, tuple_, union_all
from sqlalchemy.sql import Select

from app.query import Cursor, Query
from app.store.engine import reading
from app.store.feeds import scan
from app.store.feeds.search import newest_matches
from app.store.tables import articles, instant, micros

LOOK_UPS = 6_000  # entries and their look-ups in other feeds, which take some 15 ms
MATCHES = 1_000  # articles with the words of a search; each is looked up in the feed


class Count(Struct, frozen=True):
    """How many articles of a feed changed since an instant."""

    number: int
    whole: bool  # there are no more; if not, there are at least as many


class Glance(Struct, frozen=True):
    """What a feed looks like now."""

    newest: list[scan.Standing]
    whole: bool  # these are the newest articles; if not, older ones that were not looked at may fit too
    counts: tuple[Count, ...]


def glance(engine: Engine, query: Query, since: Sequence[datetime], limit: int) -> Glance:
    """The newest articles of a feed, at most `limit`, and how many changed since each of these instants. Raises Unavailable."""
    query = replace(query, before=None, after=None, limit=limit)
    with reading(engine) as connection:
        asked = scan.Asked.of(connection, query)
        if not asked.pairs:
            return Glance([], True, tuple(Count(0, True) for _ in since))
        end = None if query.words else _end(connection, asked, LOOK_UPS // query.cost())
        starts = [max(micros(moment), micros(query.since) if query.since else 0) for moment in since]
        counts = (
            _matches(connection, asked, starts)
            if query.words
            else [_count(connection, asked, start, end) for start in starts]
        )
    near = query if end is None else replace(query, since=max(filter(None, (query.since, instant(end[0])))))
    newest = scan.standing(engine, near)
    return Glance(newest, end is None or len(newest) == limit, tuple(counts))


def _end(connection: Connection, asked: scan.Asked, most: int) -> Cursor | None:
    """The position down to which entries are looked at, so that there are at most `most` of each pair; None: there are no more."""
    values = asked.values | {"most": max(most, 1)}
    found = connection.execute(_ends(asked.shape), values).all()
    return max(((sort, num) for sort, num in found), default=None)


@lru_cache(500)
def _ends(shape: scan.QueryShape) -> Select[Any]:
    """The entry of each pair that is one too many."""
    parts = []
    for statement, sort, num in scan.each_pair(shape):
        if shape.until:
            statement = statement.where(sort < bindparam("until"))
        last = statement.order_by(sort.desc(), num.desc()).offset(bindparam("most")).limit(literal(1))
        parts.append(select(last.subquery()))
    return select(union_all(*parts).subquery())


def _count(connection: Connection, asked: scan.Asked, start: int, end: Cursor | None) -> Count:
    """The articles since `start`, of the entries above `end`."""
    cut = end is not None and end[0] >= start
    above = end if cut and end else (start, -1)
    shape = replace(asked.shape, since=False)
    values = asked.values | {"end_sort": above[0], "end_num": above[1]}
    return Count(int(connection.execute(_above(shape), values).scalar_one()), not cut)


@lru_cache(500)
def _above(shape: scan.QueryShape) -> Select[Any]:
    """The number of different articles in the entries above a position."""
    parts = []
    for statement, sort, num in scan.each_pair(shape):
        above = tuple_(sort, num) > tuple_(bindparam("end_sort"), bindparam("end_num"))
        parts.append(statement.where(above, *scan.narrowing(shape, sort, num)))
    found = union_all(*parts).subquery()
    return select(func.count()).select_from(select(found.c.num).distinct().subquery())


def _matches(connection: Connection, asked: scan.Asked, starts: Sequence[int]) -> list[Count]:
    """The articles since each of `starts`, of the newest ones that match the words."""
    values = asked.values | {f"start{number}": start for number, start in enumerate(starts)}
    statement = _matching(replace(asked.shape, since=False), connection.dialect.name, len(starts), MATCHES)
    total, *numbers = connection.execute(statement, values).one()
    return [Count(int(number or 0), total < MATCHES) for number in numbers]


@lru_cache(500)
def _matching(shape: scan.QueryShape, dialect: str, starts: int, most: int) -> Any:
    """How many articles match, and how many of them are in the feed and changed since each start."""
    fits = and_(
        articles.c.public,
        scan.there(shape, articles.c.sort, articles.c.num, "places", "topics"),
        *scan.narrowing(shape, articles.c.sort, articles.c.num),
    )
    # An older article is looked up nowhere.
    since = [
        func.sum(case((articles.c.sort >= bindparam(f"start{number}"), case((fits, 1), else_=0)), else_=0)).label(
            f"since{number}"
        )
        for number in range(starts)
    ]
    return select(func.count(), *since).where(articles.c.num.in_(newest_matches(dialect, most)))
