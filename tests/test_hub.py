"""The WebSub hub (https://www.w3.org/TR/websub/) of a real server, with a real subscriber: discovery (w1…), subscribing and
verification (w2…), distribution (w3…), leases, denial and embargoes (w4…)."""

import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import feedparser
import httpx
import msgspec
import pytest
from lxml import etree

from app import store
from app.errors import Misconfigured
from app.settings import load
from app.store import micros
from feeds import FORMATS
from tests.conftest import SEED, Server, until
from tests.subscriber import Got, Subscriber, answer, echo, subscribing
from tests.test_lifecycle import document

PUSH = {
    "deliverers": "1",
    "push_http": "1",
    "push_ports": "1-65535",
    "push_private": "127.0.0.0/8",
    "push_retry": "1",
    "hub_rate": "0/hour",
    "hub_failures": "0",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("hub"), **PUSH).start()
    yield server
    server.close()


@pytest.fixture(scope="module", autouse=True)
def token(server: Server) -> str:
    return server.office("hubs", "허브청", "kr:51")


@pytest.fixture
def subscriber(server: Server) -> Iterator[Subscriber]:
    with subscribing(server) as subscriber:
        yield subscriber


def ask(server: Server, topic: str, callback: str, mode: str = "subscribe", **more: str) -> httpx.Response:
    form = {"hub.mode": mode, "hub.topic": topic, "hub.callback": callback}
    form |= {f"hub.{name}": value for name, value in more.items() if name != "token"}
    headers = {"Authorization": f"Bearer {more['token']}"} if "token" in more else {}
    return server.client.post("/hub", data=form, headers=headers)


def state(server: Server, topic: str, callback: str) -> str:
    engine = server.engine()
    found = store.deliveries.same_subscription(engine, store.deliveries.identity("websub", topic, callback))
    engine.dispose()
    return found.state if found else ""


def subscribe(server: Server, subscriber: Subscriber, topic: str, path: str, **more: str) -> None:
    callback = subscriber.url(path)
    before = len(verifications(subscriber, path))
    accepted = ask(server, topic, callback, **more)
    assert (accepted.status_code, accepted.content) == (202, b"")
    until(lambda: len(verifications(subscriber, path)) > before)
    until(lambda: state(server, topic, callback) == "active")


def verifications(subscriber: Subscriber, path: str) -> list[Got]:
    return [got for got in subscriber.to(urlsplit(path).path, "GET") if "hub.challenge" in got.asked]


def topic_of(server: Server, format: str = "atom", asked: str = "office=hubs") -> str:
    """As subscribers find it: by the Link header of the feed (section 4)."""
    links = server.client.get(f"/feed.{format}?{asked}").headers["Link"]
    found = {rel: url for url, rel in (part.split(">; rel=") for part in links.split(", <"))}
    urls = {rel.strip('"'): url.lstrip("<") for rel, url in found.items()}
    assert urls["hub"] == f"{server.url}/hub"
    return urls["self"]


def push(server: Server, token: str, guid: str, version: int = 1, **more: Any) -> str:
    if "embargo" in more:
        more["inside"] = f'<embargo until="{more.pop("embargo").isoformat()}"/>'
    answer = server.push(token, document(guid, version, **more))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def delivered(server: Server, got: Got, topic: str, secret: str = "") -> None:
    """The checks of every delivery, in websub.rocks' order (section 7)."""
    assert got.body
    current = server.client.get(topic)
    assert got.headers["content-type"] == current.headers["content-type"]
    links = got.headers["link"]
    assert f'<{server.url}/hub>; rel="hub"' in links and f'<{topic}>; rel="self"' in links
    assert links.count('rel="self"') == 1
    if secret:
        assert got.signed(secret)
    else:
        assert "x-hub-signature" not in got.headers


@pytest.mark.parametrize("format", FORMATS)
def test_w100_a_change_of_a_feed_is_sent_in_its_format(
    server: Server, token: str, subscriber: Subscriber, format: str
) -> None:
    topic = topic_of(server, format)
    subscribe(server, subscriber, topic, "/w100")
    (verified,) = verifications(subscriber, "/w100")
    assert verified.asked["hub.mode"] == ["subscribe"] and verified.asked["hub.topic"] == [topic]
    assert verified.asked["hub.lease_seconds"] == ["864000"]
    guid = f"tag:hubs,2026:w100-{format}"
    push(server, token, guid)
    until(lambda: subscriber.to("/w100"))
    (got,) = subscriber.to("/w100")
    delivered(server, got, topic)
    # Only the changed article: here, the newest one of the whole feed.
    assert guid.encode() in got.body
    assert got.body.count(b"tag:hubs,2026:w100-") == server.client.get(f"{topic}&limit=1").content.count(
        b"tag:hubs,2026:w100-"
    )


