"""Whom a release reached: the counts of the workers, the deliveries and readers, and who may see them."""

import csv
import io
import os
import re
import signal
import sys
import threading
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
from sqlalchemy import event, select

from app import store
from app.accounts.offices import OfficeRecord
from app.accounts.people import INVITED
from app.accounts.rights import OutletRecord
from app.cache.marks import Marks
from app.desk.sheets import as_text, sheet
from app.errors import Unavailable
from app.query import Query
from app.query.parsing import parse
from app.store import Engine
from app.store.reach import FeedPairs, ReachBatch, ReaderClaim
from app.store.tables import reach_counts, reach_feeds, reach_readers
from app.web import counting, reach
from app.web.counting import OTHERS, PolledFeed, ReachCounts, claimed, is_robot, polled_feed
from app.web.fastlane import Fastlane, KeptAnswer, may_keep
from app.web.plot import BarSeries, plotted
from tests.conftest import Server, until
from tests.subscriber import answer, subscribing
from tests.test_hub import PUSH, accredited, push
from tests.test_store import article, put

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
FEEDLY = "Feedly/1.0 (+http://www.feedly.com/fetcher.html; 462 subscribers; )"


# What is counted in memory


@pytest.mark.parametrize(
    ("agent", "said"),
    [
        (FEEDLY, ("Feedly", 462)),
        ("Feedbin feed-id:1697787 - 102 subscribers", ("Feedbin", 102)),
        (
            'NewsBlur Feed Fetcher - 27 subscribers - https://www.newsblur.com/site/7704055/x ("Mozilla/5.0 (Macintosh)")',
            ("NewsBlur", 27),
        ),
        ("Mozilla/5.0 (compatible; inoreader.com; 114 subscribers)", ("Inoreader", 114)),
        ("Inoreader/1.0 (+http://www.inoreader.com/feed-fetcher; 5 subscribers)", ("Inoreader", 5)),
        ("Mozilla/5.0 (compatible; theoldreader.com; 1 subscribers; feed-id=cead6c)", ("The Old Reader", 1)),
        ("Mozilla/5.0 (compatible; BazQux/2.4; +https://bazqux.com/fetcher; 1 subscribers)", ("BazQux", 1)),
        ("Overcast/1.0 Podcast Sync (1190 subscribers; feed-id=554901; +http://overcast.fm/)", ("Overcast", 1190)),
        ("NewsGatorOnline/2.0_(http://www.newsgator.com;_20_subscribers)", ("NewsGator", 20)),
        ("SomeReader/2.1 (1,204 subscribers)", ("SomeReader", 1204)),
        ("Mozilla/5.0 (compatible; Neuer Leser/3; 7 subscribers)", ("Neuer Leser", 7)),
        ("=cmd|'/c calc'!A0 (9 subscribers)", ("?", 9)),
        ("A/1 (99999999999999999999 subscribers)", None),
        ("A/1 (999999999999 subscribers)", ("A", 1_000_000)),
        ("A/1 (-5 subscribers)", ("A", 5)),
        ("A/1 (0 subscribers)", None),
        ("A/1 (one subscriber)", None),
        ("subscribers", None),
        (BROWSER, None),
    ],
)
def test_what_feed_readers_say(agent: str, said: tuple[str, int] | None) -> None:
    assert claimed(agent) == said


@pytest.mark.parametrize(
    ("agent", "robot"),
    [
        (BROWSER, False),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)", False),
        (
            "Mozilla/5.0 (Linux; Android 15; SM-S928N) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36;KAKAOTALK 2610",
            False,
        ),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", True),
        ("Mozilla/5.0 (compatible; Yeti/1.1; +https://naver.me/spd)", True),
        ("Mozilla/5.0 (compatible; Daum/4.1; +http://cs.daum.net/)", True),
        ("facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", True),
        ("facebookexternalhit/1.1; kakaotalk-scrap/1.0; +https://devtalk.kakao.com/", True),
        ("curl/8.5.0", True),
        ("python-httpx/0.28.1", True),
        ("", True),
    ],
)
def test_robots(agent: str, robot: bool) -> None:
    assert is_robot(agent) is robot


