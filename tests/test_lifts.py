"""Tests embargoes on a real server: a thousand that end at one instant, killed workers, stopped servers, and races over HTTP.

The tests are slow, because each starts servers. Readers open a new connection each time, so that both web workers answer.
"""

import http.client
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from html import unescape
from itertools import pairwise
from pathlib import Path

import pytest
from msgspec import Struct

from app import store
from app.intake.normalize import public_id
from app.store import Engine, micros
from tests.conftest import ROOT, Server, together, until
from tests.test_serve import named
from tests.test_server import minimal
from tests.wholeness import assert_whole

pytestmark = pytest.mark.slow
Make = Callable[..., Server]

REGIONS = ("kr:11", "kr:26", "kr:27", "kr:28", "kr:29")
TOPICS = ("medtop:20000498", "medtop:15000000", "medtop:04000000", "medtop:06000000")
IDS = re.compile(rb"/articles/([a-z2-7]{26})")
NEXT = re.compile(r'<[^>]*?(/feed[^>]*)>; rel="next"')
NEXT_INSIDE = re.compile(r'<(?:atom:)?link (?=[^>]*rel="next")[^>]*href="[^"/]*//[^"/]*(/feed[^"]*)"')
WORKER = "pressrelay worker"


class Page(Struct, frozen=True):
    """A page of a feed, fetched over a new connection."""

    status: int
    etag: str
    next: str  # path of the next page; empty: this is the last
    body: bytes

    @property
    def ids(self) -> set[str]:
        return {id.decode() for id in IDS.findall(self.body)}


class Walk(Struct, frozen=True):
    """All pages of a feed, first to last."""

    began: float  # seconds since 1970
    ended: float
    ids: frozenset[str]


def ask(server: Server, path: str) -> Page:
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)) as connection:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        # Where the format has a place for the link, the header does not repeat it.
        below = NEXT.search(answer.getheader("Link") or "") or NEXT_INSIDE.search(body.decode())
        return Page(answer.status, answer.getheader("ETag") or "", unescape(below[1]) if below else "", body)


def walk(server: Server, path: str) -> Walk:
    began, ids = time.time(), set[str]()
    while path:
        page = ask(server, path)
        assert page.status == 200, page.body
        ids |= page.ids
        path = page.next
    return Walk(began, time.time(), frozenset(ids))


@contextmanager
def walking(server: Server, paths: Sequence[str]) -> Iterator[dict[str, list[Walk]]]:
    """Clients that walk these feeds again and again. An article that a client has seen must not vanish."""
    seen: dict[str, list[Walk]] = {path: [] for path in paths}
    failures: list[BaseException] = []  # a thread's failure must reach the test
    stop = threading.Event()

    def client(path: str) -> None:
        try:
            while not stop.wait(0.05):
                seen[path].append(walk(server, path))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=client, args=(path,)) for path in paths]
    for thread in threads:
        thread.start()
    try:
        yield seen
    finally:
        stop.set()
        for thread in threads:
            thread.join(60)
    assert failures == []
    for path, walks in seen.items():
        for before, after in pairwise(walks):
            assert before.ids <= after.ids, f"{path} went back"


def release(guids: Sequence[str], instants: Sequence[datetime]) -> bytes:
    """A release of these articles, each under embargo until its instant."""
    articles = "".join(
        f'<article version="1"><guid>{guid}</guid><issued>2026-03-09T10:00:00+09:00</issued>'
        f'<embargo until="{instant.isoformat()}"/><headline>보도자료 {number}</headline>'
        f"<body><p>본문은 한 단락입니다.</p></body><region>{REGIONS[number % len(REGIONS)]}</region>"
        f"<topic>{TOPICS[number % len(TOPICS)]}</topic></article>"
        for number, (guid, instant) in enumerate(zip(guids, instants, strict=True))
    )
    return f'<release xmlns="urn:pressrelay:press-release:1" xml:lang="ko">{articles}</release>'.encode()


def push(server: Server, name: str, instants: Sequence[datetime]) -> list[str]:
    """Push an article for each instant, and return their ids. All are stored before the first instant."""
    guids = [f"tag:example.org,2026:{name}-{number}" for number in range(len(instants))]
    answer = server.push(server.office(), release(guids, instants))
    assert answer.status_code == 201, answer.text[:1000]
    assert datetime.now(UTC) < min(instants), "this machine is too slow for so near an instant"
    return [public_id(guid) for guid in guids]


