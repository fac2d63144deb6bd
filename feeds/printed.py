"""An article as a printed press release: the parts of the usual Korean form in their order, for HWPX and PDF.

The body becomes a flat series of texts, tables and pictures; tables are complete grids, as both formats need them.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from urllib.parse import unquote

from lxml import etree
from msgspec import Struct

from feeds.article import KOREA, Article, Contact, Enclosure, parsed, rights_of

WEEKDAYS = "월화수목금토일"
KINDS = {
    "press-release": {"ko": "보도자료", "en": "PRESS RELEASE"},
    "reference": {"ko": "보도참고자료", "en": "REFERENCE FOR THE PRESS"},
    "explanation": {"ko": "보도설명자료", "en": "STATEMENT ON A REPORT"},
}
LABELS = {
    "embargo": {"ko": "보도시점", "en": "Embargo"},
    "at-once": {"ko": "배포 즉시", "en": "For immediate release"},
    "issued": {"ko": "배포", "en": "Issued"},
    "attachments": {"ko": "붙임", "en": "Attachments"},
    "department": {"ko": "담당 부서", "en": "Department"},
    "role": {"ko": "직위", "en": "Position"},
    "name": {"ko": "이름", "en": "Name"},
    "phone": {"ko": "전화", "en": "Phone"},
    "email": {"ko": "전자우편", "en": "E-mail"},
    "keywords": {"ko": "핵심어", "en": "Keywords"},
    "note": {"ko": "편집자 참고", "en": "Editor's note"},
    "licence": {"ko": "이용 조건", "en": "Licence"},
    "page": {"ko": "이 보도자료의 주소", "en": "Address of this release"},
    "picture": {"ko": "사진", "en": "Picture"},
    "cut": {
        "ko": "이하 생략. 전문은 이 보도자료의 주소에 있습니다.",
        "en": "Cut here. The address of this release has the whole text.",
    },
    "number": {"ko": "{} 제{}판", "en": "{} version {}"},
}
CONTACT_FIELDS = ("department", "role", "name", "phone", "email")
HEADINGS = {"h2": 1, "h3": 2, "h4": 3, "h5": 3, "h6": 3}
MARKS = {"strong": "bold", "b": "bold", "em": "italic", "i": "italic", "cite": "italic", "sup": "sup", "sub": "sub"}
TABLE_PARTS = {"thead", "tbody", "tfoot", "tr"}
MOST_COLUMNS = 40  # a wider table is printed as lines
MOST_SPAN = 1_000
MOST_FILES = 300


class PrintedRun(Struct, frozen=True, omit_defaults=True):
    """Letters that look the same."""

    text: str  # a line break is "\n"
    bold: bool = False
    italic: bool = False
    script: str = ""  # "sup" or "sub"
    link: str = ""


class PrintedText(Struct, frozen=True, tag="text"):
    """A paragraph, a heading or an item of a list."""

    runs: tuple[PrintedRun, ...]
    heading: int = 0  # 1 to 3; 0: none
    item: str = ""  # "ul" or "ol"
    level: int = 0  # of the item, from 0
    number: int = 0  # of an item of "ol"
    series: int = 0  # the number of the list of an item, from 1
    quote: bool = False


class PrintedCell(Struct, frozen=True):
    """A cell, at its place in the grid."""

    blocks: tuple["PrintedBlock", ...]
    column: int
    columns: int = 1
    rows: int = 1
    head: bool = False


class PrintedTable(Struct, frozen=True, tag="table"):
    """A table: a complete grid without gaps and overlaps."""

    columns: int
    rows: tuple[tuple[PrintedCell, ...], ...]
    caption: tuple[PrintedRun, ...] = ()


class PrintedPicture(Struct, frozen=True, tag="picture"):
    """A picture, by reference."""

    url: str
    words: str  # its caption or its description


class Most(Struct, frozen=True):
    """How much of a text a format prints."""

    letters: int
    parts: int  # paragraphs, runs, cells and rows


PrintedBlock = PrintedText | PrintedTable | PrintedPicture


class Printed(Struct, frozen=True):
    """A press release, ready to be laid out."""

    lang: str
    kind: str
    office: str
    times: tuple[tuple[str, str], ...]  # label and value
    headline: str
    subheadlines: tuple[str, ...]
    summary: str  # empty if the text begins with it
    blocks: tuple[PrintedBlock, ...]
    attachments_label: str
    attachments: tuple[tuple[str, str], ...]  # words and URL
    contact_labels: tuple[str, ...]
    contacts: tuple[tuple[str, ...], ...]
    keywords: tuple[str, str]
    notes: tuple[tuple[str, str, str], ...]  # label, words, link
    picture_label: str
    cut: str  # the sentence below a text that was cut because it is too long for the format; empty: it is whole
    published: datetime


def printed(article: Article, most: "Most") -> Printed:
    """The article as a press release. What `most` does not allow is cut off, and `cut` says so."""

    def label(key: str) -> str:
        return LABELS[key][lang]

    lang = "ko" if article.lang.split("-")[0].lower() == "ko" else "en"
    rights = rights_of(article)
    blocks, cut = blocks_of(article.body, most)
    notes = (
        (label("note"), article.note, ""),
        (label("licence"), rights, article.licence.uri),
        (label("page"), article.url, article.url),
    )
    return Printed(
        lang=article.lang,
        kind=KINDS[article.kind][lang],
        office=article.office.name,
        times=((label("embargo"), _embargo(article, lang)), (label("issued"), day_and_time(article.issued, lang))),
        headline=article.headline,
        subheadlines=article.subheadlines,
        summary="" if _same_start(article) else article.summary,
        blocks=blocks,
        attachments_label=label("attachments"),
        attachments=tuple((_file(file), file.url) for file in article.enclosures[:MOST_FILES]),
        contact_labels=tuple(label(field) for field in CONTACT_FIELDS),
        contacts=tuple(
            tuple(getattr(contact, field) for field in CONTACT_FIELDS)
            for contact in article.contacts
            if contact != Contact()
        ),
        keywords=(label("keywords"), ", ".join(term.code for term in article.keywords)),
        notes=tuple(note for note in notes if note[1]),
        picture_label=label("picture"),
        cut=label("cut") if cut else "",
        published=article.updated,
    )


def day_and_time(instant: datetime, lang: str) -> str:
    """An instant as press releases write it: "2021. 3. 9.(화) 14:00" in Korea's time; in other languages in UTC."""
    if lang != "ko":
        return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    local = instant.astimezone(KOREA)
    return f"{local.year}. {local.month}. {local.day}.({WEEKDAYS[local.weekday()]}) {local:%H:%M}"


