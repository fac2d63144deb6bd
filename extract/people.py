"""Recognises contacts in the words of a press release: departments, names, positions, telephones and addresses."""

import re
from collections.abc import Iterable, Iterator, Sequence

from msgspec.structs import replace

from extract.layout import Grid
from extract.recognised import LIKELY, SURE, UNSURE, Person, Where

PHONE = re.compile(r"(?<!\d)\(?\+?(?:82[-. ]?)?0?\d{1,3}[-.) ]{1,2}\d{3,4}[-. ]{1,3}\d{4}(?!\d)")
EMAIL = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}@[\w-]{1,60}(?:\.[\w-]{1,60}){1,4}")
ROLES = ("책임자", "담당자", "총괄", "공동")
POSITIONS = {
    *(
        "과장",
        "국장",
        "실장",
        "팀장",
        "계장",
        "반장",
        "소장",
        "단장",
        "원장",
        "청장",
        "처장",
        "차장",
        "부장",
        "관장",
        "본부장",
    ),
    *(
        "센터장",
        "지청장",
        "대변인",
        "사무관",
        "주무관",
        "서기관",
        "부이사관",
        "이사관",
        "연구관",
        "연구사",
        "지도사",
        "행정관",
    ),
    *(
        "감사관",
        "조사관",
        "전문관",
        "전문위원",
        "주사",
        "주사보",
        "서기",
        "주임",
        "대리",
        "위원",
        "연구원",
        "장관",
        "차관",
    ),
    *("도지사", "시장", "군수", "구청장", "부지사", "부시장", "교수", "팀원", "담당"),
}
# A name of these before the position makes it a department: 소재부품장비정책관.
BOTH = ("정책관", "담당관", "심의관", "기획관")
POSITION = re.compile(
    rf"[가-힣]{{0,4}}(?:{'|'.join(sorted(POSITIONS, key=lambda word: (-len(word), word)))})|{'|'.join(BOTH)}"
)
DEPARTMENT = re.compile(
    r"[가-힣A-Za-z0-9·ㆍ()\s]{1,40}(?:과|팀|실|국|관|센터|단|처|청|부|본부|소|원|위원회|반|담당관|추진단|정책관)"
)
NAME = re.compile(r"[가-힣](?:\s?[가-힣]){1,3}")
COLUMNS = {
    **dict.fromkeys(("담당부서", "부서", "부서명", "소속", "담당과", "기관", "department"), "department"),
    **dict.fromkeys(("직위", "직급", "직책", "position"), "position"),
    **dict.fromkeys(("구분", "역할", "role"), "role"),
    **dict.fromkeys(("이름", "성명", "담당자", "책임자", "담당", "name"), "name"),
    **dict.fromkeys(("전화", "전화번호", "연락처", "유선", "사무실", "phone"), "phone"),
    **dict.fromkeys(("전자우편", "이메일", "메일", "전자메일", "email", "e-mail"), "email"),
}
LABEL = {
    "담당부서",
    "담당",
    "문의",
    "문의처",
    "연락처",
    "자료문의",
    "자료제공",
    "제공부서",
    "담당과",
    "작성부서",
    "소관부서",
    "contact",
    "contacts",
}
HEADS = {*LABEL, *COLUMNS, *ROLES}  # what names the contacts in the head of a release


def plain_words(text: str) -> str:
    """A label without blanks, brackets and punctuation, in small letters."""
    return re.sub(r"[\s:：\[\]<>〈〉()【】「」『』|·ㆍ.※☎-]", "", text).lower()


def is_contacts(grid: Grid) -> bool:
    """Whether a table lists contacts: it has a label of contacts, and a telephone or an address."""
    cells = [box.text for row in grid.rows for box in row]
    columns = _columns(grid)
    if columns is not None and columns[0] == "department" and len(grid.rows) > 1 and len(columns) >= 4:
        return True
    labelled = any(plain_words(cell) in LABEL or plain_words(cell) in ROLES for cell in cells) or columns is not None
    return labelled and any(PHONE.search(cell) or EMAIL.search(cell) for cell in cells)


def of_grid(grid: Grid, number: int) -> Iterator[Person]:
    """The contacts of a table. `number`: of the table in the document, from 1."""
    columns = _columns(grid)
    rows = _spread(grid)
    if columns is not None:
        for at, row in enumerate(rows[1:], 2):
            values = {
                columns[n]: " ".join(text.split()) for n, text in enumerate(row) if n < len(columns) and columns[n]
            }
            if any(values.values()):
                yield Person(**values, sure=SURE, where=Where("table", number, at))
        return
    department = ""
    for at, row in enumerate(rows, 1):
        for person in of_words(row, Where("table", number, at), LIKELY):
            department = person.department or department
            yield replace(person, department=department)


