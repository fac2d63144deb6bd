"""Recognises the parts of a press release in a document, by its words, the sizes of its letters and the order of its pieces.

It follows what the forms of Korean ministries and municipalities have in common: a head with 보도자료, 보도시점 and 배포, the title
with its subtitles, the text with □, ○ and -, a table of contacts (담당 부서), and attachments (붙임). Nothing has a fixed place, and
nothing is dropped silently: what has no place in an article becomes "other".
"""

import re
from collections.abc import Sequence
from html import escape, unescape
from statistics import median

from msgspec.structs import replace

from extract import people
from extract.layout import Box, Grid, Layout, Para, Piece, Shot, plain_para
from extract.markup import html_of
from extract.people import plain_words
from extract.pictures import Album, Picture
from extract.recognised import LIKELY, SURE, UNSURE, Guess, Person, Recognised, Where

LABELS = {
    **dict.fromkeys(("제목", "보도자료제목", "title"), "headline"),
    **dict.fromkeys(("부제", "부제목", "소제목"), "subheadline"),
    **dict.fromkeys(("보도시점", "보도일시", "보도일", "보도가능시점", "보도유예", "엠바고", "embargo"), "embargo"),
    **dict.fromkeys(
        (
            "배포",
            "배포일시",
            "배포일",
            "배포일자",
            "배포시점",
            "작성일",
            "작성일자",
            "제공일",
            "제공일시",
            "제공일자",
            "발표일",
            "발표일시",
            "발표일자",
            "issued",
            "released",
        ),
        "issued",
    ),
    **dict.fromkeys(("키워드", "핵심어", "주제어", "해시태그", "keywords"), "keyword"),
    **dict.fromkeys(("요약", "핵심내용", "summary"), "summary"),
    **dict.fromkeys(("발표기관", "배포기관", "기관명", "제공기관"), "office"),
    **dict.fromkeys(("매수", "쪽수", "총매수", "사진", "사진자료", "참고자료", "보도자료번호", "배포번호"), "other"),
    **dict.fromkeys(("붙임", "별첨", "첨부", "첨부자료", "붙임자료"), "attachment"),
}
# A label at the start of a line or inside it, followed by its value.
IN_LINE = re.compile(
    r"(?:^|(?<=[\s|/(\[]))[\[(<【※▣■□◈]{0,3}+\s{0,5}+(보\s{0,5}+도\s{0,5}+(?:시\s{0,5}+점|일\s{0,5}+시|가\s{0,5}+능\s{0,5}+시\s{0,5}+점)"
    r"|배\s{0,5}+포(?!\s{0,5}즉시)\s{0,5}+(?:일\s{0,5}+시|일\s{0,5}+자|일|시\s{0,5}+점)?|엠\s{0,5}+바\s{0,5}+고|(?:부\s{0,5}+)?제\s{0,5}+목|작성일자?"
    r"|발표일[시자]?|제공일[시자]?|키워드|핵심어|주제어|keywords?|발표\s?기관|매\s{0,5}+수)\s{0,5}+[\])>】]{0,3}+"
    r"(?:\s{0,5}+[:：]\s{0,5}+|(?<=[\s\])>】])(?=['‘’]?\d|즉시|조간|석간|배포))",
    re.IGNORECASE,
)
MASTHEAD = {
    **dict.fromkeys(("보도자료", "언론보도자료", "보도자료입니다", "pressrelease", "newsrelease"), "press-release"),
    "statementonareport": "explanation",
    "referenceforthepress": "reference",
    **dict.fromkeys(("보도참고자료", "보도참고", "참고자료"), "reference"),
    **dict.fromkeys(("보도설명자료", "보도해명자료", "해명자료", "설명자료", "보도설명"), "explanation"),
}
OFFICE = re.compile(r"[가-힣]{2,14}(?:도|시|군|구|부|처|청|원|위원회|공사|공단|교육청|특별자치도|광역시|특별시)")
TITLES = ("제목", "title", "큰제목", "머리제목", "보도자료제목")
BODIES = ("본문", "body", "body text", "normal (web)")
SUBTITLES = ("부제", "부제목", "subtitle", "소제목")
DASHES = "-–—―‐‑−"
SUBMARKED = re.compile(rf"[{DASHES}◈◇▷▶*·•<〈「《\[]")
BODY_MARK = re.compile(r"[□■◇◆○●◦ㅇ❍◎▢❏￭▲△]")
CAPTION = re.compile(r"[▲△▶◀▼▽]|[<\[〈(【]?(?:사진|그림)\s{0,3}\d{0,3}\s{0,3}[\]>〉):：】.]|\(?사진\s{0,3}[=:：]")
ATTACHED = re.compile(
    r"[<\[(〈【※■□▣]{0,3}\s{0,3}(?:붙\s{0,5}임|별\s{0,5}첨|첨\s{0,5}부|Attachments?)(?:\s{0,3}자료)?\s{0,3}(?P<number>\d{0,2})\s{0,3}[\])>〉】]{0,3}"
    r"\s{0,3}[:：.]?\s{0,5}(?P<words>.*)",
    re.DOTALL,
)
NUMBERED = re.compile(r"(?:\d{1,2}\s?[.)]|[-·•]|[①-⑳])\s{0,5}(?P<words>\S.*)", re.DOTALL)
COPIES = re.compile(r"(?:\s각?\s?\d{1,4}\s?[부매]\s?\.?)?(?:\s?끝\s?\.?)?$")
ABOUT = re.compile(r"\W{0,5}이\s?보도\s?(?:참고|설명)?\s?자료[와에는의를]")
INQUIRY = re.compile(r"취재를?\s?원하")
# What a release says about itself below its text: "※ 이용 조건: …".
NOTE = re.compile(r"※\s?(?P<label>[^:：]{1,40})[:：]\s?(?P<words>.*)", re.DOTALL)
NOTES = {"편집자참고": "note", "편집자주": "note", "editor'snote": "note", "이용조건": "licence", "licence": "licence"}
ADDRESS = re.compile(r'href="([^"]{1,2000})"')
LICENCE = re.compile(r"공공누리|KOGL", re.IGNORECASE)
LICENCE_TYPE = re.compile(r"([0-4])\s?유형|type\s?([0-4])", re.IGNORECASE)
HASHTAGS = re.compile(r"(?:#[^\s#,]{1,40}+[\s,]{0,5}+){1,30}+")
LONGEST_HEADLINE, LONGEST_LINE = 200, 120  # characters
LARGE = 1.2  # a title's letters are at least so many times as large as those of the text
MOST_SCANNED = 5_000  # characters of a paragraph that are searched for labels


