"""The data directory. Only the user that runs the server may read it, because it contains embargoed texts and secrets."""

import logging
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from app.errors import Misconfigured
from app.settings import Settings

log = logging.getLogger("pressrelay")
ROOM = 32_000_000  # bytes that must be free
OTHERS = 0o077  # rights of the group and of everybody


def prepare(settings: Settings) -> Path:
    """Make the data directory, and take away the rights of other users. Raises Misconfigured if it cannot be written, or if other
    users may read it and this user cannot change that."""
    directory = Path(settings.data_dir).resolve()
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe = directory / f".write-{os.getpid()}"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        reason = error.strerror or str(error)
        raise Misconfigured(
            f"The data directory {directory} cannot be written ({reason}). Set PRESSRELAY_DATA_DIR to another directory."
        ) from None
    for path in too_open(settings):
        _close(path, path == directory)
    return directory


def too_open(settings: Settings) -> list[Path]:
    """Those of these paths on which other users have rights: the data directory, everything directly in it, and the database. If these
    are closed, nobody can reach deeper files."""
    return [path for path in _paths(settings) if _rights(path) & OTHERS]


def full(settings: Settings) -> str:
    """A sentence if the disk of the data directory is full, or nearly so; empty if there is room. It costs one system call."""
    directory = Path(settings.data_dir).resolve()
    try:
        found = os.statvfs(directory)
    except OSError as error:
        return f"The data directory {directory} cannot be used ({error.strerror or error})."
    free = found.f_bavail * found.f_frsize
    if free < ROOM:
        return (
            f"The disk of the data directory {directory} has {free // 1_000_000} MB left;"
            f" {ROOM // 1_000_000} are needed. Make room."
        )
    if found.f_files and not found.f_favail:
        return f"The disk of the data directory {directory} has no room for another file. Remove files."
    return ""


def database_file(settings: Settings) -> Path | None:
    """The file of an SQLite database; None for another database."""
    _, found, named = settings.database.partition("sqlite:///")
    return Path(named.partition("?")[0]).resolve() if found and named else None


def _paths(settings: Settings) -> Iterator[Path]:
    directory = Path(settings.data_dir).resolve()
    yield directory
    with suppress(OSError):
        yield from sorted(directory.iterdir())
    file = database_file(settings)
    if file is not None and file.parent != directory:
        yield from (file.with_name(file.name + end) for end in ("", "-wal", "-shm"))


def _rights(path: Path) -> int:
    """The rights of a path; 0 if it does not exist any more."""
    try:
        return path.stat().st_mode & 0o777
    except OSError:
        return 0


def _close(path: Path, whole: bool) -> None:
    """Take away the rights of other users. Raises Misconfigured if that is not possible for the directory as a `whole`. Inside a
    closed directory, a file may keep its rights."""
    before = _rights(path)
    with suppress(OSError):
        path.chmod(before & ~OTHERS)
    after = _rights(path)
    if not after & OTHERS:
        if before & OTHERS:
            log.warning("%s was open to other users (%04o). Its rights are now %04o.", path, before, after)
    elif whole:
        raise Misconfigured(
            f"The data directory {path} is open to other users ({after:04o}), and this user cannot change that."
            f" Make the user that runs the server its owner (chown), and close it to others (chmod 700)."
        )
