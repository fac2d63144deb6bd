"""Measures the cost of a change: the processor time that the web workers need to assemble feeds again."""

from collections.abc import Callable, Iterator, Sequence
from itertools import product

import redis

from app import store
from app.context import cache_of
from bench import archive
from bench.amounts import Amounts
from bench.figures import Figure, Say, Target, figure
from bench.processes import processor_seconds, web_workers
from bench.releases import axes, document, grid, samples
from bench.server import Connection, Running, get, post, prepared, serving
from feeds import FORMATS

ENCODINGS = ("identity", "gzip")
WANTED = {("atom", "identity"): 1.0, ("atom", "gzip"): 3.0}  # milliseconds
PUSHED = 120.0  # milliseconds
THREE = ("rss", "atom", "json")


def change(amounts: Amounts, say: Say) -> list[Figure]:
    """Milliseconds of processor time of the web workers: for one feed that is in no cache, and for all feeds that a push changes."""
    with prepared() as ready:
        say(f"change, loading {amounts.small:,} articles")
        archive.load(ready.engine, ready.settings.url, samples(amounts.small, "change"))
        with serving(ready) as server:
            return [*_cold(server, amounts, say), *_pushed(server, amounts, say)]


def _cold(server: Running, amounts: Amounts, say: Say) -> Iterator[Figure]:
    """The feed of everything, when its revision is no longer current: only its fragments are still in the cache."""
    cache = cache_of(server.settings, server.engine)
    newest = store.identity.head(server.engine).mark
    for format, encoding in product(FORMATS, ENCODINGS):
        say(f"change, {format}, {encoding}")
        request = get(f"/feed.{format}?limit={amounts.page}", Accept_Encoding=encoding)
        runs = [
            _spent(server, [request] * amounts.cold, lambda: cache.renew(newest) and None)
            for _ in range(amounts.rounds)
        ]
        bound = WANTED.get((format, encoding))
        target = Target(bound, sense="at most") if bound else None
        what = f"{format} of {amounts.page} articles after a change, {encoding}"
        yield figure("change", what, "ms of processor time", runs, target=target)
    with redis.Redis.from_url(server.settings.cache.url) as client:
        request = get(f"/feed.atom?limit={amounts.page}")
        runs = [
            _spent(server, [request] * max(1, amounts.cold // 10), lambda: client.flushall() and cache.renew(newest))
            for _ in range(amounts.rounds)
        ]
        yield figure("change", "the same, the cache being empty, atom, identity", "ms of processor time", runs)
    cache.close()


def _pushed(server: Running, amounts: Amounts, say: Say) -> Iterator[Figure]:
    """Each feed of one place and one topic that a push changes, in three formats."""
    regions, topics = axes()
    region = next(code for code in regions.values if len(code.code) > len("kr:11"))
    pair = (region, next(code for code in topics.values if code.level == "3"))
    made = grid([pair], amounts.rounds * amounts.changes, "pushed")
    first = next(grid([pair], 1, "before"))
    with Connection(server.port) as connection:
        connection.ask(post(server.token, document([first])), 201)
        paths = list(_changed(server, first.guid))
        requests = [get(path) for path in paths]
        for request in requests:
            connection.ask(request, 200)
        runs = []
        for number in range(amounts.rounds):
            say(f"change, {len(requests)} feeds after a push, round {number + 1}")
            spent = 0.0
            for _ in range(amounts.changes):
                connection.ask(post(server.token, document([next(made)])), 201)
                before = _seconds(server)
                for request in requests:
                    connection.ask(request, 200)
                spent += _seconds(server) - before
            runs.append(spent / amounts.changes * 1000)
    note = f"{len(requests) // len(THREE)} pairs of place and topic in {len(THREE)} formats"
    target = Target(PUSHED, sense="at most") if len(requests) <= 36 * len(THREE) else None
    yield figure(
        "change", "all feeds that a push changes, once", "ms of processor time", runs, target=target, note=note
    )


def _changed(server: Running, guid: str) -> Iterator[str]:
    """The addresses of these feeds."""
    with server.engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT p.name, t.name FROM feed_entries e JOIN axis p ON p.id = e.place JOIN axis t ON t.id = e.topic"
            " JOIN articles a ON a.num = e.num WHERE a.guid = ?",
            (guid,),
        ).all()
    for place, topic in rows:
        named = [_parameter(place, "region"), _parameter(topic, "topic")]
        asked = "&".join(part for part in named if part)
        for format in THREE:
            yield f"/feed.{format}{'?' if asked else ''}{asked}"


def _parameter(name: str, kind: str) -> str:
    """A place or a topic as a parameter of a feed's address; empty for all."""
    if name == "*":
        return ""
    prefix, _, value = name.partition(":")
    if prefix in ("office", "lang", "genre", "licence"):
        return f"{prefix}={value}"
    return f"{kind}={name.replace(':', '%3A')}"


def _spent(server: Running, requests: Sequence[bytes], before: Callable[[], object]) -> float:
    """Milliseconds of processor time for each request; `before` is called before each."""
    with Connection(server.port) as connection:
        before()
        connection.ask(requests[0], 200)
        start = _seconds(server)
        for request in requests:
            before()
            connection.ask(request, 200)
        return (_seconds(server) - start) / len(requests) * 1000


def _seconds(server: Running) -> float:
    return processor_seconds(web_workers(server.pid))
