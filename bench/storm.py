"""Measures a storm: pushes at a steady rate while many feeds in three formats are polled without pause.

An operator plans for the worst minute of a server, not for its best second. Each push is in tens of the polled feeds, so all of
these are assembled and compressed again.
"""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice, product
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import quote

from msgspec import Struct

from bench import archive, beside, wrk
from bench.amounts import Amounts
from bench.figures import Figure, Missing, Say, Target, figure, percentile
from bench.polling import pairs_of_grid
from bench.processes import below, processor_seconds, web_workers
from bench.releases import document, grid, item
from bench.server import Connection, Running, get, post, prepared, serving
from schemas import Code

FORMATS = ("rss", "atom", "json")
CLIENTS = ((32, False), (200, True))  # how many, and whether they send the validators of an earlier state
PUSHERS = 8
FLASK = "Flask + feedgen, which renders each poll"
POLLS = {10: 30_000.0, 50: 10_000.0}  # wanted polls a second, by pushes a second
P99 = {10: 20.0}  # milliseconds
PUSH_P50 = {10: 6.0}


class Round(Struct, frozen=True):
    """The results of one round."""

    polls: float  # a second
    p50: float  # milliseconds
    p99: float
    pushes: tuple[float, ...]  # milliseconds of each that was answered
    web: float  # processor seconds in a second: of the web workers,
    cache: float  # of Valkey,
    rest: float  # and of everything else below the server
    due: int = 0  # pushes that should have been answered


def storm(amounts: Amounts, say: Say) -> list[Figure]:
    """Measure polls and pushes a second at the same time. Raises Missing if wrk is not installed."""
    if why := wrk.missing():
        raise Missing(f"storm is left out: {why}.")
    pairs = pairs_of_grid(amounts.grid)
    figures: list[Figure] = []
    with prepared() as ready, TemporaryDirectory(prefix="pressrelay-bench-") as temporary:
        say(f"storm, loading {len(pairs) * amounts.page:,} articles")
        archive.load(ready.engine, ready.settings.url, grid(pairs, amounts.page, "grid"))
        articles = [part for part in grid(pairs[:1], amounts.page, "peers")]
        file = Path(temporary, "peers.db")
        beside.write_articles(file, [item(part, ready.settings.url).article for part in articles])
        with (
            serving(ready) as server,
            beside.granian(server.settings, "flask_feedgen:app", file, Path(temporary, "peers.log")) as (port, _),
        ):
            paths = [
                f"/feed.{format}?region={quote(region.code, '')}&topic={quote(topic.code, '')}"
                for format, (region, topic) in product(FORMATS, pairs)
            ]
            for clients, validators in CLIENTS:
                kind = "with validators" if validators else "without validators"
                requests = _requests(server.port, paths, validators)
                wrk.load(server.port, requests, amounts.seconds, clients)
                for rate in amounts.storm:
                    runs, peer = [], []
                    for number in range(amounts.rounds):
                        say(f"storm, {rate} pushes a second, round {number + 1}")
                        name = f"storm-{validators}-{rate}-{number}"
                        runs.append(_round(server, requests, clients, pairs, rate, amounts.seconds * 2, name))
                        peer.append(wrk.load(port, [get("/feed.rss")], max(1, amounts.seconds // 2)).rate)
                    figures += _figures(runs, peer, rate, f"{len(paths):,} feeds, {clients} clients {kind}")
    return figures


def _requests(port: int, paths: Sequence[str], validators: bool) -> list[bytes]:
    """A poll of each feed as feed readers send it, compressed; on request with the validator of the present state."""
    requests = [get(path, Accept_Encoding="gzip") for path in paths]
    if not validators:
        return requests
    with Connection(port) as connection:
        tags = [connection.answer(request, 200).header("etag") for request in requests]
    return [get(path, Accept_Encoding="gzip", If_None_Match=tag) for path, tag in zip(paths, tags, strict=True)]


def _round(
    server: Running,
    requests: Sequence[bytes],
    clients: int,
    pairs: Sequence[tuple[Code, Code]],
    rate: int,
    seconds: int,
    name: str,
) -> Round:
    workers, others = web_workers(server.pid), [pid for pid in below(server.pid)]
    cache = [pid for pid in others if b"valkey" in Path(f"/proc/{pid}/cmdline").read_bytes()]
    rest = [pid for pid in (server.pid, *others) if pid not in (*workers, *cache)]
    bodies = [post(server.token, document([part])) for part in islice(grid(pairs, seconds, name), rate * seconds)]
    taken: list[float] = []
    stop = threading.Event()
    before = [processor_seconds(group) for group in (workers, cache, rest)]
    pushers = min(PUSHERS, rate)  # so few that none is idle until the server closes its connection
    with ThreadPoolExecutor(pushers + 1) as pool:
        begins = time.monotonic() + 0.2
        done = [
            pool.submit(
                _push,
                server.port,
                bodies[number::pushers],
                [begins + at / rate for at in range(number, len(bodies), pushers)],
                stop,
                taken,
            )
            for number in range(pushers)
        ]
        load = pool.submit(wrk.load, server.port, requests, seconds, clients).result()
        stop.set()
        for each in done:
            each.result()
    spent = [
        (processor_seconds(group) - start) / seconds
        for group, start in zip((workers, cache, rest), before, strict=True)
    ]
    return Round(load.rate, load.p50 / 1000, load.p99 / 1000, tuple(taken), *spent, due=rate * seconds)


def _push(
    port: int, bodies: Sequence[bytes], instants: Sequence[float], stop: threading.Event, taken: list[float]
) -> None:
    """Push each at its instant (monotonic seconds), or as soon as the one before it is answered."""
    with Connection(port) as connection:
        for body, due in zip(bodies, instants, strict=True):
            if stop.wait(max(0.0, due - time.monotonic())):
                return
            start = time.perf_counter()
            connection.ask(body, 201)
            taken.append((time.perf_counter() - start) * 1000)


def _figures(runs: Sequence[Round], peer: Sequence[float], rate: int, what: str) -> list[Figure]:
    beside_what = f"{what}, {rate} pushes a second"
    web, cache, rest = (sum(getattr(run, name) for run in runs) / len(runs) for name in ("web", "cache", "rest"))
    note = f"cores used: web workers {web:.2f}, Valkey {cache:.2f}, the rest of the server {rest:.2f}"
    polls = Target(POLLS[rate]) if rate in POLLS else None
    p99 = Target(P99[rate], sense="at most") if rate in P99 else None
    found = [
        figure(
            "storm",
            f"{beside_what}, polls",
            "a second",
            [run.polls for run in runs],
            peer=FLASK,
            peer_runs=peer,
            target=polls,
            note=note,
        ),
        figure("storm", f"{beside_what}, p50", "ms", [run.p50 for run in runs]),
        figure("storm", f"{beside_what}, p99", "ms", [run.p99 for run in runs], target=p99),
    ]
    if rate:
        target = Target(PUSH_P50[rate], sense="at most") if rate in PUSH_P50 else None
        found += [
            figure(
                "storm",
                f"{beside_what}, a push, p50",
                "ms",
                [percentile(run.pushes, 0.5) for run in runs],
                target=target,
            ),
            figure("storm", f"{beside_what}, a push, p99", "ms", [percentile(run.pushes, 0.99) for run in runs]),
            figure(
                "storm",
                f"{beside_what}, pushes that got through in time",
                "of 1",
                [len(run.pushes) / run.due for run in runs],
                target=Target(0.95),
            ),
        ]
    return found
