"""Lays out DOCX (ECMA-376, Office Open XML), by the names of its elements, whatever edition wrote them."""

import re
import zipfile
from collections.abc import Iterator
from html import escape
from pathlib import Path
from posixpath import join, normpath
from typing import IO

from lxml import etree

from extract import MOST_INFLATED, Unreadable
from extract.layout import Box, Grid, Layout, Para, Piece, Runs, Shot
from extract.package import BROKEN, Package, local_name
from extract.pictures import Album

DOCUMENT = "word/document.xml"
DEEPEST = 60  # tables in each other
OFF = {"0", "false", "off", "none"}
SPACES = {"tab": " ", "br": "\n", "cr": "\n", "noBreakHyphen": "-", "ptab": " "}
SKIPPED = {"del", "moveFrom", "instrText", "delText", "pPr", "rPr", "sectPr", "tblPr", "tblGrid", "Fallback"}


def lay_out(file: IO[bytes], pictures: Path) -> tuple[Layout, Album]:
    """The document, with its pictures saved in a directory. Raises Unreadable."""
    try:
        with zipfile.ZipFile(file) as archive:
            package = Package(archive)
            if DOCUMENT not in package.names:
                raise Unreadable(f"It has no {DOCUMENT}.")
            reader = _Reader(package, Album(pictures, MOST_INFLATED))
            pieces = reader.blocks(package.tree(DOCUMENT), 0)
            return Layout(pieces, reader.notes, []), reader.album
    except BROKEN as error:
        raise Unreadable(f"It is not a complete DOCX file ({type(error).__name__}).") from None


class _Reader:
    """One document."""

    def __init__(self, package: Package, album: Album) -> None:
        self.package, self.album = package, album
        self.targets = {
            relation.get("Id", ""): relation.get("Target", "")
            for relation in _parts(package, "word/_rels/document.xml.rels", "Relationship")
        }
        styles = list(_parts(package, "word/styles.xml", "style"))
        self.styles = {_value(style, "styleId"): _of(style, "name") for style in styles}
        self.sizes = {_value(style, "styleId"): _size(style) for style in styles}
        defaults = next(_parts(package, "word/styles.xml", "rPrDefault"), None)
        self.size = 0.0 if defaults is None else _size(defaults)
        self.ordered = _ordered(package)
        self.footnotes = {_value(note, "id"): note for note in _parts(package, "word/footnotes.xml", "footnote")}
        self.notes: list[str] = []

    def blocks(self, element: etree._Element, depth: int) -> list[Piece]:
        """The pieces below an element. Raises Unreadable."""
        if depth > DEEPEST:
            raise Unreadable("Its tables are nested too deeply.", "large")
        found: list[Piece] = []
        for child in element:
            name = local_name(child)
            if name == "p":
                found += self._paragraph(child, depth)
            elif name == "tbl":
                found.append(self._table(child, depth + 1))
            elif name and name not in SKIPPED:
                found += self.blocks(child, depth + 1)
        return found

    def _paragraph(self, paragraph: etree._Element, depth: int) -> list[Piece]:
        words = Runs()
        anchored: list[Piece] = []
        style = _of(paragraph, "pStyle")
        self._runs(paragraph, words, anchored, "", self.sizes.get(style, 0.0) or self.size, depth)
        name = self.styles.get(style, style)
        level = re.fullmatch(r"(?:heading|제목|개요)\s*([1-9])", name, re.IGNORECASE)
        numbered = next((child for child in _shape(paragraph) if local_name(child) == "numPr"), None)
        item, depth_of_item = ("", 0)
        if numbered is not None and _of_child(numbered, "numId") not in ("", "0"):
            depth_of_item = int(_of_child(numbered, "ilvl") or 0) if _of_child(numbered, "ilvl").isdecimal() else 0
            ordered = (_of_child(numbered, "numId"), str(depth_of_item)) in self.ordered
            item = "ol" if ordered else "ul"
        para = words.para(
            centred=_of(paragraph, "jc") == "center",
            style=name,
            heading=int(level[1]) if level else 0,
            item=item,
            level=min(depth_of_item, 8),
            breaks=any(_value(br, "type") == "page" for br in paragraph.iter("{*}br"))
            or any(local_name(child) == "pageBreakBefore" for child in _shape(paragraph)),
        )
        return [*([para] if para.text.strip() else []), *anchored]

    def _runs(
        self, parent: etree._Element, words: Runs, anchored: list[Piece], link: str, size: float, depth: int
    ) -> None:
        if depth > DEEPEST:
            raise Unreadable("It is nested too deeply.", "large")
        for child in parent:
            name = local_name(child)
            if name == "r":
                self._run(child, words, anchored, link, size, depth)
            elif name == "hyperlink":
                self._runs(child, words, anchored, self.targets.get(_value(child, "id"), ""), size, depth + 1)
            elif name and name not in SKIPPED:
                self._runs(child, words, anchored, link, size, depth + 1)

    def _run(self, run: etree._Element, words: Runs, anchored: list[Piece], link: str, size: float, depth: int) -> None:
        marks, own = _letters(run)
        for child in run:
            name = local_name(child)
            if name == "t":
                words.add(child.text or "", marks, link, own or size)
            elif name == "br" and _value(child, "type") == "page":
                continue
            elif name in SPACES:
                words.add(SPACES[name], marks, link, own or size)
            elif name == "footnoteReference" and _value(child, "id") in self.footnotes:
                note = self.footnotes[_value(child, "id")]
                paras = [piece for piece in self.blocks(note, depth + 1) if isinstance(piece, Para)]
                self.notes.append("<br/>".join(para.html for para in paras))
                words.add(f"{len(self.notes)})", frozenset({"sup"}))
            elif name in ("drawing", "pict", "object", "AlternateContent"):
                self._drawing(child, anchored, depth)

    def _drawing(self, drawing: etree._Element, anchored: list[Piece], depth: int) -> None:
        """Pictures, and the texts of frames as tables of one cell."""
        alt = next((_value(part, "descr") for part in drawing.iter("{*}docPr") if _value(part, "descr")), "")
        for image in drawing.iter("{*}blip", "{*}imagedata"):
            target = self.targets.get(_value(image, "embed") or _value(image, "id"), "")
            part = normpath(join("word", target)).lstrip("/") if not target.startswith("/") else target.lstrip("/")
            if part in self.package.names and (name := self.album.add(self.package.read(part))):
                anchored.append(Shot(name, escape(" ".join(alt.split()))))
        for text in drawing.iter("{*}txbxContent"):
            if not any(local_name(above) in ("Fallback", "txbxContent") for above in text.iterancestors()):
                anchored.append(Grid([[Box(self.blocks(text, depth + 1))]]))

    def _table(self, table: etree._Element, depth: int) -> Grid:
        rows: list[list[Box]] = []
        above: dict[int, Box] = {}  # column -> the cell that a vertical span may continue
        for row in table.iter("{*}tr"):
            if next(row.iterancestors("{*}tbl"), None) is not table:
                continue
            head = next(row.iter("{*}tblHeader"), None) is not None
            boxes: list[Box] = []
            column = 0
            for cell in row.iter("{*}tc"):
                if next(cell.iterancestors("{*}tr"), None) is not row:
                    continue
                span = _of_cell(cell, "gridSpan")
                width = min(int(span), 200) if re.fullmatch(r"[1-9]\d{0,5}", span) else 1
                merge = next((part for part in _shape(cell, "tcPr") if local_name(part) == "vMerge"), None)
                if merge is not None and _value(merge, "val") != "restart" and column in above:
                    above[column].rows += 1
                else:
                    above[column] = Box(self.blocks(cell, depth), width, 1, head)
                    boxes.append(above[column])
                column += width
            rows.append(boxes)
        return Grid(rows)


