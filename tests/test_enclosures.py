"""Files that come with a release: they are accepted, stored, served, and read."""

import hashlib
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from xml.sax.saxutils import quoteattr

import httpx
import pytest

from app import store
from app.files.blobs import Local
from app.files.extraction import Deadline, extract
from app.files.filetypes import judge, see
from app.files.multipart import clean
from app.web.representation import disposition
from tests import files
from tests.conftest import Server, until

HWPX, HWP, PDF = "application/hwp+zip", "application/x-hwp", "application/pdf"
TEXT = "전북특별자치도는 스마트팜 세 곳을 더 연다."
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
NOT_PDF = "'a.pdf' is declared as application/pdf, but is not. It will be served as application/octet-stream."
ODT = "application/vnd.oasis.opendocument.text"
BOUNDARY = "parts-0001"


@pytest.fixture(scope="module")
def token(server: Server) -> str:
    return server.office()


def release(guid: str, *urls: str, body: bool = True, before: str = "", version: int = 1, articles: int = 1) -> bytes:
    """A release whose enclosures refer to these; `before` stands after `issued`."""
    enclosures = "".join(f'<enclosure url={quoteattr(url)} type="application/octet-stream"/>' for url in urls)
    text = "<body><p>본문</p></body>" if body else ""
    one = (
        f'<article version="{version}"><guid>tag:example.org,2026:{guid}{{0}}</guid><issued>2026-03-09T10:00:00+09:00</issued>'
        f"{before}<headline>제목</headline>{text}{enclosures}</article>"
    )
    several = "\n".join(one.format(number or "") for number in range(articles))
    return f'<release xmlns="urn:pressrelay:press-release:1" xml:lang="ko">\n{several}\n</release>'.encode()


def push(
    server: Server, token: str, body: bytes, sent: Mapping[str, tuple[bytes, str]], query: str = ""
) -> httpx.Response:
    """Push a release with files: name -> (content, declared type)."""
    parts: list[Any] = [("release", ("release.xml", body, "application/xml"))]
    parts += [("file", (name, content, type)) for name, (content, type) in sent.items()]
    return server.client.post(f"/releases{query}", files=parts, headers={"Authorization": f"Bearer {token}"})


def raw(
    server: Server, token: str, *parts: tuple[str, bytes], end: bytes = b"--\r\n", **headers: str
) -> httpx.Response:
    """Push parts given as (headers, content)."""
    body = b"".join(
        f"--{BOUNDARY}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + content + b"\r\n"
        for head, content in parts
    )
    sent = {
        "Authorization": f"Bearer {token}",
        "Content-Type": f"multipart/form-data; boundary={BOUNDARY}",
        **headers,
    }
    return server.client.post("/releases", content=body + f"--{BOUNDARY}".encode() + end, headers=sent)


def article(server: Server, answer: httpx.Response) -> dict[str, Any]:
    assert answer.status_code == 201, answer.text
    return dict(server.client.get(f"/articles/{answer.json()['id']}.json").json())


def path_of(server: Server, url: str) -> str:
    assert url.startswith(f"{server.url}/files/"), url
    return url.removeprefix(server.url)


def kept(server: Server, content: bytes) -> Path:
    """Where the bytes are, if they are stored."""
    name = hashlib.sha256(content).hexdigest()
    return server.directory / "files" / name[:2] / name[2:]


def said(answer: httpx.Response) -> str:
    return " ".join([answer.json().get("detail", ""), *(fault["reason"] for fault in answer.json().get("errors", ()))])