def _columns(grid: Grid) -> list[str] | None:
    """The field of each column, if the first row names them."""
    first = grid.rows[0] if grid.rows else []
    fields = [COLUMNS.get(plain_words(box.text), "") for box in first for _ in range(box.columns)]
    named = [field for field in fields if field]
    return fields if len(named) >= 3 and len(set(named)) == len(named) and len(named) == len(fields) else None


def _spread(grid: Grid) -> list[list[str]]:
    """The texts of the cells by row and column; a cell that spans several stands in each row, and in its first column."""
    rows: list[list[str]] = []
    waiting: dict[int, tuple[int, str]] = {}  # column -> rows that a cell above still spans, and its text
    for row in grid.rows:
        cells: list[str] = []
        boxes = iter(row)
        column = 0
        while True:
            if column in waiting:
                left, text = waiting.pop(column)
                cells.append(text)
                if left > 1:
                    waiting[column] = (left - 1, text)
                column += 1
                continue
            box = next(boxes, None)
            if box is None:
                break
            cells += [box.text, *[""] * (min(box.columns, 50) - 1)]
            if box.rows > 1:
                waiting[column] = (min(box.rows, 200) - 1, box.text)
            column += min(box.columns, 50)
        rows.append(cells)
    return rows


def of_words(texts: Iterable[str], where: Where, sure: str = UNSURE) -> Iterator[Person]:
    """The contacts in a series of texts, such as the cells of a row. A telephone or an address ends a contact."""
    found = Person(sure=sure, where=where)
    for field, value in (fact for text in texts for fact in _facts(text)):
        again = getattr(found, field) and field not in ("department", "position")
        if again or (found.phone and field != "email"):
            if found.phone or found.email or found.name:
                yield found
            found = Person("" if field == "department" else found.department, sure=sure, where=where)
        if field == "department" and found.department:
            value = f"{found.department} {value}"
        found = replace(found, **{field: value})
    if found.phone or found.email or (found.name and found.department):
        yield found


def _facts(text: str) -> Iterator[tuple[str, str]]:
    """(field, value) for each field in a text: looked for in its pieces, or else in their words."""
    for part in _tokens(text):
        field, value = _field(part)
        if field:
            yield field, value
        elif len(words := part.split()) > 1:
            yield from (fact for fact in map(_field, words) if fact[0])


def _tokens(text: str) -> Iterator[str]:
    """The pieces of a text, each of which may be a field. Telephones and addresses are cut out."""
    for line in re.split(r"\n|[,;/|]|(?<=\))|(?=\()", text):
        at = 0
        for match in re.finditer(f"{EMAIL.pattern}|{PHONE.pattern}", line):
            yield line[at : match.start()]
            yield match[0]
            at = match.end()
        yield line[at:]


def _field(part: str) -> tuple[str, str]:
    """(field, value) of a piece of text; two empty texts if it is none."""
    words = " ".join(part.strip(" ()[]<>:：☎☏").split())
    tight = plain_words(words)
    if not tight or tight in LABEL:
        return "", ""
    if EMAIL.fullmatch(words):
        return "email", words
    if PHONE.search(part):
        return "phone", words.replace(") ", "-").replace(")", "-") if words else ""
    if tight in ROLES:
        return ("role", tight) if tight in ROLES[:2] else ("", "")
    if POSITION.fullmatch(tight):
        return "position", tight
    if DEPARTMENT.fullmatch(words) and (len(tight) > 3 or tight.endswith(("과", "팀", "실", "국"))):
        return "department", words
    if NAME.fullmatch(words) and len(tight) <= 4:
        return "name", tight
    return "", ""


def in_sentence(text: str, where: Where) -> Sequence[Person]:
    """The contacts in a sentence: "투자금융과 홍길동 과장(063-280-3210)"."""
    split = re.sub(r"(?<=[가-힣])(?:으로|로|에게|에|은|는|이|가)(?=\s|$)", " ", text)
    parts = [part for word in re.split(r"\s+(?![-)]?\d)", split) for part in re.split(r"(?=\()", word)]
    return [person for person in of_words(parts, where) if person.phone or person.email]
