"""The founding release, as a new user would do it: from the link that a first start prints to the feed, by typing and pasting alone,
with a second person's approval and an embargo. In a real browser: wide and narrow, with JavaScript and without, and with the keyboard
alone."""

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from lxml import etree
from playwright.sync_api import Browser, Locator, Page

from app.accounts.offices import OfficeRecord
from tests.browser.conftest import PASSWORD
from tests.conftest import ROOT, Server, until

pytestmark = pytest.mark.slow

SEED = ROOT / "tests" / "releases" / "jeonbuk-2021-03-09.xml"
SEOUL = ZoneInfo("Asia/Seoul")
WEEKDAYS = "월화수목금토일"
NS = {"p": "urn:pressrelay:press-release:1"}
MOST_TABS = 400
WAYS = {
    "wide": {"width": 1280},
    "narrow": {"width": 390},
    "wide, without scripts": {"width": 1280, "scripts": False},
    "narrow, without scripts": {"width": 390, "scripts": False},
    "with the keyboard alone": {"width": 1280, "keys": True},
}


class Hand:
    """A person at a page: with mouse and keyboard, or with the keyboard alone (`keys`)."""

    def __init__(self, page: Page, keys: bool, scripts: bool) -> None:
        self.page, self.keys, self.scripts = page, keys, scripts

    def at(self, selector: str) -> Locator:
        found = self.page.locator(selector).first
        if self.keys:
            self._walk(found)
        else:
            found.click()
        return found

    def _walk(self, target: Locator) -> None:
        for _ in range(MOST_TABS):
            if target.evaluate("one => one === document.activeElement || one.contains(document.activeElement)"):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"the keyboard does not reach {target}")

    def write(self, selector: str, text: str) -> None:
        self.at(selector)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(text)  # as an input method does

    def press(self, selector: str, to: str = "") -> None:
        """Press a button that leads to another page, whose URL ends with `to`."""
        with self.page.expect_navigation(url=re.compile(f"{re.escape(to)}$")):
            if self.keys:
                self.at(selector)
                self.page.keyboard.press("Enter")
            else:
                self.page.locator(selector).first.click()

    def choose(self, name: str, value: str) -> None:
        """One of the options of a group."""
        wanted = self.page.locator(f'input[name="{name}"][value="{value}"]')
        if not self.keys:
            wanted.check()
            return
        self._walk(self.page.locator(f'input[name="{name}"]:checked'))
        for _ in range(10):
            if wanted.is_checked():
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"the keyboard does not choose {value}")


class Office:
    """A server at its first start, and the three people of the story, who came by its pages."""

    def __init__(self, browser: Browser, directory: Path) -> None:
        self.server = Server(directory).start()
        self.server.save(OfficeRecord("jeonbuk", "전북특별자치도", "", ("kr:52",), aliases=("전라북도",)))
        until(lambda: "/setup/" in self.server.log.read_text())
        link = re.findall(r"http\S+/setup/\S+", self.server.log.read_text())[-1]
        page = browser.new_context(locale="ko").new_page()
        admin = Hand(page, keys=False, scripts=True)
        page.goto(link)
        for name, text in (("name", "관리자"), ("email", "admin@press.example"), ("password", PASSWORD)):
            admin.write(f"#f-{name}", text)
        admin.press("main form button.main")
        assert page.url.endswith("/account")
        self.links = {role: self._invited(admin, f"{role}@press.example", role) for role in ("writer", "editor")}
        page.goto(f"{self.server.url}/desk/routine?office=jeonbuk")
        admin.choose("approval", "1")
        admin.press("main form button.main")
        page.context.close()
        for role, link in self.links.items():
            page = browser.new_context(locale="ko").new_page()
            page.goto(link)
            hand = Hand(page, keys=False, scripts=True)
            hand.write("#f-name", {"writer": "홍길동", "editor": "김검토"}[role])
            hand.write("#f-password", PASSWORD)
            hand.press("main form button.main")
            page.context.close()

    def _invited(self, hand: Hand, email: str, role: str) -> str:
        hand.page.goto(f"{self.server.url}/people")
        hand.write("#f-email", email)
        hand.page.locator("#f-role").select_option(role)
        hand.press('form[action="/people"] button.main')
        return hand.page.locator("code").first.inner_text()