class _Form:
    """The state while one document is read, from the first piece to the last."""

    def __init__(self, layout: Layout, pictures: Album) -> None:
        self.layout, self.album = layout, pictures
        self.parts: dict[str, list[Guess]] = {}
        self.people: list[Person] = []
        self.body: list[Piece] = []
        self.captions: dict[str, str] = {}  # name of a picture -> its caption
        self.text_size = _usual_size(layout.pieces)
        self.started = False  # the text of the release has begun
        self.pending = ""  # the field whose label stood alone in the paragraph before
        self.listing = False  # the paragraphs are items of the list of attachments
        self.contacts: list[str] | None = None  # paragraphs after a label of contacts
        self.headline_size = 0.0
        self.tables = self.paragraphs = 0
        self.title = self._largest()
        self.above = self._last_label()
        self.at = 0

    def read(self) -> Recognised:
        pieces = self.layout.pieces
        for at, piece in enumerate(pieces):
            self.at = at
            if isinstance(piece, Grid):
                self.tables += 1
                self._grid(piece, pieces[at + 1 :])
            elif isinstance(piece, Shot):
                self._shot(piece)
            else:
                self.paragraphs += 1
                self._para(piece, at, pieces)
        self._flush_contacts()
        return self._result()

    # Places and values

    def _add(self, part: str, value: str, sure: str, where: Where) -> None:
        value = value.strip()
        if value and len(self.parts.setdefault(part, [])) < 500:
            self.parts[part].append(Guess(value, sure, where))

    def _here(self) -> Where:
        return Where("paragraph", self.paragraphs)

    def _has(self, part: str) -> bool:
        return bool(self.parts.get(part))

    def _largest(self) -> float:
        """The size of the title: the largest letters before the text, if they are larger than those of the text."""
        sizes = [0.0]
        for piece in self.layout.pieces:
            if isinstance(piece, Para) and (BODY_MARK.match(piece.text.lstrip()) or len(piece.text) > LONGEST_HEADLINE):
                break
            for para in _paras(piece):
                if (
                    plain_words(para.text) not in MASTHEAD
                    and len(plain_words(para.text)) > 7
                    and not OFFICE.fullmatch(plain_words(para.text))
                ):
                    sizes.append(para.size)
        return max(sizes) if max(sizes) >= self.text_size * LARGE else 0.0

    def _last_label(self) -> int:
        """The index of the last piece of the head that gives a time or the title: the title is not above it. -1: there is none."""
        last = -1
        for at, piece in enumerate(self.layout.pieces[:40]):
            if isinstance(piece, Para) and BODY_MARK.match(piece.text.lstrip()):
                break
            for para in _paras(piece):
                inside = IN_LINE.match(para.text[:LONGEST_LINE].lstrip())
                label = plain_words(inside[1]) if inside else plain_words(para.text)
                if LABELS.get(label) in ("embargo", "issued", "headline"):
                    last = at
        return last

    # Pieces

    def _grid(self, grid: Grid, rest: Sequence[Piece]) -> None:
        where = Where("table", self.tables, 1)
        if not self.started and _has_labels(grid) and self._head_grid(grid):
            return
        if people.is_contacts(grid):
            self.people += people.of_grid(grid, self.tables)
            self.listing = False
            return
        heading = _attachment_heading(grid)
        if heading:
            self._attachment_section(heading, where)
            return
        if not self.started and self._head_grid(grid):
            return
        single = len(grid.rows) == 1 and len(grid.rows[0]) == 1
        if not self.started and single and len(grid.text) <= 2 * LONGEST_HEADLINE and not self._has("headline"):
            self._title_frame(grid.rows[0][0], where)
            return
        if not self.started and single and not self._has("summary") and self._has("headline") and not _shots(grid):
            self._frame_under_title(grid, where)
            return
        if not self._has("headline") and not self.started:
            return self._unplaced(grid, where)
        self._start()
        self.body.append(grid)

    def _unplaced(self, grid: Grid, where: Where) -> None:
        """A table above the title that is not a form: the frame of the page, or a slogan. Its rows are read as paragraphs."""
        for row, boxes in enumerate(grid.rows, 1):
            for box in boxes:
                for part in box.parts:
                    if isinstance(part, Para):
                        self._cell_line(part, Where("table", where.number, row))
                    elif isinstance(part, Grid):
                        self._grid(part, ())

    def _head_grid(self, grid: Grid) -> bool:
        """Read a table of the head: labels with their values, and the name of the kind of document. False if it is neither."""
        found = False
        other: list[tuple[Box, int]] = []
        contacts: list[str] = []
        for number, row in enumerate(grid.rows, 1):
            field = ""
            for box in row:
                label = LABELS.get(plain_words(box.text), "")
                where = Where("table", self.tables, number)
                if label and label != "attachment":
                    field, found = label, True
                elif found and plain_words(box.text) in people.HEADS:
                    field = "contact"
                    contacts.append(box.text)
                elif field == "contact":
                    contacts.append(box.text)
                elif field:
                    self._labelled(field, box, where)
                    field = ""
                elif plain_words(box.text) in MASTHEAD:
                    self._add("kind", MASTHEAD[plain_words(box.text)], SURE, where)
                    found = True
                elif self._in_line(box.text, where):
                    found = True
                else:
                    other.append((box, number))
        if not found:
            return False
        self.people += people.of_words(contacts, Where("table", self.tables), LIKELY)
        for box, number in other:
            for part in box.parts:
                if isinstance(part, Para):
                    self._cell_line(part, Where("table", self.tables, number))
                elif isinstance(part, Grid):
                    self._grid(part, ())
        return True

    def _labelled(self, field: str, box: Box, where: Where) -> None:
        lines = [line for line in box.text.split("\n") if line.strip()]
        if field == "headline":
            self._title_frame(box, where, SURE)
        elif field == "subheadline":
            for line in lines:
                self._add(field, _undashed(line), SURE, where)
        elif field == "keyword":
            self._keywords(box.text, where)
        elif field in ("embargo", "issued") and lines and self._in_line(" ".join(lines[1:]), where):
            self._add(field, lines[0], SURE, where)
        else:
            self._add(field, " ".join(lines), SURE, where)

    def _title_frame(self, box: Box, where: Where, sure: str = "") -> None:
        """The title in a frame, with subtitles below it."""
        paras = [line for para in _paras(Grid([[box]])) for line in _lines(para)]
        largest = max((para.size for para in paras), default=0.0)
        for para in paras:
            if not self._has("headline") and plain_words(para.text) in MASTHEAD:
                self._add("kind", MASTHEAD[plain_words(para.text)], SURE, where)
            elif not self._has("headline"):
                certain = para.style.lower() in TITLES or (self.title and para.size >= self.title)
                self._headline(para, sure or (SURE if certain else LIKELY), where)
            elif self._continues(para, largest):
                self._continue(para)
            else:
                self._add("subheadline", _undashed(para.text), sure or LIKELY, where)

    def _frame_under_title(self, grid: Grid, where: Where) -> None:
        """A frame between title and text: subtitles, or a summary."""
        paras = _paras(grid)
        if paras and all(_dashed(para.text) and len(para.text) <= LONGEST_LINE for para in paras):
            for para in paras:
                self._add("subheadline", _undashed(para.text), LIKELY, where)
        else:
            sure = SURE if any(para.style in ("요약", "Summary") for para in paras) else LIKELY
            lines = [para.text for para in paras if plain_words(para.text) not in LABELS]
            self._add("summary", "\n".join(lines), sure, where)

    def _shot(self, shot: Shot) -> None:
        if not self.started and not self._has("headline"):
            return  # the logo of the office in the head
        self._start()
        self.body.append(shot)

    def _para(self, para: Para, at: int, pieces: Sequence[Piece]) -> None:
        if self.contacts is not None:
            if self._is_contact_word(para.text):
                self.contacts.append(para.text)
                return
            self._flush_contacts()
        if self.pending:
            field, self.pending = self.pending, ""
            if plain_words(para.text) not in LABELS:
                self._labelled(field, Box([para]), self._here())
                return
        if plain_words(para.text) in people.LABEL:
            self.contacts = []
            return
        if not self.started:
            self._head_para(para)
            return
        self._body_para(para, pieces[at + 1] if at + 1 < len(pieces) else None)

    def _is_contact_word(self, text: str) -> bool:
        return len(text) < 80 and not BODY_MARK.match(text) and not ATTACHED.match(text) and not ABOUT.match(text)

    def _flush_contacts(self) -> None:
        if self.contacts is not None:
            self.people += people.of_words(self.contacts, self._here(), LIKELY)
            self.contacts = None

    # The head

    def _cell_line(self, para: Para, where: Where) -> None:
        """A paragraph in a table of the head."""
        if self.started or self._head_line(para, where):
            self._start()
            self._body_para(para)

    def _head_para(self, para: Para) -> None:
        """A paragraph of the head, line by line; from the line on that begins the text, the rest belongs to it."""
        lines = _lines(para) if len(para.text) <= MOST_SCANNED else [para]
        for number, line in enumerate(lines):
            if self._head_line(line, self._here()):
                self._start()
                rest = "\n".join(line.text for line in lines[number:])
                self._body_para(para if number == 0 else plain_para(rest, size=para.size))
                return

    def _head_line(self, para: Para, where: Where) -> bool:
        """Read a line of the head. True if it does not belong to the head, but begins the text."""
        text, tight = para.text.strip(), plain_words(para.text)
        style = para.style.lower()
        kind, rest = _masthead(text)
        if kind and not self._has("headline"):
            self._add("kind", kind, SURE, where)
            if rest:
                self._add("office" if OFFICE.fullmatch(plain_words(rest)) else "other", rest, LIKELY, where)
        elif LABELS.get(tight, "attachment") != "attachment" and not para.heading:
            self.pending = LABELS[tight]
        elif len(text) <= MOST_SCANNED and self._in_line(text, where):
            return False
        elif not self._has("headline"):
            return self._before_headline(para, where)
        elif self._continues(para, self.headline_size):
            self._continue(para)
        elif style in SUBTITLES or (style not in BODIES and self._is_subheadline(para)):
            self._add("subheadline", _undashed(text), SURE if style in SUBTITLES else LIKELY, where)
        elif style in ("요약", "summary"):
            self._add("summary", text, SURE, where)
        else:
            return True
        return False

    def _before_headline(self, para: Para, where: Where) -> bool:
        """Read a line above the headline, or the headline. True if it begins the text."""
        text = para.text.strip()
        office = OFFICE.fullmatch(plain_words(text)) is not None and not self._has("office")
        if para.style.lower() in TITLES:
            self._headline(para, SURE, where)
        elif self.title and para.size < self.title:
            # Larger letters follow: this is a slogan, or the name of the office.
            self._add("office" if office else "other", text, LIKELY if office else UNSURE, where)
        elif self.title:
            self._headline(para, LIKELY if BODY_MARK.match(text) else SURE, where)
        elif office:
            self._add("office", text, LIKELY, where)
        elif self.at < self.above:
            self._add("other", text, UNSURE, where)
        elif BODY_MARK.match(text) or len(text) > LONGEST_HEADLINE:
            return True
        else:
            self._headline(para, LIKELY if para.centred or para.bold or self._has("embargo") else UNSURE, where)
        return False

    def _headline(self, para: Para, sure: str, where: Where) -> None:
        self.headline_size = para.size
        self._add("headline", " ".join(para.text.split()), sure, where)

    def _continues(self, para: Para, size: float) -> bool:
        """Whether a paragraph is the next line of the headline: it has the same large letters."""
        if not self._has("headline") or self._has("subheadline") or SUBMARKED.match(para.text):
            return False
        large = size > 0 and abs(para.size - size) < 0.5 and size >= self.text_size * LARGE
        return large and len(para.text) <= LONGEST_LINE

    def _continue(self, para: Para) -> None:
        found = self.parts["headline"][-1]
        self.parts["headline"][-1] = Guess(f"{found.value} {' '.join(para.text.split())}", LIKELY, found.where)

    def _is_subheadline(self, para: Para) -> bool:
        text = para.text.strip()
        if len(text) > LONGEST_LINE or text.endswith(".") or BODY_MARK.match(text) or para.heading:
            return False
        if _dashed(text) and (text[-1] in DASHES or para.centred or para.bold or not self.started):
            return True
        larger = self.text_size > 0 and para.size >= self.text_size * 1.1
        return larger and (para.centred or para.bold or SUBMARKED.match(text) is not None)

    def _in_line(self, text: str, where: Where) -> bool:
        """Read labels with their values in a line; whether there were any."""
        text = text[:MOST_SCANNED]
        matches = [match for match in IN_LINE.finditer(text) if plain_words(match[1]) in LABELS]
        if not matches or (matches[0].start() > 3 and plain_words(text[: matches[0].start()])):
            return False
        ends = [match.start() for match in matches[1:]] + [len(text)]
        for match, end in zip(matches, ends, strict=True):
            value = text[match.end() : end].strip().strip("/|").strip().rstrip("[(<※")
            field = LABELS[plain_words(match[1])]
            if field == "keyword":
                self._keywords(value, where)
            elif field == "headline" and not self._has("headline"):
                self._headline(plain_para(value), SURE, where)
            else:
                self._add(field, value.strip(), SURE, where)
        return True

    def _keywords(self, text: str, where: Where) -> None:
        for word in re.split(r"[,，#\n·]+", text):
            self._add("keyword", word, SURE, where)

    # The text

    def _start(self) -> None:
        self.started = True

    def _body_para(self, para: Para, after: Piece | None = None) -> None:
        text = para.text.strip()
        where = self._here()
        attached = ATTACHED.fullmatch(text) if len(text) < 1000 else None
        if para.style == "붙임" and len(text) < 1000:
            words = attached["words"] if attached else text
            numbered = NUMBERED.fullmatch(words)
            self._add("attachment", _uncopied(numbered["words"] if numbered else words), SURE, where)
        elif (note := NOTE.fullmatch(text[:MOST_SCANNED])) and (
            plain_words(note["label"]) in NOTES or para.style == "참고"
        ):
            self._note(para, note, where)
        elif self.listing and not para.item and (numbered := NUMBERED.fullmatch(text)) and len(text) <= LONGEST_LINE:
            self._add("attachment", _uncopied(numbered["words"]), LIKELY, where)
        elif attached and not para.heading and (self._is_list(attached, text) or not para.breaks):
            self._attachments(attached, where)
        elif attached and para.breaks:
            self._attachment_section(text, where)
        elif _ends(text):
            return
        elif len(text) < 400 and LICENCE.search(text):
            self._licence(text, where)
        elif ABOUT.match(text) or INQUIRY.search(text[:LONGEST_LINE]):
            self.people += people.in_sentence(text, where)
            self._add("other", text, LIKELY, where)
        elif HASHTAGS.fullmatch(text) if text.startswith("#") and len(text) < 1000 else False:
            self._keywords(text, where)
        elif (label := IN_LINE.match(text[:LONGEST_LINE])) and LABELS[plain_words(label[1])] == "keyword":
            self._keywords(text[label.end() :], where)
        elif self._caption(para) or self._contact_line(text, where):
            return
        else:
            self.listing = False
            self.body.append(para)

    def _note(self, para: Para, note: re.Match[str], where: Where) -> None:
        part = NOTES.get(plain_words(note["label"]), "other")
        address = ADDRESS.search(para.html) if part == "licence" else None
        if part == "licence" and address is None:
            self._add("other", para.text, UNSURE, where)
        else:
            self._add(
                part, unescape(address[1]) if address else note["words"], LIKELY if part == "other" else SURE, where
            )

    def _caption(self, para: Para) -> bool:
        """Whether a paragraph is the caption of the picture above it. If so, the picture gets it."""
        shot = self.body[-1] if self.body else None
        if not isinstance(shot, Shot) or shot.caption or len(para.text) > 2 * LONGEST_LINE:
            return False
        if CAPTION.match(para.text) or para.style in ("캡션", "caption", "Caption"):
            shot.caption = para.html
            return True
        return False

    def _contact_line(self, text: str, where: Where) -> bool:
        """A line such as "담당: 투자금융과 홍길동 과장(063-280-3210)"."""
        label, colon, rest = text.partition(":") if ":" in text else text.partition("：")
        if len(text) > 2 * LONGEST_LINE or not colon or plain_words(label) not in people.LABEL | set(people.ROLES):
            return False
        found = people.in_sentence(rest, where)
        self.people += found
        return bool(found)

    def _is_list(self, attached: re.Match[str], text: str) -> bool:
        """Whether words after 붙임 are a list of files, and not the heading of the attached text."""
        return bool(NUMBERED.fullmatch(attached["words"])) or text.endswith(("부", "부.", "끝.", "끝"))

    def _attachments(self, attached: re.Match[str], where: Where) -> None:
        self.listing = True
        words = attached["words"]
        numbered = NUMBERED.fullmatch(words)
        for line in (numbered["words"] if numbered else words).split("\n"):
            again = NUMBERED.fullmatch(line)
            self._add("attachment", _uncopied(again["words"] if again else line), LIKELY, where)

    def _attachment_section(self, heading: str, where: Where) -> None:
        """The text of an attachment follows: its heading stays in the body."""
        self._start()
        self.listing = False
        self.body.append(Para(heading, escape(heading, quote=False), heading=1))
        match = ATTACHED.fullmatch(heading)
        words = _uncopied(match["words"]) if match else ""
        if words and words not in [found.value for found in self.parts.get("attachment", [])]:
            self._add("attachment", words, LIKELY, where)

    def _licence(self, text: str, where: Where) -> None:
        found = LICENCE_TYPE.search(text)
        if found:
            uri = f"https://www.kogl.or.kr/info/licenseType{found[1] or found[2]}.do"
            self._add("licence", uri, SURE, where)
        else:
            self._add("other", text, UNSURE, where)

    # The result

    def _result(self) -> Recognised:
        warnings = [*self.layout.warnings, *self.album.warnings]
        body = html_of(self.body, self.layout.notes)
        if body:
            sure = LIKELY if self._has("headline") and (self.people or self._has("embargo")) else UNSURE
            if (
                any(isinstance(piece, Para) and BODY_MARK.match(piece.text.lstrip()) for piece in self.body)
                and sure == LIKELY
            ):
                sure = SURE
            if "pdf" in warnings:
                sure = LIKELY if sure == SURE else UNSURE
            self.parts["body"] = [Guess(body, sure, Where("document"))]
        for part in ("headline", "embargo", "issued", "kind", "office", "licence"):
            found = self.parts.get(part, [])
            others = [guess for guess in found[1:] if guess.value != found[0].value]
            self.parts[part] = found[:1]
            self.parts.setdefault("other", []).extend(replace(guess, sure=UNSURE) for guess in others)
        if not self._has("headline"):
            warnings.append("no-headline")
        if not body:
            warnings.append("no-body")
        pictures = self._with_captions()
        known = {name: tuple(found) for name, found in self.parts.items() if found}
        return Recognised(known, tuple(dict.fromkeys(self.people))[:200], pictures, tuple(dict.fromkeys(warnings)))

    def _with_captions(self) -> tuple[Picture, ...]:
        captions = {piece.name: piece.caption for piece in self.body if isinstance(piece, Shot)}
        return tuple(
            replace(picture, caption=_words(captions.get(picture.name, ""))) for picture in self.album.pictures.values()
        )


