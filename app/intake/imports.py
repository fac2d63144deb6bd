"""`pressrelay import`: an archive goes in at full speed. Parsed and normalised in other processes, put in large transactions here."""

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

import schemas
from app import store
from app.accounts.offices import OfficeRecord, Sender, may_publish_for
from app.context import Context, connect
from app.errors import Problem
from app.intake import releases
from app.intake.archive import Entry, entries
from app.intake.releases import Prepared, Receipt, Rules
from app.settings import Settings
from app.store import Engine, FileRecord

CHUNK = 50  # documents that go to a process at once
AT_ONCE = 500  # documents in one transaction
CONTENT_TYPE = "application/xml"
KILLED = Problem(
    500,
    "internal",
    "The release could not be read",
    "The process that read it ended at once. Nothing of it was stored; the others of the archive were.",
)


class Taken(Struct, frozen=True):
    """What became of one document."""

    name: str
    receipts: tuple[Receipt, ...]


class Ready(Struct, frozen=True):
    """One document as another process hands it over: prepared, or refused as a whole."""

    name: str
    prepared: Prepared | None = None
    problem: dict[str, object] | None = None


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(tuple[Ready, ...])
_rules: Rules | None = None  # of a process that prepares
_engine: Engine | None = None  # likewise; opened when a release refers to a file that is here already
T = TypeVar("T")


def take(
    settings: Settings, office: OfficeRecord, path: Path, *, backfill: bool, workers: int | None = None
) -> Iterator[Taken]:
    """Every document of an archive, in its order, once it is on disk. Raises Misconfigured and Unavailable."""
    engine = store.connect(settings.database)
    sender = Sender(office, may_publish_for(office, store.all_offices(engine)), "command import")
    engine.dispose()
    # Forked before this process holds a connection, and after it has read what all of them need.
    schemas.prepare()
    count = workers or os.cpu_count() or 1
    pools = _Pools(count, Rules(settings, sender, backfill))
    try:
        pools.pool.submit(os.getpid).result()
        context = connect(settings)
        for batch in _batches(_ready(pools, settings, path), AT_ONCE):
            yield from _stored(context, batch)
    finally:
        pools.pool.shutdown(cancel_futures=True)


class _Pools:
    """The processes that prepare, and others in their place where a document kills one of them."""

    def __init__(self, count: int, rules: Rules) -> None:
        self.count = count
        self.rules = rules
        self.pool = self._new(count)

    def _new(self, count: int) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(count, get_context("fork"), _start, (self.rules,))

    def renew(self) -> None:
        self.pool.shutdown(cancel_futures=True)
        self.pool = self._new(self.count)

    def one_by_one(self, chunk: list[Entry]) -> Iterator[Ready]:
        """Prepare each document in a process of its own: the one that kills it is told, and keeps no other out."""
        for entry in chunk:
            with self._new(1) as alone:
                try:
                    yield from _decoder.decode(alone.submit(_prepare, [entry]).result())
                except BrokenProcessPool:
                    yield Ready(entry.name, problem=KILLED.body())


def _stored(context: Context, batch: list[Ready]) -> Iterator[Taken]:
    done = iter(releases.store_all(context, [ready.prepared for ready in batch if ready.prepared is not None]))
    for ready in batch:
        if ready.prepared is None:
            problem = ready.problem or {}
            status = problem.get("status")
            refused = Receipt(index=1, status=status if isinstance(status, int) else 422, problem=problem)
            yield Taken(ready.name, (refused,))
        else:
            yield Taken(ready.name, tuple(next(done)))


def _ready(pools: _Pools, settings: Settings, path: Path) -> Iterator[Ready]:
    """In the archive's order; at most a few chunks are under way, whatever its size."""
    waiting: deque[tuple[list[Entry], Future[bytes]]] = deque()
    for chunk in _batches(entries(path, settings.max_body), CHUNK):
        try:
            waiting.append((chunk, pools.pool.submit(_prepare, chunk)))
        except BrokenProcessPool:
            yield from _recovered(pools, [*(chunk for chunk, _ in waiting), chunk])
            waiting.clear()
        if len(waiting) > 2 * pools.count:
            yield from _first(pools, waiting)
    while waiting:
        yield from _first(pools, waiting)


def _first(pools: _Pools, waiting: deque[tuple[list[Entry], Future[bytes]]]) -> Iterator[Ready]:
    chunk, future = waiting.popleft()
    try:
        done = future.result()
    except BrokenProcessPool:  # All that was under way is lost with it.
        chunks = [chunk, *(later for later, _ in waiting)]
        waiting.clear()
        yield from _recovered(pools, chunks)
    else:
        yield from _decoder.decode(done)


def _recovered(pools: _Pools, chunks: list[list[Entry]]) -> Iterator[Ready]:
    for chunk in chunks:
        yield from pools.one_by_one(chunk)
    pools.renew()


def _start(rules: Rules) -> None:
    global _rules
    _rules = rules


def _kept(guid: str) -> list[FileRecord]:
    global _engine
    assert _rules is not None, "the process was started by _start"
    _engine = _engine or store.connect(_rules.settings.database)
    return store.files_of(_engine, guid)


def _prepare(chunk: list[Entry]) -> bytes:
    assert _rules is not None, "the process was started by _start"
    done: list[Ready] = []
    for entry in chunk:
        try:
            if entry.problem is not None:
                raise entry.problem
            prepared = releases.prepare(_rules, entry.body, CONTENT_TYPE, _kept)
            done.append(Ready(entry.name, prepared))
        except Problem as problem:
            done.append(Ready(entry.name, problem=problem.body()))
    return _encoder.encode(done)


def _batches(values: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(values)
    while batch := list(islice(iterator, size)):
        yield batch
