"""The versions of an article that were public, and the releases that brought them.

What was never public may say what was taken out, and what was public before the article was canceled or withheld is withdrawn with
it, also where the article came back: neither is told here. What looks for an article in `changes`
uses the index on (num, seq).
"""

from datetime import datetime

import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, Engine, and_, exists, func, or_, select
from sqlalchemy.sql import FromClause, Select

from app.store.engine import reading
from app.store.instants import instant
from app.store.tables import articles, changes, releases, versions
from feeds.article import Article

PUBLIC = ("published", "corrected")  # kinds of changes that make a version public
GONE = ("canceled", "withheld")


class Version(Struct, frozen=True):
    """A version that was public, or is."""

    version: int
    kind: str  # "published" or "corrected"
    at: datetime  # when it became public here
    article: Article  # as it was then


class Provenance(Struct, frozen=True):
    """Where the bytes of an article's version came from."""

    version: int
    body: bytes
    mimetype: str
    office: str  # whose token or key sent them
    received: datetime
    signature: bytes | None  # JSON


def history(engine: Engine, id: str, limit: int, *, below: int | None = None) -> list[Version]:
    """The public versions of an article, newest first, at most `limit`; `below`: only those before that version. Empty while the
    article is not public. Raises Unavailable."""
    statement = _public(id).order_by(versions.c.version.desc()).limit(limit)
    return _versions(engine, statement if below is None else statement.where(versions.c.version < below))


def public_version(engine: Engine, id: str, version: int) -> Version | None:
    """That version, where it was public and the article is. Raises Unavailable."""
    return next(iter(_versions(engine, _public(id).where(versions.c.version == version))), None)


def corrected(engine: Engine, id: str) -> list[Version]:
    """The newest two public versions of an article that has several; empty where it has one. Raises Unavailable."""
    # Nearly all articles have one version: of these, changes are not asked.
    several = (
        select(versions.c.version).join(articles, articles.c.num == versions.c.num).where(articles.c.id == id).limit(2)
    )
    with reading(engine) as connection:
        if len(connection.execute(several).all()) < 2:
            return []
    found = history(engine, id, 2)
    return found if len(found) > 1 else []


def provenance(engine: Engine, id: str, version: int | None = None) -> Provenance | None:
    """The release that brought a version of an article, the newest where none is named.

    None unless every article in those bytes was stored from them and is public, in that version or a newer one that followed it: the
    bytes hold them all, also one that was refused or that had come before in another release.
    Raises Unavailable.
    """
    brought = versions.alias()
    statement = (
        select(
            brought.c.version,
            releases.c.body,
            releases.c.mimetype,
            releases.c.office,
            releases.c.received,
            releases.c.signature,
        )
        .select_from(articles)
        .join(brought, brought.c.num == articles.c.num)
        .join(releases, releases.c.id == brought.c.release)
        .where(
            articles.c.id == id,
            brought.c.version == (articles.c.version if version is None else version),
            ~_hidden(),
        )
    )
    with reading(engine) as connection:
        row = connection.execute(statement).one_or_none()
    if row is None:
        return None
    signature = None if row.signature is None else bytes(row.signature)
    return Provenance(row.version, bytes(row.body), row.mimetype, row.office, instant(row.received), signature)


def original(engine: Engine, id: str, version: int | None = None) -> tuple[bytes, str] | None:
    """The bytes and the media type of that release, under the same rule. Raises Unavailable."""
    found = provenance(engine, id, version)
    return None if found is None else (found.body, found.mimetype)


def _hidden() -> ColumnElement[bool]:
    """Whether a release holds what is not public, never was, or was not stored from it: its bytes hold it all."""
    stored = versions.alias()
    count = select(func.count()).where(stored.c.release == releases.c.id).scalar_subquery()
    return or_(releases.c.articles != count, _unseen())


def _unseen() -> ColumnElement[bool]:
    other, sibling = versions.alias(), articles.alias()
    return exists().where(
        other.c.release == releases.c.id,
        sibling.c.num == other.c.num,
        # The newest version of a public article is public; of an older one, the changes tell.
        or_(~sibling.c.public, and_(other.c.version != sibling.c.version, ~_was_public(other))),
    )


def _public(id: str) -> Select[int, str, int, bytes]:
    gone = changes.alias()
    after = select(func.coalesce(func.max(gone.c.seq), 0)).where(gone.c.num == articles.c.num, gone.c.kind.in_(GONE))
    return (
        select(versions.c.version, changes.c.kind, changes.c.at, versions.c.doc)
        .select_from(articles)
        .join(changes, changes.c.num == articles.c.num)
        .join(versions, and_(versions.c.num == changes.c.num, versions.c.version == changes.c.version))
        .where(articles.c.id == id, articles.c.public, changes.c.kind.in_(PUBLIC))
        .where(changes.c.seq > after.scalar_subquery())
    )


def _was_public(version: FromClause) -> ColumnElement[bool]:
    """Whether that row's version became public, and the article was neither canceled nor withheld since."""
    became, gone = changes.alias(), changes.alias()
    since = exists().where(gone.c.num == became.c.num, gone.c.seq > became.c.seq, gone.c.kind.in_(GONE))
    return exists().where(
        became.c.num == version.c.num, became.c.version == version.c.version, became.c.kind.in_(PUBLIC), ~since
    )


def _versions(engine: Engine, statement: Select[int, str, int, bytes]) -> list[Version]:
    with reading(engine) as connection:
        rows = connection.execute(statement).all()
    return [
        Version(version, kind, instant(at), msgspec.json.decode(doc, type=Article)) for version, kind, at, doc in rows
    ]
