"""After commit: tell the cache what changed, and repair what was not told.

A web worker announces its own changes before it answers. One that was killed between commit and announcement leaves a
change without its note in the cache; the background worker finds it within half a second, and a process whose cache
failed looks for such changes before it trusts the cache again.

Both find as well where the database was put back to an older state: the cache remembers a change that it does not hold. Then
the history gets a new name (app/store/identity.py), under which the cache is empty.
"""

import logging
import time
from collections.abc import Sequence

from app import store
from app.cache.redis import Cache
from app.query import query as queries
from app.store import Change, Engine

log = logging.getLogger("pressrelay.history")
GRACE = 0.3  # seconds that a web worker has, from commit to announcement
BACKLOG = 500  # changes; more than these are announced by renewing everything


def announce(cache: Cache, changes: Sequence[Change]) -> bool:
    """Raise the revisions of exactly the feeds that these changes show in; False: the cache failed, to be repaired."""
    if not changes:
        return True
    if changes[0].instance and changes[0].instance != cache.instance:
        # The history got its new name since this process looked: those who read are under that already.
        cache.enter(changes[0].instance)
    pairs = {pair for change in changes for keys in change.keys for pair in keys.pairs()}
    if cache.announce([change.stamp for change in changes], sorted(pairs)):
        return True
    cache.wait_out()
    return False


def repair(cache: Cache, engine: Engine, grace: float = GRACE, *, moved: bool = False) -> bool:
    """Announce what was committed and never announced; True when the cache can be trusted again.

    `grace` is the age in seconds below which a change is left to its own worker; `moved`: the database may be another one than before.
    Raises Unavailable.
    """
    alive, mark = cache.mark()
    if not alive:
        return False
    if moved:
        settle(cache, engine)
    head = store.head(engine)
    entered = head.instance == cache.instance
    if moved or not entered:  # also where `announce` entered it already, which knows of the cache alone
        enter(cache, engine, head.instance)
    if not entered:
        return repair(cache, engine, grace)
    if mark == head.mark:
        return True
    if mark is None:  # The cache was emptied: start afresh.
        return cache.renew(head.mark)
    if not store.holds(engine, mark):
        renew(cache, engine, head.instance, older=True)
        return repair(cache, engine, grace)
    return _announce_missed(cache, engine, mark, head.mark, grace)


def _announce_missed(cache: Cache, engine: Engine, mark: store.Mark, newest: store.Mark, grace: float) -> bool:
    pending = store.changes_after(engine, mark[0], BACKLOG + 1)
    if len(pending) > BACKLOG:
        return cache.renew(newest)
    noted = cache.announced([change.stamp for change, _ in pending])
    if noted is None:
        return False
    before = (time.time() - grace) * 1_000_000
    missed = [change for change, at in pending if change.stamp not in noted and at <= before]
    if not announce(cache, missed):
        return False
    done = mark
    for change, at in pending:
        if change.stamp not in noted and at > before:
            break
        done = (change.seq, change.stamp)
    return done == mark or cache.set_mark(done)


def trusted(cache: Cache, engine: Engine) -> bool:
    """Whether this process may serve from the cache; after a failure, or with a new connection to the database, missed announcements
    are made up for first, and the history is compared. Raises Unavailable."""
    if not cache.suspect:
        return True
    # Read before, not after: a doubt that comes meanwhile must not be forgotten.
    doubts = cache.doubts()
    if not repair(cache, engine, grace=0, moved=True):
        return False
    cache.prove(doubts)
    return True


def synced(cache: Cache, engine: Engine) -> None:
    """Look which history the database is in, before a cursor is held against its name. Raises Unavailable."""
    if not trusted(cache, engine):
        enter(cache, engine, store.instance(engine))


def settle(cache: Cache, engine: Engine) -> None:
    """Give the history a new name where the database is a copy, or was put back from a dump. Raises Unavailable."""
    if store.moved(engine):
        renew(cache, engine, store.instance(engine), older=False)


def renew(cache: Cache, engine: Engine, instance: str, *, older: bool) -> None:
    """Give the history a new name and go on under it. Whoever still serves what is kept under the name before is told that all of it
    is out of date, and finds the new one when it looks. Raises Unavailable."""
    name = store.renew(engine, instance, older=older)
    if name != instance:
        why = "is in an older state than before" if older else "is a copy of another one"
        log.warning("The database %s: its history goes on under a new name, and the cache begins afresh.", why)
        cache.leave()
    enter(cache, engine, name)


def enter(cache: Cache, engine: Engine, instance: str) -> None:
    """Go on, in this process, with the history of that name."""
    cache.enter(instance)
    store.entered(engine, instance)
    queries.tag_with(instance)