def test_the_founding_release_is_delivered(server: Server, subscriber: Subscriber) -> None:
    token = server.office()
    topic = topic_of(server, "atom", "region=kr%3A52")
    subscribe(server, subscriber, topic, "/seed", secret="전북")
    assert server.push(token, SEED.read_bytes()).status_code == 201
    until(lambda: subscriber.to("/seed"))
    (got,) = subscriber.to("/seed")
    delivered(server, got, topic, "전북")
    (entry,) = feedparser.parse(got.body).entries
    assert "으뜸 도정상" in entry.title


@pytest.mark.parametrize("secret", ["x" * 20, "x" * 199, "비밀 열쇠"])
def test_w101_signed_with_the_secret(server: Server, token: str, subscriber: Subscriber, secret: str) -> None:
    topic = topic_of(server)
    subscribe(server, subscriber, topic, "/w101", secret=secret)
    push(server, token, f"tag:hubs,2026:w101-{len(secret)}")
    until(lambda: subscriber.to("/w101"))
    delivered(server, subscriber.to("/w101")[0], topic, secret)


def test_w102_unknown_parameters_are_ignored(server: Server, token: str, subscriber: Subscriber) -> None:
    form = {
        "hub.mode": "subscribe",
        "hub.topic": topic_of(server),
        "hub.callback": subscriber.url("/w102"),
        "foo": "bar",
        "hub.foo": "hub.bar",
    }
    assert server.client.post("/hub", data=form).status_code == 202
    until(lambda: state(server, topic_of(server), subscriber.url("/w102")) == "active")
    push(server, token, "tag:hubs,2026:w102")
    until(lambda: subscriber.to("/w102"))
    delivered(server, subscriber.to("/w102")[0], topic_of(server))


def test_w103_a_renewal_is_verified_and_delivers_once(server: Server, token: str, subscriber: Subscriber) -> None:
    topic = topic_of(server)
    subscribe(server, subscriber, topic, "/w103")
    push(server, token, "tag:hubs,2026:w103-a")
    until(lambda: subscriber.to("/w103"))
    subscribe(server, subscriber, topic, "/w103", secret="new")
    assert len(verifications(subscriber, "/w103")) == 2
    until(lambda: settled(server))
    push(server, token, "tag:hubs,2026:w103-b")
    until(lambda: len(subscriber.to("/w103")) > 1)
    until(lambda: settled(server))
    assert len(subscriber.to("/w103")) == 2
    delivered(server, subscriber.to("/w103")[1], topic, "new")


def settled(server: Server) -> bool:
    """Whether nothing waits for the subscribers that get changes at once."""
    engine = server.engine()
    due = store.deliveries.figures(engine).due
    engine.dispose()
    return due == 0


