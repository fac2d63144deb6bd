"""Finds the public versions of an article, and the releases that they came from.

Two kinds of versions are never shown. A version that never was public may contain what the office removed before publication. And
when an article is canceled or withheld, its earlier versions are withdrawn with it, even if the article comes back later. Queries for
one article in `changes` use the index on (num, seq).
"""

from datetime import datetime

import msgspec
from msgspec import Struct
from sqlalchemy import ColumnElement, Engine, and_, exists, func, or_, select
from sqlalchemy.sql import FromClause, Select

from app.store.articles.find import briefs
from app.store.engine import reading
from app.store.tables import articles, changes, instant, releases, versions
from feeds import Article, Brief

PUBLIC = ("published", "corrected")  # kinds of changes that make a version public
GONE = ("canceled", "withheld")


class Version(Struct, frozen=True):
    """A version that is public, or was."""

    version: int
    kind: str  # "published" or "corrected"
    at: datetime  # when it became public here
    article: Article  # as this version has it


class VersionEntry(Struct, frozen=True):
    """A public version as lists show it."""

    version: int
    kind: str  # "published" or "corrected"
    at: datetime  # when it became public here
    article: Brief


class Provenance(Struct, frozen=True):
    """The release that a version of an article came from."""

    version: int
    body: bytes
    mimetype: str
    office: str  # the office of the token or key that sent the release
    received: datetime
    signature: bytes | None  # JSON


def history(engine: Engine, id: str, limit: int, *, below: int | None = None) -> list[Version]:
    """The public versions of an article, newest first, at most `limit`. `below`: only versions with a smaller number. Empty while
    the article is not public. Raises Unavailable."""
    return _versions(engine, _newest_first(id, limit, below))


def version_list(engine: Engine, id: str, limit: int, *, below: int | None = None) -> list[VersionEntry]:
    """The same as `history` with what a list shows of each version, however long the versions are. Raises Unavailable."""
    statement = _newest_first(id, limit, below)
    listed = statement.with_only_columns(versions.c.num, versions.c.version, changes.c.kind, changes.c.at)
    with reading(engine) as connection:
        rows = connection.execute(listed).all()
    found = briefs(engine, [(num, version) for num, version, _, _ in rows])
    return [
        VersionEntry(version, kind, instant(at), brief)
        for num, version, kind, at in rows
        if (brief := found.get((num, version))) is not None
    ]


def public_version(engine: Engine, id: str, version: int) -> Version | None:
    """One version of a public article, or None if that version never was public. Raises Unavailable."""
    return next(iter(_versions(engine, _public(id).where(versions.c.version == version))), None)


def corrected(engine: Engine, id: str) -> list[Version]:
    """The newest two public versions of an article; empty if it has fewer than two. Raises Unavailable."""
    # Nearly all articles have one version; then `changes` need not be read.
    several = (
        select(versions.c.version).join(articles, articles.c.num == versions.c.num).where(articles.c.id == id).limit(2)
    )
    with reading(engine) as connection:
        if len(connection.execute(several).all()) < 2:
            return []
    found = history(engine, id, 2)
    return found if len(found) > 1 else []


def provenance(engine: Engine, id: str, version: int | None = None) -> Provenance | None:
    """The release that brought a version of an article; without `version`, the newest one.

    The bytes contain every article of the release, even one that was refused or had come before in another release. So the answer is
    None unless every article in the bytes was stored from them and is public, in that version or a newer one. Raises Unavailable.
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
    """The bytes and the media type of the release that `provenance` finds, or None. Raises Unavailable."""
    found = provenance(engine, id, version)
    return None if found is None else (found.body, found.mimetype)


def _hidden() -> ColumnElement[bool]:
    """Whether a release contains an article that is not public, never was, or was not stored from this release."""
    stored = versions.alias()
    count = select(func.count()).where(stored.c.release == releases.c.id).scalar_subquery()
    return or_(releases.c.articles != count, _unseen())


def _unseen() -> ColumnElement[bool]:
    other, sibling = versions.alias(), articles.alias()
    return exists().where(
        other.c.release == releases.c.id,
        sibling.c.num == other.c.num,
        # The newest version of a public article is public; `changes` says whether an older version was.
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


def _newest_first(id: str, limit: int, below: int | None) -> Select[int, str, int, bytes]:
    statement = _public(id).order_by(versions.c.version.desc()).limit(limit)
    return statement if below is None else statement.where(versions.c.version < below)


def _was_public(version: FromClause) -> ColumnElement[bool]:
    """Whether the version of that row became public, and its article was neither canceled nor withheld since then."""
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