def test_a_file_is_kept_served_and_read(server: Server, token: str) -> None:
    document = files.hwpx(files.section(files.paragraph(TEXT)))
    answer = push(server, token, release("whole", "cid:보도자료.hwpx"), {"보도자료.hwpx": (document, HWPX)})
    found = article(server, answer)["enclosures"][0]
    assert (found["type"], found["length"], found["role"]) == (HWPX, len(document), "document")
    assert kept(server, document).read_bytes() == document
    file = server.client.get(path_of(server, found["url"]))
    assert (file.status_code, file.content) == (200, document)
    assert file.headers["Content-Type"] == HWPX
    assert file.headers["ETag"] == f'"{hashlib.sha256(document).hexdigest()}"'
    assert file.headers["X-Content-Type-Options"] == "nosniff"
    assert file.headers["Content-Security-Policy"].startswith("sandbox")
    assert "immutable" in file.headers["Cache-Control"]
    shown = file.headers["Content-Disposition"]
    assert shown.startswith("attachment; ") and unquote(shown.partition("filename*=UTF-8''")[2]) == "보도자료.hwpx"
    page = server.client.get(f"/articles/{answer.json()['id']}", headers={"Accept-Language": "ko"})
    assert "<details>" in page.text and TEXT in page.text and "보도자료.hwpx" in page.text
    for form in ("rss", "atom", "newsml"):
        assert found["url"] in server.client.get(f"/feed.{form}").text, form


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("cid:사진.png", "사진.png"),
        ("cid:%EC%82%AC%EC%A7%84.png", "사진.png"),
        ("사진.png", "사진.png"),
        ("CID:two%20words.png", "two words.png"),
        ("two%20words.png", "two words.png"),
        ("100%.png", "100%.png"),
        ("cid:صورة.png", "صورة.png"),
        ("cid:한글.png", "한글.png"),
        ("x.png", "../../etc/x.png"),
        ("x.png", "..\\\\..\\\\x.png"),
    ],
)
def test_references(server: Server, token: str, reference: str, name: str) -> None:
    guid = f"ref-{hashlib.sha256((reference + name).encode()).hexdigest()[:8]}"
    answer = raw(
        server,
        token,
        ('name="release"', release(guid, reference)),
        (f'name="file"; filename="{name}"\r\nContent-Type: image/png', files.PNG),
    )
    found = article(server, answer)["enclosures"]
    assert len(found) == 1 and found[0]["type"] == "image/png"
    plain = clean(name)
    assert unquote(urlsplit(found[0]["url"]).path.rpartition("/")[2]) == plain
    assert "/" not in plain and "\\" not in plain
    file = server.client.get(path_of(server, found[0]["url"]))
    assert (file.status_code, file.content) == (200, files.PNG)
    assert file.headers["Content-Disposition"].startswith("inline; ")


def test_names_by_rfc_5987(server: Server, token: str) -> None:
    head = 'name="file"; filename="x.png"; filename*=UTF-8\'\'%EC%82%AC%EC%A7%84.png\r\nContent-Type: image/png'
    answer = raw(server, token, ('name="release"', release("star", "cid:사진.png")), (head, files.PNG))
    assert article(server, answer)["enclosures"][0]["url"].endswith("/%EC%82%AC%EC%A7%84.png")


def test_a_file_that_no_enclosure_names_is_the_articles(server: Server, token: str) -> None:
    answer = push(
        server, token, release("loose"), {"a.pdf": (files.pdf(files.page("x")), PDF), "b.png": (files.PNG, "")}
    )
    found = article(server, answer)["enclosures"]
    assert [(e["type"], e["role"], e["caption"]) for e in found] == [
        (PDF, "document", "a.pdf"),
        ("image/png", "photo", "b.png"),
    ]
    answer = push(server, token, release("loose-two", articles=2), {"a.png": (files.PNG, "image/png")})
    assert (answer.status_code, answer.json()["type"]) == (422, "urn:pressrelay:problem:invalid-release")
    assert "No enclosure names the file 'a.png'." in said(answer)
    answer = push(server, token, release("named-two", "a.png", articles=2), {"a.png": (files.PNG, "image/png")})
    assert answer.status_code == 201, answer.text


def test_references_without_a_file_are_faults_with_their_place(server: Server, token: str) -> None:
    body = release("missing", "cid:없음.pdf", "there.png", "other.hwpx")
    answer = push(server, token, body, {"there.png": (files.PNG, "image/png")})
    assert answer.status_code == 422
    errors = answer.json()["errors"]
    assert [error["path"] for error in errors] == [f"/release/article[1]/enclosure[{n}]/@url" for n in (1, 3)]
    assert all(error["line"] == 2 for error in errors)
    assert errors[0]["reason"] == "No file named '없음.pdf' came with the release. Files that came: there.png."
    alone = server.push(token, body)
    assert alone.status_code == 422 and "Files that came: none." in said(alone)


def test_the_body_is_taken_from_the_hwpx(server: Server, token: str) -> None:
    inner = (
        files.paragraph(TEXT)
        + files.table([["부서", "전화"], ["공보관", "063-000-0000"]])
        + files.paragraph("5 < 6 & 끝")
    )
    document = files.hwpx(files.section(inner), files.section(files.paragraph("둘째 장")))
    answer = push(server, token, release("bodyless", body=False), {"원문.hwpx": (document, HWPX)})
    found = article(server, answer)
    assert found["body"].startswith(f"<p>{TEXT}</p><table><tbody><tr><td>부서</td><td>전화</td></tr>")
    assert "<p>5 &lt; 6 &amp; 끝</p><p>둘째 장</p>" in found["body"]
    assert found["summary"] == TEXT
    assert "The body was taken from '원문.hwpx'." in answer.json()["warnings"]
    again = push(server, token, release("bodyless", body=False), {"원문.hwpx": (document, HWPX)})
    assert again.status_code == 200 and again.json() == answer.json() | {"status": 200}