def test_w104_nothing_comes_after_an_unsubscription(server: Server, token: str, subscriber: Subscriber) -> None:
    topic = topic_of(server)
    callback = subscriber.url("/w104")
    subscribe(server, subscriber, topic, "/w104")
    push(server, token, "tag:hubs,2026:w104-a")
    until(lambda: subscriber.to("/w104"))
    assert ask(server, topic, callback, "unsubscribe", lease_seconds="nonsense").status_code == 202
    until(lambda: state(server, topic, callback) == "ended")
    assert verifications(subscriber, "/w104")[-1].mode == "unsubscribe"
    subscribe(server, subscriber, topic, "/w104-other")
    push(server, token, "tag:hubs,2026:w104-b")
    until(lambda: subscriber.to("/w104-other") and settled(server))
    assert len(subscriber.to("/w104")) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        lambda got: answer(404),
        lambda got: answer(302, Location="/elsewhere"),
        lambda got: answer(500),
        lambda got: answer(200, got.asked["hub.challenge"][0].encode() + b"\n"),
        lambda got: answer(200, b"no"),
        lambda got: answer(200),
    ],
    ids=["404", "302", "500", "newline", "another", "empty"],
)
def test_w205_a_verification_that_fails_changes_nothing(
    server: Server, token: str, subscriber: Subscriber, wrong: Any
) -> None:
    topic, callback = topic_of(server), subscriber.url("/w205")
    subscriber.replies["/w205"] = wrong
    assert ask(server, topic, callback).status_code == 202, "the answer does not depend on the verification"
    until(lambda: verifications(subscriber, "/w205") and verified(server))
    assert state(server, topic, callback) == ""
    del subscriber.replies["/w205"]
    subscribe(server, subscriber, topic, "/w205", secret="first")
    for mode in ("subscribe", "unsubscribe"):
        subscriber.replies["/w205"] = wrong
        asked = len(verifications(subscriber, "/w205"))
        assert ask(server, topic, callback, mode, secret="second").status_code == 202
        until(lambda asked=asked: len(verifications(subscriber, "/w205")) > asked and verified(server))  # type: ignore[misc]
        assert state(server, topic, callback) == "active"
    del subscriber.replies["/w205"]
    push(server, token, f"tag:hubs,2026:w205-{threading.get_ident()}-{subscriber.port}")
    until(lambda: subscriber.to("/w205"))
    delivered(server, subscriber.to("/w205")[0], topic, "first")


def verified(server: Server) -> bool:
    """Whether no request waits to be verified."""
    engine = server.engine()
    with engine.connect() as connection:
        count = connection.exec_driver_sql("SELECT count(*) FROM intents").scalar_one()
    engine.dispose()
    return bool(count == 0)


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_w300_any_2xx_is_success(server: Server, token: str, subscriber: Subscriber, status: int) -> None:
    topic = topic_of(server)
    subscribe(server, subscriber, topic, "/w300")
    subscriber.replies["/w300"] = lambda got: answer(status, b"ignored")
    push(server, token, f"tag:hubs,2026:w300-{status}")
    until(lambda: subscriber.to("/w300") and settled(server))
    assert len(subscriber.to("/w300")) == 1


@pytest.mark.parametrize("failure", ["500", "302", "reset"])
def test_w300_what_fails_is_tried_again_under_the_same_identifier(
    server: Server, token: str, subscriber: Subscriber, failure: str
) -> None:
    topic = topic_of(server)
    subscribe(server, subscriber, topic, "/w300")
    times = [0]

    async def twice(got: Got, writer: Any) -> None:
        times[0] += 1
        if times[0] > 2:
            writer.write(echo(got))
        elif failure == "reset":
            writer.transport.abort()
        else:
            writer.write(answer(int(failure), Location="/elsewhere"))

    subscriber.replies["/w300"] = twice
    push(server, token, f"tag:hubs,2026:w300-{failure}-a")
    until(lambda: subscriber.to("/w300"))
    push(server, token, f"tag:hubs,2026:w300-{failure}-b")
    until(lambda: len(subscriber.to("/w300")) == 4, 30)
    until(lambda: settled(server))
    first, second, third, fourth = subscriber.to("/w300")
    assert (
        first.headers["pressrelay-delivery"]
        == second.headers["pressrelay-delivery"]
        == third.headers["pressrelay-delivery"]
    )
    if (
        failure != "reset"
    ):  # A connection that is reset after it was kept for a while is tried once more within the attempt.
        assert [got.headers["pressrelay-attempt"] for got in (first, second, third, fourth)] == ["1", "2", "3", "1"]
    assert first.body == third.body and b"-b<" not in third.body
    assert fourth.headers["pressrelay-delivery"] != third.headers["pressrelay-delivery"]
    assert f"w300-{failure}-b".encode() in fourth.body and f"w300-{failure}-a".encode() not in fourth.body
    assert not subscriber.to("/elsewhere") and not subscriber.to("/elsewhere", "GET")


def test_w400_the_callbacks_own_query_stays(server: Server, token: str, subscriber: Subscriber) -> None:
    topic, path = topic_of(server), "/w400?a=1&hub.topic=x&a=%2F&b"
    subscribe(server, subscriber, topic, path)
    (asked,) = verifications(subscriber, "/w400")
    assert asked.target.startswith(f"{path}&hub.mode=subscribe&hub.topic=")
    assert asked.asked["hub.topic"] == ["x", topic] and asked.asked["a"] == ["1", "/"]
    push(server, token, "tag:hubs,2026:w400")
    until(lambda: subscriber.to("/w400"))
    assert subscriber.to("/w400")[0].target == path, "the exact callback"


