"""Deliveries when things go wrong: workers that are killed, subscribers that are dead, slow or full, and transactions that fail.
A real server and real subscribers."""

import asyncio
import os
import random
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import partial
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qsl

import msgspec
import pytest

from app import store
from app.context import Context, connect
from app.deliveries import retry
from app.deliveries import worker as deliver
from app.deliveries.channel import Batch, Means, Outcome, Pack, Parcel, recalled
from app.deliveries.matching import stands, within
from app.deliveries.turns import Turn, Turns, owed_after
from app.deliveries.worker import Deliverer
from app.errors import Unavailable
from app.query.axes import LICENCES
from app.query.parsing import parse
from app.settings import Settings
from app.store import Engine, micros
from app.store.deliveries import outbox as outboxes
from app.store.engine import writing
from bench.processes import memory
from feeds.article import Licence, Office, Term
from tests.conftest import ROOT, Server, until
from tests.migrated import sqlite_database
from tests.subscriber import Got, Subscriber, answer
from tests.test_hub import PUSH
from tests.test_lifecycle import document
from tests.test_lifts import release
from tests.test_serve import named
from tests.test_store import NOW, article, put

Make = Callable[..., Server]
NUMBER = re.compile(rb"tag:faults,2026:[a-z]+-(\d+)")
SECRET = "whsec_c2VjcmV0c2VjcmV0c2VjcmV0"
ROOM = {"account": 100, "host": 100, "site": 100}
HOUR = 3_600_000_000  # microseconds


@pytest.fixture
def subscriber() -> Iterator[Subscriber]:
    subscriber = Subscriber().start()
    yield subscriber
    subscriber.stop()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("faults"), **PUSH | {"deliverers": "1"}).start()
    yield server
    server.close()


@pytest.fixture(scope="module")
def token(server: Server) -> str:
    return server.office("faults", "장애청", "kr:51")


@pytest.fixture
def database(server: Server) -> Iterator[Engine]:
    """The server's database. Subscriptions of a test end with the test."""
    engine = server.engine()
    yield engine
    for one in store.deliveries.find_subscriptions(engine):
        store.deliveries.end_subscription(engine, one.id, "The test is over.", datetime.now(UTC))
    engine.dispose()


def subscribe(
    engine: Engine,
    base: str,
    target: str,
    *,
    kind: str = "websub",
    format: str = "atom",
    asked: str = "",
    outlet: str = "",
) -> store.deliveries.Subscription:
    """Subscribe as the hub and the page of webhooks do, but without asking the subscriber."""
    query = parse(parse_qsl(asked), ["faults"])
    host = target.split("/")[2].rpartition(":")[0]
    topic = query.address(base, format if kind == "websub" else "json")
    one = store.deliveries.Subscription(
        kind, target, topic, query.canonical(), format, host=host, secret=SECRET, outlet=outlet
    )
    return store.deliveries.save_subscription(engine, one, query.scans(), datetime.now(UTC))


def push(server: Server, token: str, name: str, version: int = 1, **more: Any) -> None:
    pushed = server.push(token, document(f"tag:faults,2026:{name}", version, **more))
    assert pushed.status_code == 201, pushed.text


def numbers(got: Got) -> list[int]:
    """The articles in a delivery, in the order of their changes."""
    return sorted({int(number) for number in NUMBER.findall(got.body)})


def row(engine: Engine, one: store.deliveries.Subscription) -> dict[str, Any]:
    """The state of its deliveries."""
    with engine.connect() as connection:
        found = connection.exec_driver_sql(f"SELECT * FROM queue WHERE subscription = {one.id}")
        return dict(found.mappings().one())


def change(engine: Engine, statement: str) -> None:
    with engine.begin() as connection:
        connection.exec_driver_sql(statement)


def states(engine: Engine, one: store.deliveries.Subscription) -> list[str]:
    """The results of its deliveries, in order."""
    return [line.state for line in store.deliveries.log_of(engine, one.id, 1000)][::-1]


# Workers that are killed


