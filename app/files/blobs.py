"""Stores files by their content: each file once, under its SHA-256, and on disk before the database refers to it.

They are in the data directory, at `files/ab/cdef…`, or in an S3-compatible store (extra `s3`, https://developmentseed.org/obstore/).
"""

import fcntl
import logging
import os
import re
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Any, Protocol

from app.errors import Misconfigured, NoFiles, Unavailable
from app.settings import Settings

if TYPE_CHECKING:
    from obstore.store import S3Store

log = logging.getLogger("pressrelay.blobs")
SHA256 = re.compile(r"[0-9a-f]{64}")
CHUNK = 1024 * 1024  # bytes
LONGEST = 8  # seconds that the S3-compatible store may take for one request
PATIENCE = 0.1  # seconds that a call waits for its place
AT_ONCE = 500  # hashes in one query to the database
Wanted = Callable[[list[str]], set[str]]


class Blobs(Protocol):
    """A store of files. Every method raises Unavailable if the store cannot be used."""

    def keep(self, sha256: str, path: Path) -> None:
        """Store the file at `path`, which may be moved away. On return the file is durable."""

    def open(self, sha256: str, start: int, length: int) -> IO[bytes]:
        """Open a file at `start`, to read `length` bytes. Raises Unavailable if the file is incomplete, so that reading cannot fail
        later."""

    def has(self, sha256: str, size: int) -> bool:
        """Whether a file of that size is stored; its bytes are not read."""

    def sweep(self, wanted: Wanted, age: timedelta) -> int:
        """Remove files that are older than `age` and not wanted; how many were removed."""

    def trial(self) -> None:
        """Try what the store has to do: keep a file, read it, and remove it."""

    def check(self) -> None:
        """Raises Unavailable if the store does not answer. It takes one request, whatever the number of files."""