def _embargo(article: Article, lang: str) -> str:
    if article.embargo_wording:
        return article.embargo_wording
    return day_and_time(article.embargoed, lang) if article.embargoed else LABELS["at-once"][lang]


def _same_start(article: Article) -> bool:
    """Whether the text begins with the summary, which then need not be printed twice."""
    start = " ".join(article.summary.split()).rstrip("…. ")
    return " ".join(article.text[: 3 * len(start) + 100].split()).startswith(start)


def _file(file: Enclosure) -> str:
    name = unquote(file.url.rpartition("/")[2])
    return file.caption or (name if name.isprintable() else "") or file.url


def blocks_of(xhtml: str, most: Most) -> tuple[tuple[PrintedBlock, ...], bool]:
    """(the texts, tables and pictures of a well-formed fragment without namespace, whether some were cut off)."""
    room = _Room(most.letters, most.parts)
    walker = _Walker(room)
    try:
        walker.blocks(parsed(f"<div>{xhtml}</div>".encode()))
    except _Full:
        return tuple(walker.found), True
    return tuple(walker.found), False


class _Full(Exception):
    """The limit is reached: nothing more may be printed."""


class _Room:
    """What may still be printed of a text, and the numbers of its lists; shared with the cells of its tables. Each run and each
    line counts as one part."""

    def __init__(self, letters: int, parts: int) -> None:
        self.letters, self.parts = letters, parts
        self.lists = count(1)

    def take(self, letters: int, parts: int) -> None:
        """Raises _Full."""
        self.letters -= letters
        self.parts -= parts
        if self.letters < 0 or self.parts < 0:
            raise _Full

    def fitting(self, runs: tuple[PrintedRun, ...]) -> tuple[PrintedRun, ...]:
        """The first runs, the last of them shortened, as far as there is room."""
        found: list[PrintedRun] = []
        letters, parts = self.letters, self.parts
        for run in runs:
            if letters <= 0 or parts <= 0:
                break
            lines = run.text[:letters].split("\n", parts)[:parts]
            found.append(PrintedRun("\n".join(lines), *_look(run)))
            letters -= len(run.text)
            parts -= len(lines)
        return tuple(found)


PLAIN = PrintedText(())
WIDE = PrintedCell((), MOST_COLUMNS + 1)  # of a table that is printed as lines
DEEPEST = 4  # tables in each other


