"""Measures deliveries: how long after the acknowledgement of a push a thousand subscribers have it, how dead and slow subscribers
delay the others, and how much subscribers slow down a push."""

import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from sqlalchemy import text

from app import store
from app.query.query import Query
from app.store import Engine, micros
from bench.amounts import Amounts
from bench.figures import Figure, Say, Target, figure, percentile
from bench.processes import HOST, free_port, program
from bench.releases import document, samples
from bench.server import BASE, Connection, Running, post, prepared, serving
from feeds import FORMATS

P99, WORSE = 1000.0, 1.2  # milliseconds; the largest ratio by which dead and slow subscribers may delay the others
DEAD = 10  # one subscriber in so many is dead or slow
GIVEN_UP = 60.0  # seconds after which the measurement fails
LOOK = 0.02  # seconds between two looks
PUSH = {
    "PRESSRELAY_PUSH_HTTP": "1",
    "PRESSRELAY_PUSH_PORTS": "1-65535",
    "PRESSRELAY_PUSH_PRIVATE": "127.0.0.0/8",
}


def push(amounts: Amounts, say: Say) -> list[Figure]:
    """In each round, measure each kind of subscribers in turn."""
    kinds = ("none", "one topic", "topics of their own", "one in ten dead or slow", "of other feeds")
    p50: dict[str, list[float]] = {kind: [] for kind in kinds}
    p99: dict[str, list[float]] = {kind: [] for kind in kinds}
    pushes: dict[str, list[float]] = {kind: [] for kind in kinds}
    largest: dict[str, list[float]] = {kind: [] for kind in kinds}
    rates: dict[str, list[float]] = {kind: [] for kind in kinds}
    for number in range(amounts.rounds):
        for kind in kinds:
            say(f"push, subscribers: {kind}, round {number + 1}")
            with _subscribed(amounts, kind) as (server, port, awaited):
                each, took = _round(server, port, awaited, amounts, f"{kind}-{number}")
            late = [seconds for delays in each for seconds in delays] or [0.0]
            p50[kind].append(percentile(late, 0.5) * 1000)
            p99[kind].append(percentile(late, 0.99) * 1000)
            largest[kind].append(max(late) * 1000)
            rates[kind].append(len(late) / (sum(map(max, each)) + sum(took)) if awaited else 0.0)
            pushes[kind].append(statistics.median(took) * 1000)
    note = f"{amounts.subscribers} subscribers at hosts of their own, {amounts.delivered} pushes a round"
    what = "acknowledged until delivered"
    bad = f"{what}, to the others where one in {DEAD} is dead or slow"
    return [
        figure("push", f"{what}, one topic, p50", "ms", p50["one topic"], note=note),
        figure("push", f"{what}, one topic, p99", "ms", p99["one topic"], target=Target(P99, sense="at most")),
        figure("push", f"{what}, one topic, largest", "ms", largest["one topic"]),
        figure("push", "deliveries, one topic", "deliveries/s", rates["one topic"]),
        figure("push", f"{what}, topics of their own, p50", "ms", p50["topics of their own"]),
        figure(
            "push",
            f"{what}, topics of their own, p99",
            "ms",
            p99["topics of their own"],
            target=Target(P99, sense="at most"),
        ),
        figure("push", f"{what}, topics of their own, largest", "ms", largest["topics of their own"]),
        figure("push", "deliveries, topics of their own", "deliveries/s", rates["topics of their own"]),
        figure(
            "push",
            f"{bad}, p50",
            "ms",
            p50["one in ten dead or slow"],
            peer="none is",
            peer_runs=p50["one topic"],
            target=Target(WORSE, "ratio", "at most"),
        ),
        figure(
            "push",
            f"{bad}, p99",
            "ms",
            p99["one in ten dead or slow"],
            peer="none is",
            peer_runs=p99["one topic"],
            target=Target(WORSE, "ratio", "at most"),
        ),
        figure(
            "push",
            f"a push that goes to {amounts.subscribers:,} subscribers, p50",
            "ms",
            pushes["one topic"],
            peer="no subscribers",
            peer_runs=pushes["none"],
        ),
        figure(
            "push",
            f"a push beside {amounts.others:,} subscriptions of other feeds, p50",
            "ms",
            pushes["of other feeds"],
            peer="no subscribers",
            peer_runs=pushes["none"],
        ),
    ]


@contextmanager
def _subscribed(amounts: Amounts, kind: str) -> Iterator[tuple[Running, int, set[str]]]:
    """A server with these subscribers, the port of the receiver, and the paths at which each push must arrive."""
    port = free_port()
    with prepared() as ready:
        log = Path(ready.settings.data_dir, "receiver.log")
        with program([sys.executable, "-m", "bench.receiver", str(port)], log, port, ready.environ):
            ready.environ.update(PUSH)
            awaited = _subscribe(ready.engine, amounts, kind, port)
            with serving(ready) as server:
                yield server, port, awaited


