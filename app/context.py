"""What one process works with: the settings, and connections to database, cache and files. Intake, routes and commands get it."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

from msgspec import Struct, field

from app import announce, store
from app.cache.marks import Marks
from app.cache.recent import Recent
from app.cache.redis import Cache, Pair, Ref
from app.cache.single_flight import Once
from app.files import blobs
from app.files.blobs import Blobs
from app.query import Cursor
from app.query.cursors import Cursors
from app.settings import Settings
from app.store import Engine
from app.store.group_commit import GroupCommit
from app.witness import NAME, Witness
from feeds import Fragment

Answer = TypeVar("Answer")
FRAGMENTS = 0.2  # part of the memory for feeds that fragments of articles get
SIZES = 1024 * 1024  # bytes of memory for the sizes of articles


class Context(Struct, frozen=True):
    """The settings in force, the database, the cache, the files, and the work in progress."""

    settings: Settings
    engine: Engine
    cache: Cache
    blobs: Blobs
    cursors: Cursors
    once: Once = field(default_factory=Once)  # documents that are being rendered
    together: GroupCommit = field(default_factory=GroupCommit)  # pushes that share one commit
    fragments: Recent[tuple[str, Ref], Fragment] = field(default_factory=lambda: Recent(0))  # by format and version
    sizes: Recent[Ref, int] = field(default_factory=lambda: Recent(SIZES))  # bytes of articles
    replica: Engine | None = None  # a standby from which public feeds are read, if there is one

    def read(self, ask: Callable[[Engine], Answer]) -> Answer:
        """What `ask` reads of public articles: from the replica if it has everything that was acknowledged, else from the database
        itself. Raises Unavailable, and what `ask` raises."""
        if self.replica is None:
            return ask(self.engine)
        return store.identity.read_newest(self.replica, self.engine, ask)

    def now(self) -> datetime:
        """The instant by the clock that decides what is public (app/store/clock.py). Raises Unavailable."""
        return store.clock.database_now(self.engine)

    def trusted(self) -> bool:
        """Whether this process may serve from the cache: see app/announce.py. Raises Unavailable."""
        return announce.trusted(self.cache, self.engine)

    def tell(self, pairs: Sequence[Pair]) -> None:
        """Mark the stored copies of these feeds as out of date, on all hosts."""
        announce.tell(self.cache, pairs)

    def synced(self) -> None:
        """Find out which history the database is in, before a cursor is compared with its name. Raises Unavailable."""
        announce.synced(self.cache, self.engine)

    def write_cursor(self, cursor: Cursor) -> str:
        """The text of a cursor for links, under the present history of the database."""
        return self.cursors.write(cursor, self.cache.instance)

    def read_cursor(self, name: str, text: str) -> Cursor:
        """The position in a cursor's text; `name` is the parameter that contained it. Raises Problem."""
        return self.cursors.read(name, text, self.cache.instance)


def connect(settings: Settings, *, web: bool = False) -> Context:
    """The context of a database whose schema is up to date. `web`: somebody waits for the answers, so queries and waits for other
    writers have the limits of the settings. Raises Misconfigured and Unavailable."""
    opened = partial(
        store.connect,
        threads=settings.threads,
        pool=settings.database_pool,
        deadline=settings.statement_seconds if web else 0,
        locks=settings.lock_seconds if web else 0,
    )
    engine = opened(settings.database)
    cache = cache_of(settings, engine)
    announce.settle(cache, engine)
    head = Witness(Path(settings.data_dir).resolve() / NAME).compare(cache, engine)
    announce.enter(cache, engine, head.instance)
    store.identity.watch(engine, cache.doubt)
    replica = None
    if settings.read_database_url:
        replica = opened(settings.read_database_url, replica=True)
        store.identity.watch(replica)
    cursors = Cursors(store.identity.secret(engine))
    fragments: Recent[tuple[str, Ref], Fragment] = Recent(int(settings.hot_memory * FRAGMENTS))
    return Context(settings, engine, cache, blobs.connect(settings), cursors, fragments=fragments, replica=replica)


def alone(settings: Settings, engine: Engine) -> Context:
    """The context of one state of a database, such as a backup: it neither reads nor changes the cache, which belongs to another
    state. Raises Unavailable."""
    cache = Cache(settings.cache, store.identity.instance(engine))  # it only tells the history to the cursors
    return Context(settings, engine, cache, blobs.connect(settings), Cursors(store.identity.secret(engine)))


def cache_of(settings: Settings, engine: Engine) -> Cache:
    """The cache of this database, with the marks of this host. Raises Unavailable."""
    marks = Marks(Path(settings.data_dir).resolve() / "marks")
    return Cache(settings.cache, store.identity.instance(engine), marks, shared=bool(settings.redis_url))
