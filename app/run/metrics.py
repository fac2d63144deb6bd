"""The metrics for monitoring, in Prometheus' text format: numbers about public articles and about the work of the server.

People who read metrics are often not allowed to read articles under embargo. So no number here counts or measures anything under
embargo, such as a push that waits, a delivery to an accredited subscriber, or an article of a source before its instant.
docs/operating.md lists the metrics, what is left out, and where it can be seen.
"""

import shutil
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from operator import itemgetter
from pathlib import Path
from urllib.parse import urlsplit

from msgspec import Struct
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from app import measures, store
from app.cache.redis import Cache
from app.errors import Unavailable
from app.settings import Settings
from app.store import Engine

CERTIFICATE = 3600.0  # seconds between two looks at the certificate of the public address
CERTIFICATE_WAITS = 3.0  # seconds that such a look may take
OFFICES = 60.0  # seconds between two looks at the newest article of each office

# What the processes measure (app/measures.py): name there -> (name of the metric, help, names of the labels).
COUNTS = {
    "articles_taken": (
        "pressrelay_articles_taken",
        "Articles taken in, or refused for that reason, without those that wait for an embargo",
        ("dialect", "outcome"),
    ),
    "embargoes_lifted": ("pressrelay_embargoes_lifted", "Embargoes lifted", ()),
}
DURATIONS = {
    "request_seconds": (
        "pressrelay_request_seconds",
        "How long answers took, without those that are private or that took in something that waits",
        ("way", "route", "method", "status"),
    ),
    "lift_seconds": ("pressrelay_lift_seconds", "From the end of an embargo until its article was public", ()),
}


class Vitals(Struct, frozen=True):
    """The most important numbers about the server; every host finds the same."""

    answered: float  # seconds that two small queries of the database took
    seq: int  # number of changes of public articles so far
    lift: float  # seconds since the end of the oldest embargo that has not been lifted
    figures: store.deliveries.Figures
    delivery: float  # seconds by which the oldest due delivery is late
    orders: store.operation.OperatorOrders


def vitals(engine: Engine) -> Vitals:
    """How the server is now. Raises Unavailable."""
    began = time.perf_counter()
    seq, due = store.articles.newest_seq(engine), store.articles.next_due(engine)
    answered = time.perf_counter() - began
    figures, orders = store.deliveries.figures(engine), store.operation.now_holds(engine)
    return Vitals(answered, seq, _late(engine, due), figures, _late(engine, figures.oldest), orders)


def lift_late(engine: Engine) -> float:
    """Seconds since the end of the oldest embargo that has not been lifted; 0 if none has ended, so that running embargoes do not
    show. Raises Unavailable."""
    return _late(engine, store.articles.next_due(engine))


def _late(engine: Engine, due: int | None) -> float:
    """Seconds since an instant (micros) by the clock that decides; 0 if it is still to come, or if there is none."""
    return max(0.0, store.clock.database_now(engine).timestamp() - due / 1_000_000) if due else 0.0