def test_w401_410_ends_a_subscription(server: Server, token: str, subscriber: Subscriber) -> None:
    topic, callback = topic_of(server), subscriber.url("/w401")
    subscribe(server, subscriber, topic, "/w401")
    subscriber.replies["/w401"] = lambda got: answer(410)
    push(server, token, "tag:hubs,2026:w401")
    until(lambda: state(server, topic, callback) == "ended")
    assert len(subscriber.to("/w401")) == 1


def test_w402_a_lease_ends(server: Server, token: str, subscriber: Subscriber) -> None:
    topic, callback = topic_of(server), subscriber.url("/w402")
    subscribe(server, subscriber, topic, "/w402", lease_seconds="1")
    assert verifications(subscriber, "/w402")[0].asked["hub.lease_seconds"] == ["60"], "the hub decides, and tells"
    engine = server.engine()
    kept = store.deliveries.same_subscription(engine, store.deliveries.identity("websub", topic, callback))
    assert kept is not None and kept.expires is not None
    assert abs(kept.expires - micros(datetime.now(UTC)) - 60_000_000) < 10_000_000
    assert store.deliveries.end_expired(engine, datetime.now(UTC) + timedelta(seconds=55)) == 0
    assert store.deliveries.end_expired(engine, datetime.now(UTC) + timedelta(seconds=61)) == 1
    engine.dispose()
    assert state(server, topic, callback) == "ended"
    subscribe(server, subscriber, topic, "/w402", lease_seconds="99999999")
    assert verifications(subscriber, "/w402")[-1].asked["hub.lease_seconds"] == ["2592000"], "none is for ever"


def test_w403_the_last_state_in_order(server: Server, token: str, subscriber: Subscriber) -> None:
    """Updates while the subscriber is slow: the last state of each article, in order, none twice."""
    topic = topic_of(server)
    subscribe(server, subscriber, topic, "/w403")
    first, go_on = threading.Event(), threading.Event()

    def slow(got: Got) -> bytes:
        if not first.is_set():
            first.set()
            assert go_on.wait(5)
        return answer(204)

    subscriber.replies["/w403"] = slow
    push(server, token, "tag:hubs,2026:w403-a")
    assert first.wait(10)
    for version in (2, 3):
        push(server, token, "tag:hubs,2026:w403-a", version)
    push(server, token, "tag:hubs,2026:w403-b")
    go_on.set()
    until(lambda: b"w403-b" in b"".join(got.body for got in subscriber.to("/w403")) and settled(server))
    entries = [feedparser.parse(got.body).entries for got in subscriber.to("/w403")]
    assert [len(one) for one in entries] == [1, 2]
    current = feedparser.parse(server.client.get(topic).content).entries[:2]
    assert [(one.id, one.updated) for one in entries[1]] == [(one.id, one.updated) for one in current]


def test_w404_concurrent_requests_end_as_the_last_one_said(server: Server, subscriber: Subscriber) -> None:
    topic, callback = topic_of(server), subscriber.url("/w404")
    modes = ["subscribe", "unsubscribe"] * 5
    for mode in modes:
        assert ask(server, topic, callback, mode).status_code == 202
    until(lambda: len(verifications(subscriber, "/w404")) == 10 and verified(server), 20)
    assert [got.mode for got in verifications(subscriber, "/w404")] == modes, "in their order"
    assert len({got.asked["hub.challenge"][0] for got in verifications(subscriber, "/w404")}) == 10, "each its own"
    assert state(server, topic, callback) == "ended"


@pytest.mark.parametrize("format", ["atom", "newsml", "ninjs", "rss", "json"])
def test_a_withdrawal_is_told(server: Server, token: str, subscriber: Subscriber, format: str) -> None:
    topic = topic_of(server, format)
    id = push(server, token, f"tag:hubs,2026:gone-{format}", headline="SPOKENTOOSOON")
    subscribe(server, subscriber, topic, "/gone")
    headers = {"Authorization": f"Bearer {token}"}
    gone = server.client.request("DELETE", f"/articles/{id}", headers=headers, params={"reason": "Sent in error."})
    assert gone.status_code == 200, gone.text
    until(lambda: subscriber.to("/gone"))
    (got,) = subscriber.to("/gone")
    delivered(server, got, topic)
    assert b"SPOKENTOOSOON" not in got.body
    if format in ("rss", "json"):
        assert got.body == server.client.get(topic).content, "what cannot be told is told by what is still there"
    elif format == "atom":
        (told,) = etree.fromstring(got.body).findall("{http://purl.org/atompub/tombstones/1.0}deleted-entry")
        assert "Sent in error." in "".join(told.itertext())
    else:
        assert b"canceled" in got.body and b"Sent in error." in got.body


