"""E-mail alerts, from the form to the mailbox: a real server, and a real mail server that it hands its mail to."""

import asyncio
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import msgspec
import pytest
import redis

from app import store
from app.context import Context, connect
from app.deliveries import letters, links, mail, restraint, smtp
from app.deliveries.smtp import Mailer
from app.errors import Misconfigured, Problem, Refused
from app.settings import Settings, load
from app.store import Engine, micros
from tests.articles import make
from tests.certificates import Authority, serving
from tests.conftest import SEED, Server, calls_waiting, together, until
from tests.mailbox import Mailbox
from tests.migrated import sqlite_database
from tests.test_hub import push


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, mailbox: Mailbox) -> Iterator[Server]:
    settings = {"deliverers": "1", "smtp_url": mailbox.url, "mail_from": "press@press.example", "push_retry": "1"}
    settings["proxies"] = "1"  # so that a test can say who asks
    server = Server(tmp_path_factory.mktemp("alerts"), **settings).start()
    server.office("alerts", "알림청", "kr:51")  # also for a test with which a worker begins, and which needs no token
    yield server
    server.close()


@pytest.fixture(scope="module")
def token(server: Server) -> str:
    return server.office("alerts", "알림청", "kr:51")


def asked(server: Server, address: str, **more: str) -> httpx.Response:
    return server.client.post("/alerts", data={"address": address, "office": "alerts", "language": "ko"} | more)


def link(message: EmailMessage, name: str = "confirm") -> str:
    body = message.get_body(("plain",))
    assert body is not None
    found = re.search(rf"https?://\S+/alerts/{name}\?token=\S+", body.get_content())
    assert found
    return found[0].partition("//")[2].partition("/")[2]


def subscribe(server: Server, mailbox: Mailbox, address: str, **more: str) -> store.deliveries.Subscription:
    before = len(mailbox.to(address))
    told = asked(server, address, **more)
    assert told.status_code == 202, told.text
    until(lambda: len(mailbox.to(address)) > before)
    assert server.client.post(f"/{link(mailbox.to(address)[-1])}").status_code == 200
    engine = server.engine()
    (one,) = [found for found in store.deliveries.find_subscriptions(engine, kind="email") if found.target == address]
    engine.dispose()
    assert one.state == "active"
    return one


def state(server: Server, name: str) -> str:
    engine = server.engine()
    found = store.deliveries.subscription(engine, name)
    engine.dispose()
    return found.state if found else ""


def test_each_page_says_what_one_will_get(server: Server, token: str, mailbox: Mailbox) -> None:
    page, reader = {"Accept": "text/html", "Accept-Language": "ko"}, "what@pages.example"
    sent = {
        "address": reader,
        "query": "region=kr:52110&q=예산&exclude_office=alerts",
        "pace": "daily",
        "language": "ko",
    }
    told = server.client.post("/alerts", data=sent, headers=page)
    assert told.status_code == 202, told.text
    until(lambda: bool(mailbox.to(reader)), 30)
    confirming = f"/{link(mailbox.to(reader)[0])}"
    pages = [told, server.client.get(confirming, headers=page), server.client.post(confirming, headers=page)]
    for shown, status in zip(pages, (202, 200, 200), strict=True):
        assert shown.status_code == status and "전주시 보도자료, ‘예산’ 포함, 알림청 제외</a>" in shown.text, shown.text
        assert "<dd>하루에 한 번</dd>" in shown.text


