"""One process's connections: what intake, routes and commands work with."""

from msgspec import Struct

from app import store
from app.cache import Cache
from app.settings import Settings
from app.store import Engine


class Context(Struct, frozen=True):
    """The settings in force, the database and the cache."""

    settings: Settings
    engine: Engine
    cache: Cache


def connect(settings: Settings) -> Context:
    """The context of a database whose schema is up to date. Raises Misconfigured and Unavailable."""
    engine = store.connect(settings.database, threads=settings.threads)
    return Context(settings, engine, Cache(settings.redis, store.instance(engine)))
