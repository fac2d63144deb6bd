"""GET /changes: every change once, in commit order, as its article is now; waiting for the next one."""

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import msgspec
import pytest
from lxml import etree
from sqlalchemy import event

from app import store
from app.store import Engine
from feeds.article import Related
from tests.conftest import Server, until
from tests.test_feeds import newsml_schema
from tests.test_server import minimal
from tests.test_store import NOW, article, put

NAR = {"n": "http://iptc.org/std/nar/2006-10-01/"}


# The store, on both databases


def told(engine: Engine, after: int = 0, limit: int = 100) -> list[tuple[int, str, str, int, int, str]]:
    return [
        (entry.seq, entry.kind, entry.guid, entry.version, entry.newest, entry.now)
        for entry in store.articles.log(engine, mark(engine, after), limit)
    ]


def mark(engine: Engine, seq: int) -> store.identity.Mark:
    """The change of that number, with its stamp."""
    found = {change.seq: (seq, change.stamp) for change, _ in store.articles.changes_after(engine, seq - 1, 1)}
    return found.get(seq, store.identity.START) if seq else store.identity.START


def test_the_log_tells_each_change_with_the_state_now(engine: Engine) -> None:
    put(engine, article("tag:a"), article("tag:b"), article("tag:c"))
    put(
        engine,
        article("tag:a", 2),
        article("tag:b", 2, pubstatus="canceled"),
        article("tag:c", 2, pubstatus="withheld"),
    )
    assert told(engine) == [
        (1, "published", "tag:a", 1, 2, "usable"),
        (2, "published", "tag:b", 1, 2, "canceled"),
        (3, "published", "tag:c", 1, 2, "withheld"),
        (4, "corrected", "tag:a", 2, 2, "usable"),
        (5, "canceled", "tag:b", 2, 2, "canceled"),
        (6, "withheld", "tag:c", 2, 2, "withheld"),
    ]
    assert [entry[0] for entry in told(engine, 2, 3)] == [3, 4, 5]
    assert told(engine, 6) == []
    put(engine, article("tag:b", 3))
    assert told(engine, 4)[0] == (5, "canceled", "tag:b", 2, 3, "usable")
    assert told(engine, 6) == [(7, "published", "tag:b", 3, 3, "usable")]


def test_nothing_is_told_before_its_embargo_lifts(engine: Engine) -> None:
    lifts = NOW + timedelta(hours=1)
    put(engine, article("tag:a", embargoed=lifts, updated=lifts), article("tag:b", held=True))
    put(engine, article("tag:c", pubstatus="canceled"), article("tag:d", pubstatus="withheld"))
    assert told(engine) == []
    store.articles.lift(engine, lifts)
    assert told(engine) == [(1, "published", "tag:a", 1, 1, "usable")]


def test_an_embargo_on_what_was_withheld_tells_no_more_than_that(engine: Engine) -> None:
    put(engine, article())
    put(engine, article(version=2, pubstatus="withheld"))
    put(engine, article(version=3, embargoed=NOW + timedelta(hours=1)))
    assert [entry[-1] for entry in told(engine)] == ["withheld", "withheld"]


def test_lists_read_no_texts(engine: Engine) -> None:
    """The cost of a list of versions, translations and notes depends on what it shows, however long the articles are."""
    text = "가" * 100_000
    put(engine, article("tag:ko", body=f"<p>{text}</p>", text=text))
    put(engine, article("tag:ko", 2, body=f"<p>{text}</p>", text=text, note="Corrected."))
    put(engine, article("tag:en", lang="en", text=text, related=(Related(guid="tag:ko", translation="ko"),)))
    listed = store.articles.version_list(engine, "id-tag:ko", 10)
    assert [(entry.version, entry.article.note) for entry in listed] == [(2, "Corrected."), (1, "")]
    translations = store.articles.translations_of(engine, article("tag:ko"))
    assert [brief.lang for brief in translations] == ["en"]
    assert all(
        len(msgspec.json.encode(brief)) < 2_000 for brief in (*translations, *(entry.article for entry in listed))
    )


def test_what_changed_since(engine: Engine) -> None:
    put(engine, article("tag:a"), article("tag:b"))
    put(engine, article("tag:a", 2))
    assert store.articles.changed_since(engine, store.identity.START) == {"id-tag:a", "id-tag:b"}
    assert store.articles.changed_since(engine, mark(engine, 2)) == {"id-tag:a"}
    assert store.articles.changed_since(engine, mark(engine, 3)) == set()
    assert store.articles.changed_since(engine, (2, 12345)) is None, "a change of another history"


