"""Measures the effect of size: feeds that are in no cache, with a small and a large archive; whether loading slows down; the memory of
a web worker."""

import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from itertools import islice
from pathlib import Path
from statistics import median

import msgspec
import redis

from app import store
from app.cache.redis import Cache
from app.context import cache_of
from bench import archive
from bench.amounts import Amounts
from bench.figures import Figure, Say, Target, figure, percentile
from bench.polling import pairs_by_frequency, path_of
from bench.processes import memory, web_workers
from bench.releases import axes, samples
from bench.server import Connection, Prepared, Running, get, prepared, serving, spread
from feeds import FORMATS

TIMES, P99, LOADED, FLAT, MEMORY = 1.25, 15.0, 1_500.0, 0.8, 200.0  # ratio, milliseconds, articles a second, ratio, MB
PLACES = 8  # number of the most frequent regions, whose feeds have a full page in both archives
CLIENTS, PASSES = 16, 8  # enough so that each worker gets each feed
IDLE = 2.0  # seconds after which an idle connection is not used again, because the server may be closing it
ENDS = 10  # transactions at the beginning and at the end of loading that are compared


def scale(amounts: Amounts, say: Say) -> list[Figure]:
    """Both servers run at the same time and get requests in turn, so that a disturbance affects both."""
    figures = []
    with ExitStack() as stack:
        ready = {}
        for size in (amounts.small, amounts.large):
            directory = Path(amounts.keep, str(size)) if amounts.keep else None
            ready[size] = stack.enter_context(prepared(directory))
            rates = fill(ready[size], size, say)
        figures += _loading(rates, amounts.large)
        small, large = (_Contender(stack.enter_context(serving(archived)), stack) for archived in ready.values())
        figures += _cold(small, large, amounts, say)
        figures += _anew(small, large, amounts, say)
        figures += _memory(large.server, amounts, say)
    return figures


# Loading


def fill(ready: Prepared, size: int, say: Say) -> list[tuple[int, float]]:
    """Fill the archive up to that size. Returns (articles, seconds) for each transaction, also of earlier runs if it was kept."""
    notes = Path(ready.settings.data_dir, "loading.json")
    rates: list[tuple[int, float]] = msgspec.json.decode(notes.read_bytes()) if notes.exists() else []
    have = store.articles.newest_seq(ready.engine)
    if have >= size:
        return rates
    made = archive.batches(islice(samples(size, "archive"), have, None), archive.AT_ONCE)
    for batch in made:
        say(f"scale, loading {size:,} articles: {have:,}")
        rates += archive.load(ready.engine, ready.settings.url, batch)
        have += len(batch)
        notes.write_bytes(msgspec.json.encode(rates))
    return rates


def _loading(rates: Sequence[tuple[int, float]], size: int) -> list[Figure]:
    """Figures of the last transactions, also compared with the first."""
    each = [count / seconds for count, seconds in rates]
    ends = min(ENDS, len(each))
    what, unit = f"put {archive.AT_ONCE:,} articles a transaction, the last of {size:,}", "articles/s"
    target = Target(LOADED)
    flat = Target(FLAT, "ratio")
    return [
        figure("scale", what, unit, each[-ends:], target=target),
        figure("scale", what, unit, each[-ends:], peer="the first", peer_runs=each[:ends], target=flat),
    ]


# Feeds that are in no cache


class _Contender:
    """A server, a connection to it, and functions to empty its caches."""

    def __init__(self, server: Running, stack: ExitStack) -> None:
        self.server = server
        self.connection = Connection(server.port)
        self.used = time.monotonic()
        self.cache: Cache = cache_of(server.settings, server.engine)
        self.redis = redis.Redis.from_url(server.settings.cache.url)
        self.newest = store.identity.head(server.engine).mark
        stack.callback(self.cache.close)
        stack.callback(self.redis.close)
        stack.callback(lambda: self.connection.socket.close())

    def empty(self) -> None:
        """Empty the cache, and make the copies in the web workers stale."""
        self.redis.flushall()
        self.renew()

    def renew(self) -> None:
        """Make all rendered feeds stale. Articles stay in the cache."""
        self.cache.renew(self.newest)

    def seconds(self, path: str, before: Callable[[], None]) -> float:
        """Seconds until the answer, after calling `before`."""
        if time.monotonic() - self.used > IDLE:
            self.connection.socket.close()
            self.connection = Connection(self.server.port)
        before()
        start = time.perf_counter()
        self.connection.ask(get(path), 200)
        self.used = time.monotonic()
        return time.perf_counter() - start


