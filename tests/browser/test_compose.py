"""A release is written in a browser: saved as one types, by two people, with an editor, pastes, places and files; also offline."""

import re
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Route, expect

from app import store
from app.desk import content as contents
from tests import documentmaker
from tests.browser.conftest import chromium  # noqa: F401 -- a fixture
from tests.conftest import until
from tests.test_people import Site

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
PASTES = [path for path in sorted((ROOT / "tests/pastes").glob("*.html")) if ".clean." not in path.name]
PASTE = """html => {
  const data = new DataTransfer();
  data.setData('text/html', html);
  data.setData('text/plain', 'plain');
  const paste = new ClipboardEvent('paste', {clipboardData: data, bubbles: true, cancelable: true});
  document.getElementById('body-editor').dispatchEvent(paste);
}"""
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 200
SAVED = re.compile(r"\d\d:\d\d:\d\d 저장함")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("compose"))
    yield made
    made.close()


class Writer:
    """A press officer in a browser of their own."""

    def __init__(self, desk: Site, browser: Browser, name: str, **how: object) -> None:
        self.desk = desk
        client = desk.member(f"{name}@office.example", "writer")
        how = {"locale": "ko", "viewport": {"width": 1280, "height": 900}} | how
        self.context: BrowserContext = browser.new_context(base_url=desk.server.url, **how)  # type: ignore[arg-type]
        self.cookie = client.cookies["pressrelay"]
        client.close()
        self.context.add_cookies([{"name": "pressrelay", "value": self.cookie, "url": desk.server.url}])
        self.said: list[str] = []

    def page(self, path: str = "/desk/new") -> Page:
        page = self.context.new_page()
        page.on("console", self.note)
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.goto(path)
        return page

    def note(self, message: ConsoleMessage) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.said.append(message.text)


@pytest.fixture
def writer(desk: Site, chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Writer]:  # noqa: F811
    made = Writer(desk, chromium, re.sub(r"[\W_]+", "-", request.node.name).strip("-"))
    yield made
    made.context.close()
    assert made.said == [], "nothing is said in the console, also not by the content security policy"


def stored(desk: Site, page: Page) -> contents.DraftText:
    engine = desk.server.engine()
    found = store.desk.draft_by_id(engine, page.url.rpartition("/")[2])
    engine.dispose()
    assert found is not None, page.url
    return contents.from_json(found.content)


def saved(page: Page) -> None:
    """Wait until everything is saved."""
    page.wait_for_timeout(50)
    expect(page.locator("#saved")).to_have_text(SAVED, timeout=15_000)


def written(page: Page, text: str) -> None:
    page.locator("#body-editor").click()
    page.keyboard.type(text)


def test_it_is_saved_as_one_types(desk: Site, writer: Writer) -> None:
    page = writer.page()
    page.get_by_label("제목", exact=True).fill("저절로 저장된다")
    written(page, "한 문단")
    saved(page)
    assert re.search(r"/desk/drafts/[0-9a-f]{16}$", page.url)
    assert (stored(desk, page)["headline"], stored(desk, page)["body"]) == ("저절로 저장된다", "<p>한 문단</p>")
    # A fault shows beside the field after the person left it, and the focus stays where it is.
    page.get_by_label("전자우편", exact=False).fill("주소 아님")
    page.locator("[name=keyword]").focus()
    fault = page.locator("#e-contact-email-1")
    expect(fault).to_contain_text("전자우편", timeout=10_000)
    assert page.locator("[name=contact-email]").get_attribute("aria-invalid") == "true"
    assert page.evaluate("document.activeElement.name") == "keyword"
    page.locator("[name=contact-email]").fill("press@office.example")
    expect(fault).to_have_count(0, timeout=10_000)
    page.reload()
    assert page.locator("#body-editor").inner_text().strip() == "한 문단"


