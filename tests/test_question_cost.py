"""A question to the database costs a bounded amount: of look-ups, of time, and of the threads that answer it."""

import http.client
import json
import re
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from urllib.parse import urlencode

import pytest
from sqlalchemy import text

from app import store
from app.errors import Problem, TooSlow
from app.intake.normalize import public_id
from app.query.parsing import MOST_COST, parse
from app.store.engine import reading, writing
from app.web.routes import changes
from schemas import codes
from tests.asking import links_of
from tests.conftest import Server
from tests.test_lifecycle import document

ENDLESS = {
    "sqlite": "WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t) SELECT max(x) FROM t",
    "postgresql": "SELECT pg_sleep(60)",
}


def test_a_question_that_takes_too_long_is_given_up(database_url: str) -> None:
    engine = store.connect(database_url, deadline=0.3)
    kind = engine.dialect.name
    try:
        begun = time.monotonic()
        with pytest.raises(TooSlow), reading(engine) as connection:
            connection.execute(text(ENDLESS[kind])).all()
        assert time.monotonic() - begun < 10
        with reading(engine) as connection:  # the connection is good, and its time limit starts again
            assert connection.execute(text("SELECT 1")).scalar() == 1
        with writing(engine) as connection:  # a write may wait longer than a question
            slow = "SELECT pg_sleep(0.5)" if kind == "postgresql" else "SELECT 1"
            connection.execute(text(slow))
    finally:
        engine.dispose()


def regions(count: int) -> list[str]:
    return [code.code for code in codes("region") if code.scheme == "region" and code.valid_to is None][1 : count + 1]


def question(pairs: int, exclusions: int) -> list[tuple[str, str]]:
    found = regions(pairs + exclusions)
    return [("region", code) for code in found[:pairs]] + [("exclude_region", code) for code in found[pairs:]]


def test_pairs_times_exclusions_are_bounded() -> None:
    assert parse(question(20, 19), ()).cost() == 400 == MOST_COST
    with pytest.raises(Problem) as refused:
        parse(question(20, 20), ())
    assert refused.value.status == 400 and refused.value.type == "too-many-values"
    assert "combines 20 pairs of place and topic with 20 other values" in refused.value.detail


