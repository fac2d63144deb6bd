"""Receives a push of several parts: the release and its files. multipart/form-data, https://www.rfc-editor.org/rfc/rfc7578

Werkzeug's decoder separates the parts. This module checks their limits and names and writes them to disk as they arrive. So a push
needs the memory of one release and one chunk, whatever the size of its files.
"""

import errno
import hashlib
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import IO

from msgspec import Struct
from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import NEED_DATA, Data, Epilogue, Event, Field, File, MultipartDecoder

from app.errors import NoFiles, Problem
from app.text.characters import UNSEEN
from schemas.text import nfc

RELEASE = "release"  # the name of the part that holds the XML
BUFFER = 256 * 1024  # bytes that the decoder may buffer: a chunk, and a possible boundary or the headers of a part
LONGEST_NAME = 150  # characters: at most 600 bytes of UTF-8, which proxies accept percent-encoded in a URL
MOST_FIELDS = 5_000  # fields in one form
LEFT_OUT = ("large", "many", "empty", "name", "twice")  # why a form's file is left out
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
TYPES = ("application/xml", "text/xml", "application/json")  # and every type that ends with +xml or +json


class Upload(Struct, frozen=True):
    """A file of a release, on disk until the push is answered."""

    name: str  # NFC, without path and control characters
    type: str  # as declared; empty: not declared
    size: int  # bytes
    sha256: str  # hexadecimal
    path: str


class Limits(Struct, frozen=True):
    """Limits of a push."""

    release: int  # bytes
    file: int  # bytes
    files: int
    together: int = 2**63  # bytes of all files of a form


class Received(Struct, frozen=True):
    """A push, separated into its parts."""

    body: bytes
    content_type: str
    files: dict[str, Upload]  # by name


class Form(Struct, frozen=True):
    """A form of a page, separated into its parts."""

    fields: tuple[tuple[str, str], ...]  # name and text, in their order
    files: dict[str, Upload]  # by name
    left: tuple[tuple[str, str], ...] = ()  # name of a file that was left out, and why: one of LEFT_OUT


@contextmanager
def spool(data_dir: str) -> Iterator[Path]:
    """A directory for one push, removed when the push is answered. It is on the file system of the store, so that files can be renamed
    into it. Raises NoFiles if the disk is full."""
    incoming = Path(data_dir).resolve() / "files" / "incoming"
    with _writing():
        incoming.mkdir(parents=True, exist_ok=True)
        directory = Path(tempfile.mkdtemp(dir=incoming))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@contextmanager
def _writing() -> Iterator[None]:
    """Raises NoFiles if the disk is full."""
    try:
        yield
    except OSError as error:
        if error.errno not in FULL:
            raise
        detail = "The server has no room for files at this moment. Send the request again later."
        raise NoFiles(f"The data directory takes no file ({error.strerror}). Make room.", detail) from error


def receive(chunks: Iterable[bytes], boundary: str, directory: Path, limits: Limits) -> Received:
    """Read the multipart body of a push. Raises Problem, and NoFiles if the disk is full."""
    taker = _Taker(directory, limits)
    _take(chunks, boundary, taker)
    return taker.received()


def receive_form(chunks: Iterable[bytes], boundary: str, directory: Path, limits: Limits) -> Form:
    """Read the multipart body of a page's form; `limits.release`: of all its texts together. A file that cannot be taken is left out
    and named, so that what the person wrote beside it is not lost. Raises Problem, and NoFiles if the disk is full."""
    taker = _FormTaker(directory, limits)
    _take(chunks, boundary, taker)
    return Form(tuple(taker.fields), taker.files, tuple(taker.left.items()))