def query(text: str) -> Query:
    pairs = [(name, value) for name, _, value in (part.partition("=") for part in text.split("&")) if name]
    return parse(pairs, ["daily"])


@pytest.mark.parametrize(
    ("asked", "feed"),
    [
        ("", PolledFeed("", False, ("*/*",))),
        ("region=kr:52&limit=3", PolledFeed("region=kr%3A52", False, ("kr:52/*",))),
        (
            "region=kr:52&topic=medtop:01000000",
            PolledFeed("region=kr%3A52&topic=medtop%3A01000000", False, ("kr:52/medtop:01000000",)),
        ),
        ("region=kr:52&region=kr:50", PolledFeed("region=kr%3A50&region=kr%3A52", True, ("kr:50/*", "kr:52/*"))),
        ("exclude_region=kr:52", PolledFeed("exclude_region=kr%3A52", True, ("*/*",))),
        ("q=secret", counting.NOT_TOLD_APART),
        ("since=2026-01-01", counting.NOT_TOLD_APART),
        (f"licence=https://a.example/{'a' * 400}", counting.NOT_TOLD_APART),
    ],
)
def test_how_a_query_is_counted(asked: str, feed: PolledFeed) -> None:
    assert polled_feed(query(asked)) == feed


def test_counts_are_taken_once() -> None:
    counts, feed = ReachCounts(), polled_feed(query("region=kr:52"))
    for _ in range(3):
        counts.poll(feed, FEEDLY)
    counts.poll(feed, "Feedly/1.0 (+http://www.feedly.com/fetcher.html; 9 subscribers; )")
    counts.view("a" * 26)
    taken = counts.take(48)
    assert taken == ReachBatch(
        48,
        {feed.name: 4},
        {"a" * 26: 1},
        [ReaderClaim(feed.name, 2, "Feedly", 462)],
        [FeedPairs(feed.name, False, ("kr:52/*",))],
    )
    assert counts.take(48) == ReachBatch(48, {}, {}, [], [])
    counts.poll(feed)
    assert counts.take(49).feeds == [], "its pairs are written once a day"
    counts.poll(feed)
    assert counts.take(72).feeds != []


def test_what_could_not_be_written_is_counted_with_the_next(tmp_path: Path) -> None:
    broken, whole = store.connect("sqlite:////nowhere/at/all.db"), store.connect(f"sqlite:///{tmp_path}/a.db")
    store.upgrade(whole)
    counts, feed, now = ReachCounts(), polled_feed(query("region=kr:52")), datetime.now(UTC)
    counts.poll(feed)
    counts.view("b" * 26)
    with pytest.raises(Unavailable):
        counting.write(broken, counts, now)
    counts.poll(feed)
    counting.write(whole, counts, now)
    hour = counting.hour_of(now)
    assert store.reach.polls_by_feed(whole, [feed.name], hour, hour + 1) == [(feed.name, 2)]
    assert store.reach.views_by_step(whole, "b" * 26, hour, hour + 1, 1) == {0: 1}
    assert store.reach.polled_feeds(whole, ["kr:52/*"], 9) == [(False, feed.name)]


def test_a_million_feeds_take_no_more_memory_than_some_thousands() -> None:
    counts = ReachCounts()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(100_000):
            name = f"region=kr%3A{number}&region=kr%3A52&topic={number}"
            counts.poll(PolledFeed(name, bool(number % 2), (f"kr:{number}/*",)), f"R{number}/1 ({number} subscribers)")
            counts.view(f"{number:026}")
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 16 * 1024 * 1024
    taken = counts.take(1)
    assert len(taken.polls) == counting.SIMPLE + counting.COMPLEX + 1
    assert sum(taken.polls.values()) == 100_000 and taken.polls[OTHERS] == 100_000 - counting.SIMPLE - counting.COMPLEX
    assert len(taken.views) == counting.ARTICLES + 1 and sum(taken.views.values()) == 100_000
    assert len(taken.claims) <= counting.CLAIMS
    counts.poll(PolledFeed("new", False, ("kr:52/*",)))
    assert "new" in counts.take(1).polls, "the next hour tells others apart"


