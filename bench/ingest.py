"""Measures pushes over HTTP. Each release is on disk before the server answers.

The processor time is that of the web workers, so other work on the machine disturbs it less than the rates.
"""

from bench.amounts import Amounts
from bench.archive import batches
from bench.figures import Figure, Say, Target, figure, percentile
from bench.processes import processor_seconds, web_workers
from bench.releases import document, samples
from bench.server import Running, post, running, spread

RATES, P50 = {4: 800.0, 8: 900.0}, 3.0  # releases a second with so many clients; milliseconds with one
BATCH, BATCH_RATE = 100, 3_000.0  # articles a release; articles a second


def ingest(amounts: Amounts, say: Say) -> list[Figure]:
    """Push releases of one article with 1, 4 and 8 clients, and releases of a hundred articles."""
    with running() as server:
        # Push a few first, so that schemas and code tables are loaded.
        _push(server, [document([part]) for part in samples(8, "warm")], 4)
        return [*_single(server, amounts, say), *_batches(server, amounts, say)]


def _single(server: Running, amounts: Amounts, say: Say) -> list[Figure]:
    rates: dict[int, list[float]] = {1: [], **{clients: [] for clients in RATES}}
    spent: dict[int, list[float]] = {clients: [] for clients in rates}
    p50, p99 = [], []
    for number in range(amounts.rounds):
        for clients in rates:
            say(f"ingest, one article a release, clients {clients}, round {number + 1}")
            bodies = [document([part]) for part in samples(amounts.single, f"single-{clients}-{number}")]
            before = processor_seconds(workers := web_workers(server.pid))
            seconds, each = _push(server, bodies, clients)
            spent[clients].append((processor_seconds(workers) - before) * 1000 / len(bodies))
            rates[clients].append(len(bodies) / seconds)
            if clients == 1:
                p50.append(percentile(each, 0.5) * 1000)
                p99.append(percentile(each, 0.99) * 1000)
    target = Target(P50, sense="at most")
    return [
        figure("ingest", "push one by one, 1 client, p50", "ms", p50, target=target),
        figure("ingest", "push one by one, 1 client, p99", "ms", p99),
        figure("ingest", "push one by one, 1 client", "releases/s", rates[1]),
        *(
            figure("ingest", f"push one by one, {clients} clients", "releases/s", rates[clients], target=Target(bound))
            for clients, bound in RATES.items()
        ),
        *(
            figure("ingest", f"processor time of a push, clients {clients}", "ms", milliseconds)
            for clients, milliseconds in spent.items()
        ),
    ]


def _batches(server: Running, amounts: Amounts, say: Say) -> list[Figure]:
    rates, spent = [], []
    for number in range(amounts.rounds):
        say(f"ingest, {BATCH} articles a release, round {number + 1}")
        made = samples(amounts.batches * BATCH, f"batch-{number}")
        bodies = [document(batch) for batch in batches(made, BATCH)]
        before = processor_seconds(workers := web_workers(server.pid))
        rates.append(amounts.batches * BATCH / _push(server, bodies, 1)[0])
        spent.append((processor_seconds(workers) - before) * 1000 / (amounts.batches * BATCH))
    what = f"push {BATCH} articles a release, 1 client"
    return [
        figure("ingest", what, "articles/s", rates, target=Target(BATCH_RATE)),
        figure("ingest", "processor time of an article of it", "ms", spent),
    ]


def _push(server: Running, bodies: list[bytes], clients: int) -> tuple[float, list[float]]:
    return spread(server.port, [post(server.token, body) for body in bodies], clients, 201)
