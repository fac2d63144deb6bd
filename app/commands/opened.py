"""The database, opened for a command."""

from app import store
from app.context import cache_of
from app.run.datadir import prepare
from app.settings import Settings
from app.store import Engine


def database(settings: Settings) -> Engine:
    """The database, its schema up to date: every command may be the first. Raises Misconfigured and Unavailable."""
    if not settings.database_url:
        prepare(settings)
    engine = store.connect(settings.database)
    store.upgrade(engine)
    return engine


def renew(settings: Settings, engine: Engine) -> None:
    """Have every feed rendered anew, for something is called otherwise now. A server that does not run has nothing to forget."""
    cache = cache_of(settings, engine)
    cache.renew()
    cache.close()
