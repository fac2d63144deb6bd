"""The fast lane gives exactly Flask's answers, drops them as soon as something changed, and has none if it would not learn of
changes."""

import http.client
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import redis
from msgspec.structs import replace

from app.accounts.offices import OfficeRecord
from app.cache.marks import Marks
from app.cache.redis import Cache
from app.web.fastlane import Fastlane, KeptAnswer, may_keep
from tests.conftest import ROOT, Server, together, until
from tests.test_lifecycle import document
from tests.test_serve import named

PATHS = [
    *(f"/feed.{format}" for format in ("rss", "atom", "json", "ninjs", "newsml")),
    "/feed.atom?region=kr:50",
    "/feed.rss?topic=medtop:15000000&limit=3",
    "/feed.json?office=lane&lang=ko",
    "/feed.atom/archive",
    "/f/lane.atom",
    "/feed",
    "/",
    "/?office=lane&lang=ko",
    "/articles/{article}",
    "/regions",
    "/regions/kr:50",
    "/topics",
    "/topics/medtop:15000000",
    "/offices",
    "/offices/lane",
    "/press-calendar",
    "/press-calendar?region=kr:50",
]
SUBJECTS = ("/regions/kr:50", "/topics/medtop:15000000", "/offices/lane")
HEADERS: list[dict[str, str]] = [
    {},
    {"Accept-Encoding": "gzip"},
    {"Accept-Encoding": "br;q=0.5, zstd"},
    {"Accept-Encoding": "identity;q=0, *"},
    {"If-None-Match": "*"},
    {"If-None-Match": '"other", "{etag}"', "Accept-Encoding": "gzip"},
    {"If-None-Match": "{tag}"},
    {"If-None-Match": "W/{tag}"},
    {"If-None-Match": '"other"'},
    {"If-Modified-Since": "{modified}"},
    {"If-Modified-Since": "Thu, 01 Jan 2099 00:00:00 GMT"},
    {"If-Modified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"},
    {"If-Modified-Since": "nonsense"},
    {"If-None-Match": '"other"', "If-Modified-Since": "Thu, 01 Jan 2099 00:00:00 GMT"},
    {"Origin": "https://reader.example", "Cookie": "a=b"},
    {"Accept": "text/html,*/*;q=0.8", "Accept-Language": "ko,en;q=0.5"},
    {"Accept-Language": "ko", "Cookie": "a=b; lang=en"},
]


@pytest.fixture(scope="module")
def token(server: Server) -> str:
    made = server.office("lane", "차로청", "kr:50")
    for number in range(5):
        assert server.push(made, document(f"tag:lane,2026:{number}")).status_code == 201
    changed = time.time()
    assert server.run("feed", "add", "lane", "region=kr:50").returncode == 0
    # An answer has no date until the second of its change is over: after that, it is the same for everybody.
    until(lambda: time.time() > changed + 1.1, 5)
    return made


def raw(server: Server, method: str, path: str, headers: dict[str, str]) -> tuple[Any, ...]:
    """Status line, headers in their order, bytes; over a connection of its own."""
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)) as connection:
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        told = [(name.lower(), value) for name, value in answer.getheaders() if name.lower() != "date"]
        return answer.status, answer.reason, told, answer.read()


@pytest.mark.parametrize("path", PATHS)
def test_both_ways_answer_the_same_to_the_letter(server: Server, token: str, path: str) -> None:
    if "{article}" in path:
        path = path.format(article=server.client.get("/feed.json?office=lane").json()["items"][0]["url"].split("/")[-1])
    for given in HEADERS:
        for method in ("GET", "HEAD"):
            chosen = {k: v for k, v in given.items() if k.startswith("Accept") or k == "Cookie"}
            first = dict(raw(server, "GET", path, chosen)[2])
            tag = first["etag"]
            words = {"{tag}": tag, "{etag}": tag.strip('"'), "{modified}": first.get("last-modified", "")}
            headers = {}
            for name, value in given.items():
                for word, said in words.items():
                    value = value.replace(word, said)
                headers[name] = value
            # Flask answers requests with A-IM; if no delta is possible, the answer is the usual one.
            slow = raw(server, method, path, {**headers, "A-IM": "none"})
            for _ in range(4):  # by both workers, from nothing and from a copy
                fast = raw(server, method, path, headers)
                assert fast[:2] == slow[:2] and fast[3] == slow[3], (method, path, headers)
                assert fast[2] == slow[2], (set(fast[2]) ^ set(slow[2]), headers)


