"""Reads HWPX (KS X 6101, OWPML), a ZIP file with paragraphs, tables and drawings in `Contents/section*.xml`.

Names are compared without their namespace, which differs between the editions of 2011, 2016 and 2024.
"""

import re
import zipfile
from collections.abc import Iterator
from typing import IO

from lxml import etree

from extract import Block, Cell, Unreadable
from extract.package import BROKEN, Package, local_name

SECTION = re.compile(r"Contents/section(\d{1,4})\.xml")
# Elements whose texts are not part of the document: headers and footers, hidden comments, parameters of fields and so on.
NOT_TEXT = {"header", "footer", "hiddenComment", "memo", "parameters", "shapeComment", "secPr", "caret", "script"}
SPACES = {"tab": "\t", "lineBreak": "\n", "nbSpace": " ", "fwSpace": " ", "hyphen": "-"}


def read(file: IO[bytes]) -> Iterator[Block]:
    """The blocks in reading order. Raises Unreadable."""
    try:
        with zipfile.ZipFile(file) as archive:
            package = Package(archive)
            for name in sections(package):
                yield from _blocks(package.tree(name))
    except BROKEN as error:
        raise Unreadable(f"It is not a complete HWPX file ({type(error).__name__}).") from None


def sections(package: Package) -> list[str]:
    """The names of the sections in their order. Raises Unreadable if there is none, or if they are encrypted."""
    found = sorted((int(match[1]), name) for name in package.names if (match := SECTION.fullmatch(name)))
    if not found:
        raise Unreadable("It has no Contents/section0.xml.")
    manifest = "META-INF/manifest.xml"
    if manifest in package.names and b"encryption-data" in package.read(manifest):
        raise Unreadable("It is protected by a password.", "protected")
    return [name for _, name in found]


def _blocks(element: etree._Element) -> Iterator[Block]:
    """The paragraphs and tables below an element."""
    for child in element:
        name = local_name(child)
        if name == "p":
            yield from _paragraph(child)
        elif name and name not in NOT_TEXT:
            yield from _blocks(child)


def _paragraph(paragraph: etree._Element) -> Iterator[Block]:
    """The text of a paragraph, followed by the tables, drawings with text and notes that are anchored in it."""
    words: list[str] = []
    anchored: list[Block] = []
    deleted = False
    for run in paragraph:
        if local_name(run) != "run":
            continue
        for child in run:
            name = local_name(child)
            if name == "t":
                deleted = _text(child, words, deleted)
            elif name == "tbl":
                anchored.append(Block(rows=tuple(_rows(child))))
            elif name and name not in NOT_TEXT:
                anchored += _blocks(child)
    text = "".join(words).strip()
    if text:
        yield Block(text)
    yield from (block for block in anchored if block.text or any(cell.text for row in block.rows for cell in row))


def _text(element: etree._Element, words: list[str], deleted: bool) -> bool:
    """Append the text of a `t` element to `words`; whether a tracked deletion is still open after it."""
    if not deleted:
        words.append(element.text or "")
    for child in element:
        name = local_name(child)
        if name == "deleteBegin":
            deleted = True
        elif name == "deleteEnd":
            deleted = False
        elif not deleted:
            words.append(SPACES.get(name, ""))
        if not deleted:
            words.append(child.tail or "")
    return deleted


def _rows(table: etree._Element) -> Iterator[tuple[Cell, ...]]:
    for row in table:
        if local_name(row) == "tr":
            yield tuple(_cell(cell) for cell in row if local_name(cell) == "tc")


def _cell(cell: etree._Element) -> Cell:
    lines: list[str] = []
    for block in _blocks(cell):
        lines += [block.text] if not block.rows else [" ".join(inner.text for inner in row) for row in block.rows]
    span = next((child for child in cell if local_name(child) == "cellSpan"), None)
    return Cell("\n".join(filter(None, lines)), _span(span, "colSpan"), _span(span, "rowSpan"))


def _span(span: etree._Element | None, name: str) -> int:
    value = "1" if span is None else span.get(name, "1")
    return min(int(value), 200) if re.fullmatch(r"[1-9]\d{0,5}", value) else 1
