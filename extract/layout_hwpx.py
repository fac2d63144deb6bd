"""Lays out HWPX (KS X 6101, OWPML): paragraphs with their shapes, lists, tables, frames, pictures, links and footnotes."""

import re
import zipfile
from html import escape
from pathlib import Path
from typing import IO

from lxml import etree
from msgspec import Struct

from extract import MOST_INFLATED, Unreadable
from extract.hwpx import NOT_TEXT, SPACES, sections
from extract.layout import Box, Grid, Layout, Para, Piece, Runs, Shot
from extract.package import BROKEN, Package, local_name
from extract.pictures import Album

HEADER, MANIFEST = "Contents/header.xml", "Contents/content.hpf"
FRAMES = {"rect", "ellipse", "container", "textart", "polygon"}
NOTES = {"footNote", "endNote"}
DEEPEST = 60  # tables and frames in each other
PLAIN: frozenset[str] = frozenset()


class Glyphs(Struct, frozen=True):
    """How letters look."""

    size: float = 0.0
    marks: frozenset[str] = PLAIN


class Shape(Struct, frozen=True):
    """How a paragraph looks."""

    centred: bool = False
    heading: int = 0
    item: str = ""
    level: int = 0


def lay_out(file: IO[bytes], pictures: Path) -> tuple[Layout, Album]:
    """The document, with its pictures saved in a directory. Raises Unreadable."""
    try:
        with zipfile.ZipFile(file) as archive:
            package = Package(archive)
            reader = _Reader(package, Album(pictures, MOST_INFLATED))
            pieces: list[Piece] = []
            for name in sections(package):
                pieces += reader.blocks(package.tree(name), 0)
            return Layout(pieces, reader.notes, reader.warnings), reader.album
    except BROKEN as error:
        raise Unreadable(f"It is not a complete HWPX file ({type(error).__name__}).") from None


class _Reader:
    """One document."""

    def __init__(self, package: Package, album: Album) -> None:
        self.package, self.album = package, album
        self.notes: list[str] = []
        self.warnings: list[str] = []
        header = package.optional(HEADER)
        self.glyphs: dict[str, Glyphs] = {}
        self.shapes: dict[str, Shape] = {}
        self.styles: dict[str, tuple[str, str, str]] = {}  # id -> name, its paragraph shape, its letters
        if header is not None:
            self._header(header)
        self.files = self._manifest()

    def _header(self, header: etree._Element) -> None:
        for element in header.iter("{*}charPr", "{*}paraPr", "{*}style"):
            id, kind = element.get("id", ""), local_name(element)
            if kind == "charPr":
                self.glyphs[id] = _glyphs(element)
            elif kind == "paraPr":
                self.shapes[id] = _shape(element)
            elif element.get("type", "PARA") == "PARA":
                name = element.get("name", "") or element.get("engName", "")
                self.styles[id] = (name, element.get("paraPrIDRef", ""), element.get("charPrIDRef", ""))

    def _manifest(self) -> dict[str, str]:
        """Id of a picture -> its part."""
        manifest = self.package.optional(MANIFEST)
        items = () if manifest is None else manifest.iter("{*}item")
        return {item.get("id", ""): item.get("href", "") for item in items if item.get("isEmbeded") != "0"}

    def blocks(self, element: etree._Element, depth: int) -> list[Piece]:
        """The pieces below an element. Raises Unreadable."""
        if depth > DEEPEST:
            raise Unreadable("Its tables are nested too deeply.", "large")
        found: list[Piece] = []
        for child in element:
            name = local_name(child)
            if name == "p":
                found += self._paragraph(child, depth)
            elif name and name not in NOT_TEXT:
                found += self.blocks(child, depth + 1)
        return found

    def _paragraph(self, paragraph: etree._Element, depth: int) -> list[Piece]:
        words = Runs()
        anchored: list[Piece] = []
        deleted, link = False, ""
        for run in paragraph:
            if local_name(run) != "run":
                continue
            glyphs = self.glyphs.get(run.get("charPrIDRef", ""), Glyphs())
            for child in run:
                name = local_name(child)
                if name == "t":
                    deleted = _text(child, words, glyphs, deleted, link)
                elif name == "tbl":
                    anchored.append(self._table(child, depth + 1))
                elif name == "pic":
                    anchored += self._picture(child)
                elif name == "ctrl":
                    link = self._control(child, words, anchored, link, depth)
                elif name in FRAMES:
                    anchored += self._frame(child, depth + 1)
                elif name == "equation":
                    script = next((part.text for part in child if local_name(part) == "script"), "") or ""
                    words.add(script, glyphs.marks, "", glyphs.size)
                    self._warn("equation")
                elif name and name not in NOT_TEXT:
                    anchored += self.blocks(child, depth + 1)
        return [*self._said(paragraph, words), *anchored]

    def _said(self, paragraph: etree._Element, words: Runs) -> list[Para]:
        style, shape_of, glyphs_of = self.styles.get(paragraph.get("styleIDRef", ""), ("", "", ""))
        shape = self.shapes.get(paragraph.get("paraPrIDRef", "") or shape_of, Shape())
        para = words.para(
            centred=shape.centred,
            style=style,
            heading=shape.heading,
            item=shape.item,
            level=shape.level,
            breaks=paragraph.get("pageBreak") == "1",
        )
        if not para.size:
            para.size = self.glyphs.get(glyphs_of, Glyphs()).size
        return [para] if para.text.strip() else []

    def _control(self, control: etree._Element, words: Runs, anchored: list[Piece], link: str, depth: int) -> str:
        """Read a control: a link begins or ends, or a note is anchored. Returns the link of what follows."""
        for child in control:
            name = local_name(child)
            if name == "fieldBegin" and child.get("type") == "HYPERLINK":
                link = _address(child)
            elif name == "fieldEnd":
                link = ""
            elif name in NOTES:
                paras = [piece for piece in self.blocks(child, depth + 1) if isinstance(piece, Para)]
                self.notes.append("<br/>".join(para.html for para in paras))
                words.add(f"{len(self.notes)})", frozenset({"sup"}))
            elif name and name not in NOT_TEXT:
                anchored += self.blocks(child, depth + 1)
        return link

    def _table(self, table: etree._Element, depth: int) -> Grid:
        rows: list[list[Box]] = []
        caption = ""
        for part in table:
            if local_name(part) == "tr":
                rows.append([self._cell(cell, depth) for cell in part if local_name(cell) == "tc"])
            elif local_name(part) == "caption":
                caption = _joined(self.blocks(part, depth))
        return Grid(rows, caption)

    def _cell(self, cell: etree._Element, depth: int) -> Box:
        span = next((child for child in cell if local_name(child) == "cellSpan"), None)
        columns, rows = (1, 1) if span is None else (_number(span, "colSpan"), _number(span, "rowSpan"))
        return Box(self.blocks(cell, depth), columns, rows, cell.get("header") == "1")

    def _frame(self, frame: etree._Element, depth: int) -> list[Piece]:
        """A drawing: its pictures, and its text as a table of one cell."""
        found = [shot for picture in frame.iter("{*}pic") for shot in self._picture(picture)]
        texts = [text for text in frame.iter("{*}drawText")]
        boxes = [Box(self.blocks(text, depth)) for text in texts if not _inside(text, frame)]
        return [*found, *(Grid([[box]]) for box in boxes if box.parts)]

    def _picture(self, picture: etree._Element) -> list[Piece]:
        image = next(picture.iter("{*}img"), None)
        part = self.files.get("" if image is None else image.get("binaryItemIDRef", ""), "")
        if part not in self.package.names:
            self._warn("picture-missing")
            return []
        name = self.album.add(self.package.read(part))
        captions = [piece for child in picture if local_name(child) == "caption" for piece in self.blocks(child, 1)]
        alt = next((child.text or "" for child in picture if local_name(child) == "shapeComment"), "").strip()
        return [Shot(name, escape(_described(alt)), _joined(captions))] if name else []

    def _warn(self, key: str) -> None:
        if key not in self.warnings:
            self.warnings.append(key)