def test_a_kill_loses_at_most_two_seconds(desk: Site, writer: Writer) -> None:
    """Saves wait for each other, so on a busy machine more of them are unfinished: one of three tries must succeed."""
    assert any(lost(desk, writer) < timedelta(seconds=2 + 2) for _ in range(3))


def lost(desk: Site, writer: Writer) -> timedelta:
    """How long before the kill the first lost text was typed. The page still has it, and sends it when the server is back."""
    page = writer.page()
    page.get_by_label("제목", exact=True).fill("죽어도 남는다")
    saved(page)
    begun, number = datetime.now(), 0
    when: dict[int, datetime] = {}
    page.locator("#body-editor").click()
    while datetime.now() - begun < timedelta(seconds=7):
        number += 1
        page.keyboard.type(f"{number} ", delay=20)
        when[number] = datetime.now()
    killed = datetime.now()
    desk.server.stop(signal.SIGKILL)
    desk.server.start()
    kept = re.findall(r"\d+", stored(desk, page)["body"])
    last = int(kept[-1]) if kept else 0
    until(lambda: str(number) in re.findall(r"\d+", stored(desk, page)["body"]), seconds=40)
    assert [int(one) for one in re.findall(r"\d+", stored(desk, page)["body"])] == [*range(1, number + 1)]
    return killed - when.get(last + 1, killed)


def test_offline_nothing_is_lost(desk: Site, writer: Writer) -> None:
    page = writer.page()
    page.get_by_label("제목", exact=True).fill("끊겨도 쓴다")
    saved(page)
    writer.context.set_offline(True)
    written(page, "끊긴 동안 쓴 글")
    expect(page.locator("#saved")).to_contain_text("이 브라우저에 두었고", timeout=10_000)
    asked: list[str] = []
    page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.accept()))
    writer.context.set_offline(False)
    saved(page)
    assert "끊긴 동안 쓴 글" in stored(desk, page)["body"]
    # If nothing could be saved, the tab warns when it is closed, and offers the text when it is opened again.
    page.route("**/desk/drafts/*", lambda route: route.abort() if route.request.method == "POST" else route.continue_())
    page.locator("[name=note]").fill("남겨 둔 알림")
    expect(page.locator("#saved")).to_contain_text("이 브라우저에 두었고", timeout=10_000)
    page.reload()
    assert asked == ["beforeunload"]
    page.unroute("**/desk/drafts/*")
    page.get_by_role("button", name="그 글 불러오기").click()
    assert page.locator("[name=note]").input_value() == "남겨 둔 알림"
    saved(page)
    assert stored(desk, page)["note"] == "남겨 둔 알림"


def test_two_people_are_told(desk: Site, writer: Writer, chromium: Browser) -> None:  # noqa: F811
    page = writer.page()
    page.get_by_label("제목", exact=True).fill("둘이 쓴다")
    saved(page)
    other = Writer(desk, chromium, "the-other")
    theirs = other.page(page.url.partition("/desk")[2].join(("/desk", "")))
    expect(theirs.locator("#others")).to_contain_text("test-two-people-are-told")
    theirs.locator("[name=note]").fill("다른 이의 알림")
    saved(theirs)
    page.locator("[name=note]").fill("나의 알림")
    expect(page.locator("#told")).to_contain_text("the-other 님이 이 초안을 고쳤습니다", timeout=10_000)
    expect(page.locator("#saved")).to_contain_text("따로 저장함")
    page.locator("[name=note]").fill("나의 더 긴 알림")
    page.wait_for_timeout(2500)
    assert stored(desk, page)["note"] == "다른 이의 알림"
    with page.expect_popup() as popup:
        page.get_by_role("link", name="서로 견주어 보기").click()
    expect(popup.value.locator("main")).to_contain_text("나의 더 긴 알림")
    page.get_by_role("button", name="내 글로 저장하기").click()
    saved(page)
    assert stored(desk, page)["note"] == "나의 더 긴 알림"
    assert theirs.goto(f"{page.url}/versions").status == 200  # type: ignore[union-attr]
    other.context.close()
    assert other.said == []