def test_only_what_belongs_to_the_topic_is_sent(server: Server, token: str, subscriber: Subscriber) -> None:
    other = server.office("hubs-other", "다른청", "kr:11")
    topics = {
        "/region": "region=kr%3A51",
        "/both": "region=kr%3A51&office=hubs",
        "/other": "office=hubs-other",
        "/topic": "office=hubs&topic=medtop%3A15000000",
        "/words": "office=hubs&q=%EB%82%99%EC%84%B1%EB%8C%80",
        "/not": "office=hubs&exclude_region=kr%3A51",
        "/lang": "lang=en",
    }
    for path, asked in topics.items():
        subscribe(server, subscriber, topic_of(server, "atom", asked), path)
    push(server, token, "tag:hubs,2026:belongs", headline="낙성대에서")
    until(lambda: settled(server))
    assert {path for path in topics if subscriber.to(path)} == {"/region", "/both", "/words"}
    push(server, other, "tag:hubs-other,2026:belongs")
    until(lambda: subscriber.to("/other") and settled(server))
    assert {path for path in topics if len(subscriber.to(path)) > 1} == set()


def test_a_saved_feed_that_changes_takes_its_subscribers_along(
    server: Server, token: str, subscriber: Subscriber
) -> None:
    assert server.run("feed", "add", "short", "office=hubs&topic=medtop:15000000").returncode == 0
    topic = f"{server.url}/f/short.atom"
    assert f'<{server.url}/hub>; rel="hub"' in server.client.get("/f/short.atom").headers["Link"]
    subscribe(server, subscriber, topic, "/short")
    push(server, token, "tag:hubs,2026:short-a")
    assert server.run("feed", "add", "short", "office=hubs").returncode == 0
    push(server, token, "tag:hubs,2026:short-b")
    until(lambda: subscriber.to("/short") and settled(server))
    (got,) = subscriber.to("/short")
    delivered(server, got, topic)
    assert b"short-b" in got.body and b"short-a" not in got.body
    # A removed feed says so once, with the articles that were in it; then the subscription ends.
    assert server.run("feed", "remove", "short", "--next", "region=kr:50").returncode == 0
    assert server.run("feed", "remove", "short").returncode == 0
    until(lambda: any(got.mode == "denied" for got in subscriber.to("/short", "GET")))
    assert state(server, topic, subscriber.url("/short")) == "ended"
    push(server, token, "tag:hubs,2026:short-c")
    until(lambda: settled(server))
    first, last = subscriber.to("/short")
    delivered(server, last, topic)
    assert first is got and b"#ended" in last.body and b"region=kr%3A50" in last.body and b"short-b" in last.body
    renewed = {"hub.mode": "subscribe", "hub.topic": topic, "hub.callback": subscriber.url("/short")}
    answer = server.client.post("/hub", data=renewed)
    assert answer.status_code == 404 and "has ended" in answer.text


