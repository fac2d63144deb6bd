"""PostgreSQL's own programs: pg_dump, pg_restore and psql.

Why pg_dump and not pg_basebackup: it needs no rights beyond those on the database, so it works with a rented PostgreSQL. It copies
this database alone, and its output can be restored into another version of PostgreSQL. Continuous archiving can be used as well
(docs/backup.md).
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO

from app import store
from app.backup.streams import ByteSource
from app.errors import Misconfigured, Unavailable
from app.text.masking import hushed

CHUNK = 1024 * 1024  # bytes


class _Dump:
    """What a program writes. At the end it must have succeeded."""

    def __init__(self, name: str, process: "subprocess.Popen[bytes]", errors: IO[bytes]) -> None:
        self._name, self._process, self._errors = name, process, errors

    def read(self, size: int = -1) -> bytes:
        """Some bytes. Raises Unavailable at the end if the program failed."""
        assert self._process.stdout is not None
        content = self._process.stdout.read(size)
        if not content:
            _check(self._name, self._process, self._errors)
        return content


@contextmanager
def dumped(engine: store.Engine, snapshot: str, directory: str) -> Iterator[ByteSource]:
    """What pg_dump writes of a snapshot. `directory`: where the programs are; empty: on the path. Raises Misconfigured; reading raises
    Unavailable if pg_dump failed."""
    # Its own compression is left out: that of the backup is faster, and the same for every database.
    words = ("--format=custom", "--compress=0", "--no-owner", "--no-privileges", f"--snapshot={snapshot}")
    with TemporaryFile() as errors:
        process = _started("pg_dump", directory, engine, words, errors)
        assert process.stdout is not None
        try:
            yield _Dump("pg_dump", process, errors)
        finally:
            process.kill()
            process.stdout.close()
            process.wait()


def restored(engine: store.Engine, file: Path, directory: str) -> None:
    """Replace the content of the database with what pg_dump wrote, in one transaction: at each moment the database is the old one
    or the restored one. Raises Misconfigured and Unavailable."""
    words = ("--no-owner", "--no-privileges", "--no-comments", "--file=-", str(file))
    with TemporaryFile() as errors, TemporaryFile() as faults:
        source = _started("pg_restore", directory, None, words, errors)
        target = _started("psql", directory, engine, ("-qXAt", "-v", "ON_ERROR_STOP=1", "-f", "-"), faults)
        assert source.stdout is not None and target.stdin is not None
        try:
            with suppress(BrokenPipeError):
                target.stdin.write(f"BEGIN;\n{store.snapshot.ASIDE}\n".encode())
                shutil.copyfileobj(source.stdout, target.stdin, CHUNK)
                _check(
                    "pg_restore", source, errors
                )  # checked before the end: an input that was cut off must not be committed
                target.stdin.write(b"COMMIT;\n")
                target.stdin.close()
            _check("psql", target, faults)
        finally:
            for process in (target, source):
                process.kill()
                process.wait()
            source.stdout.close()
            with suppress(BrokenPipeError):
                target.stdin.close()


def _started(
    name: str, directory: str, engine: store.Engine | None, words: tuple[str, ...], errors: IO[bytes]
) -> "subprocess.Popen[bytes]":
    """`engine`: the database that it connects to."""
    program = shutil.which(name, path=directory or None)
    if program is None:
        where = directory or "the path"
        raise Misconfigured(
            f"{name} is not in {where}. Install PostgreSQL's client programs, of the server's version or newer,"
            " or name their directory with --postgres-bin."
        )
    command, environ = [program], dict(os.environ)
    if engine is not None:
        address = store.snapshot.address(engine)
        command.append(f"--dbname={address.conninfo}")
        environ |= {"PGPASSWORD": address.password} if address.password else {}
    given, written = subprocess.DEVNULL, subprocess.PIPE
    if name == "psql":
        given, written = subprocess.PIPE, subprocess.DEVNULL
    return subprocess.Popen([*command, *words], stdin=given, stdout=written, stderr=errors, env=environ)


def _check(name: str, process: "subprocess.Popen[bytes]", errors: IO[bytes]) -> None:
    if process.wait():
        errors.seek(0)
        lines = errors.read(4000).decode("utf-8", "replace").strip().splitlines() or [
            f"it ended with {process.returncode}"
        ]
        raise Unavailable(f"{name} failed: {hushed(lines[0])[:300]}")