def test_the_toolbar_and_the_keyboard(desk: Site, writer: Writer) -> None:
    page = writer.page()
    page.get_by_label("제목", exact=True).fill("편집기")
    editor = page.locator("#body-editor")
    editor.focus()
    page.keyboard.type("큰 제목")
    page.keyboard.press("Alt+F10")
    assert page.evaluate("document.activeElement.title") == "본문"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    expect(page.get_by_role("button", name="제목 2")).to_have_attribute("aria-pressed", "true")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    page.keyboard.type("하나")
    page.get_by_role("button", name="목록", exact=True).click()
    page.keyboard.press("Enter")
    page.keyboard.type("둘")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.keyboard.type("누리집")
    page.keyboard.press("Shift+Home")
    page.get_by_role("button", name="링크", exact=True).click()
    page.get_by_label("링크 주소").fill("javascript:alert(1)")
    page.keyboard.press("Enter")
    expect(page.locator("#link-wrong")).to_be_visible()
    page.get_by_label("링크 주소").fill("https://www.jeonbuk.example/")
    page.keyboard.press("Enter")
    page.keyboard.press("End")
    page.keyboard.press("Enter")
    saved(page)
    page.get_by_role("button", name="표 넣기").click()
    until(lambda: "<tr>" in stored(desk, page)["body"], seconds=15)
    body = stored(desk, page)["body"]
    assert body.startswith("<h2>큰 제목</h2>"), body
    assert "<ul><li>하나</li><li>둘</li></ul>" in body
    assert '<a href="https://www.jeonbuk.example/">누리집</a>' in body
    assert body.count("<tr>") == 2
    editor.locator("th").first.click()
    page.get_by_role("button", name="줄 더하기").click()
    assert editor.locator("tr").count() == 3
    editor.locator("th").first.click()
    page.get_by_role("button", name="칸 더하기").click()
    assert editor.locator("tr").first.locator("th").count() == 3
    page.get_by_role("button", name="되돌리기").click()
    assert editor.locator("tr").first.locator("th").count() == 2
    page.get_by_role("button", name="HTML로 보기").click()
    source = page.locator("textarea[name=body]")
    source.fill("<p>바로 쓴 <b>글</b></p><script>x</script>")
    page.get_by_role("button", name="HTML로 보기").click()
    assert editor.inner_html() == "<p>바로 쓴 <b>글</b></p>"


@pytest.mark.parametrize("paste", PASTES, ids=lambda path: path.stem)
def test_a_paste_is_cleaned(desk: Site, writer: Writer, paste: Path) -> None:
    page = writer.page()
    made = page.evaluate(
        "async ([html, at]) => { const it = await import(at); return it.written(it.clean(html)); }",
        [
            paste.read_text("utf-8"),
            page.locator("script[type=module]").get_attribute("src").replace("compose.js", "paste.js"),
        ],  # type: ignore[union-attr]
    )
    assert made == paste.with_suffix(".clean.html").read_text("utf-8").strip()
    page.locator("#body-editor").click()
    page.evaluate(PASTE, paste.read_text("utf-8"))
    html = page.locator("#body-editor").inner_html()
    assert not re.search(r"(?i)style=|class=|<script|onclick|javascript:|<o:p|file:", html)
    words = "".join(page.locator("textarea[name=body]").input_value().split())
    assert re.sub(r"<[^>]*>", "", words) == re.sub(r"<[^>]*>|\s", "", made)


