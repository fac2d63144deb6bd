"""From the front page to a subscription, as a new user would do it: a reporter to alerts about a budget, an aggregator to the feeds of
all provinces, an office to a list on its own site. In a real browser: wide and narrow, with JavaScript and without, and with the
keyboard alone."""

import re
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import listparser
import pytest
from playwright.sync_api import Browser, Page, expect

from app.accounts.offices import OfficeRecord
from tests.browser.test_founding import WAYS, Hand
from tests.conftest import Server, until
from tests.mailbox import Mailbox
from tests.test_alerts import link
from tests.test_build import release

pytestmark = pytest.mark.slow

MINUTE = 60  # seconds in which a person who does not know the site must get there; the program types faster than people


class Press:
    """A server with two offices that write about Jeonju, and a mail server."""

    def __init__(self, directory: Path, mailbox: Mailbox) -> None:
        mail = {"smtp_url": mailbox.url, "mail_from": "press@press.example", "deliverers": "1"}
        self.server = Server(directory, address_rate="1000000/minute", **mail).start()
        self.mailbox = mailbox
        self.jeonju = self.server.save(OfficeRecord("jeonju", "전주시청", "", ("kr:52110",)))
        self.jeonbuk = self.server.save(
            OfficeRecord("jeonbuk", "전북특별자치도", "", ("kr:52",), aliases=("전북도청",))
        )
        self.told(self.jeonju, "전주시 예산을 늘린다")
        self.told(self.jeonbuk, "전북의 전주 예산")

    def told(self, token: str, headline: str, region: str = "kr:52110") -> None:
        answer = self.server.push(token, release(headline, region))
        assert answer.status_code == 201, answer.text


@pytest.fixture(scope="module")
def press(tmp_path_factory: pytest.TempPathFactory, mailbox: Mailbox) -> Iterator[Press]:
    made = Press(tmp_path_factory.mktemp("press"), mailbox)
    yield made
    made.server.close()


class Reader(Hand):
    """Somebody at the builder, who came from the front page."""

    def __init__(self, browser: Browser, press: Press, how: dict[str, Any]) -> None:
        width, scripts, keys = how["width"], how.get("scripts", True), how.get("keys", False)
        window = browser.new_context(
            locale="ko",
            base_url=press.server.url,
            java_script_enabled=scripts,
            viewport={"width": width, "height": 900},
        )
        super().__init__(window.new_page(), keys, scripts)
        self.said: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text) if message.type == "error" else None)
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.goto("/")
        self.press('main a[href^="/feeds/build"]', "/feeds/build")

    def pick(self, parameter: str, name: str) -> None:
        """Choose something by its name."""
        if not self.scripts:
            self.page.locator(f"#n-{parameter}").fill(name)
            return
        self.write(f"#pick-{parameter}", name)
        expect(self.page.locator(f"#pick-{parameter}-list [role=option]").first).to_contain_text(name[:2])
        self.page.keyboard.press("Enter")
        expect(self.page.locator(f'[data-name="{parameter}"] > .chips .chip')).to_have_count(1)

    def unfold(self, selector: str) -> None:
        if self.page.locator(f"{selector}[open]").count():
            return
        self.at(f"{selector} > summary")
        if self.keys:
            self.page.keyboard.press("Enter")

    def close(self) -> None:
        self.page.context.close()
        assert self.said == [], "nothing is said in the console, also not by the content security policy"


@pytest.fixture(params=WAYS)
def reader(request: pytest.FixtureRequest, chromium: Browser, press: Press) -> Iterator[Reader]:
    made = Reader(chromium, press, WAYS[request.param])
    yield made
    made.close()


def test_a_reporter_subscribes_to_the_budget_of_jeonju_without_the_province(
    reader: Reader, press: Press, request: pytest.FixtureRequest
) -> None:
    """'예산 소식, 전주시, 전북도청 제외'."""
    address = f"{re.sub(r'[^a-z]+', '-', request.node.name)}@daily.example"
    begun, page = time.monotonic(), reader.page
    reader.write("#f-q", "예산")
    reader.pick("region", "전주시")
    reader.unfold("#without")
    reader.pick("exclude_office", "전북도청" if not reader.scripts else "전북")
    if not reader.scripts:
        with page.expect_navigation():
            page.locator("#build button.main").click()
    expect(page.locator("#result .name")).to_have_text("전주시 보도자료, ‘예산’ 포함, 전북특별자치도 제외")
    expect(page.locator("#count")).to_have_text(re.compile(r"최근 30일 동안 \d+건, 오늘 \d+건"))
    assert page.locator(".few a").all_inner_texts()[-1] == "전주시 예산을 늘린다"
    assert "전북의 전주 예산" not in page.locator(".few").inner_text()
    reader.write("#f-address", address)
    reader.press("#by-mail button.main", "/alerts")
    expect(page.locator("main .notice")).to_contain_text(address)
    until(lambda: press.mailbox.to(address))
    page.goto(f"/{link(press.mailbox.to(address)[-1])}")
    with page.expect_navigation():
        page.locator("main form button").click()
    expect(page.locator("main .notice")).to_contain_text(f"{address} 주소로 알림을 보냅니다.")
    assert time.monotonic() - begun < MINUTE
    # It works: only that release comes, and none of the earlier ones.
    before, name = len(press.mailbox.to(address)), address.partition("@")[0]
    press.told(press.jeonbuk, f"전북의 예산 {name}")
    press.told(press.jeonju, f"전주시 다른 소식 {name}")
    press.told(press.jeonju, f"남원 예산 {name}", "kr:52190")
    press.told(press.jeonju, f"전주시 추경 예산 {name}")
    until(lambda: len(press.mailbox.to(address)) > before)
    assert [mail["Subject"].replace("\n", "") for mail in press.mailbox.to(address)[before:]] == [
        f"전주시 추경 예산 {name}"
    ]