def test_what_is_acknowledged_is_in_the_very_next_answer_of_every_worker(server: Server, token: str) -> None:
    path = "/feed.ninjs?office=lane&limit=1"  # nobody else pushes there
    for number in range(40):
        guid = f"tag:lane,2026:fresh-{number}"
        for _ in range(6):
            raw(server, "GET", path, {})
        assert server.push(token, document(guid)).status_code == 201
        for _ in range(6):
            assert guid.encode() in raw(server, "GET", path, {})[3]


def test_a_feed_or_an_office_that_is_called_otherwise_is_so_at_once(server: Server, token: str) -> None:
    for title in ("첫 이름", "새 이름"):
        assert server.run("feed", "add", "renamed", "office=lane", "--title", title).returncode == 0
        for _ in range(4):
            assert title.encode() in raw(server, "GET", "/f/renamed.rss", {})[3]
    for _ in range(4):
        raw(server, "GET", "/feed.rss?office=lane&limit=2", {})
    assert server.run("office", "add", "lane", "--name", "새차로청", "--region", "kr:50").returncode == 0
    for _ in range(4):
        assert "새차로청".encode() in raw(server, "GET", "/feed.rss?office=lane&limit=2", {})[3]
    assert server.run("feed", "remove", "renamed").returncode == 0
    for _ in range(4):
        assert b"/f/renamed#ended" in raw(server, "GET", "/f/renamed.rss", {})[3]


def gets(server: Server) -> int:
    """How often the server's Valkey was asked for a value."""
    with closing(redis.Redis.from_url(f"unix://{server.directory}/valkey.sock")) as client:
        stats: Any = client.info("commandstats")
    return int(stats.get("cmdstat_get", {}).get("calls", 0))


def test_a_hot_feed_never_reaches_flask_and_one_without_room_only_the_cache(own_server: Callable[..., Server]) -> None:
    for memory, asked in ((96 * 1024 * 1024, 0), (10_000, 1)):
        server = own_server(hot_memory=str(memory), workers="1").start()
        token = server.office()
        for number in range(20):
            assert server.push(token, document(f"tag:lane,2026:{memory}-{number}")).status_code == 201
        # It has a date when the second of its newest change is over; until then, copies end with the second.
        until(partial(_dated, server), 5)
        first = raw(server, "GET", "/feed.atom", {})
        assert len(first[3]) > 10_000
        # The background worker asks as well, twice a second.
        best = min(_asked(server, first) for _ in range(5))
        assert best == asked * 10
        assert raw(server, "GET", "/feed.atom", {"If-None-Match": dict(first[2])["etag"]})[0] == 304


def _dated(server: Server) -> bool:
    return "last-modified" in dict(raw(server, "GET", "/feed.atom", {})[2])


def _asked(server: Server, first: tuple[Any, ...]) -> int:
    before = gets(server)
    for _ in range(10):
        assert raw(server, "GET", "/feed.atom", {}) == first
    return gets(server) - before


def test_another_host_hears_of_a_change_through_the_channel(own_server: Callable[..., Server]) -> None:
    one = own_server().start()
    token = one.office()
    # On this machine, but with its own data directory, and so with its own marks.
    database, cache = f"sqlite:///{one.directory}/pressrelay.db", f"unix://{one.directory}/valkey.sock"
    other = own_server(database_url=database, redis_url=cache).start()
    late = []
    for number in range(20):
        guid = f"tag:lane,2026:far-{number}"
        for _ in range(6):
            raw(other, "GET", "/feed.ninjs?limit=1", {})
        assert one.push(token, document(guid)).status_code == 201
        acknowledged = time.monotonic()
        fresh = partial(_all_show, other, guid)
        until(fresh, 2, 0)
        late.append(time.monotonic() - acknowledged)
    assert sorted(late)[10] < 0.25


def _all_show(server: Server, guid: str) -> bool:
    return all(guid.encode() in raw(server, "GET", "/feed.ninjs?limit=1", {})[3] for _ in range(4))