def _cold(small: _Contender, large: _Contender, amounts: Amounts, say: Say) -> list[Figure]:
    runs: dict[int, list[list[float]]] = {0: [], 1: []}
    paths = _paths("rss", amounts.page)
    for path in paths:  # so that everything that a process loads only once is loaded
        for contender in (small, large):
            contender.seconds(path, contender.empty)
    for number in range(amounts.rounds):
        say(f"scale, a feed in no cache, round {number + 1}")
        taken: list[list[float]] = [[], []]
        for turn in range(amounts.cold):
            for which, contender in enumerate((small, large)):
                taken[which].append(contender.seconds(paths[turn % len(paths)], contender.empty) * 1000)
        for which in runs:
            runs[which].append(taken[which])
    what = f"a feed of {amounts.page} articles in no cache, {amounts.large:,} in the archive"
    peer = f"{amounts.small:,}"
    figures = []
    for part, name in ((0.5, "p50"), (0.99, "p99")):
        mine, its = ([percentile(times, part) for times in runs[which]] for which in (1, 0))
        target = Target(TIMES, "ratio", "at most") if name == "p50" else Target(P99, sense="at most")
        figures.append(figure("scale", f"{what}, {name}", "ms", mine, peer=peer, peer_runs=its, target=target))
    return figures


def _anew(small: _Contender, large: _Contender, amounts: Amounts, say: Say) -> list[Figure]:
    """The time that the first reader after a change waits: the articles are in the cache, but the feed is not."""
    figures = []
    for format in FORMATS:
        say(f"scale, {format} rendered again")
        paths = _paths(format, amounts.page)
        runs: tuple[list[float], list[float]] = [], []
        for _ in range(amounts.rounds):
            taken: list[list[float]] = [[], []]
            for turn in range(amounts.anew):
                for which, contender in enumerate((small, large)):
                    taken[which].append(contender.seconds(paths[turn % len(paths)], contender.renew) * 1000)
            for which, times in enumerate(taken):
                runs[which].append(median(times))
        what = f"{format} of {amounts.page} articles rendered again, p50"
        figures.append(figure("scale", what, "ms", runs[1], peer=f"{amounts.small:,}", peer_runs=runs[0]))
    return figures


def _paths(format: str, limit: int) -> list[str]:
    frequent = axes()[0].values[:PLACES]
    return [f"/feed.{format}?region={region.code.replace(':', '%3A')}&limit={limit}" for region in frequent]


# Memory


def _memory(server: Running, amounts: Amounts, say: Say) -> list[Figure]:
    """The memory of the largest web worker, when each has these feeds in memory, compressed as pollers request them."""
    say(f"scale, {amounts.hot_feeds:,} hot feeds")
    pairs = islice(pairs_by_frequency(), amounts.hot_feeds)
    requests = [get(path_of(*pair, amounts.page), Accept_Encoding="gzip") for pair in pairs]
    for _ in range(PASSES):
        spread(server.port, requests, CLIENTS, 200)
    sizes = [memory(worker) for worker in web_workers(server.pid)]
    what = f"memory of a web worker, {amounts.hot_feeds:,} hot feeds"
    return [
        figure("scale", f"{what}, {name}", "MB", [max(size)], target=Target(MEMORY, sense="at most"))
        for name, size in zip(("RSS", "PSS"), zip(*sizes, strict=True), strict=True)
    ]