MISTAKES = [
    ({"hub.mode": ""}, 400, "expected subscribe or unsubscribe"),
    ({"hub.mode": "publish"}, 400, "serves only its own feeds"),
    ({"hub.topic": ""}, 400, "hub.topic is required"),
    ({"hub.callback": ""}, 400, "hub.callback is required"),
    ({"hub.topic": "https://example.org/feed.atom"}, 404, "are its own feeds"),
    ({"hub.topic": "{}/feed"}, 404, "is not a feed of this server"),
    ({"hub.topic": "{}/feed.pdf"}, 404, "is not a feed of this server"),
    ({"hub.topic": "{}/feed.atom?region=Atlantis"}, 404, "not a known region"),
    ({"hub.topic": "{}/feed.atom?region=전라북도"}, 400, "/feed.atom?region=kr%3A52."),
    ({"hub.topic": "{}/feed.atom?after=1-0"}, 400, ""),
    ({"hub.topic": "{}/f/nothing.atom"}, 404, "No feed is saved"),
    ({"hub.secret": "x" * 200}, 400, "has 200 bytes; it must have less than 200"),
    ({"hub.secret": "열" * 67}, 400, "has 201 bytes; it must have less than 200"),
    ({"hub.lease_seconds": "a day"}, 400, "expected a whole number of seconds"),
    ({"hub.lease_seconds": "-1"}, 400, "expected a whole number of seconds"),
    ({"hub.callback": "ftp://example.org/"}, 400, ""),
    ({"hub.callback": "https://user:secret@example.org/"}, 400, ""),
    ({"hub.callback": "https://169.254.169.254/latest/meta-data"}, 400, ""),
    ({"hub.callback": "https://[::ffff:10.0.0.1]/"}, 400, ""),
    ({"hub.callback": "https://[fe80::1]/"}, 400, ""),
    ({"hub.callback": "https://2130706433.example.org:99999/"}, 400, ""),
    ({"hub.callback": "not a url"}, 400, ""),
    ({"hub.callback": "{}/hub"}, 400, ""),
]


@pytest.mark.parametrize(("given", "status", "words"), MISTAKES)
def test_malformed_requests(
    server: Server, subscriber: Subscriber, given: dict[str, str], status: int, words: str
) -> None:
    form = {"hub.mode": "subscribe", "hub.topic": topic_of(server), "hub.callback": subscriber.url("/no")}
    form |= {name: value.replace("{}", server.url) for name, value in given.items()}
    told = server.client.post("/hub", data=form)
    assert (told.status_code, told.headers["content-type"]) == (status, "text/plain; charset=utf-8")
    assert words in told.text and told.text.endswith(".\n")
    problem = server.client.post("/hub", data=form, headers={"Accept": "application/problem+json"})
    assert (problem.status_code, problem.headers["content-type"]) == (status, "application/problem+json")
    assert problem.json()["status"] == status
    assert verified(server) and not subscriber.got


def test_a_request_that_is_no_form(server: Server) -> None:
    assert server.client.post("/hub", content=b"{}", headers={"Content-Type": "application/json"}).status_code == 415
    form = {"hub.mode": ["subscribe", "unsubscribe"], "hub.topic": "x", "hub.callback": "x"}
    assert "more than once" in server.client.post("/hub", data=form).text
    large = server.client.post("/hub", data={"hub.callback": "x" * 20_000})
    assert large.status_code == 413
    assert server.client.get("/hub").status_code == 200


def accredited(server: Server, code: str, **limits: tuple[str, ...]) -> str:
    from app.accounts.rights import OutletRecord

    engine = server.engine()
    store.accounts.save_outlet(engine, OutletRecord(code, code, **limits), datetime.now(UTC))
    token = store.accounts.new_token(engine, "", "", datetime.now(UTC), role="outlet", outlet=code)
    engine.dispose()
    return token


def poor_token(server: Server) -> str:
    """A token that may not read under embargo."""
    engine = server.engine()
    token = store.accounts.new_token(engine, "hubs", "", datetime.now(UTC), scope=("publish",))
    engine.dispose()
    return token


def test_w405_what_is_under_embargo_is_told_to_accredited_subscribers_alone(
    server: Server, token: str, subscriber: Subscriber
) -> None:
    topic = f"{server.url}/feed.atom?office=hubs&status=embargoed"
    public = topic_of(server)
    subscribe(server, subscriber, public, "/public")
    assert ask(server, topic, subscriber.url("/nobody")).status_code == 401
    assert ask(server, topic, subscriber.url("/office"), token=server.office("hubs-x", "x", "kr:11")).status_code in (
        202,
        403,
    )
    poor = poor_token(server)
    assert ask(server, topic, subscriber.url("/poor"), token=poor).status_code == 403
    until(lambda: any(got.mode == "denied" for got in subscriber.to("/poor", "GET")))
    denied = subscriber.to("/poor", "GET")[0]
    assert denied.asked["hub.topic"] == [topic]
    assert denied.asked["hub.reason"] == ["The token may not read embargoed articles"]
    assert not subscriber.to("/nobody", "GET"), "nobody can have others called without a token"
    here = accredited(server, "here")
    elsewhere = accredited(server, "elsewhere", regions=("kr:11",))
    subscribe(server, subscriber, topic, "/here", token=here, secret="s")
    subscribe(server, subscriber, topic, "/elsewhere", token=elsewhere)
    at = datetime.now(UTC) + timedelta(seconds=4)
    id = push(server, token, "tag:hubs,2026:w405", headline="아직아무도모르는", embargo=at)
    until(lambda: subscriber.to("/here"))
    (got,) = subscriber.to("/here")
    assert got.signed("s") and "아직아무도모르는".encode() in got.body and "엠바고" in got.body.decode()
    assert datetime.now(UTC) < at and not subscriber.to("/public")
    until(lambda: subscriber.to("/public"), 10)
    late = datetime.now(UTC) - at
    assert timedelta(0) <= late < timedelta(seconds=1), late
    assert "아직아무도모르는".encode() in subscriber.to("/public")[0].body
    assert id.encode() in subscriber.to("/public")[0].body
    assert len(subscriber.to("/here")) == 1 and not subscriber.to("/elsewhere")
    assert server.run("audit", "list", "--json").stdout.count("push feed.atom") == 1