def _take(chunks: Iterable[bytes], boundary: str, taker: "_Taker") -> None:
    if not boundary:
        raise bad("Content-Type has no boundary. Add the parameter boundary.")
    try:
        decoder = MultipartDecoder(boundary.encode("ascii"), max_form_memory_size=BUFFER)
    except UnicodeEncodeError:
        raise bad("The boundary is not ASCII.") from None
    try:
        for event in _events(decoder, chunks):
            taker.take(event)
    except RequestEntityTooLarge:
        raise bad("The headers of a part are too long.") from None
    except (ValueError, AssertionError) as error:
        words = "a header is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
        raise bad(f"The body is not valid multipart: {words[:200]}.") from None
    finally:
        taker.close()


def _events(decoder: MultipartDecoder, chunks: Iterable[bytes]) -> Iterator[Event]:
    for chunk in chain(chunks, (None,)):
        decoder.receive_data(chunk)
        while (event := decoder.next_event()) is not NEED_DATA:
            yield event
            if isinstance(event, Epilogue):
                return


class _Taker:
    """Collects the parts."""

    def __init__(self, directory: Path, limits: Limits) -> None:
        self.directory = directory
        self.limits = limits
        self.release: bytearray | None = None
        self.content_type = ""
        self.files: dict[str, Upload] = {}
        self.part: tuple[str, str] | None = None  # name and declared type of the current file; None: the release
        self.file: IO[bytes] | None = None
        self.hash = hashlib.sha256()
        self.size = 0

    def take(self, event: Event) -> None:
        if isinstance(event, Field | File):
            self._begin(event)
        elif isinstance(event, Data):
            self._data(event)

    def _begin(self, event: Field | File) -> None:
        encoding = event.headers.get("Content-Transfer-Encoding", "binary").strip().lower()
        if encoding not in ("binary", "8bit", "7bit"):
            raise bad(f"A part has the transfer encoding {encoding[:40]!r}. Send it unencoded (RFC 7578, section 4.7).")
        content_type = event.headers.get("Content-Type", "").strip()
        if event.name == RELEASE:
            if self.release is not None:
                raise bad("Two parts are named 'release'. Send one.")
            self.release, self.part, self.content_type = bytearray(), None, content_type
            return
        if not isinstance(event, File):
            raise bad(
                f"The part {str(event.name)[:100]!r} is not named 'release' and has no file name. Give it one of them."
            )
        name = clean(event.filename)
        if not name:
            raise bad(f"The file name {event.filename[:100]!r} cannot be used. Rename the file.")
        if name in self.files:
            raise bad(f"Two files are named {name!r}. Rename one of them.")
        if len(self.files) == self.limits.files:
            detail = f"A release may have at most {self.limits.files} files."
            raise Problem(413, "too-many-files", "Too many files", detail)
        self.part = (name, content_type.partition(";")[0].strip().lower())
        with _writing():
            self.file = (self.directory / str(len(self.files))).open("xb")
        self.hash, self.size = hashlib.sha256(), 0

    def _data(self, event: Data) -> None:
        if self.part is None:
            assert self.release is not None
            self.release += event.data
            if len(self.release) > self.limits.release:
                detail = f"A release may have at most {self.limits.release} bytes."
                raise Problem(413, "too-large", "The release is too large", detail)
            return
        assert self.file is not None
        self.size += len(event.data)
        if self.size > self.limits.file:
            detail = f"{self.part[0]!r} is too large. A file may have at most {self.limits.file} bytes."
            raise Problem(413, "file-too-large", "A file is too large", detail)
        self.hash.update(event.data)
        with _writing():
            self.file.write(event.data)
        if not event.more_data:
            self._end(*self.part, self.file)

    def _end(self, name: str, type: str, file: IO[bytes]) -> None:
        path = str(file.name)
        self.close()
        if not self.size:
            raise bad(f"The file {name!r} is empty.")
        self.files[name] = Upload(name, type, self.size, self.hash.hexdigest(), path)

    def close(self) -> None:
        file, self.file = self.file, None
        if file:
            with _writing():  # It may still have bytes to write.
                file.close()

    def received(self) -> Received:
        if self.release is None:
            raise bad("No part is named 'release'. Send the release in a part of that name.")
        content_type = self.content_type or "application/xml"
        mimetype = content_type.partition(";")[0].strip().lower()
        if not readable(mimetype):
            detail = f"The part 'release' has the type {mimetype[:80]!r}; expected application/xml or application/json."
            raise Problem(415, "unsupported-media-type", "Not a media type of releases", detail)
        return Received(bytes(self.release), content_type, self.files)


