"""The metrics for monitoring, in Prometheus' text format: numbers about public articles and about the work of the server.

People who read metrics are often not allowed to read articles under embargo. So no number here counts or measures anything under
embargo, such as a delivery to an accredited subscriber or an article of a source before its instant. docs/operating.md lists what is
left out, and where it can be seen.
"""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from app import store
from app.errors import Unavailable
from app.store import Engine


class FromDatabase(Collector):
    """Every number comes from the database, so all processes report the same."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def describe(self) -> list[Metric]:
        """No metrics, because registering must not use the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All metrics; only `pressrelay_database_up 0` while the database cannot be used."""
        try:
            seq, due = store.articles.newest_seq(self._engine), store.articles.next_due(self._engine)
            sources, figures = store.accounts.all_sources(self._engine), store.deliveries.figures(self._engine)
        except Unavailable:
            yield _gauge("pressrelay_database_up", "1 while the database answers", 0)
            return
        now = store.clock.database_now(self._engine).timestamp()
        yield _gauge("pressrelay_database_up", "1 while the database answers", 1)
        yield _gauge("pressrelay_changes", "Number of changes of public articles so far", seq)
        # 0 until the instant is past, so that embargoes that are not over yet do not show.
        late = max(0.0, now - due / 1_000_000) if due is not None else 0.0
        yield _gauge(
            "pressrelay_lift_late_seconds",
            "Seconds for which the oldest embargo that is over has not been lifted",
            late,
        )
        yield from _sources(sources)
        yield from _deliveries(figures, now)


def text(engine: Engine) -> bytes:
    """The document."""
    registry = CollectorRegistry()
    registry.register(FromDatabase(engine))
    return generate_latest(registry)


def _gauge(name: str, help: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help, value=value)


def _sources(sources: list[store.accounts.Source]) -> Iterator[Metric]:
    """The state of pulling. What a source brought last is left out, because it would reveal articles under embargo."""
    last = GaugeMetricFamily(
        "pressrelay_source_last_ok_seconds", "Unix time of the last successful pull of a source", labels=["source"]
    )
    failures = GaugeMetricFamily("pressrelay_source_failures", "Failed pulls since the last success", labels=["source"])
    alarm = GaugeMetricFamily(
        "pressrelay_source_alarm", "1 while the source has this alarm", labels=["source", "alarm"]
    )
    for source in sources:
        last.add_metric([source.name], source.last_ok / 1_000_000)
        failures.add_metric([source.name], source.failures)
        alarm.add_metric([source.name, "failing"], source.alarm == "failing")
    yield from (last, failures, alarm)


def _deliveries(figures: store.deliveries.Figures, now: float) -> Iterator[Metric]:
    """The state of the deliveries of public articles to subscribers."""
    subscriptions = GaugeMetricFamily(
        "pressrelay_subscriptions", "Subscriptions to public feeds", labels=["kind", "state"]
    )
    for labels, count in sorted(figures.subscriptions.items()):
        subscriptions.add_metric(labels, count)
    outcomes = CounterMetricFamily("pressrelay_deliveries", "Delivery attempts by outcome", labels=["kind", "outcome"])
    seconds = CounterMetricFamily(
        "pressrelay_delivery_seconds", "Seconds that delivery attempts took", labels=["kind", "outcome"]
    )
    for labels, (count, millis) in sorted(figures.outcomes.items()):
        outcomes.add_metric(labels, count)
        seconds.add_metric(labels, millis / 1000)
    late = max(0.0, now - figures.oldest / 1_000_000) if figures.oldest else 0.0
    yield from (subscriptions, outcomes, seconds)
    yield _gauge("pressrelay_deliveries_waiting", "Subscriptions with a public delivery that is due", figures.due)
    yield _gauge("pressrelay_deliveries_late_seconds", "Seconds by which the oldest due delivery is late", late)