@pytest.mark.parametrize("sign", [signal.SIGSTOP, signal.SIGKILL])
def test_a_channel_that_is_lost_or_frozen_serves_nothing_old(
    own_server: Callable[..., Server], sign: signal.Signals
) -> None:
    one = own_server().start()
    token = one.office()
    database, cache = f"sqlite:///{one.directory}/pressrelay.db", f"unix://{one.directory}/valkey.sock"
    other = own_server(database_url=database, redis_url=cache).start()
    assert one.push(token, document("tag:lane,2026:before")).status_code == 201
    (valkey,) = named(one, "valkey")
    for _ in range(6):
        raw(one, "GET", "/feed.ninjs", {}), raw(other, "GET", "/feed.ninjs", {})
    os.kill(valkey, sign)
    assert one.push(token, document("tag:lane,2026:after")).status_code == 201
    for server in (one, other):
        for _ in range(6):
            assert b"tag:lane,2026:after" in raw(server, "GET", "/feed.ninjs", {})[3], server.directory


# By itself


def answering(calls: list[str], marks: Marks, pair: str = "*/*", size: int = 1000) -> Callable[..., Any]:
    """An application whose answers may be kept."""

    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        calls.append(environ["QUERY_STRING"])
        tag = environ["QUERY_STRING"] or "plain"
        slots = marks.slots([pair])
        may_keep(environ, KeptAnswer("key", tag, 0, slots, marks.read(slots)))
        start("200 OK", [("ETag", f'"{tag}"'), ("Cache-Control", "public, max-age=30")])
        return [b"x" * size]

    return answer


def made(calls: list[str], most: int = 1_000_000) -> tuple[Fastlane, Marks]:
    cache = Cache("unix:///nowhere/valkey.sock", "test")
    lane = Fastlane(answering(calls, cache.marks), cache, most)
    lane.alive(time.monotonic() + 60)
    return lane, cache.marks


def get(lane: Fastlane, query: str = "", path: str = "/feed.rss", method: str = "GET", **headers: str) -> bytes:
    environ = {"PATH_INFO": path, "REQUEST_METHOD": method, "QUERY_STRING": query, **headers}
    return b"".join(lane(environ, lambda *_: None))


def test_copies_are_served_only_while_the_channel_is_alive() -> None:
    calls: list[str] = []
    lane, _ = made(calls)
    lane.alive(0.0)
    get(lane), get(lane)
    assert len(calls) == 2, "nobody would tell what changes"
    lane.alive(time.monotonic() + 60)
    get(lane), get(lane), get(lane)
    assert len(calls) == 3
    lane.alive(0.0)
    get(lane)
    assert len(calls) == 4


def test_a_change_of_a_feed_ends_its_copies_and_no_others() -> None:
    calls: list[str] = []
    lane, marks = made(calls)
    get(lane)
    marks.replace(["kr:52/*"])
    get(lane)
    assert len(calls) == 1, "another feed"
    marks.replace(["kr:52/*", "*/*"])
    get(lane), get(lane)
    assert len(calls) == 2
    marks.replace(None)
    get(lane), get(lane)
    assert len(calls) == 3, "everything"


def test_what_was_read_before_a_change_is_not_served() -> None:
    calls: list[str] = []
    lane, marks = made(calls)
    inner = lane.application

    def slow(pairs: list[str] | None) -> Callable[..., Any]:
        def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Any:
            parts = inner(environ, start)
            marks.replace(pairs)  # while it was rendered
            return parts

        return answer

    for pairs in (["*/*"], None):
        lane.application = slow(pairs)
        before = len(calls)
        get(lane), get(lane)
        assert len(calls) == before + 2, pairs


def test_copies_are_bounded_by_their_bytes_and_the_least_used_go_first() -> None:
    calls: list[str] = []
    lane, _ = made(calls, most=3 * 2600)
    for query in ("a", "b", "c"):
        get(lane, query)
    get(lane, "a")
    get(lane, "d")
    assert len(calls) == 4
    get(lane, "a")
    assert len(calls) == 4, "it was used last"
    get(lane, "b")
    assert len(calls) == 5
    for number in range(200):
        get(lane, str(number))
        assert lane._heads_size + lane._bodies_size <= 3 * 2600
    assert len(lane._heads) > 1


# Pages


