"""The files of articles: which there are, who may see them, what they say. The bytes are kept by hash, app/files/blobs.py."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, Engine, and_, insert, select

from app.store.engine import reading
from app.store.tables import articles, files, versions
from feeds.article import Article


class FileRecord(Struct, frozen=True):
    """A file of one version of an article."""

    position: int  # of its enclosure in the article, from 0
    sha256: str  # hexadecimal
    name: str
    mimetype: str
    size: int  # bytes
    text: str = ""  # what it says, where it was read
    state: str = "unread"  # "read", "cut", "unread" (a type that is not read) or "failed"


COLUMNS = tuple(files.c[name] for name in FileRecord.__struct_fields__)


def enter(connection: Connection, kept: Iterable[tuple[int, int, Sequence[FileRecord]]]) -> None:
    """Write the files of versions: (number, version, files)."""
    names = FileRecord.__struct_fields__
    rows = [
        {"num": num, "version": version, **{name: getattr(record, name) for name in names}}
        for num, version, records in kept
        for record in records
    ]
    if rows:
        connection.execute(insert(files), rows)


NEWEST = and_(articles.c.num == files.c.num, articles.c.version == files.c.version)


def public_files(engine: Engine, sha256: str) -> list[FileRecord]:
    """What public articles call the file of this hash; empty: nobody may see it. Raises Unavailable."""
    statement = select(*COLUMNS).join(articles, NEWEST).where(files.c.sha256 == sha256, articles.c.public)
    return _records(engine, statement)


def waiting_files(engine: Engine, sha256: str) -> list[tuple[FileRecord, Article]]:
    """The files of this hash of articles under embargo, with those: for who may read them. Raises Unavailable."""
    statement = (
        select(*COLUMNS, versions.c.doc)
        .join(articles, NEWEST)
        .join(versions, and_(versions.c.num == files.c.num, versions.c.version == files.c.version))
        .where(files.c.sha256 == sha256, ~articles.c.public, articles.c.pubstatus == "usable")
        .order_by(files.c.num, files.c.position)
    )
    with reading(engine) as connection:
        rows = connection.execute(statement).all()
    return [(FileRecord(*row[:-1]), msgspec.json.decode(row[-1], type=Article)) for row in rows]


def files_of(engine: Engine, guid: str) -> list[FileRecord]:
    """The files of the newest version of an article, public or not, in its order. Raises Unavailable."""
    return _records(engine, select(*COLUMNS).join(articles, NEWEST).where(articles.c.guid == guid))


def wanted(engine: Engine, hashes: Collection[str]) -> set[str]:
    """Those of these hashes that any version of any article has. Raises Unavailable."""
    with reading(engine) as connection:
        found = select(files.c.sha256).distinct().where(files.c.sha256.in_(sorted(hashes)))
        return set(connection.execute(found).scalars())


def _records(engine: Engine, statement: Any) -> list[FileRecord]:
    with reading(engine) as connection:
        found = connection.execute(statement.order_by(files.c.num, files.c.position)).all()
    return [FileRecord(*row) for row in found]