def _parts(package: Package, name: str, tag: str) -> Iterator[etree._Element]:
    tree = package.optional(name)
    return iter(()) if tree is None else tree.iter(f"{{*}}{tag}")


def _value(element: etree._Element, name: str) -> str:
    """An attribute by its name without namespace."""
    return next((str(value) for key, value in element.items() if etree.QName(key).localname == name), "")


def _shape(element: etree._Element, name: str = "pPr") -> list[etree._Element]:
    """The properties of a paragraph or cell."""
    return [part for child in element if local_name(child) == name for part in child]


def _of(element: etree._Element, name: str) -> str:
    """The value of a property of a paragraph, or of a child."""
    parts = [*element, *_shape(element)]
    return next((_value(part, "val") for part in parts if local_name(part) == name), "")


def _of_child(element: etree._Element, name: str) -> str:
    return next((_value(child, "val") for child in element if local_name(child) == name), "")


def _of_cell(cell: etree._Element, name: str) -> str:
    return next((_value(part, "val") for part in _shape(cell, "tcPr") if local_name(part) == name), "")


def _size(element: etree._Element) -> float:
    """The size of letters in points; 0 if it is not given. The file has half points."""
    value = next((_value(part, "val") for part in element.iter("{*}sz")), "")
    return int(value) / 2 if re.fullmatch(r"\d{1,4}", value) else 0.0


def _letters(run: etree._Element) -> tuple[frozenset[str], float]:
    marks = set()
    for part in _shape(run, "rPr"):
        name, value = local_name(part), _value(part, "val")
        if name in ("b", "i") and value not in OFF:
            marks.add({"b": "strong", "i": "em"}[name])
        elif name == "vertAlign" and value in ("superscript", "subscript"):
            marks.add(value[:3])
    return frozenset(marks), max((_size(child) for child in run if local_name(child) == "rPr"), default=0.0)


def _ordered(package: Package) -> set[tuple[str, str]]:
    """(numId, level) of lists with numbers."""
    tree = package.optional("word/numbering.xml")
    if tree is None:
        return set()
    levels = {
        (_value(abstract, "abstractNumId"), _value(level, "ilvl"))
        for abstract in tree.iter("{*}abstractNum")
        for level in abstract.iter("{*}lvl")
        if _of_child(level, "numFmt") not in ("bullet", "none", "")
    }
    numbers = {_value(number, "numId"): _of_child(number, "abstractNumId") for number in tree.iter("{*}num")}
    return {(number, level) for number, abstract in numbers.items() for known, level in levels if known == abstract}