def test_the_log_costs_its_page(tmp_path: Path) -> None:
    """Promise 5: a range of the changes, and each article by its key."""
    engine = store.connect(f"sqlite:///{tmp_path}/plan.db")
    store.upgrade(engine)
    put(engine, article())
    statements: list[tuple[str, object]] = []
    event.listen(engine, "before_cursor_execute", lambda c, cur, sql, params, *_: statements.append((sql, params)))
    store.articles.log(engine, mark(engine, 1), 10)
    store.articles.changed_since(engine, mark(engine, 1))
    store.identity.head(engine)
    assert store.identity.holds(engine, mark(engine, 1))
    plan: list[str] = []
    with engine.connect().execution_options(reading=True) as connection:
        for sql, params in [entry for entry in statements if entry[0].startswith("SELECT")]:
            plan += [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", params)]
    engine.dispose()
    scans = [line for line in plan if line.startswith("SCAN") and not line.startswith("SCAN anon")]
    assert scans == [], plan


# The whole server


@pytest.fixture(scope="module")
def token(server: Server) -> str:
    server.office("seoul", "서울특별시", "kr:11")
    return server.office()


def ask(server: Server, **params: object) -> httpx.Response:
    answer = server.client.get("/changes", params={name: str(value) for name, value in params.items()})
    assert answer.status_code == 200, answer.text
    return answer


def lines(answer: httpx.Response) -> list[dict[str, Any]]:
    assert answer.text == "" or answer.text.endswith("\n")
    return [json.loads(line) for line in answer.text.splitlines()]


def cursor(answer: httpx.Response) -> str:
    return str(httpx.URL(answer.links["next"]["url"]).params["since"])


def newest(server: Server) -> str:
    return cursor(ask(server, since="now"))


def release(guid: str, version: int = 1, status: str = "", note: str = "") -> bytes:
    text = minimal(guid).decode().replace('<article version="1"', f'<article version="{version}"')
    if status:
        text = text.replace("<article ", f'<article pubstatus="{status}" ')
    return text.replace("</article>", f"{f'<note>{note}</note>' if note else ''}</article>").encode()


def push(server: Server, token: str, *args: Any) -> str:
    answer = server.push(token, release(*args))
    assert answer.status_code in (200, 201), answer.text
    return str(answer.json()["id"])


def test_a_walk_sees_every_change_once_and_in_order(server: Server, token: str) -> None:
    start = newest(server)
    guids = [f"tag:example.org,2026:walk-{number}" for number in range(7)]
    ids = [push(server, token, guid) for guid in guids]
    seen: list[dict[str, Any]] = []
    at = start
    while part := lines(answer := ask(server, since=at, limit=3)):
        assert answer.headers["Content-Type"] == "application/jsonl; charset=utf-8"
        assert answer.headers["Cache-Control"] == "no-store"
        assert part[-1]["cursor"] == cursor(answer)
        assert len(part) <= 3
        seen += part
        at = cursor(answer)
    assert cursor(answer) == at, "an empty answer has the cursor that was asked with"
    assert [(line["kind"], line["guid"], line["id"]) for line in seen] == [
        ("published", guid, id) for guid, id in zip(guids, ids, strict=True)
    ]
    assert [line["seq"] for line in seen] == list(range(seen[0]["seq"], seen[0]["seq"] + 7))
    for line in seen:
        assert line["article"] == server.client.get(f"/articles/{line['id']}.json").json()
        assert datetime.fromisoformat(line["at"]).tzinfo is not None
    assert lines(ask(server, since=seen[2]["cursor"], limit=1))[0]["seq"] == seen[3]["seq"]


def test_from_the_start(server: Server, token: str) -> None:
    push(server, token, "tag:example.org,2026:first-of-all")
    assert lines(ask(server, limit=1))[0]["seq"] == 1


def test_what_was_canceled_since_shows_nothing_any_more(server: Server, token: str) -> None:
    start = newest(server)
    canceled, withheld, corrected = (f"tag:example.org,2026:gone-{name}" for name in "abc")
    for guid in (canceled, withheld, corrected):
        push(server, token, guid)
    push(server, token, canceled, 2, "canceled", "착오로 배포됨")
    push(server, token, withheld, 2, "withheld", "비공개 메모")
    push(server, token, corrected, 2)
    answer = ask(server, since=start)
    found = [(line["kind"], line["guid"][-1], line["now"], "article" in line) for line in lines(answer)]
    assert found == [
        ("published", "a", "canceled", False),
        ("published", "b", "withheld", False),
        ("published", "c", "usable", True),
        ("canceled", "a", "canceled", False),
        ("withheld", "b", "withheld", False),
        ("corrected", "c", "usable", True),
    ]
    assert {line.get("note", "") for line in lines(answer) if line["guid"] == canceled} == {"착오로 배포됨"}
    assert "비공개 메모" not in answer.text
    assert {line["article"]["version"] for line in lines(answer) if "article" in line} == {2}
    push(server, token, canceled, 3)
    back = [line for line in lines(ask(server, since=start)) if line["guid"] == canceled]
    assert [(line["kind"], "article" in line) for line in back] == [
        ("published", True),
        ("canceled", False),
        ("published", True),
    ]


@pytest.mark.parametrize("how", ["format", "accept"])
def test_as_a_newsml_message(server: Server, token: str, how: str) -> None:
    start = newest(server)
    guids = [f"tag:example.org,2026:message-{how}-{number}" for number in range(3)]
    for guid in guids:
        push(server, token, guid)
    push(server, token, guids[0], 2)
    push(server, token, guids[1], 2, "canceled", "착오")
    push(server, token, guids[2], 2, "withheld")
    headers = {"Accept": "application/vnd.iptc.g2.newsmessage+xml"} if how == "accept" else {}
    params = {"since": start} | ({"format": "newsml"} if how == "format" else {})
    answer = server.client.get("/changes", params=params, headers=headers)
    assert answer.headers["Content-Type"].startswith("application/vnd.iptc.g2.newsmessage+xml")
    tree = etree.fromstring(answer.content)
    items = {
        item.get("guid"): (item.get("version"), item.find("n:itemMeta/n:pubStatus", NAR).get("qcode"))
        for item in tree.iterfind(".//n:newsItem", NAR)
    }
    newsml_schema().assertValid(tree)
    assert len(tree.findall(".//n:newsItem", NAR)) == 3, "each article once, as it is now"
    assert items == {guids[0]: ("2", "stat:usable"), guids[1]: ("2", "stat:canceled"), guids[2]: ("2", "stat:withheld")}
    asked = {"format": "newsml"} if how == "format" else {}
    again = server.client.get(answer.links["next"]["url"], headers=headers)
    assert asked.items() <= dict(httpx.URL(answer.links["next"]["url"]).params).items()
    assert etree.fromstring(again.content).findall(".//n:newsItem", NAR) == []


def test_an_embargo_is_told_when_it_lifts(server: Server, token: str) -> None:
    start = newest(server)
    lifts = datetime.now(UTC) + timedelta(seconds=1)
    guid = "tag:example.org,2026:changes-embargo"
    body = minimal(guid).decode().replace("</issued>", f"</issued><embargo until='{lifts.isoformat()}'/>")
    assert server.push(token, body.encode()).status_code == 201
    answer = ask(server, since=start, wait=10)
    assert datetime.now(UTC) >= lifts
    assert [(line["kind"], line["guid"]) for line in lines(answer)] == [("published", guid)]


@pytest.mark.parametrize(
    ("params", "status", "type"),
    [
        ({"since": "yesterday"}, 400, "bad-cursor"),
        ({"since": "-1"}, 400, "bad-cursor"),
        ({"since": "1"}, 400, "bad-cursor"),
        ({"since": "a" * 4000}, 400, "bad-cursor"),
        ({"since": "a" * 10_000}, 400, "bad-parameter"),
        ({"since": "\0"}, 400, "bad-characters"),
        ({"since": "0123456789abcdef-1"}, 410, "bad-cursor"),
        ({"limit": "0"}, 400, "bad-limit"),
        ({"limit": "201"}, 400, "bad-limit"),
        ({"limit": "１"}, 400, "bad-limit"),
        ({"limit": "9" * 4000}, 400, "bad-limit"),
        ({"wait": "31"}, 400, "bad-wait"),
        ({"wait": "-1"}, 400, "bad-wait"),
        ({"wait": "nan"}, 400, "bad-wait"),
        ({"wait": "1e1"}, 400, "bad-wait"),
        ({"wait": "9" * 4000}, 400, "bad-wait"),
        ({"format": "rss"}, 404, "unknown-format"),
        ({"region": "kr"}, 400, "unknown-parameter"),
    ],
)
def test_a_bad_question(server: Server, params: dict[str, str], status: int, type: str) -> None:
    answer = server.client.get(f"/changes?{urlencode(params)}")
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/problem+json")
    assert answer.json()["type"] == f"urn:pressrelay:problem:{type}"


def test_parameters_twice_and_other_types(server: Server) -> None:
    answer = server.client.get("/changes?limit=1&limit=2")
    assert (answer.status_code, answer.json()["type"]) == (400, "urn:pressrelay:problem:bad-parameter")
    answer = server.client.get("/changes", headers={"Accept": "image/png"})
    assert (answer.status_code, answer.json()["type"]) == (406, "urn:pressrelay:problem:not-acceptable")
    assert server.client.get("/changes?limit=1", headers={"Accept": "application/x-ndjson"}).status_code == 200
    head = server.client.head("/changes?since=now&wait=30")
    assert (head.status_code, head.content) == (200, b"")
    assert server.client.post("/changes").status_code == 405


def test_a_cursor_that_names_no_change_of_here_is_of_another_state(server: Server) -> None:
    stamp, _, seq = newest(server).rpartition("-")
    other = f"{int(stamp, 16) ^ 1:016x}"
    for since in (
        f"{stamp}-{int(seq) + 1}",
        f"{other}-{seq}",
        f"{stamp}-{int(seq) - 1}",
        f"{'f' * 32}-{seq}",
        f"{stamp}-0",
    ):
        for wait in ("0", "1"):
            answer = server.client.get("/changes", params={"since": since, "wait": wait})
            assert (answer.status_code, answer.json()["type"]) == (410, "urn:pressrelay:problem:bad-cursor"), since
            assert "Start again" in answer.json()["detail"]


# Waiting


def test_waiting_ends_with_a_push_and_else_empty(server: Server, token: str) -> None:
    start = newest(server)
    began = time.monotonic()
    answer = ask(server, since=start, wait=1)
    assert time.monotonic() - began >= 1
    assert (lines(answer), cursor(answer)) == ([], start)
    guid = "tag:example.org,2026:awaited"
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(ask, server, since=start, wait=20)
        push(server, token, guid)
        answer = waiting.result(10)
    assert [line["guid"] for line in lines(answer)] == [guid]
    began = time.monotonic()
    assert lines(ask(server, since=start, wait=20)), "what is there already is not waited for"
    assert time.monotonic() - began < 5


def test_waiting_holds_a_part_of_the_threads_only(own_server: Callable[..., Server]) -> None:
    """4 threads, 2 places: of 8 who wait 6 are answered at once, and everybody else goes on."""
    server = own_server(workers="1", threads="4").start()
    token = server.office()
    start = newest(server)
    answers: list[tuple[float, httpx.Response]] = []

    def wait() -> None:
        began = time.monotonic()
        answer = httpx.get(f"{server.url}/changes?since={start}&wait=25", trust_env=False, timeout=30)
        answers.append((time.monotonic() - began, answer))

    threads = [threading.Thread(target=wait) for _ in range(8)]
    for thread in threads:
        thread.start()
    until(lambda: len(answers) == 6)
    for seconds, answer in answers:
        assert (answer.status_code, answer.text, answer.headers["Retry-After"]) == (200, "", "1")
        assert seconds < 10
    for _ in range(10):
        assert server.client.get("/feed.atom").status_code == 200
    guid = "tag:example.org,2026:for-all-who-wait"
    push(server, token, guid)
    for thread in threads:
        thread.join(10)
    assert len(answers) == 8
    for seconds, answer in answers[6:]:
        assert [line["guid"] for line in lines(answer)] == [guid]
        assert seconds < 25
    answer = ask(server, since=newest(server), wait=1)
    assert "Retry-After" not in answer.headers, "the places are free again"


def test_writers_at_once_are_read_without_a_gap(server: Server, token: str) -> None:
    """A reader that waits sees each of 4 writers' articles once, while they write."""
    start = newest(server)
    guids = [f"tag:example.org,2026:gapless-{number}" for number in range(40)]
    seen: list[str] = []
    with ThreadPoolExecutor(4) as pool:
        pushed = [pool.submit(server.push, token, minimal(guid)) for guid in guids]
        at, end = start, time.monotonic() + 30
        while len(seen) < len(guids) and time.monotonic() < end:
            answer = ask(server, since=at, wait=5, limit=7)
            seen += [line["guid"] for line in lines(answer)]
            at = cursor(answer)
        assert {answer.result().status_code for answer in pushed} == {201}
    assert sorted(seen) == sorted(guids)


@pytest.mark.slow
def test_a_server_that_stops_keeps_nobody_waiting(own_server: Callable[..., Server]) -> None:
    server = own_server().start()
    cursor = server.client.get("/changes?since=now").links["next"]["url"]
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(httpx.get, f"{cursor}&wait=30", trust_env=False, timeout=40)
        before = time.monotonic()
        until(lambda: time.monotonic() > before + 0.5)  # it is on its way
        assert not waiting.done() and server.process is not None
        server.process.terminate()
        answer = waiting.result(9)
        assert (answer.status_code, answer.content) == (200, b"")
        assert server.process.wait(9) == 0, "a thread that waits on is killed after 10 seconds"
