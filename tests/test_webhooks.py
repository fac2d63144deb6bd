"""Webhooks of a real server at a real endpoint: made, signed, controlled and listed, over HTTP and by commands."""

import base64
import hashlib
import hmac
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest
from lxml import etree
from msgspec.structs import replace

from app import store
from app.deliveries.documents import left_document
from app.intake import parsers
from app.store import keys, micros
from app.syndication.tracing import trace
from app.text.flatten import words_of
from tests.articles import SEED as SECRET
from tests.conftest import SEED, Server, until
from tests.subscriber import Got, Subscriber, answer, subscribing
from tests.test_hub import PUSH, accredited, push, settled, subscribe


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("hooks"), **PUSH).start()
    yield server
    server.close()


@pytest.fixture(scope="module")
def token(server: Server) -> str:
    return server.office("hooks", "갈고리청", "kr:51")


@pytest.fixture(scope="module")
def outlet(server: Server, token: str) -> str:
    assert token, "its office is there"
    return accredited(server, "daily")


@pytest.fixture
def endpoint(server: Server) -> Iterator[Subscriber]:
    with subscribing(server) as endpoint:
        yield endpoint


def ask(server: Server, method: str, path: str, token: str, **more: Any) -> Any:
    headers = {"Authorization": f"Bearer {token}"} | more.pop("headers", {})
    return server.client.request(method, path, headers=headers, **more)


def hook(server: Server, outlet: str, endpoint: Subscriber, path: str, **given: str) -> dict[str, Any]:
    given = {"url": endpoint.url(path), "query": "office=hooks"} | given
    made = ask(server, "POST", "/subscriptions", outlet, json=given)
    assert made.status_code == 201, made.text
    told: dict[str, Any] = made.json()
    assert made.headers["Location"] == f"{server.url}/subscriptions/{told['name']}"
    return told