def test_confirmed_told_and_left_with_one_click(server: Server, token: str, mailbox: Mailbox) -> None:
    reader = "reader@desk.example"
    one = subscribe(server, mailbox, reader)
    guid = "tag:alerts,2026:whole"
    id = push(server, token, guid, headline="새 소식")
    until(lambda: len(mailbox.to(reader)) == 2)
    alert = mailbox.to(reader)[1]
    assert alert["Subject"] == "새 소식"
    assert alert["Auto-Submitted"] == "auto-generated" and alert["Message-ID"] and alert["Date"]
    assert alert["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    plain, html = alert.get_body(("plain",)), alert.get_body(("html",))
    assert plain is not None and html is not None
    for part in (plain.get_content(), html.get_content()):
        assert f"/articles/{id}" in part and "새 소식" in part and "알림청" in part
    push(server, token, guid, 2, headline="고친 소식")
    until(lambda: len(mailbox.to(reader)) == 3)
    assert mailbox.to(reader)[2]["Subject"] == "[수정] 고친 소식"
    headers = {"Authorization": f"Bearer {token}"}
    server.client.request("DELETE", f"/articles/{id}", headers=headers, params={"reason": "잘못 보냄"})
    until(lambda: len(mailbox.to(reader)) == 4)
    gone = mailbox.to(reader)[3]
    said = gone.get_body(("plain",))
    assert said is not None
    assert gone["Subject"] == "[취소] 알림청" and "잘못 보냄" in said.get_content() and "소식" not in said.get_content()
    assert len({str(message["Message-ID"]) for message in mailbox.to(reader)[1:]}) == 3
    leave = str(alert["List-Unsubscribe"]).strip("<>").removeprefix(server.url)
    assert server.client.get(leave).status_code == 200
    assert state(server, one.name) == "active", "a program that follows links ends nothing"
    for _ in range(2):
        assert server.client.post(leave, data={"List-Unsubscribe": "One-Click"}).status_code == 200
    assert state(server, one.name) == "ended"


def test_a_link_alone_begins_nothing(server: Server, mailbox: Mailbox) -> None:
    assert asked(server, "robot@desk.example").status_code == 202
    until(lambda: mailbox.to("robot@desk.example"))
    page = server.client.get(f"/{link(mailbox.to('robot@desk.example')[0])}", headers={"Accept": "text/html"})
    assert page.status_code == 200 and "<form" in page.text
    engine = server.engine()
    assert not [
        one for one in store.deliveries.find_subscriptions(engine, kind="email") if one.target == "robot@desk.example"
    ]
    engine.dispose()


def test_the_founding_release_by_mail(server: Server, mailbox: Mailbox) -> None:
    office = server.office()
    subscribe(server, mailbox, "seed@desk.example", office="", region="전라북도", language="en")
    assert server.push(office, SEED.read_bytes()).status_code == 201
    until(lambda: len(mailbox.to("seed@desk.example")) == 2)
    assert mailbox.to("seed@desk.example")[1]["Subject"] == "명품‘으뜸 도정상’2021년 힘차게 달린다"


def test_a_digest_waits_for_its_time(server: Server, token: str, mailbox: Mailbox) -> None:
    one = subscribe(server, mailbox, "slow@desk.example", pace="daily")
    subscribe(server, mailbox, "fast@desk.example")
    for letter in "ab":
        push(server, token, f"tag:alerts,2026:digest-{letter}", headline=f"소식 {letter}")
    until(lambda: len(mailbox.to("fast@desk.example")) > 1)
    engine = server.engine()
    until(lambda: (store.deliveries.failing(engine, [one.id])[one.id]["next"] or 0) > micros(datetime.now(UTC)))
    assert len(mailbox.to("slow@desk.example")) == 1
    with engine.begin() as connection:  # a day later
        day = 86_400_000_000
        connection.exec_driver_sql(f"UPDATE deliveries SET at = at - {day} WHERE subscription = {one.id}")
        connection.exec_driver_sql(f"UPDATE queue SET next = 1 WHERE subscription = {one.id}")
    engine.dispose()
    until(lambda: len(mailbox.to("slow@desk.example")) == 2)
    digest = mailbox.to("slow@desk.example")[1]
    assert digest["Subject"] == "보도자료 2건: 소식 a"
    body = digest.get_body(("plain",))
    assert body is not None and "소식 a" in body.get_content() and "소식 b" in body.get_content()


def test_an_address_that_is_refused_ends_and_a_busy_server_is_asked_again(
    server: Server, token: str, mailbox: Mailbox
) -> None:
    engine = server.engine()
    names = {}
    for host in ("full", "busy"):
        one = store.deliveries.Subscription(
            "email", f"x@{host}.example", f"{server.url}/", "office=alerts", "email", host=f"{host}.example", lang="ko"
        )
        names[host] = store.deliveries.save_subscription(engine, one, [("office:alerts", "*")], datetime.now(UTC))
    push(server, token, "tag:alerts,2026:refused")
    until(lambda: state(server, names["full"].name) == "ended")
    until(lambda: store.deliveries.failing(engine, [names["busy"].id])[names["busy"].id]["attempts"] >= 2)
    (row,) = store.deliveries.log_of(engine, names["busy"].id, 5)
    assert row.state == "waiting" and "451 come again" in row.error
    store.deliveries.end_subscription(engine, names["busy"].id, "over", datetime.now(UTC))
    engine.dispose()


@pytest.mark.parametrize(
    ("given", "status", "type"),
    [
        ({"address": ""}, 400, "bad-address"),
        ({"address": "nobody"}, 400, "bad-address"),
        ({"address": "a@b"}, 400, "bad-address"),
        ({"address": "a@[127.0.0.1]"}, 400, "bad-address"),
        ({"address": "a@127.0.0.1"}, 400, "bad-address"),
        ({"address": "a@b.kr\r\nBcc: c@d.kr"}, 400, "bad-characters"),
        ({"address": "a@b.kr, c@d.kr"}, 400, "bad-address"),
        ({"address": "a b@c.kr"}, 400, "bad-address"),
        ({"address": "x" * 250 + "@c.kr"}, 400, "bad-address"),
        ({"address": "a@b.kr", "pace": "hourly"}, 400, "bad-parameter"),
        ({"address": "a@b.kr", "language": "tlh"}, 400, "bad-parameter"),
        ({"address": "a@b.kr", "region": "Atlantis"}, 404, "unknown-region"),
        ({"address": "a@b.kr", "q": "words"}, 400, "unknown-parameter"),
    ],
)
def test_what_is_refused(server: Server, given: dict[str, str], status: int, type: str) -> None:
    for told in (server.client.post("/alerts", data=given), server.client.post("/alerts", json=given)):
        assert (told.status_code, told.json()["type"].rpartition(":")[2]) == (status, type)


def test_links_that_are_not_ours(server: Server, mailbox: Mailbox) -> None:
    assert asked(server, "forged@desk.example").status_code == 202
    until(lambda: mailbox.to("forged@desk.example"))
    good = parse_qs(urlsplit(link(mailbox.to("forged@desk.example")[0])).query)["token"][0]
    for name, wrong in (("confirm", ""), ("confirm", good[:-2]), ("unsubscribe", good), ("unsubscribe", "x.y")):
        for method in ("GET", "POST"):
            told = server.client.request(method, f"/alerts/{name}", params={"token": wrong})
            assert (told.status_code, told.json()["type"].rpartition(":")[2]) == (403, "token-wrong")


def test_a_link_that_is_too_old(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    context = own_context(tmp_path)
    token = links.confirming(context, SUBSCRIPTION)
    assert links.confirmed(context, token) == ("a@b.kr", "region=kr%3A52", "", "ko")
    monkeypatch.setattr(links, "CONFIRMED_WITHIN", -1)
    with pytest.raises(Problem) as problem:
        links.confirmed(context, token)
    assert problem.value.status == 410


def test_one_client_cannot_fill_a_mailbox(server: Server, mailbox: Mailbox) -> None:
    statuses: list[int] = []

    def ask(thread: int) -> None:
        for number in range(5):
            address = f"victim+{thread}-{number}@FLOOD.example"
            headers = {"X-Forwarded-For": f"203.0.113.{thread}"}
            told = server.client.post("/alerts", data={"address": address, "language": "en"}, headers=headers)
            statuses.append(told.status_code)
            if told.status_code == 429:
                assert told.json()["type"].endswith(":rate-limited") and int(told.headers["Retry-After"]) > 0

    together(*[lambda thread=thread: ask(thread) for thread in range(8)])  # type: ignore[misc]
    assert statuses.count(202) == restraint.CLIENT_HOUR and statuses.count(429) == 40 - restraint.CLIENT_HOUR
    waits(server, "flood.example")
    assert len(to_domain(mailbox, "flood.example")) == 1


def test_many_clients_cannot_fill_a_domain(server: Server, mailbox: Mailbox) -> None:
    said = set()
    for number in range(30):
        headers = {"X-Forwarded-For": f"198.18.{number}.1"}
        data = {"address": f"n{number}@{'abc'[number % 3]}.victim.example", "language": "en"}
        told = server.client.post("/alerts", data=data, headers=headers)
        said.add((told.status_code, tuple(sorted(told.json()))))
        if number == 15:  # the cache is only a cache
            client = redis.Redis(unix_socket_path=str(server.directory / "valkey.sock"))
            client.flushall()
            client.close()
    assert said == {(202, ("address", "step"))}, "nobody learns whether a mail went"
    waits(server, "a.victim.example", "b.victim.example", "c.victim.example")
    assert len(to_domain(mailbox, "victim.example")) == restraint.SITE_HOUR


def test_whoever_confirms_may_ask_for_more_at_once(server: Server, mailbox: Mailbox) -> None:
    for office in ("alerts", ""):
        subscribe_more(server, mailbox, "several@desk.example", office)
    assert len(mailbox.to("several@desk.example")) == 2


def subscribe_more(server: Server, mailbox: Mailbox, address: str, office: str) -> None:
    before = len(mailbox.to(address))
    assert asked(server, address, office=office, region="kr:51").status_code == 202
    until(lambda: len(mailbox.to(address)) > before)
    assert server.client.post(f"/{link(mailbox.to(address)[-1])}").status_code == 200


def to_domain(mailbox: Mailbox, domain: str) -> list[EmailMessage]:
    return [one for one in list(mailbox.mails) if str(one["To"]).lower().endswith(domain)]


def waits(server: Server, *hosts: str) -> None:
    """Wait until every mail to these hosts that was asked for is with the mail server."""
    engine = server.engine()
    try:
        until(lambda: not any(calls_waiting(engine, host) for host in hosts), 30)
    finally:
        engine.dispose()


HOUR = 3600
NOW = datetime(2026, 3, 9, 10, tzinfo=UTC)


def ask_at(engine: Engine, seconds: float, address: str = "victim@desk.kr") -> bool:
    now = NOW + timedelta(seconds=seconds)

    def judge(tally: store.deliveries.Tally) -> str:
        return store.deliveries.OPEN if restraint.may_write(tally, micros(now)) else store.deliveries.DROPPED

    return store.deliveries.attempt(engine, restraint.writing(address, ""), judge, now)


def test_the_waiting_time_grows_until_somebody_confirms(engine: Engine) -> None:
    at = 0.0
    assert ask_at(engine, at)
    for wait in (600, HOUR, 6 * HOUR, 24 * HOUR, 24 * HOUR):
        assert not ask_at(engine, at + wait - 1, "Victim+x@desk.kr"), wait
        at += wait
        assert ask_at(engine, at, "vicTim+y+z@DESK.kr"), wait
    store.deliveries.confirmed(engine, restraint.writing("victim@desk.kr", ""))
    assert [ask_at(engine, at + number) for number in range(1, 6)] == [True, True, True, False, False]
    assert ask_at(engine, at + 3 + 600) and not ask_at(engine, at + 4 + 600)
    assert ask_at(engine, at, "other@desk.kr"), "another mailbox of the domain"


def test_confirmations_let_a_domain_grow(engine: Engine) -> None:
    def sent(day: int, count: int = 30) -> int:
        return sum(ask_at(engine, day * 86_400 + n, f"d{day}n{n}@mail.co.kr") for n in range(count))

    assert sent(0) == restraint.SITE_HOUR
    for number in range(5):
        store.deliveries.confirmed(engine, restraint.writing(f"d0n{number}@mail.co.kr", ""))
    assert sent(2) == restraint.SITE_HOUR + 5
    assert sum(ask_at(engine, 2 * 86_400 + n, f"n{n}@other.co.kr") for n in range(10)) == 10


def test_the_last_place_is_taken_once(engine: Engine) -> None:
    taken: list[bool] = []
    together(*[lambda: taken.append(ask_at(engine, 0)) for _ in range(8)])
    assert taken.count(True) == 1


def test_nobody_reads_the_addresses_that_were_typed(engine: Engine) -> None:
    attempt = restraint.writing("somebody@desk.kr", "203.0.113.7")
    assert store.deliveries.attempt(engine, attempt, lambda _: store.deliveries.OPEN, NOW)
    with engine.connect() as connection:
        rows = str(connection.exec_driver_sql("SELECT * FROM attempts").all())
    assert "somebody" not in rows and "203.0.113" not in rows
    assert store.deliveries.tally(engine, attempt, NOW).client_hour == 1


@pytest.mark.parametrize(
    ("given", "mailbox", "site"),
    [
        ("a.b+c@x.kr", "a.b@x.kr", "x.kr"),
        ("A@News.X.co.KR", "a@news.x.co.kr", "x.co.kr"),
        ("+a@x.example", "+a@x.example", "x.example"),
        ("a@b.c.victim.example", "a@b.c.victim.example", "victim.example"),
        ("a@xn--3e0b707e.kr", "a@xn--3e0b707e.kr", "xn--3e0b707e.kr"),
    ],
)
def test_one_mailbox_however_it_is_written(given: str, mailbox: str, site: str) -> None:
    assert (restraint.writing(given, "").who, restraint.writing(given, "").site) == (mailbox, site)


@pytest.mark.parametrize(
    ("address", "client"),
    [
        ("203.0.113.7", "203.0.113.0/24"),
        ("::ffff:203.0.113.7", "203.0.113.0/24"),
        ("2001:db8:1:2::7", "2001:db8:1::/48"),
        ("127.0.0.1", ""),
        ("::1", ""),
        ("", ""),
    ],
)
def test_who_is_one_client(address: str, client: str) -> None:
    assert restraint.network(address) == client


# The library that writes mails reads encoded words in addresses, too: these would go to a@b.kr, to victim@v.kr, and to nobody.
ENCODED = ["=?utf-8?q?=61?=@b.kr", "=?utf-8?q?victim=40v.kr=2c?=@c.kr", "=?utf-8?q?a=0d=0aBcc=3a_x=40y.kr?=@b.kr"]


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (" a@b.kr ", "a@b.kr"),
        ("a+b@DESK.Example", "a+b@desk.example"),
        ("a@한국.kr", "a@xn--3e0b707e.kr"),
    ],
)
def test_addresses(given: str, found: str) -> None:
    assert smtp.address(given) == found


