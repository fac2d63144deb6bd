"""The id of a request: who may choose it, and where it is found afterwards, from the log of a real nginx to a real webhook."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from app import store
from app.requestid import is_request_id, working_for
from app.store import Engine
from app.store.deliveries import Room, Subscription
from app.store.tables import NEW, PROMPT, SLOW
from bench import nginx
from tests.conftest import Server, until
from tests.subscriber import Got, answer, subscribing
from tests.test_hub import PUSH, accredited
from tests.test_lifecycle import document
from tests.test_store import NOW, ORIGINAL, article, put_items
from tests.test_webhooks import hook

MINE = "0123456789abcdef0123456789abcdef"


@pytest.fixture(scope="module")
def behind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that trusts the proxy in front of it."""
    server = Server(tmp_path_factory.mktemp("requests"), proxies="1", log_format="json", **PUSH).start()
    yield server
    server.close()


def records(server: Server, id: str) -> list[str]:
    """The actions of the audit log that name a request."""
    engine = server.engine()
    found: list[store.audit.Record] = []
    while page := store.audit.records(engine, after=found[-1].seq if found else 0):
        found += page  # other tests of this server have written more than one page
    engine.dispose()
    return [one.event.action for one in found if one.event.detail.get("request_id") == id]


def test_the_form_of_an_id() -> None:
    for good in (MINE, "7f3f1a52-2b1c-4f0e-9f4d-1d2f7b1f0a55", "A" * 16, "z" * 64):
        assert is_request_id(good), good
    for bad in (
        "",
        "short",
        "a" * 65,
        f"{MINE}\n",
        f"{MINE} x",
        f"{MINE},{MINE}",
        "가" * 16,
        "１" * 16,
        '"' * 20,
        "a=b" * 8,
    ):
        assert not is_request_id(bad), bad


def test_only_a_proxy_chooses_the_id(server: Server, behind: Server) -> None:
    for name, one, chosen in (("open", server, False), ("behind", behind, True)):
        token = one.office(f"requests-{name}", "요청청", "kr:52")
        told = one.push(token, document(f"tag:requests,2026:{name}"), **{"X-Request-Id": MINE})
        assert told.status_code == 201, told.text
        assert (told.headers["X-Request-Id"] == MINE) is chosen and is_request_id(told.headers["X-Request-Id"])
        assert records(one, told.headers["X-Request-Id"]) == ["pushed"]
    for bad in ("x", f"{MINE},{MINE}", 'x" y', "a" * 100):
        told = behind.push(token, document("tag:requests,2026:behind"), **{"X-Request-Id": bad})
        assert told.headers["X-Request-Id"] not in ("", bad) and is_request_id(told.headers["X-Request-Id"])


def test_what_is_refused_names_its_request(behind: Server) -> None:
    token = behind.office("refused", "거절청", "kr:52")
    told = behind.push(token, b"<release", **{"X-Request-Id": MINE[::-1]})
    assert told.status_code in (400, 422) and told.json()["request_id"] == MINE[::-1] == told.headers["X-Request-Id"]
    assert records(behind, MINE[::-1]) == ["refused"]
    # Refusals are the same for everybody: they contain nothing of the request.
    texts = {behind.client.get("/articles/aaaaaaaaaaaaaaaaaaaaaaaaaa").text for _ in range(2)}
    assert len(texts) == 1 and "request_id" not in texts.pop()


def test_what_a_cache_may_keep_names_no_request(behind: Server) -> None:
    for path in ("/feed.atom", "/feed.atom", "/", "/feeds.opml"):
        told = behind.client.get(path, headers={"X-Request-Id": MINE})
        assert told.status_code == 200 and "X-Request-Id" not in told.headers, path


def test_a_version_keeps_its_request_until_its_embargo_lifts_and_is_delivered(engine: Engine) -> None:
    listener = Subscription(
        "webhook", "https://a.example/", "https://b.example/feed.json", "", "json", host="a.example"
    )
    made = store.deliveries.add_subscription(engine, listener, (("*", "*"),), NOW)
    assert made is not None
    waits = article("tag:requests:waits", embargoed=NOW + timedelta(hours=1))
    sent = {"tag:requests:now": "first-" + MINE, "tag:requests:unknown": ""}
    for guid, request in sent.items():
        item = store.articles.Item(article(guid), guid.encode().ljust(32)[:32])
        put_items(engine, [item], original=replace(ORIGINAL, request=request))
    # In a group that another request leads, each record names its own.
    with working_for("leader-" + MINE):
        item = store.articles.Item(waits, b"w" * 32)
        put_items(engine, [item], original=replace(ORIGINAL, request="second-" + MINE))
    assert store.audit.records(engine)[-1].event.detail["request_id"] == "second-" + MINE
    assert len(store.articles.lift(engine, NOW + timedelta(hours=1))) == 1
    rooms = {line: Room(5, {"account": 5, "host": 5, "site": 5}) for line in (PROMPT, NEW, SLOW)}
    (job,) = store.deliveries.claim(engine, "here", NOW + timedelta(hours=2), rooms)
    assert [row.request for row in job.rows] == ["first-" + MINE, "", "second-" + MINE]
    assert [one.request for one in store.deliveries.log_of(engine, made.id, 9)] == [
        "second-" + MINE,
        "",
        "first-" + MINE,
    ]
    assert store.audit.verify(engine).fault == ""


