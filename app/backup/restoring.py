"""Restores a backup into a new database beside the old one, checks it, and only then replaces the old one.

The restored database gets a new name for its history. It delivers to nobody until the operator says that it is the real one
(app/store/identity.py, app/store/operation.py).
"""

import fcntl
import hashlib
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from app import store
from app.backup import programs
from app.backup.making import backups, fetch_manifest
from app.backup.manifest import DATABASE, DETAILS, Details, Manifest, file_name
from app.backup.places import BackupPlace, check_room, find_place, room, writing_to
from app.backup.seen import shown_feeds
from app.backup.streams import Opener, unpacked
from app.errors import Damaged, Misconfigured, Unavailable
from app.files import blobs
from app.run.datadir import database_file, prepare
from app.settings import Settings

RESTORING = ".restoring-"  # begins the names of directories that a restore works in
ENDING = 2.0  # seconds after which PostgreSQL has closed the connections of a program that ended
Steps = Callable[[str, int, Iterable[store.snapshot.Kept]], Iterator[store.snapshot.Kept]]


class Restored(Struct, frozen=True):
    """What was restored."""

    name: str  # name of the backup
    created: datetime  # the moment that it shows
    database: str  # where it is now, without a password
    files: int  # all files of the backup
    copied: int  # files that were fetched, because the target did not have them
    missing: int  # files that the backup does not have either
    audit_records: int
    audit_head: str
    verified: tuple[str, ...]  # what was compared, in sentences


def restore(
    settings: Settings,
    where: str,
    *,
    name: str = "",
    identity: Path | None = None,
    verify: bool = False,
    over: bool = False,
    postgres: str = "",
    steps: Steps = lambda _words, _total, rows: iter(rows),
) -> Restored:
    """Restore a backup from `where`, a directory or bucket, into the database and the files of these settings. `name`: which backup;
    empty: the newest. `identity`: the file with the private key. `verify`: compare
    everything with what the manifest says. `over`: also over a database that is there. `postgres`: the directory of PostgreSQL's
    programs. Raises Misconfigured, Unavailable and Damaged; then the database is as it was before."""
    opener = Opener(identity) if identity else None
    place = find_place(settings, where, new=False)
    directory = prepare(settings)
    with _alone(directory), writing_to(str(directory)), _work(settings, directory) as (work, beside):
        manifest, name = _chosen(place, work, name)
        _check_manifest(manifest, name, settings, opener)
        engine = store.connect(settings.database)
        restoring = _Restoring(settings, place, work, name, manifest, opener, verify, steps)
        try:
            _check_free(settings, engine, over)
            dump = restoring.database(beside / "database")
            with _target(settings, engine, dump, postgres) as target:
                details, copied = restoring.fill(target)
        finally:
            engine.dispose()
    shown = engine.url.render_as_string(hide_password=True)
    return Restored(
        name,
        manifest.created,
        shown,
        details.files,
        copied,
        len(details.missing),
        details.audit_records,
        details.audit_head,
        tuple(restoring.verified),
    )


@contextmanager
def _work(settings: Settings, directory: Path) -> Iterator[tuple[Path, Path]]:
    """Two temporary directories: on the disk where files are kept, and on that of the database, so that moving is at once."""
    files, file = directory / "files" / "incoming", database_file(settings)
    beside = directory if file is None else file.parent
    for folder in (files, beside):
        folder.mkdir(parents=True, exist_ok=True)
        for left in folder.glob(f"{RESTORING}*"):  # by a restore that was killed
            shutil.rmtree(left, ignore_errors=True)
    with (
        TemporaryDirectory(prefix=RESTORING, dir=files) as first,
        TemporaryDirectory(prefix=RESTORING, dir=beside) as second,
    ):
        yield Path(first), Path(second)


@contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """No server may use the data directory meanwhile, and none starts. Raises Misconfigured."""
    with (directory / "serve.lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Misconfigured(
                f"A server uses {directory}. Stop it first, or restore into another directory with --into."
            ) from None
        yield


def _chosen(place: BackupPlace, work: Path, name: str) -> tuple[Manifest, str]:
    found = backups(place)
    if not found:
        raise Misconfigured(f"{place.shown} has no complete backup.")
    if name and name not in found:
        raise Misconfigured(f"{place.shown} has no complete backup {name!r}. It has {', '.join(found[-10:])}.")
    name = name or found[-1]
    return fetch_manifest(place, work, name), name


