"""Reading articles and changes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Engine, and_, bindparam, case, func, or_, select
from sqlalchemy.sql import Select

from app.store.engine import reading
from app.store.identity import START, Mark
from app.store.instants import instant
from app.store.keys import Keys
from app.store.order import Change, last_seq, public_state
from app.store.scan import Ref
from app.store.tables import articles, changes, counter, versions
from feeds.article import Article


class Kept(Struct, frozen=True):
    """An article with its state now."""

    article: Article
    public: bool
    pubstatus: str
    seen: bool  # it was public once
    edited: datetime  # when this version came: a silent correction is later than its `updated`


def documents(engine: Engine, refs: Sequence[Ref]) -> dict[Ref, bytes]:
    """The articles of these versions, JSON as kept. Raises Unavailable."""
    if not refs:
        return {}
    wanted = set(refs)
    asked = {"nums": sorted({num for num, _ in wanted}), "versions": sorted({version for _, version in wanted})}
    with reading(engine) as connection:
        rows = connection.execute(_DOCUMENTS, asked).all()
    return {(num, version): bytes(doc) for num, version, doc in rows if (num, version) in wanted}


def sizes(engine: Engine, refs: Sequence[Ref]) -> dict[Ref, int]:
    """How many bytes the documents of these versions have; neither database reads them for it. Raises Unavailable."""
    wanted = set(refs)
    asked = {"nums": sorted({num for num, _ in wanted}), "versions": sorted({version for _, version in wanted})}
    with reading(engine) as connection:
        rows = connection.execute(_SIZES, asked).all()
    return {(num, version): size for num, version, size in rows if (num, version) in wanted}


# Two lists and not pairs: SQLite would scan the whole table for (num, version) IN (…). The few that two lists find
# too many, versions of one article in the number of another's, are left out above.
_DOCUMENTS = select(versions.c.num, versions.c.version, versions.c.doc).where(
    versions.c.num.in_(bindparam("nums", expanding=True)), versions.c.version.in_(bindparam("versions", expanding=True))
)
_SIZES = _DOCUMENTS.with_only_columns(versions.c.num, versions.c.version, func.length(versions.c.doc))


def newest(engine: Engine, id: str) -> Kept | None:
    """The article of a public id, whatever its state: for its office, and for who may read under embargo. Raises Unavailable."""
    return _kept(engine, _KEPT.where(articles.c.id == id))


def by_id(engine: Engine, id: str) -> Kept | None:
    """The article of a public id as the public knows it: of one that was withdrawn and waits under embargo now, the version that
    withdrew it. Of one that never was public there is no row, as there is none of an unknown id, so neither the answer nor its
    time tells one from the other. Raises Unavailable."""
    told = _TOLD.where(articles.c.id == id, or_(articles.c.public, articles.c.seen))
    return _kept(engine, told)


_TOLD = (
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
_KEPT = select(versions.c.doc, articles.c.public, articles.c.pubstatus, articles.c.seen, articles.c.edited).join(
    versions, and_(versions.c.num == articles.c.num, versions.c.version == articles.c.version)
)


def _kept(engine: Engine, statement: Select[Any]) -> Kept | None:
    with reading(engine) as connection:
        row = connection.execute(statement).one_or_none()
    if row is None:
        return None
    edited = instant(row.edited)
    return Kept(msgspec.json.decode(row.doc, type=Article), row.public, row.pubstatus, row.seen, edited)


def changes_after(engine: Engine, seq: int, limit: int) -> list[tuple[Change, int]]:
    """Changes in commit order, each with its instant in microseconds. Raises Unavailable."""
    with reading(engine) as connection:
        rows = connection.execute(
            select(changes.c.seq, changes.c.axes, changes.c.at, changes.c.stamp)
            .where(changes.c.seq > seq)
            .order_by(changes.c.seq)
            .limit(limit)
        ).all()
    return [(Change(row.seq, msgspec.json.decode(row.axes, type=tuple[Keys, ...]), row.stamp), row.at) for row in rows]


def newest_seq(engine: Engine) -> int:
    """The number of the newest change; 0 before the first. Raises Unavailable."""
    with reading(engine) as connection:
        return last_seq(connection)


def newest_change(engine: Engine) -> tuple[Mark, datetime | None]:
    """The newest change and when it was, in UTC; START and None before the first. Raises Unavailable."""
    with reading(engine) as connection:
        row = connection.execute(_NEWEST).one_or_none()
    return (START, None) if row is None else ((row.seq, row.stamp), instant(row.at))


_NEWEST = select(changes.c.seq, changes.c.stamp, changes.c.at).order_by(changes.c.seq.desc()).limit(1)


def instance(engine: Engine) -> str:
    """The random name of this history of the database. Raises Unavailable."""
    with reading(engine) as connection:
        return str(connection.execute(select(counter.c.instance).where(counter.c.id == 1)).scalar_one())


def secret(engine: Engine) -> bytes:
    """The secret of this database. Raises Unavailable."""
    with reading(engine) as connection:
        return str(connection.execute(select(counter.c.secret).where(counter.c.id == 1)).scalar_one()).encode()


def next_due(engine: Engine) -> int | None:
    """When the next embargo lifts, in microseconds. Raises Unavailable."""
    with reading(engine) as connection:
        statement = select(articles.c.due).where(articles.c.due.is_not(None)).order_by(articles.c.due).limit(1)
        return connection.execute(statement).scalar_one_or_none()
