"""Reads the releases of an archive (a directory or a ZIP file) one at a time, so that memory does not grow with the archive.

A ZIP file is never unpacked as a whole, and the names in it are never used as paths.
https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
"""

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

from app.errors import Misconfigured, Problem

SUFFIXES = (".xml", ".newsml", ".nitf", ".rss", ".rdf", ".atom", ".json")  # of releases in every dialect
PROBLEM = ".problem.json"  # what `watch` writes beside a refused file
RATIO = 200  # highest compression ratio; text does not compress better than this
FREE = 1024 * 1024  # bytes below which the ratio is not checked
CHUNK = 256 * 1024
ENCRYPTED, UTF8 = 0x1, 0x800  # general purpose bit flags (section 4.4.4)


class ArchiveEntry(Struct, frozen=True):
    """One document, or the problem why it cannot be read."""

    name: str
    body: bytes = b""
    problem: Problem | None = None


def entries(path: Path, most: int) -> Iterator[ArchiveEntry]:
    """Every release, sorted by name; `most`: bytes of the largest. Raises Misconfigured if the path is not an archive."""
    if path.is_dir():
        yield from _directory(path, most)
    elif zipfile.is_zipfile(path):
        yield from _zip(path, most)
    elif path.exists() and is_release(path.name):
        yield _file(path, path.name, most)
    elif path.exists():
        raise Misconfigured(f"{path} is not a directory, a ZIP archive or a release ({', '.join(SUFFIXES)}).")
    else:
        raise Misconfigured(f"{path} does not exist.")


def is_release(name: str) -> bool:
    """Whether a file with this name may be a release: `push`, `import` and `watch` take these, whatever their dialect."""
    lower = name.lower()
    return lower.endswith(SUFFIXES) and not lower.endswith(PROBLEM)


def count(path: Path) -> int:
    """How many documents the archive has, without reading them. Raises Misconfigured."""
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
    """The releases below a directory. Only the names of one directory at a time are in memory. Links to directories are ignored."""
    try:
        with os.scandir(path) as found:
            inside = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise Misconfigured(f"{path} cannot be read: {error.strerror or error}.") from None
    for entry in inside:
        if entry.is_dir(follow_symlinks=False):
            yield from _files(Path(entry.path))
        elif is_release(entry.name) and entry.is_file():
            yield Path(entry.path)


def _directory(path: Path, most: int) -> Iterator[ArchiveEntry]:
    for file in _files(path):
        yield _file(file, str(file.relative_to(path)), most)


def _file(file: Path, name: str, most: int) -> ArchiveEntry:
    try:
        with file.open("rb") as opened:
            body = opened.read(most + 1)
    except OSError as error:
        return ArchiveEntry(
            name, problem=Problem(422, "unreadable-file", "The file cannot be read", error.strerror or str(error))
        )
    return ArchiveEntry(name, problem=too_large(most)) if len(body) > most else ArchiveEntry(name, body)


def _wanted(info: zipfile.ZipInfo) -> bool:
    return not info.is_dir() and is_release(info.filename)


def _zip(path: Path, most: int) -> Iterator[ArchiveEntry]:
    try:
        with zipfile.ZipFile(path) as archive:
            for info in sorted(filter(_wanted, archive.infolist()), key=lambda info: info.filename):
                yield _unpacked(archive, info, most)
    except (zipfile.BadZipFile, OSError) as error:
        raise Misconfigured(f"{path} cannot be read as a ZIP archive: {error}.") from None


def _unpacked(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> ArchiveEntry:
    name = _name(info)
    if info.flag_bits & ENCRYPTED:
        return ArchiveEntry(name, problem=_unreadable("it is encrypted"))
    parts: list[bytes] = []
    size = 0
    try:
        with archive.open(info) as opened:
            # Count the unpacked bytes, because the sizes that the archive states may be wrong.
            while part := opened.read(CHUNK):
                size += len(part)
                if size > most:
                    return ArchiveEntry(name, problem=too_large(most))
                if size > FREE and size > RATIO * max(1, info.compress_size):
                    return ArchiveEntry(
                        name, problem=_unreadable(f"it is compressed more than {RATIO} times, which no release is")
                    )
                parts.append(part)
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, RuntimeError, ValueError) as error:
        return ArchiveEntry(name, problem=_unreadable(str(error) or "it is damaged"))
    except Exception as error:  # zlib.error, lzma.LZMAError and similar errors have no common base class.
        return ArchiveEntry(name, problem=_unreadable(f"it is damaged ({type(error).__name__})"))
    return ArchiveEntry(name, b"".join(parts))


def _name(info: zipfile.ZipInfo) -> str:
    """The name of an entry. Without the UTF-8 flag, it is in the code page of the packing program: in Korea, CP949."""
    if info.flag_bits & UTF8:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("cp949")
    except UnicodeError:
        return info.filename


def too_large(most: int) -> Problem:
    """The answer to a release that is too large."""
    return Problem(413, "too-large", "The release is too large", f"A release may have at most {most} bytes.")


def _unreadable(reason: str) -> Problem:
    return Problem(422, "unreadable-file", "The file cannot be read", f"The archive entry cannot be read: {reason}.")
