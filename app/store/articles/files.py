"""Writes and finds the file records of articles: names, types and texts. app/files/blobs.py stores the bytes by their hash."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import msgspec
from msgspec import Struct
from sqlalchemy import Connection, Engine, and_, func, insert, select

from app.store.articles.find import of_reader
from app.store.engine import reading
from app.store.feeds.scan import Probe
from app.store.tables import articles, files, versions
from feeds import Article


class FileRecord(Struct, frozen=True):
    """A file of one version of an article."""

    position: int  # the position of its enclosure in the article, from 0
    sha256: str  # hexadecimal
    name: str
    mimetype: str
    size: int  # bytes
    text: str = ""  # the text that was extracted from the file
    state: str = "unread"  # "read", "cut", "unread" (no text is extracted from this type) or "failed"


COLUMNS = tuple(files.c[name] for name in FileRecord.__struct_fields__)


def enter(connection: Connection, files_of_versions: Iterable[tuple[int, int, Sequence[FileRecord]]]) -> None:
    """Write the files of versions, given as (article number, version, files)."""
    names = FileRecord.__struct_fields__
    rows = [
        {"num": num, "version": version, **{name: getattr(record, name) for name in names}}
        for num, version, records in files_of_versions
        for record in records
    ]
    if rows:
        connection.execute(insert(files), rows)


NEWEST = and_(articles.c.num == files.c.num, articles.c.version == files.c.version)


def public_files(engine: Engine, sha256: str) -> list[FileRecord]:
    """The records of the file with this hash in public articles; if there are none, the file is not public. Raises Unavailable."""
    statement = select(*COLUMNS).join(articles, NEWEST).where(files.c.sha256 == sha256, articles.c.public)
    return _records(engine, statement)


def waiting_files(
    engine: Engine, sha256: str, name: str, offices: Collection[str] | None, within: Sequence[Probe]
) -> list[tuple[FileRecord, Article]]:
    """The records of the file with this hash and name in articles under embargo that a reader as in `newest_for` may know of. Each
    comes with its article, so that the caller can check who may read it. No document of another article is read. Raises
    Unavailable."""
    statement = (
        select(*COLUMNS, versions.c.doc)
        .join(articles, NEWEST)
        .join(versions, and_(versions.c.num == files.c.num, versions.c.version == files.c.version))
        .where(files.c.sha256 == sha256, files.c.name == name, ~articles.c.public, articles.c.pubstatus == "usable")
        .where(of_reader(engine, offices, within))
        .order_by(files.c.num, files.c.position)
    )
    with reading(engine) as connection:
        rows = connection.execute(statement).all()
    return [(FileRecord(*row[:-1]), msgspec.json.decode(row[-1], type=Article)) for row in rows]


def public_sizes(engine: Engine, after: str, most: int) -> list[tuple[str, int]]:
    """The hashes greater than `after` of files that everybody may read now, with their bytes: the first `most`, in order. Each file
    is listed once, however many articles have it. Raises Unavailable."""
    statement = (
        select(files.c.sha256, func.max(files.c.size))
        .join(articles, NEWEST)
        .where(files.c.sha256 > after, articles.c.public)
        .group_by(files.c.sha256)
        .order_by(files.c.sha256)
        .limit(most)
    )
    with reading(engine) as connection:
        return [(sha256, int(size)) for sha256, size in connection.execute(statement)]


def files_of(engine: Engine, guid: str) -> list[FileRecord]:
    """The files of the newest version of an article, public or not, in the order of its enclosures. Raises Unavailable."""
    return _records(engine, select(*COLUMNS).join(articles, NEWEST).where(articles.c.guid == guid))


def wanted(engine: Engine, hashes: Collection[str]) -> set[str]:
    """The hashes of `hashes` that some version of an article uses. Raises Unavailable."""
    with reading(engine) as connection:
        found = select(files.c.sha256).distinct().where(files.c.sha256.in_(sorted(hashes)))
        return set(connection.execute(found).scalars())


def _records(engine: Engine, statement: Any) -> list[FileRecord]:
    with reading(engine) as connection:
        found = connection.execute(statement.order_by(files.c.num, files.c.position)).all()
    return [FileRecord(*row) for row in found]