def test_a_page_is_in_the_language_of_its_reader_whoever_asked_before(server: Server, token: str) -> None:
    id = server.client.get("/feed.json?office=lane").json()["items"][0]["url"].split("/")[-1]
    for path in (
        "/",
        "/?office=lane",
        f"/articles/{id}",
        *SUBJECTS,
        "/regions",
        "/topics",
        "/offices",
        "/press-calendar",
    ):
        for _ in range(4):
            for headers, lang in (
                ({"Accept-Language": "ko"}, "ko"),
                ({"Accept-Language": "en-GB, en;q=0.9, ko;q=0.1"}, "en"),
                ({"Accept-Language": "ko", "Cookie": "lang=en"}, "en"),
                ({"Accept-Language": "en", "Cookie": "x=1; lang=ko"}, "ko"),
                ({}, "en"),
            ):
                answer = raw(server, "GET", path, headers)
                assert dict(answer[2])["content-language"] == lang
                assert f'<html lang="{lang}">'.encode() in answer[3]


def test_what_happens_to_an_article_shows_at_once_on_its_page_and_on_the_first_page(server: Server, token: str) -> None:
    """In every worker, in both languages."""

    def seen(path: str) -> set[tuple[int, bool, bool]]:
        answers = [
            raw(server, "GET", path, {"Accept-Language": lang, "Accept": "text/html"})
            for lang in ("ko", "en")
            for _ in range(4)
        ]
        return {(status, "고친 말".encode() in body, b"tag-mark" in body) for status, _, _, body in answers}

    for number in range(5):
        guid = f"tag:lane,2026:page-{number}"
        answer = server.push(token, document(guid).replace(b"<headline>", b"<headline>tag-mark "))
        id = answer.json()["id"]
        page = f"/articles/{id}"
        assert seen(page) == {(200, False, True)} and seen("/") == {(200, False, True)}
        corrected = document(guid, 2).replace(b"<headline>", "<headline>고친 말 ".encode())
        assert server.push(token, corrected).status_code == 201
        assert seen(page) == {(200, True, False)}
        assert all(found for _, found, _ in seen("/"))
        gone = server.client.delete(f"{page}?reason=x", headers={"Authorization": f"Bearer {token}"})
        assert gone.status_code == 200, gone.text
        assert {status for status, *_ in seen(page)} == {410}
        assert not any(found for _, found, _ in seen("/"))


