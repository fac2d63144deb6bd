"""Measures the costs that `pressrelay plan` uses: processor time of pushes, polls and deliveries, and bytes in the database, the
cache and memory. Only the processor time of the server's processes counts, so other work on the machine hardly disturbs it. One
cost is measured by the clock: how long a push holds the counter row, because it mostly waits for the disk.
"""

import time
from collections.abc import Callable, Sequence
from functools import cache, partial
from pathlib import Path
from statistics import fmean
from typing import Any

import msgspec
from msgspec.structs import replace

from app import store
from app.context import cache_of
from app.sizing import Bytes, Costs, MeasuredCosts, Spent
from app.sizing.costs import VERSION
from bench.amounts import Amounts
from bench.figures import Figure, Missing, Say, figure
from bench.machine import machine
from bench.measured import KINDS, Measured, counter_millis, lengthened, measured, text_of
from bench.polling import path_of
from bench.releases import Sample, axes, grid, samples
from bench.server import Connection, get

PAGE = 50  # articles in the feeds that are measured
TIMES = 5  # how many times as long the long texts are
FORMATS = ("rss", "atom", "json")  # they are rendered in turn
COPIES = 8  # addresses of each feed in the memory of a web worker; each asks for one article less
QUIET = 0.3  # seconds after some work, in which the server finishes what it postponed


def costs(amounts: Amounts, say: Say) -> list[Figure]:
    """Measure all costs, write them to the requested file, and return some of them as figures."""
    if amounts.costs_file:
        Path(amounts.costs_file).touch()  # If that fails, it does so now, and not after two minutes.
    found: dict[str, Costs] = {}
    shown: list[Figure] = []
    left_out = ""
    for kind in amounts.costed_databases:
        try:
            found[kind] = costs_on(kind, amounts, say)
        except Missing as error:
            left_out = str(error)
    for kind, one in found.items():
        shown += [figure("costs", f"{kind}: {what}", unit, [value], note=left_out) for what, unit, value in _shown(one)]
    if amounts.costs_file:
        written = MeasuredCosts(VERSION, machine(), found)
        Path(amounts.costs_file).write_bytes(msgspec.json.format(msgspec.json.encode(_rounded(written))) + b"\n")
    return shown


def _shown(found: Costs) -> list[tuple[str, str, float]]:
    return [
        ("processor time of a push of 2 kB", "ms", (found.push + found.push_kb * 2).total()),
        ("of a feed of 100 kB, rendered again", "ms", (found.cold + found.cold_kb * 100).total()),
        ("of a hot answer of 20 kB", "ms", (found.hot + found.hot_kb * 20).total()),
        ("of a 304", "ms", found.unchanged.total()),
        ("of a delivery to a webhook", "ms", found.webhook.total()),
        ("of a mail", "ms", found.mail.total()),
        ("an article of 2 kB in the database", "bytes", found.article.of(2000)),
    ]


def _rounded(written: MeasuredCosts) -> Any:
    """Four digits of each number; the others are noise."""

    def rounded(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: rounded(member) for name, member in value.items()}
        return float(f"{value:.4g}") if isinstance(value, float) else value

    return rounded(msgspec.to_builtins(written))


@cache
def costs_on(kind: str, amounts: Amounts, say: Say) -> Costs:
    """The costs on a kind of database, measured once in this process. Raises Missing without PostgreSQL."""
    return _Measuring(kind, amounts, say).all()


