"""The documentation as pages: every document, its links, its examples, and that the wheel has them."""

import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from app import store
from app.accounts.offices import OfficeRecord
from app.accounts.people import INVITED
from app.web import manual
from tests.conftest import ROOT, Server

DOCS = sorted(manual.documents())


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    started = Server(tmp_path_factory.mktemp("docs"), base_url="https://press.office.example").start()
    yield started
    started.close()


def signed_in(server: Server) -> str:
    """The secret of an administrator's session."""
    engine, now = server.engine(), datetime.now(UTC)
    link = store.accounts.new_link(engine, "setup", now, INVITED, role="admin")
    person = store.accounts.join(engine, link.id, "독자", "reader@press.example", "stored", now)
    secret = store.accounts.begin_session(engine, person, "", "", now)
    engine.dispose()
    return secret


def get(server: Server, path: str, **headers: str) -> httpx.Response:
    return server.client.get(path, headers={"Accept": "text/html", **headers})


@pytest.mark.parametrize("name", DOCS)
def test_every_document_is_a_page(server: Server, name: str) -> None:
    path = "/docs" if name == manual.INDEX else f"/docs/{name}"
    answer = get(server, path, Cookie="lang=ko")
    assert answer.status_code == 200 and len(answer.content) < 60 * 1024
    assert '<article class="doc" lang="en"' in answer.text and '<html lang="ko">' in answer.text
    assert answer.headers["Cache-Control"].startswith("public, max-age=20")
    again = get(server, path, **{"Cookie": "lang=ko", "If-None-Match": answer.headers["ETag"]})
    assert again.status_code == 304


def test_links_between_documents_lead_to_pages_and_headings() -> None:
    ids = {name: set(re.findall(r' id="([^"]+)"', manual.page_of(name).body)) for name in DOCS}
    for name in DOCS:
        body = re.sub(r"<(pre|code)>.*?</\1>", "", manual.page_of(name).body, flags=re.DOTALL)
        # A file that is no page, such as a program, has no address here; a document always has one.
        assert not [label for label in re.findall(r"<a>(.*?)</a>", body) if ".md" in label], name
        for href in re.findall(r'href="([^"]*)"', body):
            path, _, fragment = href.partition("#")
            if path.startswith(("http", "/docs/api")):
                continue
            to = name if not path else path.removeprefix("/docs").lstrip("/") or manual.INDEX
            assert to in ids and (not fragment or fragment in ids[to]), (name, href)


def test_the_lists_of_documents_are_whole() -> None:
    listed = {path for shelf in manual.shelves() for path, _ in shelf.pages}
    assert listed == {f"/docs/{name}" for name in DOCS if name != manual.INDEX}
    readme = (ROOT / "README.md").read_text("utf-8")
    linked = set(re.findall(r"\]\(docs/([\w./-]+?)(?:\.md)?\)", readme))
    assert linked >= set(DOCS) - {manual.INDEX, *manual.BESIDE}
    assert set(DOCS) > set(manual.BESIDE) and all(f"]({name}.md)" in readme for name in manual.BESIDE)


def test_a_drawing_is_a_table_of_its_arrows() -> None:
    body = manual.page_of("design").body
    assert "flowchart" not in body and "--&gt;" not in body
    assert "<td><code>run</code></td>\n<td>→ <code>deliveries</code>, <code>desk</code></td>" in body
    assert "<strong>An embargo lifts</strong>" in body
    drawing = 'flowchart LR\n  subgraph In["A part"]\n    a.b & c --> d\n  end\n'
    assert manual.arrows_of(drawing).strip() == "**A part**\n\n\n| from | to |\n|---|---|\n| `a.b`, `c` | → `d` |"
    with pytest.raises(ValueError, match=r"not understood: '  a ==> b'"):
        manual.arrows_of("flowchart TD\n  a ==> b\n")