@pytest.mark.parametrize(
    "given", ["사람@b.kr", '"a b"@c.kr', "a..b@c.kr", "a@c_d.kr", "a@c", "a@localhost", "a@b.kr.", *ENCODED]
)
def test_addresses_that_are_none(given: str) -> None:
    with pytest.raises(Problem) as problem:
        smtp.address(given)
    assert problem.value.status == 400 and given in problem.value.detail


def test_the_page_in_both_languages(server: Server) -> None:
    for lang, words in (("ko", "전자우편 알림"), ("en", "E-mail alerts")):
        page = server.client.get(
            "/alerts", params={"region": 'kr:52"><b>'}, headers={"Accept": "text/html", "Accept-Language": lang}
        )
        assert page.status_code == 200 and words in page.text and "<b>" not in page.text
        labels = re.findall(r"<(?:label|legend)[^>]*>([^<]+)", page.text)
        assert len(labels) == 7 and all(labels)
    wrong = server.client.post("/alerts", data={"address": "nobody"}, headers={"Accept": "text/html"})
    assert wrong.status_code == 400 and "<html" in wrong.text and 'value="nobody"' in wrong.text
    korean = {"Accept": "text/html", "Accept-Language": "ko"}
    wrong = server.client.post("/alerts", data={"address": "a@b.kr", "region": "전주시청"}, headers=korean)
    assert wrong.status_code == 404 and 'value="a@b.kr"' in wrong.text and "모르는 지역입니다. 혹시" in wrong.text
    assert 'href="/alerts?region=kr%3A52"' in server.client.get("/?region=kr:52").text
    assert 'href="/alerts' not in server.client.get("/?q=words").text
    sent = server.client.post("/alerts", data={"address": "page@desk.example"}, headers={"Accept": "text/html"})
    assert sent.status_code == 202 and "page@desk.example" in sent.text