class FromDatabase(Collector):
    """These numbers come from the database, so all hosts report the same."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._offices: dict[str, int] = {}
        self._looked = -OFFICES

    def describe(self) -> list[Metric]:
        """No metrics, because registering must not use the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All metrics; only `pressrelay_database_up 0` while the database cannot be used."""
        try:
            found = vitals(self._engine)
            sources, offices = store.accounts.all_sources(self._engine), self._newest_of_offices()
        except Unavailable:
            yield _gauge("pressrelay_database_up", "1 while the database answers", 0)
            return
        yield _gauge("pressrelay_database_up", "1 while the database answers", 1)
        words = "Seconds that two small queries of the database took"
        yield _gauge("pressrelay_database_seconds", words, found.answered)
        yield _gauge("pressrelay_changes", "Number of changes of public articles so far", found.seq)
        yield _gauge(
            "pressrelay_lift_late_seconds",
            "Seconds since the end of the oldest embargo that has not been lifted",
            found.lift,
        )
        newest = GaugeMetricFamily(
            "pressrelay_office_newest_seconds",
            "Unix time of the newest change of an office's articles",
            labels=["office"],
        )
        for office, at in sorted(offices.items()):
            newest.add_metric([office], at / 1_000_000)
        yield newest
        yield _gauge(
            "pressrelay_backup_seconds",
            "Unix time of the state that the newest backup shows; 0: there is none",
            found.orders.backed_up / 1_000_000,
        )
        yield _gauge("pressrelay_held", "1 while nothing is delivered or pulled", found.orders.held > 0)
        yield _gauge("pressrelay_drained", "1 while no releases are taken", found.orders.drained > 0)
        yield from _sources(sources)
        yield from _deliveries(found.figures, found.delivery)

    def _newest_of_offices(self) -> dict[str, int]:
        if time.monotonic() > self._looked + OFFICES:
            codes = [office.code for office in store.accounts.all_offices(self._engine)]
            self._offices = store.feeds.newest_of_offices(self._engine, codes)
            self._looked = time.monotonic()
        return self._offices


class FromHost(Collector):
    """These numbers are of this host: what its processes measured, its disk, its cache, and the certificate that its address shows."""

    def __init__(self, settings: Settings, cache: Cache) -> None:
        self._settings = settings
        self._cache = cache
        self._certificate = Certificate(settings.url)

    def describe(self) -> list[Metric]:
        """No metrics, because registering must not read files."""
        return []

    def collect(self) -> Iterator[Metric]:
        """All metrics of this host."""
        reading = measures.read(self._settings.data_dir)
        for name, (title, words, labels) in COUNTS.items():
            counter = CounterMetricFamily(title, words, labels=labels)
            for (_, values), number in sorted(one for one in reading.counts.items() if one[0][0] == name):
                counter.add_metric(values, number)
            yield counter
        for name, (title, words, labels) in DURATIONS.items():
            histogram = HistogramMetricFamily(title, words, labels=labels)
            for (_, values), one in sorted(
                (one for one in reading.durations.items() if one[0][0] == name), key=itemgetter(0)
            ):
                histogram.add_metric(values, buckets=_cumulated(one), sum_value=one.seconds)
            yield histogram
        yield _gauge("pressrelay_cache_up", "1 while the cache answers", float(self._cache.alive()))
        yield _gauge(
            "pressrelay_disk_free", "Free part of the disk with the data, rounded to 0.01", disk_free(self._settings)
        )
        if (ends := self._certificate.ends()) is not None:
            words = "Unix time at which the certificate of the public address ends"
            yield _gauge("pressrelay_certificate_ends_seconds", words, ends)


class Certificate:
    """The end of the certificate that a public https address shows; asked for at most once an hour, and beside the metrics."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self._address = (parts.hostname or "", parts.port or 443) if parts.scheme == "https" else None
        self._ends: float | None = None
        self._asked = -CERTIFICATE
        self._lock = threading.Lock()

    def ends(self) -> float | None:
        """Unix time, seconds; None: not known yet, the address is not https, or it does not answer with a valid certificate."""
        if self._address is None:
            return None
        with self._lock:
            if time.monotonic() > self._asked + CERTIFICATE:
                self._asked = time.monotonic()
                threading.Thread(target=self._ask, args=self._address, daemon=True).start()
        return self._ends

    def _ask(self, host: str, port: int) -> None:
        self._ends = ends_of(host, port)


def ends_of(host: str, port: int) -> float | None:
    """When the certificate of an address ends, Unix time; None if it does not answer with one that is valid. Certificates that are no
    longer valid count as none: clients see an error, too."""
    with suppress(OSError, ValueError):
        context = ssl.create_default_context()
        with (
            socket.create_connection((host, port), CERTIFICATE_WAITS) as plain,
            context.wrap_socket(plain, server_hostname=host) as wrapped,
        ):
            return ssl.cert_time_to_seconds(str((wrapped.getpeercert() or {})["notAfter"]))
    return None


def disk_free(settings: Settings) -> float:
    """The free part of the disk with the data directory, from 0 to 1, so coarse that no single release shows."""
    usage = shutil.disk_usage(Path(settings.data_dir))
    return round(usage.free / usage.total, 2)


def registry(settings: Settings, engine: Engine, cache: Cache) -> CollectorRegistry:
    """All metrics of this server."""
    made = CollectorRegistry()
    made.register(FromDatabase(engine))
    made.register(FromHost(settings, cache))
    return made


def text(made: CollectorRegistry) -> bytes:
    """The document."""
    return generate_latest(made)


def _cumulated(one: measures.Durations) -> list[tuple[str, float]]:
    """The buckets of Prometheus: how many took at most so long."""
    bounds = [*(str(bound) for bound in measures.BOUNDS), "+Inf"]
    sums = [float(sum(one.counts[: place + 1])) for place in range(len(one.counts))]
    return list(zip(bounds, sums, strict=True))


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


def _deliveries(figures: store.deliveries.Figures, late: float) -> Iterator[Metric]:
    """The state of the deliveries of public articles to subscribers. `late`: seconds by which the oldest due one is."""
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
    yield from (subscriptions, outcomes, seconds)
    yield _gauge("pressrelay_deliveries_waiting", "Subscriptions with a public delivery that is due", figures.due)
    yield _gauge("pressrelay_deliveries_late_seconds", "Seconds by which the oldest due delivery is late", late)
