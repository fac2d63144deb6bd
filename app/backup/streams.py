"""Moves bytes from a source through compression, encryption and a hash into a file, with little memory, and back."""

import hashlib
from pathlib import Path
from typing import IO, Any, cast

import zstandard

from app.backup.manifest import Part
from app.backup.places import writing_to
from app.backup.sealing import Opener, Seal, Source, Target
from app.errors import Damaged

CHUNK = 1024 * 1024  # bytes
LEVEL = 3  # of zstd: faster than most disks


class Hashing:
    """A file that is written, and the SHA-256 of what was written."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.size = 0
        self._hash = hashlib.sha256()

    def write(self, content: bytes) -> int:
        """Write all these bytes."""
        self._file.write(content)
        self._hash.update(content)
        self.size += len(content)
        return len(content)

    @property
    def sha256(self) -> str:
        """Hexadecimal."""
        return self._hash.hexdigest()


def _copy(source: Source, target: Target) -> None:
    while content := source.read(CHUNK):
        target.write(content)


def packed(source: Source, path: Path, name: str, seal: Seal | None, *, compress: bool = True) -> Part:
    """Write a source to `path`, compressed, and encrypted if there is a seal. Raises Unavailable, and what reading raises."""
    with writing_to(str(path.parent)), path.open("wb") as file:
        target = Hashing(file)
        reader: Source = (
            zstandard.ZstdCompressor(LEVEL).stream_reader(cast(IO[bytes], source), read_size=CHUNK)
            if compress
            else source
        )
        if seal:
            seal.seal(reader, target)
        else:
            _copy(reader, target)
    return Part(f"{name}.age" if seal else name, target.size, target.sha256)


def unpacked(
    path: Path, target: Path, name: str, opener: Opener | None, *, expected: Part | None, compressed: bool = True
) -> str:
    """Write what is in the part at `path` to `target`; returns the SHA-256 of that. `expected`: what the manifest says of the part.
    Raises Damaged and Unavailable."""
    if expected is not None:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != expected.sha256:
            raise Damaged(
                f"{name} in the backup was cut or altered: it has {path.stat().st_size} bytes with the hash {found[:16]}…,"
                f" expected were {expected.size} with {expected.sha256[:16]}…. Restore another backup."
            )
    with writing_to(str(target.parent)), path.open("rb") as file, target.open("wb") as made:
        hashing = Hashing(made)
        writer: Any = (
            zstandard.ZstdDecompressor().stream_writer(cast(IO[bytes], hashing), closefd=False)
            if compressed
            else hashing
        )
        try:
            if opener:
                opener.open(file, writer, name)
            else:
                _copy(file, writer)
            if compressed:
                writer.close()
        except zstandard.ZstdError:
            raise Damaged(f"{name} in the backup was cut or altered. Restore another backup.") from None
    return hashing.sha256
