"""Reads articles and changes from the database."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, Engine, and_, bindparam, case, exists, func, or_, select, true
from sqlalchemy.sql import Select

from app.store.changes import Ref, ids_of, public_state
from app.store.engine import reading
from app.store.feeds.scan import Probe
from app.store.tables import articles, changes, embargo_entries, instant, versions
from feeds import Article, Brief


class StoredArticle(Struct, frozen=True):
    """An article with its present state."""

    article: Article
    public: bool
    pubstatus: str
    seen: bool  # it was public once
    edited: datetime  # when this version was stored; for a silent correction this is later than `article.updated`


def documents(engine: Engine, refs: Sequence[Ref]) -> dict[Ref, bytes]:
    """The articles of these versions as JSON. Raises Unavailable."""
    if not refs:
        return {}
    wanted = set(refs)
    parameters = {"nums": sorted({num for num, _ in wanted}), "versions": sorted({version for _, version in wanted})}
    with reading(engine) as connection:
        rows = connection.execute(_DOCUMENTS, parameters).all()
    return {(num, version): bytes(doc) for num, version, doc in rows if (num, version) in wanted}


def briefs(engine: Engine, refs: Sequence[Ref]) -> dict[Ref, Brief]:
    """The same documents without their texts; they are read one by one, so that long ones are never in memory together. Raises
    Unavailable."""
    with reading(engine) as connection:
        found: dict[Ref, Brief] = {}
        for num, version in refs:
            doc = connection.execute(_DOCUMENT, {"num": num, "version": version}).scalar_one_or_none()
            if doc is not None:
                found[num, version] = msgspec.json.decode(doc, type=Brief)
    return found


def sizes(engine: Engine, refs: Sequence[Ref]) -> dict[Ref, int]:
    """The sizes of these documents in bytes; neither database reads the documents for this. Raises Unavailable."""
    wanted = set(refs)
    parameters = {"nums": sorted({num for num, _ in wanted}), "versions": sorted({version for _, version in wanted})}
    with reading(engine) as connection:
        rows = connection.execute(_SIZES, parameters).all()
    return {(num, version): size for num, version, size in rows if (num, version) in wanted}


# Two lists, because SQLite would scan the whole table for (num, version) IN (…). The lists also find a few rows that were not asked
# for, with the number of one article and the version of another; the functions above leave them out.
_DOCUMENTS = select(versions.c.num, versions.c.version, versions.c.doc).where(
    versions.c.num.in_(bindparam("nums", expanding=True)), versions.c.version.in_(bindparam("versions", expanding=True))
)
_DOCUMENT = select(versions.c.doc).where(versions.c.num == bindparam("num"), versions.c.version == bindparam("version"))
_SIZES = _DOCUMENTS.with_only_columns(versions.c.num, versions.c.version, func.length(versions.c.doc))


def newest(engine: Engine, id: str) -> StoredArticle | None:
    """The newest version of the article with a public id, in any state: for what is known to be its office's own. For an id that
    somebody sent, use `newest_for`. Raises Unavailable."""
    return _found(engine, _CURRENT.where(articles.c.id == id))


def newest_for(
    engine: Engine, id: str, offices: Collection[str] | None, within: Sequence[Probe] = ()
) -> StoredArticle | None:
    """As `newest`, for somebody who may know of articles that wait only if they are of these offices (None: of any) and, if `within`
    is not empty, under embargo with an entry in each of these (places, topics). For an article that waits and is not theirs, the
    query finds no row and reads no document, just as for an unknown id. So the duration is the same. Raises Unavailable."""
    theirs = of_reader(engine, offices, within)
    return _found(engine, _CURRENT.where(articles.c.id == id, or_(articles.c.public, theirs)))


def of_reader(engine: Engine, offices: Collection[str] | None, within: Sequence[Probe]) -> ColumnElement[bool]:
    """The condition, in a statement about articles, that a reader as in `newest_for` may know of one that waits. Raises
    Unavailable."""
    with reading(engine) as connection:
        ids = ids_of(connection, {name for probe in within for part in probe for name in part}, remembered=False)
    theirs: list[ColumnElement[bool]] = [] if offices is None else [articles.c.office.in_(sorted(offices))]
    for places, topics in within:
        entry = embargo_entries.alias().c
        of_place = entry.place.in_([ids[name] for name in places if name in ids])
        of_topic = entry.topic.in_([ids[name] for name in topics if name in ids])
        theirs.append(exists().where(entry.num == articles.c.num, of_place, of_topic))
    return and_(true(), *theirs)


def by_id(engine: Engine, id: str) -> StoredArticle | None:
    """The article with a public id, as the public knows it; None if it never was public. For an article that was withdrawn and is
    under embargo now, this is the version that withdrew it. The query finds no row for an article that never was public, just as
    for an unknown id, so neither the answer nor its duration tells them apart. Raises Unavailable."""
    public = _PUBLIC.where(articles.c.id == id, or_(articles.c.public, articles.c.seen))
    return _found(engine, public)


def office_of(engine: Engine, id: str) -> str:
    """The code of the office of the article with a public id; empty if it never was public. It never changes. Raises Unavailable."""
    statement = select(articles.c.office).where(articles.c.id == id, or_(articles.c.public, articles.c.seen))
    with reading(engine) as connection:
        return connection.execute(statement).scalar_one_or_none() or ""


_PUBLIC = (
    select(
        versions.c.doc,
        articles.c.public,
        case((articles.c.public, "usable"), else_=public_state(articles.c.num, changes.c.kind)).label("pubstatus"),
        articles.c.seen,
        articles.c.edited,
    )
    .select_from(articles)
    .join(
        versions,
        and_(
            versions.c.num == articles.c.num,
            versions.c.version
            == case((articles.c.public, articles.c.version), else_=public_state(articles.c.num, changes.c.version)),
        ),
    )
)
_CURRENT = select(versions.c.doc, articles.c.public, articles.c.pubstatus, articles.c.seen, articles.c.edited).join(
    versions, and_(versions.c.num == articles.c.num, versions.c.version == articles.c.version)
)


def _found(engine: Engine, statement: Select[Any]) -> StoredArticle | None:
    with reading(engine) as connection:
        row = connection.execute(statement).one_or_none()
    if row is None:
        return None
    edited = instant(row.edited)
    return StoredArticle(msgspec.json.decode(row.doc, type=Article), row.public, row.pubstatus, row.seen, edited)


def next_due(engine: Engine) -> int | None:
    """When the next embargo ends, in microseconds since 1970; None if no article has an embargo date. Raises Unavailable."""
    with reading(engine) as connection:
        statement = select(articles.c.due).where(articles.c.due.is_not(None)).order_by(articles.c.due).limit(1)
        return connection.execute(statement).scalar_one_or_none()
