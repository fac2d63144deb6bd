"""What a monitor is told, in Prometheus' text format: numbers of what is public, and of how the server does its work.

Whoever reads metrics often may not read what is under embargo, so nothing here counts, times or measures what waits: a delivery to an
accredited subscriber, an article of a source before its instant. docs/operating.md lists what is left out, and where it can be seen.
"""

import time
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app import store
from app.errors import Unavailable
from app.store import Engine, Figures, Source


class FromDatabase(Collector):
    """Every number comes from the database, so that each process tells the same."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def describe(self) -> list[Metric]:
        """Nothing: registering must not ask the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All metrics; `pressrelay_database_up 0` alone while the database cannot be used."""
        try:
            seq, due = store.newest_seq(self._engine), store.next_due(self._engine)
            sources, figures = store.all_sources(self._engine), store.figures(self._engine)
        except Unavailable:
            yield _gauge("pressrelay_database_up", "1 while the database answers", 0)
            return
        now = time.time()
        yield _gauge("pressrelay_database_up", "1 while the database answers", 1)
        yield _gauge("pressrelay_changes", "Changes of public articles since the first", seq)
        # 0 until the instant is past, whatever waits: a lift that is not due yet shows nowhere.
        late = max(0.0, now - due / 1_000_000) if due is not None else 0.0
        yield _gauge("pressrelay_lift_late_seconds", "How long the oldest embargo that is over was not lifted", late)
        yield from _sources(sources)
        yield from _deliveries(figures, now)


def text(engine: Engine) -> bytes:
    """The document."""
    registry = CollectorRegistry()
    registry.register(FromDatabase(engine))
    return generate_latest(registry)


def _gauge(name: str, help: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help, value=value)


def _sources(sources: list[Source]) -> Iterator[Metric]:
    """How pulling goes. What a source brought last, and whether that was nothing, would tell of articles under embargo."""
    last = GaugeMetricFamily(
        "pressrelay_source_last_ok_seconds", "When a source was last pulled well, Unix time", labels=["source"]
    )
    failures = GaugeMetricFamily("pressrelay_source_failures", "Failures since the last success", labels=["source"])
    alarm = GaugeMetricFamily("pressrelay_source_alarm", "1 while it has this alarm", labels=["source", "alarm"])
    for source in sources:
        last.add_metric([source.name], source.last_ok / 1_000_000)
        failures.add_metric([source.name], source.failures)
        alarm.add_metric([source.name, "failing"], source.alarm == "failing")
    yield from (last, failures, alarm)


def _deliveries(figures: Figures, now: float) -> Iterator[Metric]:
    """How the deliveries of public articles to subscribers stand."""
    subscriptions = GaugeMetricFamily(
        "pressrelay_subscriptions", "Subscriptions to public feeds", labels=["kind", "state"]
    )
    for labels, count in sorted(figures.subscriptions.items()):
        subscriptions.add_metric(labels, count)
    outcomes = CounterMetricFamily(
        "pressrelay_deliveries", "Attempts by what became of them", labels=["kind", "outcome"]
    )
    seconds = CounterMetricFamily("pressrelay_delivery_seconds", "What they took", labels=["kind", "outcome"])
    for labels, (count, millis) in sorted(figures.outcomes.items()):
        outcomes.add_metric(labels, count)
        seconds.add_metric(labels, millis / 1000)
    late = max(0.0, now - figures.oldest / 1_000_000) if figures.oldest else 0.0
    yield from (subscriptions, outcomes, seconds)
    yield _gauge("pressrelay_deliveries_waiting", "Subscriptions that something public waits for", figures.due)
    yield _gauge("pressrelay_deliveries_late_seconds", "How long the one that is due longest is late", late)