def test_what_another_wrote_runs_nothing_in_the_editor(desk: Site, writer: Writer) -> None:
    evil = "<p>a<img src=x onerror=document.title='no'><script>document.title='no'</script></p><svg onload=document.title='no'>"
    client = httpx.Client(base_url=desk.server.url, trust_env=False, headers={"Origin": desk.server.url})
    fields = {"office": "jeonbuk", "headline": "<img src=x onerror=document.title='no'>", "body": evil}
    files = {
        "file-name": "<img src=x onerror=x>.png",
        "file-caption": "</template><script>document.title='no'</script>",
    }
    sent = client.post(
        "/desk/new", files={name: (None, value) for name, value in (fields | files).items()},
        headers={"Cookie": f"pressrelay={writer.cookie}"},
    )  # fmt: skip
    client.close()
    assert sent.status_code == 303
    page = writer.page(sent.headers["Location"])
    assert page.locator("#body-editor").inner_html() == "<p>a</p>"
    for path in ("", "/preview", "/versions/1"):
        page.goto(sent.headers["Location"].partition("?")[0] + path)
        assert page.title() != "no" and page.locator("main script, main img").count() == 0


def test_places_and_topics(desk: Site, writer: Writer) -> None:
    page = writer.page()
    page.get_by_label("제목", exact=True).fill("김제시 농업 소식")
    search = page.locator("#pick-region")
    search.fill("고창")
    expect(page.locator("#pick-region-list li")).to_have_count(1)
    search.press("ArrowDown")
    search.press("Enter")
    page.get_by_text("지도에서 고르기").click()
    page.locator(".map path[aria-label=전북특별자치도]").focus()
    page.keyboard.press("Enter")
    page.locator(".map path[aria-label=남원시]").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".map path[aria-label=남원시]")).to_have_attribute("aria-pressed", "true")
    suggested = page.get_by_role("button", name="김제시 (전북특별자치도)").first
    expect(suggested).to_be_visible(timeout=15_000)
    assert "kr:52210" not in page.locator("[name=region]").input_value(), "it is only suggested"
    suggested.click()
    page.get_by_text("전체에서 고르기").click()
    page.locator(".tree").get_by_role("button", name="환경", exact=True).first.click()
    saved(page)
    until(lambda: stored(desk, page).all("topic") != (), seconds=10)
    assert set(stored(desk, page).all("region")) == {"kr:52790", "kr:52190", "kr:52210"}
    page.get_by_role("button", name="고창군 빼기").click()
    until(lambda: "kr:52790" not in stored(desk, page).all("region"), seconds=10)


def test_the_embargo_shows_its_weekday(writer: Writer) -> None:
    page = writer.page()
    page.get_by_label("정한 날짜와 시각부터").check()
    page.locator("[name=embargo-at]").fill("2030-11-27T09:00")
    assert page.locator("#wording").inner_text() == "2030. 11. 27.(수) 09:00 이후"
    page.get_by_label("신문 조간·석간부터").check()
    page.locator("[name=embargo-day]").fill("2020-11-27")
    page.locator("[name=embargo-edition]").select_option("evening")
    assert page.locator("#wording").inner_text() == "2020. 11. 27.(금) 석간"
    expect(page.locator("#e-embargo-day")).to_contain_text("이미 지났습니다", timeout=10_000)
    page.get_by_label("직접 적기").check()
    page.locator("[name=embargo-words]").fill("2030. 11. 27.(월) 09:00")
    expect(page.locator("#n-embargo-words")).to_contain_text("수요일인데 월요일로", timeout=10_000)


