"""From a file to a draft and back to a document, over real HTTP."""

import re
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import httpx
import pytest
from msgspec.structs import replace

from app import store
from app.desk import content as contents
from feeds import hwpx
from tests import documentmaker
from tests.articles import CASES
from tests.test_desk import RELEASE, begun, form, revision
from tests.test_people import Site, browser, close_browsers  # noqa: F401 -- the fixture closes the browsers of these tests too

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("start"))
    yield made
    made.close()


@pytest.fixture(scope="module")
def writer(site: Site) -> httpx.Client:
    return site.member("starter@office.example", "writer")


def start(client: httpx.Client, name: str, content: bytes, type: str = "application/octet-stream") -> httpx.Response:
    return client.post("/desk/start", files=[("office", (None, "jeonbuk")), ("file", (name, content, type))])


def draft_of(answer: httpx.Response) -> str:
    assert answer.status_code == 303, answer.text
    return "/desk" + answer.headers["Location"].partition("/desk")[2]


def value(page: httpx.Response, name: str) -> str:
    found = re.search(rf'name="{name}"[^>]*value="([^"]*)"', page.text)
    assert found, name
    return found[1]


def test_a_release_in_xml_becomes_a_draft(writer: httpx.Client) -> None:
    draft = draft_of(
        start(writer, "everything.xml", (ROOT / "tests/releases/minimal.xml").read_bytes(), "application/xml")
    )
    page = writer.get(draft)
    assert page.status_code == 200
    assert value(page, "headline")


def test_several_articles_become_several_drafts(writer: httpx.Client) -> None:
    answer = start(writer, "everything.xml", (ROOT / "tests/releases/everything.xml").read_bytes(), "application/xml")
    assert answer.headers["Location"].endswith("/desk?office=jeonbuk&state=draft")
    assert "스마트팜 단지, 올해 세 곳 더 문 연다" in writer.get("/desk?office=jeonbuk&state=draft").text


def test_a_printed_release_comes_back_with_its_document(writer: httpx.Client) -> None:
    article = replace(CASES["mixed"].articles[0], embargoed=None, held=False, embargo_wording="")
    draft = draft_of(start(writer, "보도자료.hwpx", hwpx.render_article(article)))
    page = writer.get(draft)
    assert article.headline in page.text
    assert "보도자료.hwpx" in page.text, "the document is a file of the draft"
    printed = writer.get(f"{draft}/release.hwpx")
    assert (printed.status_code, printed.headers["Content-Type"]) == (200, "application/hwp+zip")
    with zipfile.ZipFile(BytesIO(printed.content)) as document:
        text = "".join(document.read(name).decode() for name in document.namelist() if name.endswith(".xml"))
    assert "보도자료.hwpx" in text and "files.invalid" not in text, "its files by their names"
    assert writer.get(f"{draft}/release.pdf").content.startswith(b"%PDF-")
    assert writer.get(f"{draft}/release.doc").status_code == 404


def test_what_is_not_certain_is_marked_until_it_is_changed(writer: httpx.Client) -> None:
    draft = draft_of(start(writer, "a.txt", "어떤 제목\n\n무슨 일이 있었다.\n".encode(), "text/plain"))
    page = writer.get(draft)
    assert 'href="#f-headline"' in page.text
    kept = form(writer, draft, **(RELEASE | {"headline": value(page, "headline"), "revision": revision(page)}))
    page = writer.get(draft_of(kept).partition("?")[0])
    assert 'href="#f-headline"' in page.text, "a mark stays while the field is as it was read"
    form(writer, draft, **(RELEASE | {"headline": "고친 제목", "revision": revision(page)}))
    assert 'href="#f-headline"' not in writer.get(draft).text


@pytest.mark.parametrize(
    ("name", "content"), [("a.exe", b"MZ\x90\x00" + bytes(200)), ("a.hwpx", b"PK\x03\x04broken"), ("a.xml", b"<a>")]
)
def test_what_is_no_document_is_said_beside_the_field(writer: httpx.Client, name: str, content: bytes) -> None:
    answer = start(writer, name, content)
    assert answer.status_code == 422, answer.text
    assert 'id="e-file"' in answer.text


