"""After a commit: announce the changes to the cache, and make up for announcements that are missing.

A web worker announces its own changes before it answers. If it is killed between commit and announcement, the cache never hears of
the change. The background worker finds such a change within half a second. A process whose cache failed also looks for such changes
before it trusts the cache again.

Both also notice when the database was restored to an older state: the cache then remembers a change that the database does not have.
In that case the history gets a new name (app/store/identity.py), under which the cache is empty.
"""

import logging
from collections.abc import Sequence

from app import store
from app.cache.redis import Cache, Pair
from app.spans import traced
from app.store import Change, Engine

log = logging.getLogger("pressrelay.history")
GRACE = 0.3  # seconds that a web worker has from commit to announcement
BACKLOG = 500  # changes; if more are missing, the whole cache is renewed instead


@traced("announce changes")
def announce(cache: Cache, changes: Sequence[Change]) -> bool:
    """Raise the revisions of exactly the feeds that show these changes. False if the cache failed and has to be repaired."""
    if not changes:
        return True
    if changes[0].instance and changes[0].instance != cache.instance:
        # The history got a new name since this process last looked. Readers use the new name already.
        cache.enter(changes[0].instance)
    pairs = {pair for change in changes for keys in change.keys for pair in keys.pairs()}
    return tell(cache, sorted(pairs), [change.stamp for change in changes])


def tell(cache: Cache, pairs: Sequence[Pair], stamps: Sequence[int] = ()) -> bool:
    """Mark the stored copies of these feeds as out of date on all hosts, and note that the changes with these stamps are announced.
    If the cache fails, wait until no listener serves copies any more, and try once more. False if it failed again and has to be
    repaired."""
    if cache.announce(stamps, pairs):
        return True
    cache.wait_out()
    return cache.announce(stamps, pairs)


def repair(cache: Cache, engine: Engine, grace: float = GRACE, *, moved: bool = False) -> bool:
    """Announce changes that were committed but never announced. True when the cache can be trusted again.

    Changes younger than `grace` seconds are left to their own worker. `moved`: the database may be a different one than before.
    Raises Unavailable.
    """
    alive, mark = cache.mark()
    if not alive:
        return False
    if moved:
        settle(cache, engine)
    head = store.identity.head(engine)
    entered = head.instance == cache.instance
    if moved or not entered:  # also if `announce` has entered it: that function updates the cache, but not the store
        enter(cache, engine, head.instance)
    if not entered:
        return repair(cache, engine, grace)
    if mark == head.mark:
        return True
    if mark is None:  # The cache was emptied: start afresh.
        return cache.renew(head.mark)
    if not store.identity.holds(engine, mark):
        renew(cache, engine, head.instance, older=True)
        return repair(cache, engine, grace)
    return _announce_missed(cache, engine, mark, head.mark, grace)


def _announce_missed(
    cache: Cache,
    engine: Engine,
    mark: store.identity.Mark,
    newest: store.identity.Mark,
    grace: float,
) -> bool:
    pending = store.articles.changes_after(engine, mark[0], BACKLOG + 1)
    if len(pending) > BACKLOG:
        return cache.renew(newest)
    noted = cache.announced([change.stamp for change, _ in pending])
    if noted is None:
        return False
    now = store.clock.database_now(engine).timestamp()
    # A change with a time in the future is not young: the clock was set back after it was written.
    young = [(now - grace) * 1_000_000 < at <= (now + 1) * 1_000_000 for _, at in pending]
    missed = [
        change for (change, _), spare in zip(pending, young, strict=True) if change.stamp not in noted and not spare
    ]
    if not announce(cache, missed):
        return False
    done = mark
    for (change, _), spare in zip(pending, young, strict=True):
        if change.stamp not in noted and spare:
            break
        done = (change.seq, change.stamp)
    return done == mark or cache.set_mark(done)


def trusted(cache: Cache, engine: Engine) -> bool:
    """Whether this process may serve from the cache. After a failure, or with a new connection to the database, it first makes missing
    announcements and compares the history. Raises Unavailable."""
    return cache.trusted(lambda: repair(cache, engine, grace=0, moved=True))


def synced(cache: Cache, engine: Engine) -> None:
    """Find out which history the database is in, before a cursor is compared with its name. Raises Unavailable."""
    if not trusted(cache, engine):
        enter(cache, engine, store.identity.instance(engine))


def settle(cache: Cache, engine: Engine) -> None:
    """Give the history a new name if the database is a copy or was restored from a dump. Raises Unavailable."""
    if store.identity.moved(engine):
        renew(cache, engine, store.identity.instance(engine), older=False)


def renew(cache: Cache, engine: Engine, instance: str, *, older: bool) -> None:
    """Give the history a new name and use it from now on. Processes that still serve under the old name learn that everything there is
    out of date, and find the new name when they look for it. Raises Unavailable."""
    name = store.identity.renew(engine, instance, older=older)
    if name != instance:
        why = "is in an older state than before" if older else "is a copy of another one"
        log.warning("The database %s. Its history gets a new name, and the cache starts empty.", why)
        if store.operation.now_holds(engine).held:
            log.warning("It %s", store.operation.HELD)
        cache.leave()
    enter(cache, engine, name)


def enter(cache: Cache, engine: Engine, instance: str) -> None:
    """Use the history of that name in this process from now on."""
    cache.enter(instance)
    store.identity.entered(engine, instance)