def test_files(desk: Site, writer: Writer) -> None:
    page = writer.page()
    page.get_by_label("제목", exact=True).fill("파일을 올린다")
    pick = page.locator("input[name=upload]")
    good = {"name": "사진.png", "mimeType": "image/png", "buffer": PNG}
    program = {"name": "setup.exe", "mimeType": "application/octet-stream", "buffer": b"MZ" + b"\0" * 100}
    pick.set_input_files([good, program])
    expect(page.locator(".entry.file strong", has_text="사진.png")).to_be_visible(timeout=15_000)
    expect(page.locator(".uploads")).to_contain_text("setup.exe: 프로그램이나", timeout=15_000)
    page.locator(".entry.file").get_by_label("파일 설명").fill("단지 전경")
    # Nothing of the file is sent with an autosave.
    sizes: list[int] = []
    page.on(
        "request", lambda asked: sizes.append(len(asked.post_data_buffer or b"")) if asked.method == "POST" else None
    )
    until(lambda: [e.get("caption") for e in stored(desk, page).entries("file")] == ["단지 전경"], seconds=15)
    assert stored(desk, page).entries("file")[0]["role"] == "photo"

    def cut(route: Route) -> None:
        route.abort("connectionreset")

    page.route("**/files", cut)
    pick.set_input_files([{**good, "name": "둘째.png"}])
    expect(page.locator(".uploads")).to_contain_text("둘째.png: 연결이 끊겨", timeout=15_000)
    page.unroute("**/files")
    page.get_by_role("button", name="다시 올리기").click()
    expect(page.locator(".entry.file strong", has_text="둘째.png")).to_be_visible(timeout=15_000)
    until(lambda: len(stored(desk, page).entries("file")) == 2, seconds=15)
    page.evaluate(
        """() => {
          const data = new DataTransfer();
          data.items.add(new File([new Uint8Array(60 * 1024 * 1024)], '큰 그림.png'));
          const drop = new DragEvent('drop', {dataTransfer: data, bubbles: true, cancelable: true});
          document.getElementById('f-files').dispatchEvent(drop);
        }"""
    )
    expect(page.locator(".uploads")).to_contain_text("큰 그림.png: 파일이 너무 큽니다. 50MB까지")
    assert page.locator("[name=headline]").input_value() == "파일을 올린다"


def keep_contacts(desk: Site, *names: str) -> None:
    engine = desk.server.engine()
    for name in names:
        contact = store.desk.DeskContact("", "jeonbuk", "대변인실", "", name, "063-1", "press@office.example")
        assert store.desk.add_contact(engine, contact)
    engine.dispose()


@pytest.mark.parametrize("scripts", [True, False], ids=["with scripts", "without"])
def test_a_contact_of_the_office_is_put_in(desk: Site, chromium: Browser, scripts: bool) -> None:  # noqa: F811
    """With the keyboard alone; the text written meanwhile stays, and so does the focus."""
    name = "김대변" if scripts else "이대변"
    keep_contacts(desk, name)
    writer = Writer(desk, chromium, f"contacts-{scripts}".lower(), java_script_enabled=scripts)
    page = writer.page()
    page.get_by_label("제목", exact=True).fill("문의처를 고른다")
    page.evaluate("window.same = true")
    page.locator("[name=contact-kept]").focus()
    page.get_by_role("button", name="고른 문의처 넣기").press("Enter")
    expect(page.locator("#e-contact-kept")).to_contain_text("문의처를 고르세요")
    page.locator("[name=contact-kept]").select_option(label=f"대변인실 · {name} · 063-1")
    page.get_by_role("button", name="고른 문의처 넣기").press("Enter")
    expect(page.locator("[name=contact-name]").first).to_have_value(name)
    expect(page.locator("[name=contact-kept]")).to_be_focused()
    page.get_by_role("button", name="문의처 더하기").press("Enter")
    expect(page.locator("[name=contact-department]").nth(1)).to_be_focused()
    assert page.evaluate("window.same === true") is scripts, "with scripts, the page stays"
    text = stored(desk, page)
    assert (text["headline"], [entry["name"] for entry in text.entries("contact")]) == ("문의처를 고른다", [name])
    writer.context.close()
    assert writer.said == []


