"""Archives by month (RFC 5005, section 4): a reader who walks through them gets every article once, whatever is published
meanwhile."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx
import pytest
import redis
from lxml import etree

from app import store
from app.cache.redis import LARGEST
from app.errors import Problem
from app.intake.normalize import public_id
from app.query.cursors import Cursors
from app.query.parsing import parse
from app.query.query import Query
from app.store import micros
from app.web.routes.archives import PART, bounds, month_of
from tests.asking import links_of
from tests.conftest import Server, until
from tests.test_changes import push
from tests.test_feeds import newsml_schema
from tests.test_store import article, put

ATOM = {"a": "http://www.w3.org/2005/Atom", "fh": "http://purl.org/syndication/history/1.0"}
TAG = "tag:example.org,2026:"
MANY = PART + 230  # articles of the month that has several parts
MONTHS = {"2019-12": 3, "2023-04": MANY, "2023-05": 2, "2024-01": 4}


def stock(server: Server) -> None:
    """Months with gaps of years between them, one of them too large for a document, straight into the database."""
    engine = server.engine()
    articles = []
    for month, count in MONTHS.items():
        since, until = bounds(month)
        step = (until - since) / count
        for number in range(count):
            # The first and the last instant of a month are of the month.
            at = since + number * step if number < count - 1 else until - timedelta(microseconds=1)
            guid = f"{TAG}{month}-{number}"
            articles.append(article(guid, id=public_id(guid), updated=at, text="", body="<p>x</p>"))
    put(engine, *articles)
    engine.dispose()


@pytest.fixture
def archive(own_server: Callable[..., Server]) -> Server:
    """For a test that changes it."""
    server = own_server()
    stock(server)
    return server.start()


@pytest.fixture(scope="module")
def still(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """For those that only read."""
    server = Server(tmp_path_factory.mktemp("still"))
    stock(server)
    yield server.start()
    server.close()


def walk(server: Server, url: str, rel: str = "prev-archive") -> Iterator[httpx.Response]:
    """Every document from a URL on."""
    for _ in range(100):
        answer = server.client.get(url)
        assert answer.status_code == 200, answer.text
        yield answer
        if rel not in links_of(answer):
            return
        url = links_of(answer)[rel]
    raise AssertionError("the walk does not end")


def ids(answer: httpx.Response) -> list[str]:
    return [id.text for id in etree.fromstring(answer.content).iterfind("a:entry/a:id", ATOM)]


def links(answer: httpx.Response) -> dict[str, str]:
    return {link.get("rel"): link.get("href") for link in etree.fromstring(answer.content).iterfind("a:link", ATOM)}


def start(server: Server, query: str = "") -> str:
    """Where a feed's archive begins."""
    return str(links_of(server.client.get(f"/feed.atom{query}"))["prev-archive"])


def everything() -> Counter[str]:
    return Counter(f"{TAG}{month}-{number}" for month, count in MONTHS.items() for number in range(count))


@pytest.mark.parametrize(
    "query", ["", "?region=kr:52", "?topic=medtop:20000498&lang=ko&region=kr:45", "?region=kr&region=kr:45"]
)
def test_a_walk_has_every_article_once(still: Server, query: str) -> None:
    documents = list(walk(still, start(still, query)))
    assert Counter(id for answer in documents for id in ids(answer)) == everything()
    assert len(documents) == len(MONTHS) + 1, "empty months are skipped, and one is parted"
    assert all(len(ids(answer)) <= PART for answer in documents)
    for answer in documents:
        head = etree.fromstring(answer.content)
        assert head.find("fh:archive", ATOM) is not None
        assert links(answer)["self"] == str(answer.url) == links_of(answer)["self"]
        assert links(answer)["current"] == links_of(still.client.get(f"/feed.atom{query}"))["self"]
        assert {rel: href for rel, href in links(answer).items() if "-archive" in rel} == {
            rel: url for rel, url in links_of(answer).items() if "-archive" in rel
        }
    assert "next-archive" not in links_of(documents[0])
    assert [str(answer.url).partition("/archive")[2][1:8] for answer in documents[1:]] == [
        "2023-05",
        "2023-04",
        "2023-04",
        "2019-12",
    ]
    upwards = list(walk(still, str(documents[-1].url), "next-archive"))
    assert Counter(id for answer in upwards for id in ids(answer)) == everything()
    assert upwards[-1].url == documents[0].url


