"""A format is one module and one line in FORMATS: a real server with one more format offers everything for it that it offers for
the others."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from lxml import html

from tests import toy
from tests.conftest import ROOT, Server, until
from tests.subscriber import Subscriber, subscribing
from tests.test_hub import PUSH, accredited, delivered, push, subscribe, topic_of
from tests.test_webhooks import ask, hook, signed

# Every process of the server runs this first (https://docs.python.org/3/library/site.html#module-sitecustomize).
LINE = 'import feeds; from tests import toy; feeds.FORMATS["toy"] = toy'
TAG = "tag:toys,2026:"
MARK = "[엠바고 2031-03-10 06:00 KST]"
LIFTS = datetime(2031, 3, 9, 21, 0, tzinfo=UTC)
PLAIN = {"Accept-Encoding": "identity"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    line = tmp_path_factory.mktemp("line")
    (line / "sitecustomize.py").write_text(LINE)
    server = Server(tmp_path_factory.mktemp("toys"), **PUSH)
    server.environ["PYTHONPATH"] = f"{line}:{ROOT}"
    yield server.start()
    server.close()


@pytest.fixture(scope="module")
def token(server: Server) -> str:
    return server.office("toys", "장난감청", "kr:51")


@pytest.fixture(scope="module")
def outlet(server: Server) -> str:
    """The token of an outlet that may read under embargo."""
    return accredited(server, "toy-daily")


@pytest.fixture
def subscriber(server: Server) -> Iterator[Subscriber]:
    with subscribing(server) as subscriber:
        yield subscriber


def read(server: Server, path: str, **headers: str) -> dict[str, Any]:
    """A document of the format."""
    answer = server.client.get(path, headers={**PLAIN, **headers})
    assert answer.status_code in (200, 226), answer.text
    assert answer.headers["Content-Type"] == toy.MIMETYPE
    document: dict[str, Any] = answer.json()
    return document


def guids(document: dict[str, Any]) -> list[str]:
    return [one["guid"].removeprefix(TAG) for one in document["toys"]]


def test_the_feed_and_its_addresses(server: Server, token: str) -> None:
    id = push(server, token, f"{TAG}first")
    found = read(server, "/feed.toy?office=toys&limit=200")
    assert "first" in guids(found)
    assert found["self"] == f"{server.url}/feed.toy?office=toys&limit=200" and found["hub"] == f"{server.url}/hub"
    assert server.run("feed", "add", "box", "office=toys").returncode == 0
    assert "first" in guids(read(server, "/f/box.toy"))
    assert "first" in guids(read(server, "/feed.toy/archive?office=toys"))
    negotiated = server.client.get("/feed?office=toys", headers={"Accept": toy.MIMETYPE.partition(";")[0]})
    assert negotiated.headers["Content-Location"] == f"{server.url}/feed.toy?office=toys"
    assert negotiated.headers["Content-Type"] == toy.MIMETYPE
    unknown = server.client.get("/feed.none")
    assert unknown.status_code == 404 and "toy" in unknown.json()["detail"]
    assert server.client.get(f"/articles/{id}.toy").json()["guid"] == f"{TAG}first"
    wanted = {"Accept": toy.ARTICLE_MIMETYPE.partition(";")[0]}
    assert server.client.get(f"/articles/{id}", headers=wanted).headers["Content-Type"] == toy.ARTICLE_MIMETYPE
    assert "  .toy" in server.log.read_text(), "the words at the start"


def test_its_links_are_on_the_pages_and_beside_the_other_formats(server: Server, token: str) -> None:
    id = push(server, token, f"{TAG}linked")
    type = toy.MIMETYPE.partition(";")[0]
    for path in ("/feeds", "/", f"/articles/{id}"):
        page = html.fromstring(server.client.get(path, headers={"Accept": "text/html"}).content)
        (link,) = page.findall(f"head/link[@type='{type}']")
        assert toy.LABEL in link.get("title") and server.client.get(link.get("href")).status_code == 200
    for path, feed in (("/feeds", "/feed.toy"), ("/?office=toys", "/feed.toy?office=toys")):
        listed = html.fromstring(server.client.get(path).content)
        hrefs = [link.get("href") for link in listed.iterfind(f".//main//a[@type='{type}']") if link.text == toy.LABEL]
        assert f"{server.url}{feed}" in hrefs
    told = server.client.get("/feed.atom?office=toys").headers["Link"]
    assert f'<{server.url}/feed.toy?office=toys>; rel="alternate"; type="{type}"' in told
    assert f'<{server.url}/articles/{id}.toy>; rel="alternate"' in server.client.get(f"/articles/{id}").headers["Link"]


def test_its_pages(server: Server, token: str) -> None:
    for number in range(4):
        push(server, token, f"{TAG}page-{number}")
    first = read(server, "/feed.toy?office=toys&limit=2")
    second = read(server, first["links"]["next"])
    assert guids(first) == ["page-3", "page-2"] and guids(second) == ["page-1", "page-0"]
    assert second["self"].startswith(f"{server.url}/feed.toy?") and "before=" in second["self"]
    assert "after=" in second["links"]["previous"] and guids(read(server, second["links"]["previous"])) == guids(first)
    assert {"first", "last"} <= second["links"].keys() and "prev-archive" in first["links"]


def test_what_left_is_told_in_the_feed_and_in_a_delta(server: Server, token: str) -> None:
    id = push(server, token, f"{TAG}gone")
    before = server.client.get("/feed.toy?office=toys", headers=PLAIN).headers["ETag"]
    assert ask(server, "DELETE", f"/articles/{id}", token, params={"reason": "Sent in error."}).status_code == 200
    whole = read(server, "/feed.toy?office=toys")
    assert whole["gone"] == [f"{TAG}gone"] and "gone" not in guids(whole)
    part = server.client.get("/feed.toy?office=toys", headers={**PLAIN, "A-IM": "feed", "If-None-Match": before})
    assert part.status_code == 226 and (part.json()["toys"], part.json()["gone"]) == ([], [f"{TAG}gone"])


def test_what_is_under_embargo_is_marked(server: Server, token: str, outlet: str) -> None:
    id = push(server, token, f"{TAG}early", headline="아직", embargo=LIFTS)
    path = "/feed.toy?status=embargoed&office=toys"
    assert server.client.get(path).status_code == 401 and "early" not in guids(read(server, "/feed.toy?office=toys"))
    found = read(server, path, Authorization=f"Bearer {outlet}")
    (one,) = [one for one in found["toys"] if one["guid"] == f"{TAG}early"]
    assert one["headline"] == f"{MARK} 아직" and one["text"].startswith("엠바고: 2031-03-10 06:00 KST까지")
    assert ask(server, "GET", f"/articles/{id}.toy", outlet).json() == one
    assert server.client.get(f"/articles/{id}.toy").status_code == 404


def test_websub_sends_it(server: Server, token: str, subscriber: Subscriber) -> None:
    topic = topic_of(server, "toy", "office=toys")
    subscribe(server, subscriber, topic, "/websub", secret="s")
    id = push(server, token, f"{TAG}websub")
    until(lambda: subscriber.to("/websub"))
    assert ask(server, "DELETE", f"/articles/{id}", token, params={"reason": "Sent in error."}).status_code == 200
    until(lambda: len(subscriber.to("/websub")) == 2)
    came, left = subscriber.to("/websub")
    delivered(server, came, topic, "s")
    delivered(server, left, topic, "s")
    first, second = toy_of(came.body), toy_of(left.body)
    assert (guids(first), first["gone"]) == (["websub"], []) and first["self"] == topic
    assert (guids(second), second["gone"]) == ([], [f"{TAG}websub"])


def test_websub_marks_what_is_under_embargo(server: Server, token: str, outlet: str, subscriber: Subscriber) -> None:
    topic = f"{server.url}/feed.toy?office=toys&status=embargoed"
    subscribe(server, subscriber, topic, "/early", secret="s", token=outlet)
    push(server, token, f"{TAG}websub-early", headline="곧", embargo=LIFTS)
    until(lambda: subscriber.to("/early"))
    (got,) = subscriber.to("/early")
    assert [one["headline"] for one in toy_of(got.body)["toys"]] == [f"{MARK} 곧"]


def test_a_webhook_sends_it(server: Server, token: str, outlet: str, subscriber: Subscriber) -> None:
    made = hook(server, outlet, subscriber, "/hook", query="office=toys", format="toy")
    hook(server, outlet, subscriber, "/hook-early", query="office=toys&status=embargoed", format="toy")
    id = push(server, token, f"{TAG}hook", headline="왔다")
    until(lambda: subscriber.to("/hook"))
    assert ask(server, "DELETE", f"/articles/{id}", token, params={"reason": "Sent in error."}).status_code == 200
    until(lambda: len(subscriber.to("/hook")) == 2)
    came, left = subscriber.to("/hook")
    assert came.headers["content-type"] == toy.ARTICLE_MIMETYPE and signed(came, made["secret"])
    assert toy_of(came.body)["headline"] == "왔다"
    assert toy_of(left.body)["state"] == "canceled" and "왔다" not in left.body.decode()
    push(server, token, f"{TAG}hook-early", headline="내일", embargo=datetime.now(UTC) + timedelta(days=1))
    until(lambda: subscriber.to("/hook-early"))
    (early,) = subscriber.to("/hook-early")
    assert toy_of(early.body)["headline"].startswith("[엠바고 ")


def toy_of(body: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(body)
    return found