def test_a_log_line_of_a_request_names_it(behind: Server) -> None:
    """A real line: a subscriber refused an attempt of the delivery worker, long after the request."""
    token, outlet = behind.office("lines", "기록청", "kr:52"), accredited(behind, "lines-daily")
    with subscribing(behind) as endpoint:
        replies = iter((answer(500), answer(204)))
        endpoint.replies["/lines"] = lambda _got: next(replies, answer(204))
        name = hook(behind, outlet, endpoint, "/lines", query="office=lines")["name"]
        told = behind.push(token, document("tag:lines,2026:one"), **{"X-Request-Id": f"lines-{MINE}"})
        assert told.status_code == 201
        until(lambda: len(endpoint.to("/lines")) == 2, 30)
        shown = json.loads(behind.run("subscription", "show", name, "--json").stdout)["deliveries"]
        assert [one["request"] for one in shown] == [f"lines-{MINE}"]
        own = behind.client.get(f"/subscriptions/{name}", headers={"Authorization": f"Bearer {outlet}"}).json()
        assert own["deliveries"] and "request" not in own["deliveries"][0]
        _no_id_is_sent(endpoint.to("/lines"))
    lines = [json.loads(line) for line in behind.log.read_text().splitlines() if line.startswith("{")]
    (line,) = [one for one in lines if one.get("request") == f"lines-{MINE}"]
    assert (
        line["logger"] == "pressrelay.push"
        and "attempt 1: The callback answered with the status 500." in line["message"]
    )


def _no_id_is_sent(deliveries: list[Got]) -> None:
    for got in deliveries:
        assert not {"x-request-id", "traceparent", "tracestate", "baggage"} & got.headers.keys()
        assert MINE not in str(got.headers) and MINE.encode() not in got.body


@pytest.mark.slow
@pytest.mark.skipif(bool(nginx.missing()), reason=nginx.missing())
def test_a_push_is_followed_from_the_log_of_nginx_to_its_delivery(
    own_server: Callable[..., Server], tmp_path: Path
) -> None:
    server = own_server(proxies="1", log_format="text", **PUSH)
    server.start()
    token, outlet = server.office("hooks", "갈고리청", "kr:51"), accredited(server, "daily")
    log = tmp_path / "nginx" / "access.log"
    with subscribing(server) as endpoint, nginx.in_front(tmp_path / "nginx", server.port) as port:
        replies = iter((answer(500), answer(204)))
        endpoint.replies["/hook"] = lambda _got: next(replies, answer(204))
        name = hook(server, outlet, endpoint, "/hook")["name"]
        sent = {"Content-Type": "application/xml", "Authorization": f"Bearer {token}", "X-Request-Id": f"mine-{MINE}"}
        url = f"http://127.0.0.1:{port}"
        told = server.client.post(f"{url}/releases", content=document("tag:hooks,2026:followed"), headers=sent)
        assert told.status_code == 201
        id = told.headers["X-Request-Id"]
        assert told.headers.get_list("X-Request-Id") == [id] and re.fullmatch("[0-9a-f]{32}", id)  # not the client's
        feeds = [server.client.get(f"{url}/feed.atom") for _ in range(2)]
        assert {one.headers["X-Cache"] for one in feeds} == {"MISS", "HIT"}
        assert len({one.headers["X-Request-Id"] for one in feeds}) == 2  # also of what nginx kept
        until(lambda: id in log.read_text(), 10)
        (line,) = log.read_text().splitlines()  # the polls have none
        assert re.fullmatch(rf"\S+ {id} 127\.0\.0\.1 POST 201 [\d.]+ 127\.0\.0\.1:{server.port}", line), line
        until(lambda: len(endpoint.to("/hook")) == 2, 30)
        assert records(server, id) == ["pushed"]
        listed = [json.loads(one) for one in server.run("audit", "list", "--json").stdout.splitlines()]
        assert [one["event"]["article"] for one in listed if one["event"]["detail"].get("request_id") == id] == [
            told.json()["id"]
        ]
        assert id in server.run("subscription", "show", name).stdout
        assert re.search(rf"webhook {name}: attempt 1: .* \[request {id}\]\n", server.log.read_text())
