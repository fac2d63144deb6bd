"""Measures the live count of the feed builder, in a small and in a large archive. All articles are in the period that is counted,
which is the most expensive case."""

import time
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from urllib.parse import parse_qsl

from app import store
from app.query import Query, parse
from app.store import Engine
from bench.amounts import Amounts
from bench.copied import fill_by_copies
from bench.figures import Figure, Say, Target, figure, percentile
from bench.polling import pairs_by_frequency
from bench.processes import processor_seconds, web_workers
from bench.releases import OFFICE
from bench.server import Connection, get, prepared, serving

COUNT, PAGE = Target(30.0, sense="at most"), Target(20.0, sense="at most")  # milliseconds

BEFORE_ALL = datetime(2000, 1, 1, tzinfo=UTC)


def builder(amounts: Amounts, say: Say) -> list[Figure]:
    """Measure the count and the preview in the store alone, and the page over one connection, with counts that are in no cache."""
    figures: list[Figure] = []
    with ExitStack() as stack:
        ready = {}
        for size in (amounts.small, amounts.large):
            ready[size] = stack.enter_context(prepared(Path(amounts.keep, str(size)) if amounts.keep else None))
            fill_by_copies(ready[size], size, say)
        for name, asked in questions().items():
            say(f"builder, {name}")
            query = parse(parse_qsl(asked), [OFFICE.code])
            runs = {
                size: [_times(one.engine, query, amounts) for _ in range(amounts.rounds)] for size, one in ready.items()
            }
            mine, its = ([percentile(run, 0.5) for run in runs[size]] for size in (amounts.large, amounts.small))
            what = f"count and preview of {name}, {amounts.large:,} articles, p50"
            figures.append(figure("builder", what, "ms", mine, peer=f"{amounts.small:,}", peer_runs=its, target=COUNT))
        with serving(ready[amounts.large]) as server, Connection(server.port) as connection:
            workers = web_workers(server.pid)
            for name, asked in questions().items():
                say(f"builder, the page of {name}")
                path = f"/feeds/build?{asked}"
                pages, spent = [], []
                for _ in range(amounts.rounds):
                    before = processor_seconds(workers)
                    pages.append(_pages(connection, path, amounts))
                    spent.append((processor_seconds(workers) - before) * 1000 / amounts.pages)
                what = f"the page of {name}, {amounts.large:,} articles"
                p50s = [percentile(run, 0.5) for run in pages]
                figures.append(figure("builder", f"{what}, p50", "ms", p50s, target=PAGE))
                figures.append(figure("builder", f"{what}, processor time of the workers", "ms", spent, target=PAGE))
    return figures


def questions() -> dict[str, str]:
    """name -> the parameters of a feed: the largest feeds of the archive, those that must read the most rows, and searches for
    words."""
    pairs = [*islice(pairs_by_frequency(), 20)]
    places = [*dict.fromkeys(region.code for region, _ in pairs)][:5]
    topic = pairs[0][1].code
    place, several = places[0], "&".join(f"region={code}" for code in places)
    return {
        "everything": "",
        "a region and a topic": f"region={place}&topic={topic}",
        "several regions": several,
        "all but a region and a language": f"exclude_region={place}&exclude_lang=ko",
        "a region without itself": f"office={OFFICE.code}&exclude_region=kr",
        "five regions and a topic, in one language, with two exclusions": (
            f"{several}&topic={topic}&lang=ko&exclude_genre=reference&exclude_lang=en"
        ),
        "a frequent word": "q=%EC%98%88%EC%82%B0",
        "a frequent word in a region": f"q=%EC%98%88%EC%82%B0&region={place}",
    }


def _times(engine: Engine, query: Query, amounts: Amounts) -> list[float]:
    """Milliseconds of processor time of each glance: with SQLite the database works in this thread."""
    taken = []
    for _ in range(amounts.pages):
        start = time.thread_time()  # other programs do not disturb it
        store.feeds.glance(engine, query, (BEFORE_ALL, BEFORE_ALL), 10)
        taken.append((time.thread_time() - start) * 1000)
    return taken


def _pages(connection: Connection, path: str, amounts: Amounts) -> list[float]:
    """Milliseconds of each page."""
    taken = []
    request = get(path, Accept="text/html")
    for _ in range(amounts.pages):
        start = time.perf_counter()
        connection.ask(request, 200)
        taken.append((time.perf_counter() - start) * 1000)
    return taken