@pytest.fixture(scope="module")
def office(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    made = Office(chromium, tmp_path_factory.mktemp("founding"))
    yield made
    made.server.close()


def seed() -> tuple[str, list[str], list[str]]:
    """(headline, subheadlines, paragraphs) of the founding release."""
    article = etree.parse(SEED).find("p:article", NS)
    assert article is not None
    body = article.find("p:body", NS)
    assert body is not None
    paragraphs = ["".join(one.itertext()).strip() for one in body.iter("{*}p")]
    subs = ["".join(one.itertext()) for one in article.findall("p:subheadline", NS)]
    return "".join(article.find("p:headline", NS).itertext()), subs, [one for one in paragraphs if one]  # type: ignore[union-attr]


def signed_in(browser: Browser, office: Office, who: str, how: dict[str, object]) -> Hand:
    context = browser.new_context(
        base_url=office.server.url,
        locale="ko",
        timezone_id="Asia/Seoul",
        viewport={"width": int(str(how["width"])), "height": 900},
        java_script_enabled=bool(how.get("scripts", True)),
    )
    page = context.new_page()
    page.goto("/signin")
    hand = Hand(page, bool(how.get("keys")), bool(how.get("scripts", True)))
    hand.write("#f-email", f"{who}@press.example")
    hand.write("#f-password", PASSWORD)
    hand.press('form[action="/signin"] button.main')
    return hand


def test_the_founding_release_goes_out(chromium: Browser, office: Office) -> None:
    headline, subs, paragraphs = seed()
    lifts, hidden = [], 0
    takes = timedelta(seconds=15)  # for the first way; after that, as long as the last way took
    for number, (name, how) in enumerate(WAYS.items(), start=1):
        title = f"{headline} ({number})"
        begun = datetime.now(SEOUL)
        # The first full minute that is late enough: any longer, and the test only waits at its end.
        moment = (begun + 2 * takes + timedelta(seconds=59)).replace(second=0, microsecond=0)
        writer = signed_in(chromium, office, "writer", how)
        draft = compose(writer, title, subs, paragraphs, moment)
        writer.press('form[action$="/submit"] button')
        writer.page.context.close()
        editor = signed_in(chromium, office, "editor", how)
        editor.page.goto(f"{draft}/preview")
        assert paragraphs[0][:20] in editor.page.content(), name
        editor.press('form[action$="/publish"] button.main')
        assert "/desk/articles/" in editor.page.url, editor.page.content()
        editor.page.context.close()
        lifts.append((title, moment))
        takes = max(datetime.now(SEOUL) - begun, timedelta(seconds=7))
        if moment > datetime.now(SEOUL) + timedelta(seconds=2):
            assert title not in feed(office), "nothing is public before its embargo lifts"
            hidden += 1
    assert hidden, "at least one was published before its embargo lifted"
    last = max(moment for _, moment in lifts)
    until(lambda: datetime.now(SEOUL) > last, seconds=900)
    for title, _ in lifts:
        until(lambda title=title: title in feed(office), seconds=15)  # type: ignore[misc]


def compose(hand: Hand, title: str, subs: list[str], paragraphs: list[str], moment: datetime) -> str:
    """Write the release; the address of its draft."""
    page = hand.page
    page.goto("/desk/new?office=jeonbuk")
    hand.write("#f-headline", title)
    hand.write("#f-subheadline", "\n".join(subs))
    paste(hand, paragraphs)
    if hand.keys:  # the fields of a date are other keys in each language
        hand.choose("embargo", "words")
        hand.write("#f-embargo-words", f"{moment:%Y. %-m. %-d.}({WEEKDAYS[moment.weekday()]}) {moment:%H:%M}")
    else:
        hand.choose("embargo", "at")
        page.locator("#f-embargo-at").fill(f"{moment:%Y-%m-%dT%H:%M}")
    hand.write("#f-keyword", "으뜸 도정상, 투자금융과")
    hand.write("#f-contact-department-1", "기획조정실")
    hand.write("#f-contact-phone-1", "063-280-2114")
    hand.press('form#compose button[value="preview"]', "/preview")
    assert re.search(r"/desk/drafts/[0-9a-f]{16}/preview$", page.url), page.locator("main").inner_text()[:800]
    assert page.locator(".notice.danger").count() == 0, page.locator(".notice.danger").inner_text()
    return page.url.removesuffix("/preview")


def paste(hand: Hand, paragraphs: list[str]) -> None:
    """Paste the body, as it is copied from a page."""
    if not hand.scripts:
        hand.write("#f-body", "\n\n".join(paragraphs))
        return
    hand.at(".editor")
    hand.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    html = "".join(f'<p class="MsoNormal" style="margin:0">{one}</p>' for one in paragraphs)
    hand.page.evaluate(
        """async html => navigator.clipboard.write([new ClipboardItem({"text/html": new Blob([html], {type: "text/html"})})])""",
        html,
    )
    hand.page.keyboard.press("Control+V")
    hand.page.wait_for_function(
        "text => document.querySelector('#f-body').value.includes(text)", arg=paragraphs[-1][:20]
    )


def feed(office: Office) -> str:
    return office.server.client.get("/feed.atom?region=kr:52").text
