"""Delta encoding of feeds (RFC 3229, the manipulation "feed"): the changes since then, or the whole feed if these are
incomplete."""

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import redis
from lxml import etree

from app.web.delta import WANTED
from tests.conftest import Server, until
from tests.test_changes import push, release
from tests.test_server import minimal

FORMATS = ("rss", "atom", "json", "ninjs", "newsml")
ATOM = {"a": "http://www.w3.org/2005/Atom", "at": "http://purl.org/atompub/tombstones/1.0"}
TAG = "tag:example.org,2026:delta-"
SEOUL = "<region>kr:11</region>"


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Nobody else pushes here."""
    server = Server(tmp_path_factory.mktemp("alone")).start()
    yield server
    server.close()


@pytest.fixture(scope="module")
def token(alone: Server) -> str:
    return alone.office()


def get(server: Server, path: str, *bases: str, **headers: str) -> httpx.Response:
    """The feed for a client that has these instances and accepts deltas."""
    sent = {"A-IM": "feed", "Accept-Encoding": "identity", **headers}
    return server.client.get(path, headers=sent | ({"If-None-Match": ", ".join(bases)} if bases else {}))


def entries(answer: httpx.Response) -> list[str]:
    return [id.text for id in etree.fromstring(answer.content).iterfind("a:entry/a:id", ATOM)]


def deleted(answer: httpx.Response) -> list[str]:
    return [gone.get("ref") for gone in etree.fromstring(answer.content).iterfind("at:deleted-entry", ATOM)]


def guids(format: str, body: bytes) -> list[str]:
    if format == "json":
        return [item["id"] for item in json.loads(body)["items"]]
    if format == "ninjs":
        return [item["uri"] for item in json.loads(body).get("associations", ())]
    tree = etree.fromstring(body)
    if format == "newsml":
        return [item.get("guid") for item in tree.iterfind(".//{*}newsItem")]
    return [id.text for id in tree.iterfind("channel/item/guid" if format == "rss" else "{*}entry/{*}id")]


@pytest.mark.parametrize("format", FORMATS)
def test_only_what_changed_since_is_sent(alone: Server, token: str, format: str) -> None:
    for number in range(3):
        push(alone, token, f"{TAG}{format}-{number}")
    first = get(alone, f"/feed.{format}")
    assert (first.status_code, "IM" in first.headers) == (200, False)
    assert "A-IM" in first.headers["Vary"]
    assert get(alone, f"/feed.{format}", first.headers["ETag"]).status_code == 304
    push(alone, token, f"{TAG}{format}-new")
    push(alone, token, f"{TAG}{format}-1", 2)
    part = get(alone, f"/feed.{format}", first.headers["ETag"])
    assert part.status_code == 226
    assert guids(format, part.content) == [f"{TAG}{format}-1", f"{TAG}{format}-new"]
    whole = alone.client.get(f"/feed.{format}", headers={"Accept-Encoding": "identity"})
    assert part.headers["ETag"] == whole.headers["ETag"], "of the whole that the client has now"
    assert (part.headers["IM"], part.headers["Delta-Base"]) == ("feed", first.headers["ETag"])
    assert part.headers["Cache-Control"] == "no-store, im"
    assert "A-IM" in part.headers["Vary"]
    assert part.headers["Content-Type"] == whole.headers["Content-Type"]
    assert part.links["self"] == whole.links["self"]
    # A part is never served as the whole, nor the whole as a part.
    assert (
        guids(format, whole.content)[:5]
        == [f"{TAG}{format}-{name}" for name in ("1", "new", "2", "0")] + guids(format, whole.content)[4:5]
    )
    assert get(alone, f"/feed.{format}", first.headers["ETag"]).content == part.content
    assert get(alone, f"/feed.{format}", whole.headers["ETag"]).status_code == 304


def test_instances_and_parts_of_encodings(alone: Server, token: str) -> None:
    push(alone, token, f"{TAG}encoded-0")
    first = alone.client.get("/feed.atom", headers={"Accept-Encoding": "gzip"})
    assert "-gzip." in first.headers["ETag"]
    push(alone, token, f"{TAG}encoded-1")
    part = get(alone, "/feed.atom", first.headers["ETag"], **{"Accept-Encoding": "gzip"})
    assert (part.status_code, part.headers["Content-Encoding"]) == (226, "gzip")
    assert "-gzip." in part.headers["ETag"] and part.headers["Delta-Base"] == first.headers["ETag"]
    assert entries(part) == [f"{TAG}encoded-1"]
    plain = get(alone, "/feed.atom", f"W/{first.headers['ETag']}", '"other"', '"' + "0" * 32 + '"')
    assert (plain.status_code, plain.headers["Delta-Base"]) == (226, first.headers["ETag"])
    assert entries(plain) == entries(part)


def test_the_newest_of_several_instances_is_the_base(alone: Server, token: str) -> None:
    tags = []
    for number in range(3):
        push(alone, token, f"{TAG}several-{number}")
        tags.append(alone.client.get("/feed.atom", headers={"Accept-Encoding": "identity"}).headers["ETag"])
    push(alone, token, f"{TAG}several-3")
    part = get(alone, "/feed.atom", *reversed(tags))
    assert (part.status_code, part.headers["Delta-Base"]) == (226, tags[2])
    assert entries(part) == [f"{TAG}several-3"]


def test_what_left_is_told_or_the_whole_is(alone: Server, token: str) -> None:
    names = ("gone", "moved", "stays")
    for name in names:
        push(alone, token, f"{TAG}left-{name}")
    tags = {
        format: alone.client.get(f"/feed.{format}?region=kr:52", headers={"Accept-Encoding": "identity"}).headers[
            "ETag"
        ]
        for format in FORMATS
    }
    push(alone, token, f"{TAG}left-gone", 2, "canceled", "착오")
    answers = {format: get(alone, f"/feed.{format}?region=kr:52", tag) for format, tag in tags.items()}
    assert {format: answer.status_code for format, answer in answers.items()} == {
        "atom": 226,
        "newsml": 226,
        "ninjs": 226,
        "rss": 200,
        "json": 200,
    }
    assert (entries(answers["atom"]), deleted(answers["atom"])) == ([], [f"{TAG}left-gone"])
    assert guids("newsml", answers["newsml"].content) == [f"{TAG}left-gone"]
    assert f"{TAG}left-gone" not in guids("rss", answers["rss"].content)
    # A correction that belongs to another region: only Atom can say that.
    moved = release(f"{TAG}left-moved", 2).decode().replace("</body>", f"</body>{SEOUL}", 1)
    assert alone.push(token, moved.encode()).status_code == 201
    answers = {format: get(alone, f"/feed.{format}?region=kr:52", tag) for format, tag in tags.items()}
    assert {format for format, answer in answers.items() if answer.status_code == 226} == {"atom"}
    assert sorted(deleted(answers["atom"])) == [f"{TAG}left-gone", f"{TAG}left-moved"]


def test_what_comes_up_from_below_is_sent(alone: Server, token: str) -> None:
    """On a page of 3, one is canceled, so an article that never changed moves up into it."""
    for number in range(5):
        push(alone, token, f"{TAG}below-{number}")
    first = alone.client.get("/feed.atom?limit=3", headers={"Accept-Encoding": "identity"})
    assert entries(first) == [f"{TAG}below-{number}" for number in (4, 3, 2)]
    push(alone, token, f"{TAG}below-3", 2, "canceled")
    part = get(alone, "/feed.atom?limit=3", first.headers["ETag"])
    assert (part.status_code, entries(part), deleted(part)) == (226, [f"{TAG}below-1"], [f"{TAG}below-3"])


def test_where_the_whole_is_told(alone: Server, token: str) -> None:
    numbers = itertools.count()

    def whole(path: str, **headers: str) -> bool:
        tag = alone.client.get(path, headers={"Accept-Encoding": "identity"}).headers["ETag"]
        push(alone, token, f"{TAG}whole-{next(numbers)}")
        answer = get(alone, path, tag, **headers)
        assert answer.status_code in (200, 226), answer.text
        return answer.status_code == 200 and "IM" not in answer.headers

    push(alone, token, f"{TAG}whole")
    assert (
        not whole("/feed.atom") and not whole("/feed.atom?office=jeonbuk&lang=ko") and not whole("/feed.atom?limit=9")
    )
    assert not whole("/feed.atom", **{"A-IM": "vcdiff, feed;q=0.5, gzip"})
    assert whole("/feed.atom?limit=1"), "all of it is new"
    for query in ("exclude_topic=sport", "since=2020-01-01", "office=jeonbuk&region=kr:52"):
        assert whole(f"/feed.atom?{query}"), query
    for wanted in ("", "vcdiff", "feed;q=0", "feeds", "feed;q=2", ";;,,"):
        assert whole("/feed.atom", **{"A-IM": wanted}), wanted
    assert get(alone, "/feed.atom", "*").status_code == 304
    assert get(alone, "/feed.atom", '"unknown"', '"' + "f" * 32 + '"').status_code == 200
    assert get(alone, "/feed.atom").status_code == 200
    tag = alone.client.get("/feed.rss", headers={"Accept-Encoding": "identity"}).headers["ETag"]
    push(alone, token, f"{TAG}whole-last")
    assert get(alone, "/feed.atom", tag).status_code == 200, "the instance of another feed"
    head = alone.client.head("/feed.rss", headers={"A-IM": "feed", "If-None-Match": tag})
    assert head.status_code == 200


def test_the_feed_by_accept_has_deltas_too(alone: Server, token: str) -> None:
    atom = {"Accept": "application/atom+xml"}
    push(alone, token, f"{TAG}accept-0")
    first = get(alone, "/feed", **atom)
    push(alone, token, f"{TAG}accept-1")
    part = get(alone, "/feed", first.headers["ETag"], **atom)
    assert (part.status_code, entries(part)) == (226, [f"{TAG}accept-1"])
    assert {"A-IM", "Accept"} <= set(part.headers["Vary"].split(", "))


def test_a_cache_that_lost_the_instance_costs_the_delta_only(own_server: Callable[..., Server]) -> None:
    server = own_server().start()
    token = server.office()
    for number in range(2):
        assert server.push(token, minimal(f"{TAG}lost-{number}")).status_code == 201
    tag = server.client.get("/feed.atom", headers={"Accept-Encoding": "identity"}).headers["ETag"]
    assert server.push(token, minimal(f"{TAG}lost-2")).status_code == 201
    assert get(server, "/feed.atom", tag).status_code == 226
    client: Any = redis.Redis(unix_socket_path=str(server.directory / "valkey.sock"))
    client.flushall()
    client.close()
    answer = get(server, "/feed.atom", tag)
    assert (answer.status_code, len(entries(answer))) == (200, 3)
    until(lambda: get(server, "/feed.atom", answer.headers["ETag"]).status_code == 304)


@pytest.mark.parametrize("text", ["feed", " Feed ", "feed;q=1", "feed; q=1.000", "feed;q=0.001"])
def test_a_wish_for_deltas(text: str) -> None:
    assert WANTED.fullmatch(text)
