"""One process's connections: what intake, routes and commands work with."""

from pathlib import Path

from msgspec import Struct, field

from app import store
from app.announce import enter, settle
from app.cache.marks import Marks
from app.cache.redis import Cache
from app.cache.single_flight import Once
from app.files import blobs
from app.files.blobs import Blobs
from app.query import query as queries
from app.settings import Settings
from app.store import Engine
from app.store.group_commit import Together
from app.witness import NAME, Witness


class Context(Struct, frozen=True):
    """The settings in force, the database, the cache, the files, and what is being rendered."""

    settings: Settings
    engine: Engine
    cache: Cache
    blobs: Blobs
    once: Once = field(default_factory=Once)  # what is rendered at this moment
    together: Together = field(default_factory=Together)  # what is pushed at the same time


def connect(settings: Settings, deadline: float = 0.0) -> Context:
    """The context of a database whose schema is up to date. `deadline`: seconds that a question to it may take, 0: without end.
    Raises Misconfigured and Unavailable."""
    engine = store.connect(settings.database, threads=settings.threads, deadline=deadline)
    queries.seal_with(store.secret(engine))
    cache = cache_of(settings, engine)
    settle(cache, engine)
    head = Witness(Path(settings.data_dir).resolve() / NAME).compare(cache, engine)
    enter(cache, engine, head.instance)
    store.watch(engine, cache.doubt)
    return Context(settings, engine, cache, blobs.connect(settings))


def cache_of(settings: Settings, engine: Engine) -> Cache:
    """The cache of this database, with the marks of this host. Raises Unavailable."""
    return Cache(settings.redis, store.instance(engine), Marks(Path(settings.data_dir).resolve() / "marks"))
