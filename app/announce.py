"""After commit: tell the cache what changed, and repair what was not told.

A web worker announces its own changes before it answers. One that was killed between commit and announcement leaves a
change without its note in the cache; the background worker finds it within half a second, and a process whose cache
failed looks for such changes before it trusts the cache again.
"""

import time
from collections.abc import Sequence

from app import store
from app.cache import Cache
from app.store import Change, Engine

GRACE = 0.3  # seconds that a web worker has, from commit to announcement
BACKLOG = 500  # changes; more than these are announced by renewing everything


def announce(cache: Cache, changes: Sequence[Change]) -> bool:
    """Raise the revisions of exactly the feeds that these changes show in; False: the cache failed, to be repaired."""
    if not changes:
        return True
    pairs = {pair for change in changes for keys in change.keys for pair in keys.pairs()}
    if cache.announce([change.seq for change in changes], sorted(pairs)):
        return True
    cache.wait_out()
    return False


def repair(cache: Cache, engine: Engine, grace: float = GRACE) -> bool:
    """Announce what was committed and never announced; True when the cache can be trusted again.

    `grace` is the age in seconds below which a change is left to its own worker. Raises Unavailable.
    """
    alive, mark = cache.mark()
    if not alive:
        return False
    newest = store.newest_seq(engine)
    if mark == newest:
        return True
    if mark is None or mark > newest:
        # The cache was emptied, or belongs to a later state of the database: start afresh.
        return cache.renew(newest)
    pending = store.changes_after(engine, mark, BACKLOG + 1)
    if len(pending) > BACKLOG:
        return cache.renew(newest)
    noted = cache.announced([change.seq for change, _ in pending])
    if noted is None:
        return False
    before = (time.time() - grace) * 1_000_000
    missed = [change for change, at in pending if change.seq not in noted and at <= before]
    if not announce(cache, missed):
        return False
    waiting = [change.seq for change, at in pending if change.seq not in noted and at > before]
    return cache.set_mark(min(waiting) - 1 if waiting else pending[-1][0].seq)


def trusted(cache: Cache, engine: Engine) -> bool:
    """Whether this process may serve from the cache; after a failure, missed announcements are made up for first."""
    if not cache.suspect:
        return True
    # Cleared before, not after: a failure that comes meanwhile must not be forgotten.
    cache.suspect = False
    if not repair(cache, engine, grace=0):
        cache.suspect = True
    return not cache.suspect
