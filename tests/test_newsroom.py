"""The newsroom, over real HTTP: applying and the answers, the embargo desk, suspension, the end, tokens, webhooks, the self-test."""

import asyncio
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from app import store
from app.accounts.networks import NotANetwork, allows, networks_in
from app.accounts.people import INVITED
from app.accounts.rights import OutletRecord
from app.deliveries import links
from app.store import Engine
from tests.conftest import together, until
from tests.mailbox import Mailbox
from tests.subscriber import Got, Subscriber, answer, subscribing
from tests.test_hub import PUSH
from tests.test_outlets import release
from tests.test_people import PASSWORD, Site, browser, close_browsers, hashed, path

assert close_browsers  # a fixture

NOW = datetime(2026, 11, 27, 10, tzinfo=UTC)
EMBARGO = "<embargo until='2031-03-09T21:00:00+00:00'>3. 10.(월) 조간</embargo>"
APPLY = {
    "name": "전북일보",
    "site": "https://daily.example",
    "person": "김기자",
    "email": "kim@daily.example",
    "why": "도정과 시정을 취재해 날마다 보도합니다.",
    "regions": "전북특별자치도",
    "offices": "",
}


@pytest.fixture(scope="module")
def mailbox() -> Iterator[Mailbox]:
    made = Mailbox()
    made.controller.start()
    yield made
    made.controller.stop()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, mailbox: Mailbox) -> Iterator[Site]:
    more = {"smtp_url": mailbox.url, "mail_from": "press@press.example", "proxies": "1", "reach_seconds": "1"}
    made = Site(tmp_path_factory.mktemp("newsroom"), **PUSH, **more)
    engine = made.server.engine()
    for code, regions in (("daily", ("kr:52",)), ("other", ()), ("paper", ())):
        store.accounts.save_outlet(engine, OutletRecord(code, f"신문 {code}", regions), NOW)
    engine.dispose()
    yield made
    made.close()


@pytest.fixture(scope="module")
def waiting(site: Site) -> dict[str, str]:
    """Name of an article under embargo -> its id."""
    engine = site.server.engine()
    token = store.accounts.new_token(engine, "jeonbuk", "", datetime.now(UTC))
    jeju = store.accounts.new_token(engine, "jeju", "", datetime.now(UTC))
    engine.dispose()
    own = site.server.push(token, release("desk-own", EMBARGO, office="jeonbuk", region="kr:52"))
    far = site.server.push(jeju, release("desk-far", EMBARGO, office="jeju", region="kr:50"))
    return {"own": own.json()["id"], "far": far.json()["id"]}


def member(site: Site, email: str, outlet: str, role: str = "outlet-editor", office: str = "") -> httpx.Client:
    """The browser of a member of an outlet."""
    engine, now = site.server.engine(), datetime.now(UTC)
    known = store.accounts.person_by_email(engine, email)
    if known is None:
        link = store.accounts.new_link(engine, "invite", now, INVITED, email=email, outlet=outlet, role=role)
        person = store.accounts.join(engine, link.id, email.partition("@")[0], "", hashed(), now)
    else:
        person = known[0]
    client = browser(site.server)
    secret = store.accounts.begin_session(engine, person, "", "", now)
    client.cookies.set("pressrelay", secret, domain="127.0.0.1", path="/")
    engine.dispose()
    return client


def link_in(mailbox: Mailbox, address: str, number: int = 1) -> str:
    until(lambda: len(mailbox.to(address)) >= number)
    found = re.findall(r"http\S+", mailbox.to(address)[number - 1].get_content())
    return path(found[-1])


def actions(site: Site, actor: str = "") -> list[str]:
    engine = site.server.engine()
    found = [one.event.action for one in store.audit.records(engine) if actor in one.event.actor]
    engine.dispose()
    return found


# Applying


def test_from_the_application_to_the_newsroom(site: Site, mailbox: Mailbox) -> None:
    stranger = browser(site.server)
    assert "Apply for accreditation" in stranger.get("/newsroom").text
    asked = stranger.post("/accreditation", data=APPLY)
    assert asked.status_code == 202 and "kim@daily.example" in asked.text
    link = link_in(mailbox, "kim@daily.example")
    assert "전북일보" not in site.admin.get("/outlets").text, "nobody has confirmed the address"
    assert "전북일보" in stranger.get(link).text and "전북일보" not in site.admin.get("/outlets").text, (
        "a look changes nothing"
    )
    assert stranger.post(link).status_code == 200
    assert stranger.post(link).status_code == 410 and stranger.get(link).status_code == 410
    page = link_in(mailbox, "admin@press.example", len(mailbox.to("admin@press.example")) or 1)
    assert "도정과 시정을" in site.admin.get(page).text
    fields = {
        "name": "전북일보",
        "code": "jeonbuk-daily",
        "site": APPLY["site"],
        "embargo": "yes",
        "until": "2030-12-31",
    }
    fields |= {"regions": "kr:52", "offices": "전북특별자치도"}
    done = site.admin.post(f"{page}/approve", data=fields)
    assert (done.status_code, path(done.headers["Location"])) == (303, "/outlets/jeonbuk-daily"), done.text
    engine = site.server.engine()
    outlet = store.accounts.outlet_of(engine, "jeonbuk-daily")
    engine.dispose()
    assert outlet and (outlet.regions, outlet.offices, outlet.embargo) == (("kr:52",), ("jeonbuk",), True)
    assert outlet.until == datetime(2030, 12, 31, 15, tzinfo=UTC), "the end of that day in Korea"
    link = link_in(mailbox, "kim@daily.example", 2)
    assert "Jeonbuk" in mailbox.to("kim@daily.example")[1].get_content(), "in the language of the application"
    kim = browser(site.server)
    assert kim.post(link, data={"name": "김기자", "password": PASSWORD}).status_code == 303
    assert path(kim.get("/newsroom").headers["Location"]) == "/newsroom/jeonbuk-daily"
    desk = kim.get("/newsroom/jeonbuk-daily")
    assert "Subscriptions" in desk.text and "2030" in desk.text
    assert {"outlet-applied", "outlet-approved", "outlet-saved", "invited", "role-given"} <= set(actions(site))
    # Renewing
    why = {"why": "내년에도 취재합니다."}
    assert kim.post("/newsroom/jeonbuk-daily/renewal", data=why).status_code == 303
    assert "An administrator has your request" in kim.get("/newsroom/jeonbuk-daily").text
    assert "renewal" in site.admin.get("/outlets").text
    (page,) = set(re.findall(r"/outlets/applications/[0-9a-f]{16}", site.admin.get("/outlets").text))
    fields = {
        "name": "전북일보",
        "embargo": "yes",
        "until": "2032-12-31",
        "regions": "kr:52",
        "offices": "jeonbuk",
        "site": "",
    }
    assert site.admin.post(f"{page}/approve", data=fields).status_code == 303
    assert "2032" in kim.get("/newsroom/jeonbuk-daily").text
    until(lambda: len(mailbox.to("kim@daily.example")) == 3)
    assert site.admin.post(f"{page}/refuse", data={"reason": "zu spät"}).status_code == 303
    assert "approved" in site.admin.get(page).text, "an answer stands"


