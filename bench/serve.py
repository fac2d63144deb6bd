"""Measures serving: a hot feed compared with nginx, bare Granian, Flask with feedgen, and Django; many feeds compared with one.

Every round polls each of them in turn, for the same time and with the same number of connections.
"""

from contextlib import ExitStack
from itertools import chain, islice
from pathlib import Path
from tempfile import TemporaryDirectory

from bench import archive, beside, nginx, wrk
from bench.amounts import Amounts
from bench.figures import Figure, Missing, Say, Target, figure
from bench.polling import KINDS, Contender, answers, contender, pairs_by_frequency, pairs_of_grid, path_of, rate
from bench.processes import memory, web_workers
from bench.releases import grid, item, samples
from bench.server import Running, prepared, serving
from schemas import Code

RENDERED = "200"  # only this kind is measured for the peers that render feeds
BARE, STATIC, FLASK = "bare Granian", "nginx, static file", "Flask + feedgen, no cache"
DJANGO, CACHED = "Django syndication, no cache", "Django syndication, its cache"
LISTS = "the same, answers as lists"  # not how Django works by default, and much faster: see bench/peers
FRONT, OURS = "nginx.conf in front", "ours"
TARGETS = {
    BARE: {"200": 0.9, "gzip": 0.9, "304": 0.85},
    STATIC: {"200": 0.8, "gzip": 0.4, "304": 0.55},
    FLASK: {"200": 70.0},
    CACHED: {"200": 30.0},
    FRONT: {"200": 0.95, "gzip": 0.95, "304": 0.95},
    "one": {"200": 0.9, "gzip": 0.9, "304": 0.9},
}
MANY_RATE = 8_000.0  # requests a second


def serve(amounts: Amounts, say: Say) -> list[Figure]:
    """Requests a second, measured with wrk, and the memory of the workers. Raises Missing if wrk is not installed."""
    if why := wrk.missing():
        raise Missing(f"serve is left out: {why}.")
    pairs = pairs_of_grid(amounts.grid)
    with prepared() as ready, TemporaryDirectory(prefix="pressrelay-bench-") as temporary, ExitStack() as stack:
        say(f"serve, loading {amounts.many_articles + len(pairs) * amounts.page:,} articles")
        # The grid comes last, so that its articles are the newest and fill a whole page of each of its feeds.
        made = chain(samples(amounts.many_articles, "many"), grid(pairs, amounts.page, "grid"))
        archive.load(ready.engine, ready.settings.url, made)
        server = stack.enter_context(serving(ready))
        paths = [path_of(region, topic, amounts.page) for region, topic in pairs]
        ours = contender(server.port, paths[:1], KINDS)
        peers, pids = _beside(stack, server, paths[0], pairs[0], amounts, Path(temporary))
        figures = _hot(ours, peers, amounts, say)
        figures += _all_hot(server, ours, paths, amounts, say)
        figures += _many(server, amounts, say)
        figures += _memory({OURS: server.pid, **pids})
    return figures


def _beside(
    stack: ExitStack, server: Running, path: str, pair: tuple[Code, Code], amounts: Amounts, directory: Path
) -> tuple[dict[str, Contender | str], dict[str, int]]:
    """Each peer, or the reason why it is left out; and the process ids of the peers under Granian."""
    own = answers(server.port, path)
    if own["200"].body.count(b"<item>") != amounts.page:
        raise RuntimeError(f"{path} does not have {amounts.page} articles.")
    found: dict[str, Contender | str] = {}
    pids: dict[str, int] = {}
    beside.write_answers(directory / "answers.json", own)
    articles = [item(part, server.settings.url).article for part in grid([pair], amounts.page, "peers")]
    beside.write_articles(directory / "peers.db", articles)

    def granian(application: str, data: str) -> tuple[int, int]:
        running = beside.granian(server.settings, application, directory / data, directory / "peers.log")
        return stack.enter_context(running)

    port, pids[BARE] = granian("bare:app", "answers.json")
    found[BARE] = contender(port, [path], KINDS)
    if why := nginx.missing():
        found[STATIC] = found[FRONT] = why
    else:
        port = stack.enter_context(
            nginx.static(directory / "nginx", own["200"].body, own["gzip"].body, own["200"].headers)
        )
        found[STATIC] = contender(port, ["/feed.rss"], KINDS)
        port = stack.enter_context(nginx.in_front(directory / "front", server.port))
        found[FRONT] = contender(port, [path], KINDS)
    port, pids[FLASK] = granian("flask_feedgen:app", "peers.db")
    found[FLASK] = contender(port, ["/feed.rss"], [RENDERED])
    if why := beside.missing("django"):
        found[DJANGO] = found[CACHED] = found[LISTS] = why
    else:
        port, pids[DJANGO] = granian("django_site:app", "peers.db")
        found[DJANGO] = contender(port, ["/feed.rss"], [RENDERED])
        found[CACHED] = contender(port, ["/cached/feed.rss"], [RENDERED])
        port, _ = granian("django_site:lists", "peers.db")
        found[LISTS] = contender(port, ["/cached/feed.rss"], [RENDERED])
    return found, pids


