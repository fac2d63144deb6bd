"""The background worker: lifts embargoes within a second of their instant, and announces changes that nobody else announced.

Several may run, on one or more hosts. A lift is decided inside one transaction, so it happens only once.
"""

import logging
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app import measures, spans, store
from app.announce import announce, repair
from app.cache.redis import Cache
from app.errors import Unavailable
from app.store import Engine
from app.witness import NAME, Witness

log = logging.getLogger("pressrelay.worker")
PERIOD = 0.2  # seconds between two looks
AHEAD = timedelta(seconds=30)  # how long before their instant articles are prepared
BOOKS = (
    10.0  # seconds between two looks for counted refusals whose time is over, and for the measures of ended processes
)
LONG_LOG = 512 * 1024 * 1024  # bytes
NOTED = 86_400.0  # seconds between two log lines with the audit log's last hash
READY_MOST, READY_EACH = 2_000, 100  # articles that are prepared at the same time, and in one look


def step(
    engine: Engine,
    cache: Cache,
    ready: dict[store.feeds.Ref, store.articles.DueArticle],
    witness: Witness | None = None,
) -> int:
    """One look; returns how many embargoes were lifted. `ready` has the articles that earlier looks prepared, and is updated. Raises
    Unavailable."""
    lifted = 0
    if witness is not None:
        witness.note(witness.compare(cache, engine))
    while (due := store.articles.next_due(engine)) is not None and due <= store.micros(
        store.clock.database_now(engine)
    ):
        with spans.begin_trace("lift embargoes") as span:
            changes = store.articles.lift(engine, store.clock.database_now(engine), ready)
            announce(cache, changes)
            if spans.are_sent():
                span.link(store.articles.requests_of(engine, [change.seq for change in changes]))
        if changes:  # it is public by now, so it may be counted
            measures.count("embargoes_lifted", (), len(changes))
            late = store.clock.database_now(engine).timestamp() - due / 1_000_000
            measures.took("lift_seconds", (), max(0.0, late))
        lifted += len(changes)
    cache.caught_up(lambda: repair(cache, engine))
    more = min(READY_EACH, READY_MOST - len(ready))
    held = store.articles.make_ready(engine, store.clock.database_now(engine) + AHEAD, ready, max(0, more))
    ready.clear()
    ready.update(held)
    return lifted


def run(engine: Engine, cache: Cache, stop: threading.Event, folder: Path) -> None:
    """Look again and again until `stop` is set. If the database fails, try again. `folder`: the data directory, where the
    newest change is noted."""
    witness = Witness(folder.resolve() / NAME)
    failed = False
    ready: dict[store.feeds.Ref, store.articles.DueArticle] = {}
    measures.keep_noting(str(folder), "worker", stop)
    counted, noted, filled, complaint = time.monotonic(), -NOTED, -BOOKS, ""
    filler = store.backfill.Filler(engine)
    while not stop.is_set():
        try:
            if time.monotonic() > noted + NOTED:
                # With this line kept elsewhere, an operator can later prove that no record was removed: `audit verify --head`.
                log.info("audit log: %d records, last hash %s", *store.audit.head(engine))
                noted = time.monotonic()
            if lifted := step(engine, cache, ready, witness):
                log.info("embargoes lifted: %d", lifted)
            if time.monotonic() > counted + BOOKS:
                counted = time.monotonic()
                store.accounts.settle_refusals(engine, datetime.now(UTC))
                with suppress(OSError):
                    measures.sweep(str(folder))
                if (size := store.shorten_log(engine)) > LONG_LOG:
                    log.warning(
                        "The database's write-ahead log has %d MB. It shrinks when the program ends that reads an old state.",
                        size // 1_000_000,
                    )
                if (found := store.clock.complaint(engine)) != complaint:
                    log.error("%s", found) if found else log.info("The clock is right again.")
                    complaint = found
            if time.monotonic() > filled + BOOKS and filler.batch() is None:
                filled = time.monotonic()  # nothing is left; while something is, each look does a batch
            failed = False
        except Unavailable as error:
            if not failed:
                log.error("%s", error)
            failed = True
        stop.wait(PERIOD)
