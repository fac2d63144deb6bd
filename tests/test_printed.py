"""Articles as documents: HWPX and PDF. Each is read by another program, and HWPX comes back as the draft that it was."""

import io
import re
import subprocess
import sys
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
from hwpx.tools.package_validator import validate_editor_open_safety
from hwpx.tools.text_extractor import TextExtractor
from msgspec.structs import replace

from app.intake import parsers
from app.intake.normalize import Normal, normalize
from app.text import html
from feeds import Article, Contact, Enclosure, Licence, hwpx, pdf
from feeds.article import Term
from feeds.printed import Most, PrintedTable, PrintedText, blocks_of
from tests.articles import CASES, SEED_TEXT, make
from tests.conftest import ROOT
from tests.test_documents import read, rules

ARTICLES = {name: feed.articles[0] for name, feed in CASES.items() if feed.articles}
WHOLE = Most(10_000, 10_000)


def seed() -> Article:
    """The founding release, as a push stores it."""
    body = (ROOT / "tests/releases/jeonbuk-2021-03-09.xml").read_bytes()
    ((_, draft),) = parsers.parse(body, "application/xml", rules().given).drafts
    normal = normalize(draft, rules().now())
    assert isinstance(normal, Normal)
    return normal.article


def test_the_founding_release_goes_out_as_hwpx_and_comes_back(tmp_path: Path) -> None:
    article = seed()
    (reading,) = read(hwpx.render_article(article), tmp_path)
    assert reading.kind == "hwpx" and reading.warnings == ()
    assert [found.value for found in reading.parts["headline"]] == [article.headline]
    assert tuple(found.value for found in reading.parts["subheadline"]) == article.subheadlines
    assert html.clean(reading.parts["body"][0].value, "https://press.example/").text == article.text
    assert [found.value for found in reading.parts["office"]] == ["전라북도"]
    assert [(one.department, one.position, one.name, one.phone, one.email) for one in reading.people] == [
        (one.department, one.role, one.name, one.phone, one.email) for one in article.contacts
    ]
    assert reading.issued == article.issued.replace(second=0, microsecond=0) and reading.embargo.at_once
    assert {"headline", "embargo", "issued", "subheadline"} & reading.unsure == set()
    for paragraph in SEED_TEXT:
        assert paragraph in html.plain(reading.parts["body"][0].value)


FULL = make(
    lang="ko",
    headline="탄소소재 특화단지 세 곳 더 연다",
    subheadlines=("2024년까지 기업 110개 유치", "4,692억 원 투자"),
    summary="도가 특화단지를 늘린다.",
    contacts=(
        Contact("투자금융과", "과장", "홍길동", "063-280-3210", "hong@jeonbuk.example.kr"),
        Contact("투자금융과", "주무관", "김철수", "063-280-3211"),
    ),
    enclosures=(Enclosure("https://a.example/1.hwpx", "application/hwp+zip", caption="지정 현황"),),
    keywords=(Term("keyword", "탄소"), Term("keyword", "특화단지")),
    licence=Licence("https://www.kogl.or.kr/info/licenseType1.do", "공공누리 제1유형"),
    note="이전 판의 금액을 고쳤습니다.",
)


@pytest.mark.parametrize(
    ("embargo", "until", "held"),
    [
        ({"embargoed": datetime(2021, 3, 9, 21, tzinfo=UTC)}, "2021-03-10T06:00:00+09:00", False),
        ({"embargo_wording": "3. 10.(수) 조간"}, "2021-03-10T06:00:00+09:00", False),
        ({"embargo_wording": "국무회의 안건보고 후", "held": True}, None, True),
        ({}, None, False),
    ],
)
def test_everything_of_a_release_comes_back(
    embargo: dict[str, Any], until: str | None, held: bool, tmp_path: Path
) -> None:
    (reading,) = read(hwpx.render_article(replace(FULL, **embargo)), tmp_path)
    values = {name: [found.value for found in found] for name, found in reading.parts.items()}
    assert values["headline"] == [FULL.headline] and values["subheadline"] == [*FULL.subheadlines]
    assert values["summary"] == [FULL.summary] and values["keyword"] == ["탄소", "특화단지"]
    assert values["attachment"] == ["지정 현황"] and values["note"] == [FULL.note]
    assert values["licence"] == [FULL.licence.uri] and values["kind"] == ["press-release"]
    assert [one.email for one in reading.people] == ["hong@jeonbuk.example.kr", ""]
    assert [one.position for one in reading.people] == ["과장", "주무관"]
    assert (reading.embargo.until.isoformat() if reading.embargo.until else None, reading.embargo.held) == (until, held)
    assert reading.issued == FULL.issued.replace(second=0, microsecond=0)