def connect(settings: Settings) -> Blobs:
    """The store that the settings name. Nothing is opened yet. Raises Misconfigured."""
    if not settings.s3_bucket:
        return Local(Path(settings.data_dir).resolve() / "files")
    return Remote(bucket(settings, settings.s3_bucket), max(1, settings.threads // 4))


def bucket(settings: Settings, name: str, prefix: str = "", *, longest: int = LONGEST) -> "S3Store":
    """A bucket of the store that the settings describe; of its keys only those below `prefix`, if one is given. `longest`: seconds
    that one request may take. Nothing is opened yet. Raises Misconfigured."""
    try:
        from obstore.store import S3Store
    except ImportError:
        raise Misconfigured("A bucket needs the extra s3. Install pressrelay[s3].") from None
    options: dict[str, Any] = {"region": settings.s3_region}
    if settings.s3_endpoint:
        options |= {"endpoint": settings.s3_endpoint, "virtual_hosted_style_request": False}
    if settings.s3_access_key:
        options |= {"access_key_id": settings.s3_access_key, "secret_access_key": settings.s3_secret_key}
    return S3Store(
        name,
        prefix=prefix or None,
        client_options={
            "allow_http": settings.s3_endpoint.startswith("http://"),
            "timeout": f"{longest}s",
            "connect_timeout": "2s",
        },
        # A thread waits meanwhile, so what hangs is not tried again.
        retry_config={"max_retries": 1, "retry_timeout": timedelta(seconds=longest / 2)},
        **options,
    )


class Local:
    """A directory on a local disk."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def path(self, sha256: str) -> Path:
        """The path of the file with a hash, if it is stored."""
        return self.directory / sha256[:2] / sha256[2:]

    def keep(self, sha256: str, path: Path) -> None:
        target = self.path(sha256)
        with _unavailable(), self._lock(fcntl.LOCK_SH):
            with path.open("rb") as file:
                os.fsync(file.fileno())
            if not target.parent.is_dir():
                target.parent.mkdir(parents=True, exist_ok=True)
                sync(self.directory)
                sync(self.directory.parent)
            # Done even if it exists, so that the sweep sees a young file and leaves it.
            path.replace(target)
            os.utime(target)
            sync(target.parent)

    def open(self, sha256: str, start: int, length: int) -> IO[bytes]:
        with _unavailable():
            try:
                file = self.path(sha256).open("rb")
            except FileNotFoundError:
                raise NoFiles(
                    f"The file {sha256} is not in the data directory of this host. Several hosts need one store for files: set"
                    " PRESSRELAY_S3_BUCKET on each. If there is only this host, restore the file from a backup.",
                    "This host does not have the file. Ask again: another host of the server may have it.",
                ) from None
            if os.fstat(file.fileno()).st_size < start + length:
                file.close()
                raise NoFiles(f"The file {sha256} is incomplete.")
            file.seek(start)
            return file

    def has(self, sha256: str, size: int) -> bool:
        with _unavailable():
            path = self.path(sha256)
            return path.is_file() and path.stat().st_size == size

    def sweep(self, wanted: Wanted, age: timedelta) -> int:
        removed = 0
        with _unavailable():
            old = {path.parent.name + path.name: path for path in self.directory.glob("??/*") if _older(path, age)}
            for batch in _batches([name for name in old if SHA256.fullmatch(name)]):
                for name in set(batch) - wanted(batch):
                    # A push that stores the same file again holds the lock and renews the file's time.
                    with self._lock(fcntl.LOCK_EX):
                        if _older(old[name], age):
                            old[name].unlink()
                            removed += 1
            for left in self.directory.glob("incoming/*"):  # left by a server that was killed
                if _older(left, age):
                    shutil.rmtree(left, ignore_errors=True)
        return removed

    def trial(self) -> None:
        with _unavailable(), self._lock(fcntl.LOCK_SH), TemporaryFile(dir=self.directory) as file:
            file.write(b"trial")
            file.flush()
            os.fsync(file.fileno())

    def check(self) -> None:
        with _unavailable(), suppress(FileNotFoundError):  # before the first file
            os.scandir(self.directory).close()

    @contextmanager
    def _lock(self, how: int) -> Iterator[None]:
        self.directory.mkdir(parents=True, exist_ok=True)
        with (self.directory / ".lock").open("ab") as lock:
            fcntl.flock(lock, how)
            yield


class Remote:
    """A bucket; the keys are `files/ab/cdef…`.

    Each call holds a thread while the store answers. So only a share of the threads may write to it at once, and a share may read from
    it: if it hangs, the others go on with feeds.
    """

    def __init__(self, store: "S3Store", most: int) -> None:
        """`most`: threads that may write at once; and as many may read."""
        self.store = store
        self._writing, self._reading = threading.BoundedSemaphore(most), threading.BoundedSemaphore(most)

    def key(self, sha256: str) -> str:
        """The object's name."""
        return f"files/{sha256[:2]}/{sha256[2:]}"

    def keep(self, sha256: str, path: Path) -> None:
        import obstore

        with _unavailable(), _share(self._writing):
            # Done even if it exists, so that the sweep sees a young file and leaves it.
            obstore.put(self.store, self.key(sha256), path)

    def open(self, sha256: str, start: int, length: int) -> IO[bytes]:
        """The whole part is fetched before the first byte is sent, so that a failing store cannot cut off an answer."""
        import obstore

        file = TemporaryFile()  # noqa: SIM115 the caller closes it
        try:
            with _unavailable(), _share(self._reading):
                for at in range(start, start + length, CHUNK):
                    most = min(CHUNK, start + length - at)
                    part = obstore.get_range(self.store, self.key(sha256), start=at, length=most).to_bytes()
                    if len(part) != most:
                        raise NoFiles(f"The file {sha256} is incomplete.")
                    file.write(part)
        except Unavailable:
            file.close()
            raise
        file.seek(0)
        return file

    def has(self, sha256: str, size: int) -> bool:
        import obstore

        with _unavailable():
            try:
                return bool(obstore.head(self.store, self.key(sha256))["size"] == size)
            except FileNotFoundError:
                return False

    def sweep(self, wanted: Wanted, age: timedelta) -> int:
        import obstore

        removed = 0
        with _unavailable():
            for page in obstore.list(self.store, "files", chunk_size=AT_ONCE):
                limit = time.time() - age.total_seconds()
                old = [entry["path"] for entry in page if entry["last_modified"].timestamp() < limit]
                names = {path.removeprefix("files/").replace("/", ""): path for path in old}
                batch = [name for name in names if SHA256.fullmatch(name)]
                for name in set(batch) - wanted(batch):
                    if obstore.head(self.store, names[name])["last_modified"].timestamp() < limit:
                        obstore.delete(self.store, names[name])
                        removed += 1
        return removed

    def trial(self) -> None:
        import obstore

        name = f"trial/{secrets.token_hex(8)}"
        with _unavailable():
            obstore.put(self.store, name, b"trial")
            kept = obstore.get(self.store, name).bytes().to_bytes()
            obstore.delete(self.store, name)
        if kept != b"trial":
            raise NoFiles("The file store returned other bytes than were stored.")

    def check(self) -> None:
        import obstore

        with _unavailable():
            # Of all names below files/, none begins so: hashes are hexadecimal. A bucket that does not exist is an error.
            next(iter(obstore.list(self.store, "files/none", chunk_size=1)), None)


def _older(path: Path, age: timedelta) -> bool:
    try:
        return path.stat().st_mtime < time.time() - age.total_seconds()
    except FileNotFoundError:
        return False


def _batches(names: list[str]) -> Iterator[list[str]]:
    yield from (names[at : at + AT_ONCE] for at in range(0, len(names), AT_ONCE))


@contextmanager
def _share(places: threading.BoundedSemaphore) -> Iterator[None]:
    """One of the places for calls to the store. Raises NoFiles if none becomes free within a tenth of a second."""
    if not places.acquire(timeout=PATIENCE):
        raise NoFiles(
            "The file store answers slowly, and all threads that may wait for it are waiting.",
            "Too many requests are waiting for the file store. Send the request again in some seconds.",
        )
    try:
        yield
    finally:
        places.release()


@contextmanager
def _unavailable() -> Iterator[None]:
    """Turn errors of the file store into NoFiles. obstore's errors are not OSError and are recognised by their module."""
    try:
        yield
    except OSError as error:
        raise NoFiles(f"The file store cannot be used right now ({error.strerror or error}).") from error
    except Exception as error:
        if type(error).__module__.partition(".")[0] == "obstore":
            raise NoFiles(f"The file store cannot be used right now ({str(error)[:200]}).") from error
        raise


def sync(directory: Path) -> None:
    """Write the entries of a directory to disk, so that its new files survive a crash. Raises OSError."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