def test_a_refusal_has_its_reason(site: Site, mailbox: Mailbox) -> None:
    stranger = browser(site.server)
    stranger.headers["Accept-Language"] = "ko"
    stranger.post("/accreditation", data=APPLY | {"email": "lee@blog.example", "name": "블로그"})
    stranger.post(link_in(mailbox, "lee@blog.example"))
    page = re.findall(r"/outlets/applications/[0-9a-f]{16}", site.admin.get("/outlets").text)[0]
    wrong = site.admin.post(f"{page}/refuse", data={"reason": ""})
    assert wrong.status_code == 422 and 'href="#f-reason"' in wrong.text
    assert site.admin.post(f"{page}/refuse", data={"reason": "언론사가 아닙니다."}).status_code == 303
    until(lambda: len(mailbox.to("lee@blog.example")) == 2)
    said = mailbox.to("lee@blog.example")[1].get_content()
    assert "언론사가 아닙니다." in said and "받아들이지 않았습니다" in said
    assert "outlet-refused" in actions(site)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": ""}, "name"),
        ({"site": "daily"}, "site"),
        ({"site": "javascript:alert(1)"}, "site"),
        ({"person": "x" * 81}, "person"),
        ({"email": "nobody"}, "email"),
        ({"why": "kurz"}, "why"),
        ({"regions": "Atlantis"}, "regions"),
        ({"offices": "없는 기관"}, "offices"),
        ({"regions": "\n".join(["kr:52"] * 51)}, "regions"),
    ],
)
def test_what_is_wrong_with_an_application_stands_beside_its_field(
    site: Site, wrong: dict[str, str], field: str
) -> None:
    refused = browser(site.server).post("/accreditation", data=APPLY | wrong)
    assert refused.status_code == 422 and f'href="#f-{field}"' in refused.text
    assert "도정과 시정을" in refused.text or "why" in wrong, "the work is kept"


def test_the_form_tells_nothing_and_floods_nobody(site: Site, mailbox: Mailbox) -> None:
    """The answer is the same for a known outlet, a known address, and a second application."""
    answers = set()
    for more in (
        {"email": "admin@press.example", "name": "신문 daily"},
        {"email": "new@fresh.example", "name": "새 신문"},
        {"email": "new@fresh.example", "name": "새 신문"},
    ):
        client = browser(site.server)
        client.headers["X-Forwarded-For"] = "203.0.113.7"
        asked = client.post("/accreditation", data=APPLY | more)
        answers.add((asked.status_code, asked.text.replace(more["email"], "")))
    assert len(answers) == 1
    until(lambda: mailbox.to("new@fresh.example"))
    client = browser(site.server)
    client.headers["X-Forwarded-For"] = "203.0.113.7"
    codes = [client.post("/accreditation", data=APPLY | {"email": f"a{n}@n{n}.example"}).status_code for n in range(10)]
    assert codes[-1] == 429 and codes[0] == 202
    refused = client.post("/accreditation", data=APPLY | {"email": "a@late.example"})
    assert 'href="#f-email"' in refused.text and "도정과 시정을" in refused.text
    assert len(mailbox.to("new@fresh.example")) == 1
    assert browser(site.server).get("/accreditation/forged").status_code == 410


def test_who_gives_way_is_told_and_who_comes_too_late_may_come_back(site: Site, mailbox: Mailbox) -> None:
    """Five applications name one website already. A sixth from there displaces one of them, whose applicant gets a mail; one from
    elsewhere has to wait."""
    engine, now = site.server.engine(), datetime.now(UTC)

    def asked(email: str) -> str:
        fields = ("신문", "https://crowd.example", "김", email, "취재합니다.")
        return store.accounts.add_application(engine, store.accounts.Application(*fields, (), (), "en"), now)

    def pressed(id: str) -> httpx.Response:
        return browser(site.server).post(f"/accreditation/{links.applying(engine, id)}")

    ids = [asked(f"a{number}@crowd.example") for number in range(6)]
    assert [pressed(id).status_code for id in ids] == [200] * 6
    (gone,) = (one for id in ids if (one := store.accounts.application(engine, id)) and one.state == "refused")
    until(lambda: mailbox.to(gone.email))
    assert "Too many applications waited" in mailbox.to(gone.email)[0].get_content()
    late = asked("z@elsewhere.example")
    answered = pressed(late)
    assert answered.status_code == 429 and "Too many applications wait" in answered.text
    found = store.accounts.application(engine, late)
    assert found and found.state == "unconfirmed"
    still = [id for id in ids if id != gone.id]
    store.accounts.decide_application(engine, still[0], "admin", now, reason="x")
    assert pressed(late).status_code == 200
    for id in (*still, late):
        store.accounts.decide_application(engine, id, "admin", now, reason="x")
    engine.dispose()


def test_only_administrators_see_outlets(site: Site) -> None:
    editor = member(site, "e@daily.example", "daily")
    for get in ("/outlets", "/outlets/daily", "/outlets/applications/0123456789abcdef"):
        assert editor.get(get).status_code == 404
        assert browser(site.server).get(get).status_code == 303
    for post in ("/outlets/daily/suspend", "/outlets/daily/save", "/outlets/applications/0123456789abcdef/approve"):
        assert editor.post(post, data={}).status_code == 404
    assert site.admin.get("/outlets/nobody").status_code == 404