def test_one_feed_with_many_made_up_readers_keeps_the_known_ones() -> None:
    counts, feed = ReachCounts(), PolledFeed("", False, ("*/*",))
    for number in range(500):
        counts.poll(feed, f"Lie{number}/1 ({number + 1} subscribers)")
    counts.poll(feed, FEEDLY)
    counts.poll(feed, "A" * 100_000 + " 5 subscribers")
    said = counts.take(0).claims
    assert len(said) == counting.READERS and ("Feedly", 462) in {(one.program, one.count) for one in said}


def test_threads_lose_no_poll(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fast lane raises numbers without a lock, while another thread takes them."""
    counts, marks = ReachCounts(), Marks()
    slots = marks.slots(["*/*"])
    feed = PolledFeed("", False, ("*/*",))

    def application(environ: dict[str, Any], start: Any) -> list[bytes]:
        may_keep(environ, KeptAnswer("key", "tag", 0, slots, marks.read(slots), feed))
        start("200 OK", [("ETag", '"tag"')])
        return [b"a"]

    class NoCache:
        def __init__(self) -> None:
            self.marks = marks

    lane = Fastlane(application, NoCache(), 1_000_000, counts)  # type: ignore[arg-type]
    lane.alive(float("inf"))
    environ = {"PATH_INFO": "/feed.atom", "REQUEST_METHOD": "GET"}
    assert list(lane(dict(environ), lambda *_: None)) == [b"a"]
    assert counts.take(0).polls == {}, "Flask counts what it answers"
    total, ended = 0, threading.Event()

    def poll() -> None:
        for _ in range(5_000):
            lane(dict(environ), lambda *_: None)

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        threads = [threading.Thread(target=poll) for _ in range(4)]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            total += sum(counts.take(0).polls.values())
    finally:
        sys.setswitchinterval(before)
        ended.set()
    assert total + sum(counts.take(0).polls.values()) == 20_000


# What is stored


def test_two_workers_add_to_the_same_rows(engine: Engine) -> None:
    batch = ReachBatch(
        100,
        {"region=kr%3A52": 3, "": 4, OTHERS: 1},
        {"a" * 26: 2},
        [ReaderClaim("", 4, "Feedly", 7)],
        [FeedPairs("", False, ("*/*",)), FeedPairs("exclude_region=kr%3A52", True, ("*/*",))],
    )
    store.reach.add_counts(engine, batch)
    store.reach.add_counts(engine, batch)
    store.reach.add_counts(engine, ReachBatch(102, {"": 1}, {}, [ReaderClaim("", 4, "Feedly", 5)]))
    store.reach.add_counts(engine, ReachBatch(102, {}, {}))
    assert store.reach.polls_by_feed(engine, ["", "region=kr%3A52"], 100, 103) == [("", 9), ("region=kr%3A52", 6)]
    assert store.reach.polls_by_step(engine, ["", "region=kr%3A52"], 100, 103, 2) == {0: 14, 1: 1}
    assert store.reach.views_by_step(engine, "a" * 26, 99, 103, 1) == {1: 4}
    assert store.reach.claims_of(engine, [""], 4, 4, 9) == [ReaderClaim("", 4, "Feedly", 7)]
    assert store.reach.claims_of(engine, [""], 5, 9, 9) == []
    assert sorted(store.reach.polled_feeds(engine, ["*/*", "kr:52/*"], 5)) == [
        (False, ""),
        (True, "exclude_region=kr%3A52"),
    ]
    assert store.reach.polled_feeds(engine, ["kr:50/*"], 5) == []


def test_a_batch_is_one_statement_for_each_table(engine: Engine) -> None:
    seen: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda _c, _u, statement, *_: seen.append(statement))
    polls = {f"region={number}": number + 1 for number in range(3000)}
    feeds = [FeedPairs(name, False, (f"{name}/*",)) for name in polls]
    claims = [ReaderClaim(name, 4, "Feedly", 7) for name in polls]
    store.reach.add_counts(engine, ReachBatch(100, polls, {}, claims, feeds))
    assert sum(statement.startswith("INSERT") for statement in seen) == 3
    assert sum(count for _, count in store.reach.polls_by_feed(engine, list(polls), 0, 101)) == 3000 * 3001 // 2


def test_old_counts_are_deleted(engine: Engine) -> None:
    for hour in (100, 500):
        store.reach.add_counts(
            engine,
            ReachBatch(
                hour,
                {"": 1},
                {"a" * 26: 1},
                [ReaderClaim("", hour // 24, "Feedly", 7)],
                [FeedPairs(str(hour), False, ("*/*",))],
            ),
        )
    assert store.reach.prune_counts(engine, 480) == 4
    assert store.reach.prune_counts(engine, 480) == 0
    with engine.connect() as connection:
        left = [connection.execute(select(table)).all() for table in (reach_counts, reach_readers, reach_feeds)]
    assert [len(rows) for rows in left] == [2, 1, 1]


def test_readers_under_embargo_are_found_without_walking_over_what_they_read(engine: Engine) -> None:
    def read(actor: str, outlet: str, minute: int, how: str = "feed.atom") -> None:
        detail = {"as": how} | ({"outlet": outlet} if outlet else {})
        at = datetime(2026, 3, 9, 0, minute, tzinfo=UTC)
        store.audit.append(engine, [store.audit.Event("read", actor, "jb", "a" * 26, 1, detail)], at)

    for minute in range(3):
        read("token b", "daily", minute)
    read("token a", "weekly", 5)
    read("token c", "", 6)
    read("token b", "daily", 9)
    read("token d", "pushed", 10, "push json")
    store.audit.append(engine, [store.audit.Event("pushed", "token z", "jb", "a" * 26)], datetime.now(UTC))
    found = store.reach.early_readers(engine, "a" * 26)
    assert [(one.actor, one.outlet, one.first.minute, one.last.minute) for one in found] == [
        ("token b", "daily", 0, 9),
        ("token a", "weekly", 5, 5),
        ("token c", "", 6, 6),
    ]
    assert store.reach.early_readers(engine, "b" * 26) == []


# Pictures and tables


def test_a_plot_needs_neither_a_style_nor_a_script() -> None:
    made = plotted("<제목>", [BarSeries('"가" & 나', [0, 3, 9]), BarSeries("b", [])], ("처음", "끝"))
    root = ElementTree.fromstring(made)
    assert not re.search(r"style|script|href|url\(", made)
    bars = [float(bar.attrib["height"]) for bar in root.iter("{http://www.w3.org/2000/svg}rect")][1:]
    assert len(bars) == 2 and bars[1] == pytest.approx(3 * bars[0], rel=0.01)
    assert [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")][:2] == ['"가" & 나', "9"]


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@a", "\t=1", "\r=1", " =1", "\u3000=1", "＝1", "\0=1", "\n=1"])
def test_no_cell_is_a_formula(cell: str) -> None:
    assert as_text(cell).startswith("'")


def test_a_sheet() -> None:
    made = sheet([["가", 'a"b,c', -1, "d\ne"]])
    assert made.decode("utf-8-sig") == '가,"a""b,c",-1,"d\ne"\r\n' and made.startswith(b"\xef\xbb\xbf")


# A server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("reach"), workers="2", reach_seconds="1", **PUSH).start()
    yield server
    server.close()


@pytest.fixture(scope="module")
def token(server: Server) -> str:
    return server.save(OfficeRecord("jb", "전북", "", ("kr:52",)), OfficeRecord("jj", "제주", "", ("kr:50",)))


def person(server: Server, email: str, role: str, office: str) -> httpx.Client:
    """A browser in which a new person is signed in."""
    engine, now = server.engine(), datetime.now(UTC)
    link = store.accounts.new_link(engine, "invite", now, INVITED, email=email, office=office, role=role)
    made = store.accounts.join(engine, link.id, email, email, "stored", now)
    headers = {"Accept": "text/html", "Sec-Fetch-Site": "same-origin", "Accept-Language": "en", "User-Agent": BROWSER}
    client = httpx.Client(base_url=server.url, trust_env=False, timeout=30, headers=headers)
    client.cookies.set("pressrelay", store.accounts.begin_session(engine, made, "", "", now))
    engine.dispose()
    return client


@pytest.fixture(scope="module")
def reader(server: Server, token: str) -> Iterator[httpx.Client]:
    assert token
    client = person(server, "reader@press.example", "reader", "jb")
    yield client
    client.close()


def table_of(client: httpx.Client, id: str) -> list[list[str]]:
    answer = client.get(f"/desk/articles/{id}/reach.csv")
    assert answer.status_code == 200 and answer.headers["content-type"] == "text/csv; charset=utf-8"
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))


def total(client: httpx.Client, id: str, part: str) -> int:
    return sum(int(row[6]) for row in table_of(client, id) if row[0] == part)


def test_polls_and_views_of_every_worker_are_counted(server: Server, token: str, reader: httpx.Client) -> None:
    id = push(server, token, "tag:reach,2026:polls", headline="세어 본 것")
    paths = ("/feed.atom?office=jb", "/feed.json?office=jb&limit=7", "/feed.rss?office=jb")
    exclude = "/feed.atom?office=jb&exclude_region=kr:50"
    for _ in range(8):
        for path in paths:  # each over a connection of its own, so by both workers
            assert httpx.get(f"{server.url}{path}", trust_env=False, headers={"User-Agent": FEEDLY}).status_code == 200
        httpx.get(f"{server.url}{exclude}", trust_env=False)
        for agent in (BROWSER, "Googlebot/2.1"):
            httpx.get(
                f"{server.url}/articles/{id}", trust_env=False, headers={"User-Agent": agent, "Accept": "text/html"}
            )
    tag = server.client.get(paths[0]).headers["etag"]
    assert server.client.get(paths[0], headers={"If-None-Match": tag}).status_code == 304
    for other in ("/feed.atom?office=jj", "/feed.atom?office=jb&exclude_region=kr:52", "/feed.atom?office=jb&q=zzz"):
        server.client.get(other)
    server.client.get(f"/articles/{id}.json", headers={"User-Agent": BROWSER})
    server.client.head(f"/articles/{id}", headers={"User-Agent": BROWSER})
    until(lambda: total(reader, id, "Polls of feeds") >= 34)
    until(lambda: total(reader, id, "Page views") >= 8)
    rows = table_of(reader, id)
    assert {(row[2], int(row[6])) for row in rows if row[0] == "Feeds polled most"} == {
        ("office=jb", 26),
        ("office=jb&exclude_region=kr%3A50", 8),
    }
    assert total(reader, id, "Polls of feeds") == 34 and total(reader, id, "Page views") == 8
    assert [row[1:4] + row[6:7] for row in rows if row[0] == "Feed readers"] == [
        ["Feedly", "Pressrelay: 전북", "Says", "462"]
    ]
    page = reader.get(f"/desk/articles/{id}/reach")
    assert "says 462 subscribers" in page.text and "Pressrelay: 전북" in page.text and "<dd>34</dd>" in page.text
    assert page.headers["cache-control"] == "private, no-store"
    plot = reader.get(f"/desk/articles/{id}/reach.svg")
    assert (
        plot.headers["content-type"].startswith("image/svg+xml")
        and plot.headers["cache-control"] == "private, no-store"
    )
    assert plot.headers["content-security-policy"].startswith("default-src 'none'")
    ElementTree.fromstring(plot.content)
    assert f'href="/desk/articles/{id}/reach"' in reader.get(f"/desk/articles/{id}").text


def test_nobody_else_sees_it(server: Server, token: str, reader: httpx.Client) -> None:
    id = push(server, token, "tag:reach,2026:others", headline="남")
    other = person(server, "other@press.example", "editor", "jj")
    for path in ("reach", "reach.svg", "reach.csv"):
        assert reader.get(f"/desk/articles/{id}/{path}").status_code == 200
        assert other.get(f"/desk/articles/{id}/{path}").status_code == 404
        assert reader.get(f"/desk/articles/{'a' * 26}/{path}").status_code == 404
        away = server.client.get(f"/desk/articles/{id}/{path}")
        assert (away.status_code, away.headers["location"].partition("?")[0]) == (303, f"{server.url}/signin")
        bearer = {"Authorization": f"Bearer {token}"}
        assert server.client.get(f"/desk/articles/{id}/{path}", headers=bearer).status_code == 303
    other.close()


def test_who_was_pushed_it_and_who_read_it_under_embargo(server: Server, token: str, reader: httpx.Client) -> None:
    tokens = {code: accredited(server, code) for code in ("daily", "weekly", "silent")}
    engine, now = server.engine(), datetime.now(UTC)
    store.accounts.save_outlet(engine, OutletRecord("away", "Away", ("kr:50",)), now)
    store.accounts.save_outlet(engine, OutletRecord("formula", "=HYPERLINK(1)"), now)
    mail = store.deliveries.Subscription(
        "email", "secret@reader.example", f"{server.url}/", "office=jb", "email", host="reader.example", lang="ko"
    )
    mail = store.deliveries.save_subscription(engine, mail, (("office:jb", "*"),), now)
    store.deliveries.pause_subscription(engine, mail.id, "test", now)

    with subscribing(server) as endpoint:
        endpoint.replies["/broken"] = lambda _: answer(500)

        def hook(code: str, path: str, query: str) -> None:
            made = server.client.post(
                "/subscriptions",
                json={"url": endpoint.url(path, "127.52.0.1" if path == "/broken" else ""), "query": query},
                headers={"Authorization": f"Bearer {tokens[code]}"},
            )
            assert made.status_code == 201, made.text

        hook("daily", "/early", "office=jb&status=embargoed")
        hook("weekly", "/broken", "office=jb&status=embargoed")
        hook("daily", "/public", "office=jb")
        held = '<embargo held="true">발표 후</embargo>'
        id = push(server, token, "tag:reach,2026:early", headline="엠바고 자료", inside=held)
        until(lambda: endpoint.to("/early") and endpoint.to("/broken"))
        bearer = {"Authorization": f"Bearer {tokens['daily']}"}
        for _ in range(3):
            assert server.client.get(f"/articles/{id}", headers=bearer).status_code == 200

        def outlets() -> dict[str, list[str]]:
            return {row[1]: row[2:4] + row[7:8] for row in table_of(reader, id) if row[0] == "Read under embargo"}

        until(lambda: outlets()["weekly"][0] == "Failed, trying again")
        until(lambda: outlets()["daily"][0] == "Delivered")
        found = outlets()
        assert found["daily"][1] == "Read" and found["weekly"][1] == "Not reached" and "500" in found["weekly"][2]
        assert found["silent"] == ["", "Not read", ""] and found["'=HYPERLINK(1)"][1] == "Not read"
        assert "Away" not in found
        page = reader.get(f"/desk/articles/{id}/reach").text
        assert page.index(">weekly<") < page.index(">silent<") < page.index(">daily<"), (
            "whom it did not reach comes first"
        )
        assert "Not reached" in page and "It is not public yet" in page
        assert reader.get(f"/desk/articles/{id}/reach.svg").status_code == 404
        assert "secret@" not in page

        freed = server.client.post(f"/articles/{id}/release", headers={"Authorization": f"Bearer {token}"})
        assert freed.status_code == 200, freed.text
        until(lambda: endpoint.to("/public"))
        until(lambda: ["Deliveries", "daily", "Webhook", "Delivered"] in [row[:4] for row in table_of(reader, id)])
        page = reader.get(f"/desk/articles/{id}/reach?state=delivered").text
        assert "Published · Version 1" in page and "Under embargo · Version 1" in page
        table = table_of(reader, id)
        assert ["Deliveries", "Total", "E-mail alert", "Waiting", "", "", "1", ""] in table
        assert "reader.example" not in page and not any("reader.example" in cell for row in table for cell in row)
        at_once = push(server, token, "tag:reach,2026:at-once", headline="바로")
        assert "It was public at once" in reader.get(f"/desk/articles/{at_once}/reach").text
        assert endpoint.url("/") not in page and endpoint.host not in page, "an outlet is named, not its address"
    engine.dispose()


def test_recipients_have_pages(engine: Engine) -> None:
    now = datetime.now(UTC)
    for number in range(25):
        kind, host = ("email", "mail.example") if number % 5 == 0 else ("websub", f"h{number}.example")
        one = store.deliveries.Subscription(kind, f"https://{host}/{number}", "t", "", "atom", host=host)
        store.deliveries.save_subscription(engine, one, (("*", "*"),), now)
    made, id = article("tag:pages,2026:1"), article("tag:pages,2026:1").id
    put(engine, made)
    hosts, after, pages = [], (0, 0), 0
    while after is not None:
        rows, after = store.reach.recipients(engine, id, "waiting", after, 7)
        hosts += [row.host for row in rows]
        pages += 1
    assert pages == 3 and hosts == [f"h{number}.example" for number in range(25) if number % 5]
    assert store.reach.count_recipients(engine, id) == {("websub", "waiting"): 20, ("email", "waiting"): 5}
    assert store.reach.recipients(engine, id, "dead") == ([], None)
    assert store.reach.count_recipients(engine, "a" * 26) == {}


def test_a_killed_worker_loses_the_last_counts_alone(server: Server, token: str, reader: httpx.Client) -> None:
    id = push(server, token, "tag:reach,2026:killed", headline="죽은 것")
    path = "/feed.newsml?office=jb&topic=medtop:20000210&region=kr:52"
    body = server.client.get(path)
    assert body.status_code == 200

    def polls() -> int:
        engine = server.engine()
        hour = counting.hour_of(datetime.now(UTC))
        name = polled_feed(parse([("office", "jb"), ("region", "kr:52"), ("topic", "medtop:20000210")], ["jb"])).name
        found = store.reach.polls_by_feed(engine, [name], hour - 1, hour + 1)
        engine.dispose()
        return sum(count for _, count in found)

    until(lambda: polls() == 1)
    for pid in server.children():
        if (
            "web" in Path(f"/proc/{pid}/cmdline").read_text()
            and not Path(f"/proc/{pid}/task/{pid}/children").read_text()
        ):
            os.kill(pid, signal.SIGKILL)
    until(lambda: _answers(server, path), 20)
    until(lambda: polls() >= 2)
    assert id


def _answers(server: Server, path: str) -> bool:
    try:
        return httpx.get(f"{server.url}{path}", trust_env=False, timeout=5).status_code == 200
    except httpx.HTTPError:
        return False


def test_what_was_counted_is_written_when_the_server_stops(tmp_path: Path) -> None:
    server = Server(tmp_path, workers="1", reach_seconds="3600").start()
    try:
        token = server.office("jb", "전북", "kr:52")
        assert push(server, token, "tag:stop,2026:1", headline="끝")
        for _ in range(3):
            assert server.client.get("/feed.atom").status_code == 200
        engine, hour = server.engine(), counting.hour_of(datetime.now(UTC))
        assert store.reach.polls_by_feed(engine, [""], hour - 1, hour + 1) == []
        assert server.stop() == 0
        assert store.reach.polls_by_feed(engine, [""], hour - 1, hour + 2) == [("", 3)]
        engine.dispose()
    finally:
        server.close()


def test_nothing_is_counted_if_the_site_does_not_want_it() -> None:
    from app.settings import load

    assert load({"PRESSRELAY_REACH_DAYS": "0"}).reach_days == 0
    assert reach.span_of(datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)).step == 12
