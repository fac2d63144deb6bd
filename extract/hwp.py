"""Reads HWP 5, an OLE compound file with records in its `BodyText/Section*` streams. Hancom's "한글 문서 파일 형식 5.0".

It reads the text of paragraphs (section 4.3.2), including those in table cells, without formatting.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import IO

import olefile

from extract import MOST_INFLATED, Block, Unreadable

SIGNATURE = b"HWP Document File"
COMPRESSED, PASSWORD, DISTRIBUTED = 1, 2, 4  # bits of FileHeader's properties
PARA_HEADER, PARA_TEXT, CTRL_HEADER = 0x10 + 50, 0x10 + 51, 0x10 + 55  # record tags
HIDDEN = {b"daeh", b"toof", b"tcmt"}  # ids of header, footer and hidden comment, spelt backwards
# Control characters that take one 16-bit unit (section 4.3.2, table 6), with their text; all others take eight units.
ALONE = {0: "", 10: "\n", 13: "", 24: "-", 25: "", 26: "", 27: "", 28: "", 29: "", 30: " ", 31: " "}
TAB = 9


def read(file: IO[bytes]) -> Iterator[Block]:
    """The paragraphs in the order of the file. Raises Unreadable."""
    try:
        with olefile.OleFileIO(file) as container:
            header = container.openstream("FileHeader").read(64)
            if len(header) < 40 or not header.startswith(SIGNATURE):
                raise Unreadable("It is not an HWP 5 file.")
            properties = struct.unpack_from("<I", header, 36)[0]
            if properties & (PASSWORD | DISTRIBUTED):
                raise Unreadable("It is protected, so its text cannot be read.", "protected")
            names = [entry for entry in container.listdir() if len(entry) == 2 and entry[0] == "BodyText"]
            sections = sorted(
                (entry for entry in names if entry[1][7:].isdecimal()), key=lambda entry: int(entry[1][7:])
            )
            if not sections:
                raise Unreadable("It has no BodyText.")
            inflated = 0
            for section in sections:
                stream = container.openstream(section).read()
                if properties & COMPRESSED:
                    stream = _inflate(stream, MOST_INFLATED - inflated)
                inflated += len(stream)
                yield from _paragraphs(stream)
    except (OSError, ValueError, IndexError, struct.error, zlib.error) as error:
        raise Unreadable(f"It is not a complete HWP file ({type(error).__name__}).") from None


def _inflate(stream: bytes, most: int) -> bytes:
    inflater = zlib.decompressobj(-15)
    inflated = inflater.decompress(stream, most)
    if inflater.unconsumed_tail:
        raise Unreadable(f"Its parts have more than {MOST_INFLATED // 1024 // 1024} MB when decompressed.", "large")
    return inflated


def _records(stream: bytes) -> Iterator[tuple[int, int, bytes]]:
    """(tag, level, content) of each record (section 4.1)."""
    at = 0
    while at + 4 <= len(stream):
        (head,) = struct.unpack_from("<I", stream, at)
        at += 4
        size = head >> 20
        if size == 0xFFF:
            (size,) = struct.unpack_from("<I", stream, at)
            at += 4
        if at + size > len(stream):
            raise Unreadable("It ends in the middle of a paragraph.")
        yield head & 0x3FF, head >> 10 & 0x3FF, stream[at : at + size]
        at += size


def _paragraphs(stream: bytes) -> Iterator[Block]:
    hidden = 1024  # level of the hidden control around the record; 1024: none, because levels are smaller
    for tag, level, content in _records(stream):
        if level <= hidden:
            hidden = level if tag == CTRL_HEADER and content[:4] in HIDDEN else 1024
        if tag == PARA_TEXT and level <= hidden and (text := _text(content).strip()):
            yield Block(text)


def _text(content: bytes) -> str:
    units = struct.unpack(f"<{len(content) // 2}H", content[: len(content) // 2 * 2])
    words = bytearray()
    at = 0
    while at < len(units):
        unit = units[at]
        if unit >= 32:
            words += struct.pack("<H", unit)
            at += 1
        elif unit in ALONE:
            words += ALONE[unit].encode("utf-16-le")
            at += 1
        else:
            words += "\t".encode("utf-16-le") if unit == TAB else b""
            at += 8
    return words.decode("utf-16-le", "replace")
