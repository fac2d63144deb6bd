"""Every page in a browser: axe-core finds nothing in any language, width and colour scheme; the keyboard does it; nothing moves."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Frame, Page, Response

from tests.browser.conftest import PASSWORD, Site
from tests.browser.lines import LINES, Line
from tests.doors import behind_https, doors, knock

pytestmark = pytest.mark.slow

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text("utf-8")
# Each page starts without anything that another page stored in this tab.
FRESH = "try { sessionStorage.clear() } catch { /* a frame that may keep nothing */ }\n"
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDE, PHONE, NARROWEST = 1280, 390, 320
HEIGHT = 900
LARGEST = 60 * 1024  # bytes of a page's HTML
MOST_SHIFT = 0.02  # https://web.dev/articles/cls calls 0.1 good
# These rules depend on the width, so check them at each width. Check all other rules once in each language.
OF_LAYOUT = ("target-size", "scrollable-region-focusable")
# Colours depend on these alone.
SCHEMES = (("dark", "no-preference"), ("light", "more"), ("dark", "more"))

# Not pages, but only for people who are signed in: others are sent to the sign-in.
DATA = {"compose.searched", "desk_start.printed", "desk_reach.plot", "desk_reach.table", "desk_reporters.exported"}

RUN_AXE = """async rules => {
  const found = await axe.run(document, {runOnly: rules, resultTypes: ['violations']});
  return found.violations.flatMap(fault => fault.nodes.map(node => `${fault.id}: ${node.target} ${node.failureSummary}`));
}"""
SMALL_TARGETS = """() => [...document.querySelectorAll('button, input:not([type=hidden]), select, textarea, summary, nav a')]
  .filter(element => element.offsetParent && !element.closest('.unseen'))
  .map(element => [/checkbox|radio/.test(element.type) ? element.parentElement : element, element])
  .filter(([box]) => box.getBoundingClientRect().height < 43.5)
  .map(([, element]) => element.outerHTML.slice(0, 120))"""
SHIFT = """() => new Promise(done => {
  let sum = 0;
  new PerformanceObserver(list => list.getEntries().forEach(entry => { sum += entry.hadRecentInput ? 0 : entry.value }))
    .observe({type: 'layout-shift', buffered: true});
  requestAnimationFrame(() => requestAnimationFrame(() => done(sum)));
})"""
# Where the focus is: whether it is the wanted element, the style of its outline, and what it is.
FOCUS = """selector => {
  const focus = document.activeElement;
  return [focus.matches(selector), getComputedStyle(focus).outlineStyle, focus.className, focus.outerHTML.slice(0, 100)];
}"""
WIDER = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
UNTRANSLATED = """lang => [...document.querySelectorAll('label, button, h1, h2, th, summary')]
  .filter(element => !element.closest(`[lang]:not([lang="${lang}"])`) && /undefined|None$/.test(element.textContent))
  .map(element => element.outerHTML.slice(0, 120))"""


@pytest.fixture(scope="module")
def tabs(site: Site, chromium: Browser) -> Iterator[dict[tuple[str, str], Page]]:
    """A tab for each reader and language, with axe-core in each of its pages. What a page stored in it is deleted with the page,
    and unsaved text is dropped. So it is as if each page had its own tab, but opening tabs would take a third of the test's
    time."""
    windows = [
        (who, lang, site.context(chromium, who, lang)) for who in ("", "admin", "token") for lang in ("ko", "en")
    ]
    made = {}
    for who, lang, window in windows:
        window.add_init_script(FRESH + AXE)
        page = made[who, lang] = window.new_page()
        page.on("dialog", lambda dialog: dialog.accept())
    yield made
    for _, _, window in windows:
        window.close()


@contextmanager
def visit(page: Page, line: Line, site: Site) -> Iterator[tuple[Response, list[str]]]:
    """The answer of the page in that state, and everything that the console says about it."""
    said: list[str] = []
    answers: list[Response] = []
    arrived = False

    def navigated(frame: Frame) -> None:
        """Messages until here belong to the page before."""
        nonlocal arrived
        if not arrived and frame == page.main_frame:
            arrived = True
            said.clear()

    def note(message: ConsoleMessage) -> None:
        # The browser itself says this of each answer that is an error; the status is compared below.
        if not ("status of" in message.text and message.location.get("url", "") == page.url):
            said.append(f"console: {message.text}")

    heard: list[tuple[Any, Callable[[Any], None]]] = [
        ("framenavigated", navigated),
        ("console", note),
        ("pageerror", lambda error: said.append(f"error: {error}")),
        ("response", lambda answer: answers.append(answer) if answer.request.is_navigation_request() else None),
    ]
    page.set_viewport_size({"width": WIDE, "height": HEIGHT})
    page.emulate_media(color_scheme="light", contrast="no-preference")
    for event, hear in heard:
        page.on(event, hear)
    try:
        page.goto(line.path.format(**site.paths))
        if line.do:
            line.do(page)
        yield answers[-1], said
    finally:
        for event, hear in heard:
            page.remove_listener(event, hear)


def axe(page: Page, *rules: str) -> list[str]:
    """What axe-core finds: by all rules of WCAG 2.2 AA, or by these alone."""
    chosen = {"type": "rule", "values": list(rules)} if rules else {"type": "tag", "values": WCAG}
    found: list[str] = page.evaluate(RUN_AXE, chosen)
    return found


def faults(page: Page, answer: Response, line: Line, lang: str) -> Iterator[str]:
    """Everything that is wrong with a page."""
    if answer.status != line.status:
        yield f"status {answer.status}, not {line.status}: {page.inner_text('main')[:300]}"
    size = len(answer.body())
    if size > LARGEST:
        yield f"{size} bytes of HTML"
    if page.locator("html").get_attribute("lang") != lang:
        yield "another language"
    yield from page.evaluate(UNTRANSLATED, lang)
    shift = page.evaluate(SHIFT)
    if shift > MOST_SHIFT:
        yield f"the layout shifted by {shift}"
    for width in (WIDE, PHONE, NARROWEST):
        page.set_viewport_size({"width": width, "height": HEIGHT})
        if (more := page.evaluate(WIDER)) > 0:
            yield f"{width} px: {more} px wider than the window"
        if width == NARROWEST:
            continue
        first = (lang, width) in (("ko", WIDE), ("en", PHONE))
        yield from (f"{width} px: {fault}" for fault in axe(page, *(() if first else OF_LAYOUT)))
        yield from (f"{width} px: smaller than 44 px: {target}" for target in page.evaluate(SMALL_TARGETS))
        if (lang, width) == ("ko", WIDE):
            for scheme, contrast in SCHEMES:
                page.emulate_media(color_scheme=scheme, contrast=contrast)  # type: ignore[arg-type]
                yield from (f"{scheme}, contrast {contrast}: {fault}" for fault in axe(page, "color-contrast"))
            page.emulate_media(color_scheme="light", contrast="no-preference")


def reached(page: Page, selector: str) -> Iterator[str]:
    """Why the keyboard does not reach the element: 80 presses of Tab must be enough, and the focus must be visible."""
    page.evaluate("() => { document.activeElement?.blur(); getSelection().removeAllRanges(); scrollTo(0, 0) }")
    for presses in range(80):
        page.keyboard.press("Tab")
        wanted, outline, name, what = page.evaluate(FOCUS, selector)
        if not presses and name != "skip":
            yield f"Tab leads first to {what}"
        if outline == "none":
            yield f"the focus is not seen: {what}"
        if wanted:
            return
    yield f"the keyboard does not reach {selector}"


@pytest.mark.parametrize("line", LINES, ids=lambda line: f"{line.endpoint} {line.name}".strip())
def test_page(line: Line, site: Site, tabs: dict[tuple[str, str], Page]) -> None:
    found: list[str] = []
    for lang in ("ko", "en"):
        page = tabs[line.who, lang]
        with visit(page, line, site) as (answer, said):
            found += [f"{lang}: {fault}" for fault in faults(page, answer, line, lang)]
            if lang == "ko":
                found += reached(page, line.main)
            found += said
    assert found == []


def test_every_page_has_a_line(site: Site) -> None:
    """Whatever answers a browser with HTML, or sends it to the sign-in, is a page."""
    client = behind_https(site.server).test_client()
    known = {line.endpoint for line in LINES} | DATA
    for endpoint, path, methods in doors(client.application):
        if "GET" in methods:
            answer = knock(client, "GET", path, headers={"Accept": "text/html"})
            page = answer.mimetype == "text/html" and (answer.status_code not in (301, 308))
            assert not page or endpoint in known, f"{path} is a page: give it a line in tests/browser/lines.py"


def test_without_a_script(site: Site, chromium: Browser) -> None:
    """The language, a search, the sign-in and an invitation work where scripts are switched off."""
    window = site.context(chromium, java_script_enabled=False)
    page = window.new_page()
    page.goto("/?q=도정상")
    page.get_by_role("button", name="English").click()
    assert page.get_by_role("button", name="Search").is_visible()
    assert page.locator("#q").input_value() == "도정상"
    page.locator("#q").fill("no-such-word")
    page.get_by_role("button", name="Search").click()
    assert page.get_by_text("No release was found.").is_visible()
    page.get_by_role("button", name="한국어").click()
    page.get_by_role("link", name="담당자 로그인").click()
    page.get_by_label("전자우편 주소").fill("admin@press.example")
    page.get_by_label("비밀번호").fill(PASSWORD)
    page.get_by_role("main").get_by_role("button", name="로그인").click()
    page.get_by_role("link", name="사용자").click()
    page.get_by_label("전자우편 주소").fill("park@press.example")
    page.get_by_label("맡은 일").select_option("writer")
    page.get_by_role("button", name="초대하기").click()
    assert page.get_by_role("status").get_by_text("park@press.example").is_visible()
    page.get_by_role("button", name="로그아웃").first.click()
    assert page.locator("header").get_by_text("담당자 로그인").is_visible()
    window.close()


@pytest.mark.parametrize(("width", "links"), [(WIDE, ".map a"), (PHONE, ".tiles a")])
def test_the_map_of_the_first_page_is_for_the_keyboard_too(
    site: Site, chromium: Browser, width: int, links: str
) -> None:
    """Tab leads from region to region, the focus is seen, a screen reader hears name and number, and Enter opens the region's page."""
    window = site.context(chromium, viewport={"width": width, "height": HEIGHT})
    page = window.new_page()
    page.goto("/")
    page.locator(".beside h2").first.evaluate("heading => { heading.tabIndex = -1; heading.focus() }")
    focus, seen = "document.activeElement", []
    for _ in range(page.locator(links).count()):
        page.keyboard.press("Tab")
        assert page.evaluate(f"selector => {focus}.matches(selector)", links)
        # The focus of a map is a wide line around the region; that of a tile is an outline.
        shape = f"{focus}.querySelector('use, path')"
        wide = f"{shape} && getComputedStyle({shape}).strokeWidth == '4px'"
        assert page.evaluate(f"{wide} || getComputedStyle({focus}).outlineStyle != 'none'")
        seen.append(page.evaluate(f"{focus}.textContent.replace(/\\s+/g, ' ').trim()"))
    assert len(seen) == 16 and any(re.search("전북특별자치도.* [1-9][0-9]*$", one) for one in seen), seen
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert "/regions/kr:" in page.url
    window.close()