class _Measuring:
    """One measurement. Short and long texts have feeds of their own, so that each cost is a line through two points."""

    on: Measured

    def __init__(self, kind: str, amounts: Amounts, say: Say) -> None:
        self.kind, self.amounts = kind, amounts
        self.say = lambda what: say(f"costs, {kind}: {what}")
        regions, topics = axes()
        count = amounts.costed_feeds
        rare = regions.values[-2 * count - len(KINDS) :]
        self.subscribed = dict(zip(KINDS, rare, strict=False))
        self.topic = topics.values[-1]
        pairs = [(region, self.topic) for region in rare[len(KINDS) :]]
        self.pairs = (pairs[:count], pairs[count:])
        self.page = min(PAGE, amounts.page)
        self.idle = Spent()

    def all(self) -> Costs:
        """Start the server, and measure everything in turn."""
        made = [list(grid(pairs, self.page, f"feeds-{at}")) for at, pairs in enumerate(self.pairs)]
        made[1] = lengthened(made[1], TIMES)
        self.texts = [text_of(parts) for parts in made]
        preload = [*samples(self.amounts.costed_archive, "archive"), *made[0], *made[1]]
        subscribers = {kind: (region, self._count(kind)) for kind, region in self.subscribed.items()}
        self.say("loading")
        with measured(self.kind, preload, subscribers) as self.on:
            cached = self._cached_articles()
            self._warm()
            self.say("idle")
            self.idle = self._spent(lambda: time.sleep(self.amounts.costed_idle), self.amounts.costed_idle)
            pushed = self._pushes()
            found = pushed | self._memory() | self._kept() | self._deliveries(**pushed) | self._feeds() | self._hot()
            # This includes the memory that pushing and rendering took: the process keeps much of it.
            found["web_memory"] = max(found["web_memory"], self.on.memory()["web"])
            found |= {"idle": self.idle, "empty": self.on.empty, "subscription": self.on.subscription}
            found["cached_article"] = cached
            found["counter"] = counter_millis(self.on.server.engine, self.amounts.costed_pushes)
            return Costs(**found)

    def _spent(self, work: Callable[[], object], count: float) -> Spent:
        """Processor time of the work divided by `count`, without what an idle server takes."""
        before, begun = self.on.spent(), time.monotonic()
        work()
        time.sleep(QUIET)
        found = self.on.spent() + before * -1 + self.idle * (begun - time.monotonic())
        return Spent(*(max(0.0, part) / count for part in found.parts()))

    def _answering(self, work: Callable[[], object], count: float) -> Spent:
        """The same for answers, without the background processes, which have nothing to do with them."""
        return replace(self._spent(work, count), deliver=0.0, background=0.0)

    def _cached_articles(self) -> Bytes:
        """The bytes that an article takes in the cache, in one format. Only the first feed with it puts it there: after that, the
        web worker has it."""
        articles, before = [], (0, 0)
        for length in (0, 1):
            _ask_all(self.on.workers[:1], self._paths(length))
            memory = [memory for _, memory in self.on.cached()["a"]]
            articles.append((sum(memory) - before[0]) / (len(memory) - before[1]))
            before = sum(memory), len(memory)
        return _line(self.texts, articles)

    def _warm(self) -> None:
        """Load what a process loads only once."""
        self.say("warming up")
        self.on.push(list(samples(20, "warm")))
        for connection in self.on.workers:
            for path in self._paths(0):
                connection.ask(_asked(path), 200)
        time.sleep(
            self.amounts.costed_idle / 2
        )  # Wait until the background processes have found that there is nothing to do.

    def _paths(self, length: int, less: int = 0) -> list[str]:
        """The addresses of the feeds with short (0) or long (1) texts."""
        paths = [path_of(region, topic, self.page - less) for region, topic in self.pairs[length]]
        return [path.replace("rss", FORMATS[at % len(FORMATS)], 1) for at, path in enumerate(paths)]

    # Pushes and deliveries

    def _pushes(self) -> dict[str, Any]:
        """Pushes of both lengths, and what their articles take on the disk."""
        spent, sizes, texts = [], [], []
        for times in (1, TIMES):
            self.say(f"pushes, texts {times} times as long")
            parts = lengthened(list(samples(self.amounts.costed_pushes, f"pushed-{times}")), times)
            before = self.on.database_bytes()
            spent.append(replace(self._spent(partial(self.on.push, parts), len(parts)), deliver=0.0))
            sizes.append((self.on.database_bytes() - before) / len(parts))
            texts.append(text_of(parts))
        push, push_kb = _lines([text / 1000 for text in texts], spent)
        return {"push": push, "push_kb": push_kb, "article": _line(texts, sizes)}

    def _deliveries(self, push: Spent, push_kb: Spent, article: Bytes) -> dict[str, Any]:
        """What deliveries of each kind cost the processors, the network and the disk; and what the push that causes them costs."""
        found: dict[str, Any] = {}
        queued, rows = [], []
        for kind, region in self.subscribed.items():
            spent, bodies, texts = [], [], []
            for times in (1, TIMES):
                self.say(f"deliveries, {kind}, texts {times} times as long")
                made = grid([(region, self.topic)], self.amounts.costed_rounds, f"{kind}-{times}")
                parts = lengthened(list(made), times)
                came, stored = self.on.came(), self.on.database_bytes()
                each = self._spent(partial(self._deliver, parts, self._count(kind)), len(parts) * self._count(kind))
                count, size = (now - before for now, before in zip(self.on.came(), came, strict=True))
                text = text_of(parts)
                grown = self.on.database_bytes() - stored - len(parts) * article.of(text)
                rows.append(max(0.0, grown) / count)
                pushed = (push + push_kb * (text / 1000)) * (1 / self._count(kind))
                spent.append(_positive(each + pushed * -1))
                bodies.append(size / count)
                texts.append(text)
            whole = (spent[0] + spent[1]) * 0.5
            queued.append(Spent(web=whole.web, background=whole.background, cache=whole.cache))
            name = "mail" if kind == "email" else kind
            found[name] = Spent(deliver=whole.deliver, database=whole.database)
            found[f"{name}_body"] = _line(texts, bodies)
        found["queued"] = (queued[0] + queued[1] + queued[2]) * (1 / 3)
        return found | {"delivery": fmean(rows)}

    def _count(self, kind: str) -> int:
        return self.amounts.costed_readers if kind == "email" else self.amounts.costed_subscribers

    def _deliver(self, parts: Sequence[Sample], subscribers: int) -> None:
        """Push each, and wait until all subscribers have it, so that no two share a delivery."""
        for part in parts:
            expected = self.on.came()[0] + subscribers
            self.on.push([part])
            self.on.wait_for(expected)

    # Feeds

    def _memory(self) -> dict[str, Any]:
        """The memory of each part; the web worker has few copies."""
        found = self.on.memory()
        return {f"{part}_memory": found[part] for part in ("web", "deliver", "background")}

    def _renew(self) -> None:
        """Make every copy stale, in the cache and in the web workers. The articles stay in the cache."""
        self.cache.renew(store.identity.head(self.on.server.engine).mark)

    def _feeds(self) -> dict[str, Any]:
        """Feeds that one web worker renders again, and another takes from the cache; and their sizes, also in the cache."""
        self.cache = cache_of(self.on.server.settings, self.on.server.engine)
        try:
            cold, copied, sizes, small, feeds, notes = [], [], [], [], [], []
            for length in (0, 1):
                self.on.redis.flushall()
                empty = self.on.cache_bytes()
                self._renew()
                self.say(f"feeds rendered again, texts of {self.texts[length]:,.0f} bytes")
                self.on.connect()
                paths = self._paths(length)
                plain = [len(self.on.workers[0].ask(get(path), 200)) for path in paths]
                sizes.append(fmean(plain))
                small.append(fmean(len(self.on.workers[0].ask(_asked(path), 200)) for path in paths))
                first, second = Spent(), Spent()
                for _ in range(self.amounts.costed_rounds):
                    self._renew()
                    first += self._answering(partial(_ask_all, self.on.workers[:1], paths), len(paths))
                    second += self._answering(partial(_ask_all, self.on.workers[1:], paths), len(paths))
                cold.append(first * (1 / self.amounts.costed_rounds))
                copied.append(second * (1 / self.amounts.costed_rounds))
                kept = self.on.cached()
                feeds += kept["f"]
                notes += [memory for _, memory in kept["i"]]
        finally:
            self.cache.close()
        rendered, each = _lines([size / 1000 for size in sizes], cold)
        return {
            "cold": rendered,
            "cold_kb": each,
            "copy": (copied[0] + copied[1]) * 0.5,
            "entry": _line(self.texts, [size / self.page for size in sizes]),
            "compressed": fmean(part / whole for part, whole in zip(small, sizes, strict=True)),
            "cache_empty": empty,
            "cached_feed": _line(*zip(min(feeds), max(feeds), strict=True)),
            "cached_note": fmean(notes),
        }

    # Hot answers

    def _hot(self) -> dict[str, Any]:
        """Answers from copies in the web workers, over connections that stay open like those of a proxy."""
        self.say("hot answers")
        spent, sizes = [], []
        for length in (0, 1):
            self.on.connect()
            paths = self._paths(length)
            answers = [self.on.workers[0].answer(_asked(path), 200) for path in paths]
            self.on.connect()  # On a busy machine, the server may have closed the other connection because it was idle.
            _ask_all(self.on.workers, paths)
            turns = max(1, self.amounts.costed_answers // len(paths) // len(self.on.workers))
            count = turns * len(paths) * len(self.on.workers)
            spent.append(self._answering(lambda: [_ask_all(self.on.workers, paths) for _ in range(turns)], count))  # noqa: B023
            sizes.append(fmean(len(answer.body) for answer in answers) / 1000)
        hot, hot_kb = _lines(sizes, spent)
        tags = [(path, answer.header("etag")) for path, answer in zip(paths, answers, strict=True)]
        same = [get(path, Accept_Encoding="gzip", If_None_Match=tag) for path, tag in tags]
        self.on.connect()
        found = [self.on.workers[0].answer(request, 304) for request in same]

        def ask() -> None:
            for connection in self.on.workers:
                for request in same:
                    connection.ask(request, 304)

        ask()
        unchanged = self._answering(lambda: [ask() for _ in range(turns)], count)
        return {"hot": hot, "hot_kb": hot_kb, "unchanged": unchanged, "head": fmean(answer.size for answer in found)}

    def _kept(self) -> dict[str, Any]:
        """The memory of a web worker that a copy takes besides the bytes of its body."""
        self.say("copies in the web workers")
        self.on.connect()
        before = self.on.memory()["web"]
        sizes = []
        for less in range(1, min(COPIES, self.page)):
            for length in (0, 1):
                for path in self._paths(length, less):
                    bodies = [connection.ask(_asked(path), 200) for connection in self.on.workers]
                    sizes.append(len(bodies[0]))
        grown = (self.on.memory()["web"] - before) / len(sizes)
        return {"kept_feed": Bytes(max(0.0, grown - fmean(sizes)), 1.0)}


def _asked(path: str) -> bytes:
    return get(path, Accept_Encoding="gzip")


def _ask_all(connections: Sequence[Connection], paths: Sequence[str]) -> None:
    for connection in connections:
        for path in paths:
            connection.ask(_asked(path), 200)


def _positive(spent: Spent) -> Spent:
    return Spent(*(max(0.0, part) for part in spent.parts()))


def _line(sizes: Sequence[float], values: Sequence[float]) -> Bytes:
    """The line through two points; neither of its numbers is negative."""
    each = max(0.0, (values[1] - values[0]) / (sizes[1] - sizes[0]))
    fixed = values[0] - each * sizes[0]
    return (
        Bytes(fixed, each)
        if fixed >= 0
        else Bytes(0.0, fmean(value / size for value, size in zip(values, sizes, strict=True)))
    )


def _lines(sizes: Sequence[float], spent: Sequence[Spent]) -> tuple[Spent, Spent]:
    """The same for each part of a processor time: the fixed part, and the part for each unit of size."""
    lines = [_line(sizes, values) for values in zip(*(one.parts() for one in spent), strict=True)]
    return Spent(*(line.fixed for line in lines)), Spent(*(line.each for line in lines))