def test_a_walk_while_articles_arrive_and_are_corrected_and_canceled(archive: Server) -> None:
    token = archive.office()
    for number in range(3):
        push(archive, token, f"{TAG}now-{number}")
    seen: Counter[str] = Counter()
    corrected, canceled = [], []
    for step, answer in enumerate(walk(archive, start(archive))):
        seen.update(ids(answer))
        # An article that this walk has not reached yet, at either end of a document, is corrected: it moves to the top.
        for guid in (f"{TAG}2023-04-{MANY - 1 - step}", f"{TAG}2023-04-{step}", f"{TAG}2023-05-{step % 2}"):
            push(archive, token, guid, 2 + step)
            corrected.append(guid)
        guid = f"{TAG}2023-04-{100 + step}"
        push(archive, token, guid, 2, "canceled")
        canceled.append(guid)
        push(archive, token, f"{TAG}new-{step}")
    assert max(seen.values()) == 1, "never twice"
    moved = {*corrected, *canceled}
    assert everything().keys() - moved <= seen.keys(), "what stayed where it was is seen"
    assert {f"{TAG}now-{number}" for number in range(3)} <= seen.keys()
    again = ids(archive.client.get(start(archive)))
    assert set(corrected) <= set(again), "what was corrected meanwhile is at the top now"
    assert not set(canceled) & set(again)
    whole = Counter(id for answer in walk(archive, start(archive)) for id in ids(answer))
    new = {f"{TAG}new-{number}" for number in range(step + 1)} | {f"{TAG}now-{number}" for number in range(3)}
    assert whole == Counter((everything().keys() - set(canceled)) | new)


def test_upwards_nothing_is_missed(archive: Server) -> None:
    """Articles move only up: whoever walks up meets what is corrected meanwhile (once more, in its newer version)."""
    token = archive.office()
    seen: Counter[str] = Counter()
    corrected = []
    for step, answer in enumerate(walk(archive, f"{archive.url}/feed.atom/archive/2019-12", "next-archive")):
        seen.update(ids(answer))
        if step < 4:
            corrected.append(f"{TAG}2024-01-{step}")
            push(archive, token, corrected[-1], 2)
    assert everything().keys() <= seen.keys()
    assert {id for id, count in seen.items() if count > 1} <= set(corrected)