def test_an_aggregator_gets_the_feeds_of_all_provinces(reader: Reader, press: Press) -> None:
    page = reader.page
    if reader.scripts:
        reader.at("[data-all]")
        if reader.keys:
            page.keyboard.press("Enter")
        expect(page.locator('[data-name="region"] > .chips .chip')).to_have_count(16)
        expect(page.locator("#result .name")).to_have_text("서울특별시 외 15 보도자료")
    else:
        with page.expect_navigation():
            page.locator("[data-all]").click()
    reader.unfold("#by-reader")
    with page.expect_download() as waited:
        reader.at("#by-reader [href*='.opml']")
        if reader.keys:
            page.keyboard.press("Enter")
    read = listparser.parse(Path(waited.value.path()).read_bytes())
    assert len(read.feeds) == 17
    for feed in read.feeds:
        assert press.server.client.get(feed.url).status_code == 200
    assert {"서울특별시 보도자료", "전북특별자치도 보도자료"} <= {feed.title for feed in read.feeds}


@pytest.mark.parametrize("width", [1280, 390])
def test_the_map_leads_to_a_district(chromium: Browser, press: Press, width: int) -> None:
    reader = Reader(chromium, press, {"width": width})
    page = reader.page
    if width > 600:
        page.locator('.map path[aria-label="전북특별자치도"]').click()
        page.locator('.map path[aria-label="남원시"]').click()
    else:
        page.locator('.tiles button:has-text("전북")').click()
        page.locator('.folded .chip:has-text("남원시")').click()
    expect(page.locator("#result .name")).to_have_text("남원시 보도자료")
    expect(page).to_have_url(re.compile(r"/feeds/build\?region=kr%3A52190$"))
    expect(page).to_have_title(re.compile("남원시 보도자료"))
    # The address holds the choice: another browser shows the same, and without it everything shows again.
    page.reload()
    chip = page.locator('[data-name="region"] > .chips .chip')
    expect(chip).to_have_text("남원시")
    chip.click()
    expect(page.locator("#result .name")).to_have_text("모든 보도자료")
    page.locator("#world").select_option("jp")
    expect(page.locator("#result .name")).to_have_text("일본 보도자료")
    reader.close()


def test_the_tree_and_the_ticks(chromium: Browser, press: Press) -> None:
    reader = Reader(chromium, press, {"width": 1280})
    page = reader.page
    page.locator('[data-name="topic"] summary').click()
    page.locator('[data-name="topic"] .tree > li:has-text("교육") > .chip').first.click()
    expect(page.locator("#result .name")).to_have_text("교육 보도자료")
    page.locator("#narrow > summary").click()
    page.get_by_label("보도참고자료").check()
    expect(page.locator("#result .name")).to_have_text("교육 보도참고자료")
    expect(page.locator("#result .notice")).to_contain_text("아직 여기에 맞는 보도자료가 없습니다.")
    reader.close()


def test_a_wrong_name_is_mended_by_one_click(chromium: Browser, press: Press) -> None:
    reader = Reader(chromium, press, {"width": 1280})
    page = reader.page
    page.goto("/feeds/build?region=전주싀&q=예산")
    assert page.locator("#pick-region").input_value() == "전주싀"
    page.get_by_role("link", name="전주시 (전북특별자치도)").click()
    expect(page.locator("#result .name")).to_have_text("전주시 보도자료, ‘예산’ 포함")
    page.goto("/feeds/build?region=전주싀&q=예산")
    reader.pick("region", "남원시")
    expect(page.locator("#result .name")).to_have_text("남원시 보도자료, ‘예산’ 포함")
    assert page.locator("main .fault, main > [role=alert]").count() == 0
    reader.said = [text for text in reader.said if "404" not in text]
    reader.close()