def recognised_form(layout: Layout, pictures: Album) -> Recognised:
    """The parts of the press release in a document."""
    return _Form(layout, pictures).read()


def _words(html: str) -> str:
    return unescape(re.sub(r"<[^>]{0,300}>", "", html))


def _usual_size(pieces: Sequence[Piece]) -> float:
    """The size of most letters."""
    sizes = [(para.size, len(para.text)) for piece in pieces for para in _paras(piece) if para.size]
    spread = [size for size, count in sizes for _ in range(min(max(count // 20, 1), 200))]
    return median(spread) if spread else 0.0


def _paras(piece: Piece) -> list[Para]:
    if isinstance(piece, Para):
        return [piece]
    if isinstance(piece, Shot):
        return []
    return [para for row in piece.rows for box in row for part in box.parts for para in _paras(part)]


def _shots(piece: Piece) -> bool:
    return isinstance(piece, Shot) or (
        isinstance(piece, Grid) and any(_shots(part) for row in piece.rows for box in row for part in box.parts)
    )


def _lines(para: Para) -> list[Para]:
    """The lines of a paragraph of the head, each as a paragraph that looks the same."""
    if "\n" not in para.text:
        return [para]
    shape = {name: getattr(para, name) for name in ("size", "bold", "centred", "style", "heading")}
    return [plain_para(line, **shape) for line in para.text.split("\n") if line.strip()]


def _masthead(text: str) -> tuple[str, str]:
    """(the kind of release that a line names, the words beside it): "보도자료 전라북도"; ("", "") if it names none."""
    words = text[:LONGEST_LINE].split()
    for count in range(min(len(words), 4), 0, -1):
        kind = MASTHEAD.get(plain_words("".join(words[:count])), "")
        if kind and len(text) <= LONGEST_LINE // 2:
            return kind, " ".join(words[count:])
    return "", ""


def _dashed(text: str) -> bool:
    """Whether a line begins with a dash, as subtitles do."""
    return text.strip()[:1] in tuple(DASHES) and bool(_undashed(text))


def _undashed(text: str) -> str:
    """A subtitle without the dashes around it."""
    words = " ".join(text.split())
    return words.strip(f"{DASHES} ") if words[:1] in tuple(DASHES) else words


def _ends(text: str) -> bool:
    """Whether a paragraph only says that the release ends: 끝, - 이상 -, ###."""
    if len(text) > 20:
        return False
    words = re.sub(r"\W", "", text)
    return words in ("끝", "이상") or (not words and "#" in text)


def _uncopied(text: str) -> str:
    """The name of an attachment without "1부. 끝."."""
    words = " ".join(text.split())
    return words[:-30] + COPIES.sub("", words[-30:], count=1).strip()


def _has_labels(grid: Grid) -> bool:
    """Whether a table has a label of the head of a release."""
    return any(
        LABELS.get(plain_words(box.text)) in ("embargo", "issued", "headline") for row in grid.rows for box in row
    )


def _attachment_heading(grid: Grid) -> str:
    """The words of a heading in a table of one row: [붙임 1] [행사 개요]; empty if the table is none."""
    if len(grid.rows) != 1 or not grid.rows[0] or len(grid.rows[0]) > 3:
        return ""
    first, *others = (" ".join(box.text[:LONGEST_HEADLINE].split()) for box in grid.rows[0])
    if re.fullmatch(r"(?:붙임|별첨|첨부|참고)\d{0,2}", plain_words(first)) and any(others):
        return " ".join(filter(None, (first, *others)))
    return ""