@pytest.mark.parametrize(
    ("action", "fields", "field"),
    [
        ("save", {"until": "2020-01-01"}, "until"),
        ("save", {"until": "never"}, "until"),
        ("save", {"until": "2999-01-01"}, "until"),
        ("save", {"embargo": ""}, "embargo"),
        ("suspend", {"months": "1", "reason": ""}, "reason"),
        ("suspend", {"months": "", "day": "2020-01-01", "reason": "x"}, "day"),
        ("suspend", {"months": "", "day": "", "reason": "x"}, "day"),
        ("suspend", {"months": "99", "reason": "x"}, "months"),
    ],
)
def test_what_is_wrong_with_limits_stands_beside_its_field(
    site: Site, action: str, fields: dict[str, str], field: str
) -> None:
    given = {"name": "신문", "embargo": "yes", "regions": "kr:52"} if action == "save" else {}
    refused = site.admin.post(f"/outlets/daily/{action}", data=given | fields)
    assert refused.status_code == 422 and f'href="#f-{field}"' in refused.text, refused.text


# The embargo desk


def test_the_desk_has_what_the_outlet_may_read(site: Site, waiting: dict[str, str]) -> None:
    reader = member(site, "reader@daily.example", "daily", "outlet")
    page = reader.get("/newsroom/daily")
    assert page.headers["Cache-Control"] == "private, no-store"
    assert "제목 desk-own" in page.text and "desk-far" not in page.text
    assert "EMBARGOED" in page.text and re.search(r"ends in \d+ d \d+ h", page.text)
    assert 'datetime="2031-03-09T21:00:00Z"' in page.text
    read = reader.get(f"/newsroom/daily/articles/{waiting['own']}")
    assert "본문 desk-own" in re.sub("[\u034f\u200c\u2060]", "", read.text).replace("\u00a0", " "), (
        "but for its fingerprint"
    )
    assert "2031-03-10 06:00" in read.text, "its embargo is said"
    assert read.headers["Cache-Control"] == "private, no-store"
    assert f'href="/newsroom/daily/articles/{waiting["own"]}.hwpx"' in read.text and 'href="/articles/' not in read.text
    assert reader.get(f"/newsroom/daily/articles/{waiting['far']}").status_code == 404
    assert reader.get("/newsroom/daily/articles/none").status_code == 404
    engine = site.server.engine()
    found = [(one.event.action, one.event.detail["as"]) for one in store.audit.records(engine, article=waiting["own"])
             if one.event.action in ("listed", "read")]  # fmt: skip
    early = store.reach.early_readers(engine, waiting["own"])
    engine.dispose()
    assert found == [("listed", "desk"), ("read", "page")]
    assert [one.outlet for one in early] == ["daily"], "reach shows who opened it"
    # Its documents are this outlet's own copies, so each request is recorded. Their marks: tests/test_fingerprints.py.
    for format, first in (("hwpx", b"PK"), ("pdf", b"%PDF")):
        document = reader.get(f"/newsroom/daily/articles/{waiting['own']}.{format}")
        assert document.status_code == 200 and document.content.startswith(first), document.text
        assert document.headers["Cache-Control"] == "private, no-store"
        assert document.headers["Content-Disposition"].startswith("attachment; ")
        assert reader.get(f"/newsroom/daily/articles/{waiting['far']}.{format}").status_code == 404
    engine = site.server.engine()
    read_as = [one.event.detail["as"] for one in store.audit.records(engine, article=waiting["own"])
               if one.event.action == "read"]  # fmt: skip
    engine.dispose()
    assert read_as == ["page", "hwpx", "pdf"]
    assert reader.get(f"/newsroom/daily/articles/{waiting['own']}.xml").status_code == 404
    # A member who only reads manages nothing.
    assert "/newsroom/daily/tokens" not in page.text
    for get in ("/newsroom/daily/tokens", "/newsroom/daily/subscriptions"):
        assert reader.get(get).status_code == 404


def test_an_outlet_never_sees_what_is_anothers(site: Site, waiting: dict[str, str]) -> None:
    mine, theirs = member(site, "m@paper.example", "paper"), member(site, "t@other.example", "other")
    fields = {"name": "x", "rights": "all", "days": "30", "networks": "", "password": PASSWORD}
    assert theirs.post("/newsroom/other/tokens", data=fields).status_code == 200
    made = theirs.post("/newsroom/other/subscriptions", data={"url": "https://8.8.8.8/hook", "query": "region=kr:50"})
    name = re.findall(r"/newsroom/other/subscriptions/([0-9a-f]+)/check", made.text)[0]
    engine = site.server.engine()
    (token,) = [one.id for one in store.accounts.all_tokens(engine, outlet="other")]
    engine.dispose()
    for base in ("/newsroom/other", "/newsroom/paper"):
        asked = [
            mine.get(f"{base}/subscriptions/{name}"),
            *(mine.post(f"{base}/subscriptions/{name}/{action}") for action in ("check", "test", "end", "rotate", "move", "resend")),
            mine.post(f"{base}/tokens/{token}", data={"password": PASSWORD}),
        ]  # fmt: skip
        assert {one.status_code for one in asked} == {404}, base
    own = f"/articles/{waiting['own']}"
    for get in ("", "/tokens", "/subscriptions", own, f"{own}.pdf", f"/files/{'0' * 64}/a.txt"):
        assert mine.get(f"/newsroom/other{get}").status_code == 404
        assert mine.get(f"/newsroom/nowhere{get}").status_code == 404
        assert browser(site.server).get(f"/newsroom/other{get}").status_code == 303
    assert mine.post("/newsroom/other/renewal", data={"why": "x" * 20}).status_code == 404
    taken = mine.post("/newsroom/paper/subscriptions", data={"url": "https://8.8.8.8/hook", "query": "region=kr:50"})
    assert taken.status_code == 422 and name not in taken.text
    assert theirs.get(f"/newsroom/other/subscriptions/{name}").status_code == 200


def test_another_sites_page_changes_nothing(site: Site) -> None:
    editor = member(site, "e@daily.example", "daily")
    editor.headers["Sec-Fetch-Site"] = "cross-site"
    for post in (
        "/newsroom/daily/tokens",
        "/newsroom/daily/subscriptions",
        "/newsroom/daily/renewal",
        "/accreditation",
    ):
        assert editor.post(post, data={}).status_code == 403
    site.admin.headers["Sec-Fetch-Site"] = "cross-site"
    try:
        assert site.admin.post("/outlets/daily/suspend", data={"months": "1", "reason": "x"}).status_code == 403
    finally:
        site.admin.headers["Sec-Fetch-Site"] = "same-origin"


# Suspension