def test_without_body_and_hwpx_it_is_refused(server: Server, token: str) -> None:
    for sent in ({}, {"a.pdf": (files.pdf(files.page("x")), PDF)}):
        answer = push(server, token, release("nobody", body=False), sent)
        assert answer.status_code == 422, answer.text
        (error,) = answer.json()["errors"]
        assert error["reason"] == "The body is empty. Write the text in it, or upload an HWPX file that has the text."
        assert (error["path"], error["line"]) == ("/release/article[1]/body", 2)
    broken = files.hwpx(files.section("<hp:p>"))
    answer = push(server, token, release("nobody", body=False), {"b.hwpx": (broken, HWPX)})
    assert answer.status_code == 422 and len(answer.json()["errors"]) == 1
    assert "no body could be taken from 'b.hwpx': One of its sections is not well-formed XML" in said(answer)


def test_other_content_under_the_same_version_is_refused(server: Server, token: str) -> None:
    one, other = files.pdf(files.page("one")), files.pdf(files.page("other"))
    assert push(server, token, release("fixed", "a.pdf"), {"a.pdf": (one, PDF)}).status_code == 201
    assert push(server, token, release("fixed", "a.pdf"), {"a.pdf": (one, PDF)}).status_code == 200
    answer = push(server, token, release("fixed", "a.pdf"), {"a.pdf": (other, PDF)})
    assert (answer.status_code, answer.json()["type"]) == (409, "urn:pressrelay:problem:changed-version")


def test_a_correction_keeps_files_by_their_url_and_drops_others(server: Server, token: str) -> None:
    first, second = files.pdf(files.page("first")), files.pdf(files.page("second"))
    answer = push(server, token, release("corrected"), {"1.pdf": (first, PDF), "2.pdf": (second, PDF)})
    urls = [enclosure["url"] for enclosure in article(server, answer)["enclosures"]]
    corrected = server.push(token, release("corrected", urls[1], version=2))
    assert article(server, corrected)["enclosures"][0]["length"] == len(second)
    assert server.client.get(path_of(server, urls[1])).content == second
    gone = server.client.get(path_of(server, urls[0]))
    assert (gone.status_code, gone.json()["type"]) == (404, "urn:pressrelay:problem:unknown-file")
    assert gone.headers["Cache-Control"] == "no-store"
    stolen = server.push(token, release("thief", urls[1]))
    assert stolen.status_code == 422 and "is not a file of this article." in said(stolen)


def test_a_canceled_article_takes_its_file_along(server: Server, token: str) -> None:
    content = files.pdf(files.page("canceled"))
    answer = push(server, token, release("cancel", "a.pdf"), {"a.pdf": (content, PDF)})
    path = path_of(server, article(server, answer)["enclosures"][0]["url"])
    assert server.client.get(path).status_code == 200
    again = release("cancel", version=2).replace(b'version="2"', b'version="2" pubstatus="canceled"')
    assert server.push(token, again).status_code == 201
    assert server.client.get(path).status_code == 404


def test_a_file_under_embargo_does_not_exist_yet(server: Server, token: str) -> None:
    lifts = datetime.now(UTC) + timedelta(seconds=2)
    content = files.pdf(files.page("secret"))
    body = release("embargo-file", "a.pdf", before=f"<embargo until='{lifts.isoformat()}'/>")
    assert push(server, token, body, {"a.pdf": (content, PDF)}).status_code == 201
    sha256 = hashlib.sha256(content).hexdigest()
    path = f"/files/{sha256}/a.pdf"
    while datetime.now(UTC) < lifts - timedelta(seconds=0.3):
        answer = server.client.get(path, headers={"If-None-Match": f'"{sha256}"', "Range": "bytes=0-3"})
        assert answer.status_code == 404 or datetime.now(UTC) >= lifts
        if answer.status_code == 404:
            assert answer.headers["Cache-Control"] == "no-store" and sha256 not in answer.text
    until(lambda: server.client.get(path).status_code == 200, 3)
    assert datetime.now(UTC) >= lifts
    assert server.client.get(path).content == content


