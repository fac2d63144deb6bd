"""Moves bytes from a source through compression, encryption and a hash into a file, with little memory, and back.

Parts are encrypted for the keys of the backup's owner, in the format of age (https://age-encryption.org/v1), which other programs read
as well. Whoever makes backups needs only the public key, so a stolen server does not open old backups.
"""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Protocol, cast

import pyrage
import zstandard

from app.backup.manifest import BackupPart
from app.errors import Damaged, Misconfigured

CHUNK = 1024 * 1024  # bytes
LEVEL = 3  # of zstd: faster than most disks
LONGEST = 64 * 1024  # bytes of a file with keys


class ByteSource(Protocol):
    """What is read."""

    def read(self, size: int = -1, /) -> bytes:
        """Some bytes; empty at the end."""


class ByteTarget(Protocol):
    """What is written to."""

    def write(self, content: bytes, /) -> Any:
        """Write all these bytes."""


class Seal:
    """The public keys for which a backup is encrypted."""

    def __init__(self, given: Sequence[str]) -> None:
        """`given`: public keys (`age1…`, `ssh-ed25519 …`), or files with one on each line. Raises Misconfigured."""
        keys = [key for text in given for key in _keys(text)]
        self._recipients = [_recipient(key) for key in keys]
        # Files that are encrypted for other keys are not shared with these backups.
        self.mark = hashlib.sha256("\n".join(sorted(keys)).encode()).hexdigest()[:8]

    def seal(self, source: ByteSource, target: ByteTarget) -> None:
        """Encrypt a stream. Raises OSError if it cannot be read or written."""
        between = _Between(source, target)
        try:
            pyrage.encrypt_io(between, between, self._recipients)
        except (pyrage.EncryptError, OSError) as error:
            raise between.failed or error from None


class Opener:
    """The private keys that open a backup."""

    def __init__(self, file: Path) -> None:
        """`file`: private keys of age, one on each line, or a private key of SSH. Raises Misconfigured."""
        text = _read(file)
        try:
            if "-----BEGIN" in text:
                self._identities: list[Any] = [pyrage.ssh.Identity.from_buffer(text.encode())]
            else:
                lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
                self._identities = [pyrage.x25519.Identity.from_str(line) for line in lines]
        except pyrage.IdentityError:
            self._identities = []
        if not self._identities:
            raise Misconfigured(f"{file} has no private key. It must have lines that begin with AGE-SECRET-KEY-1.")

    def open(self, source: ByteSource, target: ByteTarget, name: str) -> None:
        """Decrypt a stream. `name`: what it is, for messages. Raises Damaged for a wrong key or altered bytes, and OSError."""
        between = _Between(source, target)
        try:
            pyrage.decrypt_io(between, between, self._identities)
        except (pyrage.DecryptError, OSError) as error:
            if between.failed:
                raise between.failed from None
            if "No matching keys" in str(error):
                raise Damaged(
                    f"The backup is encrypted for another key, and this key does not open {name}. Give the right private key."
                ) from None
            raise Damaged(f"{name} in the backup was cut or altered. Restore another backup.") from None


class _Between:
    """Passes bytes between Python and the library, and keeps an error that one of our files raised."""

    def __init__(self, source: ByteSource, target: ByteTarget) -> None:
        self._source, self._target = source, target
        self.failed: Exception | None = None

    def read(self, size: int = -1) -> bytes:
        """From the source."""
        try:
            return self._source.read(size)
        except Exception as error:
            self.failed = error
            raise

    def write(self, content: bytes) -> int:
        """To the target."""
        try:
            self._target.write(content)
        except Exception as error:
            self.failed = error
            raise
        return len(content)

    def flush(self) -> None:
        """Does nothing: the owner of the target flushes it."""


def _read(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return opened.read(LONGEST).decode("utf-8", "replace")
    except OSError as error:
        raise Misconfigured(f"{file} cannot be read: {error.strerror or error}.") from None


def _keys(text: str) -> list[str]:
    if text.startswith(("age1", "ssh-")):
        return [text.strip()]
    keys = [line.strip() for line in _read(Path(text)).splitlines() if line.strip() and not line.startswith("#")]
    if not keys:
        raise Misconfigured(f"{text} has no public key. It must have lines that begin with age1.")
    return keys


def _recipient(key: str) -> Any:
    try:
        if key.startswith("ssh-"):
            return pyrage.ssh.Recipient.from_str(key)
        return pyrage.x25519.Recipient.from_str(key)
    except pyrage.RecipientError:
        if key.startswith("AGE-SECRET-KEY-"):
            raise Misconfigured(
                "--encrypt-to was given a private key. Give the public key (age1…), and keep the private one elsewhere."
            ) from None
        raise Misconfigured(f"{key[:80]!r} is not a public key of age (age1…) or SSH.") from None


class TooLarge(Exception):
    """More was written than fits."""


class Hashing:
    """A file that is written, and the SHA-256 of what was written."""

    def __init__(self, file: IO[bytes], most: int | None = None) -> None:
        """`most`: bytes that may be written."""
        self._file = file
        self._most = most
        self.size = 0
        self._hash = hashlib.sha256()

    def write(self, content: bytes) -> int:
        """Write all these bytes. Raises TooLarge."""
        if self._most is not None and self.size + len(content) > self._most:
            raise TooLarge
        self._file.write(content)
        self._hash.update(content)
        self.size += len(content)
        return len(content)

    @property
    def sha256(self) -> str:
        """Hexadecimal."""
        return self._hash.hexdigest()


class _Counted:
    """A source, and how many bytes were read from it."""

    def __init__(self, source: ByteSource) -> None:
        self._source = source
        self.size = 0

    def read(self, size: int = -1) -> bytes:
        """Some bytes; empty at the end."""
        content = self._source.read(size)
        self.size += len(content)
        return content


def _copy(source: ByteSource, target: ByteTarget) -> None:
    while content := source.read(CHUNK):
        target.write(content)


def packed(source: ByteSource, path: Path, name: str, seal: Seal | None, *, compress: bool = True) -> BackupPart:
    """Write a source to `path`, compressed, and encrypted if there is a seal. Raises OSError, and what reading raises."""
    counted = _Counted(source)
    with path.open("wb") as file:
        target = Hashing(file)
        reader: ByteSource = (
            zstandard.ZstdCompressor(LEVEL).stream_reader(cast(IO[bytes], counted), read_size=CHUNK)
            if compress
            else counted
        )
        if seal:
            seal.seal(reader, target)
        else:
            _copy(reader, target)
    return BackupPart(f"{name}.age" if seal else name, target.size, target.sha256, counted.size)


def unpacked(
    path: Path,
    target: Path,
    name: str,
    opener: Opener | None,
    *,
    expected: BackupPart | None,
    most: int,
    compressed: bool = True,
) -> str:
    """Write what is in the part at `path` to `target`; returns the SHA-256 of that. `expected`: what the manifest says of the part.
    `most`: bytes that may be in it. Raises Damaged and OSError."""
    if expected is not None:
        with path.open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != expected.sha256:
            raise Damaged(
                f"{name} in the backup was cut or altered: it has {path.stat().st_size} bytes with the hash {found[:16]}…,"
                f" expected were {expected.size} with {expected.sha256[:16]}…. Restore another backup."
            )
    with path.open("rb") as file, target.open("wb") as made:
        hashing = Hashing(made, most)
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
        except TooLarge:
            raise Damaged(
                f"{name} in the backup has more than {most} bytes, which is the limit. Restore another backup."
            ) from None
    return hashing.sha256