def embargoed(site: Site, token: str) -> httpx.Response:
    return site.server.client.get("/feed.json?status=embargoed", headers={"Authorization": f"Bearer {token}"})


def state_of(site: Site, name: str) -> store.deliveries.Subscription:
    engine = site.server.engine()
    found = store.deliveries.subscription(engine, name)
    engine.dispose()
    assert found
    return found


def test_a_suspended_outlet_has_public_things_only_and_comes_back_by_itself(
    site: Site, waiting: dict[str, str], mailbox: Mailbox
) -> None:
    engine = site.server.engine()
    store.accounts.save_outlet(engine, OutletRecord("bann", "정지일보"), NOW)
    token = store.accounts.new_token(engine, "", "t", datetime.now(UTC), role="outlet", outlet="bann")
    office = store.accounts.new_token(engine, "jeonbuk", "", datetime.now(UTC))
    editor = member(site, "b@bann.example", "bann")
    with subscribing(site.server) as endpoint:
        for query in ("region=kr:52&status=embargoed", "region=kr:52"):
            made = editor.post("/newsroom/bann/subscriptions", data={"url": endpoint.url("/hook"), "query": query})
            assert made.status_code == 200, made.text
        hooks = {one.embargoed: one.name for one in store.deliveries.find_subscriptions(engine, outlet="bann")}
        site.server.push(office, release("ban-before", EMBARGO, office="jeonbuk", region="kr:52"))
        until(lambda: len(endpoint.to("/hook")) == 1)
        assert embargoed(site, token).status_code == 200
        done = site.admin.post("/outlets/bann/suspend", data={"months": "3", "reason": "엠바고를 어겼습니다."})
        assert done.status_code == 303
        until(lambda: mailbox.to("b@bann.example"))
        assert "엠바고를 어겼습니다." in mailbox.to("b@bann.example")[0].get_content()
        # Tokens, pages and deliveries, at once.
        assert embargoed(site, token).status_code == 403
        bearer = {"Authorization": f"Bearer {token}"}
        assert site.server.client.get(f"/articles/{waiting['own']}", headers=bearer).status_code == 404
        assert site.server.client.get("/feed.json", headers=bearer).status_code == 200
        hidden = site.server.client.get(f"/subscriptions/{hooks[True]}", headers=bearer).json()
        assert hidden["deliveries"] == []
        desk = editor.get("/newsroom/bann")
        assert "is suspended" in desk.text and "엠바고를 어겼습니다." in desk.text and "제목 " not in desk.text
        assert editor.get(f"/newsroom/bann/articles/{waiting['own']}").status_code == 404
        log = editor.get(f"/newsroom/bann/subscriptions/{hooks[True]}").text
        assert "this log is not shown" in log and "/articles/" not in log
        site.server.push(office, release("ban-after", EMBARGO, office="jeonbuk", region="kr:52"))
        site.server.push(office, release("ban-open", "", office="jeonbuk", region="kr:52"))
        until(lambda: state_of(site, hooks[True]).state == "paused", 15)
        until(lambda: len(endpoint.to("/hook")) == 2)
        assert b"ban-open" in endpoint.to("/hook")[1].body, "what is public goes on"
        refused = editor.post(
            "/newsroom/bann/subscriptions", data={"url": endpoint.url("/b"), "query": "status=embargoed"}
        )
        assert refused.status_code == 422 and 'href="#f-query"' in refused.text
        # Resuming by hand changes nothing while the suspension lasts.
        editor.post(f"/newsroom/bann/subscriptions/{hooks[True]}/resume")
        until(lambda: state_of(site, hooks[True]).state == "paused", 15)
        assert len(endpoint.to("/hook")) == 2
        # It ends when its time is over, without anybody's action.
        soon = datetime.now(UTC) + timedelta(seconds=0.5)
        store.accounts.suspend_outlet(engine, "bann", soon, "kurz", datetime.now(UTC), "test")
        until(lambda: embargoed(site, token).status_code == 200)
        until(lambda: len(endpoint.to("/hook")) == 3, 20)
        assert b"ban-after" in endpoint.to("/hook")[2].body
        assert "제목 " in editor.get("/newsroom/bann").text
    engine.dispose()
    assert "outlet-suspended" in actions(site)


def test_a_delivery_of_several_articles_stops_between_two_of_them(site: Site) -> None:
    engine = site.server.engine()
    store.accounts.save_outlet(engine, OutletRecord("slow", "느린일보"), NOW)
    office = store.accounts.new_token(engine, "jeonbuk", "", datetime.now(UTC))
    editor = member(site, "s@slow.example", "slow")
    with subscribing(site.server) as endpoint:
        query = "region=kr:52&status=embargoed"
        editor.post("/newsroom/slow/subscriptions", data={"url": endpoint.url("/slow"), "query": query})
        (hook,) = store.deliveries.find_subscriptions(engine, outlet="slow")
        page = f"/newsroom/slow/subscriptions/{hook.name}"
        assert editor.post(f"{page}/pause").status_code == 303
        for number in range(3):
            site.server.push(office, release(f"slow-{number}", EMBARGO, office="jeonbuk", region="kr:52"))
        suspended = threading.Event()

        async def slowly(got: Got, writer: asyncio.StreamWriter) -> None:
            while not suspended.is_set():
                await asyncio.sleep(0.01)
            writer.write(answer(204))

        endpoint.replies["/slow"] = slowly
        assert editor.post(f"{page}/resume").status_code == 303
        until(lambda: endpoint.to("/slow"))
        site.admin.post("/outlets/slow/suspend", data={"months": "1", "reason": "x"})
        suspended.set()
        until(lambda: state_of(site, hook.name).state == "paused", 15)
        assert len(endpoint.to("/slow")) == 1
        site.admin.post("/outlets/slow/resume")
        until(lambda: len(endpoint.to("/slow")) == 3, 20)
    engine.dispose()