def test_without_a_mail_server(own_server: Any) -> None:
    server = own_server(workers="1").start()
    told = server.client.get("/alerts")
    assert told.status_code == 404 and told.json()["type"].endswith(":no-mail")
    assert "/alerts" not in server.client.get("/").text


SUBSCRIPTION = store.deliveries.Subscription(
    "email", "a@b.kr", "https://p.example/?region=kr%3A52", "region=kr%3A52", "email", name="n", lang="ko"
)


def own_context(tmp_path: Any) -> Context:
    settings = Settings(data_dir=str(tmp_path), smtp_url="smtp://127.0.0.1:1", mail_from="press@press.example")
    sqlite_database(tmp_path / "pressrelay.db")
    return connect(settings)


def row(**changes: Any) -> tuple[store.deliveries.Waiting, store.articles.State]:
    article = make(**changes)
    state = store.articles.State(1, True, "usable", article.version, article, store.keys(article), 1, article.updated)
    return store.deliveries.Waiting(1, 1, 1, "published", 1, 0, 7), state


def test_no_header_becomes_two(tmp_path: Any) -> None:
    told = row(headline="제목\r\nBcc: c@d.kr\x00", summary="<script>alert(1)</script>")
    message = letters.alert(own_context(tmp_path), SUBSCRIPTION, [told])
    assert "Bcc" not in message and "\n" not in message["Subject"]
    html = message.get_body(("html",))
    assert html is not None and "<script>" not in html.get_content()
    assert b"\r\nBcc:" not in message.as_bytes().partition(b"\r\n\r\n")[0]


