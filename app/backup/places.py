"""Where backups are kept: a directory, or a bucket of an S3-compatible store. Both show a name only when all its bytes are there."""

import errno
import fcntl
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Protocol

from app.errors import Damaged, Misconfigured, Unavailable
from app.files import blobs
from app.settings import Settings

if TYPE_CHECKING:
    from obstore.store import S3Store

BUCKET = re.compile(r"s3://([^/]+)/?(.*)")
CHUNK = 8 * 1024 * 1024  # bytes that are fetched or sent with one request
UNFINISHED = ".unfinished-"  # begins the names of directories that a backup works in
LEFT = 86_400.0  # seconds after which such a directory was left by a process that was killed
LOCK = "lock"
RESERVE = 64 * 1024 * 1024  # bytes that stay free on a disk
LONGEST = 300  # seconds that a bucket may take for one request: parts of a backup are large


class BackupPlace(Protocol):
    """A place. Names have slashes. Every method raises Unavailable if the place cannot be used."""

    shown: str  # as messages name it

    def names(self, below: str = "") -> Iterator[str]:
        """The names in the folder `below`, and in those under it; all names without one."""

    def put(self, name: str, path: Path) -> None:
        """Keep the file at `path`, which may be moved away, under that name. On return it is durable."""

    def get(self, name: str, path: Path) -> None:
        """Fetch a file to `path`. Raises Damaged if it is not there."""

    def delete(self, name: str) -> None:
        """Remove a file, if it is there."""

    def locked(self) -> AbstractContextManager[None]:
        """Lock the place: nobody else makes or removes a backup during the block. Raises Misconfigured if somebody does already."""

    def work(self) -> AbstractContextManager[Path]:
        """A temporary directory, for what is made before it is kept."""


def find_place(settings: Settings, text: str, *, new: bool) -> BackupPlace:
    """The place with that name: `s3://bucket/prefix` or a directory, which is made if `new`. Raises Misconfigured."""
    if found := BUCKET.fullmatch(text):
        return Bucket(settings, found[1], found[2].strip("/"))
    if "://" in text:
        raise Misconfigured(f"{text} is not a place for backups. Give a directory, or s3://BUCKET/PREFIX.")
    directory = Path(text).resolve()
    if new:
        with _converted(text):
            directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not directory.is_dir():
        raise Misconfigured(f"{text} is not a directory.")
    return Folder(directory)


class Folder:
    """A directory."""

    def __init__(self, directory: Path) -> None:
        self.shown = str(directory)
        self._directory = directory

    def names(self, below: str = "") -> Iterator[str]:
        """The files below the directory, without hidden ones and without what symbolic links lead to."""
        with _converted(self.shown):
            yield from self._below(below)

    def _below(self, folder: str) -> Iterator[str]:
        path = self._directory / folder
        for entry in sorted(path.iterdir() if path.is_dir() else ()):
            # What is behind a symbolic link is no part of a backup, and must not be removed with old ones.
            if entry.name.startswith(".") or (not folder and entry.name == LOCK) or entry.is_symlink():
                continue
            name = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_dir():
                yield from self._below(name)
            else:
                yield name

    def put(self, name: str, path: Path) -> None:
        """Move it there."""
        target = self._directory / name
        with _converted(self.shown), path.open("rb") as file:
            os.fsync(file.fileno())
            made = []
            for folder in target.parents:
                if folder.is_dir():
                    break
                made.append(folder)
            target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            path.replace(target)
            for folder in (target.parent, *(new.parent for new in made)):
                blobs.sync(folder)

    def get(self, name: str, path: Path) -> None:
        """Copy it."""
        with _converted(self.shown):
            if not (self._directory / name).is_file():
                raise _gone(name, self.shown)
            shutil.copyfile(self._directory / name, path)

    def delete(self, name: str) -> None:
        """Remove it, and its folder if that is empty then."""
        with _converted(self.shown):
            path = self._directory / name
            path.unlink(missing_ok=True)
            with suppress(OSError):
                path.parent.rmdir()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """The kernel ends the lock with its process."""
        with _converted(self.shown):
            file = (self._directory / LOCK).open("ab")
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise Misconfigured(f"Another backup is being made in {self.shown}. Wait until it ends.") from None
            for left in self._directory.glob(f"{UNFINISHED}*"):
                shutil.rmtree(left, ignore_errors=True)
            yield

    @contextmanager
    def work(self) -> Iterator[Path]:
        """On the same disk, so that moving is at once."""
        with _temporary(self._directory, self.shown) as directory:
            yield directory