def signed(got: Got, secret: str) -> bool:
    """As the specification of Standard Webhooks says; without our own code."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    said = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
    digest = base64.b64encode(hmac.new(key, said, hashlib.sha256).digest()).decode()
    return f"v1,{digest}" in got.headers["webhook-signature"].split(" ")


def test_an_article_its_correction_and_its_withdrawal(
    server: Server, token: str, outlet: str, endpoint: Subscriber
) -> None:
    secret = hook(server, outlet, endpoint, "/hook")["secret"]
    guid = "tag:hooks,2026:life"
    id = push(server, token, guid, headline="처음")
    until(lambda: len(endpoint.to("/hook")) == 1)
    push(server, token, guid, 2, headline="고친")
    until(lambda: len(endpoint.to("/hook")) == 2)
    gone = ask(server, "DELETE", f"/articles/{id}", token, params={"reason": "Sent in error."})
    assert gone.status_code == 200
    until(lambda: len(endpoint.to("/hook")) == 3)
    bodies = [json.loads(got.body) for got in endpoint.to("/hook")]
    assert [body["type"] for body in bodies] == ["article.published", "article.corrected", "article.canceled"]
    assert [body["data"].get("headline") for body in bodies] == ["처음", "고친", None]
    assert bodies[2]["data"]["note"] == "Sent in error." and bodies[2]["data"]["guid"] == guid
    for got, body in zip(endpoint.to("/hook"), bodies, strict=True):
        assert signed(got, secret) and not signed(got, "whsec_" + "A" * 43 + "=")
        assert abs(int(got.headers["webhook-timestamp"]) - time.time()) < 10
        assert got.headers["content-type"] == "application/json; charset=utf-8"
        assert datetime.fromisoformat(body["timestamp"]) <= datetime.now(UTC)
    assert len({got.headers["webhook-id"] for got in endpoint.to("/hook")}) == 3


@pytest.mark.parametrize("format", ["json", "ninjs", "newsml", "xml"])
def test_the_founding_release_in_each_format(server: Server, outlet: str, endpoint: Subscriber, format: str) -> None:
    office = server.office()
    made = hook(server, outlet, endpoint, "/seed", query="region=kr:52", format=format)
    body = SEED.read_bytes().replace(b"eutteum-dojeongsang", f"eutteum-{format}".encode())
    pushed = server.push(office, body)
    assert pushed.status_code == 201
    until(lambda: endpoint.to("/seed"))
    (got,) = endpoint.to("/seed")
    assert signed(got, made["secret"]) and got.headers["pressrelay-event"] == "published"
    assert "으뜸 도정상" in got.body.decode()
    current = server.client.get(f"/articles/{pushed.json()['id']}.{format}")
    if format == "json":
        assert json.loads(got.body)["data"] == current.json()
    elif format == "xml":
        ((_, draft),) = parsers.parse(got.body, "application/xml").drafts
        assert draft.guid.text.endswith("eutteum-xml") and "힘차게" in draft.headline.text
    else:
        assert got.body == current.content and got.headers["content-type"] == current.headers["content-type"]
    id = pushed.json()["id"]
    assert ask(server, "DELETE", f"/articles/{id}", office, params={"reason": "Sent in error."}).status_code == 200
    until(lambda: len(endpoint.to("/seed")) == 2)
    withdrawn = endpoint.to("/seed")[1]
    assert withdrawn.headers["pressrelay-event"] == "canceled"
    assert "으뜸" not in withdrawn.body.decode() and "canceled" in withdrawn.body.decode()
    assert "Sent in error." in withdrawn.body.decode()
    if format == "xml":
        etree.fromstring(withdrawn.body)


def test_under_embargo_for_an_accredited_outlet(server: Server, token: str, outlet: str, endpoint: Subscriber) -> None:
    hook(server, outlet, endpoint, "/before", query="office=hooks&status=embargoed")
    hook(server, outlet, endpoint, "/public")
    push(server, token, "tag:hooks,2026:wait", headline="아직", embargo=datetime.now(UTC) + timedelta(days=1))
    until(lambda: endpoint.to("/before"))
    body = json.loads(endpoint.to("/before")[0].body)
    assert body["type"] == "article.embargoed" and body["data"]["headline"] == "아직" and body["data"]["embargoed"]
    until(lambda: settled(server))
    assert not endpoint.to("/public")


def test_what_is_pushed_under_embargo_has_the_fingerprint_of_its_outlet(
    server: Server, token: str, endpoint: Subscriber
) -> None:
    query = "office=hooks&status=embargoed"
    secrets = {code: accredited(server, code) for code in ("copy-a", "copy-b", "copy-c")}
    hook(server, secrets["copy-a"], endpoint, "/copy-a", query=query)
    hook(server, secrets["copy-b"], endpoint, "/copy-b", query=query, format="xml")
    topic = f"{server.url}/feed.rss?{query}"
    subscribe(server, endpoint, topic, "/copy-c", token=secrets["copy-c"])
    words = "도는 내년부터 사랑도민증을 받을 사람을 크게 넓히고 관광객도 도내 시설을 더 쉽게 쓰도록 돕는다고 밝혔다. "
    words += (
        "관계 부서와 협의해 할인 혜택을 늘리고 가맹점 모집도 함께 추진하며 어르신을 위한 창구도 따로 마련한다고 한다."
    )
    later = datetime.now(UTC) + timedelta(days=1)
    assert server.push(token, copied_release(words, later)).status_code == 201
    until(lambda: all(endpoint.to(f"/{code}") for code in secrets))
    engine = server.engine()
    for code in secrets:
        got = [one for one in endpoint.to(f"/{code}") if one.body][-1]
        found = trace(engine, words_of(got.body), None).articles
        assert [outlet.code for outlet in found[0].outlets] == [code], code
    engine.dispose()


def copied_release(words: str, embargo: datetime) -> bytes:
    return (
        '<release xmlns="urn:pressrelay:press-release:1" xml:lang="ko"><article version="1"><guid>tag:hooks,2026:copies</guid>'
        f'<issued>2026-03-09T10:00:00+09:00</issued><embargo until="{embargo.isoformat()}"/><headline>사본</headline>'
        f"<body><p>{words}</p></body></article></release>"
    ).encode()


def test_numbers_of_what_waits_tell_nothing(server: Server, token: str, outlet: str, endpoint: Subscriber) -> None:
    """They do not reveal how many articles came in between, for other outlets or with other topics."""
    made = hook(server, outlet, endpoint, "/numbers", query="office=hooks&status=embargoed")
    for number in range(5):
        push(server, token, f"tag:hooks,2026:number-{number}", embargo=datetime.now(UTC) + timedelta(days=1))
    until(lambda: len(endpoint.to("/numbers")) == 5)
    told = ask(server, "GET", f"/subscriptions/{made['name']}", outlet).json()["deliveries"]
    numbers = [row["number"] for row in reversed(told)]
    assert numbers == sorted(numbers) and numbers[0] > micros(datetime.now(UTC) - timedelta(hours=1))
    assert min(after - before for before, after in pairwise(numbers)) > 1


def test_ended_webhooks_do_not_count(own_server: Any, tmp_path: Path) -> None:
    """The limit of an outlet counts only webhooks that have not ended."""
    server = own_server(**PUSH, push_subscriptions="2", workers="1").start()
    outlet = accredited(server, "counts")

    def add(number: int) -> int:
        url = f"https://desk.example/{number}"
        return ask(
            server, "POST", "/subscriptions", outlet, json={"url": url, "query": f"limit={number + 1}"}
        ).status_code

    for number in range(3):
        assert add(number) == 201
        listed = ask(server, "GET", "/subscriptions", outlet).json()["subscriptions"]
        assert ask(server, "DELETE", f"/subscriptions/{listed[0]['name']}", outlet).status_code in (200, 204)
    assert [add(number) for number in range(3, 6)] == [201, 201, 403]


def test_the_secret_is_replaced(server: Server, token: str, outlet: str, endpoint: Subscriber) -> None:
    made = hook(server, outlet, endpoint, "/rotate")
    path = f"/subscriptions/{made['name']}"
    fresh = ask(server, "POST", f"{path}/rotate", outlet).json()["secret"]
    assert fresh != made["secret"] and fresh.startswith("whsec_")
    push(server, token, "tag:hooks,2026:rotate-a")
    until(lambda: endpoint.to("/rotate"))
    (both,) = endpoint.to("/rotate")
    assert signed(both, made["secret"]) and signed(both, fresh)
    engine = server.engine()
    one = store.deliveries.subscription(engine, made["name"])
    assert one is not None and one.secret_until > micros(datetime.now(UTC) + timedelta(hours=23))
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE subscriptions SET secret_until = 1")
    engine.dispose()
    push(server, token, "tag:hooks,2026:rotate-b")
    until(lambda: len(endpoint.to("/rotate")) == 2)
    assert signed(endpoint.to("/rotate")[1], fresh) and not signed(endpoint.to("/rotate")[1], made["secret"])
    for told in (
        ask(server, "GET", path, outlet).text,
        server.run("subscription", "show", made["name"], "--json").stdout,
    ):
        assert fresh not in told and made["secret"] not in told


def test_a_test_goes_out_at_once(server: Server, outlet: str, endpoint: Subscriber) -> None:
    made = hook(server, outlet, endpoint, "/try")
    tried = ask(server, "POST", f"/subscriptions/{made['name']}/test", outlet).json()
    assert tried["status"] == 204 and tried["error"] == ""
    (got,) = endpoint.to("/try")
    assert json.loads(got.body)["type"] == "test" and signed(got, made["secret"])
    endpoint.replies["/try"] = lambda got: answer(500)
    failed = server.run("webhook", "test", made["name"])
    assert failed.returncode == 1 and "The endpoint answered with the status 500." in failed.stderr


def test_paused_and_resumed(server: Server, token: str, outlet: str, endpoint: Subscriber) -> None:
    made = hook(server, outlet, endpoint, "/pause")
    path = f"/subscriptions/{made['name']}"
    assert ask(server, "POST", f"{path}/pause", outlet).json()["state"] == "paused"
    for letter in "ab":
        push(server, token, f"tag:hooks,2026:pause-{letter}")
    until(lambda: settled(server))
    assert not endpoint.to("/pause")
    assert [row["state"] for row in ask(server, "GET", path, outlet).json()["deliveries"]] == ["waiting", "waiting"]
    assert server.run("subscription", "resume", made["name"]).returncode == 0
    until(lambda: len(endpoint.to("/pause")) == 2)
    guids = [json.loads(got.body)["data"]["guid"] for got in endpoint.to("/pause")]
    assert guids == ["tag:hooks,2026:pause-a", "tag:hooks,2026:pause-b"]
    until(lambda: settled(server))
    rows = ask(server, "GET", path, outlet).json()["deliveries"]
    assert [(row["state"], row["status"], row["attempts"]) for row in rows] == [("delivered", 204, 1)] * 2
    assert all(0 < row["seconds"] < 60 for row in rows)
    assert ask(server, "DELETE", path, outlet).status_code == 204
    assert ask(server, "GET", path, outlet).json()["state"] == "ended"


def test_another_accounts_subscriptions_are_not_there(server: Server, outlet: str, endpoint: Subscriber) -> None:
    made = hook(server, outlet, endpoint, "/mine")
    other = accredited(server, "weekly")
    assert ask(server, "GET", "/subscriptions", other).json() == {"subscriptions": []}
    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/rotate"), ("POST", "/test")):
        assert ask(server, method, f"/subscriptions/{made['name']}{path}", other).status_code == 404
    names = [one["name"] for one in ask(server, "GET", "/subscriptions", outlet).json()["subscriptions"]]
    assert made["name"] in names
    given = {"url": endpoint.url("/mine"), "query": "office=hooks"}
    assert ask(server, "POST", "/subscriptions", outlet, json=given).status_code == 409
    assert "Another account" in ask(server, "POST", "/subscriptions", other, json=given).json()["detail"]


@pytest.mark.parametrize(
    ("given", "status", "type"),
    [
        ({}, 400, "bad-parameter"),
        ({"url": "https://169.254.169.254/"}, 400, "bad-callback"),
        ({"url": "https://a:b@example.org/"}, 400, "bad-callback"),
        ({"url": "https://example.org/", "format": "pdf"}, 404, "unknown-format"),
        ({"url": "https://example.org/", "query": "region=Atlantis"}, 404, "unknown-region"),
        ({"url": "https://example.org/", "query": "nonsense=1"}, 400, "unknown-parameter"),
        ({"url": "https://example.org/", "contact": "nobody"}, 400, "bad-address"),
        ({"url": "https://example.org/", "contact": "a..b@desk.kr"}, 400, "bad-address"),
        ({"url": "https://example.org/", "contact": "desk@localhost"}, 400, "bad-address"),
        ({"url": "https://example.org/", "contact": "a@b.kr\r\nBcc: c@d.kr"}, 400, "bad-characters"),
        ({"url": "https://example.org/", "surplus": "1"}, 400, "unknown-parameter"),
        ({"url": 1}, 400, "bad-json"),
    ],
)
def test_what_is_refused(server: Server, outlet: str, given: dict[str, Any], status: int, type: str) -> None:
    told = ask(server, "POST", "/subscriptions", outlet, json=given)
    assert (told.status_code, told.json()["type"].rpartition(":")[2]) == (status, type)


def test_who_may(server: Server, token: str, outlet: str) -> None:
    assert server.client.get("/subscriptions").status_code == 401
    assert ask(server, "GET", "/subscriptions", token).status_code == 403
    browser = {"Accept": "text/html"}
    told = server.client.get("/subscriptions", headers=browser)
    assert told.status_code == 401 and told.headers["WWW-Authenticate"].startswith("Basic")
    assert ask(server, "GET", "/subscriptions", outlet, headers=browser).headers["Cache-Control"] == "private, no-store"
    cross = {"Sec-Fetch-Site": "cross-site"}
    assert ask(server, "POST", "/subscriptions", outlet, headers=cross, json={"url": "https://x.kr"}).status_code == 403
    assert ask(server, "POST", "/subscriptions/0123456789ab/dance", outlet).status_code == 404


def test_a_token_without_the_scope_has_no_webhook_under_embargo(server: Server, endpoint: Subscriber) -> None:
    accredited(server, "limited")
    engine = server.engine()
    now = datetime.now(UTC)
    limited = store.accounts.new_token(engine, "", "s", now, role="outlet", outlet="limited", scope=("subscribe",))
    engine.dispose()
    given = {"url": endpoint.url("/limited"), "query": "status=embargoed"}
    assert ask(server, "POST", "/subscriptions", limited, json=given).status_code == 403
    hook(server, limited, endpoint, "/limited", query="")


def test_a_removed_outlet_is_told_nothing_more(server: Server, endpoint: Subscriber) -> None:
    made = hook(server, accredited(server, "gone"), endpoint, "/gone")
    assert server.run("outlet", "remove", "gone").returncode == 0
    told = json.loads(server.run("subscription", "show", made["name"], "--json").stdout)
    assert (told["state"], told["reason"]) == ("ended", "The outlet was removed.")


def test_the_page_and_its_forms(server: Server, outlet: str, endpoint: Subscriber) -> None:
    browser = {"Accept": "text/html", "Accept-Language": "en"}
    form = {"url": endpoint.url("/page"), "query": "office=hooks", "format": "ninjs", "contact": "desk@daily.example"}
    made = ask(server, "POST", "/subscriptions", outlet, headers=browser, data=form)
    assert made.status_code == 200 and "whsec_" in made.text and "It is not shown again" in made.text
    listed = ask(server, "GET", "/subscriptions", outlet, headers=browser).text
    assert endpoint.url("/page") in listed
    name = made.text.split('action="/subscriptions/')[1].split("/")[0]
    path = f"/subscriptions/{name}"
    tried = ask(server, "POST", f"{path}/test", outlet, headers=browser)
    assert "Test delivery: 204" in tried.text
    paused = ask(server, "POST", f"{path}/pause", outlet, headers=browser)
    assert (paused.status_code, paused.headers["Location"]) == (303, f"{server.url}{path}")
    assert "paused" in ask(server, "GET", path, outlet, headers=browser).text
    ended = ask(server, "POST", f"{path}/end", outlet, headers=browser)
    assert (ended.status_code, ended.headers["Location"]) == (303, f"{server.url}/subscriptions")
    wrong = ask(server, "POST", "/subscriptions", outlet, headers=browser, data=form | {"url": "ftp://x.kr/"})
    assert wrong.status_code == 400 and 'value="office=hooks"' in wrong.text and 'id="e-url"' in wrong.text
    missing = ask(server, "GET", "/subscriptions/000000000000", outlet, headers=browser)
    assert missing.status_code == 404 and "<html" in missing.text


def test_the_commands(server: Server, token: str, outlet: str, endpoint: Subscriber) -> None:
    assert outlet
    made = server.run("webhook", "add", endpoint.url("/command"), "--outlet", "daily", "--feed", "office=hooks")
    assert made.returncode == 0, made.stderr
    secret = made.stdout.splitlines()[-1]
    push(server, token, "tag:hooks,2026:command")
    until(lambda: endpoint.to("/command"))
    assert signed(endpoint.to("/command")[0], secret)
    listed = json.loads(server.run("subscription", "list", "--host", endpoint.host, "--json").stdout)
    (one,) = listed["subscriptions"]
    until(lambda: settled(server))
    (row,) = json.loads(server.run("subscription", "show", one["name"], "--json").stdout)["deliveries"]
    assert server.run("subscription", "resend", one["name"], str(row["number"])).returncode == 0
    until(lambda: len(endpoint.to("/command")) == 2)
    first, again = endpoint.to("/command")
    assert first.headers["webhook-id"] == again.headers["webhook-id"]
    assert server.run("webhook", "rotate", one["name"]).stdout.splitlines()[-1] != secret
    assert server.run("subscription", "pause", one["name"]).returncode == 0
    twice = server.run("subscription", "pause", one["name"])
    assert (twice.returncode, twice.stderr) == (1, f"pressrelay: Subscription {one['name']} is already paused.\n")
    assert server.run("subscription", "end", one["name"]).returncode == 0
    unknown = server.run("subscription", "show", "nothing")
    assert (unknown.returncode, unknown.stderr) == (
        1,
        "pressrelay: There is no subscription 'nothing': see `pressrelay subscription list`.\n",
    )
    refused = server.run("webhook", "add", "http://10.0.0.1/", "--outlet", "daily")
    assert refused.returncode == 1 and "Traceback" not in refused.stderr
    metrics = server.client.get("/metrics", headers=server.operator("metrics")).text
    assert 'pressrelay_deliveries_total{kind="webhook",outcome="delivered"}' in metrics
    assert 'pressrelay_subscriptions{kind="webhook",state="ended"}' in metrics


@pytest.mark.parametrize("format", ["newsml", "ninjs", "xml"])
def test_a_withdrawal_holds_nothing_of_a_version_that_never_was_public(format: str) -> None:
    """Public, withheld, under embargo, then canceled: the newest version was never shown."""
    until_ = datetime(2031, 5, 6, 7, 8, tzinfo=UTC)
    secret = replace(
        SECRET, version=4, pubstatus="canceled", embargoed=until_, embargo_wording="비밀 시점", published=until_
    )
    state = store.articles.State(1, False, "canceled", 4, secret, keys(secret), None, datetime(2026, 11, 1, tzinfo=UTC))
    told = left_document(format, state, "canceled").decode()
    for word in (
        "2031-05-06",
        "비밀 시점",
        secret.headline,
        secret.regions[0].code,
        secret.topics[0].code,
    ):
        assert word and word not in told, word
    assert "canceled" in told and secret.guid in told


def test_tests_at_an_endpoint_that_does_not_answer_keep_nobody_waiting(server: Server, outlet: str) -> None:
    """One outlet used to be able to occupy every thread of every worker with tests, each for ten seconds."""
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor(40) as pool:
        given = {"url": f"http://127.0.0.1:{silent.getsockname()[1]}/", "query": "office=hooks"}
        name = ask(server, "POST", "/subscriptions", outlet, json=given).json()["name"]

        def test() -> httpx.Response:
            headers = {"Authorization": f"Bearer {outlet}"}
            return httpx.post(f"{server.url}/subscriptions/{name}/test", headers=headers, trust_env=False, timeout=120)

        answers = [pool.submit(test) for _ in range(40)]
        until(lambda: any(answer.done() for answer in answers), 60)
        busy = next(answer.result() for answer in answers if answer.done())
        assert (busy.status_code, busy.json()["type"]) == (503, "urn:pressrelay:problem:busy")
        assert httpx.get(f"{server.url}/feed.atom", trust_env=False, timeout=8).status_code == 200
        found = [answer.result() for answer in answers]
        assert {answer.status_code for answer in found} == {200, 503}
    ask(server, "POST", f"/subscriptions/{name}/end", outlet)