def _text(element: etree._Element, words: Runs, glyphs: Glyphs, deleted: bool, link: str) -> bool:
    """Append the text of a `t` element; whether a tracked deletion is still open after it."""

    def add(text: str | None) -> None:
        if text and not deleted:
            words.add(text, glyphs.marks, link, glyphs.size)

    add(element.text)
    for child in element:
        name = local_name(child)
        if name in ("deleteBegin", "deleteEnd"):
            deleted = name == "deleteBegin"
        else:
            add(SPACES.get(name, ""))
        add(child.tail)
    return deleted


def _glyphs(element: etree._Element) -> Glyphs:
    marks = set()
    for child in element:
        name = local_name(child)
        if name == "bold":
            marks.add("strong")
        elif name == "italic":
            marks.add("em")
        elif name in ("subscript", "supscript"):
            marks.add(name[:3])
    height = element.get("height", "")
    return Glyphs(int(height) / 100 if re.fullmatch(r"\d{1,6}", height) else 0.0, frozenset(marks))


def _shape(element: etree._Element) -> Shape:
    align = next((child.get("horizontal", "") for child in element if local_name(child) == "align"), "")
    heading = next((child for child in element if local_name(child) == "heading"), None)
    kind = "" if heading is None else heading.get("type", "")
    level = 0 if heading is None else _number(heading, "level", 0)
    return Shape(
        align == "CENTER",
        level + 1 if kind == "OUTLINE" else 0,
        {"BULLET": "ul", "NUMBER": "ol"}.get(kind, ""),
        level if kind in ("BULLET", "NUMBER") else 0,
    )


def _address(field: etree._Element) -> str:
    """The address of a link: its parameter Path, or the beginning of its Command, in which a colon is written `\\:`."""
    found = {part.get("name", ""): part.text or "" for part in field.iter("{*}stringParam")}
    address = found.get("Path") or re.split(r"(?<!\\);", found.get("Command", ""))[0]
    return re.sub(r"\\(.)", r"\1", address).strip()


def _number(element: etree._Element, name: str, default: int = 1) -> int:
    value = element.get(name, "")
    return min(int(value), 200) if re.fullmatch(r"\d{1,6}", value) and int(value) >= default else default


def _inside(text: etree._Element, frame: etree._Element) -> bool:
    """Whether another text of the frame is around this one."""
    for above in text.iterancestors():
        if above is frame:
            return False
        if local_name(above) == "drawText":
            return True
    return False


def _joined(pieces: list[Piece]) -> str:
    return " ".join(piece.html for piece in pieces if isinstance(piece, Para)).replace("<br/>", " ")


def _described(alt: str) -> str:
    """The description of a picture; empty if the word processor wrote it: "그림입니다. 원본 그림의 이름: …"."""
    return "" if alt.startswith(("그림입니다", "사각형입니다")) else " ".join(alt.split())
