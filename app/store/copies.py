"""Which outlets got a copy of an article under embargo, and which articles of these a text comes from."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import Engine, Table, func, select
from sqlalchemy.dialects import postgresql, sqlite

from app.store.engine import reading, writing
from app.store.tables import articles, copy_words, instant, micros, outlet_copies

Copied = tuple[str, int]  # public id and version of an article

COMMON = 20  # articles that have the same words: more are not noted, because they tell nothing
AT_ONCE = 500  # words that are looked up with one query


class CopiedArticle(Struct, frozen=True):
    """An article that shares words with a text."""

    id: str
    num: int
    office: str
    shared: int  # sequences of words


class OutletCopy(Struct, frozen=True):
    """A version of an article that an outlet got."""

    version: int
    outlet: str
    at: datetime  # when it got it first


def not_noted(engine: Engine, outlet: str, copies: Collection[Copied]) -> tuple[set[Copied], set[Copied]]:
    """(the articles that the outlet did not get before; of these, the ones that no outlet got before). Raises Unavailable."""
    table = outlet_copies.c
    statement = select(table.article, table.version, table.outlet).where(table.article.in_({id for id, _ in copies}))
    with reading(engine) as connection:
        rows = connection.execute(statement).all()
    new = set(copies) - {(row.article, row.version) for row in rows if row.outlet == outlet}
    return new, new - {(row.article, row.version) for row in rows}


def note_copies(
    engine: Engine, outlet: str, copies: Collection[Copied], words: Mapping[str, Sequence[int]], now: datetime
) -> None:
    """Note that an outlet gets copies. `words`: of the articles that no outlet got before. Raises Unavailable."""
    with writing(engine) as connection:
        rows = [{"article": id, "version": version, "outlet": outlet, "at": micros(now)} for id, version in copies]
        connection.execute(_once(engine, outlet_copies), sorted(rows, key=str))
        asked = sorted({number for numbers in words.values() for number in numbers})
        common: set[int] = set()
        for start in range(0, len(asked), AT_ONCE):
            known = (
                select(copy_words.c.words)
                .where(copy_words.c.words.in_(asked[start : start + AT_ONCE]))
                .group_by(copy_words.c.words)
                .having(func.count() >= COMMON)
            )
            common |= set(connection.execute(known).scalars())
        added = [
            {"words": number, "article": id} for id, numbers in sorted(words.items()) for number in {*numbers} - common
        ]
        if added:
            connection.execute(_once(engine, copy_words), added)


def _once(engine: Engine, table: Table) -> Any:
    """A statement that inserts rows, some of which may exist already."""
    dialect = postgresql if engine.dialect.name == "postgresql" else sqlite
    return dialect.insert(table).on_conflict_do_nothing()


def articles_with(
    engine: Engine, words: Sequence[int], offices: Collection[str] | None, most: int
) -> list[CopiedArticle]:
    """The articles of these offices, or of all, that share most with a text and that outlets have copies of. Raises Unavailable."""
    shared: dict[tuple[str, int, str], int] = {}
    with reading(engine) as connection:
        for start in range(0, len(words), AT_ONCE):
            statement = (
                select(articles.c.id, articles.c.num, articles.c.office, func.count())
                .join_from(copy_words, articles, articles.c.id == copy_words.c.article)
                .where(copy_words.c.words.in_(words[start : start + AT_ONCE]))
                .group_by(articles.c.id, articles.c.num, articles.c.office)
            )
            if offices is not None:
                statement = statement.where(articles.c.office.in_(sorted(offices)))
            for id, num, office, count in connection.execute(statement):
                shared[id, num, office] = shared.get((id, num, office), 0) + count
    best = sorted(shared.items(), key=lambda one: (-one[1], one[0]))[:most]
    return [CopiedArticle(*article, count) for article, count in best]


def copies_of(engine: Engine, article: str) -> list[OutletCopy]:
    """Which outlet got which version of an article, in order of time. Raises Unavailable."""
    table = outlet_copies.c
    statement = select(table.version, table.outlet, table.at).where(table.article == article)
    with reading(engine) as connection:
        rows = connection.execute(statement.order_by(table.at, table.outlet)).all()
    return [OutletCopy(row.version, row.outlet, instant(row.at)) for row in rows]