class Bucket:
    """A bucket, with the connection that the settings describe (docs/enclosures.md)."""

    def __init__(self, settings: Settings, bucket: str, prefix: str) -> None:
        self.shown = f"s3://{bucket}/{prefix}".rstrip("/")
        self._store: S3Store = blobs.bucket(settings, bucket, prefix, longest=LONGEST)
        self._directory = Path(settings.data_dir).resolve()

    def names(self, below: str = "") -> Iterator[str]:
        """In pages."""
        import obstore

        with _converted(self.shown):
            for page in obstore.list(self._store, below or None):
                yield from (entry["path"] for entry in page if entry["path"] != LOCK)

    def put(self, name: str, path: Path) -> None:
        """Send it, in parts if it is large: the bucket shows it when it has all of them."""
        import obstore

        with _converted(self.shown):
            obstore.put(self._store, name, path, chunk_size=CHUNK)

    def get(self, name: str, path: Path) -> None:
        """Fetch it in parts."""
        import obstore
        from obstore.exceptions import NotFoundError

        with _converted(self.shown):
            try:
                size = obstore.head(self._store, name)["size"]
                with path.open("wb") as file:
                    for start in range(0, size, CHUNK):
                        file.write(obstore.get_range(self._store, name, start=start, length=min(CHUNK, size - start)))
            except (NotFoundError, FileNotFoundError):
                raise _gone(name, self.shown) from None

    def delete(self, name: str) -> None:
        """Remove it."""
        import obstore

        with _converted(self.shown):
            obstore.delete(self._store, name)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """The lock is an object that only one process can create. It stays if the process is killed."""
        import obstore
        from obstore.exceptions import AlreadyExistsError

        with _converted(self.shown):
            try:
                obstore.put(self._store, LOCK, f"{datetime.now(UTC):%Y-%m-%d %H:%M:%SZ}".encode(), mode="create")
            except AlreadyExistsError:
                since = bytes(obstore.get(self._store, LOCK).bytes()).decode("ascii", "replace")[:40]
                raise Misconfigured(
                    f"Another backup is being made in {self.shown} since {since}. If no backup runs any more,"
                    f" remove the object {LOCK!r} there."
                ) from None
        try:
            yield
        finally:
            self.delete(LOCK)

    @contextmanager
    def work(self) -> Iterator[Path]:
        """In the data directory."""
        for left in self._directory.glob(f"{UNFINISHED}*"):
            with suppress(OSError):
                if left.stat().st_mtime < time.time() - LEFT:
                    shutil.rmtree(left, ignore_errors=True)
        with _temporary(self._directory, str(self._directory)) as directory:
            yield directory


def _gone(name: str, shown: str) -> Damaged:
    return Damaged(f"The backup in {shown} has no {name}, which belongs to it. Restore another backup.")


@contextmanager
def _temporary(parent: Path, shown: str) -> Iterator[Path]:
    with _converted(shown):
        made = TemporaryDirectory(prefix=UNFINISHED, dir=parent, ignore_cleanup_errors=True)
    with made as directory:
        yield Path(directory)


def room(directory: Path) -> int:
    """How many bytes the disk has room for, besides a reserve."""
    return shutil.disk_usage(directory).free - RESERVE


def check_room(directory: Path, needed: int) -> None:
    """Raises Misconfigured if the disk has no room for so many bytes and some more."""
    left = room(directory)
    if left < needed:
        raise Misconfigured(
            f"The disk of {directory} has {(left + RESERVE) // 1024**2} MiB left; the database needs"
            f" {(needed + RESERVE) // 1024**2} MiB."
            " Make room, or choose another disk."
        )


@contextmanager
def writing_to(shown: str) -> Iterator[None]:
    """Turn errors of writing a temporary file into Unavailable, which names the place."""
    with _converted(shown):
        yield


@contextmanager
def _converted(shown: str) -> Iterator[None]:
    """Turn errors of the disk and the bucket into Unavailable."""
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
        hint = " Make room there, and try again." if full else ""
        raise Unavailable(f"{shown} cannot be used ({error.strerror or _brief(error)}).{hint}") from error
    except Exception as error:
        if type(error).__module__.partition(".")[0] == "obstore":
            raise Unavailable(f"{shown} cannot be used ({_brief(error)}).") from error
        raise


def _brief(error: Exception) -> str:
    """What the store of the bucket says, or the first sentence of an error: its other lines are for developers."""
    if said := re.search(r"<Message>(.{1,200}?)</Message>", str(error), re.DOTALL):
        return said[1]
    return " ".join(str(error).split("\n\nDebug source")[0].split())[:300]
