"""The data directory. The user that runs the server reads what is in it, and nobody else: it holds embargoed texts and secrets."""

import logging
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from app.errors import Misconfigured
from app.settings import Settings

log = logging.getLogger("pressrelay")
OTHERS = 0o077  # rights of the group and of everybody


def prepare(settings: Settings) -> Path:
    """Make the data directory; what is there already and too open is closed. Raises Misconfigured where it cannot be written, or where
    other users may read it and this one may not change that."""
    directory = Path(settings.data_dir).resolve()
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe = directory / f".write-{os.getpid()}"
        probe.write_bytes(b"")
        probe.unlink()
    except OSError as error:
        reason = error.strerror or str(error)
        raise Misconfigured(
            f"The data directory {directory} cannot be written ({reason}): set PRESSRELAY_DATA_DIR."
        ) from None
    for path in too_open(settings):
        _close(path, path == directory)
    return directory


def too_open(settings: Settings) -> list[Path]:
    """The data directory, what lies directly in it, and the database, where other users have rights. What lies deeper cannot be
    reached where these are closed."""
    return [path for path in _paths(settings) if _rights(path) & OTHERS]


def _paths(settings: Settings) -> Iterator[Path]:
    directory = Path(settings.data_dir).resolve()
    yield directory
    with suppress(OSError):
        yield from sorted(directory.iterdir())
    _, found, named = settings.database.partition("sqlite:///")
    file = Path(named.partition("?")[0]).resolve()
    if found and named and file.parent != directory:
        yield from (file.with_name(file.name + end) for end in ("", "-wal", "-shm"))


def _rights(path: Path) -> int:
    """0 for what is not there any more."""
    try:
        return path.stat().st_mode & 0o777
    except OSError:
        return 0


def _close(path: Path, whole: bool) -> None:
    """Take the rights of others away. Raises Misconfigured where that is not possible for the directory as a `whole`: what lies in a
    directory that is closed may keep its own rights."""
    before = _rights(path)
    with suppress(OSError):
        path.chmod(before & ~OTHERS)
    after = _rights(path)
    if not after & OTHERS:
        if before & OTHERS:
            log.warning("%s was open to other users (%04o): it is %04o now.", path, before, after)
    elif whole:
        raise Misconfigured(
            f"The data directory {path} is open to other users ({after:04o}), and this user may not change that:"
            f" give it to the user that runs the server (chown), with rights of its own alone (chmod 700)."
        )
