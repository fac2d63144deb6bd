"""One process's connections: what intake, routes and commands work with."""

from msgspec import Struct, field

from app import blobs, store
from app import query as queries
from app.blobs import Blobs
from app.cache import Cache
from app.settings import Settings
from app.store import Engine
from app.together import Together


class Context(Struct, frozen=True):
    """The settings in force, the database, the cache and the files."""

    settings: Settings
    engine: Engine
    cache: Cache
    blobs: Blobs
    together: Together = field(default_factory=Together)  # what is pushed at the same time


def connect(settings: Settings) -> Context:
    """The context of a database whose schema is up to date. Raises Misconfigured and Unavailable."""
    engine = store.connect(settings.database, threads=settings.threads)
    queries.seal_with(store.secret(engine))
    return Context(settings, engine, Cache(settings.redis, store.instance(engine)), blobs.connect(settings))