def _check_manifest(manifest: Manifest, name: str, settings: Settings, opener: Opener | None) -> None:
    newest = store.schema.newest()
    if manifest.schema > newest:
        raise Misconfigured(
            f"The backup {name} has schema {manifest.schema}, of version {manifest.program} of Pressrelay; this version knows schema"
            f" {newest}. Restore it with that version or a newer one."
        )
    if manifest.encrypted and opener is None:
        raise Misconfigured(f"The backup {name} is encrypted. Name the file with the private key: --identity FILE.")
    engine = store.snapshot.kind(settings.database)
    if manifest.engine != engine:
        raise Misconfigured(
            f"The backup {name} is of {_named(manifest.engine)}, and the target is {_named(engine)}."
            " Name a target of the same kind with --into."
        )


def _named(engine: str) -> str:
    return {"sqlite": "SQLite", "postgresql": "PostgreSQL"}.get(engine, engine)


def _check_free(settings: Settings, engine: store.Engine, over: bool) -> None:
    """Raises Misconfigured if a database is in use, or would be lost although nobody asked for that."""
    file = database_file(settings)
    shown = engine.url.render_as_string(hide_password=True)
    if file is None:
        store.snapshot.check_old(engine)
        until = time.monotonic() + ENDING
        while (count := store.snapshot.others(engine)) and time.monotonic() < until:
            time.sleep(0.05)
        if count:
            raise Misconfigured(f"{count} other connections use {shown}. Stop all servers of this database first.")
    there = file.exists() if file is not None else store.snapshot.tables(engine) > 0
    if there and not over:
        raise Misconfigured(
            f"There is a database at {shown}. Name another target with --into, or replace this database and lose it: --over."
        )


@contextmanager
def _target(settings: Settings, engine: store.Engine, dump: Path, postgres: str) -> Iterator[store.Engine]:
    """The restored database. It takes its place when the block ends; if that fails, the old one stays."""
    file = database_file(settings)
    if file is None:
        programs.restored(engine, dump, postgres)
        with store.snapshot.replacing(engine):
            yield engine
        return
    made = store.connect(f"sqlite:///{dump}")
    try:
        yield made
    finally:
        made.dispose()
    store.snapshot.merge_log(dump)
    if file.exists():
        store.snapshot.merge_log(file)
    # The same file from here on, so the history stays at home there.
    with dump.open("rb") as written:
        os.fsync(written.fileno())
    dump.replace(file)
    blobs.sync(file.parent)


