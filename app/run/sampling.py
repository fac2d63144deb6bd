"""Notes in the database, every ten seconds, what this host measured in the present ten minutes, and how many files there are: for the
operator's page."""

import logging
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from socket import gethostname

from app import measures, store
from app.errors import NoFiles, Unavailable
from app.files import blobs
from app.files.blobs import Blobs
from app.measures import MeasuredSums, pooled
from app.settings import Settings
from app.store import Engine
from app.store.samples import Host, note_sample, sample_span

log = logging.getLogger("pressrelay.sampling")
PERIOD = 10.0  # seconds between two notes
FIRST = 3.0  # seconds until the first one, so that a new server soon shows something
CHECKED = 60.0  # seconds between two questions whether the store of files answers
COUNTED = 5000  # files that one note counts
TAKEN = ("accepted", "unchanged")  # outcomes of articles that were not refused


class FileCount:
    """Counts the public files, some at each note, so that a note costs the same whatever the archive holds. Files of articles under
    embargo are not counted. One thread uses it."""

    def __init__(self, engine: Engine, most: int = COUNTED) -> None:
        """`most`: files that one step counts."""
        self._engine = engine
        self._most = most
        self._after, self._number, self._size = "", 0, 0

    def step(self) -> dict[str, float]:
        """Count the next files. The samples, if these were the last ones; then the count starts again. Raises Unavailable."""
        found = store.articles.public_sizes(self._engine, self._after, self._most)
        self._number += len(found)
        self._size += sum(size for _, size in found)
        if len(found) == self._most:
            self._after = found[-1][0]
            return {}
        counted: dict[str, float] = {"files": self._number, "file_bytes": self._size}
        self._after, self._number, self._size = "", 0, 0
        return counted


class Sampler:
    """Notes what one host measures. One thread uses it."""

    def __init__(self, settings: Settings, engine: Engine) -> None:
        """Raises Misconfigured."""
        self._settings = settings
        self._files: Blobs = blobs.connect(settings)
        self._count = FileCount(engine)
        self._checked = -CHECKED  # monotonic seconds
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
        self._note(self._before, sums, now, self._span, self._storage())

    def _storage(self) -> dict[str, float]:
        """The samples of the files: how many there are, and once a minute whether their store answers. Raises Unavailable."""
        counted = self._count.step()
        if time.monotonic() < self._checked + CHECKED:
            return counted
        self._checked = time.monotonic()
        try:
            self._files.check()
        except NoFiles as error:
            log.warning("%s", error)
            return counted | {"store": 0}
        return counted | {"store": 1}

    def _note(
        self, before: MeasuredSums, sums: MeasuredSums, now: datetime, span: int, storage: Mapping[str, float] = {}
    ) -> None:
        began = time.perf_counter()
        store.articles.newest_seq(self._engine)
        database = time.perf_counter() - began
        values = {**values_of(measures.since(sums, before)), "database": database, **storage}
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
