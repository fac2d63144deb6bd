"""Compares the estimate of `pressrelay plan` with what pushes, polls and deliveries take on a real server, at two sizes. The costs
are measured in the same run, so that only the model is compared, and not two machines.
"""

import time
from collections.abc import Sequence

from msgspec import Struct

from app.sizing import BYTES_WITHIN, PROCESSOR_WITHIN, Costs, Demand, KeptCounts, counts_of, spent_on, stored_bytes
from bench.amounts import Amounts, Simulated
from bench.costs import costs_on
from bench.figures import Figure, Say, Target, figure
from bench.measured import Measured, measured, text_of
from bench.polling import path_of
from bench.releases import Sample, axes, grid
from bench.server import Connection, get
from schemas import Code

KIND = "sqlite"
PAGE = 50  # articles in a feed
POLLS = 4  # of each feed by each poller in a round
ENCODINGS = ("gzip", "gzip", "gzip", "identity")  # of the pollers; two are connected to each web worker
SETTLED = 1.0  # seconds after the last answer, in which the server finishes what it postponed


def plan(amounts: Amounts, say: Say) -> list[Figure]:
    """For each size and each quantity, the estimate and the measured value."""
    costs = costs_on(KIND, amounts, say)
    figures = []
    for size in amounts.simulated:
        say(f"plan, {size.feeds} feeds, {size.pushes * size.rounds} pushes")
        for what, unit, predicted, found in _compared(size, costs, min(PAGE, amounts.page)):
            within = PROCESSOR_WITHIN if unit == "ms" else BYTES_WITHIN
            figures.append(
                figure(
                    "plan",
                    f"{size.feeds} feeds, {size.pushes * size.rounds} pushes, {size.subscribers * 2} subscribers: {what}",
                    unit,
                    [predicted],
                    peer="measured",
                    peer_runs=[found],
                    target=Target(within, "ratio", "within"),
                )
            )
    return figures


def _compared(size: Simulated, costs: Costs, page: int) -> list[tuple[str, str, float, float]]:
    """(what, unit, predicted, measured) of one simulation."""
    regions, topics = axes()
    topic = topics.values[-1]
    used = regions.values[-size.feeds :]
    pairs = [(region, topic) for region in used]
    archive = list(grid(pairs, page, "archive"))
    subscribers = {"webhook": (used[0], size.subscribers), "websub": (used[1], size.subscribers)}
    with measured(KIND, archive, subscribers) as on:
        simulation = _Simulation(on, size, pairs, page)
        simulation.poll()  # so that all feeds are hot
        stored, came, before, begun = on.database_bytes(), on.came()[0], on.spent(), time.monotonic()
        simulation.counted = Counted()
        simulation.run()
        time.sleep(SETTLED)
        seconds = time.monotonic() - begun
        spent = on.spent() + before * -1
        delivered = on.came()[0] - came
        demand = simulation.demand(delivered)
        pushes = size.pushes * size.rounds
        counted = simulation.counted
        counts = counts_of(demand, pushes, counted.polls, seconds, len(on.workers))
        said = spent_on(costs, demand, counts)
        kept = KeptCounts(len(archive) + pushes, len(archive) + pushes, size.feeds + counts.rendered, delivered)
        bytes_said = stored_bytes(costs, demand, kept)
        grown = stored_bytes(costs, demand, KeptCounts(len(archive), 0, 0, 0)).database
        memory = on.memory()
        return [
            ("processor time of the web workers", "ms", said.web, spent.web),
            ("processor time of the deliveries", "ms", said.deliver, spent.deliver),
            ("processor time of everything", "ms", said.total(), spent.total()),
            ("growth of the database", "bytes", bytes_said.database - grown, on.database_bytes() - stored),
            ("the cache", "bytes", bytes_said.cached, on.cache_bytes()),
            ("memory of a web worker", "bytes", costs.web_memory + bytes_said.copies, memory["web"]),
            ("memory of the delivery worker", "bytes", costs.deliver_memory, memory["deliver"]),
            ("memory of the background processes", "bytes", costs.background_memory, memory["background"]),
        ]


class Counted(Struct):
    """What the load generator saw."""

    polls: int = 0
    unchanged: int = 0
    changed: int = 0  # feeds whose ETag changed, in one encoding


class _Simulation:
    """Pushes in rounds; after each, all pollers poll all feeds, with the ETag of their last answer."""

    def __init__(self, on: Measured, size: Simulated, pairs: Sequence[tuple[Code, Code]], page: int) -> None:
        self.on, self.size, self.pairs, self.page = on, size, pairs, page
        self.paths = [path_of(region, topic, page) for region, topic in pairs]
        made = list(grid(pairs, -(-size.pushes * size.rounds // len(pairs)), "simulated"))
        self.parts: list[Sample] = made[: size.pushes * size.rounds]
        self.tags: dict[tuple[int, str], str] = {}  # by poller and address
        self.known: dict[tuple[str, str], str] = {}  # by encoding and address
        self.counted = Counted()

    def run(self) -> None:
        """All rounds. After each push, wait for its deliveries, so that none is sent together with the next."""
        for number in range(self.size.rounds):
            for part in self.parts[number * self.size.pushes : (number + 1) * self.size.pushes]:
                reached = part.region in (self.pairs[0][0], self.pairs[1][0])
                expected = self.on.came()[0] + self.size.subscribers * reached
                self.on.push([part])
                if reached:
                    self.on.wait_for(expected)
            for _ in range(POLLS):
                self.poll()

    def poll(self) -> None:
        """Each poller polls each feed once."""
        self.on.connect()
        for poller, encoding in enumerate(ENCODINGS):
            connection = self.on.workers[poller % len(self.on.workers)]
            for path in self.paths:
                self._ask(connection, poller, encoding, path)

    def _ask(self, connection: Connection, poller: int, encoding: str, path: str) -> None:
        tag = self.tags.get((poller, path), "")
        headers = {"If_None_Match": tag} if tag else {}
        answer = connection.answer(get(path, Accept_Encoding=encoding, **headers), 200, 304)
        self.counted.polls += 1
        if answer.status == 304:
            self.counted.unchanged += 1
            return
        self.tags[poller, path] = answer.header("etag")
        if self.known.get((encoding, path)) != answer.header("etag"):
            self.known[encoding, path] = answer.header("etag")
            self.counted.changed += 1

    def demand(self, delivered: int) -> Demand:
        """How an operator would have described this load."""
        pushes = len(self.parts)
        return Demand(
            offices=1,
            pushes=pushes,
            busiest_hour=1.0,
            busiest_minute=1.0,
            text=text_of(self.parts),
            files=0.0,
            years=1.0,
            feeds=self.size.feeds,
            changed=self.counted.changed / len(set(ENCODINGS)) / pushes,
            page=self.page,
            polls=0.0,
            compressed=ENCODINGS.count("gzip") / len(ENCODINGS),
            unchanged=self.counted.unchanged / self.counted.polls,
            proxied=0.0,
            webhooks=self.size.subscribers,
            websubs=self.size.subscribers,
            mails=0.0,
            reached=delivered / pushes,
        )