class _Walker:
    """Collects the blocks of a fragment."""

    def __init__(self, room: _Room, depth: int = 0) -> None:
        self.found: list[PrintedBlock] = []
        self.room = room
        self.depth = depth  # tables around it

    def add(self, block: PrintedBlock) -> None:
        """Raises _Full. If a text does not fit, its beginning is kept."""
        if isinstance(block, PrintedText):
            runs = self.room.fitting(block.runs)
            if runs:
                self.found.append(_shaped(block, runs))
            lines = sum(run.text.count("\n") for run in block.runs)
            self.room.take(sum(len(run.text) for run in block.runs), len(block.runs) + lines + 1)
        else:
            self.found.append(block)
            self.room.take(0, 1)

    def blocks(self, element: etree._Element, shape: PrintedText = PLAIN) -> None:
        """Add the content of an element. `shape`: how its first text looks, such as an item of a list."""
        runs: list[PrintedRun] = []
        pictures: list[PrintedPicture] = []
        level = shape.level + 1 if shape.item else 0  # of the lists in it

        def flush() -> None:
            nonlocal shape
            trimmed = _trimmed(runs)
            if trimmed:
                self.add(_shaped(shape, trimmed))
                shape = PrintedText((), quote=shape.quote)
            for picture in pictures:
                self.add(picture)
            runs.clear()
            pictures.clear()

        _add(runs, element.text, {}, "")
        for child in element:
            if child.tag in _BLOCK_TAGS:
                flush()
                before = len(self.found)
                self._block(child, shape, level)
                if len(self.found) > before:
                    shape = PrintedText((), quote=shape.quote)
            else:
                _inline(child, runs, pictures, {}, "")
            _add(runs, child.tail, {}, "")
        flush()

    def _block(self, element: etree._Element, shape: PrintedText, level: int = 0) -> None:
        tag = element.tag
        if tag in ("ul", "ol"):
            self._list(element, level)
        elif tag == "table":
            self._table(element)
        elif tag == "figure":
            self._figure(element)
        elif tag in HEADINGS:
            self.blocks(element, PrintedText((), heading=HEADINGS[tag]))
        elif tag == "blockquote":
            self.blocks(element, PrintedText((), quote=True))
        elif tag == "pre":
            self.add(PrintedText((PrintedRun("".join(element.itertext()).strip("\n")),)))
        else:
            self.blocks(element, shape)

    def _list(self, element: etree._Element, level: int) -> None:
        series = next(self.room.lists)
        start = element.get("start", "1")
        number = int(start) if re.fullmatch(r"\d{1,6}", start) else 1
        self._loose(element.text)
        for item in element:
            if item.tag == "li":
                self.blocks(item, PrintedText((), item=str(element.tag), level=level, number=number, series=series))
                number += 1
            else:
                self.blocks(item)
            self._loose(item.tail)

    def _loose(self, text: str | None) -> None:
        """Add words that stand between the items of a list."""
        if text and text.strip():
            self.add(PrintedText((PrintedRun(" ".join(text.split())),)))

    def _figure(self, element: etree._Element) -> None:
        if next(element.iter("img"), None) is None:
            self.blocks(element)
            return
        caption = element.find("figcaption")
        words = "" if caption is None else " ".join("".join(caption.itertext()).split())
        for number, image in enumerate(element.iter("img")):
            self.add(PrintedPicture(image.get("src", ""), words if number == 0 and words else image.get("alt", "")))

    def _table(self, element: etree._Element) -> None:
        rows = [row for row in element.iter("tr") if next(row.iterancestors("table"), None) is element]
        caption: list[PrintedRun] = []
        title = element.find("caption")
        if title is not None:
            _inline_of(title, caption)
        cells = [[cell for cell in row if cell.tag in ("td", "th")] for row in rows]
        grid = _placed(cells, self.room, self.depth + 1) if self.depth < DEEPEST else [[WIDE]]
        columns = max((cell.column + cell.columns for row in grid for cell in row), default=0)
        if columns > MOST_COLUMNS:
            for row in rows:
                words = " | ".join(" ".join("".join(cell.itertext()).split()) for cell in row)
                self.add(PrintedText((PrintedRun(words),)))
        elif columns:
            self.add(PrintedTable(columns, tuple(map(tuple, _filled(grid, columns))), _trimmed(caption)))
        if len(grid) < len(rows) and columns <= MOST_COLUMNS:
            raise _Full


def _placed(rows: list[list[etree._Element]], room: _Room, depth: int) -> list[list[PrintedCell]]:
    """The cells at the columns where HTML puts them, of as many rows as there is room for. A span that reaches out of the table, or
    into another cell, is cut."""
    taken: set[tuple[int, int]] = set()
    placed: list[list[PrintedCell]] = []
    try:
        for number, row in enumerate(rows):
            placed.append(_row(row, number, len(rows), taken, room, depth))
    except _Full:
        pass
    return [
        [
            PrintedCell(cell.blocks, cell.column, cell.columns, min(cell.rows, len(placed) - number), cell.head)
            for cell in row
        ]
        for number, row in enumerate(placed)
    ]