@pytest.mark.parametrize(
    "body",
    [
        "<p>가<strong>나</strong>다<em>라</em><sup>1</sup> <sub>2</sub></p>",
        "<h2>큰</h2><p>글</p><h3>작은</h3><p>글</p><h4>더 작은</h4><p>글</p>",
        "<ul><li>하나<ol><li>속</li><li>속 둘</li></ol></li><li>둘<ul><li>셋</li></ul></li></ul>",
        "<ol><li>하나</li><li>둘</li></ol><p>사이</p><ol><li>다시 하나</li></ol>",
        '<p><a href="https://x.example/a:b;c?d=1&amp;e=%20">주소</a>와 <a href="mailto:a@x.example">편지</a></p>',
        "<p>첫 줄<br/>둘째 줄</p>",
        '<table><tbody><tr><th rowspan="2">지역</th><th colspan="2">계획</th></tr><tr><th>기업</th><th>금액</th></tr>'
        "<tr><td>전주</td><td>60개</td><td>2,500<br/>억 원</td></tr></tbody></table>",
        "<p>&lt;b&gt; &amp;amp; ]]&gt; “인용” 𝄞 é</p>",
    ],
)
def test_a_body_comes_back_from_hwpx_as_it_was(body: str, tmp_path: Path) -> None:
    (reading,) = read(hwpx.render_article(replace(FULL, body=body)), tmp_path)
    assert reading.parts["body"][0].value == body


@pytest.mark.parametrize("name", ARTICLES)
def test_hwpx_is_valid_for_another_program(name: str, tmp_path: Path) -> None:
    """python-hwpx: the OWPML schemas, and what Hangul itself demands to open a file."""
    content = hwpx.render_article(ARTICLES[name])
    report = validate_editor_open_safety(content)
    assert report.reopen_ok and not report.blocking_package_errors
    assert report.validate_package is not None and report.validate_document is not None
    assert [issue for issue in report.validate_package.issues if issue.level == "error"] == []
    assert list(report.validate_document.issues) == []
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        first = archive.infolist()[0]
        assert (first.filename, first.compress_type, archive.read(first)) == ("mimetype", 0, b"application/hwp+zip")
    path = tmp_path / "a.hwpx"
    path.write_bytes(content)
    with TextExtractor(path) as extractor:
        words = extractor.extract_text(include_nested=True)
    assert ARTICLES[name].headline.split()[-1] in words


@pytest.mark.parametrize("name", ARTICLES)
def test_pdf_is_tagged_and_has_its_fonts(name: str) -> None:
    content = pdf.render_article(ARTICLES[name])
    assert b"/StructTreeRoot" in content and b"/MarkInfo" in content
    document = pypdfium2.PdfDocument(content)
    words = " ".join(document[number].get_textpage().get_text_range() for number in range(len(document)))
    assert "".join(ARTICLES[name].headline.split())[:4] in "".join(words.split()) or name in (
        "arabic",
        "emoji",
        "page",
        "corners",
    )
    fonts = len(re.findall(rb"/Type\s*/FontDescriptor", content))
    assert fonts and fonts == len(re.findall(rb"/FontFile[23]\b", content))
    if name in ("seed", "bare", "everything"):
        assert b"pdfaid" in content


def test_the_founding_release_is_read_back_from_pdf(tmp_path: Path) -> None:
    article = seed()
    (reading,) = read(pdf.render_article(article), tmp_path)
    assert reading.kind == "pdf" and reading.warnings == ("pdf",)
    assert reading.parts["headline"][0].value == article.headline
    assert [found.value for found in reading.parts["subheadline"]] == list(article.subheadlines)
    assert reading.issued == article.issued.replace(second=0, microsecond=0) and reading.embargo.at_once
    body = reading.parts["body"][0].value
    found = [paragraph for paragraph in SEED_TEXT if paragraph in html.plain(body)]
    assert len(found) >= len(SEED_TEXT) - 2, "a paragraph over two pages has two parts"
    assert "".join("".join(SEED_TEXT).split()) in "".join(html.plain(body).split())
    assert reading.parts["body"][0].sure != "sure"


@pytest.mark.parametrize("format", [hwpx, pdf])
def test_the_same_article_gives_the_same_bytes_in_every_process(format: Any) -> None:
    code = (
        f"import hashlib; from {format.__name__} import render_article; from tests.articles import EVERYTHING;"
        "print(hashlib.sha256(render_article(EVERYTHING)).hexdigest())"
    )
    made = {
        subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env={"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": seed, "TZ": zone},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed, zone in (("1", "UTC"), ("2", "Asia/Seoul"))
    }  # fmt: skip
    assert len(made) == 1


