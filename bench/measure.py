"""What is measured. Each figure is the median of its rounds; a round's own rate is work done by seconds taken."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
import redis
from msgspec import Struct

from app import store
from app.cache import Cache
from app.store import Engine, Original
from bench.releases import OFFICE, Sample, axes, document, item, samples
from bench.server import ROOT, Connection, Running, get, post, prepared, running
from feeds import FORMATS

SMALL = 1_000  # articles in the smaller archive
LOADED_AT_ONCE = 1_000  # articles put in one transaction
PLACES, PAGE = 8, 20  # cold feeds ask for the most frequent regions, of which each page is full in either archive


class Plan(Struct, frozen=True):
    """How much is done in each round."""

    rounds: int
    small: int  # articles in the smaller archive
    large: int  # and in the larger
    single: int  # releases of one article, each round and kind
    batches: int  # releases of 100
    cold: int  # requests
    hot: int
    imported: tuple[int, int]  # articles of the smaller and of the larger archive that is imported
    embargoed: int  # articles of one release, until one instant


class Result(Struct, frozen=True):
    """One figure."""

    name: str
    value: float  # the median of `runs`
    unit: str
    runs: tuple[float, ...]
    articles: int | None = None  # in the archive; None: it grows while measured


Say = Callable[[str], None]


def plan(*, quick: bool, articles: int) -> Plan:
    """The amounts: quick ones show that it works, and nothing else."""
    if quick:
        return Plan(1, min(200, articles), articles, 20, 1, 5, 50, (50, 200), 50)
    return Plan(3, min(SMALL, articles), articles, 200, 5, 40, 3_000, (3_000, 30_000), 1_000)


def ingest(plan: Plan, say: Say) -> list[Result]:
    """Releases pushed over HTTP, each on disk before its answer."""
    results = []
    with running() as server:
        # A few first, so that schemas and code tables are read.
        _push(server, [document([part]) for part in samples(8, "warm")], 4)
        for clients in (1, 4):
            say(f"ingest, one article a release, {clients} clients")
            rates = []
            for number in range(plan.rounds):
                bodies = [document([part]) for part in samples(plan.single, f"single-{clients}-{number}")]
                rates.append(plan.single / _push(server, bodies, clients))
            name = f"push one by one, {clients} {'client' if clients == 1 else 'clients'}"
            results.append(result(name, rates, "articles/s"))
        say("ingest, 100 articles a release")
        rates = []
        for number in range(plan.rounds):
            made = samples(plan.batches * 100, f"batch-{number}")
            bodies = [document(batch) for batch in _batches(made, 100)]
            rates.append(plan.batches * 100 / _push(server, bodies, 1))
        results.append(result("push 100 a release, 1 client", rates, "articles/s"))
    return results


def imports(plan: Plan, say: Say) -> list[Result]:
    """`pressrelay import --backfill` of a directory, one article a file, into an empty database: the whole command."""
    results = []
    for size in plan.imported:
        with TemporaryDirectory(prefix="pressrelay-bench-") as archive:
            say(f"import, writing {size:,} files")
            write_archive(Path(archive), size)
            rates, sizes = [], []
            for number in range(plan.rounds):
                say(f"import, {size:,} articles, round {number + 1}")
                seconds, memory = imported(Path(archive))
                rates.append(size / seconds)
                sizes.append(memory)
            results.append(result("import a directory", rates, "articles/s", size))
            results.append(result("import, memory of its largest process", sizes, "MiB", size))
    return results


def write_archive(directory: Path, size: int) -> None:
    """So many files of one article, a thousand a folder."""
    for part in samples(size, "import"):
        folder = directory / f"{part.number // 1_000:04}"
        folder.mkdir(exist_ok=True)
        (folder / f"{part.number:07}.xml").write_bytes(document([part]))


def imported(archive: Path) -> tuple[float, float]:
    """Seconds that an import takes, and MiB of the largest of its processes. Raises RuntimeError when it fails."""
    with prepared() as ready:
        command = [sys.executable, "-m", "app.cli", "import", str(archive), "--office", OFFICE.code, "--backfill"]
        log = Path(ready.settings.data_dir, "import.log")
        start = time.perf_counter()
        with log.open("wb") as output:
            process = subprocess.Popen(command, cwd=ROOT, env=ready.environ, stdout=output, stderr=output)
            # wait4 alone tells the memory, of the process and of the children it waited for. getrusage(2)
            _, status, usage = os.wait4(process.pid, 0)
        taken = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            raise RuntimeError(f"The import ended with {process.returncode}:\n{log.read_text()}")
        return taken, usage.ru_maxrss / 1024


def feeds(plan: Plan, say: Say) -> list[Result]:
    """Feed requests, rendered anew and from the cache, with a small and a large archive behind them."""
    results = []
    for size in dict.fromkeys((plan.small, plan.large)):

        def preload(engine: Engine, url: str, size: int = size) -> None:
            say(f"feeds, loading {size:,} articles")
            _load(engine, url, size)

        with running(preload) as server:
            say(f"feeds, {size:,} articles")
            results += _feeds(server, plan, size)
    return results


def _feeds(server: Running, plan: Plan, size: int) -> list[Result]:
    requests = {name: [get(path) for path in paths(name)] for name in FORMATS}
    cache = Cache(server.settings.redis, store.instance(server.engine))
    client = redis.Redis.from_url(server.settings.redis)
    newest = store.newest_seq(server.engine)
    results = []
    for name, asked in requests.items():
        _cold(server, asked, len(asked), lambda: None)
        rates = [_cold(server, asked, plan.cold, lambda: cache.renew(newest)) for _ in range(plan.rounds)]
        results.append(result(f"{name}, rendered anew", rates, "requests/s", size))
    rates = [_cold(server, requests["atom"], plan.cold, client.flushall) for _ in range(plan.rounds)]
    results.append(result("atom, cache empty", rates, "requests/s", size))
    for clients in (1, 4):
        _hot(server, requests["atom"], len(requests["atom"]), 1)
        rates = [plan.hot / _hot(server, requests["atom"], plan.hot, clients) for _ in range(plan.rounds)]
        name = f"atom, from the cache, {clients} {'client' if clients == 1 else 'clients'}"
        results.append(result(name, rates, "requests/s", size))
    cache.close()
    client.close()
    return results


def paths(name: str) -> list[str]:
    """The feeds asked for."""
    frequent = axes()[0].values[:PLACES]
    return [f"/feed.{name}?region={region.code.replace(':', '%3A')}&limit={PAGE}" for region in frequent]


def _cold(server: Running, requests: Sequence[bytes], count: int, before: Callable[[], object]) -> float:
    """Requests a second; what is done before each request is not counted."""
    taken = 0.0
    with Connection(server.settings.port) as connection:
        for number in range(count):
            before()
            start = time.perf_counter()
            connection.ask(requests[number % len(requests)], 200)
            taken += time.perf_counter() - start
    return count / taken


def _hot(server: Running, requests: Sequence[bytes], count: int, clients: int) -> float:
    todo = [requests[number % len(requests)] for number in range(count)]
    return _spread(server, todo, clients, 200)


def _push(server: Running, bodies: Sequence[bytes], clients: int) -> float:
    return _spread(server, [post(server.token, body) for body in bodies], clients, 201)


def _spread(server: Running, requests: Sequence[bytes], clients: int, expected: int) -> float:
    """Seconds from the first request to the last answer."""

    def work(connection: Connection, own: Sequence[bytes]) -> None:
        for request in own:
            connection.ask(request, expected)

    connections = [Connection(server.settings.port) for _ in range(clients)]
    with ThreadPoolExecutor(clients) as pool:
        start = time.perf_counter()
        done = [pool.submit(work, connection, requests[n::clients]) for n, connection in enumerate(connections)]
        for future in done:
            future.result()
        taken = time.perf_counter() - start
    for connection in connections:
        connection.socket.close()
    return taken


def _load(engine: Engine, url: str, size: int) -> None:
    for batch in _batches(samples(size, "archive"), LOADED_AT_ONCE):
        items = [item(part, url) for part in batch]
        original = Original(b"<bench/>", "application/xml", OFFICE.code)
        store.put(
            engine, [(original, items)], lambda item: msgspec.json.encode({"id": item.article.id}), datetime.now(UTC)
        )


def _batches(made: Iterator[Sample], size: int) -> Iterator[list[Sample]]:
    while batch := list(islice(made, size)):
        yield batch


def result(name: str, rates: Sequence[float], unit: str, articles: int | None = None) -> Result:
    """The figure of these rounds."""
    runs = tuple(round(rate, 1) for rate in rates)
    return Result(name, round(statistics.median(rates), 1), unit, runs, articles)


def ratios(results: Sequence[Result]) -> dict[str, float]:
    """The value with the larger archive by that with the smaller: 1 is the promise that the archive's size costs nothing."""
    found: dict[str, dict[int, float]] = {}
    for result in results:
        if result.articles is not None:
            found.setdefault(result.name, {})[result.articles] = result.value
    return {name: round(own[max(own)] / own[min(own)], 3) for name, own in found.items() if len(own) > 1}
