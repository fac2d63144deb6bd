"""A document in the form that the readers give it: paragraphs, tables and pictures in reading order, with what shows their role.

The readers `layout_*` make it, `form` recognises the parts of a press release in it, and `markup` writes the rest as HTML.
"""

from __future__ import annotations

from html import escape

from msgspec import Struct


class Para(Struct):
    """A paragraph."""

    text: str  # plain text; a line break within it is "\n"
    html: str  # the same as HTML inline content
    size: float = 0.0  # of its largest letters, in points; 0: not known
    bold: bool = False  # as a whole
    centred: bool = False
    style: str = ""  # the name of its style
    heading: int = 0  # level from 1; 0: it is no heading
    item: str = ""  # "ul" or "ol" for an item of a list
    level: int = 0  # of the item, from 0
    breaks: bool = False  # it begins a page


class Box(Struct):
    """A cell of a table."""

    parts: list[Para | Grid | Shot]
    columns: int = 1  # columns that it spans
    rows: int = 1  # rows that it spans
    head: bool = False  # it names a row or column

    @property
    def text(self) -> str:
        """Its words; paragraphs and rows are lines."""
        return "\n".join(filter(None, (plain_of(part) for part in self.parts)))


class Grid(Struct):
    """A table, or a frame with text, which is a table of one cell."""

    rows: list[list[Box]]
    caption: str = ""

    @property
    def text(self) -> str:
        return "\n".join(filter(None, (box.text for row in self.rows for box in row)))


class Shot(Struct):
    """A picture that was saved."""

    name: str  # of the file among the pictures
    alt: str = ""
    caption: str = ""


Piece = Para | Grid | Shot


class Layout(Struct):
    """A document."""

    pieces: list[Piece]
    notes: list[str]  # footnotes as HTML inline content, in the order of their marks
    warnings: list[str]  # keys


def plain_of(piece: Piece) -> str:
    """The words of a piece; a picture has none."""
    return "" if isinstance(piece, Shot) else piece.text


def weight_of(piece: Piece) -> int:
    """How many paragraphs, cells and rows a piece has, for limits."""
    if not isinstance(piece, Grid):
        return 1
    return 1 + sum(1 + sum(1 + sum(map(weight_of, box.parts)) for box in row) for row in piece.rows)


# The inline content of paragraphs, as plain text and as HTML of the elements that our own dialect has.

LINKED = ("http://", "https://", "mailto:", "tel:")
MARKS = ("strong", "em", "u", "s", "sub", "sup")  # in the order in which they are nested
WRITTEN = {"strong", "em", "sub", "sup"}  # underlines and strokes are left out: our dialect has no element for them


class Runs:
    """The text of one paragraph, run by run."""

    def __init__(self) -> None:
        self.runs: list[tuple[str, frozenset[str], str, float]] = []  # text, marks, link, size in points

    def add(self, text: str, marks: frozenset[str] = frozenset(), link: str = "", size: float = 0.0) -> None:
        """Append a run; runs that look the same become one."""
        marks = marks & WRITTEN
        link = link if link.lower().startswith(LINKED) else ""
        if not text:
            return
        if self.runs and self.runs[-1][1:] == (marks, link, size):
            text = self.runs.pop()[0] + text
        self.runs.append((text, marks, link, size))

    def para(self, **shape: object) -> Para:
        """The paragraph. A paragraph that is bold as a whole has no emphasis."""
        runs = _trimmed(self.runs)
        shown = [run for run in runs if run[0].strip()]
        bold = bool(shown) and all("strong" in marks for _, marks, _, _ in shown)
        text = "".join(text for text, *_ in runs)
        html = "".join(_html(text, marks - {"strong"} if bold else marks, link) for text, marks, link, _ in runs)
        size = max((size for _, _, _, size in shown), default=0.0)
        para = Para(text, html, size, bold)
        for name, value in shape.items():
            setattr(para, name, value)
        return para


def _trimmed(runs: list[tuple[str, frozenset[str], str, float]]) -> list[tuple[str, frozenset[str], str, float]]:
    """The runs without white space at the beginning and the end of the paragraph, and with single spaces."""
    out: list[tuple[str, frozenset[str], str, float]] = []
    before = "\n"  # the last character
    for text, marks, link, size in runs:
        lines = [" ".join(line.split(" ")) for line in text.replace("\t", " ").replace("\r", "").split("\n")]
        kept = ""
        for number, line in enumerate(lines):
            if number:
                kept = kept.rstrip(" ") + "\n"
                before = "\n"
            for char in line:
                if char in " \u3000" and before in " \n\u3000":
                    continue
                kept += char
                before = char
        if kept:
            out.append((kept, marks, link, size))
    while out:
        last = out[-1][0].rstrip()
        if last:
            out[-1] = (last, *out[-1][1:])
            break
        out.pop()
    return out


def _html(text: str, marks: frozenset[str], link: str) -> str:
    html = escape(text, quote=False).replace("\n", "<br/>")
    for mark in reversed([mark for mark in MARKS if mark in marks]):
        html = f"<{mark}>{html}</{mark}>"
    return f'<a href="{escape(link)}">{html}</a>' if link else html


def plain_para(text: str, **shape: object) -> Para:
    """A paragraph of plain text."""
    words = Runs()
    words.add(text)
    return words.para(**shape)
