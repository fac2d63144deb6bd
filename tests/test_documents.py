"""Drafts from files: what is recognised in a document, with expectations beside each source; and what is refused."""

import io
import json
import os
import re
import zipfile
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from app.accounts.offices import OfficeRecord, Sender
from app.errors import Problem
from app.intake.documents import PROBLEMS, WARNINGS, Reading, read_document
from app.intake.releases import Rules
from app.settings import Settings
from app.syndication import texts
from extract.recognised import Where
from feeds import press_release
from schemas import xsd
from tests import documentmaker, files

CASES = Path(__file__).parent / "documents"
SOURCES = sorted(CASES.glob("*.xml"))


def rules() -> Rules:
    office = OfficeRecord("jeonbuk", "전라북도", "", ("kr:52",), timezone="Asia/Seoul")
    return Rules(Settings(), Sender(office))


def read(content: bytes, directory: Path, name: str = "a", media_type: str = "") -> tuple[Reading, ...]:
    path, pictures = directory / "file", directory / "pictures"
    path.write_bytes(content)
    pictures.mkdir(exist_ok=True)
    return read_document(path, name, media_type, pictures, rules())


def shown(reading: Reading) -> dict[str, Any]:
    """A reading as it stands in an expectation."""
    parts = {name: [[one.value, one.sure, _place(one)] for one in found] for name, found in reading.parts.items()}
    people = [
        " / ".join(filter(None, (one.department, one.role, one.position, one.name, one.phone, one.email, one.sure)))
        for one in reading.people
    ]
    pictures = [f"{one.name} {one.type} {one.width}x{one.height} {one.caption}".strip() for one in reading.pictures]
    meaning = {"until": reading.embargo.until, "held": reading.embargo.held, "issued": reading.issued}
    return {
        "kind": reading.kind,
        "parts": parts,
        "people": people,
        "pictures": pictures,
        "warnings": list(reading.warnings),
        "sentences": list(reading.sentences),
        "meaning": {
            name: value.isoformat() if isinstance(value, datetime) else value for name, value in meaning.items()
        },
    }


def _place(one: Any) -> str:
    return f"{one.where.kind} {one.where.number}.{one.where.row}"


def cases() -> list[tuple[Path, str]]:
    return [(path, kind) for path in SOURCES for kind in etree.parse(path).getroot().get("kinds").split()]