def test_dry_run_keeps_no_file(server: Server, token: str) -> None:
    content = files.pdf(files.page("dry run"))
    answer = push(server, token, release("dry-file", "a.pdf"), {"a.pdf": (content, PDF)}, "?dry_run=1")
    assert (answer.status_code, answer.json()["dry_run"]) == (200, True)
    refused = push(server, token, release("dry-file", "b.pdf"), {"a.pdf": (content, PDF)})
    assert refused.status_code == 422
    assert not kept(server, content).exists()
    assert not list((server.directory / "files" / "incoming").iterdir())


@pytest.fixture(scope="module")
def served(server: Server, token: str) -> tuple[str, bytes]:
    """A public file of some length: its path and bytes."""
    content = files.pdf(files.page("range") + b" " * 200_000)
    answer = push(server, token, release("range", "a.pdf"), {"a.pdf": (content, PDF)})
    return path_of(server, article(server, answer)["enclosures"][0]["url"]), content


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-3", slice(0, 4)),
        ("bytes=100-", slice(100, None)),
        ("bytes=0-", slice(0, None)),
        ("bytes=-5", slice(-5, None)),
        ("bytes=70000-150000", slice(70000, 150001)),
        ("bytes=5-99999999", slice(5, None)),
        ("bytes=-99999999", slice(0, None)),
        ("bytes=0-1,3-4", None),
        ("lines=1-2", None),
        ("bytes=x-y", None),
        ("bytes=9-3", None),
    ],
)
def test_ranges(server: Server, served: tuple[str, bytes], asked: str, part: slice | None) -> None:
    path, content = served
    answer = server.client.get(path, headers={"Range": asked})
    expected = content if part is None else content[part]
    assert answer.content == expected
    assert answer.status_code == (200 if part is None else 206)
    assert answer.headers["Content-Length"] == str(len(expected))
    if part is not None:
        start, stop, _ = part.indices(len(content))
        assert answer.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{len(content)}"


def test_ranges_that_cannot_be(server: Server, served: tuple[str, bytes]) -> None:
    path, content = served
    for asked in (f"bytes={len(content)}-", "bytes=99999999-", "bytes=-0"):
        answer = server.client.get(path, headers={"Range": asked})
        assert (answer.status_code, answer.headers["Content-Range"]) == (416, f"bytes */{len(content)}"), asked


def test_conditions(server: Server, served: tuple[str, bytes]) -> None:
    path, content = served
    etag = f'"{hashlib.sha256(content).hexdigest()}"'
    for condition, status in (
        (etag, 206),
        ('"other"', 200),
        (f"W/{etag}", 200),
        ("Mon, 09 Mar 2026 01:00:00 GMT", 200),
    ):
        answer = server.client.get(path, headers={"Range": "bytes=0-3", "If-Range": condition})
        assert answer.status_code == status, condition
    fresh = server.client.get(path, headers={"If-None-Match": etag, "Range": "bytes=0-3"})
    assert (fresh.status_code, fresh.content) == (304, b"")
    head = server.client.head(path)
    assert (head.status_code, head.content, head.headers["Content-Length"]) == (200, b"", str(len(content)))
    assert head.headers["Accept-Ranges"] == "bytes"


@pytest.mark.parametrize(
    "change",
    [lambda p: p[:-5] + "b.pdf", lambda p: p.replace("/files/", "/files/0"), lambda p: f"/files/{'a' * 64}/a.pdf"],
)
def test_other_addresses_are_unknown(server: Server, served: tuple[str, bytes], change: Any) -> None:
    answer = server.client.get(change(served[0]))
    assert (answer.status_code, answer.json()["type"]) == (404, "urn:pressrelay:problem:unknown-file")