def _hot(ours: Contender, peers: dict[str, Contender | str], amounts: Amounts, say: Say) -> list[Figure]:
    """One feed, from our server and from each peer."""
    rates: dict[tuple[str, str], list[float]] = {}
    there = {OURS: ours, **{name: peer for name, peer in peers.items() if isinstance(peer, Contender)}}
    for kind in amounts.kinds:
        for number in range(amounts.rounds):
            for name, polled in there.items():
                if kind in polled.requests:
                    say(f"serve, a hot feed, {kind}, round {number + 1}: {name}")
                    rates.setdefault((name, kind), []).append(rate(polled, kind, amounts.seconds))
    figures = []
    for kind in amounts.kinds:
        what = f"hot feed, {kind}"
        size = f"{ours.sizes[kind] / 1000:,.1f} kB"
        for name in (BARE, STATIC, FLASK, DJANGO, CACHED, LISTS):
            peer, bound = peers[name], TARGETS.get(name, {}).get(kind)
            if isinstance(peer, str):
                if kind == RENDERED or name == STATIC:
                    figures.append(figure("serve", what, "requests/s", rates[OURS, kind], peer=name, note=peer))
            elif kind in peer.requests:
                note = size if name in (BARE, STATIC) else f"{size}; its {peer.sizes[kind] / 1000:,.1f} kB"
                target = Target(bound, "ratio") if bound else None
                figures.append(_compared(what, rates[OURS, kind], name, rates[name, kind], target, note))
    for kind in amounts.kinds if isinstance(peers[FRONT], Contender) else ():
        target = Target(TARGETS[FRONT][kind], "ratio")
        what = f"behind docs/nginx.conf, {kind}"
        figures.append(_compared(what, rates[FRONT, kind], STATIC, rates[STATIC, kind], target, ""))
    return figures


def _all_hot(server: Running, single: Contender, paths: list[str], amounts: Amounts, say: Say) -> list[Figure]:
    """Many feeds of about the same size, polled in turn, compared with one of them."""
    every = contender(server.port, paths, KINDS)
    figures = []
    for kind in amounts.kinds:
        say(f"serve, {len(paths)} hot feeds, {kind}")
        wrk.load(server.port, every.requests[kind], amounts.seconds)  # so that each worker gets each feed
        runs, alone = [], []
        for _ in range(amounts.rounds):
            runs.append(rate(every, kind, amounts.seconds))
            alone.append(rate(single, kind, amounts.seconds))
        what, target = f"{len(paths)} hot feeds in turn, {kind}", Target(TARGETS["one"][kind], "ratio")
        figures.append(_compared(what, runs, "one hot feed", alone, target, f"{every.sizes[kind] / 1000:,.1f} kB each"))
    return figures


def _many(server: Running, amounts: Amounts, say: Say) -> list[Figure]:
    """More feeds than a process keeps in memory: those of all pairs of region and topic. Most of them are short, as in reality."""
    say(f"serve, {amounts.many:,} feeds, each requested once")
    found = [path_of(*pair, amounts.page) for pair in islice(pairs_by_frequency(), amounts.many)]
    every = contender(server.port, found, ("gzip", "304"))
    figures = []
    for kind in ("gzip", "304"):
        say(f"serve, {len(found):,} feeds in turn, {kind}")
        runs = [rate(every, kind, amounts.seconds * 2) for _ in range(amounts.rounds)]
        total = every.sizes[kind] * len(found) / 2**20
        target = Target(MANY_RATE)
        note = f"{every.sizes[kind] / 1000:,.1f} kB each, {total:,.0f} MiB in all"
        figures.append(
            figure("serve", f"{len(found):,} feeds in turn, {kind}", "requests/s", runs, target=target, note=note)
        )
    return figures


def _memory(pids: dict[str, int]) -> list[Figure]:
    """The memory of the largest web worker of each server, after all other measurements."""
    sizes = {name: max(memory(worker)[1] for worker in web_workers(pid)) for name, pid in pids.items()}
    what = "memory of a web worker after that, PSS"
    return [
        figure("serve", what, "MB", [sizes[OURS]], peer=name, peer_runs=[size])
        for name, size in sizes.items()
        if name != OURS
    ]


def _compared(
    what: str, runs: list[float], peer: str, peer_runs: list[float], target: Target | None, note: str
) -> Figure:
    return figure("serve", what, "requests/s", runs, peer=peer, peer_runs=peer_runs, target=target, note=note)