def test_a_document_is_cleaned(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    hostile = (
        "# T <b>x</b>\n\n<script>alert(1)</script>\n\n[a](javascript:alert(1)) [b](tour.md#x) [c](../app/cli.py)"
        " ![p](pictures/a.png)\n\n| a |\n|---|\n| <img src=x onerror=alert(1)> |\n\n## Same\n\n## Same\n"
    )
    (tmp_path / "hostile.md").write_text(hostile, "utf-8")
    (tmp_path / "tour.md").write_text("# Tour\n", "utf-8")
    monkeypatch.setattr(manual, "DOCS", tmp_path)
    for remembered in (manual.documents, manual.page_of):
        remembered.cache_clear()
    try:
        page = manual.page_of("hostile")
        assert "<script" not in page.body and "<img src=x" not in page.body and 'href="javascript' not in page.body
        assert (
            'href="/docs/tour#x"' in page.body and "<a>c</a>" in page.body and 'src="/docs/pictures/a.png"' in page.body
        )
        assert [one.id for one in page.chapters] == ["same", "same-1"]
        with pytest.raises(KeyError):
            manual.page_of("../hostile")
    finally:
        for remembered in (manual.documents, manual.page_of):
            remembered.cache_clear()


def test_examples_name_this_server(server: Server) -> None:
    text = get(server, "/docs/tour").text
    assert "https://press.office.example/feed.atom?region=kr:52" in text
    assert "127.0.0.1:8080/" not in text
    assert "proxy_pass" in get(server, "/docs/nginx.conf").text
    assert "127.0.0.1:8080" in get(server, "/docs/nginx.conf").text  # where nginx finds the server


def test_examples_name_the_office_of_who_is_signed_in() -> None:
    body = "<pre><code>token add seoul 'http://127.0.0.1:8080/feed.atom?office=jeonbuk' jeonbuk</code></pre> office=jeonbuk"
    shown = manual.addressed(body, "https://a.example/<b>", "busan-1")
    assert shown == (
        "<pre><code>token add busan-1 'https://a.example/&lt;b&gt;/feed.atom?office=busan-1' jeonbuk</code></pre> office=jeonbuk"
    )


def test_a_signed_in_person_gets_a_private_page_with_her_office(server: Server) -> None:
    server.save(OfficeRecord("sejong", "세종특별자치시", "", ("kr:36",)))
    cookie = f"__Host-pressrelay={signed_in(server)}"
    answer = get(server, "/docs/tour", Cookie=cookie)
    assert "office=sejong" in answer.text and "token add sejong" in answer.text
    assert answer.headers["Cache-Control"] == "private, no-store"
    reference = get(server, "/docs/api/pushing-and-correcting", Cookie=cookie)
    assert "https://press.office.example/atompub/sejong/" in reference.text


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/docs/none", 404),
        ("/docs/../README", 404),
        ("/docs/%2e%2e/pyproject.toml", 404),
        ("/docs/__init__.py", 404),
        ("/docs/pictures/none.png", 404),
        ("/docs/pictures/..%2Fhttp.md", 404),
        ("/docs/http.md", 308),
        ("/docs/", 308),
        ("/docs/pictures/front-page.png", 200),
    ],
)
def test_other_addresses_below_docs(server: Server, path: str, status: int) -> None:
    answer = get(server, path)
    assert answer.status_code == status
    if status == 308:
        assert answer.headers["Location"] == f"https://press.office.example/docs{'/http' if 'http' in path else ''}"


def test_each_page_has_a_link_to_the_documentation(server: Server) -> None:
    assert re.search(r'<footer.*href="/docs".*</footer>', get(server, "/").text, re.DOTALL)


@pytest.mark.slow
def test_an_installed_server_has_the_documentation(tmp_path: Path) -> None:
    """The wheel holds every document and picture, and everything else that is no Python."""
    source = tmp_path / "source"
    for name in ("app", "bench", "docs", "extract", "feeds", "schemas"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("wsgi.py", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(tmp_path), str(source)]
    made = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert made.returncode == 0, made.stderr[-2000:]
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    expected = {
        str(path.relative_to(ROOT))
        for folder in ("docs", "app/web/templates", "app/web/static", "schemas/codes", "schemas/xsd")
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert not expected - names
    assert "app/sizing/costs.json" in names
