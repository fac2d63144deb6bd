"""Lays out PDF: lines with the size of their letters, joined to paragraphs, and the pictures that are JPEG.

A PDF has no paragraphs and no tables. A paragraph ends where the distance to the next line grows, where the size changes, and where a
line begins with a mark of a list (□ ○ - ※).
"""

import ctypes
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import IO

import pypdfium2
from msgspec import Struct
from pypdfium2 import raw

from extract import MOST_INFLATED, Unreadable
from extract.layout import Layout, Piece, Shot, plain_para
from extract.layout_lines import MARKED
from extract.pictures import MOST_PICTURES, Album

MOST_PAGES = 100
GAP = 1.35  # times the usual distance between lines: a larger one begins a paragraph
SAME = 0.6  # points that sizes of one paragraph may differ
UNSEEN = {"\x02": "-", "\ufffe": "", "\x00": ""}


class TextLine(Struct):
    """A line of a page."""

    text: str
    size: float  # points
    top: float  # distance of its middle from the lower edge of the page
    left: float
    right: float
    spaced: bool  # it ended with a blank


def lay_out(file: IO[bytes], pictures: Path) -> tuple[Layout, Album]:
    """The document, with its pictures saved in a directory. Raises Unreadable."""
    try:
        document = pypdfium2.PdfDocument(file.read())
    except pypdfium2.PdfiumError as error:
        if "password" in str(error).lower():
            raise Unreadable("It is protected by a password.", "protected") from None
        raise Unreadable("It is not a complete PDF file.") from None
    album = Album(pictures, MOST_INFLATED)
    pieces: list[Piece] = []
    warnings = ["pdf"]
    for number in range(min(len(document), MOST_PAGES)):
        try:
            page = document[number]
            lines = _lines(page)
            pieces += [*_paragraphs(lines), *_pictures(page, album)]
            page.close()
        except pypdfium2.PdfiumError:
            raise Unreadable(f"Page {number + 1} cannot be read.") from None
    if len(document) > MOST_PAGES:
        warnings.append("cut")
    return Layout(pieces, [], warnings), album


def _lines(page: pypdfium2.PdfPage) -> list[TextLine]:
    """The lines of a page from top to bottom, as PDFium orders them."""
    text = page.get_textpage()
    words = text.get_text_range()
    found: list[TextLine] = []
    at = 0
    for line in words.splitlines(keepends=True):
        shown = line.strip("\r\n")
        bare = "".join(UNSEEN.get(char, char) for char in shown)
        if bare.strip():
            first = at + len(shown) - len(shown.lstrip())
            last = at + len(shown.rstrip()) - 1
            boxes = [_box(text, first), _box(text, (first + last) // 2), _box(text, last)]
            size = max(top - bottom for _, bottom, _, top in boxes)
            middle = boxes[1][1] + size / 2
            found.append(
                TextLine(
                    " ".join(bare.split()), size, middle, boxes[0][0], boxes[-1][2], shown.endswith((" ", "\u00a0"))
                )
            )
        at += len(line)
    return [line for line in found if not _page_number(line.text)]


def _box(text: pypdfium2.PdfTextPage, index: int) -> tuple[float, float, float, float]:
    """(left, bottom, right, top) of a character with the height of its font."""
    box = raw.FS_RECTF()
    if not raw.FPDFText_GetLooseCharBox(text, index, ctypes.byref(box)):
        return 0.0, 0.0, 0.0, 0.0
    return box.left, box.bottom, box.right, box.top


def _page_number(text: str) -> bool:
    """Whether a line is only the number of its page: "- 2 -"."""
    bare = text.strip(" -–—")
    return bare.isdecimal() and len(bare) < 4


def _paragraphs(lines: list[TextLine]) -> list[Piece]:
    gaps = [before.top - line.top for before, line in pairwise(lines) if before.top > line.top]
    usual = median(gaps) if gaps else 0.0
    right = max((line.right for line in lines), default=0.0)
    spaced = any(line.spaced for line in lines)
    groups: list[list[TextLine]] = []
    for line in lines:
        before = groups[-1][-1] if groups else None
        joins = (
            before is not None
            and abs(before.size - line.size) < SAME
            and 0 < before.top - line.top <= usual * GAP
            and not MARKED.match(line.text)
            # A line that ends well before the right edge is the last of its paragraph.
            and before.right > right - 4 * before.size
        )
        if joins:
            groups[-1].append(line)
        else:
            groups.append([line])
    return [plain_para(_joined(group, spaced), size=round(max(line.size for line in group), 1)) for group in groups]


def _joined(lines: list[TextLine], spaced: bool) -> str:
    """The lines as one. `spaced`: the writer leaves a blank at the end of a line, so one without it ends within a word."""
    text = "".join(line.text + (" " if line.spaced or not spaced else "") for line in lines)
    return text.strip()


def _pictures(page: pypdfium2.PdfPage, album: Album) -> list[Piece]:
    found: list[Piece] = []
    objects = page.get_objects(filter=[raw.FPDF_PAGEOBJ_IMAGE], max_depth=3)
    for number, image in enumerate(objects):
        if number >= MOST_PICTURES:
            break
        if image.get_filters()[-1:] != ["DCTDecode"]:
            if "picture-type" not in album.warnings:
                album.warnings.append("picture-type")
            continue
        if name := album.add(bytes(image.get_data(decode_simple=False))):
            found.append(Shot(name))
    return found