def _row(
    row: list[etree._Element], number: int, count_of_rows: int, taken: set[tuple[int, int]], room: _Room, depth: int
) -> list[PrintedCell]:
    """The cells of a row. Adds their places to `taken`. Raises _Full."""
    cells: list[PrintedCell] = []
    column = 0
    for element in row:
        while (number, column) in taken:
            column += 1
        width = _span(element, "colspan", MOST_COLUMNS + 1)
        while width > 1 and any((number, column + more) in taken for more in range(1, width)):
            width -= 1
        height = min(_span(element, "rowspan", MOST_SPAN), count_of_rows - number)
        room.take(0, width * height)
        taken |= {(number + down, column + right) for down in range(height) for right in range(width)}
        inside = _Walker(room, depth)
        inside.blocks(element)
        cells.append(PrintedCell(tuple(inside.found), column, width, height, element.tag == "th"))
        column += width
    return cells


def _filled(grid: list[list[PrintedCell]], columns: int) -> Iterator[list[PrintedCell]]:
    """The rows, with empty cells in the gaps."""
    taken: set[tuple[int, int]] = set()
    for number, row in enumerate(grid):
        for cell in row:
            taken |= {
                (number + down, cell.column + right) for down in range(cell.rows) for right in range(cell.columns)
            }
        empty = [PrintedCell((), column) for column in range(columns) if (number, column) not in taken]
        yield sorted([*row, *empty], key=lambda cell: cell.column)


def _span(element: etree._Element, name: str, most: int) -> int:
    value = element.get(name, "1")
    return min(int(value), most) if re.fullmatch(r"[1-9]\d{0,5}", value) else 1


def _inline_of(element: etree._Element, runs: list[PrintedRun]) -> None:
    _add(runs, element.text, {}, "")
    for child in element:
        _inline(child, runs, [], {}, "")
        _add(runs, child.tail, {}, "")


def _inline(
    element: etree._Element, runs: list[PrintedRun], pictures: list[PrintedPicture], marks: dict[str, bool], link: str
) -> None:
    tag = element.tag
    if tag == "br":
        runs.append(PrintedRun("\n"))
    elif tag == "img":
        pictures.append(PrintedPicture(element.get("src", ""), element.get("alt", "")))
    else:
        marks = marks | {MARKS[tag]: True} if tag in MARKS else marks
        link = element.get("href", "") if tag == "a" else link
        quotes = ("“", "”") if tag == "q" else ("", "")
        _add(runs, quotes[0] + (element.text or ""), marks, link)
        for child in element:
            _inline(child, runs, pictures, marks, link)
            _add(runs, child.tail, marks, link)
        _add(runs, quotes[1], marks, link)


def _add(runs: list[PrintedRun], text: str | None, marks: dict[str, bool], link: str) -> None:
    if text:
        script = "sup" if marks.get("sup") else "sub" if marks.get("sub") else ""
        words = re.sub(r"[ \t\r\n]+", " ", text)
        runs.append(PrintedRun(words, marks.get("bold", False), marks.get("italic", False), script, link))


def _trimmed(runs: list[PrintedRun]) -> tuple[PrintedRun, ...]:
    """The runs with single spaces, without any at the ends; runs that look the same become one."""
    texts: list[
        list[str]
    ] = []  # the pieces of each run; joined once, because a body may have a hundred thousand pieces
    looks: list[tuple[bool, bool, str, str]] = []
    for run in runs:
        text = run.text
        before = texts[-1][-1][-1:] if texts else "\n"
        if before in (" ", "\n"):
            text = text.lstrip(" ")
        if text == "\n" and texts:
            texts[-1][-1] = texts[-1][-1].rstrip(" ")
        if texts and (looks[-1] == _look(run) or text == "\n") and text:
            texts[-1].append(text)
        elif text.strip(" \n") or (texts and text.strip("\n")):
            texts.append([text])
            looks.append(_look(run))
    out = [PrintedRun("".join(pieces), *look) for pieces, look in zip(texts, looks, strict=True)]
    while out and not out[-1].text.strip():
        out.pop()
    if out:
        out[-1] = PrintedRun(out[-1].text.rstrip(), *_look(out[-1]))
    return tuple(out)


def _look(run: PrintedRun) -> tuple[bool, bool, str, str]:
    return run.bold, run.italic, run.script, run.link


def _shaped(shape: PrintedText, runs: tuple[PrintedRun, ...]) -> PrintedText:
    return PrintedText(runs, shape.heading, shape.item, shape.level, shape.number, shape.series, shape.quote)


_BLOCK_TAGS = {
    *(
        "p",
        "div",
        "ul",
        "ol",
        "li",
        "dl",
        "dt",
        "dd",
        "table",
        "blockquote",
        "figure",
        "figcaption",
        "pre",
        "hr",
        "caption",
    ),
    *TABLE_PARTS,
    *HEADINGS,
}