@pytest.fixture(scope="module")
def costly(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(
        tmp_path_factory.mktemp("costly"), workers="1", threads="8", address_rate="60/hour", proxies="1"
    ).start()
    yield server
    server.close()


def ask(server: Server, path: str, client: str) -> tuple[int, str]:
    """The status and the RateLimit header; with a minimal client, because the test itself must cost little."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    try:
        connection.request("GET", path, headers={"X-Forwarded-For": client})
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.headers.get("RateLimit", "")
    finally:
        connection.close()


@pytest.mark.slow
def test_costly_questions_are_counted_by_their_cost(costly: Server) -> None:
    dear = f"/feed.atom?{urlencode(question(20, 19))}"
    # Each is another question: what is kept already costs nothing, and is not counted.
    seen = [ask(costly, f"{dear}&limit={number}", "198.51.100.1")[0] for number in range(1, 6)]
    assert seen == [200, 200, 429, 429, 429], "each counts 21 of the 60"
    assert ask(costly, "/feed.atom", "198.51.100.1")[0] == 200, "a plain feed is not counted"
    assert ask(costly, "/feed.atom?q=x", "198.51.100.2")[1].startswith('"address";r=54;')


@pytest.mark.slow
def test_a_saved_feed_counts_what_its_question_costs(costly: Server) -> None:
    assert costly.run("feed", "add", "dear", urlencode(question(20, 19))).returncode == 0
    assert costly.run("feed", "add", "words", "q=x").returncode == 0
    seen = [ask(costly, f"/f/dear.atom?limit={number}", "198.51.100.3")[0] for number in range(1, 6)]
    assert seen == [200, 200, 429, 429, 429], "each counts 21 of the 60"
    assert ask(costly, "/f/words.atom", "198.51.100.4")[1].startswith('"address";r=54;')
    assert ask(costly, "/f/nobody.atom", "198.51.100.4") == (404, "")


@pytest.mark.slow
def test_costly_questions_leave_threads_for_all_others(costly: Server) -> None:
    token = costly.office()
    for number in range(30):
        assert costly.push(token, document(f"tag:cost,2026:{number}")).status_code == 201
    stop = threading.Event()
    found: list[int] = []

    def hammer(number: int) -> None:
        asked = 0
        while not stop.is_set():
            asked += 1  # each from a different client, and each a question that is in no cache
            path = f"/feed.atom?{urlencode([*question(20, 10), ('q', f'n{number}x{asked}')])}"
            found.append(ask(costly, path, f"203.{number}.{asked // 250}.{asked % 250}")[0])

    threads = [threading.Thread(target=hammer, args=(number,)) for number in range(24)]
    for thread in threads:
        thread.start()
    try:
        waits = []
        for _ in range(40):
            begun = time.monotonic()
            assert ask(costly, "/feed.atom", "198.51.100.9")[0] == 200
            assert ask(costly, "/healthz", "198.51.100.9")[0] == 200
            waits.append(time.monotonic() - begun)
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)
    assert set(found) <= {200, 503}, set(found)
    assert sorted(waits)[len(waits) // 2] < 1.5, waits


@pytest.mark.slow
def test_a_page_is_bounded_in_bytes(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Articles of megabytes: the newest is on the first page, by its summary, and links lead to all others; each page is kept."""
    server = Server(tmp_path_factory.mktemp("large"), workers="1").start()
    try:
        token = server.office()
        paragraph = "<p>" + "가나다라 마바사 " * 100 + "</p>"
        for number in range(4):
            body = document(f"tag:large,2026:{number}").replace(
                "<p>본문 한 단락.</p>".encode(), (paragraph * 1000).encode()
            )
            assert server.push(token, body).status_code == 201
        assert server.push(token, document("tag:large,2026:small")).status_code == 201
        seen: list[str] = []
        path, pages = "/feed.atom", 0
        while path:
            answer = server.client.get(path)
            assert answer.status_code == 200 and len(answer.content) < 4_000_000
            seen += re.findall(r"tag:large,2026:\w+", re.sub(r"<(?!id)\w[^>]*>", "", answer.text))
            path, pages = links_of(answer).get("next", ""), pages + 1
        assert list(dict.fromkeys(seen)) == [
            "tag:large,2026:small",
            *(f"tag:large,2026:{number}" for number in (3, 2, 1, 0)),
        ]
        assert 1 < pages <= 5
        first = server.client.get("/feed.atom")
        if "전문 보기" not in first.text:
            first = server.client.get(links_of(first)["next"])
        assert "전문 보기" in first.text and len(first.content) < 100_000
        # An answer of /changes ends before its bytes are too many, and the next one goes on.
        url, told = "/changes", []
        while lines := [json.loads(line) for line in server.client.get(url).text.splitlines()]:
            assert len(server.client.get(url).content) <= changes.BYTES
            told += [line["guid"] for line in lines]
            url = f"/changes?since={lines[-1]['cursor']}"
        assert len(told) == 5 and len(set(told)) == 5
        # The whole text is at its address, and in the single documents.
        id = public_id("tag:large,2026:3")
        assert len(server.client.get(f"/articles/{id}.json").content) > 2_000_000
        for path in ("/", "/sitemap-news.xml", "/feed.ninjs", f"/feed.newsml/archive/{datetime.now(UTC):%Y-%m}"):
            assert server.client.get(path).status_code == 200, path
        listed = server.client.get("/atompub/jeonbuk/", headers={"Authorization": f"Bearer {token}"})
        assert listed.status_code == 200 and 'rel="next"' in listed.text
    finally:
        server.close()
