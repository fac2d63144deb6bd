"""The releases of an archive, a directory or a ZIP, one at a time: memory does not grow with it.

A ZIP is never unpacked as a whole; names in it are labels and lead nowhere. https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
"""

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from app.errors import Misconfigured, Problem

SUFFIX = ".xml"
RATIO = 200  # a release that is packed tighter than this is no text
FREE = 1024 * 1024  # bytes that may be packed as tightly as they like
CHUNK = 256 * 1024
ENCRYPTED, UTF8 = 0x1, 0x800  # general purpose bit flags (section 4.4.4)


class Entry(Struct, frozen=True):
    """One document, or why it cannot be read."""

    name: str
    body: bytes = b""
    problem: Problem | None = None


def entries(path: Path, most: int) -> Iterator[Entry]:
    """Every .xml file in order of name; `most`: bytes of the largest. Raises Misconfigured for what is no archive."""
    if path.is_dir():
        yield from _directory(path, most)
    elif zipfile.is_zipfile(path):
        yield from _zip(path, most)
    elif path.suffix.lower() == SUFFIX:
        yield _file(path, path.name, most)
    elif path.exists():
        raise Misconfigured(f"{path} is neither a directory nor a ZIP archive nor an XML file.")
    else:
        raise Misconfigured(f"{path} does not exist.")


def count(path: Path) -> int:
    """How many there are, without reading them. Raises Misconfigured."""
    if path.is_dir():
        return sum(1 for _ in _files(path))
    if not zipfile.is_zipfile(path):
        return 1
    try:
        with zipfile.ZipFile(path) as archive:
            return sum(1 for info in archive.infolist() if _wanted(info))
    except (zipfile.BadZipFile, OSError, NotImplementedError) as error:
        raise Misconfigured(f"{path} cannot be read as a ZIP archive: {error}.") from None


def _files(path: Path) -> Iterator[Path]:
    """One directory's names at a time: a list of all would grow with the archive. Links to directories are not followed."""
    try:
        with os.scandir(path) as found:
            inside = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise Misconfigured(f"{path} cannot be read: {error.strerror or error}.") from None
    for entry in inside:
        if entry.is_dir(follow_symlinks=False):
            yield from _files(Path(entry.path))
        elif entry.name.lower().endswith(SUFFIX) and entry.is_file():
            yield Path(entry.path)


def _directory(path: Path, most: int) -> Iterator[Entry]:
    for file in _files(path):
        yield _file(file, str(file.relative_to(path)), most)


def _file(file: Path, name: str, most: int) -> Entry:
    try:
        with file.open("rb") as opened:
            body = opened.read(most + 1)
    except OSError as error:
        return Entry(
            name, problem=Problem(422, "unreadable-file", "The file cannot be read", error.strerror or str(error))
        )
    return Entry(name, problem=too_large(most)) if len(body) > most else Entry(name, body)


def _wanted(info: zipfile.ZipInfo) -> bool:
    return not info.is_dir() and info.filename.lower().endswith(SUFFIX)


def _zip(path: Path, most: int) -> Iterator[Entry]:
    try:
        with zipfile.ZipFile(path) as archive:
            for info in sorted(filter(_wanted, archive.infolist()), key=lambda info: info.filename):
                yield _unpacked(archive, info, most)
    except (zipfile.BadZipFile, OSError) as error:
        raise Misconfigured(f"{path} cannot be read as a ZIP archive: {error}.") from None


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> Entry:
    name = _name(info)
    if info.flag_bits & ENCRYPTED:
        return Entry(name, problem=_unreadable("it is encrypted"))
    parts: list[bytes] = []
    size = 0
    try:
        with archive.open(info) as opened:
            # Counted as it comes out: what the archive says of its sizes is only what it says.
            while part := opened.read(CHUNK):
                size += len(part)
                if size > most:
                    return Entry(name, problem=too_large(most))
                if size > FREE and size > RATIO * max(1, info.compress_size):
                    return Entry(
                        name, problem=_unreadable(f"it is packed more than {RATIO} times tighter: no release is")
                    )
                parts.append(part)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, RuntimeError, ValueError) as error:
        return Entry(name, problem=_unreadable(str(error) or "it is damaged"))
    except Exception as error:  # zlib.error, lzma.LZMAError and their kind have no base of their own.
        return Entry(name, problem=_unreadable(f"it is damaged ({type(error).__name__})"))
    return Entry(name, b"".join(parts))


def _name(info: zipfile.ZipInfo) -> str:
    """Without the UTF-8 flag a name is of the packer's own code page: in Korea CP949."""
    if info.flag_bits & UTF8:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("cp949")
    except UnicodeError:
        return info.filename


def too_large(most: int) -> Problem:
    """The answer to a release that is larger than any."""
    return Problem(413, "too-large", "The release is too large", f"At most {most} bytes are taken.")


def _unreadable(reason: str) -> Problem:
    return Problem(422, "unreadable-file", "The file cannot be read", f"In the archive, {reason}.")
