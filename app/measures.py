"""What the processes of a host measure: how often something happened, and how many seconds it took.

A process counts in memory. A thread writes its numbers into a file of its own below `measures/` in the data directory, every two
seconds. The process that shows the numbers adds the files up. So counting costs a request less than a microsecond, and a process
that shows metrics need not ask the others. A killed process loses what it counted in its last two seconds; its file still counts.

Nothing under embargo may be counted here: not a push, not a reading, not a delivery. The code that counts makes sure of it (see
app/web/measured.py and app/intake/releases.py).
"""

import json
import logging
import os
import threading
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

log = logging.getLogger("pressrelay.measures")

FOLDER = "measures"  # in the data directory
PERIOD = 2.0  # seconds between two writings
ENDED = "ended.json"  # the sums of processes that have ended
# Upper ends of the classes of durations, in seconds; the last class has everything that took longer.
BOUNDS = (0.0005, 0.002, 0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
MOST = 2_000  # different series of one process; beyond that, new ones are not counted

Labels = tuple[str, ...]
Key = tuple[str, Labels]  # the name of a metric, and the values of its labels


class Durations(Struct, frozen=True):
    """How long something took: how many times it took at most each of `BOUNDS` (not cumulated), then longer; and all seconds."""

    counts: tuple[int, ...]
    seconds: float

    @property
    def number(self) -> int:
        """How many there are."""
        return sum(self.counts)

    def quantile(self, part: float) -> float:
        """About the seconds within which this part of them was done (0.5: the median): the upper end of its class. 0 without any."""
        wanted, seen = part * self.number, 0
        for bound, count in zip((*BOUNDS, 60.0), self.counts, strict=True):
            seen += count
            if count and seen >= wanted:
                return bound
        return 0.0


class MeasuredSums(Struct, frozen=True):
    """What all processes of a host measured together since the server was started."""

    counts: dict[Key, float] = {}
    durations: dict[Key, Durations] = {}


class Measures:
    """The numbers of one process. Its threads share it.

    A thread changes a number with one subscript and one addition, between which CPython switches no threads; a new series is made
    under the lock (docs/design.md).
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: dict[Key, list[float]] = {}
        self._durations: dict[Key, list[float]] = {}  # counts of the classes, then the seconds

    def count(self, name: str, labels: Labels = (), number: float = 1) -> None:
        """Something happened. `name`: of the metric; `labels`: the values of its labels."""
        row = self._counts.get((name, labels)) or self._row(self._counts, (name, labels), 1)
        row[0] += number

    def took(self, name: str, labels: Labels, seconds: float) -> None:
        """Something took that long."""
        row = self._durations.get((name, labels)) or self._row(self._durations, (name, labels), len(BOUNDS) + 2)
        row[bisect_left(BOUNDS, seconds)] += 1
        row[-1] += seconds

    def _row(self, rows: dict[Key, list[float]], key: Key, width: int) -> list[float]:
        with self._lock:
            if key not in rows and len(rows) >= MOST:
                return [0.0] * width
            return rows.setdefault(key, [0.0] * width)

    def reading(self) -> MeasuredSums:
        """The numbers so far."""
        counts = {key: row[0] for key, row in list(self._counts.items())}
        durations = {key: _durations(row) for key, row in list(self._durations.items())}
        return MeasuredSums(counts, durations)


here = Measures()  # of this process; a forked process begins with those of its parent, which counts nothing
count, took = here.count, here.took


def _durations(row: list[float]) -> Durations:
    return Durations(tuple(int(number) for number in row[:-1]), float(row[-1]))


def pooled(durations: Iterable[Durations]) -> Durations:
    """All of them together; of none, zeros."""
    row = [0.0] * (len(BOUNDS) + 2)
    for one in durations:
        for place, number in enumerate((*one.counts, one.seconds)):
            row[place] += number
    return _durations(row)


def together(readings: Iterable[MeasuredSums]) -> MeasuredSums:
    """The sums."""
    counts: dict[Key, float] = {}
    durations: dict[Key, list[Durations]] = {}
    for reading in readings:
        for key, number in reading.counts.items():
            counts[key] = counts.get(key, 0.0) + number
        for key, one in reading.durations.items():
            durations.setdefault(key, []).append(one)
    return MeasuredSums(counts, {key: pooled(ones) for key, ones in durations.items()})


def since(now: MeasuredSums, before: MeasuredSums) -> MeasuredSums:
    """What was measured between two readings of the same server. If it was restarted between them, what it measured since then."""
    restarted = any(now.counts.get(key, 0.0) < number for key, number in before.counts.items())
    if restarted:
        return now
    counts = {key: number - before.counts.get(key, 0.0) for key, number in now.counts.items()}
    durations: dict[Key, Durations] = {}
    for key, one in now.durations.items():
        old = before.durations.get(key)
        if old is None or old.number > one.number:
            durations[key] = one
        else:
            rows = zip(one.counts, old.counts, strict=True)
            durations[key] = Durations(tuple(new - was for new, was in rows), one.seconds - old.seconds)
    return MeasuredSums(counts, durations)


def read(data_dir: str) -> MeasuredSums:
    """What all processes of this host that use the data directory measured."""
    return together(one for _, one in _files(Path(data_dir) / FOLDER))


def start_anew(data_dir: str) -> None:
    """Forget the numbers of an earlier server. `pressrelay serve` calls it before it starts a process."""
    for path in (Path(data_dir) / FOLDER).glob("*.json"):
        path.unlink(missing_ok=True)


def keep_noting(data_dir: str, kind: str, stop: threading.Event) -> threading.Thread:
    """Write the numbers of this process every PERIOD seconds, on a thread of its own, until `stop` is set, and then once more."""
    folder = Path(data_dir) / FOLDER
    path = folder / f"{kind.replace(' ', '-')}.{os.getpid()}.json"

    def work() -> None:
        written = MeasuredSums()
        failed = False
        while True:
            ending = stop.wait(PERIOD)
            if (found := here.reading()) != written:
                try:
                    folder.mkdir(exist_ok=True, mode=0o700)
                    _write(path, found)
                    written, failed = found, False
                except OSError as error:
                    if not failed:
                        log.error("the measures cannot be written into %s: %s", folder, error.strerror or error)
                    failed = True
            if ending:
                return

    thread = threading.Thread(target=work, name="measures", daemon=True)
    thread.start()
    return thread


def sweep(data_dir: str) -> None:
    """Add the files of processes that have ended to one file, so that their number stays small. Only one process of a host may call
    it: the background worker."""
    folder = Path(data_dir) / FOLDER
    gone = [(path, one) for path, one in _files(folder) if path.name != ENDED and not _lives(path)]
    if gone:
        before = [one for path, one in _files(folder) if path.name == ENDED]
        # Killed between the two steps, it would count these files twice; they are metrics, and the server restarts.
        _write(folder / ENDED, together([*before, *(one for _, one in gone)]))
        for path, _ in gone:
            path.unlink(missing_ok=True)


def _lives(path: Path) -> bool:
    """Whether the process that writes the file still runs."""
    try:
        os.kill(int(path.name.split(".")[-2]), 0)
    except ProcessLookupError:
        return False
    except (ValueError, IndexError, PermissionError):
        return True
    return True


def _write(path: Path, reading: MeasuredSums) -> None:
    """Write a file whole or not at all. Raises OSError."""
    document = {
        "counts": [[name, labels, number] for (name, labels), number in reading.counts.items()],
        "durations": [
            [name, labels, list(one.counts), one.seconds] for (name, labels), one in reading.durations.items()
        ],
    }
    part = path.with_suffix(".part")
    part.write_text(json.dumps(document, ensure_ascii=False), "utf-8")
    part.replace(path)


def _files(folder: Path) -> Iterator[tuple[Path, MeasuredSums]]:
    """Each file and its numbers. A file that is not whole, or of another version of the program, counts nothing."""
    for path in sorted(folder.glob("*.json")):
        with suppress(OSError, ValueError, TypeError, KeyError):
            document = json.loads(path.read_text("utf-8"))
            counts = {(str(name), tuple(labels)): float(number) for name, labels, number in document["counts"]}
            durations = {
                (str(name), tuple(labels)): Durations(tuple(classes), float(seconds))
                for name, labels, classes, seconds in document["durations"]
                if len(classes) == len(BOUNDS) + 1
            }
            yield path, MeasuredSums(counts, durations)