def test_the_head_of_a_page_fits_a_phone(site: Site, chromium: Browser) -> None:
    """The navigation of who is not signed in is one line at 390 px. In forced colours it marks the current page."""
    for lang in ("ko", "en"):
        window = site.context(chromium, lang=lang, viewport={"width": PHONE, "height": HEIGHT}, forced_colors="active")
        page = window.new_page()
        page.goto("/feeds")
        links = page.locator("header.site nav a")
        tops = {links.nth(number).bounding_box()["y"] for number in range(links.count())}  # type: ignore[index]
        assert len(tops) == 1, (lang, tops)
        marks = links.evaluate_all("links => links.map(one => getComputedStyle(one).borderBottomColor)")
        assert sum(mark != marks[-1] for mark in marks) == 1, marks
        assert page.locator("header.site .tools").get_by_role("link").bounding_box()["height"] >= 44  # type: ignore[index]
        page.goto("/regions/kr")
        source = page.locator("figcaption").first.text_content()
        assert source is not None and ("국토지리정보원" in source) == (lang == "ko"), source
        window.close()


def test_a_public_page_is_the_same_for_everybody(site: Site) -> None:
    """A cache may show it to anybody: a session changes nothing in it, and the language's cookie is named in Vary."""
    ask = site.server.client.get
    for path in ("/", "/feeds", f"/articles/{site.paths['article']}"):
        public = ask(path, headers={"Accept": "text/html", "Accept-Language": "ko"})
        signed_in = ask(
            path, headers={"Accept": "text/html", "Accept-Language": "ko", "Cookie": f"pressrelay={site.cookie}"}
        )
        english = ask(path, headers={"Accept": "text/html", "Accept-Language": "ko", "Cookie": "lang=en"})
        assert public.content == signed_in.content
        assert (public.headers["Content-Language"], english.headers["Content-Language"]) == ("ko", "en")
        assert {"Cookie", "Accept-Language"} <= set(public.headers["Vary"].split(", "))
        assert "public" in public.headers["Cache-Control"]


def test_an_article_on_paper_has_its_text_and_nothing_that_only_a_screen_needs(site: Site, chromium: Browser) -> None:
    window = site.context(chromium)
    page = window.new_page()
    page.goto(f"/articles/{site.paths['pictured']}")
    page.emulate_media(media="print")
    for shown in ("h1", "figure img", ".body", ".contacts", ".licence", ".cite"):
        assert page.locator(f"main {shown}").first.is_visible(), shown
    hidden = page.locator("header nav, header form, .no-print, details, .in-feeds, button")
    assert hidden.count() > 5 and not any(hidden.nth(at).is_visible() for at in range(hidden.count()))
    assert page.pdf(format="A4").count(b"/Type /Page\n") <= 2
    window.close()
