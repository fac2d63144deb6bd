"""Measures freshness: how long after a push is acknowledged every web worker answers with the new bytes."""

import time
from concurrent.futures import ThreadPoolExecutor

from bench.amounts import Amounts
from bench.archive import load
from bench.figures import Figure, Say, Target, figure, percentile
from bench.polling import path_of
from bench.processes import web_workers, worker_of
from bench.releases import axes, document, grid, samples
from bench.server import Connection, Running, get, post, running

P99 = 50.0  # milliseconds
ARCHIVE = 1_000  # articles
TRIES = 500  # connections to open until each worker has one
GIVEN_UP = 10.0  # seconds after which the measurement fails


def freshness(amounts: Amounts, say: Say) -> list[Figure]:
    """Push an article, then read one feed from all workers at once, again and again until it has the article. The slowest worker
    counts."""
    p50, p99, most = [], [], []
    with running(lambda engine, url: load(engine, url, samples(ARCHIVE, "archive")) and None) as server:
        for number in range(amounts.rounds):
            say(f"freshness, {amounts.pushes} pushes, round {number + 1}")
            seen = _round(server, amounts, f"fresh-{number}")
            p50.append(percentile(seen, 0.5) * 1000)
            p99.append(percentile(seen, 0.99) * 1000)
            most.append(max(seen) * 1000)
    what = "acknowledged until the new bytes are in every worker"
    note = f"{amounts.pushes} pushes a round, a feed of {amounts.page} articles"
    return [
        figure("freshness", f"{what}, p50", "ms", p50, note=note),
        figure("freshness", f"{what}, p99", "ms", p99, target=Target(P99, sense="at most")),
        figure("freshness", f"{what}, largest", "ms", most),
    ]


def _round(server: Running, amounts: Amounts, name: str) -> list[float]:
    """Seconds for each push."""
    regions, topics = axes()
    pair = regions.values[0], topics.values[0]
    request = get(path_of(*pair, amounts.page))
    taken = []
    each = one_of_each(server, request)
    with Connection(server.port) as pusher, ThreadPoolExecutor(len(each)) as pool:
        try:
            for part in grid([pair], amounts.pushes, name):
                body = post(server.token, document([part]))
                pusher.ask(body, 201)
                start = time.perf_counter()
                mark = part.guid.encode() + b"<"
                ends = pool.map(lambda connection: _until(connection, request, mark), each)  # noqa: B023 -- ends within this turn
                taken.append(max(ends) - start)
        finally:
            for connection in each:
                connection.socket.close()
    return taken


def _until(connection: Connection, request: bytes, mark: bytes) -> float:
    """The time at which this worker answered with the article. Raises RuntimeError if it does not."""
    end = time.perf_counter() + GIVEN_UP
    while mark not in connection.ask(request, 200):
        if time.perf_counter() > end:
            raise RuntimeError(f"A web worker does not show {mark.decode()} after {GIVEN_UP:.0f} seconds.")
    return time.perf_counter()


def one_of_each(server: Running, request: bytes) -> list[Connection]:
    """A connection to each web worker. The kernel chooses the worker, so open connections until each worker has one."""
    workers = web_workers(server.pid)
    found: dict[int, Connection] = {}
    for _ in range(TRIES):
        connection = Connection(server.port)
        connection.ask(request, 200)
        worker = worker_of(connection.socket, workers)
        if worker is not None and worker not in found:
            found[worker] = connection
        else:
            connection.socket.close()
        if len(found) == len(workers):
            return list(found.values())
    for connection in found.values():
        connection.socket.close()
    raise RuntimeError(f"Only {len(found)} of {len(workers)} web workers took a connection.")