@pytest.mark.parametrize(
    ("name", "content", "declared", "real", "warning"),
    [
        ("a.pdf", files.pdf(b""), PDF, PDF, ""),
        ("a.hwpx", files.hwpx(files.section("")), "application/vnd.hancom.hwpx", HWPX, ""),
        ("a.hwpx", files.hwp("x"), HWPX, HWP, f"'a.hwpx' is declared as {HWPX}, but is {HWP}. It will be served as {HWP}."),
        ("a.hwpx", files.hwp("x"), "", HWP, f"The name 'a.hwpx' means {HWPX}, but the file is {HWP}. It will be served as {HWP}."),
        (
            "a.hwp", files.hwpx(files.section("")), "", HWPX,
            f"The name 'a.hwp' means {HWP}, but the file is {HWPX}. It will be served as {HWPX}.",
        ),
        (
            "a.jpg", files.PNG, "image/jpeg", "image/png",
            "'a.jpg' is declared as image/jpeg, but is image/png. It will be served as image/png.",
        ),
        ("a.png", files.PNG, "image/png", "image/png", ""),
        ("a.jpg", b"\xff\xd8\xff\xe0....", "image/jpg", "image/jpeg", ""),
        ("a.webp", b"RIFF....WEBPVP8 ", "image/webp", "image/webp", ""),
        ("a.mp4", b"\0\0\0\x18ftypmp42", "video/mp4", "video/mp4", ""),
        ("a.txt", "보도자료".encode("cp949"), "text/plain", "text/plain", ""),
        ("a.csv", b"a,b\n1,2\n", "text/csv", "text/csv", ""),
        ("a.docx", b"PK\x03\x04" + bytes(40) + b"PK\x01\x02word/document.xml", "", DOCX, ""),
        ("a.odt", b"PK\x03\x04" + bytes(22) + b"\x08\0\0\0mimetypeapplication/vnd.oasis.opendocument.textPK", "", ODT, ""),
        ("a.zip", b"PK\x03\x04" + bytes(22) + b"\x08\0\0\0mimetypeapplication/xhtml+xml", "", "application/zip", ""),
        ("a.zip", b"PK\x03\x04" + bytes(40), "application/x-zip-compressed", "application/zip", ""),
        ("a.bin", bytes(range(256)), "", "application/octet-stream", ""),
        ("a.pdf", bytes(range(256)), PDF, "application/octet-stream", NOT_PDF),
        ("a.odt", b"\0\1\2", ODT, ODT, ""),
    ],
)  # fmt: skip
def test_types_by_their_bytes(
    tmp_path: Path, name: str, content: bytes, declared: str, real: str, warning: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    judged = judge(name, declared, see(path))
    assert (judged.mimetype, judged.warning, judged.refusal) == (real, warning, "")


@pytest.mark.parametrize(
    ("name", "content", "declared"),
    [
        ("a.pdf", b"MZ\x90\0", PDF),
        ("a", b"\x7fELF", ""),
        ("a.txt", b"#!/bin/sh\n", "text/plain"),
        ("a.txt", b"\xef\xbb\xbf  <!-- x --><!DOCTYPE html><p>", "text/plain"),
        ("a.txt", "<html><script>".encode("utf-16"), "text/plain"),
        ("a.png", b"<?xml version='1.0'?><svg xmlns='http://www.w3.org/2000/svg'/>", "image/png"),
        ("a.xml", b"<s:svg xmlns:s='http://www.w3.org/2000/svg'/>", "application/xml"),
        ("a.html", b"nothing", ""),
        ("a.dat", b"nothing", "text/html"),
        ("a.jar", b"PK\x03\x04" + bytes(40), "application/zip"),
    ],
)
def test_programs_and_pages_are_refused(server: Server, token: str, name: str, content: bytes, declared: str) -> None:
    answer = push(server, token, release("refused", f"cid:{name}"), {name: (content, declared)})
    assert answer.status_code == 422, answer.text
    (error,) = answer.json()["errors"]
    assert error["path"] == "/release/article[1]/enclosure/@url"
    assert error["reason"].startswith(f"{name!r} is a program or an active page")
    assert not kept(server, content).exists()


def test_a_wrong_type_and_length_are_warned_of(server: Server, token: str) -> None:
    body = release("warned", "cid:a.hwpx").replace(b'"application/octet-stream"', b'"application/hwp+zip" length="7"')
    document = files.hwp("옛 형식의 글")
    answer = push(server, token, body, {"a.hwpx": (document, "application/octet-stream")})
    found = article(server, answer)["enclosures"][0]
    assert (found["type"], found["length"]) == (HWP, len(document))
    assert (
        "'a.hwpx' is declared as application/hwp+zip, but is application/x-hwp. It will be served as application/x-hwp."
        in answer.json()["warnings"]
    )
    assert f"The file 'a.hwpx' has {len(document)} bytes, not 7 as declared." in answer.json()["warnings"]
    assert "옛 형식의 글" in server.client.get(f"/articles/{answer.json()['id']}").text


LOCKED = {"META-INF/manifest.xml": b"<encryption-data/>"}
DEEP = "<hp:p><hp:run><hp:tbl><hp:tr><hp:tc><hp:subList>", "</hp:subList></hp:tc></hp:tr></hp:tbl></hp:run></hp:p>"


@pytest.mark.parametrize(
    ("mimetype", "make", "problem"),
    [
        (HWPX, lambda: files.hwpx_bomb(200), "Its parts have more than 64 MB when decompressed."),
        (HWPX, lambda: files.hwpx(files.section("<hp:p>" * 5000)), "One of its sections is not well-formed XML (line 1)."),
        (HWPX, lambda: files.hwpx('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'), "One of its sections has a DOCTYPE."),
        (HWPX, lambda: files.hwpx(), "It has no Contents/section0.xml."),
        (HWPX, lambda: files.hwpx(files.section(""))[:200], "It is not a complete HWPX file (BadZipFile)."),
        (HWPX, lambda: files.hwpx(files.section(""), **LOCKED), "It is protected by a password."),
        (HWP, lambda: files.hwp("x", properties=3), "It is protected, so its text cannot be read."),
        (HWP, lambda: files.hwp("x")[:3000], "It is not a complete HWP file (OleFileError)."),
        (PDF, lambda: files.pdf(files.page("x"))[:200], "It is not a complete PDF file."),
        (PDF, files.spinning_pdf, "Reading it took more time or memory than allowed."),
        (PDF, files.endless_pdf, "Reading it took too long."),
    ],
)  # fmt: skip
def test_what_cannot_be_read_says_so(tmp_path: Path, mimetype: str, make: Any, problem: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(make())
    began = time.monotonic()
    extracted = extract(path, mimetype, Deadline())
    assert extracted.problem in (problem, *(TOO_MUCH if problem in TOO_MUCH else ()))
    assert extracted.blocks == () and time.monotonic() - began < 7


# By processor time, memory or the clock: which limit is reached first depends on the machine.
TOO_MUCH = ("Reading it took more time or memory than allowed.", "Reading it took too long.")


def test_what_is_read(tmp_path: Path) -> None:
    tracked = "<hp:p><hp:run><hp:t>가<hp:deleteBegin/>나<hp:deleteEnd/>다<hp:lineBreak/>라</hp:t></hp:run></hp:p>"
    comment = f"<hp:hiddenComment><hp:subList>{files.paragraph('비밀')}</hp:subList></hp:hiddenComment>"
    hidden = f"<hp:p><hp:run><hp:ctrl>{comment}</hp:ctrl></hp:run></hp:p>"
    for mimetype, content, text in (
        (HWPX, files.hwpx(files.section(tracked + hidden)), "가다\n라"),
        (HWPX, files.hwpx(files.section(DEEP[0] * 40 + files.paragraph("깊이") + DEEP[1] * 40)), "깊이"),
        (HWP, files.hwp("첫 문단", "둘째\t문단"), "첫 문단\n\n둘째\t문단"),
        (HWP, files.hwp("그냥", properties=0), "그냥"),
        (PDF, files.pdf(files.page("Hello there")), "Hello there"),
        ("text/plain", "안녕\r\n\r\n둘".encode("cp949"), "안녕\n\n둘"),
    ):
        path = tmp_path / "file"
        path.write_bytes(content)
        extracted = extract(path, mimetype, Deadline())
        assert (extracted.text, extracted.problem) == (text, "")


def test_a_foreign_writers_hwpx_is_read(tmp_path: Path) -> None:
    from hwpx import HwpxDocument

    path = tmp_path / "a.hwpx"
    document = HwpxDocument.new()
    document.add_paragraph(TEXT)
    grid = document.add_table(1, 2)
    grid.set_cell_text(0, 0, "가")
    grid.set_cell_text(0, 1, "나")
    document.save_to_path(str(path))
    assert judge("a.hwpx", "", see(path)).mimetype == HWPX
    assert extract(path, HWPX, Deadline()).text == f"{TEXT}\n\n가\t나"


def test_a_text_too_long_is_cut(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"\n\n".join([b"x" * 100_000] * 20))
    extracted = extract(path, "text/plain", Deadline())
    assert extracted.cut and len(extracted.text) <= 1_100_000 and extracted.problem == ""


@pytest.mark.slow
def test_a_push_is_taken_whatever_its_files_do(server: Server, token: str) -> None:
    sent = {f"{n}.pdf": (files.endless_pdf() + b"%%%d" % n, PDF) for n in range(4)}
    sent["good.hwpx"] = (files.hwpx(files.section(files.paragraph(TEXT))), HWPX)
    began = time.monotonic()
    answer = push(server, token, release("hostile"), sent)
    assert time.monotonic() - began < 12, "all files of a push share one deadline"
    assert len(article(server, answer)["enclosures"]) == 5
    assert sum("could not be read" in warning for warning in answer.json()["warnings"]) >= 4
    assert server.client.get("/healthz").status_code == 200


@pytest.mark.parametrize(
    ("parts", "status", "type", "words"),
    [
        ([], 400, "bad-multipart", "No part is named 'release'"),
        ([('name="file"; filename="a.png"', files.PNG)], 400, "bad-multipart", "No part is named 'release'"),
        ([('name="release"', b"<a/>"), ('name="release"', b"<a/>")], 400, "bad-multipart", "Two parts are named 'release'"),
        ([('name="other"', b"x")], 400, "bad-multipart", "'other' is not named 'release' and has no file name"),
        ([('name="file"; filename="a"', b"x"), ('name="file"; filename="a"', b"y")], 400, "bad-multipart", "Two files are named 'a'"),
        ([('name="file"; filename="../.."', b"x")], 400, "bad-multipart", "cannot be used. Rename the file."),
        ([('name="file"; filename="a"', b"")], 400, "bad-multipart", "'a' is empty"),
        ([('name="file"; filename="a"\r\nContent-Transfer-Encoding: base64', b"eA==")], 400, "bad-multipart", "encoding 'base64'"),
        ([("name=\"file\"; filename=\"a\"\r\nX: " + "y" * 300_000, b"x")], 400, "bad-multipart", "headers of a part are too long"),
        ([('name="release"\r\nContent-Type: text/html', b"<a/>")], 415, "unsupported-media-type", "has the type 'text/html'"),
        ([(f'name="file"; filename="{n}"', b"x") for n in range(21)], 413, "too-many-files", "at most 20 files"),
        ([('name="release"', b"<release")], 400, "not-well-formed", ""),
    ],
)  # fmt: skip
def test_parts_that_cannot_be_taken(
    server: Server, token: str, parts: list[tuple[str, bytes]], status: int, type: str, words: str
) -> None:
    answer = raw(server, token, *parts)
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:pressrelay:problem:{type}"), answer.text
    assert words in said(answer), answer.text


def test_uploads_that_are_not_whole(server: Server, token: str) -> None:
    parts = [('name="release"', release("torn", "a.png")), ('name="file"; filename="a.png"', files.PNG)]
    assert raw(server, token, *parts, end=b"").json()["type"].endswith("bad-multipart")
    wrong = {"Content-Digest": "sha-256=:" + "A" * 43 + "=:"}
    assert raw(server, token, *parts, **wrong).json()["type"].endswith("digest-mismatch")
    bare = {"Content-Type": "multipart/form-data"}
    assert "has no boundary" in said(raw(server, token, *parts, **bare))
    assert raw(server, token, *parts).status_code == 201


def test_limits(own_server: Any) -> None:
    server = own_server(max_file="1000", max_upload="10000", max_body="2000", workers="1").start()
    token = server.office()
    answer = push(server, token, release("big"), {"a.bin": (bytes(1001), "")})
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:pressrelay:problem:file-too-large")
    assert answer.json()["detail"] == "'a.bin' is too large. A file may have at most 1000 bytes."
    answer = push(server, token, release("big"), {f"{n}": (bytes(1000), "") for n in range(11)})
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:pressrelay:problem:too-large")
    answer = push(server, token, release("big") + b" " * 2000, {})
    assert answer.status_code in (413, 415)
    answer = raw(server, token, ('name="release"', release("big") + b" " * 2000))
    assert (answer.status_code, answer.json()["type"]) == (413, "urn:pressrelay:problem:too-large")
    assert push(server, token, release("big"), {"a.bin": (bytes(1000), "")}).status_code == 201


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.pdf", 'attachment; filename="a.pdf"'),
        ("a b.pdf", 'attachment; filename="a b.pdf"'),
        ('a"b\\.pdf', "attachment; filename=\"a_b_.pdf\"; filename*=UTF-8''a%22b%5C.pdf"),
        ("가.pdf", "attachment; filename=\"_.pdf\"; filename*=UTF-8''%EA%B0%80.pdf"),
        ("100%.pdf", "attachment; filename=\"100_.pdf\"; filename*=UTF-8''100%25.pdf"),
    ],
)
def test_disposition(name: str, expected: str) -> None:
    assert disposition(name, inline=False) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("C:\\Users\\x\\보도자료.hwpx", "보도자료.hwpx"),
        ("/etc/passwd", "passwd"),
        ("..", ""),
        ("a\r\nb\x00\u202efdp.exe", "a bfdp.exe"),
        ("x" * 300 + ".hwpx", "x" * 145 + ".hwpx"),
        ("a/", ""),
    ],
)
def test_names_are_cleaned(name: str, expected: str) -> None:
    assert clean(name) == expected


