"""Reads the articles of one office in any state, for the office to edit."""

from datetime import datetime
from itertools import accumulate

import msgspec
from msgspec import Struct
from sqlalchemy import Engine, and_, func, select, tuple_

from app.store.engine import reading
from app.store.tables import articles, instant, versions
from feeds import Article


class Edited(Struct, frozen=True):
    """The newest version of an article, and when it was stored."""

    num: int
    article: Article
    micros: int  # when the version was stored, since 1970

    @property
    def edited(self) -> datetime:
        """When the version was stored, in UTC."""
        return instant(self.micros)


_EDITED = (
    select(articles.c.num, articles.c.edited, versions.c.doc)
    .join(versions, and_(versions.c.num == articles.c.num, versions.c.version == articles.c.version))
    .order_by(articles.c.edited.desc(), articles.c.num.desc())
)


def edited(engine: Engine, office: str, id: str) -> Edited | None:
    """The article with a public id, or None if it does not belong to the office. Raises Unavailable."""
    with reading(engine) as connection:
        row = connection.execute(_EDITED.where(articles.c.id == id, articles.c.office == office)).one_or_none()
    return None if row is None else Edited(row.num, msgspec.json.decode(row.doc, type=Article), row.edited)


def last_edited(
    engine: Engine, office: str, before: tuple[int, int] | None, limit: int, most: int
) -> tuple[list[Edited], bool]:
    """A page of an office's articles, last edited first, and whether more follow. `before`: (micros, num) of the last article of the
    previous page. The page has at most `limit` articles and `most` bytes of documents, but at least one article. Raises
    Unavailable."""
    statement = _EDITED.where(articles.c.office == office)
    if before is not None:
        statement = statement.where(tuple_(articles.c.edited, articles.c.num) < before)
    with reading(engine) as connection:
        sizes = (
            connection.execute(statement.with_only_columns(func.length(versions.c.doc)).limit(limit + 1))
            .scalars()
            .all()
        )
        taken = sum(1 for size in accumulate(sizes[:limit]) if size <= most) or min(1, len(sizes))
        rows = connection.execute(statement.limit(taken)).all() if taken else []
    found = [Edited(row.num, msgspec.json.decode(row.doc, type=Article), row.edited) for row in rows]
    return found, taken < len(sizes)