def test_subscriptions_end_if_an_accreditation_is_not_renewed(site: Site) -> None:
    """Subscriptions of both kinds end: the server looks for them every ten seconds."""
    engine, now = site.server.engine(), datetime.now(UTC)
    hooks = {}
    for outlet, ended in (("gone", now), ("long-gone", now - timedelta(days=31))):
        store.accounts.save_outlet(engine, OutletRecord(outlet, "옛일보"), now)
        editor = member(site, f"g@{outlet}.example", outlet)
        data = {"url": f"https://8.8.8.8/{outlet}", "query": "region=kr:50&status=embargoed"}
        assert editor.post(f"/newsroom/{outlet}/subscriptions", data=data).status_code == 200
        (hook,) = store.deliveries.find_subscriptions(engine, outlet=outlet)
        store.accounts.save_outlet(engine, OutletRecord(outlet, "옛일보", until=ended), now)
        hooks[outlet] = hook.name
    until(lambda: state_of(site, hooks["gone"]).state == "paused", 20)
    until(lambda: state_of(site, hooks["long-gone"]).state == "ended", 20)
    engine.dispose()


def test_an_administrator_ends_a_suspension(site: Site) -> None:
    assert site.admin.post("/outlets/paper/suspend", data={"months": "6", "reason": "x"}).status_code == 303
    page = site.admin.get("/outlets/paper").text
    assert "Suspended" in page and 'action="/outlets/paper/resume"' in page
    assert site.admin.post("/outlets/paper/resume").status_code == 303
    assert 'action="/outlets/paper/resume"' not in site.admin.get("/outlets/paper").text


def test_an_accreditation_ends_by_itself(site: Site) -> None:
    engine, now = site.server.engine(), datetime.now(UTC)
    token = store.accounts.new_token(engine, "", "t", now, role="outlet", outlet="other")
    assert embargoed(site, token).status_code == 200
    ends = OutletRecord("other", "신문 other", until=datetime.now(UTC) + timedelta(seconds=0.5))
    store.accounts.save_outlet(engine, ends, now)
    until(lambda: embargoed(site, token).status_code == 403)
    assert "has ended" in member(site, "t@other.example", "other").get("/newsroom/other").text
    store.accounts.save_outlet(engine, OutletRecord("other", "신문 other"), now)
    assert embargoed(site, token).status_code == 200
    engine.dispose()


# Tokens


def made_token(page: httpx.Response) -> str:
    (token,) = re.findall(r"<code>(pr_[\w-]+)</code>", page.text)
    return str(token)


def test_a_token_works_from_its_addresses_and_is_counted(site: Site) -> None:
    editor = member(site, "e@daily.example", "daily")
    fields = {"name": "수집기", "rights": "embargo", "days": "30", "password": PASSWORD}
    page = editor.post("/newsroom/daily/tokens", data=fields | {"networks": "203.0.113.0/24\n2001:db8::/32"})
    token = made_token(page)
    for address, status in {
        "203.0.113.9": 200,
        "::ffff:203.0.113.9": 200,
        "2001:db8::5": 200,
        "203.0.114.9": 403,
        "": 403,
    }.items():
        headers = {"Authorization": f"Bearer {token}"} | ({"X-Forwarded-For": address} if address else {})
        asked = site.server.client.get("/feed.json?status=embargoed", headers=headers)
        assert asked.status_code == status, (address, asked.text)
    assert asked.json()["type"].endswith("address-not-allowed")
    forged = {"Authorization": f"Bearer {token}", "X-Forwarded-For": "203.0.113.9, 198.51.100.1"}
    assert site.server.client.get("/feed.json?status=embargoed", headers=forged).status_code == 403
    refused = site.server.client.get("/subscriptions", headers=forged | {"X-Forwarded-For": "203.0.113.9"})
    assert refused.json()["type"].endswith("insufficient-scope")

    def counted() -> bool:
        return "Used 4 times in the last 30 days" in editor.get("/newsroom/daily/tokens").text

    until(counted)
    shown = editor.get("/newsroom/daily/tokens").text
    assert "203.0.113.0/24" in shown and "2001:db8::/32" in shown and token not in shown
    id = re.findall(r'action="/newsroom/daily/tokens/([0-9a-f]{12})"', shown)[0]
    assert editor.post(f"/newsroom/daily/tokens/{id}", data={"password": PASSWORD}).status_code == 303
    headers = {"Authorization": f"Bearer {token}", "X-Forwarded-For": "203.0.113.9"}
    assert site.server.client.get("/feed.json?status=embargoed", headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("wrong", "field", "said"),
    [
        ({"networks": "daily.example"}, "networks", "daily.example is neither an address nor a range"),
        ({"networks": "10.0.0.1/8"}, "networks", "Did you mean 10.0.0.0/8?"),
        ({"networks": "\n".join(f"10.0.{n}.0/24" for n in range(21))}, "networks", "At most 20"),
        ({"name": ""}, "name", ""),
        ({"rights": "admin"}, "rights", ""),
        ({"days": "9999"}, "days", ""),
    ],
)
def test_what_is_wrong_with_a_token_stands_beside_its_field(
    site: Site, wrong: dict[str, str], field: str, said: str
) -> None:
    editor = member(site, "e@daily.example", "daily")
    fields = {"name": "n", "rights": "all", "days": "30", "networks": "", "password": PASSWORD}
    refused = editor.post("/newsroom/daily/tokens", data=fields | wrong)
    assert refused.status_code == 422 and f'href="#f-{field}"' in refused.text and said in refused.text
    assert "pr_" not in refused.text


def test_a_stolen_token_ends_with_all_that_it_made(site: Site) -> None:
    editor = member(site, "stolen@daily.example", "daily")
    made = editor.post(
        "/newsroom/daily/tokens", data={"name": "stolen", "rights": "all", "days": "30", "password": PASSWORD}
    )
    thief = {"Authorization": f"Bearer {made_token(made)}"}
    for query in ("office=jeonbuk", "office=jeonbuk&status=embargoed"):
        hook = {"url": f"http://127.0.0.1:9/thief/{len(query)}", "query": query}
        assert site.server.client.post("/subscriptions", json=hook, headers=thief).status_code == 201
    page = editor.get("/newsroom/daily/tokens").text
    assert "2 webhooks and subscriptions were made with it" in page
    (end,) = re.findall(r'action="(/newsroom/daily/tokens/[0-9a-f]{12})"(?:(?!</form>).)*were made with it', page, re.S)
    assert editor.post(end, data={"password": PASSWORD}).status_code == 303
    engine = site.server.engine()

    def alive() -> list[str]:
        found = store.deliveries.find_subscriptions(engine, outlet="daily", live=True)
        return [one.target for one in found if "/thief/" in one.target]

    assert len(alive()) == 2, "they belong to the outlet, and go on unless somebody says otherwise"
    assert end in editor.get("/newsroom/daily/tokens").text, "also afterwards"
    other = member(site, "other@paper.example", "paper")
    assert other.post(end.replace("daily", "paper"), data={"subscriptions": "yes"}).status_code == 404
    assert editor.post(end, data={"password": PASSWORD, "subscriptions": "yes"}).status_code == 303
    assert alive() == []
    engine.dispose()
    assert "were made with it" not in editor.get("/newsroom/daily/tokens").text


