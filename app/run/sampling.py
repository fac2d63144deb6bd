"""Notes in the database, every ten seconds, what this host measured in the present ten minutes: for plots of the operator's page."""

import logging
import threading
import time
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from socket import gethostname

from app import measures, store
from app.errors import Unavailable
from app.measures import Durations, MeasuredSums
from app.settings import Settings
from app.store import Engine
from app.store.samples import Host, newest_schema, note_sample, sample_span

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
        host = Host(self._host, own_version(), newest_schema(), self._started, now)
        note_sample(self._engine, host, values, span)


def values_of(came: MeasuredSums) -> dict[str, float]:
    """The samples of what was measured in a span, by their names; durations in seconds."""
    requests = {key: one for key, one in came.durations.items() if key[0] == "request_seconds"}
    long = _sum([one for (_, labels), one in requests.items() if labels[0] == "long"])
    taken = {labels[1]: 0.0 for name, labels in came.counts if name == "articles_taken"}
    for (name, labels), number in came.counts.items():
        if name == "articles_taken":
            taken[labels[1]] += number
    return {
        "requests": float(sum(sum(one.counts) for one in requests.values())),
        "errors": float(sum(sum(one.counts) for (_, labels), one in requests.items() if labels[-1] >= "500")),
        "slow": long.quantile(0.99),
        "taken": taken.get("accepted", 0.0),
        "refused": sum(number for outcome, number in taken.items() if outcome not in TAKEN),
        "lifted": came.counts.get(("embargoes_lifted", ()), 0.0),
        "lift": _sum([one for (name, _), one in came.durations.items() if name == "lift_seconds"]).quantile(1.0),
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


def _sum(durations: list[Durations]) -> Durations:
    sums = measures.together(MeasuredSums({}, {("", ()): one}) for one in durations)
    return sums.durations.get(("", ()), Durations((0,) * (len(measures.BOUNDS) + 1), 0.0))
