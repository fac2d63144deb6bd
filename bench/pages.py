"""Measures hot pages against a hot feed of about the same size, in turn, in one run."""

import time
from math import inf
from typing import Any

from app.cache.marks import Marks
from app.web.counting import NOT_TOLD_APART, PolledFeed
from app.web.fastlane import Fastlane, KeptAnswer, may_keep
from bench import archive, wrk
from bench.amounts import Amounts
from bench.figures import Figure, Missing, Say, Target, figure
from bench.polling import KINDS, contender, rate
from bench.processes import processor_seconds, web_workers
from bench.releases import OFFICE, samples
from bench.server import Connection, Running, get, prepared, serving

AGAINST_A_FEED = Target(0.9, "ratio")
SPENT = Target(4.0, sense="at most")  # a whole answer with its sockets takes about fifty
BROWSER = {
    "HTTP_ACCEPT": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    "HTTP_ACCEPT_LANGUAGE": "ko-KR,ko;q=0.8,en;q=0.5",
    "HTTP_COOKIE": "lang=ko",
}
MOST = 200  # articles of the longest feed
CONNECTIONS = 16  # the system gives each of them to one of the web workers
REGION = "kr:11"


def pages(amounts: Amounts, say: Say) -> list[Figure]:
    """Requests a second, measured with wrk. Raises Missing if wrk is not installed."""
    if why := wrk.missing():
        raise Missing(f"pages is left out: {why}.")
    figures = [_in_process(amounts, say)]
    with prepared() as ready:
        say("pages, loading")
        archive.load(ready.engine, ready.settings.url, samples(amounts.small, "pages"))
        with serving(ready) as server:
            sizes = _sizes(server)
            for name, path in _paths(server):
                for kind in amounts.kinds:
                    figures += _against(server, sizes, name, path, kind, amounts, say)
    return figures


class _Copies:
    """A cache that has only marks: every copy is in the process."""

    def __init__(self) -> None:
        self.marks = Marks()


def _in_process(amounts: Amounts, say: Say) -> Figure:
    """Microseconds of processor time that the fast lane takes for a copy, without sockets."""
    say("pages, in this process")
    feed = {"PATH_INFO": "/feed.atom", "REQUEST_METHOD": "GET"}
    page = {"PATH_INFO": "/", "REQUEST_METHOD": "GET", **BROWSER}
    runs, peer_runs = [], []
    for _ in range(amounts.rounds):
        runs.append(_each(page, None, amounts.counted))
        peer_runs.append(_each(feed, NOT_TOLD_APART, amounts.counted))
    return figure(
        "pages", "a copy in the fast lane", "µs", runs, peer="of a hot feed", peer_runs=peer_runs, target=SPENT
    )


def _each(environ: dict[str, str], feed: PolledFeed | None, count: int) -> float:
    cache = _Copies()
    slots = cache.marks.slots(["*/*"])

    def application(asked: dict[str, Any], start: Any) -> list[bytes]:
        may_keep(asked, KeptAnswer("", "", 0, slots, cache.marks.read(slots), feed))
        start("200 OK", [("ETag", '"tag"'), ("Cache-Control", "public")])
        return [b"x" * 20_000]

    lane = Fastlane(application, cache, 1_000_000)  # type: ignore[arg-type]
    lane.alive(inf)
    lane(dict(environ), lambda *_: None)
    start = time.thread_time()  # other programs do not disturb it
    for _ in range(count):
        lane(environ, lambda *_: None)
    return (time.thread_time() - start) / count * 1e6


def _paths(server: Running) -> list[tuple[str, str]]:
    """(name, path) of each page."""
    with Connection(server.port) as connection:
        newest = connection.answer(get("/feed.json?limit=1"), 200).body.partition(b"/articles/")[2][:26].decode()
    return [
        ("first page", "/"),
        ("page of a region's feed", f"/?region={REGION}"),
        ("page of an article", f"/articles/{newest}"),
        ("page of a region", f"/regions/{REGION}"),
        ("page of a topic", "/topics/medtop:11000000"),
        ("page of an office", f"/offices/{OFFICE.code}"),
        ("press calendar", "/press-calendar"),
    ]


def _sizes(server: Running) -> dict[str, int]:
    """Path -> bytes, of feeds of every length."""
    found: dict[str, int] = {}
    with Connection(server.port) as connection:
        for limit in range(1, MOST + 1):
            path = f"/feed.rss?limit={limit}"
            found[path] = connection.answer(get(path), 200).size
    return found


def _warm(port: int, requests: list[bytes], status: int) -> None:
    """Before the measurement, ask over enough connections that each web worker has a copy of every answer."""
    for _ in range(CONNECTIONS):
        with Connection(port) as connection:
            for request in requests:
                connection.answer(request, status)


def _against(
    server: Running, sizes: dict[str, int], name: str, path: str, kind: str, amounts: Amounts, say: Say
) -> list[Figure]:
    """Compare a page with the feed of the nearest size: answers in a second, and in a second of the workers' processor time, which
    is more reliable if other programs are running."""
    page = contender(server.port, [path], KINDS)
    feed = min(sizes, key=lambda one: abs(sizes[one] - page.sizes["200"]))
    peer = contender(server.port, [feed], KINDS)
    workers = web_workers(server.pid)
    _warm(server.port, [*page.requests[kind], *peer.requests[kind]], 304 if kind == "304" else 200)
    runs: dict[str, list[tuple[float, float]]] = {"page": [], "feed": []}
    for number in range(amounts.rounds):
        say(f"pages, {name}, {kind}, round {number + 1}")
        both = [(page, runs["page"]), (peer, runs["feed"])]
        for polled, measured in both if number % 2 else both[::-1]:  # so that neither is always measured first
            before = processor_seconds(workers)
            answers = rate(polled, kind, amounts.seconds)
            measured.append((answers, answers * amounts.seconds / (processor_seconds(workers) - before)))
    note = f"{page.sizes['200'] / 1000:,.1f} kB; the feed's {peer.sizes['200'] / 1000:,.1f} kB"
    return [
        figure(
            "pages",
            f"{name}, {kind}",
            unit,
            [run[at] for run in runs["page"]],
            peer="a hot feed",
            peer_runs=[run[at] for run in runs["feed"]],
            target=AGAINST_A_FEED,
            note=note,
        )
        for at, unit in enumerate(("requests/s", "requests per s of processor"))
    ]