def test_networks() -> None:
    assert networks_in(" 10.0.0.0/8, 192.0.2.7\n2001:db8::/32 10.0.0.0/8") == (
        "10.0.0.0/8",
        "192.0.2.7/32",
        "2001:db8::/32",
    )
    assert networks_in("::ffff:10.0.0.0/104 ::ffff:192.0.2.7") == ("10.0.0.0/8", "192.0.2.7/32"), (
        "as addresses are compared"
    )
    assert networks_in("::/0") == ("::/0",)
    assert allows((), "") and allows(("10.0.0.0/8",), "10.1.2.3") and allows(("10.0.0.0/8",), "::ffff:10.1.2.3")
    assert (
        not allows(("10.0.0.0/8",), "11.0.0.1")
        and not allows(("10.0.0.0/8",), "")
        and not allows(("::/0",), "10.0.0.1")
    )
    for wrong in ("10.0.0.0/33", "x" * 5000, "1.2.3", "10.0.0.0-10.0.0.9", "::1/129"):
        with pytest.raises(NotANetwork):
            networks_in(wrong)


# Webhooks and subscriptions


@pytest.fixture
def endpoint(site: Site) -> Iterator[Subscriber]:
    with subscribing(site.server) as made:
        yield made


def hooked(editor: httpx.Client, endpoint: Subscriber, at: str, query: str = "office=jeonbuk") -> tuple[str, str]:
    """(path of the page, secret) of a new webhook."""
    made = editor.post("/newsroom/daily/subscriptions", data={"url": endpoint.url(at), "query": query})
    assert made.status_code == 200, made.text
    (secret,) = re.findall(r"<code>(whsec_\S+)</code>", made.text)
    page = re.findall(r'action="(/newsroom/daily/subscriptions/[0-9a-f]+)/check"', made.text)[0]
    return page, secret


def attempts_in(page: str) -> list[str]:
    """What a page says of each attempt, oldest first."""
    found = re.findall(r"<li><span>[^<]*</span> <time [^>]*>[^<]*:\d\d</time> <span>(.*?)</li>", page)
    return [re.sub(r" <span class=\"meta\">\d+ ms</span>|<[^>]*>", "", one).strip() for one in found]


def test_a_webhooks_timeline_resending_and_moving(site: Site, endpoint: Subscriber) -> None:
    editor = member(site, "e@daily.example", "daily")
    page, secret = hooked(editor, endpoint, "/first")
    assert secret not in editor.get(page).text
    engine = site.server.engine()
    office = store.accounts.new_token(engine, "jeonbuk", "", datetime.now(UTC))
    endpoint.replies["/first"] = lambda got: answer(500)
    id = site.server.push(office, release("timeline", "", office="jeonbuk", region="kr:52")).json()["id"]
    until(lambda: "Attempt 2" in editor.get(page).text)
    shown = editor.get(page).text
    assert f"/articles/{id}" in shown and "next try" in shown
    assert len(attempts_in(shown)) >= 2 and set(attempts_in(shown)) == {"The callback answered 500."}
    korean = attempts_in(editor.get(page, headers={"Accept-Language": "ko"}).text)
    assert set(korean) == {"받는 서버가 500 상태로 응답했습니다."}
    assert (
        re.search(rf"articles/{id}\">[^<]*[가-힣 ][^<]*<", shown) and "Office: " in shown
    )  # in words, and not as an id and a query
    moved = editor.post(f"{page}/move", data={"url": endpoint.url("/second")})
    assert moved.status_code == 303, moved.text
    until(lambda: len(endpoint.to("/second")) == 1)
    until(lambda: "<strong>delivered</strong> (204)" in editor.get(page).text)
    every = attempts_in(editor.get(page).text)
    assert len(every) > 2 and every[-1].startswith("delivered (204)") and "500" in every[0]
    (number,) = re.findall(r'name="number" value="(\d+)"', editor.get(page).text)
    assert editor.post(f"{page}/resend", data={"number": number}).status_code == 303
    until(lambda: len(endpoint.to("/second")) == 2)
    assert editor.post(f"{page}/resend", data={"number": "x"}).status_code == 404
    for wrong in ("http://10.0.0.1/", "ftp://daily.example/", ""):
        refused = editor.post(f"{page}/move", data={"url": wrong})
        assert refused.status_code == 422 and 'href="#f-url"' in refused.text
    tried = editor.post(f"{page}/test")
    assert "Test delivery: 204" in tried.text and len(endpoint.to("/second")) == 3
    assert "<code>whsec_" in editor.post(f"{page}/rotate").text
    assert editor.post(f"{page}/pause").status_code == 303 and "paused" in editor.get(page).text
    assert editor.post(f"{page}/end").status_code == 303
    assert editor.post(f"{page}/resume").status_code == 404
    engine.dispose()
    kept = {"webhook-added", "webhook-moved", "webhook-secret-replaced", "subscription-resent", "subscription-ended"}
    assert kept <= set(actions(site, "person "))


def test_an_editor_invites_colleagues_of_the_own_outlet_alone(site: Site, mailbox: Mailbox) -> None:
    editor, reader = member(site, "e@daily.example", "daily"), member(site, "r@daily.example", "daily", "outlet")
    member(site, "far@other.example", "other")
    page = editor.get("/people").text
    assert 'value="daily"' in page and 'value="other"' not in page and "far@other.example" not in page
    assert '<option value="admin"' not in page and '<option value="editor"' not in page
    asked = {"email": "new@daily.example", "outlet": "daily", "role": "outlet"}
    assert "new@daily.example" in editor.post("/people", data=asked).text
    link = link_in(mailbox, "new@daily.example")
    joined = browser(site.server)
    assert joined.post(link, data={"name": "새 기자", "password": PASSWORD}).status_code == 303
    assert joined.get("/newsroom/daily").status_code == 200
    assert joined.get("/newsroom/daily/tokens").status_code == 404  # reads, and manages nothing
    for wrong in ({"outlet": "other"}, {"role": "admin"}, {"role": "editor", "office": "jeonbuk"}, {"outlet": ""}):
        refused = editor.post("/people", data={**asked, **wrong})
        assert refused.status_code == 422 and 'href="#f-' in refused.text, wrong
    assert reader.post("/people", data=asked).status_code == 422 and 'name="email"' not in reader.get("/people").text
    engine = site.server.engine()
    ids = {one.email: one.id for one in store.accounts.all_people(engine)}
    gone = {"password": PASSWORD, "outlet": "daily"}
    assert editor.post(f"/people/{ids['far@other.example']}/take", data={**gone, "outlet": "other"}).status_code == 404
    both = {**gone, "office": "jeonbuk"}
    assert editor.post(f"/people/{ids['new@daily.example']}/take", data=both).status_code == 404
    assert editor.post(f"/people/{ids['new@daily.example']}/end", data=gone).status_code == 404
    assert editor.post(f"/people/{ids['new@daily.example']}/take", data=gone).status_code == 303
    assert joined.get("/newsroom/daily").status_code == 404
    engine.dispose()


