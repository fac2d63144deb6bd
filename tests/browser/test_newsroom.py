"""An outlet gets from its application to the first signed webhook, and repairs a broken callback by what the self-test says. In a real
browser, wide with JavaScript and narrow without, with a real mail server, and a receiver with real certificates."""

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from app import store
from app.accounts.offices import OfficeRecord
from tests.browser.conftest import ADMIN, PASSWORD
from tests.certificates import DAY, Authority, serving
from tests.conftest import Server, until
from tests.mailbox import Mailbox
from tests.subscriber import Got, Subscriber, answer
from tests.test_hub import PUSH
from tests.test_outlets import release
from tests.test_webhooks import signed

pytestmark = pytest.mark.slow

WAYS = {"with scripts": (1280, True), "narrow, without scripts": (390, False)}


class Outlet:
    """A news outlet's own server, which has three faults at first: its certificate has expired, its receiver is at another path,
    and it does not know the secret."""

    def __init__(self, authority: Authority) -> None:
        self.authority, self.secret = authority, ""
        self.tls = serving(authority.issue("localhost", lasts=-DAY))
        self.receiver = Subscriber(self.tls).start()
        moved = self.receiver.url("/hook", "localhost")
        self.receiver.replies["/hooks"] = lambda got: answer(301, Location=moved)
        self.receiver.replies["/hook"] = self.take
        self.taken: list[Got] = []

    def take(self, got: Got) -> bytes:
        """As a good receiver does: it refuses a request that is not signed with the secret."""
        if not self.secret or not signed(got, self.secret):
            return answer(401)
        self.taken.append(got)
        return answer(204)

    def renew_certificate(self) -> None:
        self.tls.load_cert_chain(self.authority.issue("localhost"))


class Press:
    """A server with an office and an administrator, a mail server, and an authority whose certificates the server trusts."""

    def __init__(self, browser: Browser, directory: Path) -> None:
        self.mails = Mailbox()
        self.mails.controller.start()
        self.authority = Authority(directory)
        settings = PUSH | {"push_private": "127.0.0.0/8 ::1/128", "push_describe": "1", "push_http": "0"}
        self.server = Server(directory, **settings, smtp_url=self.mails.url, mail_from="press@press.example")
        self.server.environ["SSL_CERT_FILE"] = str(self.authority.file)
        self.server.start()
        self.token = self.server.save(OfficeRecord("jeonbuk", "전북특별자치도", "", ("kr:52",)))
        until(lambda: "/setup/" in self.server.log.read_text())
        self.admin = browser.new_context(locale="ko").new_page()
        self.admin.goto(re.findall(r"http\S+/setup/\S+", self.server.log.read_text())[-1])
        fill(self.admin, name="관리자", email=ADMIN, password=PASSWORD)
        press(self.admin, "main form button.main")

    def mailed(self, address: str, number: int) -> str:
        """The link in the mail of that number to an address."""
        until(lambda: len(self.mails.to(address)) >= number, 20)
        return str(re.findall(r"http\S+", self.mails.to(address)[number - 1].get_content())[-1])

    def close(self) -> None:
        self.server.close()
        self.mails.controller.stop()


@pytest.fixture(scope="module")
def house(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Press]:
    made = Press(chromium, tmp_path_factory.mktemp("newsroom"))
    yield made
    made.close()


def fill(page: Page, **fields: str) -> None:
    for name, value in fields.items():
        page.locator(f"#f-{name}").fill(value)


def press(page: Page, selector: str) -> str:
    """Press a link or button that leads to another page. Returns the text of that page."""
    with page.expect_navigation():
        page.locator(selector).first.click()
    return page.locator("main").inner_text()


@pytest.mark.parametrize("way", WAYS)
def test_from_the_application_to_the_first_signed_webhook(chromium: Browser, house: Press, way: str) -> None:
    width, scripts = WAYS[way]
    number = list(WAYS).index(way) + 1
    code, email = f"daily-{number}", f"kim@daily-{number}.example"
    context = chromium.new_context(
        base_url=house.server.url, locale="ko", viewport={"width": width, "height": 900}, java_script_enabled=scripts
    )
    page = context.new_page()
    outlet = Outlet(house.authority)
    try:
        apply(page, email, number)
        page.goto(house.mailed(email, 1))
        assert "신청을 받았습니다" in press(page, "main form button")
        approve(house.admin, house.mailed(ADMIN, number), code)
        page.goto(house.mailed(email, 2))
        fill(page, name="김기자", password=PASSWORD)
        press(page, "main form button.main")
        page.goto("/newsroom")
        assert page.url.endswith(f"/newsroom/{code}")
        repair(page, outlet, code)
        engine = house.server.engine()
        before = len(outlet.taken)
        pushed = house.server.push(house.token, release(f"first-{number}", "", office="jeonbuk", region="kr:52"))
        assert pushed.status_code == 201
        until(lambda: len(outlet.taken) > before, 20)
        assert f"first-{number}".encode() in outlet.taken[-1].body and signed(outlet.taken[-1], outlet.secret)

        def told() -> bool:
            page.reload()
            return "전송됨" in page.locator(".timeline li").first.inner_text()

        until(told, 10, 0.2)
        assert f"제목 first-{number}" in page.locator(".timeline li").first.inner_text()
        (found,) = store.deliveries.find_subscriptions(engine, outlet=code)
        assert found.target == outlet.receiver.url("/hook", "localhost")
        engine.dispose()
    finally:
        outlet.receiver.stop()
        context.close()


def apply(page: Page, email: str, number: int) -> None:
    page.goto("/newsroom")
    press(page, 'main a[href="/accreditation"]')
    fill(page, name=f"전북일보 {number}", site="https://daily.example", person="김기자", email=email)
    fill(page, why="도정과 시정을 취재해 날마다 보도합니다.", regions="전라북동")
    said = press(page, "main form button.main")
    assert "전북" in said and page.locator("#f-name").input_value() == f"전북일보 {number}", (
        "the fault stands there, the work is kept"
    )
    fill(page, regions="전북특별자치도")
    assert email in press(page, "main form button.main")


def approve(admin: Page, link: str, code: str) -> None:
    admin.goto(link)
    fill(admin, code=code, until=f"{datetime.now(UTC).year + 1}-12-31")
    press(admin, 'form[action$="/approve"] button')
    assert admin.url.endswith(f"/outlets/{code}")


def repair(page: Page, outlet: Outlet, code: str) -> None:
    """Make a webhook at a callback that is broken in three ways, and do what the self-test says until it finds no fault."""
    press(page, f'main a[href="/newsroom/{code}/subscriptions"]')
    fill(page, url=outlet.receiver.url("/hooks", "localhost"), query="region=kr:52")
    press(page, "main form button.main")
    secret = page.locator("main code").first.inner_text()
    test: Callable[[], str] = lambda: press(page, 'form[action$="/check"] button')  # noqa: E731
    assert "인증서의 기간이 지났습니다" in test()
    outlet.renew_certificate()
    said = test()
    assert "인증서가 좋습니다" in said and "전송은 따라가지 않으므로" in said
    (where,) = set(re.findall(r"https://localhost:\d+/hook\b", said))
    page.locator("summary", has_text="부를 주소 바꾸기").click()
    fill(page, url=where)
    press(page, 'form[action$="/move"] button')
    assert "서명 열쇠가 다른 것일 수 있습니다" in test()
    outlet.secret = secret
    said = test()
    assert "모두 좋습니다" in said and "틀린 서명을 거절했습니다" in said, said
