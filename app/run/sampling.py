"""Notes in the database, every ten seconds, what this host measured in the present ten minutes: for plots of the operator's page."""

import logging
import threading
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from socket import gethostname

from app import measures, store
from app.errors import Unavailable
from app.measures import MeasuredSums, pooled
from app.settings import Settings
from app.store import Engine
from app.store.samples import Host, note_sample, sample_span

log = logging.getLogger("pressrelay.sampling")
PERIOD = 10.0  # seconds between two notes
FIRST = 3.0  # seconds until the first one, so that a new server soon shows something
TAKEN = ("accepted", "unchanged")  # outcomes of articles that were not refused


class Sampler:
    """Notes what one host measures. One thread uses it."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        self._settings = settings
        self._engine = engine
        self._host = f"{gethostname()[:60]}:{settings.port}"
        self._started = datetime.now(UTC)
        self._span = 0
        self._before = measures.read(settings.data_dir)  # what had been measured when the present span began

    def note(self, now: datetime) -> None:
        """Note what was measured in the present span. Raises Unavailable."""
        sums = measures.read(self._settings.data_dir)
        if sample_span(now) != self._span:
            if self._span:
                self._note(self._before, sums, now, self._span)
                self._before = sums
            self._span = sample_span(now)
        self._note(self._before, sums, now, self._span)

    def _note(self, before: MeasuredSums, sums: MeasuredSums, now: datetime, span: int) -> None:
        began = time.perf_counter()
        store.articles.newest_seq(self._engine)
        database = time.perf_counter() - began
        values = values_of(measures.since(sums, before)) | {"database": database}
        host = Host(self._host, own_version(), store.schema.newest(), self._started, now)
        note_sample(self._engine, host, values, span)


def values_of(came: MeasuredSums) -> dict[str, float]:
    """The samples of what was measured in a span, by their names; durations in seconds."""
    requests = [(labels, one) for (name, labels), one in came.durations.items() if name == "request_seconds"]
    taken = [(labels[-1], number) for (name, labels), number in came.counts.items() if name == "articles_taken"]
    return {
        "requests": pooled(one for _, one in requests).number,
        "errors": pooled(one for labels, one in requests if labels[-1] >= "500").number,
        "slow": pooled(one for labels, one in requests if labels[0] == "long").quantile(0.99),
        "taken": sum(number for outcome, number in taken if outcome == "accepted"),
        "refused": sum(number for outcome, number in taken if outcome not in TAKEN),
        "lifted": came.counts.get(("embargoes_lifted", ()), 0),
        "lift": pooled(one for (name, _), one in came.durations.items() if name == "lift_seconds").quantile(1.0),
    }


def own_version() -> str:
    """The version of this program; empty if it runs from a checkout that was not installed."""
    try:
        return version("pressrelay")
    except PackageNotFoundError:
        return ""


def keep_sampling(settings: Settings, engine: Engine, stop: threading.Event) -> threading.Thread:
    """Note samples on a thread of its own until `stop` is set."""

    def work() -> None:
        sampler, failed = Sampler(settings, engine), False
        wait = FIRST
        while not stop.wait(wait):
            wait = PERIOD
            try:
                sampler.note(datetime.now(UTC))
                failed = False
            except Unavailable as error:
                if not failed:
                    log.error("samples cannot be noted: %s", error)
                failed = True

    thread = threading.Thread(target=work, name="sampling", daemon=True)
    thread.start()
    return thread
