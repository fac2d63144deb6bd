"""What a backup says of itself. Its manifest is written last: without one, there is no backup.

    20270309T101500-123456/manifest.json    what is here
    20270309T101500-123456/database.zst     one state of the database
    20270309T101500-123456/files.zst        the names of the files that belong to it, one on each line
    files/ab/cdef…                          a file by the SHA-256 of its bytes, for all backups that have it

Encrypted parts end in `.age`, and their files are in a folder of their own, under names that only the database inside tells.
"""

import hashlib
import hmac
import re
from datetime import datetime
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

from app.errors import Damaged

FORMAT = 1
MANIFEST, DATABASE, LIST, DETAILS = "manifest.json", "database.zst", "files.zst", "details.json"
NAME = re.compile(r"\d{8}T\d{6}-\d{6}")
PLAIN = "files"
Count = Annotated[int, Meta(ge=0)]


class BackupPart(Struct, frozen=True):
    """A file that belongs to this backup only."""

    name: str
    size: Count  # in bytes, as it is stored
    sha256: str  # SHA-256 of the stored bytes
    unpacked: Count = 0  # in bytes, unpacked; 0: not known, because an earlier version made it


class ShownFeed(Struct, frozen=True):
    """A public feed at that moment."""

    format: str
    office: str  # empty: the feed of everything
    etag: str


class Details(Struct, frozen=True):
    """What was in the database; a restored one must have the same."""

    instance: str  # the name of the history
    newest: tuple[int, int]  # number and stamp of the newest change
    counts: dict[str, Count]  # table -> rows
    audit_records: Count
    audit_head: str  # the last hash of the audit log
    files: Count
    bytes: Count  # of these files
    missing: tuple[str, ...]  # hashes of files that could not be read
    feeds: tuple[ShownFeed, ...]
    url: str  # what feeds are made with besides articles
    site_name: str
    language: str


class Manifest(Struct, frozen=True):
    """The manifest."""

    format: int
    program: str  # the version of Pressrelay
    schema: str  # of the database
    engine: str  # "sqlite" or "postgresql"
    owner: str  # tells databases apart; a restored or copied database counts as the same
    created: datetime  # it shows the state of that moment
    folder: str  # of its files
    encrypted: bool
    parts: tuple[BackupPart, ...]
    details: Details | None  # if the backup is encrypted, they are in a part of their own

    def part(self, name: str) -> BackupPart:
        """The part whose name begins so. Raises Damaged."""
        for part in self.parts:
            if part.name.removesuffix(".age") == name:
                return part
        raise Damaged(f"The manifest of the backup names no {name}. Restore another backup.")


class _Format(Struct):
    format: int


def read_manifest(content: bytes, name: str) -> Manifest:
    """The manifest in these bytes. Raises Damaged."""
    try:
        found = msgspec.json.decode(content, type=_Format).format
        if found > FORMAT:
            raise Damaged(f"The backup {name} was made by a newer version of Pressrelay. Restore it with that version.")
        return msgspec.json.decode(content, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise Damaged(f"The manifest of the backup {name} was cut or altered. Restore another backup.") from None


def name_of(now: datetime) -> str:
    """The name of a backup of that moment; names sort by time."""
    return f"{now:%Y%m%dT%H%M%S-%f}"


def owner_of(secret: bytes) -> str:
    """What tells databases apart."""
    return hashlib.sha256(b"backup owner " + secret).hexdigest()[:16]


def file_name(sha256: str, secret: bytes, *, sealed: bool) -> str:
    """The name of a file within its folder. In an encrypted backup it must not tell which file it is."""
    shown = hmac.digest(secret, b"backup file " + sha256.encode(), "sha256").hex() if sealed else sha256
    return f"{shown[:2]}/{shown[2:]}"