def test_an_archive_moves_on_with_the_months(archive: Server) -> None:
    token = archive.office()
    url = start(archive)
    assert url == f"{archive.url}/feed.atom/archive"
    answer = archive.client.get(url)
    assert len(ids(answer)) == 4 and "2024-01" in answer.text
    assert answer.headers["Cache-Control"].startswith("public, max-age=20")
    push(archive, token, f"{TAG}of-this-month")
    answer = archive.client.get(url)
    assert ids(answer) == [f"{TAG}of-this-month"]
    month = links_of(answer)["prev-archive"]
    assert month == f"{archive.url}/feed.atom/archive/2024-01"
    answer = archive.client.get(month)
    assert len(ids(answer)) == 4
    assert links_of(answer)["next-archive"] == url
    assert answer.headers["Cache-Control"].startswith("public, max-age=20")
    assert archive.client.get(month, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304
    now = datetime.now(UTC)
    current = archive.client.get(f"/feed.atom/archive/{now:%Y-%m}")
    assert current.headers["Cache-Control"].startswith("public, max-age=20"), "a month that is not over"


def test_months_without_articles_lead_to_those_with(still: Server) -> None:
    answer = still.client.get("/feed.atom/archive/2021-06")
    assert ids(answer) == []
    assert links_of(answer)["prev-archive"].endswith("/archive/2019-12")
    assert "/archive/2023-04?after=" in links_of(answer)["next-archive"]
    for month, rel in (("0001-01", "next-archive"), ("9999-12", "prev-archive")):
        answer = still.client.get(f"/feed.atom/archive/{month}")
        assert answer.status_code == 200, answer.text
        assert (ids(answer), sorted(links_of(answer))) == ([], sorted(("alternate", "current", rel, "self")))


def test_every_format(still: Server) -> None:
    for format in ("rss", "json", "ninjs", "newsml"):
        documents = list(walk(still, f"{still.url}/feed.{format}/archive"))
        assert len(documents) == len(MONTHS) + 1
        for answer in documents:
            assert "current" in links_of(answer)
        if format == "rss":
            channels = [etree.fromstring(answer.content).find("channel") for answer in documents]
            assert all(channel.find("fh:archive", ATOM) is not None for channel in channels)
            assert all(channel.find("a:link[@rel='current']", ATOM) is not None for channel in channels)
            found = [guid.text for channel in channels for guid in channel.iterfind("item/guid")]
        elif format == "newsml":
            for answer in documents:
                newsml_schema().assertValid(etree.fromstring(answer.content))
            found = [
                item.get("guid")
                for answer in documents
                for item in etree.fromstring(answer.content).iterfind(".//{*}newsItem")
            ]
        else:
            members: list[dict[str, Any]] = [json.loads(answer.content) for answer in documents]
            found = [
                item.get("id") or item["uri"] for feed in members for item in feed.get("items") or feed["associations"]
            ]
        assert Counter(found) == everything()


def test_what_has_an_archive(still: Server) -> None:
    def has(query: str) -> bool:
        return "prev-archive" in links_of(still.client.get(f"/feed.atom{query}"))

    assert has("") and has("?limit=5") and has("?region=kr:52&exclude_topic=sport")
    for query in ("?q=x", "?since=2023-01-01", "?until=2024-01-01", "?region=kr:11", "?before=1704067200000000-9"):
        assert not has(query), query
    assert start(still, "?limit=5&region=KR-45") == f"{still.url}/feed.atom/archive?region=kr%3A52"
    empty = still.client.get("/feed.atom/archive?region=kr:11")
    assert (empty.status_code, ids(empty), sorted(links_of(empty))) == (200, [], ["alternate", "current", "self"])


@pytest.mark.parametrize(
    ("path", "status", "type"),
    [
        ("/feed.pdf/archive", 404, "unknown-format"),
        ("/feed.atom/archive/2026-13", 404, "unknown-month"),
        ("/feed.atom/archive/0000-01", 404, "unknown-month"),
        ("/feed.atom/archive/２０２６-01", 404, "unknown-month"),
        ("/feed.atom/archive/2026-03-01", 404, "unknown-month"),
        ("/feed.atom/archive/" + "9" * 3000, 404, "unknown-month"),
        ("/feed.atom/archive?limit=5", 400, "unknown-parameter"),
        ("/feed.atom/archive?q=x", 400, "unknown-parameter"),
        ("/feed.atom/archive?before=1-1", 400, "unknown-parameter"),
        ("/feed.atom/archive/2026-03?before=x", 400, "bad-cursor"),
        ("/feed.atom/archive/2026-03?before=1-1&after=1-1", 400, "bad-cursor"),
        ("/feed.atom/archive/2026-03?region=nowhere", 404, "unknown-region"),
        ("/feed.atom/archive/2026-03?ofice=x", 400, "unknown-parameter"),
    ],
)
def test_a_bad_question(server: Server, path: str, status: int, type: str) -> None:
    answer = server.client.get(path)
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert answer.json()["type"] == f"urn:pressrelay:problem:{type}"


@pytest.mark.parametrize("name", ["before", "after"])
@pytest.mark.parametrize("instant", [0, 99999999999999999, -99999999999999999])
def test_cursors_of_anywhere(server: Server, name: str, instant: int) -> None:
    engine = server.engine()
    cursor = Cursors(store.identity.secret(engine)).write((instant, 1), store.identity.instance(engine))
    engine.dispose()
    assert server.client.get(f"/feed.atom/archive/2026-03?{name}={cursor}").status_code == 200


def test_a_cursor_has_one_spelling() -> None:
    cursors, place = Cursors(b"k" * 16), (-86400000000, 7)  # an archive goes back beyond 1970
    text = cursors.write(place, "history")
    assert text == cursors.write(place, "history") == quote(text, safe="") and len(text) == 52
    assert parse([("before", text)], [], lambda name, text: cursors.read(name, text, "history")).before == place
    assert Query(before=place).canonical(lambda cursor: cursors.write(cursor, "history")) == f"before={text}"
    wrong = (text[:-1], text.upper(), f"{text}0", text.replace(".", "-"), "1-1", "", ".", f"{'가' * 43}.{text[-8:]}")
    last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    wrong += tuple(
        f"{text[:42]}{letter}{text[43:]}" for letter in last if letter != text[42]
    )  # one bit more, or another spelling
    for other in wrong:
        with pytest.raises(Problem) as refused:
            cursors.read("before", other, "history")
        assert refused.value.type == "bad-cursor" and refused.value.status in (400, 410), other
    for status, reader, history in ((410, cursors, "another"), (400, Cursors(b"other" * 4), "history")):
        with pytest.raises(Problem) as refused:
            reader.read("before", text, history)
        assert refused.value.status == status
    with pytest.raises(Problem, match="A cursor names one page, not a whole feed"):
        parse([("before", text)], [])  # where no page can be asked for


def test_a_cursor_tells_no_number(server: Server) -> None:
    """Numbers also count articles under embargo. So they are encrypted in public, and a cursor that this database did not write is
    refused."""
    token = server.office()
    for number in range(2):
        push(server, token, f"tag:example.org,2026:sealed-{number}")
    link = links_of(server.client.get("/feed.atom?limit=1"))["next"]
    cursor = link.rpartition("=")[2]
    assert len(cursor) == 52
    sealed, _, tag = cursor.rpartition(".")
    # The same place in another number is another cursor in every letter, and one letter changed is none.
    other = links_of(server.client.get("/feed.atom?limit=2")).get("next", "").rpartition("=")[2]
    assert not other or sum(a == b for a, b in zip(sealed, other, strict=False)) < 12
    for changed in (
        f"{sealed[::-1]}.{tag}",
        f"A{sealed[1:]}.{tag}" if sealed[0] != "A" else f"B{sealed[1:]}.{tag}",
        "1-1",
    ):
        assert server.client.get(f"/feed.atom?before={changed}").status_code == 400


@pytest.mark.parametrize("month", ["0001-01", "1969-12", "1970-01", "2024-02", "2026-12", "9999-12"])
def test_a_month_ends_where_the_next_one_begins(month: str) -> None:
    since, until = bounds(month)
    assert month_of((micros(since), 1)) == month
    assert month_of((micros(until) - 1, 1)) == month
    if month != "9999-12":
        assert month_of((micros(until), 1)) != month


def test_every_document_fits_the_cache(own_server: Callable[..., Server]) -> None:
    """Sending a larger one would exceed the time limit of the cache, and the server would stop using the cache as if it had
    failed."""
    server = own_server()
    engine = server.engine()
    since, _ = bounds("2023-04")
    body = f"<p>{'가' * 5000}</p>"
    stories = [
        article(f"{TAG}{number}", id=public_id(f"{TAG}{number}"), updated=since + timedelta(hours=number), body=body)
        for number in range(300)
    ]
    put(engine, *stories)
    engine.dispose()
    server.start()
    client: Any = redis.Redis(unix_socket_path=str(server.directory / "valkey.sock"))

    def kept() -> list[int]:
        for encoding in ("identity", "gzip"):
            answers = [server.client.get("/feed.atom/archive", headers={"Accept-Encoding": encoding}) for _ in range(3)]
            assert {answer.content for answer in answers} == {answers[0].content}
            assert len(answers[0].content) < LARGEST
            assert 100 < len(ids(answers[0])) < 300, "the rest is in the document before it"
        return [client.strlen(key) for key in client.scan_iter("pr:*:f:*")]

    until(lambda: len(kept()) == 2, 30)  # on a busy machine, a cache that answers late is left alone for a moment
    assert max(kept()) < LARGEST
    client.close()