class _Restoring:
    """A backup that is being restored."""

    def __init__(
        self,
        settings: Settings,
        place: BackupPlace,
        work: Path,
        name: str,
        manifest: Manifest,
        opener: Opener | None,
        verify: bool,
        steps: Steps,
    ) -> None:
        self._settings, self._place, self._work, self._name = settings, place, work, name
        self._manifest, self._opener, self._verify, self._steps = manifest, opener, verify, steps
        self.verified: list[str] = []

    def _part(self, name: str, target: Path, *, compressed: bool = True) -> Path:
        part = self._manifest.part(name)
        fetched = self._work / "fetched"
        check_room(self._work, part.size + part.unpacked)
        self._place.get(f"{self._name}/{part.name}", fetched)
        opener = self._opener if self._manifest.encrypted else None
        most = part.unpacked or room(target.parent)
        unpacked(fetched, target, part.name, opener, expected=part, most=most, compressed=compressed)
        fetched.unlink()
        return target

    def database(self, target: Path) -> Path:
        """Fetch the database to `target`: a file of SQLite, or of pg_dump."""
        self._database = self._part(DATABASE, target)
        return target

    def _details(self) -> Details:
        if self._manifest.details is not None:
            return self._manifest.details
        content = self._part(DETAILS, self._work / "details", compressed=False).read_bytes()
        try:
            return msgspec.json.decode(content, type=Details)
        except msgspec.MsgspecError:
            raise Damaged(f"{DETAILS} in the backup was altered. Restore another backup.") from None

    def fill(self, engine: store.Engine) -> tuple[Details, int]:
        """Check the restored database, fetch its files, and give its history a new name; returns what it has, and how many files
        were fetched. Raises Damaged and Unavailable."""
        details = self._details()
        if engine.dialect.name == "sqlite":
            store.snapshot.check_file(self._database, thorough=self._verify)
        if self._manifest.schema == store.schema.newest():
            self._compare(engine, details)
        else:
            store.upgrade(engine)
            self.verified.append(
                f"Counts and feeds were not compared, because the backup had schema {self._manifest.schema} and was upgraded."
            )
        if engine.dialect.name == "sqlite":
            self._check_schema(engine)
        if self._verify:
            verdict = store.audit.verify(engine, details.audit_head if details.audit_records else "")
            if verdict.fault:
                raise Damaged(f"The audit log in the backup is broken: {verdict.fault}")
            self.verified.append(f"The audit log is complete: {verdict.count} records.")
        copied = self._files(engine, set(details.missing))
        store.identity.renew(engine, store.identity.instance(engine), older=True)
        store.operation.drain_intake(engine, None)
        return details, copied

    def _check_schema(self, engine: store.Engine) -> None:
        fresh = store.connect(f"sqlite:///{self._work / 'fresh'}")
        try:
            store.upgrade(fresh)
            store.snapshot.check_schema(engine, fresh)
        finally:
            fresh.dispose()

    def _compare(self, engine: store.Engine, details: Details) -> None:
        head, (records, hash) = store.identity.head(engine), store.audit.head(engine)
        pairs: list[tuple[str, object, object]] = [
            ("history", (details.instance, tuple(details.newest)), (head.instance, head.mark)),
            ("end of the audit log", (details.audit_records, details.audit_head), (records, hash)),
        ]
        counts = store.snapshot.row_counts(engine)
        pairs += [(f"number of {name}", count, counts.get(name)) for name, count in details.counts.items()]
        for what, expected, found in pairs:
            if expected != found:
                raise Damaged(
                    f"The {what} in the restored database is {found}, and the manifest has {expected}. Restore another backup."
                )
        articles = details.counts.get("articles", 0)
        self.verified.append(f"The counts are those of the manifest: {articles} articles, {details.newest[0]} changes.")
        if self._verify:
            self._compare_feeds(engine, details)

    def _compare_feeds(self, engine: store.Engine, details: Details) -> None:
        """Render the feeds again, with the URL and the name that the server had when the backup was made."""
        from importlib.metadata import version

        if self._manifest.program != version("pressrelay"):
            self.verified.append(
                f"Feeds were not compared, because version {self._manifest.program} of Pressrelay made them."
            )
            return
        settings = replace(self._settings, base_url=details.url, site_name=details.site_name, language=details.language)
        found = shown_feeds(settings, engine)
        for feed in details.feeds:
            if feed not in found:
                of = f" of {feed.office}" if feed.office else ""
                raise Damaged(f"The {feed.format} feed{of} is not the one that the server had. Restore another backup.")
        self.verified.append(f"{len(details.feeds)} feeds are the same, byte for byte.")

    def _files(self, engine: store.Engine, missing: set[str]) -> int:
        """Fetch the files that the target does not have; how many. Raises Damaged and Unavailable."""
        files = blobs.connect(self._settings)
        copied = checked = 0
        secret = store.identity.secret(engine)
        total = self._manifest.details.files if self._manifest.details else 0
        rows = (file for some in store.snapshot.kept_files(engine) for file in some)
        for file in self._steps("Files", total, rows):
            if not blobs.SHA256.fullmatch(file.sha256) or file.size < 0:  # It would be the path of any file.
                raise Damaged("The database in the backup names a file that has no hash. Restore another backup.")
            if file.sha256 in missing:
                continue
            checked += 1
            if self._has(files, file):
                continue
            self._fetch(file, secret)
            files.keep(file.sha256, self._work / "file")
            copied += 1
        if self._verify:
            self.verified.append(f"All {checked} files have their hashes.")
        return copied

    def _has(self, files: blobs.Blobs, file: store.snapshot.Kept) -> bool:
        """Whether the target has a file; with `verify`, every byte is read."""
        if not files.has(file.sha256, file.size):
            return False
        if not self._verify:
            return True
        try:
            with files.open(file.sha256, 0, file.size) as found:
                return hashlib.file_digest(cast(Any, found), "sha256").hexdigest() == file.sha256
        except Unavailable:
            return False

    def _fetch(self, file: store.snapshot.Kept, secret: bytes) -> None:
        name = f"{self._manifest.folder}/{file_name(file.sha256, secret, sealed=self._manifest.encrypted)}"
        fetched, target = self._work / "fetched", self._work / "file"
        self._place.get(name, fetched)
        opener = self._opener if self._manifest.encrypted else None
        found = unpacked(fetched, target, name, opener, expected=None, most=file.size, compressed=False)
        if found != file.sha256:
            raise Damaged(f"The file {name} in the backup was cut or altered. Restore another backup.")