def signing(secret: str) -> Any:
    """A receiver that checks signatures, as the specification of Standard Webhooks says."""
    from tests.test_webhooks import signed

    return lambda got: answer(204 if signed(got, secret) else 401)


def test_the_self_test_says_why(site: Site, endpoint: Subscriber) -> None:
    editor = member(site, "e@daily.example", "daily")
    page, secret = hooked(editor, endpoint, "/check")

    def found() -> str:
        said = editor.post(f"{page}/check")
        assert said.status_code == 200
        return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", said.text[said.text.index("selftest") :]))

    endpoint.replies["/check"] = signing(secret)
    good = found()
    assert "Everything is fine" in good and "refused a wrong signature with 401" in good
    assert [got.headers["pressrelay-event"] for got in endpoint.to("/check")] == ["test", "test"]
    cases: list[tuple[Any, str]] = [
        (lambda got: answer(204), "accepted a wrong signature too"),
        (lambda got: answer(404), "nothing is at this path"),
        (lambda got: answer(405), "Let this path accept POST"),
        (lambda got: answer(410), "the subscription ends"),
        (lambda got: answer(503), "the receiving program failed"),
        (lambda got: answer(308, Location="https://daily.example/hook/"), "points to https://daily.example/hook/"),
        (signing("whsec_" + "A" * 43 + "="), "Perhaps it has another secret"),
        (lambda got: b"SSH-2.0-OpenSSH\r\n", "no HTTP answer came"),
    ]
    for reply, said in cases[:-1]:
        endpoint.replies["/check"] = reply
        assert said in found(), said
    # Of a host in a private network, the page says only that it does not answer.
    endpoint.replies["/check"] = cases[-1][0]
    assert "No answer came." in found() and "Connection (TCP)" in found()


def test_the_self_test_of_a_websub_subscription(site: Site, endpoint: Subscriber) -> None:
    engine = site.server.engine()
    token = store.accounts.new_token(engine, "", "hub", datetime.now(UTC), role="outlet", outlet="daily")
    topic = f"{site.server.url}/feed.atom?region=kr:52"
    form = {
        "hub.mode": "subscribe",
        "hub.callback": endpoint.url("/websub"),
        "hub.topic": topic.replace(":52", "%3A52"),
    }
    asked = site.server.client.post("/hub", data=form, headers={"Authorization": f"Bearer {token}"})
    assert asked.status_code == 202, asked.text
    until(lambda: store.deliveries.find_subscriptions(engine, outlet="daily", kind="websub"))
    (found,) = store.deliveries.find_subscriptions(engine, outlet="daily", kind="websub")
    engine.dispose()
    editor = member(site, "e@daily.example", "daily")
    page = f"/newsroom/daily/subscriptions/{found.name}"
    assert "It echoed the challenge" in editor.post(f"{page}/check").text
    endpoint.replies["/websub"] = lambda got: answer(200, b"welcome")
    assert "It did not echo the challenge" in editor.post(f"{page}/check").text
    endpoint.replies["/websub"] = lambda got: answer(404)
    assert "it does not know this subscription" in editor.post(f"{page}/check").text
    assert editor.post(f"{page}/rotate").status_code == 404
    assert editor.post(f"{page}/end").status_code == 303


# The store, on both databases


def application(email: str = "kim@daily.example", outlet: str = "") -> store.accounts.Application:
    return store.accounts.Application("신문", "https://d.example", "김", email, "왜", ("kr:52",), (), "ko", outlet)


def test_applications_are_kept(engine: Engine) -> None:
    old = store.accounts.add_application(engine, application(), NOW)
    assert store.accounts.confirm_application(engine, old, NOW + timedelta(hours=49)) is None, "too late"
    first = store.accounts.add_application(engine, application(), NOW + timedelta(hours=49))
    assert store.accounts.application(engine, old) is None
    later = NOW + timedelta(hours=50)
    assert store.accounts.confirm_application(engine, first, later)
    assert store.accounts.confirm_application(engine, first, later) is None, "it works once"
    second = store.accounts.add_application(engine, application(), later)
    assert store.accounts.confirm_application(engine, second, later)
    assert [one.id for one in store.accounts.applications(engine, "waiting")] == [second], "one of each address waits"
    outlet = OutletRecord("daily", "신문", ("kr:52",), until=NOW + timedelta(days=365))
    assert store.accounts.decide_application(engine, second, "person a", later, outlet=outlet)
    assert not store.accounts.decide_application(engine, second, "person a", later, reason="x")
    assert store.accounts.outlet_of(engine, "daily") == outlet
    renewals = [store.accounts.add_application(engine, application(outlet="daily"), later, "person b") for _ in "ab"]
    assert [one.id for one in store.accounts.applications(engine, "waiting", outlet="daily")] == renewals[1:]
    found = [one.event.action for one in store.audit.records(engine)]
    assert found == ["outlet-applied"] * 2 + ["outlet-saved", "outlet-approved"] + ["outlet-applied"] * 2


