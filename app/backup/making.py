"""Makes a backup: one state of the database, the files of its articles that the place does not have yet, and at last the manifest."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import IO

import msgspec
from msgspec import Struct

from app import store
from app.backup import programs
from app.backup.manifest import (
    DATABASE,
    DETAILS,
    FORMAT,
    LIST,
    MANIFEST,
    NAME,
    PLAIN,
    BackupPart,
    Details,
    Manifest,
    file_name,
    name_of,
    owner_of,
    read_manifest,
)
from app.backup.places import BackupPlace, check_room, find_place, room, writing_to
from app.backup.seen import shown_feeds
from app.backup.streams import ByteSource, Seal, packed, unpacked
from app.errors import Misconfigured, Unavailable
from app.files import blobs
from app.run.datadir import database_file
from app.settings import Settings

Steps = Callable[[str, int, Iterable[tuple[str, str, int]]], Iterator[tuple[str, str, int]]]


class MadeBackup(Struct, frozen=True):
    """A complete backup."""

    name: str
    place: str
    files: int  # all files of the backup
    copied: int  # files that this backup had to copy, because the place did not have them
    bytes: int  # written for this backup
    missing: int  # files that could not be read
    removed: int  # old backups that were removed
    audit_head: str


def make(
    settings: Settings,
    engine: store.Engine,
    where: str,
    *,
    encrypt_to: Sequence[str] = (),
    keep: int = 0,
    postgres: str = "",
    steps: Steps = lambda _words, _total, rows: iter(rows),
) -> MadeBackup:
    """Make a backup in `where`, a directory or bucket, while the server runs. `encrypt_to`: public keys, or files with them. `keep`:
    how many backups remain; 0: all. `postgres`: where PostgreSQL's programs are; empty: on the path. `steps` shows the progress.
    Raises Misconfigured, Unavailable and Damaged; then the place has no new backup."""
    seal = Seal(encrypt_to) if encrypt_to else None
    _check_schema(settings, engine)
    place = find_place(settings, where, new=True)
    with place.locked(), place.work() as work, writing_to(str(work.parent)):
        secret = store.identity.secret(engine)
        now = datetime.now(UTC)
        _check_last(place, work, name_of(now), owner_of(secret))
        making = _Making(settings, place, work, name_of(now), secret, seal)
        with _state(engine, work, settings, postgres) as (seen, dump):
            database = making.part(DATABASE, dump)
            manifest, details = making.whole(seen, database, now, steps)
        making.finish(manifest)
        removed = remove_old(place, work, keep) if keep else 0
    store.operation.note_backup(engine, now)
    return MadeBackup(
        making.name,
        place.shown,
        details.files,
        making.copied,
        making.bytes,
        len(details.missing),
        removed,
        details.audit_head,
    )


def _check_schema(settings: Settings, engine: store.Engine) -> None:
    """A backup changes nothing, so it does not upgrade the schema, as other commands do. Raises Misconfigured and Unavailable."""
    file = database_file(settings)
    found = store.schema.state(engine)[0] if file is None or file.exists() else ""
    if not found:
        shown = engine.url.render_as_string(hide_password=True)
        raise Misconfigured(f"There is no database of Pressrelay at {shown}.")
    if found != (newest := store.schema.newest()):
        raise Misconfigured(
            f"The database has schema {found}; this version backs up schema {newest}. Use the version that runs there."
        )


@contextmanager
def _state(
    engine: store.Engine, work: Path, settings: Settings, postgres: str
) -> Iterator[tuple[store.Engine, ByteSource]]:
    """One state of the database: an engine that reads it, and its bytes."""
    file = database_file(settings)
    if file is None:
        with (
            store.snapshot.shared_snapshot(engine) as (seen, name),
            programs.dumped(engine, name, postgres) as dump,
        ):
            yield seen, dump
        return
    size = file.stat().st_size
    check_room(work, 2 * size)
    copy = work / "database"
    store.snapshot.copy_file(file, copy)
    with copy.open("rb") as dump:
        seen = store.connect(f"sqlite:///{copy}")
        try:
            yield seen, dump
        finally:
            seen.dispose()


class _Making:
    """A backup that is being made."""

    def __init__(
        self, settings: Settings, place: BackupPlace, work: Path, name: str, secret: bytes, seal: Seal | None
    ) -> None:
        self._settings, self._place, self._work = settings, place, work
        self.name, self._secret, self._seal = name, secret, seal
        self._folder = f"sealed-{seal.mark}" if seal else PLAIN
        self.copied = self.bytes = 0

    def part(self, name: str, source: ByteSource, *, open: bool = False, compress: bool = True) -> BackupPart:
        """Write a part that belongs to this backup only. `open`: it is not encrypted."""
        path = self._work / "part"
        part = packed(source, path, name, None if open else self._seal, compress=compress)
        self._place.put(f"{self.name}/{part.name}", path)
        self.bytes += part.size
        return part

    def whole(self, seen: store.Engine, database: BackupPart, now: datetime, steps: Steps) -> tuple[Manifest, Details]:
        """Copy the files and write the list of them; returns what the backup has then."""
        inventory = store.inventory.Inventory(self._work / "inventory")
        try:
            count = total = 0
            for kept in store.snapshot.kept_files(seen):
                count, total = count + len(kept), total + sum(file.size for file in kept)
                sealed = self._seal is not None
                inventory.want(
                    (f"{self._folder}/{file_name(file.sha256, self._secret, sealed=sealed)}", file.sha256, file.size)
                    for file in kept
                )
            inventory.found(self._place.names(self._folder))
            missing = self._copy_files(inventory, steps)
            listed = self._list(inventory, {name for name, _ in missing})
        finally:
            inventory.close()
        details = self._details(seen, count, total, tuple(sha256 for _, sha256 in missing))
        parts = [database, listed]
        if self._seal is not None:
            path = self._work / "details"
            path.write_bytes(msgspec.json.encode(details))
            with path.open("rb") as file:
                parts.append(self.part(DETAILS, file, compress=False))
        manifest = Manifest(
            FORMAT,
            version("pressrelay"),
            store.schema.state(seen)[0],
            seen.dialect.name,
            owner_of(self._secret),
            now,
            self._folder,
            self._seal is not None,
            tuple(parts),
            None if self._seal else details,
        )
        return manifest, details

    def _copy_files(self, inventory: store.inventory.Inventory, steps: Steps) -> list[tuple[str, str]]:
        """Copy the files that the place does not have; the names and hashes of those that are not there or damaged. Raises
        Unavailable."""
        files = blobs.connect(self._settings)
        missing: list[tuple[str, str]] = []
        for name, sha256, size in steps("Files", inventory.count_missing(), inventory.missing()):
            try:
                with files.open(sha256, 0, size) as file:
                    path = self._work / "file"
                    part = packed(_Checked(file, sha256), path, name, self._seal, compress=False)
            except (Unavailable, _Altered) as error:
                if not _is_gone(error):
                    raise
                missing.append((name, sha256))
                continue
            self._place.put(name, path)
            self.copied += 1
            self.bytes += part.size
        return missing

    def _list(self, inventory: store.inventory.Inventory, without: set[str]) -> BackupPart:
        path = self._work / "list"
        with path.open("wb") as file:
            for name, _, _ in inventory.wanted():
                if name not in without:
                    file.write(f"{name}\n".encode())
        with path.open("rb") as file:
            return self.part(LIST, file, open=True)

    def _details(self, seen: store.Engine, count: int, total: int, missing: tuple[str, ...]) -> Details:
        head = store.identity.head(seen)
        records, hash = store.audit.head(seen)
        return Details(
            head.instance,
            head.mark,
            store.snapshot.row_counts(seen),
            records,
            hash,
            count,
            total,
            missing,
            shown_feeds(self._settings, seen),
            self._settings.url,
            self._settings.site_name,
            self._settings.language,
        )

    def finish(self, manifest: Manifest) -> None:
        """Write the manifest. From now on it is a backup."""
        path = self._work / "manifest"
        path.write_bytes(msgspec.json.format(msgspec.json.encode(manifest), indent=1))
        self._place.put(f"{self.name}/{MANIFEST}", path)


def _is_gone(error: Exception) -> bool:
    """Whether only this file is missing, cut or altered. Then the other files must be backed up; if the whole file store is away,
    the backup must fail."""
    cause = error.__cause__
    return cause is None or isinstance(cause, FileNotFoundError) or type(cause).__name__ == "NotFoundError"


class _Altered(Exception):
    """A file was altered: its bytes do not have its hash."""


class _Checked:
    """A file that is read; raises _Altered at its end if it is not the one with that hash."""

    def __init__(self, file: IO[bytes], sha256: str) -> None:
        self._file, self._sha256 = file, sha256
        self._hash = hashlib.sha256()

    def read(self, size: int = -1) -> bytes:
        """Some bytes."""
        content = self._file.read(size)
        self._hash.update(content)
        if not content and self._hash.hexdigest() != self._sha256:
            raise _Altered
        return content


def backups(place: BackupPlace) -> list[str]:
    """The names of the complete backups there, oldest first. Raises Unavailable."""
    return sorted(
        name.partition("/")[0]
        for name in place.names()
        if name.endswith(f"/{MANIFEST}") and NAME.fullmatch(name.partition("/")[0])
    )


def fetch_manifest(place: BackupPlace, work: Path, name: str) -> Manifest:
    """The manifest of a backup. Raises Damaged and Unavailable."""
    path = work / "manifest"
    place.get(f"{name}/{MANIFEST}", path)
    return read_manifest(path.read_bytes(), name)


def _check_last(place: BackupPlace, work: Path, name: str, owner: str) -> None:
    found = backups(place)
    if not found:
        return
    if found[-1] >= name:
        raise Misconfigured(
            f"The newest backup in {place.shown}, {found[-1]}, has a date in the future. Correct the clock of this machine."
        )
    if fetch_manifest(place, work, found[-1]).owner != owner:
        raise Misconfigured(
            f"{place.shown} has backups of another database. Give each database a directory or prefix of its own."
        )


def remove_old(place: BackupPlace, work: Path, keep: int) -> int:
    """Remove all but the newest `keep` backups, the remains of incomplete ones, and the files that no backup refers to any more;
    returns how many backups were removed. Nobody may make a backup meanwhile. Raises Unavailable and Damaged."""
    found = backups(place)
    old, kept = set(found[:-keep]), found[-keep:]
    # Read all lists before anything is removed: a list that cannot be read must not cost the files that it names.
    inventory = store.inventory.Inventory(work / "pruned")
    try:
        for name in kept:
            inventory.want((file, "", 0) for file in names_in(place, work, name))
        for name in sorted(old):
            place.delete(f"{name}/{MANIFEST}")
        for name in list(place.names()):
            folder = name.partition("/")[0]
            if NAME.fullmatch(folder) and folder not in kept:
                place.delete(name)
        inventory.found(name for name in place.names() if not NAME.fullmatch(name.partition("/")[0]))
        for name in inventory.unwanted():
            if name.startswith((f"{PLAIN}/", "sealed-")):
                place.delete(name)
    finally:
        inventory.close()
    return len(old)


def names_in(place: BackupPlace, work: Path, name: str) -> Iterator[str]:
    """The names of the files that belong to a backup. Raises Damaged and Unavailable."""
    part = fetch_manifest(place, work, name).part(LIST)
    place.get(f"{name}/{part.name}", work / "fetched")
    unpacked(work / "fetched", work / "names", LIST, None, expected=part, most=part.unpacked or room(work))
    with (work / "names").open() as file:
        yield from (line.rstrip("\n") for line in file)