def test_threads_render_the_same_bytes() -> None:
    articles = [replace(FULL, headline=f"제목 {number}", body=f"<p>{number}</p>" * 50) for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        for format in (hwpx, pdf):
            together = list(pool.map(format.render_article, articles))
            assert together == [format.render_article(article) for article in articles]


LONG = {
    "paragraphs": "<p>가나다라마바사</p>" * 90_000,
    "one paragraph": f"<p>{'가나다라마바사 ' * 200_000}</p>",
    "runs": f"<p>{'<b>가</b>나' * 45_000}</p>",
    "line breaks": f"<p>{'가<br/>' * 90_000}</p>",
    "a table": f"<table>{'<tr><td>가</td><td>나</td></tr>' * 30_000}</table>",
    "a wide table": f"<table><tr>{'<td>가</td>' * 9_000}</tr></table>",
    "spans": "<table>" + '<tr><td colspan="900" rowspan="900">가</td></tr>' * 2_000 + "</table>",
    "lists": f"{'<ul><li>가' * 45}{'</li></ul>' * 45}" * 900,
    "nested tables": f"{'<table><tr><td>' * 30}가{'</td></tr></table>' * 30}" * 900,
    "pictures": '<img src="https://x.example/a.png" alt="가"/>' * 30_000,
}


@pytest.mark.slow
@pytest.mark.parametrize("format", [hwpx, pdf])
@pytest.mark.parametrize("name", LONG)
def test_a_long_text_is_cut_and_says_so(name: str, format: Any) -> None:
    article = replace(FULL, body=LONG[name])
    began = time.process_time()
    content = format.render_article(article)
    assert time.process_time() - began < 3 and len(content) > 5_000
    if format is hwpx:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            section = archive.read("Contents/section0.xml").decode()
        # Nested tables become few, so there is nothing to cut.
        assert "이하 생략" in section or (name == "nested tables" and section.count("<hp:t>가</hp:t>") == 900)


def test_what_is_cut_ends_with_a_sentence() -> None:
    blocks, cut = blocks_of(
        "<p>가나다라</p><table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", Most(8, 9)
    )
    text, table = blocks
    assert cut and isinstance(text, PrintedText) and isinstance(table, PrintedTable) and len(table.rows) == 1
    (text,), cut = blocks_of("<p>가나다라</p>", Most(2, 9))
    assert cut and isinstance(text, PrintedText) and text.runs[0].text == "가나"


@pytest.mark.parametrize(
    ("body", "grid"),
    [
        (
            "<table><tr><td>a</td></tr><tr><td>b</td><td>c</td></tr></table>",
            [[(0, 1, 1), (1, 1, 1)], [(0, 1, 1), (1, 1, 1)]],
        ),
        (
            '<table><tr><td rowspan="9">a</td><td>b</td></tr><tr><td>c</td></tr></table>',
            [[(0, 1, 2), (1, 1, 1)], [(1, 1, 1)]],
        ),
        (
            '<table><tr><td>a</td><td rowspan="2">b</td><td>c</td></tr><tr><td colspan="3">d</td></tr></table>',
            [[(0, 1, 1), (1, 1, 2), (2, 1, 1)], [(0, 1, 1), (2, 1, 1)]],
        ),
    ],
)
def test_a_table_becomes_a_complete_grid(body: str, grid: list[list[tuple[int, int, int]]]) -> None:
    (table,), cut = blocks_of(body, WHOLE)
    assert isinstance(table, PrintedTable) and not cut
    assert [[(cell.column, cell.columns, cell.rows) for cell in row] for row in table.rows] == grid
    assert (
        pdf.render_article(replace(FULL, body=body))
        and validate_editor_open_safety(hwpx.render_article(replace(FULL, body=body))).reopen_ok
    )


def test_the_words_of_every_element_are_printed() -> None:
    left = html.TAGS - {"img", "br", "hr", "tr", "td", "th", "thead", "tbody", "tfoot"}
    source = "".join(f"<{tag}>{tag}.</{tag}>" for tag in sorted(left))
    body = html.clean(source, "https://x.example/").xhtml
    blocks, _ = blocks_of(body, WHOLE)
    words = " ".join("".join(run.text for run in block.runs) for block in blocks if isinstance(block, PrintedText))
    for word in re.findall(r"\w+\.", html.plain(body)):
        assert word in words


def test_markup_in_a_text_stays_text() -> None:
    """Typst never reads the texts of a release as its own markup."""
    words = '#panic("x") $x$ *b* _i_ `c` <l> @r \\ #import "/etc/passwd" "#read(\\"/etc/passwd\\")"'
    content = pdf.render_article(replace(FULL, headline=words, body=f"<p>{html.paragraphs(words)[3:-4]}</p>"))
    shown = pypdfium2.PdfDocument(content)[0].get_textpage().get_text_range()
    assert shown.count('#panic("x") $x$ *b* _i_') >= 2