@pytest.mark.parametrize(
    "word", ["=?utf-8?q?=0d=0aBcc:_x=40y.kr=0d=0a=0d=0afalse?=", "=?utf-8?b?DQpCY2M6IHhAeS5rcg==?="]
)
def test_no_encoded_word_of_a_headline_is_decoded_into_a_header(tmp_path: Any, word: str) -> None:
    context = own_context(tmp_path)
    named = msgspec.structs.replace(
        context, settings=msgspec.structs.replace(context.settings, site_name=f"한국 {word}")
    )
    for message in (
        letters.alert(named, SUBSCRIPTION, [row(headline=f"제목 {word} 끝")]),
        letters.paused(named, SUBSCRIPTION, word),
    ):
        head, _, body = message.as_bytes().partition(b"\r\n\r\n")
        names = [line.partition(b":")[0] for line in head.split(b"\r\n") if line[:1] not in (b" ", b"\t")]
        assert b"Bcc" not in names and names[-1] != b"" and b"false" not in body.partition(b"--")[0]
        read = message_from_bytes(message.as_bytes(), policy=policy.default)
        assert "Bcc" not in read and read["From"].addresses[0].addr_spec == "press@press.example"
        assert all(c.isprintable() for c in f"{read['Subject']}{read['From']}")


def test_the_address_to_leave_is_written_as_programs_read_it(tmp_path: Any) -> None:
    """RFC 8058: a URL in angle brackets; an encoded word is none."""
    lines = letters.alert(own_context(tmp_path), SUBSCRIPTION, [row()]).as_bytes().split(b"\r\n")
    (leave,) = [line for line in lines if line.startswith(b"List-Unsubscribe:")]
    assert re.fullmatch(rb"List-Unsubscribe: <http://\S+/alerts/unsubscribe\?token=[\w.-]+>", leave)
    assert sum(line.startswith((b"List-Id: <", b"Message-ID: <")) for line in lines) == 2


