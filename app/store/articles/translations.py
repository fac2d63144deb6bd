"""Finds the translations of an article: the articles that it names as such, and those that name it."""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection, Engine, and_, delete, insert, or_, select

from app.store.articles.find import briefs
from app.store.engine import reading
from app.store.tables import articles, translations
from feeds import Article, Brief

MOST = 40  # translations shown with one article


def enter(connection: Connection, named: Iterable[tuple[int, Article]]) -> None:
    """Write which articles each of these (number, article) names as its translations."""
    rows = [
        {"guid": guid, "num": num}
        for num, article in named
        for guid in sorted({related.guid for related in article.related if related.translation and related.guid})
    ]
    if rows:
        connection.execute(insert(translations), rows)


def leave(connection: Connection, num: int) -> None:
    """Delete the translations that an article named, because its next version may name others."""
    connection.execute(delete(translations).where(translations.c.num == num))


def translations_of(engine: Engine, article: Article) -> Sequence[Brief]:
    """The public translations of an article, sorted by language, without articles in its own language.

    These are the articles that it names, that name it, and that name an article that it names. An article of another office counts
    only if both name each other, so no office alone can declare a translation of another office's article. Raises Unavailable.
    """
    named = _named(article)
    together = [article.guid, *named]
    naming = select(translations.c.num).where(translations.c.guid.in_(together))
    statement = (
        select(articles.c.num, articles.c.version)
        .where(
            articles.c.public,
            or_(
                articles.c.guid.in_(named),
                and_(articles.c.num.in_(naming), articles.c.office == article.office.code),
            ),
        )
        .limit(MOST)
    )
    with reading(engine) as connection:
        refs = [(num, version) for num, version in connection.execute(statement)]
    others = (
        candidate
        for candidate in briefs(engine, refs).values()
        if candidate.id != article.id
        and candidate.lang != article.lang
        and (candidate.office.code == article.office.code or article.guid in _named(candidate))
    )
    return sorted(others, key=lambda candidate: (candidate.lang, candidate.id))


def _named(article: Article | Brief) -> list[str]:
    return [related.guid for related in article.related if related.translation and related.guid]
