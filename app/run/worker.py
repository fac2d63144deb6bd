"""The background worker: lifts embargoes within a second of their instant, and announces what was committed and never told.

Several may run, on several hosts: a lift is decided inside one transaction, so it happens once.
"""

import logging
import threading
import time
from datetime import UTC, datetime, timedelta

from app import store
from app.announce import announce, repair
from app.cache.redis import Cache
from app.errors import Unavailable
from app.store import Engine, Ready, Ref
from app.witness import Witness

log = logging.getLogger("pressrelay.worker")
PERIOD = 0.2  # seconds between two looks
AHEAD = timedelta(seconds=30)  # how long before their instant articles are made ready
BOOKS = 10.0  # seconds between two looks for counted refusals whose time is over
NOTED = 86_400.0  # seconds between two notes of the audit log's last hash
READY_MOST, READY_EACH = 2_000, 100  # articles that are held ready, and that are made so in one look


def step(engine: Engine, cache: Cache, ready: dict[Ref, Ready], witness: Witness | None = None) -> int:
    """One look: how many embargoes were lifted. `ready` is what earlier looks made ready, and is renewed. Raises Unavailable."""
    lifted = 0
    if witness is not None:
        witness.note(witness.compare(cache, engine))
    while (due := store.next_due(engine)) is not None and due <= time.time() * 1_000_000:
        changes = store.lift(engine, datetime.now(UTC), ready)
        announce(cache, changes)
        lifted += len(changes)
    doubts = cache.doubts()
    if repair(cache, engine):
        cache.prove(doubts)
    more = min(READY_EACH, READY_MOST - len(ready))
    held = store.make_ready(engine, datetime.now(UTC) + AHEAD, ready, max(0, more))
    ready.clear()
    ready.update(held)
    return lifted


def run(engine: Engine, cache: Cache, stop: threading.Event, witness: Witness | None = None) -> None:
    """Look until `stop` is set; a database that fails is asked again."""
    failed = False
    ready: dict[Ref, Ready] = {}
    counted, noted = time.monotonic(), -NOTED
    while not stop.is_set():
        try:
            if time.monotonic() > noted + NOTED:
                # Whoever keeps this log elsewhere can prove later that the audit log was not cut off: `audit verify --head`.
                log.info("audit log: %d records, the last hash is %s", *store.audit_head(engine))
                noted = time.monotonic()
            if lifted := step(engine, cache, ready, witness):
                log.info("embargoes lifted: %d", lifted)
            if time.monotonic() > counted + BOOKS:
                counted = time.monotonic()
                store.settle_refusals(engine, datetime.now(UTC))
            failed = False
        except Unavailable as error:
            if not failed:
                log.error("%s", error)
            failed = True
        stop.wait(PERIOD)