class Workers:
    """Delivery workers of a server that has none of its own."""

    def __init__(self, server: Server) -> None:
        command = [sys.executable, "-m", "tests.delivering"]
        self._log = (server.directory / "deliver.log").open("ab")
        self._maker = subprocess.Popen(
            command,
            cwd=ROOT,
            env=server.environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        self.running: dict[int, int] = {}  # slot -> process

    def start(self, slot: int) -> None:
        assert self._maker.stdin and self._maker.stdout
        self._maker.stdin.write(f"{slot}\n")
        self._maker.stdin.flush()
        self.running[slot] = int(self._maker.stdout.readline())

    def kill(self, slot: int) -> None:
        pid = self.running.pop(slot)
        os.kill(pid, signal.SIGKILL)
        until(lambda: not os.path.exists(f"/proc/{pid}"), 10, 0.001)

    def close(self) -> None:
        for slot in list(self.running):
            with suppress(ProcessLookupError):
                self.kill(slot)
        assert self._maker.stdin and self._maker.stdout
        self._maker.stdin.close()
        self._maker.wait(10)
        self._maker.stdout.close()
        self._log.close()


@contextmanager
def workers(server: Server, *slots: int) -> Iterator[Workers]:
    """These delivery workers, killed at the end."""
    found = Workers(server)
    try:
        for slot in slots:
            found.start(slot)
        yield found
    finally:
        found.close()


class Watched:
    """Slow subscribers, so that a kill interrupts deliveries."""

    def __init__(self, subscriber: Subscriber) -> None:
        self.subscriber = subscriber
        self.open: Counter[str] = Counter()  # by path: deliveries that are not answered yet
        self.most: Counter[str] = Counter()

    async def reply(self, got: Got, writer: asyncio.StreamWriter) -> None:
        self.open[got.path] += 1
        self.most[got.path] = max(self.most[got.path], self.open[got.path])
        await asyncio.sleep(random.uniform(0, 0.02))
        writer.write(answer(204))
        self.open[got.path] -= 1

    def subscribe(self, engine: Engine, base: str, count: int) -> dict[str, store.deliveries.Subscription]:
        """By path: three kinds in turn, each at a different host."""
        kinds = [
            {"kind": "websub", "format": "atom"},
            {"kind": "webhook", "format": "json", "asked": "region=kr:51"},
            {"kind": "websub", "format": "ninjs", "asked": "office=faults&lang=ko"},
        ]
        made = {}
        for number in range(count):
            path = f"/watched/{number}"
            self.subscriber.replies[path] = self.reply
            target = self.subscriber.url(path, f"127.77.{number // 250}.{number % 250 + 1}")
            made[path] = subscribe(engine, base, target, **kinds[number % 3])
        return made


@contextmanager
def pushing(server: Server, token: str, name: str, every: float, done: list[int]) -> Iterator[None]:
    """Push articles all the time, one after the other. `done` gets the numbers of those that were acknowledged."""
    failures: list[BaseException] = []
    stop = threading.Event()

    def work() -> None:
        try:
            while not stop.wait(every):
                push(server, token, f"{name}-{len(done)}")
                done.append(len(done))
        except BaseException as error:  # a thread's failure must reach the test
            failures.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(30)
    assert failures == []


def delivered(engine: Engine, made: dict[str, store.deliveries.Subscription]) -> dict[str, set[int]]:
    """By path: the changes that the database holds as delivered."""
    by = {one.id: path for path, one in made.items()}
    found: dict[str, set[int]] = {path: set() for path in made}
    with engine.connect() as connection:
        statement = "SELECT subscription, seq FROM deliveries WHERE state = 'delivered'"
        for id, seq in connection.exec_driver_sql(statement):
            found[by[id]].add(seq)
    return found


def assert_in_order(got: Sequence[Got], expected: Sequence[int], kills: int) -> int:
    """Assert what must hold for one subscriber, however many workers were killed. Returns how many of its deliveries were repeats.
    Each delivery continues where the last one ended. After a kill, it may go back: then it uses the same identifiers as before, and
    has no gap up to that place. So every article is there, and the first deliveries follow the order of the changes.
    """
    by_id: dict[str, list[int]] = {}
    ids: dict[int, str] = {}
    last, back = -1, 0
    for one in got:
        mine, id = numbers(one), one.headers["pressrelay-delivery"]
        assert one.headers.get("webhook-id", id) == id
        assert mine == list(range(mine[0], mine[-1] + 1)), "no gap within"
        assert by_id.setdefault(id, mine) == mine, "an identifier means the same articles"
        assert {ids.setdefault(number, id) for number in mine} == {id}, "an article comes under one identifier"
        if mine[0] != last + 1:
            assert mine[0] <= last, "no gap between"
            back += 1
        last = mine[-1]
    assert sorted(ids) == list(expected)
    assert back <= kills, "nobody goes back without a kill"
    return len(got) - len(by_id)


@pytest.mark.slow
def test_a_worker_is_killed_twenty_times(own_server: Make, subscriber: Subscriber) -> None:
    server = own_server(**PUSH | {"deliverers": "0"}).start()
    token = server.office("faults", "장애청", "kr:51")
    engine = server.engine()
    watched = Watched(subscriber)
    made = watched.subscribe(engine, server.url, 30)
    known: list[
        tuple[int, dict[str, set[int]]]
    ] = []  # at each kill: what had come, and what the database held as delivered
    done: list[int] = []
    with workers(server, 0) as mine:
        with pushing(server, token, "kill", 0.03, done):
            for _ in range(20):
                before = len(subscriber.got)
                until(lambda before=before: len(subscriber.got) > before + 15 and +watched.open, 20, 0.001)  # type: ignore[misc]
                time.sleep(random.choice((0, 0, 0.005, 0.02, 0.05)))
                mine.kill(0)
                known.append((len(subscriber.got), delivered(engine, made)))
                mine.start(0)
        until(lambda: store.deliveries.figures(engine).due == 0, 20)
    repeats = 0
    for path in made:
        repeats += assert_in_order(subscriber.to(path), done, 20)
    assert repeats > 0, "kills came in mid-delivery"
    for count, kept in known:
        for one in subscriber.got[count:]:
            assert not kept[one.path] & {number + 1 for number in numbers(one)}, "what was delivered is not sent again"
    assert all(set(states(engine, one)) == {"delivered"} for one in made.values())
    assert all(len(states(engine, one)) == len(done) for one in made.values()), "outbox = articles x subscribers"
    engine.dispose()


@pytest.mark.slow
def test_two_workers_share_on_postgresql(own_server: Make, subscriber: Subscriber, postgres_url: str) -> None:
    server = own_server(**PUSH | {"deliverers": "0", "database_url": postgres_url}).start()
    token = server.office("faults", "장애청", "kr:51")
    engine = server.engine()
    watched = Watched(subscriber)
    made = watched.subscribe(engine, server.url, 30)
    done: list[int] = []
    with workers(server, 0, 1) as mine:
        with pushing(server, token, "two", 0.03, done):
            until(lambda: len(done) > 40, 20)
        until(lambda: store.deliveries.figures(engine).due == 0, 20)
        assert set(watched.most.values()) == {1}, "one worker at a time has a subscription"
        assert [assert_in_order(subscriber.to(path), done, 0) for path in made] == [0] * 30, "nothing is doubled"
        first = len(subscriber.got)
        with pushing(server, token, "two", 0.03, done):
            for slot in (0, 1, 0, 1, 0, 1):
                before = len(subscriber.got)
                until(lambda before=before: len(subscriber.got) > before + 30 and +watched.open, 20, 0.001)  # type: ignore[misc]
                mine.kill(slot)
                mine.start(slot)
        until(lambda: store.deliveries.figures(engine).due == 0, 20)
    assert len(subscriber.got) > first
    for path in made:
        assert_in_order(subscriber.to(path), done, 6)
    engine.dispose()


# Subscribers that are dead, slow or endless


async def silent(got: Got, writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(60)


async def dripping(got: Got, writer: asyncio.StreamWriter) -> None:
    for byte in b"HTTP/1.1 204 No Content\r\nX-Slow: " + b"x" * 1000:
        writer.write(bytes([byte]))
        await asyncio.sleep(0.2)


async def endless(got: Got, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n")
    piece = bytes(1 << 20)
    for _ in range(10_000):
        writer.write(piece)
        await writer.drain()


def test_the_dead_and_the_slow_hold_up_nobody(
    server: Server, token: str, subscriber: Subscriber, database: Engine
) -> None:
    good = [f"/good/{number}" for number in range(40)]
    for number, path in enumerate(good):
        subscribe(database, server.url, subscriber.url(path, f"127.78.0.{number + 1}"))
    bad = {"/silent": silent, "/dripping": dripping, "/endless": endless}
    for number, (path, reply) in enumerate(bad.items()):
        subscriber.replies[path] = reply
        subscribe(database, server.url, subscriber.url(path, f"127.78.1.{number + 1}"))
    refused = subscribe(database, server.url, "http://127.78.1.9:1/")
    until(lambda: named(server, "pressrelay deliver"))
    (worker,) = named(server, "pressrelay deliver")
    before = memory(worker)[0]
    largest = 0.0
    for number in range(6):
        push(server, token, f"slow-{number}")
        until(lambda number=number: all(numbers(got)[-1] == number for got in last(subscriber, good)), 5)  # type: ignore[misc]
        largest = max(largest, memory(worker)[0])
    waits = subscriber.to("/silent") + subscriber.to("/dripping")
    assert len(waits) == 2 and time.monotonic() - min(got.at for got in waits) < 10, "they are still waited for"
    assert [[numbers(got) for got in subscriber.to(path)] for path in good] == [[[n] for n in range(6)]] * 40
    until(lambda: len(subscriber.to("/endless")) == 6)
    assert largest < before + 100, "MB"
    assert row(database, refused)["attempts"] > 0
    until(lambda: memory(worker)[0] < before + 100)


def slow(seconds: float) -> Callable[[Got, asyncio.StreamWriter], Any]:
    async def reply(got: Got, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(seconds)
        writer.write(answer(204))

    return reply


def lateness(subscriber: Subscriber, path: str, since: float) -> float:
    until(lambda: any(got.at > since for got in subscriber.to(path)), 60)
    return min(got.at for got in subscriber.to(path) if got.at > since) - since


@pytest.mark.slow
def test_hundreds_of_slow_ones_at_its_host_do_not_delay_a_subscriber(own_server: Make, subscriber: Subscriber) -> None:
    """288 anonymous subscriptions answered after 9 s, most of them at the victims' own host: a subscriber there used to wait 54
    s."""
    server = own_server(**PUSH).start()
    token, database = server.office("faults", "장애청", "kr:51"), server.engine()
    near = subscriber.host.rpartition(".")[0]
    for number in range(288):
        path = f"/slow/{number}"
        subscriber.replies[path] = slow(9)
        host = subscriber.host if number < 240 else f"{near}.{number - 230}"
        subscribe(database, server.url, subscriber.url(path, host))
    elsewhere = f"127.{random.randint(1, 254)}.{random.randint(1, 254)}.9"
    subscribe(database, server.url, subscriber.url("/elsewhere", elsewhere))
    paid = subscribe(database, server.url, subscriber.url("/paid"), outlet="daily")
    free = subscribe(database, server.url, subscriber.url("/free"))

    def late(name: str) -> dict[str, float]:
        begun = time.monotonic()
        push(server, token, name)
        return {path: lateness(subscriber, path, begun) for path in ("/paid", "/elsewhere", "/free")}

    # It is not known yet which subscriptions at the host are slow, nor in which order they are called.
    first = late("first-0")
    assert first["/paid"] < 3 and first["/elsewhere"] < 3 and first["/free"] < 20, first
    until(lambda: {row(database, one)["line"] for one in (paid, free)} == {store.deliveries.PROMPT})
    later = [late(f"next-{number}") for number in range(1, 4)]
    assert max(max(found.values()) for found in later) < 1, later
    # A subscriber that was prompt and suddenly becomes slow delays only the prompt ones, for seconds.
    change(database, "UPDATE queue SET line = 0, owed = 0, attempts = 0, claim = '', next = NULL WHERE account = ''")
    strike = late("last-4")
    assert strike["/paid"] < 3 and strike["/elsewhere"] < 3 and strike["/free"] < 20, strike
    database.dispose()


def test_no_more_calls_last_at_once_than_there_is_room_for() -> None:
    """However many hosts fall silent at once: each call that is cut off makes room for one other."""
    flight, open_, largest, cut = 64, 0, 0, 0

    async def silent_call(turn: Turn) -> None:
        nonlocal open_, largest, cut
        open_ += 1
        largest = max(largest, open_)
        try:
            async with turn.calling():
                await asyncio.sleep(60)
        except TimeoutError:
            cut += 1
        finally:
            open_ -= 1

    async def everything_hangs() -> Turns:
        turns = Turns(flight, 8, lambda host: "")
        made = [
            Turn(store.deliveries.PROMPT, f"h{number}.a{number}.example", f"account {number}") for number in range(600)
        ]
        for turn in made:
            turns.begin(turn)
        tasks = [asyncio.create_task(turns.within(turn, partial(silent_call, turn))) for turn in made]
        end = time.monotonic() + 20
        while cut < flight and time.monotonic() < end:
            await asyncio.sleep(0.02)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        return turns

    turns = asyncio.run(everything_hangs())
    assert cut >= flight, "the others had their turn"
    assert largest <= 2 * flight + flight // 4, "in flight, those that last, and those that are just being cut off"
    assert not turns._lasting and not turns._in_flight and turns.hosts.idle and not turns._groups
    assert turns._flight._value == flight


def last(subscriber: Subscriber, paths: Sequence[str]) -> list[Got]:
    """The last delivery at each path, once there is one at all of them."""
    found = [subscriber.to(path) for path in paths]
    return [got[-1] for got in found] if all(found) else [Got("", "", {}, b"tag:faults,2026:none-999", 0.0)]


# Trying again


def tried(engine: Engine, one: store.deliveries.Subscription, attempts: int) -> dict[str, Any]:
    """Its line in the queue after this many failed attempts."""
    until(lambda: row(engine, one)["attempts"] == attempts and not row(engine, one)["claim"])
    return row(engine, one)


def now_due(engine: Engine, one: store.deliveries.Subscription, also: str = "") -> None:
    change(engine, f"UPDATE queue SET next = 1{also} WHERE subscription = {one.id}")


def test_pauses_grow_until_it_is_given_up_and_resent(
    server: Server, token: str, subscriber: Subscriber, database: Engine
) -> None:
    one = subscribe(database, server.url, subscriber.url("/fails"))
    subscriber.replies["/fails"] = lambda got: answer(500)
    push(server, token, "fails-0")
    for attempt in range(1, 6):
        pause = (tried(database, one, attempt)["next"] - micros(datetime.now(UTC))) / 1e6
        assert 0.75 * 2 ** (attempt - 1) - 0.7 < pause < 1.25 * 2 ** (attempt - 1)
        if attempt < 5:
            now_due(database, one)
    assert [got.headers["pressrelay-attempt"] for got in subscriber.to("/fails")] == ["1", "2", "3", "4", "5"]
    assert len({got.headers["pressrelay-delivery"] for got in subscriber.to("/fails")}) == 1
    push(server, token, "fails-1")
    change(database, f"UPDATE deliveries SET at = at - {25 * HOUR} WHERE subscription = {one.id} AND attempts > 0")
    now_due(database, one)
    until(lambda: states(database, one) == ["dead", "waiting"])
    del subscriber.replies["/fails"]
    now_due(database, one)
    until(lambda: states(database, one) == ["dead", "delivered"])
    assert numbers(subscriber.to("/fails")[-1]) == [1], "it goes on with the next"
    shown = server.run("subscription", "show", one.name).stdout
    assert "\tdead\t6\t" in shown and "500" in shown
    assert "1 deliveries" in server.run("subscription", "resend", one.name).stdout
    until(lambda: states(database, one) == ["delivered", "delivered"])
    assert numbers(subscriber.to("/fails")[-1]) == [0]
    counts = store.deliveries.figures(database).outcomes
    assert counts["websub", "dead"][0] == 1 and counts["websub", "failed"][0] >= 5


@pytest.mark.parametrize("spelled", ["seconds", "date"])
def test_retry_after(server: Server, token: str, subscriber: Subscriber, database: Engine, spelled: str) -> None:
    one = subscribe(database, server.url, subscriber.url("/later"), kind="webhook", format="json")
    at = datetime.now(UTC) + timedelta(seconds=300)
    asked = "300" if spelled == "seconds" else format_datetime(at, usegmt=True)
    subscriber.replies["/later"] = lambda got: answer(503, Retry_After=asked)
    push(server, token, f"later-{len(spelled)}")
    due = tried(database, one, 1)["next"]
    assert abs(due - micros(at)) < 10_000_000


def test_410_ends_a_webhook(server: Server, token: str, subscriber: Subscriber, database: Engine) -> None:
    one = subscribe(database, server.url, subscriber.url("/gone"), kind="webhook", format="json")
    subscriber.replies["/gone"] = lambda got: answer(410)
    push(server, token, "gone-0")
    until(
        lambda: (
            [found.state for found in store.deliveries.find_subscriptions(database, host=subscriber.host)] == ["ended"]
        )
    )
    push(server, token, "gone-1")
    assert len(subscriber.to("/gone")) == 1 and states(database, one) == ["dropped"]


def test_a_webhook_without_success_is_paused_and_goes_on_where_it_was(
    server: Server, token: str, subscriber: Subscriber, database: Engine
) -> None:
    one = subscribe(database, server.url, subscriber.url("/ill"), kind="webhook", format="json")
    other = subscribe(database, server.url, subscriber.url("/ill/websub"))
    for path in ("/ill", "/ill/websub"):
        subscriber.replies[path] = lambda got: answer(500)
    push(server, token, "ill-0")
    for each in (one, other):
        assert tried(database, each, 1)["failing"]
        now_due(database, each, f", failing = failing - {3 * 24 * HOUR + 1}")
    until(lambda: state(database, one) == "paused")
    found = store.deliveries.subscription(database, one.name)
    assert found is not None and found.reason.startswith("All deliveries failed for 3 days.")
    tried(database, other, 2)
    assert state(database, other) == "active", "a lease ends by itself"
    push(server, token, "ill-1")
    subscriber.replies.clear()
    now_due(database, one)
    until(lambda: not row(database, other)["claim"])
    assert len(subscriber.to("/ill")) == 2
    assert store.deliveries.resume_subscription(database, one.id, datetime.now(UTC))
    until(lambda: states(database, one) == ["delivered"] * 2)
    assert [numbers(got) for got in subscriber.to("/ill")] == [[0], [0], [0], [1]]


def state(engine: Engine, one: store.deliveries.Subscription) -> str:
    found = store.deliveries.subscription(engine, one.name)
    return found.state if found else ""


def test_a_pause_holds_and_an_end_drops(server: Server, token: str, subscriber: Subscriber, database: Engine) -> None:
    hook = subscribe(database, server.url, subscriber.url("/hook"), kind="webhook", format="json")
    feed = subscribe(database, server.url, subscriber.url("/feed"))
    ended = subscribe(database, server.url, subscriber.url("/ended"))
    witness = subscribe(database, server.url, subscriber.url("/witness"))
    for one in (hook, feed, ended):
        store.deliveries.pause_subscription(database, one.id, "A test.", datetime.now(UTC))
    for number in range(3):
        push(server, token, f"pause-{number}")
    until(lambda: states(database, witness) == ["delivered"] * 3)
    assert not any(subscriber.to(path) for path in ("/hook", "/feed", "/ended"))
    store.deliveries.end_subscription(database, ended.id, "A test.", datetime.now(UTC))
    assert states(database, ended) == ["dropped"] * 3
    for one in (hook, feed):
        store.deliveries.resume_subscription(database, one.id, datetime.now(UTC))
    until(lambda: states(database, hook) == states(database, feed) == ["delivered"] * 3)
    assert [numbers(got) for got in subscriber.to("/hook")] == [[0], [1], [2]]
    assert [numbers(got) for got in subscriber.to("/feed")] == [[0, 1, 2]]
    assert not subscriber.to("/ended")


def test_50_embargoes_of_one_instant(server: Server, token: str, subscriber: Subscriber, database: Engine) -> None:
    paths = [f"/embargo/{number}" for number in range(6)]
    for number, path in enumerate(paths):
        kind = "webhook" if number % 2 else "websub"
        target = subscriber.url(path, f"127.79.0.{number + 1}")
        subscribe(database, server.url, target, kind=kind, format="json", asked="office=faults")
    instant = datetime.now(UTC) + timedelta(seconds=2.5)
    begun = time.monotonic() + 2.5
    guids = [f"tag:faults,2026:embargo-{number}" for number in range(50)]
    pushed = server.push(token, release(guids, [instant] * 50))
    assert pushed.status_code == 201 and datetime.now(UTC) < instant
    until(lambda: all({n for got in subscriber.to(path) for n in numbers(got)} == set(range(50)) for path in paths), 20)
    late = [min(got.at for got in subscriber.to(path)) - begun for path in paths]
    assert 0 < min(late) < 1, late
    assert all(all(got.at > begun for got in subscriber.to(path)) for path in paths)
    assert max(got.at for got in subscriber.got) - begun < 10


# One worker, within this process


@contextmanager
def delivering(context: Context) -> Iterator[Deliverer]:
    """A worker in a thread, until it has nothing more to do."""
    deliverer = Deliverer(context, "here:0")
    loop, stop = asyncio.new_event_loop(), asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(deliverer.run(stop)))
    thread.start()
    try:
        yield deliverer
        until(lambda: store.deliveries.figures(context.engine).due == 0)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(20)
        loop.close()


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Context]:
    settings = Settings(
        data_dir=str(tmp_path), push_http=1, push_ports="1-65535", push_private="127.0.0.0/8", push_retry=1
    )
    sqlite_database(tmp_path / "pressrelay.db")
    engine = store.connect(settings.database)
    engine.dispose()
    context = connect(settings)
    yield context
    context.engine.dispose()


def test_a_delivery_ends_before_its_claim(
    context: Context, subscriber: Subscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Fifty articles to a slow endpoint may take longer than a claim lasts."""
    one = subscribe(context.engine, "http://x", subscriber.url("/slow"), kind="webhook", format="json")

    async def slow(got: Got, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.05)
        writer.write(answer(204))

    subscriber.replies["/slow"] = slow
    put(context.engine, *(article(f"tag:faults,2026:slow-{number}") for number in range(12)))
    turns: list[int] = []
    settle = store.deliveries.settle

    def counted(engine: Engine, who: str, settled: Sequence[store.deliveries.Settled], now: datetime) -> None:
        turns.extend(len(each.done) for each in settled)
        settle(engine, who, settled, now)

    monkeypatch.setattr(store.deliveries, "settle", counted)
    monkeypatch.setattr(deliver, "HELD", 0.12)
    with delivering(context):
        until(lambda: states(context.engine, one) == ["delivered"] * 12, 20)
    assert sum(turns) == 12 and len(turns) > 3 and max(turns) <= 4
    assert [numbers(got) for got in subscriber.to("/slow")] == [[number] for number in range(12)]


def test_a_claim_that_cannot_be_packed_is_let_go(
    context: Context, subscriber: Subscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = subscribe(context.engine, "http://x", subscriber.url("/packed"))
    put(context.engine, article("tag:faults,2026:packed-0"))
    pack, times = deliver.pack, [0]

    def fails_once(context: Context, channels: Any, jobs: Sequence[store.deliveries.Job]) -> Any:
        times[0] += bool(jobs)
        if jobs and times[0] == 1:
            raise Unavailable("The database cannot be used right now.")
        return pack(context, channels, jobs)

    monkeypatch.setattr(deliver, "pack", fails_once)
    with delivering(context):
        until(lambda: states(context.engine, one) == ["delivered"], 5)
    assert times[0] == 2


class Pigeon:
    """A channel of a fourth kind: it carries headlines, and loses its first parcel."""

    pauses = False
    carried: ClassVar[list[tuple[str, str, int]]] = []  # target, headlines and attempt

    def __init__(self, means: Means) -> None:
        self.carried.clear()

    def pack(
        self, subscription: store.deliveries.Subscription, rows: Sequence[store.deliveries.Waiting], batch: Batch
    ) -> Pack[str]:
        there, _, dropped = batch.parted(recalled(subscription), rows)
        seqs = tuple(row.seq for row in rows if row.seq not in dropped)
        parcel = Parcel(seqs, ", ".join(state.article.headline for state in there))
        return Pack((parcel,) if there else (), dropped=dropped)

    async def send(
        self, subscription: store.deliveries.Subscription, parcel: Parcel[str], attempt: int, turn: Turn
    ) -> Outcome:
        self.carried.append((subscription.target, parcel.content, attempt))
        return Outcome(error="A hawk was faster." if attempt == 1 else "")

    async def ask(self, intent: store.deliveries.Intent, turn: Turn) -> bool:
        return False


def test_another_channel_is_a_class_and_a_line(context: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(deliver.CHANNELS, "pigeon", Pigeon)
    one = subscribe(context.engine, "http://x", "pigeon://loft.example:1", kind="pigeon", asked="region=kr:52")
    other = subscribe(context.engine, "http://x", "pigeon://loft.example:2", kind="pigeon", asked="region=kr:11")
    now = datetime.now(UTC)
    put(context.engine, article("tag:faults,2026:pigeon-0", headline="비둘기", issued=now, updated=now), now=now)
    with delivering(context):
        until(lambda: states(context.engine, one) == ["delivered"], 10)
    assert Pigeon.carried == [("pigeon://loft.example:1", "비둘기", 1), ("pigeon://loft.example:1", "비둘기", 2)]
    (logged,) = store.deliveries.log_of(context.engine, one.id, 10)
    assert (logged.attempts, logged.error) == (2, "")
    assert states(context.engine, other) == [], "it asks for other articles"


# The outbox, the queue, and pure functions


def everything(engine: Engine, host: str = "h") -> store.deliveries.Subscription:
    return subscribe(engine, "http://x", f"http://{host}:1/{time.monotonic_ns()}")


def count(engine: Engine, table: str) -> int:
    with engine.connect() as connection:
        return int(connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one())


def test_a_transaction_that_fails_tells_nobody(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    one = everything(engine)
    enqueue = outboxes.enqueue

    def failing(*given: Any, **more: Any) -> None:
        enqueue(*given, **more)
        raise RuntimeError("after it was told")

    with monkeypatch.context() as patched:
        patched.setattr(outboxes, "enqueue", failing)
        with pytest.raises(RuntimeError):
            put(engine, article())
    assert (count(engine, "deliveries"), count(engine, "articles"), count(engine, "changes")) == (0, 0, 0)
    assert row(engine, one)["bell"] == 0 and row(engine, one)["next"] is None
    put(engine, article())
    assert (count(engine, "deliveries"), count(engine, "changes")) == (1, 1)
    assert row(engine, one)["bell"] == 1


def claimed(engine: Engine, who: str = "a", at: datetime | None = None, **given: Any) -> list[store.deliveries.Job]:
    """The claimed deliveries of these lines (PROMPT, NEW, SLOW; each has enough room), or of these rooms."""
    rooms = {
        line: store.deliveries.Room(100, ROOM)
        for line in given.pop("lines", (store.deliveries.PROMPT, store.deliveries.NEW, store.deliveries.SLOW))
    }
    return store.deliveries.claim(engine, who, at or datetime.now(UTC), **({"rooms": rooms} | given))


def failed(job: store.deliveries.Job, again: int) -> store.deliveries.Settled:
    lines = tuple(store.deliveries.Done(line.seq, "waiting", line.attempts + 1, 500, "no", 5) for line in job.rows)
    return store.deliveries.Settled(
        job, lines, arrived=False, again=again, attempts=job.attempts + 1, last=job.rows[-1].seq
    )


def arrived(job: store.deliveries.Job) -> store.deliveries.Settled:
    return store.deliveries.Settled(
        job, tuple(store.deliveries.Done(line.seq, "delivered", line.attempts + 1, 204, "", 7) for line in job.rows)
    )


def test_a_claim_is_one_workers(engine: Engine) -> None:
    one, other = everything(engine, "h"), everything(engine, "i")
    assert claimed(engine) == []
    put(engine, article())
    assert {job.subscription.id for job in claimed(engine)} == {one.id, other.id}
    assert claimed(engine, "b") == []
    assert store.deliveries.release_claims(engine, "b", datetime.now(UTC)) == 0
    assert store.deliveries.release_claims(engine, "a", datetime.now(UTC)) == 2
    assert len(claimed(engine, "b")) == 2
    later = datetime.now(UTC) + timedelta(seconds=181)
    assert len(claimed(engine, "c", later)) == 2, "a claim ends by itself"


def test_a_claim_whose_answer_was_lost_is_released(
    context: Context, subscriber: Subscriber, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The transaction is committed, but the connection is lost before the worker learns of it. Nobody used to deliver for three
    minutes."""
    one = subscribe(context.engine, "http://x", subscriber.url("/lost"), kind="webhook", format="json")
    busy = subscribe(context.engine, "http://x", subscriber.url("/busy"), kind="webhook", format="json")
    held, go_on = threading.Event(), threading.Event()

    async def slow(got: Got, writer: asyncio.StreamWriter) -> None:
        held.set()
        while not go_on.is_set():
            await asyncio.sleep(0.01)
        writer.write(answer(204))

    subscriber.replies["/busy"] = slow
    lost: list[str] = []
    claim = store.deliveries.claim

    def lose(engine: Engine, *given: Any, **named: Any) -> list[store.deliveries.Job]:
        jobs = claim(engine, *given, **named)
        if held.is_set() and jobs and not lost:
            lost.extend(job.subscription.name for job in jobs)
            raise Unavailable("The connection to the database was lost.")
        return jobs

    monkeypatch.setattr(store.deliveries, "claim", lose)
    paused = f"UPDATE queue SET paused = {{}} WHERE subscription = {one.id}"
    with writing(context.engine) as connection:
        connection.exec_driver_sql(paused.format(1))
    put(context.engine, article("tag:faults,2026:lost"))
    with delivering(context):
        until(held.is_set)
        with writing(context.engine) as connection:
            connection.exec_driver_sql(paused.format(0))
        until(lambda: lost)
        until(lambda: len(subscriber.to("/lost")) == 1, 10)
        go_on.set()
    assert lost == [one.name]
    assert len(subscriber.to("/busy")) == 1, "what is being delivered is not released"
    assert busy.name not in lost


def test_room_and_hosts_that_are_busy(engine: Engine) -> None:
    for host in ("h", "h", "h", "i", "j"):
        everything(engine, host)
    put(engine, article())
    room = store.deliveries.Room(100, ROOM | {"host": 2}, closed=["j"])
    assert sorted(job.subscription.host for job in claimed(engine, rooms={store.deliveries.NEW: room})) == [
        "h",
        "h",
        "i",
    ]
    assert (
        claimed(engine, rooms={store.deliveries.NEW: store.deliveries.Room(0, ROOM)})
        == claimed(engine, lines=(store.deliveries.PROMPT, store.deliveries.SLOW))
        == []
    )
    assert len(claimed(engine, rooms={store.deliveries.NEW: store.deliveries.Room(1, ROOM)})) == 1
    assert len(claimed(engine)) == 1


def test_room_of_a_site_and_of_an_account(engine: Engine) -> None:
    for host in ("a.evil.example", "b.evil.example", "c.evil.example", "x.other"):
        everything(engine, host)
    mine = subscribe(engine, "http://x", "http://z.third:1/", outlet="daily")
    put(engine, article())
    hosts = sorted(
        job.subscription.host
        for job in claimed(
            engine, rooms={store.deliveries.NEW: store.deliveries.Room(100, ROOM | {"site": 2, "account": 3})}
        )
    )
    assert hosts == ["a.evil.example", "b.evil.example", "x.other", "z.third"]
    (last,) = claimed(
        engine, rooms={store.deliveries.NEW: store.deliveries.Room(100, ROOM | {"site": 2, "account": 3})}
    )
    assert last.subscription.host == "c.evil.example"
    store.deliveries.release_claims(engine, "a", datetime.now(UTC))
    full = store.deliveries.Room(100, ROOM | {"account": 3}, {("account", "", ""): 3})
    assert [job.subscription.id for job in claimed(engine, rooms={store.deliveries.NEW: full})] == [mine.id]


def test_those_that_failed_wait_in_a_line_of_their_own(engine: Engine) -> None:
    one, other = everything(engine, "h"), everything(engine, "i")
    put(engine, article())
    now = micros(datetime.now(UTC))
    jobs = {job.subscription.id: job for job in claimed(engine)}
    store.deliveries.settle(engine, "a", [failed(jobs[one.id], now), arrived(jobs[other.id])], datetime.now(UTC))
    assert row(engine, one)["failing"] and row(engine, other)["next"] is None
    put(engine, article("tag:b"))
    assert [job.subscription.id for job in claimed(engine, lines=(store.deliveries.PROMPT, store.deliveries.NEW))] == [
        other.id
    ]
    (job,) = claimed(engine, lines=(store.deliveries.SLOW,))
    assert (job.subscription.id, job.attempts, len(job.rows)) == (one.id, 1, 2)
    assert job.last == job.rows[0].seq, "what came since is another delivery"
    counts = store.deliveries.figures(engine)
    assert counts.outcomes == {("websub", "failed"): (1, 5), ("websub", "delivered"): (1, 7)}
    assert counts.subscriptions == {("websub", "active"): 2} and counts.due == 2


def test_the_line_of_a_subscription_follows_its_answers(engine: Engine) -> None:
    one = everything(engine)

    def after(seconds: float | None, attempts: int = 0) -> tuple[int, int]:
        put(engine, article(f"tag:{time.monotonic_ns()}"))
        (job,) = claimed(engine)
        owed = None if seconds is None else owed_after(job.owed, seconds)
        settled = failed(job, micros(datetime.now(UTC))) if attempts else arrived(job)
        store.deliveries.settle(engine, "a", [msgspec.structs.replace(settled, owed=owed)], datetime.now(UTC))
        found = row(engine, one)
        return found["line"], found["owed"]

    assert after(None) == (store.deliveries.NEW, 0), "nothing was learnt"
    assert after(0.1) == (store.deliveries.PROMPT, 0)
    assert after(1.9) == (store.deliveries.PROMPT, 0)
    assert after(2.0) == (store.deliveries.SLOW, 4)
    assert after(0.1) == (store.deliveries.SLOW, 3)
    assert after(9.0) == (store.deliveries.SLOW, 6)
    assert [after(0.1) for _ in range(6)] == [(store.deliveries.SLOW, left) for left in (5, 4, 3, 2, 1)] + [
        (store.deliveries.PROMPT, 0)
    ]
    assert after(0.1, attempts=1) == (store.deliveries.SLOW, 0)
    assert after(0.1) == (store.deliveries.PROMPT, 0)
    owed = 0
    for _ in range(9):
        owed = owed_after(owed, 5.0)
    assert owed == 64, "not for ever"


def test_a_bell_that_rang_meanwhile(engine: Engine) -> None:
    one = everything(engine)
    put(engine, article())
    (job,) = claimed(engine)
    put(engine, article("tag:b"))
    assert claimed(engine, "b") == []
    store.deliveries.settle(engine, "a", [arrived(job)], datetime.now(UTC))
    (job,) = claimed(engine, "b")
    assert [line.num for line in job.rows] == [2] and job.last == 2
    store.deliveries.settle(engine, "a", [arrived(job)], datetime.now(UTC))
    assert row(engine, one)["claim"] == "b", "whose claim it is not leaves it alone"
    store.deliveries.settle(engine, "b", [arrived(job)], datetime.now(UTC))
    assert (row(engine, one)["claim"], row(engine, one)["next"], row(engine, one)["last"]) == ("", None, 0)
    assert store.deliveries.figures(engine).due == 0


def test_more_than_one_turn_takes(engine: Engine) -> None:
    one = everything(engine)
    put(engine, *(article(f"tag:{number}") for number in range(7)))
    (job,) = claimed(engine, rows=5)
    assert (len(job.rows), job.more, job.last) == (5, True, 5)
    store.deliveries.settle(engine, "a", [arrived(job)], datetime.now(UTC))
    assert row(engine, one)["next"] is not None
    (job,) = claimed(engine, rows=5)
    assert (len(job.rows), job.more, job.last) == (2, False, 7)


QUERIES = [
    *("", "region=kr", "region=kr:52", "region=kr:45", "region=kr:11", "region=kr:11&region=kr:52"),
    *("topic=medtop:20000498", "topic=medtop:15000000", "topic=brm11", "region=kr:52&topic=medtop:08000000"),
    *("office=faults", "office=seoul", "office=faults&region=kr:52", "office=faults&office=seoul&lang=ko"),
    *("lang=ko", "lang=en", "lang=en-gb", "lang=en&region=kr:52", "lang=ko&topic=medtop:20000498"),
    *("genre=press-release", "genre=reference", "genre=reference&region=kr:11", "genre=explanation"),
    *("licence=kogl-1", "licence=none", "licence=none&topic=medtop:20000498", "licence=kogl-1&office=seoul"),
    *("exclude_region=kr:11", "exclude_region=kr", "exclude_topic=medtop:20000498", "exclude_lang=ko"),
    *("exclude_office=faults", "exclude_genre=reference", "exclude_licence=kogl-1", "lang=ko&exclude_region=kr:52"),
    *(
        "since=2026-11-01T09:00:01Z",
        "until=2026-11-01T09:00:02Z",
        "since=2026-11-01T09:00:01Z&until=2026-11-01T09:00:03Z",
    ),
    *("region=kr:52&since=2026-11-01T09:00:02Z", "lang=en&until=2026-11-01T09:00:03Z", "since=2027-01-01"),
]


def test_what_is_matched_is_what_the_feed_holds(engine: Engine) -> None:
    seoul, faults = Office("seoul", "서울"), Office("faults", "장애청")
    given: list[dict[str, Any]] = [
        {"office": faults},
        {"office": seoul, "regions": (Term("kr", "kr:11"),), "topics": ()},
        {"office": faults, "lang": "en-GB", "kind": "reference", "topics": (Term("medtop", "medtop:15000000"),)},
        {"office": seoul, "regions": (Term("kr", "kr:11"), Term("kr", "kr:52")), "kind": "reference"},
        {"office": faults, "lang": "en", "licence": Licence(LICENCES["kogl-1"]), "regions": ()},
    ]
    for number, fields in enumerate(given):
        at = NOW + timedelta(seconds=number)
        put(engine, article(f"tag:{number}", updated=at, **fields), now=at)
    known = store.articles.states(engine, range(1, len(given) + 1))
    assert len(known) == len(given)
    found = 0
    for asked in QUERIES:
        query = parse(parse_qsl(asked), ["faults", "seoul"])
        feed = {num for _, num, *_ in store.feeds.standing(engine, query)}
        assert {num for num, one in known.items() if stands(query, one.keys) and within(query, one)} == feed, asked
        found += len(feed)
    assert found > len(QUERIES)


def test_pauses() -> None:
    middle = [retry.pause(attempts, 5, lambda: 0.5) for attempts in range(1, 60)]
    assert middle[:5] == [5, 10, 20, 40, 80] and middle[-1] == max(middle) == retry.LONGEST
    assert (retry.pause(1, 4, lambda: 0.0), retry.pause(1, 4, lambda: 1.0)) == (3, 5)


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        *(("", 0), ("120", 120), (" 7 ", 7), ("99999999999999999999", 3600), ("-5", 0), ("1.5", 0), ("soon", 0)),
        *(("Sun, 01 Nov 2026 09:01:00 GMT", 60), ("Sun, 01 Nov 2026 08:00:00 GMT", 0), ("٣", 0)),
        *(("Sun, 01 Nov 2030 09:00:00 GMT", 3600), ("Sun, 99 Nov 2026 09:00:00 GMT", 0)),
        *(("Sun, 01 Nov 2026 09:01:00 -0000", 60), ("Sun, 01 Nov 2026 09:01:00", 60)),
    ],
)
def test_retry_after_as_it_is_spelled(said: str, seconds: float) -> None:
    assert retry.asked_pause(said, NOW) == seconds


def test_a_loaded_archive_is_no_news(engine: Engine) -> None:
    everything(engine, "h")
    put(engine, article("tag:old", updated=NOW - timedelta(days=9)), article("tag:new"))
    (job,) = claimed(engine)
    found = store.articles.states(engine, [line.num for line in job.rows])
    assert [state.article.guid for state in found.values()] == ["tag:new"]
    put(engine, article("tag:old", 2, updated=NOW))
    assert len(claimed(engine, at=datetime.now(UTC) + timedelta(hours=1))[0].rows) == 2, "its correction is"


def test_a_version_comes_once_although_others_wait(engine: Engine, tmp_path: Path) -> None:
    """The article changes again while more articles wait before it than one delivery can take: its newest version comes at the
    place of its last change, under one id."""
    settings = Settings(data_dir=str(tmp_path), database_url=engine.url.render_as_string(hide_password=False))
    context = connect(settings)
    one = subscribe(engine, "https://press.example.org", "https://example.org:443/hook", kind="webhook", format="json")
    put(engine, *(article(f"tag:{number}", id=f"id-{number}") for number in range(60)))
    put(engine, article("tag:0", 2, id="id-0", headline="두 번째"))
    channels: Any = {"webhook": deliver.CHANNELS["webhook"](Means(context, None, None, None))}  # type: ignore[arg-type]
    got: list[Parcel[Any]] = []
    while jobs := claimed(engine):
        (job,) = jobs
        (pack,) = deliver.pack(context, channels, jobs).values()
        assert isinstance(pack, Pack), pack
        got += pack.parcels
        done = [store.deliveries.Done(seq, "replaced", 0) for seq in pack.replaced]
        done += [store.deliveries.Done(seq, "delivered", 1, 204) for parcel in pack.parcels for seq in parcel.seqs]
        store.deliveries.settle(engine, "a", [store.deliveries.Settled(job, tuple(done))], datetime.now(UTC))
    bodies = [msgspec.json.decode(parcel.content.body) for parcel in got]
    named = Counter(re.search(r"tag:\d+", msgspec.json.encode(body).decode())[0] for body in bodies)  # type: ignore[index]
    assert len(got) == 60 and set(named.values()) == {1}
    assert len({parcel.id for parcel in got}) == 60
    assert "두 번째" in got[-1].content.body.decode()
    assert states(engine, one).count("replaced") == 1
    context.engine.dispose()