def test_an_address_is_copied(chromium: Browser, press: Press) -> None:
    reader = Reader(chromium, press, {"width": 1280})
    page = reader.page
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("#by-reader > summary").click()
    page.locator('[data-copy="a-feed-2"]').click()
    assert page.evaluate("navigator.clipboard.readText()") == f"{press.server.url}/feed.atom"
    expect(page.locator("#spoken")).to_contain_text("복사했습니다.")
    assert page.locator("#by-reader a").first.get_attribute("href") == f"feed:{press.server.url}/feed.atom"
    reader.close()


def test_what_is_typed_stays_while_the_choice_changes(chromium: Browser, press: Press) -> None:
    reader = Reader(chromium, press, {"width": 1280})
    page = reader.page
    page.locator("#f-address").fill("half@daily")
    page.locator("#by-mail [value=daily]").check()
    page.locator("#by-websub > summary").click()
    reader.pick("region", "전주시")
    expect(page.locator("#result .name")).to_have_text("전주시 보도자료")
    assert page.locator("#f-address").input_value() == "half@daily"
    assert page.locator("#by-mail [value=daily]").is_checked() and page.locator("#by-websub[open]").count()
    reader.close()


# On another site


@pytest.fixture
def elsewhere() -> Iterator[tuple[str, dict[str, str]]]:
    """Another site: its URL, and its pages by path. It has a strict policy of its own."""
    pages: dict[str, str] = {}

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = pages.get(self.path, "")
            self.send_response(200 if page else 404)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            if page:
                self.send_header("Content-Security-Policy", pages["policy"])
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_port}", pages
    server.shutdown()
    server.server_close()


def code_of(page: Page, id: str) -> str:
    return page.locator(f"#a-{id}").input_value()


def test_an_office_shows_the_list_on_its_own_site(
    chromium: Browser, press: Press, elsewhere: tuple[str, dict[str, str]]
) -> None:
    url, pages = elsewhere
    own = press.server.url
    pages["policy"] = f"default-src 'none'; img-src data:; script-src {own}; connect-src {own}; frame-src {own}"
    reader = Reader(chromium, press, {"width": 1280})
    reader.pick("region", "전주시")
    expect(reader.page.locator("#result .name")).to_have_text("전주시 보도자료")
    head = '<!doctype html><html lang="ko"><head><link rel="icon" href="data:,"><title>전주시청</title></head><body>'
    pages["/"] = f"{head}{code_of(reader.page, 'script')}</body></html>"
    pages["/frame"] = f"{head}{code_of(reader.page, 'frame')}</body></html>"
    reader.close()
    window = chromium.new_context(locale="en")
    page = window.new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.goto(f"{url}/")
    links = page.locator(".pressrelay > ul.pressrelay-list > li.pressrelay-item > a.pressrelay-link")
    expect(links.first).to_be_visible()
    feed = press.server.client.get("/feed.json?region=kr:52110&limit=5").json()["items"]
    assert [(one.inner_text(), one.get_attribute("href")) for one in links.all()] == [
        (item["title"], item["url"]) for item in feed
    ]
    assert page.locator(".pressrelay > a").inner_text() == "전주시 보도자료"
    assert re.match(r"2026\. ?3\. ?9\.", page.locator("time.pressrelay-time").first.inner_text())
    assert page.locator("[style], style").count() == 0
    page.goto(f"{url}/frame")
    inner = page.frame_locator("iframe")
    expect(inner.locator("h1")).to_have_text("전주시 보도자료")
    assert [one.inner_text() for one in inner.locator(".articles a").all()] == [item["title"] for item in feed]
    inner.locator(".articles a").first.click()
    page.wait_for_url(feed[0]["url"])
    assert window.cookies() == [] and said == []
    # Another page of ours is not shown in a frame.
    pages["/frame"] = f'{head}<iframe src="{own}/feeds/build"></iframe></body></html>'
    page.goto(f"{url}/frame")
    until(lambda: any("frame-ancestors" in text for text in said))
    window.close()


def test_without_the_server_the_link_stays(
    chromium: Browser, press: Press, elsewhere: tuple[str, dict[str, str]]
) -> None:
    url, pages = elsewhere
    own = press.server.url
    pages["policy"] = f"default-src 'none'; script-src {own}; connect-src {own}"
    pages["/"] = (
        f'<!doctype html><div class="pressrelay" data-query="region=Atlantis"><a href="{own}/">모두</a></div>'
        f'<script src="{own}/embed.js" async></script>'
    )
    page = chromium.new_page()
    with page.expect_response(re.compile("feed.json")) as waited:
        page.goto(f"{url}/")
    assert waited.value.status == 404
    assert page.locator(".pressrelay").inner_text() == "모두"
    page.close()
