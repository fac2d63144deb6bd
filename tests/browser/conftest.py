"""A browser, and a site that has everything a page can show. Each module that asks for them has its own: playwright's loop must not
run while a test of another module uses asyncio."""

import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec.structs import replace
from playwright.sync_api import Browser, BrowserContext, sync_playwright

from app import store
from app.accounts.offices import OfficeRecord
from app.accounts.rights import OutletRecord
from app.context import connect
from app.deliveries import links
from app.settings import Settings
from app.store.deliveries.failed_attempts import FailedAttempt, note_failures
from app.store.tables import deliveries
from app.web.counting import hour_of
from feeds import pdf
from feeds.card import render_card
from tests.articles import SEED
from tests.conftest import ROOT, Server, until
from tests.files import PNG

PASSWORD = "네 낱말을 이어 쓴 비밀번호"
ADMIN = "admin@press.example"
LONG = "초전도양자컴퓨터기반국가재난안전통합관제플랫폼구축추진위원회" * 3
CHROMIUM = shutil.which("chromium")


class Site:
    """A server with the corpus, an administrator who is signed in, links that work once, a webhook, and a corrected article.
    `paths`: the values of the placeholders in the paths of pages."""

    def __init__(self, directory: Path) -> None:
        self.server = Server(directory, smtp_url="smtp://127.0.0.1:1", mail_from="press@press.example").start()
        self.url = self.server.url
        self.paths: dict[str, str] = {}
        token = self.server.save(
            OfficeRecord("jeonbuk", "전북특별자치도", "", ("kr:52",), aliases=("전라북도",)),
            OfficeRecord("jeju", f"제주 {LONG}", "", ("kr:50",)),
        )
        self.paths["long"] = self._pushed(token, 1, LONG)
        # Korean releases last, so that they are the first in lists.
        releases = (ROOT / "tests" / "releases").rglob("*.xml")
        taken = [
            self.server.push(token, release.read_bytes()).status_code
            for release in sorted(releases, key=lambda path: ("korea" in path.parts, path))
        ]
        assert taken.count(201) > 30, taken
        self.paths["article"] = self._pushed(token, 1, "기록적 폭우 대비 점검")
        self._pushed(token, 2, "기록적 폭우 대비 합동 점검")
        self.paths["sample"] = self.server.client.get("/feed.json?office=jeonbuk&q=도정상").json()["items"][0]["url"]
        self.paths["sample"] = self.paths["sample"].rpartition("/")[2]
        self.paths["pictured"] = self._pictured(token)
        self.cookie = self._administrator()
        self.token = self.server.operator()["Authorization"]
        hook = {"url": "https://8.8.8.8/hook", "query": "region=kr:52", "format": "json"}
        made = self.server.client.post("/subscriptions", json=hook, headers={"Authorization": self.token})
        assert made.status_code == 201, made.text
        self.paths["webhook"] = made.json()["name"]
        self.paths["draft"] = self._draft()
        self._life()
        self._links()
        self._drafted()
        self._reached(token)
        self._newsroom()
        self._told()

    def _pushed(self, token: str, version: int, headline: str, embargo: str = "") -> str:
        name = headline[:3]
        source = (ROOT / "tests" / "releases" / "minimal.xml").read_text("utf-8")
        source = re.sub(r"<guid>.*?</guid>", f"<guid>tag:browser,2026:{name.encode().hex()}</guid>", source)
        source = re.sub(r"<headline>.*?</headline>", f"{embargo}<headline>{headline}</headline>", source)
        source = source.replace('version="1">', f'version="{version}">')
        answer = self.server.push(token, source.encode())
        assert answer.status_code in (200, 201), answer.text
        return str(answer.json()["id"])

    def _pictured(self, token: str) -> str:
        """An article with everything that a page can show: a picture, a PDF, subheadlines, contacts and a licence."""
        release = """<release xmlns="urn:pressrelay:press-release:1" xml:lang="ko"><article version="1">
<guid>tag:browser,2026:pictured</guid><issued>2026-03-09T10:00:00+09:00</issued>
<headline>전북 스마트팜 단지 세 곳 더 연다… 청년 농업인 120명 입주</headline><subheadline>김제·장수·남원에 온실 12헥타르</subheadline>
<subheadline>임대료는 시세의 3분의 1</subheadline>
<body><p>전북특별자치도는 9일 김제시와 장수군, 남원시에 스마트팜 단지 세 곳을 새로 연다고 밝혔다. 온실은 모두
12헥타르이고, 청년 농업인 120명이 들어온다.</p><h2>온도와 물을 스스로 맞춘다</h2>
<p>온실은 온도와 습도, 물의 양을 스스로 맞추며, 농업인은 휴대전화로
상태를 본다. 도는 난방비를 40% 줄일 수 있을 것으로 본다.</p><ul><li>김제시 5헥타르: 딸기, 토마토</li><li>장수군 4헥타르: 상추</li>
<li>남원시 3헥타르: 파프리카</li></ul>
<table><tr><th>시군</th><th>면적(ha)</th><th>입주(명)</th></tr><tr><td>김제시</td><td>5</td><td>50</td></tr><tr><td>장수군</td><td>4</td><td>40</td></tr></table>
<blockquote>“청년이 빚 없이 시작할 수 있게 하겠다.”</blockquote></body>
<region>kr:52</region><region>kr:52210</region><topic>medtop:20000210</topic><keyword>스마트팜</keyword>
<contact><department>농생명정책과</department><role>과장</role><name>홍길동</name><phone>063-280-0000</phone><email>farm@press.example</email></contact>
<enclosure url="cid:온실.png" type="image/png" role="photo"><caption>▲ 김제시 백구면에 새로 들어선 온실</caption></enclosure>
<enclosure url="cid:계획.pdf" type="application/pdf"><caption>스마트팜 단지 계획(안)</caption></enclosure>
<licence uri="https://www.kogl.or.kr/info/licenseType4.do"/></article></release>"""
        photo = render_card(replace(SEED, headline="온실"), "김제", "2026. 3. 9.")
        parts: list[Any] = [("release", ("release.xml", release.encode(), "application/xml"))]
        parts += [
            ("file", ("온실.png", photo, "image/png")),
            ("file", ("계획.pdf", pdf.render_article(SEED), "application/pdf")),
        ]
        answer = self.server.client.post("/releases", files=parts, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def _administrator(self) -> str:
        until(lambda: "/setup/" in self.server.log.read_text())
        path = re.findall(r"http\S+(/setup/\S+)", self.server.log.read_text())[-1]
        with httpx.Client(base_url=self.url, trust_env=False, headers={"Origin": self.url}) as client:
            made = client.post(path, data={"name": "관리자", "email": ADMIN, "password": PASSWORD})
            assert made.status_code == 303, made.text
            return client.cookies["pressrelay"]

    def _draft(self, headline: str = f"초안 {LONG}", path: str = "/desk/new", revision: str = "0", **more: str) -> str:
        """The id of a draft of the administrator's that was stored."""
        fields = {
            "office": "jeonbuk",
            "revision": revision,
            "headline": headline,
            "body": "본문입니다.",
            "then": "save",
        }
        fields |= {"language": "ko", "kind": "press-release", "embargo": "now"} | more
        as_multipart: dict[str, tuple[None, str]] = {name: (None, value) for name, value in fields.items()}
        made = self.server.client.post(path, files=as_multipart, headers=self._own())
        assert made.status_code == 303, made.text
        return str(made.headers["Location"]).rpartition("/")[2].partition("?")[0]

    def _own(self) -> dict[str, str]:
        """The headers that the administrator's browser sends."""
        return {"Origin": self.url, "Cookie": f"pressrelay={self.cookie}"}

    def _life(self) -> None:
        """A correct draft with versions and a link, a template, a contact, and reporters."""
        good = self.paths["good"] = self._draft(
            "전북 스마트팜 단지 세 곳 더 연다", region="김제시", topic="medtop:20000210"
        )
        more = {"region": "김제시", "topic": "medtop:20000210"}
        engine = self.server.engine()
        text = store.desk.draft_version(engine, good, 1) or b""
        draft = store.desk.draft_by_id(engine, good)
        assert draft is not None
        text = text.replace("세 곳".encode(), "네 곳".encode())
        store.desk.save_draft(engine, good, 1, text, draft.headline, draft.writer, datetime.now(UTC), apart=True)
        engine.dispose()
        self._draft(f"예약 {LONG}", embargo="held", **more)
        contact = {
            "department": "농생명정책과",
            "name": "홍길동",
            "phone": "063-000-0000",
            "email": "press@office.example",
        }
        reporter = {"name": "김기자", "outlet": "일보", "email": "kim@daily.example", "regions": "김제시"}
        reporter |= {"topics": "", "agreed": "2026-03-09", "how": "전화로", "language": "ko"}
        post = self.server.client.post
        for path, sent in (
            (f"/desk/drafts/{good}/template", {"name": "주간 일정"}),
            ("/desk/contacts", {"office": "jeonbuk"} | contact),
            ("/desk/reporters", {"office": "jeonbuk"} | reporter),
        ):
            answer = post(path, data=sent, headers=self._own())
            assert answer.status_code == 303, answer.text
        approval = {"office": "jeju", "approval": "1", "notice": "60"}
        assert post("/desk/routine", data=approval, headers=self._own()).status_code == 200
        page = post(f"/desk/drafts/{good}/links", data={"hours": "24"}, headers=self._own())
        self.paths["link"] = re.findall(r"/preview/([\w-]{43})<", page.text)[0]

    def _links(self) -> None:
        """The links in mails."""
        context = connect(Settings(data_dir=str(self.server.directory)))
        now, week = datetime.now(UTC), timedelta(days=7)
        for name, kind, email in (("join", "invite", "kim@press.example"), ("reset", "reset", ADMIN)):
            link = store.accounts.new_link(
                context.engine, kind, now, week, email=email, office="jeonbuk", role="editor", lang="ko", maker="test"
            )
            self.paths[name] = links.once(context.engine, "", link).rpartition("/")[2]
        alert = store.deliveries.Subscription(
            kind="email", target=ADMIN, topic="", query="region=kr%3A52", format="email", host="press.example",
            lang="ko", created=store.micros(now),
        )  # fmt: skip
        self.paths["confirm"] = links.confirming(context, alert)
        self.paths["leave"] = links.leaving(context, alert)
        context.engine.dispose()

    def _reached(self, token: str) -> None:
        """Outlets, and counts of polls and views as the web workers write them."""
        engine, now = self.server.engine(), datetime.now(UTC)
        for code, name in (("daily", "전북일보"), ("long", LONG)):
            store.accounts.save_outlet(engine, OutletRecord(code, name), now)
        feeds = [store.reach.FeedPairs("", False, ("*/*",)), store.reach.FeedPairs("lang=ko", False, ("*/lang:ko",))]
        claim = store.reach.ReaderClaim("", hour_of(now) // 24, "Feedly", 462)
        views = {self.paths["article"]: 17}
        batch = store.reach.ReachBatch(hour_of(now), {"": 1234, "lang=ko": 56}, views, [claim], feeds)
        store.reach.add_counts(engine, batch)
        engine.dispose()
        self.paths["pushed"] = self._pushed(token, 1, "배달할 자료")
        self.paths["waiting"] = self._pushed(token, 1, "엠바고 자료", "<embargo until='2099-01-01T00:00:00Z'/>")

    def _newsroom(self) -> None:
        """Outlets of which the administrator is an editor, one of them suspended, with tokens, deliveries and an application."""
        context, now = connect(Settings(data_dir=str(self.server.directory))), datetime.now(UTC)
        engine = context.engine
        store.accounts.save_outlet(
            engine, OutletRecord("daily", "전북일보", ("kr:52",), until=now + timedelta(days=99)), now
        )
        store.accounts.save_outlet(engine, OutletRecord("banned", f"정지 {LONG}"), now)
        store.accounts.suspend_outlet(engine, "banned", now + timedelta(days=90), f"엠바고 파기. {LONG}", now, "test")
        for code in ("daily", "banned"):
            given = {"email": ADMIN, "outlet": code, "role": "outlet-editor"}
            link = store.accounts.new_link(engine, "invite", now, timedelta(days=7), **given)
            store.accounts.join(engine, link.id, "", "", "", now)
        secret = store.accounts.new_token(
            engine, "", "수집기", now, role="outlet", outlet="daily", networks=("203.0.113.0/24", "2001:db8::/32")
        )
        token = store.accounts.token_of(engine, secret)
        assert token is not None
        store.reach.add_counts(engine, store.reach.ReachBatch(hour_of(now), {}, {}, uses={token.id: 1234}))
        new = store.deliveries.Subscription(
            "webhook", "https://none.invalid/hook", f"{self.url}/feed.json?region=kr%3A52", "region=kr%3A52", "json",
            host="none.invalid", outlet="daily",
        )  # fmt: skip
        hook = store.deliveries.save_subscription(engine, new, [("kr:52", "*")], now)
        self.paths["hook"] = hook.name
        token_of_office = store.accounts.new_token(engine, "jeonbuk", "", now)
        for name in ("하나를 전송", "둘째로 전송"):
            self._pushed(token_of_office, 1, name)
        self._failed(engine, hook.id, now)
        long = store.accounts.Application(
            LONG, "https://daily.example", "김기자", "kim@daily.example", LONG, ("kr:52",), ("jeonbuk",), "ko"
        )
        self.paths["applies"] = links.applying(engine, store.accounts.add_application(engine, long, now))
        self.paths["applied"] = store.accounts.add_application(engine, long, now)
        store.accounts.confirm_application(engine, self.paths["applied"], now)
        engine.dispose()

    def _failed(self, engine: store.Engine, hook: int, now: datetime) -> None:
        """Six failed attempts to deliver the first of a webhook's changes, as the delivery worker records them."""
        first = store.deliveries.log_of(engine, hook, 10)[-1]
        faults = (
            "The callback answered with the status 500.",
            "No answer came within 10 seconds.",
            f"Something new: {LONG}.",
        )
        with engine.begin() as connection:
            for number in range(1, 7):
                at = store.micros(now + timedelta(seconds=5 * 2**number))
                status = 500 if number % 3 == 0 else 0
                failed = FailedAttempt(at, first.seq, first.seq, number, status, faults[number % 3], status and 1234)
                note_failures(connection, [(hook, failed)])
            own = deliveries.c.subscription == hook, deliveries.c.seq == first.seq
            connection.execute(deliveries.update().where(*own).values(attempts=6, status=500, error=faults[0]))

    def _told(self) -> None:
        """Events of the press calendar: this month's, one of long words, and one that was canceled."""
        day = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d}"
        self.paths["month"] = day[:7]
        events = (
            {"title": "도지사 정례 브리핑", "day": day, "clock": "10:00", "closes": "10:40", "place": "도청 브리핑실"},
            {
                "title": LONG,
                "day": day,
                "place": LONG[:100],
                "about": f"{LONG}\n둘째 줄",
                "audience": "출입기자, 모든 언론",
            },
            {"title": "새만금 현장 점검", "day": day, "clock": "14:00", "topics": "medtop:20000210"},
        )
        with httpx.Client(
            base_url=self.url, trust_env=False, headers={"Origin": self.url}, cookies={"pressrelay": self.cookie}
        ) as client:
            for fields in events:
                sent = {
                    "office": "jeonbuk",
                    "zone": "Asia/Seoul",
                    "regions": "kr:52",
                    "contact": "063-280-2114",
                    **fields,
                }
                told = client.post("/desk/announcements", data=sent)
                assert told.status_code == 303, told.text
            items = client.get("/press-calendar.json").json()["items"]
            ids = {item["title"]: item["url"].rpartition("/")[2] for item in items}
            self.paths["event"], self.paths["canceled"] = ids["도지사 정례 브리핑"], ids["새만금 현장 점검"]
            canceled = client.post(f"/desk/announcements/{self.paths['canceled']}/cancel", data={"sequence": "0"})
            assert canceled.status_code == 303, canceled.text

    def _drafted(self) -> None:
        """A draft with two versions, a file, faults, and what the administrator wrote beside it."""
        with httpx.Client(
            base_url=self.url, trust_env=False, headers={"Origin": self.url}, cookies={"pressrelay": self.cookie}
        ) as client:

            def save(path: str, **fields: str) -> httpx.Response:
                sent = {"office": "jeonbuk", "headline": LONG, "body": "<h2>글</h2><p>한 문단</p>", **fields}
                parts = [(name, (None, value)) for name, value in sent.items()]
                return client.post(path, files=[*parts, ("upload", ("사진.png", b"\x89PNG\r\n\x1a\n" + b"\0" * 99))])

            made = save("/desk/new", region="전라북동", revision="0")
            assert made.status_code == 303, made.text
            self.paths["written"] = made.headers["Location"].partition("?")[0].rpartition("/")[2]
            draft = f"/desk/drafts/{self.paths['written']}"
            assert save(draft, revision="2", note="먼저").status_code == 303
            assert save(draft, revision="1", note="따로").status_code == 409

    def context(self, browser: Browser, who: str = "", lang: str = "ko", **more: object) -> BrowserContext:
        """A browser window in that language: of any reader, of the administrator ("admin"), or of a reader with a token
        ("token")."""
        headers = {"extra_http_headers": {"Authorization": self.token}} if who == "token" else {}
        context = browser.new_context(base_url=self.url, locale=lang, **headers, **more)  # type: ignore[arg-type]
        # Pictures of releases may be at an office; tests reach no other host.
        elsewhere = re.compile(f"^https?://(?!{re.escape(self.url.partition('//')[2])}/)")
        context.route(elsewhere, lambda route: route.fulfill(body=PNG, content_type="image/png"))
        if who == "admin":
            context.add_cookies([{"name": "pressrelay", "value": self.cookie, "url": self.url}])
        return context


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Debian's chromium, without a window."""
    if CHROMIUM is None:
        pytest.skip("no chromium here: apt-get install chromium fonts-noto-cjk")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """The site of one module."""
    made = Site(tmp_path_factory.mktemp("site"))
    yield made
    made.server.close()