def ahead(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def log(server: Server) -> list[dict[str, str]]:
    """All changes, as /changes lists them."""
    lines: list[dict[str, str]] = []
    path = "/changes"
    while page := ask(server, path).body:
        lines += map(json.loads, page.splitlines())
        path = f"/changes?since={lines[-1]['cursor']}"
    return lines


def ticks(server: Server) -> list[int]:
    """The CPU time that each process of the web server has used so far, in clock ticks (proc_pid_stat(5), utime)."""
    stats = [Path(f"/proc/{pid}/stat").read_text() for pid in sorted(named(server, "pressrelay web"))]
    return [int(stat.rpartition(")")[2].split()[11]) for stat in stats]


def test_1000_embargoes_for_one_instant(own_server: Make, database_url: str) -> None:
    server = own_server(database_url=database_url).start()
    instant = ahead(6)
    ids = push(server, "many", [instant] * 1000)
    expected = {
        "/feed.ninjs?limit=200": set(ids),
        "/feed.atom?region=kr%3A11&limit=200": set(ids[0::5]),
        "/feed.rss?topic=medtop%3A15000000&limit=200": set(ids[1::4]),
        "/feed.json?region=kr%3A26&topic=medtop%3A15000000&limit=200": set(ids[1::20]),
        "/feed.newsml?office=jeonbuk&region=kr%3A27&limit=50": set(ids[2::5]),
    }
    before = ticks(server)
    with walking(server, list(expected)) as seen:
        until(lambda: all(walks and walks[-1].ids == expected[path] for path, walks in seen.items()), 20)
    worked = [after - first for first, after in zip(before, ticks(server), strict=True)]
    assert sum(amount > 0 for amount in worked) >= 2, "both web workers were asked"
    due = instant.timestamp()
    for path, walks in seen.items():
        assert walks[0].ended < due, "they asked before"
        assert not [one for one in walks if one.ended < due and one.ids], f"{path} showed something too early"
        # Every reader that began within two seconds saw all of them; how long the reading takes depends on this machine.
        complete = next(one.began for one in walks if one.ids == expected[path])
        assert complete - due < 2, path
    lines = log(server)
    assert sorted(line["id"] for line in lines) == sorted(ids), "each is told, once"
    assert {(line["kind"], line["version"]) for line in lines} == {("published", 1)}
    assert all(timedelta(0) <= datetime.fromisoformat(line["at"]) - instant < timedelta(seconds=2) for line in lines)
    for path in expected:
        pages = [ask(server, path) for _ in range(12)]
        assert len({(page.etag, page.body) for page in pages}) == 1, "both workers give the same"
    engine = server.engine()
    assert_whole(engine)
    engine.dispose()


def test_a_server_that_was_down_at_the_instant_lifts_when_it_starts(own_server: Make) -> None:
    server = own_server().start()
    instant = ahead(3)
    ids = push(server, "down", [instant] * 100)
    assert walk(server, "/feed.ninjs").ids == set()
    server.stop(signal.SIGKILL)
    until(lambda: datetime.now(UTC) > instant + timedelta(seconds=0.2))
    server.start()
    until(lambda: walk(server, "/feed.ninjs?limit=200").ids == set(ids), 2)
    lines = log(server)
    assert sorted(line["id"] for line in lines) == sorted(ids)
    assert all(datetime.fromisoformat(line["at"]) > instant for line in lines)


def locked(database: Path) -> bool:
    """Whether a transaction that writes is open."""
    with closing(sqlite3.connect(database, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError:
            return True
        connection.execute("ROLLBACK")
        return False


def kill_worker(server: Server, engine: Engine, before: Sequence[int], last: int, *, within: bool) -> list[int]:
    """Kill -9 the server's background worker, once it is not the one killed `before`. Return its process id.

    `within`: kill it within a transaction that writes; otherwise, as soon as its commit is visible, before it announces the change.
    `last`: the number of the last change that is expected.
    """
    until(lambda: named(server, WORKER) not in ([], before), 20)
    worker, newest = named(server, WORKER), store.articles.newest_seq(engine)

    def hit() -> bool:
        now = store.articles.newest_seq(engine)
        return now == last or (locked(server.directory / "pressrelay.db") if within else now > newest)

    until(hit, 20, 0.0)
    os.kill(worker[0], signal.SIGKILL)
    return worker


@contextmanager
def workers(server: Server, count: int) -> Iterator[None]:
    """Run `count` more background workers beside the server's own, as other hosts would."""
    command = [sys.executable, "-m", "app.cli", "worker"]
    running = [subprocess.Popen(command, cwd=ROOT, env=server.environ, stderr=subprocess.DEVNULL) for _ in range(count)]
    try:
        yield
    finally:
        for process in running:
            process.kill()
            process.wait()


def test_the_worker_is_killed_at_the_instants(own_server: Make) -> None:
    """The worker is killed twice alone and twice beside two others, and all three are killed after the last lift. Each embargo is
    lifted once, and every reader sees the article."""
    server = own_server().start()
    path = "/feed.ninjs?limit=200"
    instants = [ahead(4 + number * 0.15) for number in range(40) for _ in range(10)]
    ids = push(server, "killed", instants)
    engine = server.engine()
    with walking(server, [path]) as seen:
        until(lambda: datetime.now(UTC) >= instants[0])
        killed: list[int] = []
        for within in (True, False):
            killed = kill_worker(server, engine, killed, len(ids), within=within)
        with workers(server, 2):
            for within in (True, False):
                killed = kill_worker(server, engine, killed, len(ids), within=within)
            until(lambda: named(server, WORKER) not in ([], killed), 20)
            (last,) = named(server, WORKER)
            until(lambda: store.articles.newest_seq(engine) == len(ids), 20, 0.0)
            os.kill(last, signal.SIGKILL)
        # The sixth worker finds what was not announced, if anything was not.
        until(lambda: seen[path][-1].ids == set(ids), 20)
    # What one web worker has seen the other sees too, once the new worker has announced what the killed one had not.
    until(lambda: {walk(server, path).ids for _ in range(8)} == {frozenset(ids)}, 5)
    assert server.process is not None and server.process.poll() is None
    assert_published_once(engine, dict(zip(ids, instants, strict=True)))
    engine.dispose()


def assert_published_once(engine: Engine, due: dict[str, datetime]) -> None:
    entries = store.articles.log(engine, store.identity.START, 2 * len(due))
    assert sorted(entry.id for entry in entries) == sorted(due)
    assert {entry.kind for entry in entries} == {"published"}
    assert [entry.id for entry in entries if micros(entry.at) < micros(due[entry.id])] == [], "never early"
    assert_whole(engine)


def versions(page: Page) -> dict[str, int]:
    """The articles of a ninjs feed, by URI."""
    members = [one for one in json.loads(page.body).get("associations", []) if one["rel"] == "item"]
    assert len({one["uri"] for one in members}) == len(members), "none is doubled"
    return {one["uri"]: int(one["version"]) for one in members}


def test_versions_at_once_from_three_connections(server: Server) -> None:
    """The newest version wins over HTTP as well, and no reader of any web worker sees a version go back."""
    token, rounds = server.office(), 100
    guids = [f"tag:example.org,2026:at-once-{number}" for number in range(rounds)]
    barrier = threading.Barrier(3)
    done = threading.Event()
    answers: dict[tuple[int, int], int] = {}
    looks = [0, 0]

    def write(place: int) -> None:
        headers = {"Content-Type": "application/xml", "Authorization": f"Bearer {token}"}
        with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)) as connection:
            for number, guid in enumerate(guids):
                version = (place + number) % 3 + 1
                body = minimal(guid).replace(b'version="1"', b'version="%d"' % version)
                barrier.wait(30)
                connection.request("POST", "/releases", body, headers)
                answer = connection.getresponse()
                answer.read()
                answers[number, version] = answer.status

    def write_all() -> None:
        try:
            together(*(partial(write, place) for place in range(3)))
        finally:
            done.set()

    def read(place: int) -> None:
        seen: dict[str, int] = {}
        while not done.wait(0.02):
            shown = versions(ask(server, "/feed.ninjs?limit=20"))
            assert {uri for uri, version in shown.items() if version < seen.get(uri, 0)} == set(), "none goes back"
            seen |= shown
            looks[place] += 1

    together(write_all, partial(read, 0), partial(read, 1))
    assert min(looks) > 10
    assert {answers[number, 3] for number in range(rounds)} == {201}
    assert set(answers.values()) == {201, 409}, "both orders happened"
    told = log(server)
    for id in map(public_id, guids):
        assert json.loads(ask(server, f"/articles/{id}.json").body)["version"] == 3
        assert [line["version"] for line in told if line["id"] == id] in ([3], [1, 3], [2, 3], [1, 2, 3])
    pages = [ask(server, "/feed.ninjs?limit=200") for _ in range(8)]
    assert len({(page.etag, page.body) for page in pages}) == 1
