"""What is measured of size: a feed that nothing has in a cache, with a small and a large archive behind it; how loading slows down;
what memory a web worker takes."""

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
PLACES = 8  # the most frequent regions, of which each page is full in either archive
CLIENTS, PASSES = 16, 8  # until each worker has each feed
IDLE = 2.0  # seconds after which a connection is not used again: the server may be closing it
ENDS = 10  # transactions at the begin and the end of loading, which are compared


def scale(amounts: Amounts, say: Say) -> list[Figure]:
    """Both servers run at once and are asked in turn: what disturbs one disturbs the other."""
    figures = []
    with ExitStack() as stack:
        ready = {}
        for size in (amounts.small, amounts.large):
            kept = Path(amounts.keep, str(size)) if amounts.keep else None
            ready[size] = stack.enter_context(prepared(kept))
            rates = _load(ready[size], size, say)
        figures += _loading(rates, amounts.large)
        small, large = (_Asked(stack.enter_context(serving(one)), stack) for one in ready.values())
        figures += _cold(small, large, amounts, say)
        figures += _anew(small, large, amounts, say)
        figures += _memory(large.server, amounts, say)
    return figures


# Loading


def _load(ready: Prepared, size: int, say: Say) -> list[tuple[int, float]]:
    """Fill the archive up to that size; (articles, seconds) of each transaction, of an earlier run where it was kept."""
    notes = Path(ready.settings.data_dir, "loading.json")
    rates: list[tuple[int, float]] = msgspec.json.decode(notes.read_bytes()) if notes.exists() else []
    have = store.newest_seq(ready.engine)
    made = archive.batches(islice(samples(size, "archive"), have, None), archive.AT_ONCE)
    for batch in made:
        say(f"scale, loading {size:,} articles: {have:,}")
        rates += archive.load(ready.engine, ready.settings.url, batch)
        have += len(batch)
        notes.write_bytes(msgspec.json.encode(rates))
    return rates


def _loading(rates: Sequence[tuple[int, float]], size: int) -> list[Figure]:
    """The last transactions beside the first."""
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


class _Asked:
    """A server, a connection to it, and how to empty its caches."""

    def __init__(self, server: Running, stack: ExitStack) -> None:
        self.server = server
        self.connection = Connection(server.port)
        self.used = time.monotonic()
        self.cache: Cache = cache_of(server.settings, server.engine)
        self.redis = redis.Redis.from_url(server.settings.redis)
        self.newest = store.head(server.engine).mark
        stack.callback(self.cache.close)
        stack.callback(self.redis.close)
        stack.callback(lambda: self.connection.socket.close())

    def empty(self) -> None:
        """Nothing is cached: neither there nor, by the renewal, in a web worker."""
        self.redis.flushall()
        self.renew()

    def renew(self) -> None:
        """Every feed is rendered anew, of articles that may be in the cache."""
        self.cache.renew(self.newest)

    def seconds(self, path: str, before: Callable[[], None]) -> float:
        """Of one answer, after what is to be done before it."""
        if time.monotonic() - self.used > IDLE:
            self.connection.socket.close()
            self.connection = Connection(self.server.port)
        before()
        start = time.perf_counter()
        self.connection.ask(get(path), 200)
        self.used = time.monotonic()
        return time.perf_counter() - start


def _cold(small: _Asked, large: _Asked, amounts: Amounts, say: Say) -> list[Figure]:
    runs: dict[int, list[list[float]]] = {0: [], 1: []}
    paths = _paths("rss", amounts.page)
    for path in paths:  # what is read once in a process's life is read before
        for asked in (small, large):
            asked.seconds(path, asked.empty)
    for number in range(amounts.rounds):
        say(f"scale, a feed in no cache, round {number + 1}")
        taken: list[list[float]] = [[], []]
        for turn in range(amounts.cold):
            for which, asked in enumerate((small, large)):
                taken[which].append(asked.seconds(paths[turn % len(paths)], asked.empty) * 1000)
        for which in runs:
            runs[which].append(taken[which])
    what = f"a feed of {amounts.page} articles in no cache, {amounts.large:,} in the archive"
    peer = f"{amounts.small:,}"
    figures = []
    for part, name in ((0.5, "p50"), (0.99, "p99")):
        mine, its = ([percentile(one, part) for one in runs[which]] for which in (1, 0))
        target = Target(TIMES, "ratio", "at most") if name == "p50" else Target(P99, sense="at most")
        figures.append(figure("scale", f"{what}, {name}", "ms", mine, peer=peer, peer_runs=its, target=target))
    return figures


def _anew(small: _Asked, large: _Asked, amounts: Amounts, say: Say) -> list[Figure]:
    """What the first reader after a change waits for: the articles are in the cache, the feed is not."""
    figures = []
    for format in FORMATS:
        say(f"scale, {format} rendered anew")
        paths = _paths(format, amounts.page)
        runs: tuple[list[float], list[float]] = [], []
        for _ in range(amounts.rounds):
            taken: list[list[float]] = [[], []]
            for turn in range(amounts.anew):
                for which, asked in enumerate((small, large)):
                    taken[which].append(asked.seconds(paths[turn % len(paths)], asked.renew) * 1000)
            for which, times in enumerate(taken):
                runs[which].append(median(times))
        what = f"{format} of {amounts.page} articles rendered anew, p50"
        figures.append(figure("scale", what, "ms", runs[1], peer=f"{amounts.small:,}", peer_runs=runs[0]))
    return figures


def _paths(format: str, limit: int) -> list[str]:
    frequent = axes()[0].values[:PLACES]
    return [f"/feed.{format}?region={region.code.replace(':', '%3A')}&limit={limit}" for region in frequent]


# Memory


def _memory(server: Running, amounts: Amounts, say: Say) -> list[Figure]:
    """Of the largest web worker, when each has these feeds as pollers take them, compressed."""
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
