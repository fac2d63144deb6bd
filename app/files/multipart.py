"""A push of several parts: the release and its files. multipart/form-data, https://www.rfc-editor.org/rfc/rfc7578

Werkzeug's decoder cuts the parts; here they are bounded, named and written to a spool on disk as they come, so that a push costs
a thread's memory one release and one chunk, whatever its files.
"""

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

from app.errors import Problem
from app.text.characters import UNSEEN
from schemas.text import nfc

RELEASE = "release"  # the name of the part that holds the XML
BUFFER = 256 * 1024  # bytes that the decoder may hold: a chunk, and what may be a boundary or the headers of a part
LONGEST_NAME = 150  # characters; 600 bytes of UTF-8 at most, percent-encoded within what proxies take
XML_TYPES = ("application/xml", "text/xml")


class Upload(Struct, frozen=True):
    """A file that came with a release, on disk until the push is answered."""

    name: str  # NFC, without path and control characters
    type: str  # as declared; empty: not declared
    size: int  # bytes
    sha256: str  # hexadecimal
    path: str


class Limits(Struct, frozen=True):
    """How much a push may bring."""

    release: int  # bytes
    file: int  # bytes
    files: int


class Received(Struct, frozen=True):
    """A push taken apart."""

    body: bytes
    content_type: str
    files: dict[str, Upload]  # by name


@contextmanager
def spool(data_dir: str) -> Iterator[Path]:
    """A directory for one push, gone when it is answered; on the file system of the store, so that keeping is renaming."""
    incoming = Path(data_dir).resolve() / "files" / "incoming"
    incoming.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(dir=incoming))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def receive(chunks: Iterable[bytes], boundary: str, directory: Path, limits: Limits) -> Received:
    """Take a multipart body apart. Raises Problem."""
    if not boundary:
        raise bad("Content-Type names no boundary.")
    try:
        decoder = MultipartDecoder(boundary.encode("ascii"), max_form_memory_size=BUFFER)
    except UnicodeEncodeError:
        raise bad("The boundary is not ASCII.") from None
    taker = _Taker(directory, limits)
    try:
        for event in _events(decoder, chunks):
            taker.take(event)
    except RequestEntityTooLarge:
        raise bad("The headers of a part are too long.") from None
    except (ValueError, AssertionError) as error:
        words = "a header is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
        raise bad(f"It cannot be taken apart: {words[:200]}.") from None
    finally:
        taker.close()
    return taker.received()


def _events(decoder: MultipartDecoder, chunks: Iterable[bytes]) -> Iterator[Event]:
    for chunk in chain(chunks, (None,)):
        decoder.receive_data(chunk)
        while (event := decoder.next_event()) is not NEED_DATA:
            yield event
            if isinstance(event, Epilogue):
                return


class _Taker:
    """The parts so far."""

    def __init__(self, directory: Path, limits: Limits) -> None:
        self.directory = directory
        self.limits = limits
        self.release: bytearray | None = None
        self.content_type = ""
        self.files: dict[str, Upload] = {}
        self.part: tuple[str, str] | None = None  # name and declared type of the file under way; None: the release
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
            raise bad(f"A part is encoded as {encoding[:40]!r}; send its bytes as they are (RFC 7578, section 4.7).")
        content_type = event.headers.get("Content-Type", "").strip()
        if event.name == RELEASE:
            if self.release is not None:
                raise bad("Two parts are named 'release'.")
            self.release, self.part, self.content_type = bytearray(), None, content_type
            return
        if not isinstance(event, File):
            raise bad(f"The part {str(event.name)[:100]!r} is neither named 'release' nor a file with a file name.")
        name = clean(event.filename)
        if not name:
            raise bad(f"A file has no usable name: {event.filename[:100]!r}.")
        if name in self.files:
            raise bad(f"Two files are named {name!r}.")
        if len(self.files) == self.limits.files:
            detail = f"At most {self.limits.files} files are taken with a release."
            raise Problem(413, "too-many-files", "Too many files", detail)
        self.part = (name, content_type.partition(";")[0].strip().lower())
        self.file = (self.directory / str(len(self.files))).open("xb")
        self.hash, self.size = hashlib.sha256(), 0

    def _data(self, event: Data) -> None:
        if self.part is None:
            assert self.release is not None
            self.release += event.data
            if len(self.release) > self.limits.release:
                detail = f"At most {self.limits.release} bytes are taken."
                raise Problem(413, "too-large", "The release is too large", detail)
            return
        assert self.file is not None
        self.size += len(event.data)
        if self.size > self.limits.file:
            detail = f"{self.part[0]!r} is larger than {self.limits.file} bytes."
            raise Problem(413, "file-too-large", "A file is too large", detail)
        self.hash.update(event.data)
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
        if self.file:
            self.file.close()
        self.file = None

    def received(self) -> Received:
        if self.release is None:
            raise bad("No part is named 'release': it holds the XML.")
        content_type = self.content_type or "application/xml"
        mimetype = content_type.partition(";")[0].strip().lower()
        if mimetype not in XML_TYPES and not mimetype.endswith("+xml"):
            detail = f"The part 'release' is application/xml, not {mimetype[:80]!r}."
            raise Problem(415, "unsupported-media-type", "Not an XML media type", detail)
        return Received(bytes(self.release), content_type, self.files)


def clean(name: str) -> str:
    """A file name alone: NFC, no path, no control character, not too long; empty where nothing is left."""
    name = nfc(name).replace("\\", "/").rpartition("/")[2]
    name = " ".join(UNSEEN.sub("", name).split())
    if not name.strip("."):
        return ""
    stem, dot, extension = name.rpartition(".")
    if len(name) > LONGEST_NAME and dot and len(extension) <= 10:
        return f"{stem[: LONGEST_NAME - len(extension) - 1]}.{extension}"
    return name[:LONGEST_NAME]


def bad(detail: str) -> Problem:
    """The body is not a multipart body we can take."""
    return Problem(400, "bad-multipart", "The parts of the push cannot be read", detail)