def at_once(site: Site, draft: str) -> None:
    """Publish a draft at once: the instant that its document names has passed."""
    engine, now = site.server.engine(), datetime.now(UTC)
    stored = store.desk.draft_by_id(engine, draft.rpartition("/")[2])
    assert stored
    content = contents.from_json(stored.content)
    content = replace(content, lines=content.lines | {"embargo": "now"})
    text = contents.to_json(content)
    store.desk.save_draft(engine, stored.id, stored.revision, text, stored.headline, stored.writer, now)
    engine.dispose()


def test_the_pictures_of_a_document_are_shown_before_they_are_public(site: Site, writer: httpx.Client) -> None:
    """In the previews of people who may see the draft, and by a link; the link shows nothing more than the preview."""
    answer = start(
        writer, "ministry.hwpx", documentmaker.made((ROOT / "tests/documents/ministry.xml").read_bytes(), "hwpx")
    )
    draft, anybody = draft_of(answer), browser(site.server)
    stranger = site.member("pictures@jeju.example", "editor", "jeju")
    at_once(site, draft)
    for path in ("preview", "preview/page?width=phone"):
        page = writer.get(f"{draft}/{path}")
        shown = re.findall(r'<img src="([^"]+)"', page.text)
        assert shown and "files.invalid" not in page.text, page.text
        for url in shown:
            picture = writer.get(url)
            assert picture.status_code == 200 and picture.content.startswith(b"\x89PNG"), url
            assert picture.headers["Cache-Control"] == "private, no-store"
            assert stranger.get(url).status_code == 404 and anybody.get(url).status_code == 303
    feed = writer.get(f"{draft}/preview/atom").text
    assert "files.invalid" not in feed and f"{site.server.url}/files/" in feed, "the addresses that it will have"
    assert httpx.get(re.findall(rf"{site.server.url}/files/[\w./%-]+", feed)[0], trust_env=False).status_code == 404
    made = writer.post(f"{draft}/links", data={"hours": "1"})
    link = re.findall(r"<code>http://[^/]+(/preview/[\w-]+)</code>", made.text)[0]
    seen = anybody.get(link)
    pictures = re.findall(r'<img src="([^"]+)"', seen.text)
    assert pictures and all(url.startswith(f"{link}/files/") for url in pictures)
    for url in (*pictures, *re.findall(rf'href="({link}/files/[^"]+)"', seen.text)):
        picture = anybody.get(url)
        assert picture.status_code == 200 and picture.headers["Cache-Control"] == "private, no-store", url
        assert picture.headers["X-Robots-Tag"] == "noindex" and "sandbox" in picture.headers["Content-Security-Policy"]
    assert "opened 1 times" in writer.get(f"{draft}/preview").text, "a picture is no visit"
    document = [
        ("revision", (None, revision(writer.get(draft)))),
        ("upload", ("다른.csv", b"a,b\r\n1,2\r\n", "text/csv")),
    ]
    assert writer.post(f"{draft}/files", files=document[1:], headers={"Accept": "application/json"}).status_code == 201
    assert writer.get(f"{draft}/files/%EB%8B%A4%EB%A5%B8.csv").status_code == 200
    for name in ("%EB%8B%A4%EB%A5%B8.csv", "none.png", "..%2F1.png", "x" * 300):
        assert anybody.get(f"{link}/files/{name}").status_code == 404, "it is not in the release"
    assert anybody.get(f"/preview/{'x' * 43}/files/{pictures[0].rpartition('/')[2]}").status_code == 404
    assert (
        writer.post(f"{draft}/discard", data={"revision": revision(writer.get(f"{draft}/preview"))}).status_code == 303
    )
    assert [anybody.get(url).status_code for url in pictures] == [404] * len(pictures), "the link ended"


def test_nobody_else_prints_a_draft(site: Site, writer: httpx.Client) -> None:
    draft = begun(writer)
    stranger = site.member("printer@jeju.example", "editor", "jeju")
    assert stranger.get(f"{draft}/release.pdf").status_code == 404
    assert start(site.member("readonly@office.example", "reader"), "a.txt", b"x").status_code == 404