def test_a_suspension_outlives_a_change_of_limits(engine: Engine) -> None:
    outlet = OutletRecord("daily", "신문")
    store.accounts.save_outlet(engine, outlet, NOW)
    until = NOW + timedelta(days=30)
    assert store.accounts.suspend_outlet(engine, "daily", until, "까닭", NOW, "person a")
    assert not store.accounts.suspend_outlet(engine, "none", until, "까닭", NOW, "person a")
    store.accounts.save_outlet(engine, OutletRecord("daily", "새 이름"), NOW)
    found = store.accounts.outlet_of(engine, "daily")
    assert found and (found.name, found.suspended, found.reason) == ("새 이름", until, "까닭")
    assert (found.stopped(NOW), found.stopped(until)) == ("suspended", "")
    assert store.accounts.resume_outlet(engine, "daily", NOW, "person a")
    found = store.accounts.outlet_of(engine, "daily")
    assert found and found.stopped(NOW) == ""
    assert OutletRecord("a", "a", embargo=False).stopped(NOW) == "public"
    assert OutletRecord("a", "a", until=NOW).stopped(NOW) == "over"


def test_uses_of_tokens_are_added_up_by_day(engine: Engine) -> None:
    for hour, uses in ((100, {"a": 2, "b": 1}), (101, {"a": 3}), (130, {"a": 4})):
        store.reach.add_counts(engine, store.reach.ReachBatch(hour, {}, {}, uses=uses))
    assert store.reach.uses_by_day(engine, ["a", "b", "c"], 0) == {"a": {4: 5, 5: 4}, "b": {4: 1}}
    assert store.reach.uses_by_day(engine, ["a"], 5) == {"a": {5: 4}}
    assert store.reach.prune_counts(engine, 5 * 24) == 2
    assert store.reach.uses_by_day(engine, ["a", "b"], 0) == {"a": {5: 4}}


def test_a_webhook_moves_unless_one_is_there(engine: Engine) -> None:
    def saved(target: str) -> store.deliveries.Subscription:
        new = store.deliveries.Subscription("webhook", target, "t", "", "json", host="a.example")
        return store.deliveries.save_subscription(engine, new, [("*", "*")], NOW)

    from msgspec.structs import replace

    first, _ = saved("https://a.example/1"), saved("https://a.example/2")
    assert not store.deliveries.move_subscription(engine, replace(first, target="https://a.example/2"), NOW)
    moved = replace(first, target="https://b.example/", host="b.example")
    assert store.deliveries.move_subscription(engine, moved, NOW)
    assert store.deliveries.subscription(engine, first.name) == moved
    assert store.deliveries.same_subscription(engine, moved.identity) == moved
    assert [one.id for one in store.deliveries.find_subscriptions(engine, host="b.example")] == [first.id]


def test_commands(tmp_path: Path) -> None:
    from tests.conftest import Server

    server = Server(tmp_path)
    assert server.run("db", "upgrade").returncode == 0
    assert server.run("outlet", "add", "daily", "--name", "신문", "--until", "2020-01-01T00:00:00Z").returncode != 0
    until = "2031-01-01T00:00:00+09:00"
    assert (
        server.run(
            "outlet", "add", "daily", "--name", "신문", "--until", until, "--site", "https://d.example"
        ).returncode
        == 0
    )
    assert server.run("outlet", "suspend", "daily", "--months", "2", "--reason", "까닭").returncode == 0
    assert server.run("outlet", "suspend", "none", "--months", "2", "--reason", "까닭").returncode != 0
    assert '"reason":"까닭"' in server.run("outlet", "list", "--json").stdout.replace('": "', '":"')
    assert server.run("outlet", "resume", "daily").returncode == 0
    assert "10.0.0.0/8" in server.run("token", "add", "--outlet", "daily", "--from", "10.0.0.1/8").stderr
    assert server.run("token", "add", "--outlet", "daily", "--from", "10.0.0.0/8").returncode == 0
    server.close()


def test_two_applicants_never_become_editors_of_one_outlet(engine: Engine) -> None:
    """Administrators who answer at the same time may choose the same code. When sixteen did, fourteen applicants shared an
    outlet."""
    waiting = []
    for number in range(16):
        limits: tuple[str, ...] = ("kr:52",) if number else ("kr:11",)
        mail = f"kim@daily{number}.example"
        asked = store.accounts.Application(f"신문 {number}", "", "김기자", mail, "취재합니다.", limits, (), "ko")
        waiting.append(store.accounts.add_application(engine, asked, NOW))
        assert store.accounts.confirm_application(engine, waiting[-1], NOW)
    decided = []

    def approve(number: int) -> None:
        outlet = OutletRecord("same", f"신문 {number}", ("kr:52",))
        decided.append(
            store.accounts.decide_application(engine, waiting[number], f"admin {number}", NOW, outlet=outlet)
        )

    together(*(partial(approve, number) for number in range(16)))
    assert sorted(decided) == ["approved", *[store.accounts.CODE_TAKEN] * 15]
    still = [store.accounts.application(engine, id) for id in waiting]
    assert [one.state for one in still if one].count(store.accounts.WAITING) == 15, "they can get another code"
    known = store.accounts.outlet_of(engine, "same")
    (approved,) = (one for one in still if one and one.state == store.accounts.APPROVED)
    assert known and known.name == approved.name, "its limits are those of its own application"
    again = OutletRecord("same", "신문", ("kr:50",))
    assert store.accounts.decide_application(engine, approved.id, "admin", NOW, outlet=again) == ""


def test_one_wish_of_an_outlet_waits_however_many_are_sent_at_once(engine: Engine) -> None:
    """On PostgreSQL, seven of sixteen used to wait."""
    store.accounts.save_outlet(engine, OutletRecord("wishes", "신문"), NOW)
    asked = store.accounts.Application("신문", "", "김기자", "kim@daily.example", "계속", (), (), "ko", outlet="wishes")
    together(*[partial(store.accounts.add_application, engine, asked, NOW, "person 1")] * 16)
    assert len(store.accounts.applications(engine, store.accounts.WAITING, outlet="wishes")) == 1


def test_of_equal_webhooks_made_at_once_one_is_made(site: Site) -> None:
    """The others used to get a secret that the next one replaced, even if another outlet had made it."""
    people = [member(site, f"hook-{outlet}@daily.example", outlet) for outlet in ("daily", "paper")]
    answers: list[httpx.Response] = []

    def make(number: int) -> None:
        outlet, sent = (
            ("daily", "paper")[number % 2],
            {"url": "http://127.0.0.1:9/equal", "query": "", "format": "json"},
        )
        answers.append(people[number % 2].post(f"/newsroom/{outlet}/subscriptions", data=sent))

    together(*(partial(make, number) for number in range(16)))
    assert sorted(answer.status_code for answer in answers) == [200, *[422] * 15]