def test_a_revoked_token_ends_its_subscriptions(server: Server, token: str, subscriber: Subscriber) -> None:
    topic = f"{server.url}/feed.atom?office=hubs&status=embargoed"
    mine = accredited(server, "revoked")
    subscribe(server, subscriber, topic, "/revoked", token=mine)
    engine = server.engine()
    record = store.accounts.token_of(engine, mine)
    assert record is not None
    store.accounts.revoke_token(engine, record.id, datetime.now(UTC))
    engine.dispose()
    push(server, token, "tag:hubs,2026:revoked", embargo=datetime.now(UTC) + timedelta(days=1))
    until(lambda: any(got.mode == "denied" for got in subscriber.to("/revoked", "GET")), 20)
    assert not subscriber.to("/revoked")
    assert state(server, topic, subscriber.url("/revoked")) == "ended"


def test_too_many_of_one_host(own_server: Any, subscriber: Subscriber, tmp_path: Path) -> None:
    server = own_server(**PUSH, push_subscriptions="20").start()
    answers = [ask(server, topic_of(server, "atom", ""), subscriber.url(f"/many/{number}")) for number in range(200)]
    counts = {code: sum(one.status_code == code for one in answers) for code in (202, 403, 429)}
    assert sum(counts.values()) == 200 and counts[202] < 150
    until(lambda: verified(server), 30)
    told = ask(server, topic_of(server, "atom", ""), subscriber.url("/many/more"))
    assert told.status_code == 403 and "has 20 subscriptions" in told.text
    assert msgspec.json.decode(server.client.get("/readyz").content)["status"] == "ok"


def test_another_method_of_signing(own_server: Any) -> None:
    subscriber = Subscriber().start()
    try:
        server = own_server(**PUSH, hub_signature="sha512", workers="1").start()
        token = server.office("hubs", "허브청", "kr:51")
        topic = topic_of(server)
        subscribe(server, subscriber, topic, "/signed", secret="s")
        push(server, token, "tag:hubs,2026:signed")
        until(lambda: subscriber.to("/signed"))
        (got,) = subscriber.to("/signed")
        assert got.headers["x-hub-signature"].startswith("sha512=") and got.signed("s")
    finally:
        subscriber.stop()


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("HUB_SIGNATURE", "md5", "must be sha256, sha384, sha512 or sha1, not 'md5'"),
        ("PUSH_PORTS", "443 0", "must be ports and ranges such as 443 8000-8999; '0' is neither"),
        ("PUSH_PORTS", "9000-8000", "'9000-8000' is neither"),
        ("PUSH_PRIVATE", "10.0.0.0/8 intranet", "must be networks such as 10.0.0.0/8; 'intranet' is not one"),
        ("HUB_RATE", "often", "must be a rate such as 6000/minute, not 'often'"),
        ("PUSH_FLIGHT", "0", "must be a number from 1 to 10000, not 0"),
    ],
)
def test_settings_that_are_none(name: str, value: str, words: str) -> None:
    with pytest.raises(Misconfigured, match=re.escape(words)):
        load({f"PRESSRELAY_{name}": value})


def test_a_second_worker_of_the_same_slot_is_refused(server: Server) -> None:
    told = server.run("deliver")
    assert told.returncode == 1
    assert (
        told.stderr
        == f"pressrelay: A delivery worker already runs in slot 0 of {server.directory}. Stop it, or give another --slot.\n"
    )