def test_a_part_that_does_not_come_leaves_the_form(desk: Site, writer: Writer) -> None:
    """The connection is lost while a contact is added, and somebody else saves meanwhile: what was written stays."""
    page = writer.page()
    page.get_by_label("제목", exact=True).fill("문의처를 더한다")
    page.locator("[name=contact-name]").fill("김대변")
    page.locator("[name=summary]").focus()
    expect(page.locator("#saved")).to_contain_text(SAVED, timeout=15_000)
    page.route("**/desk/drafts/*", lambda route: route.abort("connectionreset"))
    page.get_by_role("button", name="문의처 더하기").click()
    expect(page.locator("#saved")).to_contain_text("저장하지 못했습니다")
    assert page.locator("[name=headline]").input_value() == "문의처를 더한다"
    page.unroute("**/desk/drafts/*")
    page.get_by_role("button", name="문의처 더하기").click()
    expect(page.locator("[name=contact-department]").nth(1)).to_be_focused()
    expect(page.locator("#saved")).to_contain_text(
        SAVED, timeout=15_000
    )  # the change that came with the part is saved as well
    engine = desk.server.engine()
    draft = store.desk.draft_by_id(engine, page.url.rpartition("/")[2])
    assert draft is not None
    store.desk.save_draft(
        engine, draft.id, draft.revision, draft.content + b" ", draft.headline, "somebody", datetime.now(UTC)
    )
    engine.dispose()
    page.get_by_role("button", name="관련 보도자료 더하기").click()
    expect(page.locator("main")).to_contain_text("그사이 다른 사람이", timeout=15_000)
    assert page.locator("[name=headline]").input_value() == "문의처를 더한다"


def test_pictures_of_a_document_are_seen_while_one_writes(desk: Site, writer: Writer) -> None:
    """They have their public addresses, which do not work before the release is published; those stay in the text."""
    client = httpx.Client(base_url=desk.server.url, cookies={"pressrelay": writer.cookie}, trust_env=False)
    document = documentmaker.made((ROOT / "tests/documents/ministry.xml").read_bytes(), "hwpx")
    begun = client.post(
        "/desk/start", data={"office": "jeonbuk"}, files={"file": ("ministry.hwpx", document)},
        headers={"Sec-Fetch-Site": "same-origin"},
    )  # fmt: skip
    client.close()
    page = writer.page(begun.headers["Location"])
    picture = page.locator("#body-editor img").first
    expect(picture).to_have_js_property("complete", True)
    assert picture.evaluate("one => one.naturalWidth") > 0
    before = re.findall(r'src="([^"]+)"', stored(desk, page)["body"])
    page.locator("#body-editor p").first.click()
    page.keyboard.type("새 낱말 ")
    until(lambda: "새 낱말" in stored(desk, page)["body"], seconds=15)
    assert re.findall(r'src="([^"]+)"', stored(desk, page)["body"]) == before
    assert before and all(url.startswith(f"{desk.server.url}/files/") for url in before)


def test_without_scripts_it_works_as_well(desk: Site, chromium: Browser) -> None:  # noqa: F811
    writer = Writer(desk, chromium, "no-script", java_script_enabled=False)
    page = writer.page()
    page.get_by_label("제목", exact=True).fill("대본 없이")
    page.locator("[name=body]").fill("첫 문단\n\n둘째 문단")
    page.locator("[name=region]").fill("전라북동")
    page.locator("input[name=upload]").set_input_files([{"name": "a.png", "mimeType": "image/png", "buffer": PNG}])
    page.get_by_role("button", name="저장하고 검사").click()
    expect(page.locator("#e-region")).to_contain_text("알 수 없는 지역 이름입니다")
    page.get_by_role("button", name=re.compile("^전북특별자치도")).click()
    expect(page.locator("#e-region")).to_have_count(0)
    assert (stored(desk, page).all("region"), stored(desk, page)["body"]) == (("kr:52",), "첫 문단\n\n둘째 문단")
    assert [entry["name"] for entry in stored(desk, page).entries("file")] == ["a.png"]
    page.get_by_role("button", name="저장하고 미리 보기").click()
    expect(page.locator("article.preview")).to_contain_text("둘째 문단")
    writer.context.close()
