"""`pressrelay import`: takes in a whole archive fast. Other processes parse and normalise; this one stores in large transactions."""

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
from app.intake.archive import ArchiveEntry, entries
from app.intake.releases import Prepared, Receipt, Rules
from app.settings import Settings
from app.store import Engine

CHUNK = 50  # documents that a process gets at once
AT_ONCE = 500  # documents in one transaction
CONTENT_TYPE = "application/xml"
KILLED = Problem(
    500,
    "internal",
    "The release could not be read",
    "The process that read the release crashed. No article of this release was stored; the other releases are not affected.",
)


class Taken(Struct, frozen=True):
    """The receipts of one document."""

    name: str
    receipts: tuple[Receipt, ...]


class ReadEntry(Struct, frozen=True):
    """One document as the other process returns it: prepared, or refused as a whole."""

    name: str
    prepared: Prepared | None = None
    problem: dict[str, object] | None = None


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(tuple[ReadEntry, ...])
_rules: Rules | None = None  # set in each process that prepares
_engine: Engine | None = None  # likewise; opened when a release refers to a file that is stored already
T = TypeVar("T")


def take(
    settings: Settings, office: OfficeRecord, path: Path, *, backfill: bool, workers: int | None = None
) -> Iterator[Taken]:
    """Import an archive; yields the receipts of each document, in order, once it is on disk. Raises Misconfigured and Unavailable."""
    engine = store.connect(settings.database)
    sender = Sender(office, may_publish_for(office, store.accounts.all_offices(engine)), "command import")
    engine.dispose()
    # Fork before this process opens a connection, and after it has loaded the tables that all processes need.
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
    """The pool of processes that prepare documents. It is replaced if a document kills one of them."""

    def __init__(self, count: int, rules: Rules) -> None:
        self.count = count
        self.rules = rules
        self.pool = self._new(count)

    def _new(self, count: int) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(count, get_context("fork"), _start, (self.rules,))

    def renew(self) -> None:
        self.pool.shutdown(cancel_futures=True)
        self.pool = self._new(self.count)

    def one_by_one(self, chunk: list[ArchiveEntry]) -> Iterator[ReadEntry]:
        """Prepare each document in its own process, so that a document that kills its process is reported and stops no other."""
        for entry in chunk:
            with self._new(1) as alone:
                try:
                    yield from _decoder.decode(alone.submit(_prepare, [entry]).result())
                except BrokenProcessPool:
                    yield ReadEntry(entry.name, problem=KILLED.body())


def _stored(context: Context, batch: list[ReadEntry]) -> Iterator[Taken]:
    done = iter(releases.store_all(context, [ready.prepared for ready in batch if ready.prepared is not None]))
    for ready in batch:
        if ready.prepared is None:
            problem = ready.problem or {}
            status = problem.get("status")
            refused = Receipt(index=1, status=status if isinstance(status, int) else 422, problem=problem)
            yield Taken(ready.name, (refused,))
        else:
            yield Taken(ready.name, tuple(next(done)))


def _ready(pools: _Pools, settings: Settings, path: Path) -> Iterator[ReadEntry]:
    """The prepared documents in the archive's order. Only a few chunks are in progress at a time, whatever the size of the archive."""
    waiting: deque[tuple[list[ArchiveEntry], Future[bytes]]] = deque()
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


def _first(pools: _Pools, waiting: deque[tuple[list[ArchiveEntry], Future[bytes]]]) -> Iterator[ReadEntry]:
    chunk, future = waiting.popleft()
    try:
        done = future.result()
    except BrokenProcessPool:  # All chunks in progress are lost with the pool.
        chunks = [chunk, *(later for later, _ in waiting)]
        waiting.clear()
        yield from _recovered(pools, chunks)
    else:
        yield from _decoder.decode(done)


def _recovered(pools: _Pools, chunks: list[list[ArchiveEntry]]) -> Iterator[ReadEntry]:
    for chunk in chunks:
        yield from pools.one_by_one(chunk)
    pools.renew()


def _start(rules: Rules) -> None:
    global _rules
    _rules = rules


def _files_of(guid: str) -> list[store.articles.FileRecord]:
    global _engine
    assert _rules is not None, "the process was started by _start"
    _engine = _engine or store.connect(_rules.settings.database)
    return store.articles.files_of(_engine, guid)


def _prepare(chunk: list[ArchiveEntry]) -> bytes:
    assert _rules is not None, "the process was started by _start"
    done: list[ReadEntry] = []
    for entry in chunk:
        try:
            if entry.problem is not None:
                raise entry.problem
            prepared = releases.prepare(
                msgspec.structs.replace(_rules, name=entry.name), entry.body, CONTENT_TYPE, _files_of
            )
            done.append(ReadEntry(entry.name, prepared))
        except Problem as problem:
            done.append(ReadEntry(entry.name, problem=problem.body()))
    return _encoder.encode(done)


def _batches(values: Iterable[T], size: int) -> Iterator[list[T]]:
    iterator = iter(values)
    while batch := list(islice(iterator, size)):
        yield batch