def test_what_happens_to_an_article_shows_at_once_on_the_pages_of_its_region_topic_and_office(
    server: Server, token: str
) -> None:
    """A push, a correction, a lifted embargo and a withdrawal; in every worker. Numbers too."""

    def seen(word: str) -> set[bool]:
        answers = [raw(server, "GET", path, {"Accept-Language": "ko"}) for path in SUBJECTS for _ in range(4)]
        assert all(status == 200 for status, *_ in answers)
        return {word.encode() in body for *_, body in answers}

    def amounts() -> list[set[int]]:
        """Of the region and of the office, on the pages that list them."""
        found = []
        for path, link in (
            ("/regions", "/regions/kr:50"),
            ("/regions/kr", "/regions/kr:50"),
            ("/offices", "/offices/lane"),
        ):
            beside = re.compile(rf'href="{link}">[^<]*</a> <span class="count">([0-9,]+)')
            pages = [raw(server, "GET", path, {"Accept-Language": "ko"})[3].decode() for _ in range(4)]
            found.append({int(beside.findall(page)[-1].replace(",", "")) for page in pages})
        return found

    topic = b"<topic>medtop:15000000</topic></article>"

    def push(version: int, headline: str, inside: str = "", guid: str = "tag:lane,2026:subject") -> str:
        body = document(guid, version, inside, headline).replace(b"</article>", topic)
        answer = server.push(token, body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    assert seen("주제 처음") == {False}
    before = amounts()
    assert all(len(found) == 1 for found in before)
    id = push(1, "주제 처음")
    assert seen("주제 처음") == {True}
    after = amounts()
    assert [found.pop() - was.pop() for found, was in zip(after, before, strict=True)] == [1, 1, 1]
    push(2, "주제 고침")
    assert seen("주제 처음") == {False} and seen("주제 고침") == {True}
    standing = amounts()
    lifts = datetime.now(UTC) + timedelta(seconds=2)
    other = push(1, "주제 풀림", f'<embargo until="{lifts.isoformat()}"/>', "tag:lane,2026:subject-lifts")
    assert seen("주제 풀림") == {False} and amounts() == standing
    until(lambda: server.client.get(f"/articles/{other}.json").status_code == 200, 20)
    assert seen("주제 풀림") == {True}
    for one in (id, other):
        server.client.delete(f"/articles/{one}?reason=x", headers={"Authorization": f"Bearer {token}"})
    assert seen("주제 고침") == {False} and seen("주제 풀림") == {False}


def test_the_pages_of_subjects_are_copied_until_something_changes(own_server: Callable[..., Server]) -> None:
    """A change in the database without an announcement does not show meanwhile: the page is a copy."""
    server = own_server(workers="1").start()
    token = server.office("copied", "첫 이름", "kr:50")
    server.push(
        token, document("tag:copied,2026:1").replace(b"</article>", b"<topic>medtop:15000000</topic></article>")
    )
    paths = ("/regions", "/topics", "/offices", "/offices/copied", "/press-calendar?office=copied")
    for path in paths:
        assert raw(server, "GET", path, {})[0] == 200
    first = {path: raw(server, "GET", path, {}) for path in paths}
    server.save(OfficeRecord("copied", "둘째 이름", "", ("kr:50",)))
    for path in paths:
        assert raw(server, "GET", path, {}) == first[path], path
    for path in paths[2:]:
        own = raw(server, "GET", path, {"Cookie": "pressrelay=x"})[3].decode()
        assert "둘째 이름" in own, "who may be signed in gets no copy"
        assert raw(server, "GET", path, {}) == first[path]


def page(*headers: tuple[str, str], status: str = "200 OK") -> Callable[..., Any]:
    """A separate fast lane before a page that may be shared; the page says how often it was made."""
    cache, calls = Cache("unix:///nowhere/valkey.sock", "test"), []
    slots = cache.marks.slots(["*/*"])

    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        calls.append(environ.get("HTTP_COOKIE"))
        kept = KeptAnswer("", "", 0, slots, cache.marks.read(slots), None, "a" * 26)
        may_keep(environ, kept)
        start(status, [("ETag", '"abc-gzip"'), ("Cache-Control", "public, max-age=30"), *headers])
        return [str(len(calls)).encode()]

    lane = Fastlane(answer, cache, 1_000_000)
    lane.alive(time.monotonic() + 60)
    return partial(get, lane, path="/articles/x")


@pytest.mark.parametrize(
    "own",
    [
        {"HTTP_COOKIE": "pressrelay=secret"},
        {"HTTP_COOKIE": "lang=ko; __Host-pressrelay=secret"},
        {"HTTP_COOKIE": 'a="; pressrelay=secret"; __Host-pressrelay-once=secret'},
        {"HTTP_AUTHORIZATION": "Bearer secret"},
    ],
)
def test_who_is_known_gets_no_shared_page_and_leaves_none(own: dict[str, str]) -> None:
    asked = page()
    assert asked(**own) == b"1" and asked() == b"2" and asked() == b"2"
    assert asked(**own) == b"3" and asked() == b"2"


@pytest.mark.parametrize(
    "headers", [("Set-Cookie", "a=b"), ("Cache-Control", "private, no-store"), ("Cache-Control", "no-store")]
)
def test_a_page_that_is_for_one_reader_is_not_kept_even_if_its_route_says_so(headers: tuple[str, str]) -> None:
    asked = page(headers)
    assert asked() == b"1" and asked() == b"2"


def test_a_copy_tells_nobody_what_another_client_has_left() -> None:
    asked = page(("RateLimit", '"address";r=5;t=60'), ("RateLimit-Policy", '"address";q=6;w=60'))
    asked()
    lane = asked.args[0]  # type: ignore[attr-defined]
    (head,) = lane._heads.values()
    assert [name for name, _ in head.headers] == ["ETag", "Cache-Control"]
    assert head.kept.etag == "abc", "that of the uncompressed bytes"


def test_a_page_that_ends_with_the_day_is_made_anew_when_it_ends() -> None:
    asked = page()
    lane = asked.args[0]  # type: ignore[attr-defined]
    assert asked() == b"1" and asked() == b"1"
    (key, head) = next(iter(lane._heads.items()))
    lane._heads[key] = replace(head, kept=replace(head.kept, until=time.monotonic() - 1))
    assert asked() == b"2"


def test_an_answer_that_is_not_copied_is_passed_on_in_its_parts() -> None:
    """A large file need not be in memory as a whole."""
    read: list[int] = []

    def parts() -> Iterator[bytes]:
        for number in range(3):
            read.append(number)
            yield b"x"

    def answer(environ: dict[str, Any], start: Callable[..., Any]) -> Iterator[bytes]:
        start("200 OK", [("ETag", '"a"'), ("Cache-Control", "public, max-age=30")])
        return parts()

    lane = Fastlane(answer, Cache("unix:///nowhere/valkey.sock", "test"), 1_000_000)
    lane.alive(time.monotonic() + 60)
    started: list[str] = []
    environ = {"PATH_INFO": "/files/a/b", "REQUEST_METHOD": "GET"}
    answered = iter(lane(environ, lambda status, *_: started.append(status)))
    assert started == ["200 OK"] and read == []
    assert next(answered) == b"x" and read == [0]


def test_the_views_of_copies_are_counted_and_those_of_robots_are_not() -> None:
    asked = page()
    lane = asked.args[0]  # type: ignore[attr-defined]
    asked(), asked(HTTP_USER_AGENT="Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0")
    asked(HTTP_USER_AGENT="Googlebot/2.1"), asked(HTTP_USER_AGENT="Mozilla/5.0 Firefox", HTTP_SEC_PURPOSE="prefetch")
    assert lane._counts.take(0).views == {"a" * 26: 1}


@pytest.mark.parametrize(
    "asked",
    [
        {"HTTP_AUTHORIZATION": "Bearer x"},
        {"HTTP_A_IM": "feed"},
        {"method": "POST"},
    ],
)
def test_what_depends_on_more_than_the_address_goes_the_long_way(asked: dict[str, str]) -> None:
    calls: list[str] = []
    lane, _ = made(calls)
    get(lane, path=asked.get("path", "/feed.rss"))
    for _ in range(3):
        get(lane, **asked)
    assert len(calls) == 4


def test_what_may_not_be_kept_is_not() -> None:
    calls: list[str] = []
    lane, _ = made(calls)

    def failing(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
        calls.append("")
        start("503 SERVICE UNAVAILABLE", [])
        return []

    lane.application = failing
    get(lane), get(lane)
    assert len(calls) == 2


def test_threads_at_once_leave_the_books_right() -> None:
    lane, marks = made([], most=30_000)

    def work(seed: int) -> None:
        for number in range(300):
            assert get(lane, str((seed * 7 + number) % 40)) == b"x" * 1000
            if number % 10 == 0:
                marks.replace(["*/*"])

    together(*(partial(work, seed) for seed in range(6)))
    assert lane._heads_size == sum(head.size for head in lane._heads.values())
    assert lane._bodies_size == sum(map(len, lane._bodies.values()))


# The host's marks


def test_processes_share_the_marks_of_a_directory(tmp_path: Path) -> None:
    path = tmp_path / "marks"
    one, other = Marks(path), Marks(path)
    slots = one.slots(["kr:52/*"])
    before = one.read(slots)
    code = (
        f"from pathlib import Path; from app.cache.marks import Marks; Marks(Path({str(path)!r})).replace(['kr:52/*'])"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)
    assert one.host == other.host
    assert one.read(slots) == other.read(slots) != before
    assert one.read(slots)[0] == before[0], "of everything"
    assert Marks().host != one.host


def test_a_copy_of_the_marks_is_another_host(tmp_path: Path) -> None:
    original = Marks(tmp_path / "marks")
    shutil.copy2(tmp_path / "marks", tmp_path / "copy")
    copy = Marks(tmp_path / "copy")
    assert copy.host != original.host
    assert copy.host == Marks(tmp_path / "copy").host
    before = copy.read(copy.slots([]))
    original.replace(None)
    assert copy.read(copy.slots([])) == before


def test_a_file_of_another_size_is_replaced_and_a_directory_that_cannot_be_written_is_done_without(
    tmp_path: Path,
) -> None:
    (tmp_path / "marks").write_bytes(b"of another version")
    assert Marks(tmp_path / "marks").host == Marks(tmp_path / "marks").host
    assert [file.name for file in tmp_path.iterdir()] == ["marks"]
    alone = Marks(tmp_path / "nowhere" / "marks")
    alone.replace(None)
    assert alone.read(alone.slots([]))[0]