class _FormTaker(_Taker):
    """Collects the parts of a page's form: texts, and files that a person chose."""

    def __init__(self, directory: Path, limits: Limits) -> None:
        super().__init__(directory, limits)
        self.fields: list[tuple[str, str]] = []
        self.name: str | None = None  # of the text that is being read; None: a file
        self.text = bytearray()
        self.texts = 0  # bytes of all texts so far
        self.skipped = False  # the browser sends a part without a name where no file was chosen
        self.left: dict[str, str] = {}  # files that were left out, and why

    def _begin(self, event: Field | File) -> None:
        self.skipped = isinstance(event, File) and not event.filename
        self.name = None
        if self.skipped:
            return
        if isinstance(event, File):
            self.skipped = not self._fits(event)
            if not self.skipped:
                super()._begin(event)
            return
        if len(self.fields) == MOST_FIELDS:
            raise Problem(413, "too-large", "The form is too large", f"A form may have at most {MOST_FIELDS} fields.")
        self.name, self.text = str(event.name), bytearray()

    def _data(self, event: Data) -> None:
        if self.skipped:
            return
        if self.name is None:
            self._of_file(event)
            return
        self.text += event.data
        self.texts += len(event.data)
        if self.texts > self.limits.release:
            detail = f"The texts of a form may have at most {self.limits.release} bytes."
            raise Problem(413, "too-large", "The form is too large", detail)
        if not event.more_data:
            try:
                self.fields.append((self.name, self.text.decode()))
            except UnicodeDecodeError:
                raise bad(f"The field {self.name[:40]!r} is not UTF-8.") from None

    def _fits(self, event: File) -> bool:
        """Whether the file that begins can be taken; if not, it is noted why."""
        name = clean(event.filename or "")
        why = "" if name else "name"
        why = why or ("twice" if name in self.files else "many" if len(self.files) >= self.limits.files else "")
        if why and len(self.left) < self.limits.files:
            self.left[name or (event.filename or "")[:LONGEST_NAME]] = why
        return not why

    def _of_file(self, event: Data) -> None:
        assert self.part is not None and self.file is not None
        name, path = self.part[0], str(self.file.name)
        size = self.size + len(event.data)
        before = sum(file.size for file in self.files.values())
        fits = size <= self.limits.file and before + size <= self.limits.together
        if fits and (size or event.more_data):
            super()._data(event)
            return
        self.left[name] = "large" if size else "empty"
        self.close()
        Path(path).unlink()
        self.skipped = True


def readable(mimetype: str) -> bool:
    """Whether releases have this media type."""
    return mimetype in TYPES or mimetype.endswith(("+xml", "+json"))


def clean(name: str) -> str:
    """A file name in NFC, without path and control characters, and shortened if too long; empty if nothing is left."""
    name = nfc(name).replace("\\", "/").rpartition("/")[2]
    name = " ".join(UNSEEN.sub("", name).split())
    if not name.strip("."):
        return ""
    stem, dot, extension = name.rpartition(".")
    if len(name) > LONGEST_NAME and dot and len(extension) <= 10:
        return f"{stem[: LONGEST_NAME - len(extension) - 1]}.{extension}"
    return name[:LONGEST_NAME]


def bad(detail: str) -> Problem:
    """The problem of a body that is not a usable multipart body."""
    return Problem(400, "bad-multipart", "The parts of the push cannot be read", detail)
