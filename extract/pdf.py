"""Reads PDF with PDFium (https://pypdfium2.readthedocs.io/), the library of Chromium, which supports the Korean character
collections."""

from collections.abc import Iterator
from typing import IO

import pypdfium2

from extract import Block, Unreadable

MOST_PAGES = 2_000


def read(file: IO[bytes]) -> Iterator[Block]:
    """The text of each page, with its lines unchanged. Raises Unreadable."""
    try:
        document = pypdfium2.PdfDocument(file.read())
    except pypdfium2.PdfiumError as error:
        locked = "password" in str(error).lower()
        if locked:
            raise Unreadable("It is protected by a password.", "protected") from None
        raise Unreadable("It is not a complete PDF file.") from None
    for number in range(min(len(document), MOST_PAGES)):
        try:
            page = document[number]
            text = page.get_textpage().get_text_bounded()
        except pypdfium2.PdfiumError:
            raise Unreadable(f"Page {number + 1} cannot be read.") from None
        page.close()
        lines = (" ".join(line.split()) for line in text.replace("\x02", "").replace("\ufffe", "").splitlines())
        if text := "\n".join(filter(None, lines)):
            yield Block(text)