def test_files_that_nobody_wants_are_swept(tmp_path: Path) -> None:
    blobs = Local(tmp_path / "files")
    names = {}
    for text in ("wanted", "orphan", "young"):
        source = tmp_path / text
        source.write_text(text)
        names[text] = hashlib.sha256(text.encode()).hexdigest()
        blobs.keep(names[text], source)
    old = time.time() - 2 * 86400
    for text in ("wanted", "orphan"):
        os.utime(blobs.path(names[text]), (old, old))
    left = tmp_path / "files" / "incoming" / "left"
    left.mkdir(parents=True)
    os.utime(left, (old, old))
    assert blobs.sweep(lambda asked: {names["wanted"]} & set(asked), timedelta(days=1)) == 1
    assert [text for text in names if blobs.path(names[text]).exists()] == ["wanted", "young"]
    assert not left.exists()


def test_a_lost_file_is_not_half_served(server: Server, token: str) -> None:
    content = files.pdf(files.page("lost") + b" " * 100_000)
    answer = push(server, token, release("lost", "a.pdf"), {"a.pdf": (content, PDF)})
    path = path_of(server, article(server, answer)["enclosures"][0]["url"])
    kept(server, content).write_bytes(content[:1000])
    assert server.client.get(path).status_code == 503
    kept(server, content).unlink()
    assert server.client.get(path).status_code == 503
    assert push(server, token, release("lost", "a.pdf"), {"a.pdf": (content, PDF)}).status_code == 200
    assert server.client.get(path).content == content, "the same push again mends it"


