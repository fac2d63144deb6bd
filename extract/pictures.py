"""Saves the pictures of a document that a browser can show, without decoding any: type and size come from their first bytes.

PNG: https://www.w3.org/TR/png/, section 11.2.1. JPEG: ITU-T T.81, section B.2.2. GIF89a: section 18. WebP: RFC 9649.
"""

import hashlib
from pathlib import Path

from msgspec import Struct

MOST_PICTURES = 100
MOST_BYTES = 15 * 1024 * 1024  # of one picture; less than the process may write in a file
MOST_POINTS = 100_000_000  # width times height: what a browser or a thumbnailer would have to decode
ENDINGS = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp"}


class Picture(Struct, frozen=True):
    """A picture that was saved."""

    name: str  # of its file
    type: str  # media type
    size: int  # bytes
    width: int  # points
    height: int
    caption: str = ""


class Album:
    """The pictures of one document, each saved once. `warnings` has keys about those that were left out."""

    def __init__(self, directory: Path, room: int) -> None:
        self.directory = directory
        self.room = room  # bytes that the pictures may still take together
        self.pictures: dict[str, Picture] = {}
        self.warnings: list[str] = []

    def add(self, content: bytes) -> str:
        """The name of the saved picture; empty if it was left out."""
        digest = hashlib.sha256(content).hexdigest()
        if digest in self.pictures:
            return self.pictures[digest].name
        media_type = type_of(content)
        width, height = measured(content, media_type)
        if not media_type:
            self._left_out("picture-type")
        elif not width or not height:
            self._left_out("picture-broken")
        elif len(content) > min(MOST_BYTES, self.room) or width * height > MOST_POINTS:
            self._left_out("picture-large")
        elif len(self.pictures) >= MOST_PICTURES:
            self._left_out("picture-many")
        else:
            name = f"{len(self.pictures) + 1}.{ENDINGS[media_type]}"
            (self.directory / name).write_bytes(content)
            self.room -= len(content)
            self.pictures[digest] = Picture(name, media_type, len(content), width, height)
            return name
        return ""

    def _left_out(self, why: str) -> None:
        if why not in self.warnings:
            self.warnings.append(why)


def type_of(content: bytes) -> str:
    """The media type of a picture that browsers show; empty for anything else."""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    return "image/webp" if content[:4] == b"RIFF" and content[8:12] == b"WEBP" else ""


def measured(content: bytes, media_type: str) -> tuple[int, int]:
    """(width, height) in points as the picture's header says; (0, 0) if it does not."""
    if media_type == "image/png" and content[12:16] == b"IHDR":
        return int.from_bytes(content[16:20], "big"), int.from_bytes(content[20:24], "big")
    if media_type == "image/gif":
        return int.from_bytes(content[6:8], "little"), int.from_bytes(content[8:10], "little")
    if media_type == "image/webp":
        return _webp(content)
    return _jpeg(content) if media_type == "image/jpeg" else (0, 0)


def _webp(content: bytes) -> tuple[int, int]:
    kind = content[12:16]
    if kind == b"VP8X" and len(content) >= 30:
        return int.from_bytes(content[24:27], "little") + 1, int.from_bytes(content[27:30], "little") + 1
    if kind == b"VP8L" and len(content) >= 25:
        bits = int.from_bytes(content[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 " and content[23:26] == b"\x9d\x01\x2a":
        return int.from_bytes(content[26:28], "little") & 0x3FFF, int.from_bytes(content[28:30], "little") & 0x3FFF
    return 0, 0


def _jpeg(content: bytes) -> tuple[int, int]:
    """From the first frame header; segments before it are skipped."""
    at = 2
    while at + 9 <= len(content) and content[at] == 0xFF:
        marker = content[at + 1]
        if marker == 0xFF:  # a fill byte
            at += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return int.from_bytes(content[at + 7 : at + 9], "big"), int.from_bytes(content[at + 5 : at + 7], "big")
        at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return 0, 0
