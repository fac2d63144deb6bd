"""HWPX (KS X 6101, OWPML): a ZIP whose `Contents/section*.xml` hold paragraphs, tables and drawings.

Names are compared without their namespace: it differs between 2011, 2016 and 2024 editions.
"""

import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import IO

from lxml import etree

from extract import MOST_INFLATED, Block, Cell, Unreadable

SECTION = re.compile(r"Contents/section(\d{1,4})\.xml")
MOST_MEMBERS = 10_000
CHUNK = 64 * 1024
# Texts that are not the document's: page furniture, comments that are not shown, what stands in a field's parameters.
NOT_TEXT = {"header", "footer", "hiddenComment", "memo", "parameters", "shapeComment", "secPr", "caret", "script"}
SPACES = {"tab": "\t", "lineBreak": "\n", "nbSpace": " ", "fwSpace": " ", "hyphen": "-"}


def read(file: IO[bytes]) -> Iterator[Block]:
    """The blocks in reading order. Raises Unreadable."""
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            if len(names) > MOST_MEMBERS:
                raise Unreadable(f"It holds {len(names)} parts; at most {MOST_MEMBERS} are read.")
            sections = sorted((int(found[1]), name) for name in set(names) if (found := SECTION.fullmatch(name)))
            if not sections:
                raise Unreadable("It holds no Contents/section0.xml.")
            if (
                "META-INF/manifest.xml" in names
                and b"encryption-data" in _inflate(archive, "META-INF/manifest.xml", 0)[0]
            ):
                raise Unreadable("It is protected by a password.")
            inflated = 0
            for _, name in sections:
                source, inflated = _inflate(archive, name, inflated)
                yield from _blocks(_parse(source))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        raise Unreadable(f"It is not a whole HWPX file ({type(error).__name__}).") from None


def _inflate(archive: zipfile.ZipFile, name: str, before: int) -> tuple[bytes, int]:
    """A part, and how many bytes were inflated so far. The sizes that the archive states are not believed."""
    parts: list[bytes] = []
    with archive.open(name) as part:
        while chunk := part.read(CHUNK):
            before += len(chunk)
            if before > MOST_INFLATED:
                raise Unreadable(f"Its parts inflate to more than {MOST_INFLATED // 1024 // 1024} MB.")
            parts.append(chunk)
    return b"".join(parts), before


def _parse(source: bytes) -> etree._Element:
    parser = etree.XMLParser(
        resolve_entities=False,
        load_dtd=False,
        no_network=True,
        huge_tree=False,
        recover=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(source, parser)
    except etree.XMLSyntaxError as error:
        raise Unreadable(f"One of its sections is not well-formed XML (line {error.lineno or 1}).") from None
    if root.getroottree().docinfo.doctype:
        raise Unreadable("One of its sections has a DOCTYPE.")
    return root


def _name(element: etree._Element) -> str:
    return str(etree.QName(element).localname) if isinstance(element.tag, str) else ""


def _blocks(element: etree._Element) -> Iterator[Block]:
    """The paragraphs and tables below an element."""
    for child in element:
        name = _name(child)
        if name == "p":
            yield from _paragraph(child)
        elif name and name not in NOT_TEXT:
            yield from _blocks(child)


def _paragraph(paragraph: etree._Element) -> Iterator[Block]:
    """A paragraph's own text, and after it what is anchored in it: tables, drawings with text, notes."""
    words: list[str] = []
    anchored: list[Block] = []
    deleted = False
    for run in paragraph:
        if _name(run) != "run":
            continue
        for child in run:
            name = _name(child)
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
    """Append the text of a `t`; whether a deletion that is tracked is still open after it."""
    if not deleted:
        words.append(element.text or "")
    for child in element:
        name = _name(child)
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
        if _name(row) == "tr":
            yield tuple(_cell(cell) for cell in row if _name(cell) == "tc")


def _cell(cell: etree._Element) -> Cell:
    lines: list[str] = []
    for block in _blocks(cell):
        lines += [block.text] if not block.rows else [" ".join(inner.text for inner in row) for row in block.rows]
    span = next((child for child in cell if _name(child) == "cellSpan"), None)
    return Cell("\n".join(filter(None, lines)), _span(span, "colSpan"), _span(span, "rowSpan"))


def _span(span: etree._Element | None, name: str) -> int:
    value = "1" if span is None else span.get(name, "1")
    return min(int(value), 200) if re.fullmatch(r"[1-9]\d{0,5}", value) else 1
