"""Reads plain text in UTF-8 or CP949."""

from collections.abc import Iterator
from typing import IO

from extract import MOST_TEXT, Block, Unreadable


def read(file: IO[bytes]) -> Iterator[Block]:
    """The paragraphs, which blank lines separate. Raises Unreadable."""
    source = file.read(4 * MOST_TEXT)
    for codec in ("utf-8-sig", "cp949"):
        try:
            text = source.decode(codec)
        except UnicodeDecodeError as error:
            if error.start < len(source) - 3:
                continue
            text = source[: error.start].decode(codec)
        yield from (Block(part.strip()) for part in text.replace("\r\n", "\n").split("\n\n") if part.strip())
        return
    raise Unreadable("Its encoding is neither UTF-8 nor CP949.")