def _subscribe(engine: Engine, amounts: Amounts, kind: str, port: int) -> set[str]:
    """Make the subscriptions in one transaction; this is not measured. Returns the paths at which each push must arrive."""
    count = {"none": 0, "of other feeds": amounts.others}.get(kind, amounts.subscribers)
    formats = list(FORMATS)
    expires = micros(datetime.now(UTC) + timedelta(days=1))
    # The store makes the first subscription. The others are copies of it, with one statement for each table.
    subscriptions, subscribed, queue = [], [], []
    awaited: set[str] = set()
    if not count:
        return awaited
    pair = ("zz:nowhere", "*") if kind == "of other feeds" else ("*", "*")
    pattern = store.deliveries.Subscription(
        "websub", "http://127.0.0.1:1/", "first", "", "atom", host="first", expires=expires
    )
    first = store.deliveries.save_subscription(engine, pattern, [pair], datetime.now(UTC))
    with engine.begin() as connection:
        place, topic = connection.execute(text("SELECT place, topic FROM subscribed")).one()
        for number in range(count):
            format = formats[number % len(formats)] if kind == "topics of their own" else "atom"
            limit = number // len(formats) + 1 if kind == "topics of their own" else 50
            query = Query(limit=min(limit, 200))
            path = f"/{number}"
            at = f"127.{20 + number // 62_500}.{number // 250 % 250}.{number % 250 + 1}"
            target = f"http://{at}:{port}{path}"
            if kind == "one in ten dead or slow" and number % DEAD == 0:
                mute = number % (2 * DEAD) == 0
                target = f"http://{at}:{port}/mute{path}" if mute else f"http://{at}:1/"
            elif kind != "of other feeds":
                awaited.add(path)
            values = {"name": f"{number:012x}", "identity": number.to_bytes(32, "big"), "target": target, "host": at}
            values |= {"topic": query.address(BASE, format), "query": query.canonical(), "format": format}
            subscriptions.append(values | {"id": first.id + 1 + number, "expires": expires})
            subscribed.append({"place": place, "topic": topic, "id": first.id + 1 + number})
            queue.append({"id": first.id + 1 + number, "host": at})
        connection.execute(
            text(
                "INSERT INTO subscriptions (id, name, identity, kind, target, host, topic, query, saved, format, pace, embargoed,"
                " secret, secret_before, secret_until, token, outlet, contact, lang, created, expires, state, reason, changed)"
                " VALUES (:id, :name, :identity, 'websub', :target, :host, :topic, :query, '', :format, '', 0,"
                " 'secret', '', 0, '', '', '', 'ko', 0, :expires, 'active', '', 0)"
            ),
            subscriptions,
        )
        into = "INSERT INTO subscribed (embargoed, place, topic, subscription) VALUES (0, :place, :topic, :id)"
        connection.execute(text(into), subscribed)
        into = "INSERT INTO queue (subscription, host, paused, bell, claim, attempts, last) VALUES (:id, :host, 0, 0, '', 0, 0)"
        connection.execute(text(into), queue)
    store.deliveries.end_subscription(engine, first.id, "It was the pattern.", datetime.now(UTC))
    return awaited


def _round(
    server: Running, port: int, awaited: set[str], amounts: Amounts, name: str
) -> tuple[list[list[float]], list[float]]:
    """For each push: the seconds from its acknowledgement to each delivery, and the seconds that the push took."""
    late: list[list[float]] = []
    took: list[float] = []
    with Connection(server.port) as pusher, httpx.Client(base_url=f"http://{HOST}:{port}", trust_env=False) as receiver:
        for number, part in enumerate(samples(amounts.delivered + 1, name.replace(" ", "-"))):
            body = post(server.token, document([part]))
            begun = time.monotonic()
            pusher.ask(body, 201)
            acknowledged = time.monotonic()
            times = _delivered(receiver, awaited)
            if number:  # The first push opens the connections and does not count.
                took.append(acknowledged - begun)
                if awaited:
                    late.append([max(0.0, at - acknowledged) for at in times])
    return late, took


def _delivered(receiver: httpx.Client, awaited: set[str]) -> list[float]:
    """The time of delivery for each of these paths. Raises RuntimeError if one does not get it."""
    came: dict[str, float] = {}
    end = time.monotonic() + GIVEN_UP
    while awaited - came.keys():
        if time.monotonic() > end:
            raise RuntimeError(
                f"{len(awaited - came.keys())} subscribers have no delivery after {GIVEN_UP:.0f} seconds."
            )
        time.sleep(LOOK)
        for path, at in receiver.get("/").json().items():
            came.setdefault(path, at[0])
    return [came[path] for path in awaited]