@pytest.mark.parametrize(("path", "kind"), cases(), ids=lambda value: getattr(value, "stem", value))
def test_a_document_is_read_into_its_parts(path: Path, kind: str, tmp_path: Path) -> None:
    (reading,) = read(documentmaker.made(path.read_bytes(), kind), tmp_path)
    found = shown(reading)
    expected = path.with_suffix(f".{kind}.json")
    if os.environ.get("PRESSRELAY_GOLDEN") == "write":
        expected.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", "utf-8")
    assert found == json.loads(expected.read_text("utf-8"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)
def test_the_body_of_a_draft_is_in_our_own_dialect(path: Path, tmp_path: Path) -> None:
    (reading,) = read(documentmaker.made(path.read_bytes(), "hwpx"), tmp_path)
    body = reading.parts["body"][0].value.replace('src="', 'src="https://press.example/')
    fragment = etree.fromstring(f'<body xmlns="{press_release.NAMESPACE}">{body}</body>')
    assert xsd("press-release").validate(fragment), xsd("press-release").error_log


def test_pictures_are_saved_as_they_were(tmp_path: Path) -> None:
    (reading,) = read(documentmaker.made((CASES / "ministry.xml").read_bytes(), "hwpx"), tmp_path)
    saved = {path.name: path.read_bytes() for path in (tmp_path / "pictures").iterdir()}
    assert saved == {"1.png": documentmaker.png("0000aa"), "2.png": documentmaker.png("aa0000")}
    assert {picture.name for picture in reading.pictures} == saved.keys()


LARGE = documentmaker.png("00aa00")[:16] + b"\0\0\xff\xff" * 2 + documentmaker.png("00aa00")[24:]
EMF = b"\x01\0\0\0" + b"\0" * 36 + b" EMF" + b"\0" * 60


@pytest.mark.parametrize(
    ("content", "warning"),
    [
        (LARGE, "picture-large"),
        (EMF, "picture-type"),
        (b"\x89PNG\r\n\x1a\n", "picture-broken"),
        (b"\xff\xd8\xff\xe0", "picture-broken"),
    ],
)
def test_a_picture_that_cannot_be_used_is_left_out(content: bytes, warning: str, tmp_path: Path) -> None:
    maker = documentmaker.Hwpx()
    source = etree.fromstring("<document><p style='제목'>온실 열다</p><p>본문이다.</p><img/></document>")
    whole = maker.make(source)
    (reading,) = read(_with_part(whole, "BinData/image1.png", content), tmp_path)
    assert reading.warnings == (warning,) and reading.pictures == () and "img" not in reading.parts["body"][0].value
    assert list((tmp_path / "pictures").iterdir()) == []


def _with_part(package: bytes, name: str, content: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        parts: dict[str, bytes | str] = {one: archive.read(one) for one in archive.namelist()}
    return documentmaker.zipped(parts | {name: content}, "mimetype")


DOCX = documentmaker.made(b"<document><p>x</p></document>", "docx")
NESTED = ("<hp:p><hp:run><hp:tbl><hp:tr><hp:tc><hp:subList>", "</hp:subList></hp:tc></hp:tr></hp:tbl></hp:run></hp:p>")
DOCTYPE = '<!DOCTYPE a [<!ENTITY b "bbbbbbbbbb"><!ENTITY c "&b;&b;&b;&b;&b;&b;">]><hs:sec>&c;</hs:sec>'


@pytest.mark.parametrize(
    ("name", "make", "problem"),
    [
        ("a.hwpx", lambda: b"", "document-empty"),
        ("a.hwpx", lambda: files.hwpx_bomb(200), "document-large"),
        ("a.hwpx", lambda: files.hwpx(DOCTYPE), "document-broken"),
        ("a.hwpx", lambda: files.hwpx(files.section("<a/>" * 15_000_000)), "document-large document-costly"),
        (
            "a.hwpx",
            lambda: files.hwpx(files.section(NESTED[0] * 70 + files.paragraph("a") + NESTED[1] * 70)),
            "document-broken",
        ),
        (
            "a.hwpx",
            lambda: files.hwpx(files.section(NESTED[0] * 35 + files.paragraph("a") + NESTED[1] * 35)),
            "document-large",
        ),
        ("a.hwpx", lambda: files.hwpx(files.section("")), "document-no-text"),
        ("a.hwpx", lambda: files.hwpx(files.section(files.paragraph("가")))[:-30], "document-broken"),
        (
            "a.hwpx",
            lambda: files.hwpx(files.section(""), **{"META-INF/manifest.xml": b"<a><encryption-data/></a>"}),
            "document-protected",
        ),
        ("a.hwpx", lambda: files.hwpx(files.section(files.paragraph("가") * 60_000)), "document-large document-costly"),
        ("a.docx", lambda: _with_part(DOCX, "word/document.xml", b"<!DOCTYPE a><a/>"), "document-broken"),
        ("a.docx", lambda: _with_part(DOCX, "word/document.xml", b"<w:p"), "document-broken"),
        ("a.docx", lambda: _with_part(DOCX, "word/x.xml", b"\0")[:-40], "document-broken document-unknown"),
        ("a.docx", lambda: _with_part(DOCX, "word/document.xml", b" " * 99_000_000), "document-large"),
        ("a.docx", lambda: files.ole({("EncryptedPackage",): b"x"}), "document-protected"),
        ("a.hwp", lambda: files.hwp("가", properties=3), "document-protected"),
        ("a.hwp", lambda: files.hwp("가")[:1500], "document-broken document-unknown"),
        ("a.pdf", lambda: b"%PDF-1.4\n%%EOF", "document-broken"),
        ("a.pdf", lambda: files.pdf(b"q Q"), "document-no-text"),
        ("a.pdf", files.spinning_pdf, "document-costly document-large"),
        ("a.zip", lambda: documentmaker.zipped({"a.txt": b"a"}), "document-unknown"),
        ("a.jpg", lambda: b"\xff\xd8\xff\xe0" + bytes(100), "document-unknown"),
        ("a.exe", lambda: b"MZ\0\0" + bytes(100), "document-unknown"),
    ],
)
def test_what_cannot_be_read_has_one_answer(name: str, make: Callable[[], bytes], problem: str, tmp_path: Path) -> None:
    with pytest.raises(Problem) as raised:
        read(make(), tmp_path, name)
    assert raised.value.type in problem.split() and raised.value.detail
    for lang in texts.LANGUAGES:
        assert texts.text(f"problem:{raised.value.type}", lang)


def test_each_problem_and_warning_has_its_words() -> None:
    keys = {f"problem:document-{key}" for key in PROBLEMS} | {f"document:{key}" for key in WARNINGS}
    assert {key for key in texts.TEXTS if key.startswith(("problem:document-", "document:"))} == keys
    for sources in Path("extract").glob("*.py"), Path("app/intake").glob("documents.py"):
        for path in sources:
            found = re.findall(
                r'(?:_warn|_left_out)\("([a-z-]+)"\)|warnings\.append\("([a-z-]+)"\)', path.read_text("utf-8")
            )
            assert {key for pair in found for key in pair if key} <= WARNINGS


RELEASE = (Path(__file__).parent / "releases").glob("*/*.xml")


def test_a_release_in_xml_is_a_draft_with_all_its_faults(tmp_path: Path) -> None:
    source = (
        '<release xmlns="urn:pressrelay:press-release:1" xml:lang="ko">\n<article version="1"><guid>tag:a.example,2026:1</guid>\n'
        "<issued>2026-03-09T10:00:00+09:00</issued>\n<embargo until='2026-03-10T06:00:00+09:00'>3. 10. 조간</embargo>\n"
        "<headline>제목</headline>\n<subheadline>부제</subheadline><body><p>본문</p></body>\n<region>kr:99999</region>\n"
        "<contact><department>투자금융과</department><phone>063</phone></contact></article>\n<article version='x'/></release>"
    ).encode()
    first, second = read(source, tmp_path, "a.xml")
    assert (first.kind, first.parts["headline"][0].value, first.parts["headline"][0].where) == (
        "xml",
        "제목",
        Where("line", 5),
    )
    assert first.parts["body"][0].value == "<p>본문</p>" and first.parts["subheadline"][0].value == "부제"
    assert first.embargo.until == datetime.fromisoformat("2026-03-10T06:00:00+09:00") and not first.embargo.held
    assert [(fault.line, "kr:99999" in fault.reason) for fault in first.faults] == [(7, True)]
    assert first.people[0].department == "투자금융과" and first.unsure == frozenset()
    assert second.parts == {} and all(fault.line == 9 for fault in second.faults) and second.faults


def test_every_release_of_the_tests_is_read_as_a_draft(tmp_path: Path) -> None:
    seen = set()
    for path in sorted(RELEASE):
        beside = path.with_suffix(".json")
        media_type = json.loads(beside.read_text("utf-8")).get("content_type", "") if beside.exists() else ""
        for reading in read(path.read_bytes(), tmp_path, path.name, media_type or "application/xml"):
            seen.add(path.parent.name)
            assert reading.parts.keys() or reading.faults, path
    assert len(seen) > 5


@pytest.mark.parametrize(
    ("name", "content", "problem", "line"),
    [
        ("a.xml", b"<release>\n<article>", "not-well-formed", 2),
        ("a.xml", b"<unknown/>", "unknown-dialect", 1),
        ("a.json", b'{"a": 1}', "unknown-dialect", 0),
    ],
)
def test_a_release_that_cannot_be_parsed_says_where(
    name: str, content: bytes, problem: str, line: int, tmp_path: Path
) -> None:
    with pytest.raises(Problem) as raised:
        read(content, tmp_path, name)
    assert raised.value.type == problem and raised.value.errors[0].line == line


def test_json_is_a_draft(tmp_path: Path) -> None:
    feed = {
        "version": "https://jsonfeed.org/version/1.1",
        "title": "x",
        "language": "ko",
        "items": [
            {
                "id": "tag:a.example,2026:1",
                "title": "제목",
                "content_text": "본문",
                "date_published": "2026-03-09T10:00:00+09:00",
            }
        ],
    }
    (reading,) = read(json.dumps(feed).encode(), tmp_path, "a.json")
    assert (reading.kind, reading.parts["headline"][0].value) == ("json", "제목")


def test_control_characters_and_scripts_stay_out(tmp_path: Path) -> None:
    inner = files.paragraph("제목\u202e\u0085 <script>alert(1)</script>") + files.paragraph(
        "□ <img src=x onerror=alert(1)>"
    )
    (reading,) = read(files.hwpx(files.section(inner)), tmp_path)
    assert reading.parts["headline"][0].value == "제목 <script>alert(1)</script>"
    assert reading.parts["body"][0].value == "<p>□ &lt;img src=x onerror=alert(1)&gt;</p>"