def test_a_repeat_has_the_same_identifier(tmp_path: Any) -> None:
    context = own_context(tmp_path)
    first, again = (letters.alert(context, SUBSCRIPTION, [row()]) for _ in range(2))
    assert first["Message-ID"] == again["Message-ID"]


def test_when_a_digest_is_due() -> None:
    settings = Settings(digest_at="07:00+09:00")
    since = datetime(2026, 3, 9, 21, 0, tzinfo=UTC)  # 06:00 in Seoul on the 10th
    assert mail.due(micros(since), since, settings.digest_at) == micros(datetime(2026, 3, 9, 22, 0, tzinfo=UTC))
    assert mail.due(micros(since), since + timedelta(hours=1), settings.digest_at) is None
    later = since + timedelta(hours=2)
    assert mail.due(micros(later), later, settings.digest_at) == micros(datetime(2026, 3, 10, 22, 0, tzinfo=UTC))


@pytest.mark.parametrize("how", ["tls_context", "ssl_context"])
def test_mails_go_over_tls_to_whom_a_trusted_authority_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    """By STARTTLS, and by TLS from the start."""
    trusted, other = Authority(tmp_path), Authority(tmp_path, "Another")
    monkeypatch.setenv("SSL_CERT_FILE", str(trusted.file))
    for authority in (trusted, other):
        mailbox = Mailbox(**{how: serving(authority.issue("127.0.0.1"))})
        mailbox.controller.start()
        mailer = Mailer(Settings(smtp_url=mailbox.url, mail_from="a@b.kr"))
        try:
            for number in range(2):
                mail = EmailMessage()
                mail["To"], mail["From"], mail["Subject"] = "r@paper.example", "a@b.kr", str(number)
                if authority is trusted:
                    asyncio.run(mailer.send(mail))
                else:
                    with pytest.raises(Refused, match="certificate verify failed"):
                        asyncio.run(mailer.send(mail))
        finally:
            mailbox.controller.stop()
        assert len(mailbox.mails) == (2 if authority is trusted else 0)


def test_a_mail_server_that_is_not_there() -> None:
    mailer = Mailer(Settings(smtp_url="smtp://127.0.0.1:1", mail_from="a@b.kr"))
    with pytest.raises(Refused, match="cannot be used"):
        asyncio.run(mailer.send(EmailMessage()))
    with pytest.raises(Refused, match="No mail server is configured"):
        asyncio.run(Mailer(Settings()).send(EmailMessage()))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"SMTP_URL": "mail.example"}, "must look like smtp://user:password@host:587"),
        ({"SMTP_URL": "smtp://mail.example"}, "PRESSRELAY_MAIL_FROM must be an e-mail address, not ''"),
        ({"DIGEST_AT": "7"}, "must be HH:MM+HH:MM"),
    ],
)
def test_settings_that_are_none(given: dict[str, str], words: str) -> None:
    with pytest.raises(Misconfigured, match=re.escape(words)):
        load({f"PRESSRELAY_{name}": value for name, value in given.items()})


def test_json(server: Server, mailbox: Mailbox) -> None:
    told = server.client.post("/alerts", json={"address": "json@desk.example", "region": "kr:52"})
    assert told.status_code == 202 and json.loads(told.content) == {"step": "asked", "address": "json@desk.example"}
