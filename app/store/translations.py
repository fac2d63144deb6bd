"""Language versions of one article: each may name the others, and is found by those that name it."""

from collections.abc import Iterable, Sequence

import msgspec
from sqlalchemy import Connection, Engine, and_, delete, insert, or_, select

from app.store.engine import reading
from app.store.tables import articles, translations, versions
from feeds.article import Article

MOST = 100  # told of one article


def enter(connection: Connection, named: Iterable[tuple[int, Article]]) -> None:
    """Keep which articles these, with their numbers, name as themselves in another language."""
    rows = [
        {"guid": guid, "num": num}
        for num, article in named
        for guid in sorted({related.guid for related in article.related if related.translation and related.guid})
    ]
    if rows:
        connection.execute(insert(translations), rows)


def leave(connection: Connection, num: int) -> None:
    """Forget what an article named: its next version may name others."""
    connection.execute(delete(translations).where(translations.c.num == num))


def translations_of(engine: Engine, article: Article) -> Sequence[Article]:
    """The public ones among those that this article names, that name it, and that name what it names; by language, without
    those of its own. Those of another office only where each names the other: nobody's page becomes another's official translation
    by its own word. Raises Unavailable."""
    named = _named(article)
    together = [article.guid, *named]
    naming = select(translations.c.num).where(translations.c.guid.in_(together))
    statement = (
        select(versions.c.doc)
        .select_from(articles)
        .join(versions, and_(versions.c.num == articles.c.num, versions.c.version == articles.c.version))
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
        found = [msgspec.json.decode(doc, type=Article) for doc in connection.execute(statement).scalars()]
    other = (
        one
        for one in found
        if one.id != article.id
        and one.lang != article.lang
        and (one.office.code == article.office.code or article.guid in _named(one))
    )
    return sorted(other, key=lambda one: (one.lang, one.id))


def _named(article: Article) -> list[str]:
    return [related.guid for related in article.related if related.translation and related.guid]