def test_the_store_knows_who_may_see_a_file(engine: store.Engine) -> None:
    from app.store.articles import FileRecord, Item
    from tests.test_store import article as made
    from tests.test_store import put_items

    one = FileRecord(0, "a" * 64, "가.pdf", PDF, 5, "글", "read")
    held, public = made("tag:held", held=True), made("tag:public")
    outcomes = put_items(engine, [Item(held, b"1" * 32, (), (one,)), Item(public, b"2" * 32)])
    assert [stored.outcome for stored in outcomes] == ["stored", "stored"]
    assert store.articles.public_files(engine, one.sha256) == []
    assert store.articles.files_of(engine, "tag:held") == [one]
    assert store.articles.wanted(engine, {one.sha256, "b" * 64}) == {one.sha256}
    freed = made("tag:held", version=2)
    put_items(engine, [Item(freed, b"3" * 32, (), (one,))])
    assert store.articles.public_files(engine, one.sha256) == [one]


def test_push_command_with_files(server: Server, token: str, tmp_path: Path) -> None:
    (tmp_path / "release.xml").write_bytes(release("command-files", "cid:원문.pdf"))
    (tmp_path / "원문.pdf").write_bytes(files.pdf(files.page("by command")))
    words = ("push", "--url", server.url, "--token", token, str(tmp_path / "release.xml"))
    done = server.run(*words, "--enclosure", str(tmp_path / "원문.pdf"))
    assert done.returncode == 0 and "201 tag:example.org,2026:command-files" in done.stdout, done.stderr
    done = server.run(*words)
    assert done.returncode == 1 and "No file named '원문.pdf' came with the release" in done.stderr
    done = server.run(*words, "--enclosure", str(tmp_path / "nothing.pdf"))
    assert done.returncode == 1 and "nothing.pdf cannot be read: No such file" in done.stderr
    done = server.run(*words, words[-1], "--enclosure", str(tmp_path / "원문.pdf"))
    assert done.returncode == 1 and "--enclosure works only with exactly one release, not with 2." in done.stderr


def test_sweep_command(server: Server) -> None:
    orphan = kept(server, b"orphan")
    orphan.parent.mkdir(parents=True, exist_ok=True)
    orphan.write_bytes(b"orphan")
    assert server.run("files", "sweep").stdout == "Files removed: 0.\n"
    old = time.time() - 2 * 86400
    os.utime(orphan, (old, old))
    assert server.run("files", "sweep").stdout == "Files removed: 1.\n"
    assert not orphan.exists()


def test_two_offices_that_call_the_same_file_differently(server: Server, token: str) -> None:
    content = b"a,b\n1,2\n" * 3
    other = server.office("types", "유형청", "kr:26")
    csv = push(server, token, release("type-csv", "same.txt"), {"same.txt": (content, "text/csv")})
    path = f"/files/{hashlib.sha256(content).hexdigest()}/same.txt"
    assert csv.status_code == 201 and server.client.get(path).headers["Content-Type"].startswith("text/csv")
    plain = push(server, other, release("type-plain", "same.txt"), {"same.txt": (content, "text/plain")})
    assert plain.status_code == 201
    assert server.client.get(path).headers["Content-Type"] == "application/octet-stream", "neither's word counts"
