"""What one push, poll and delivery costs, as `python -m bench costs` measures and writes it."""

import math
from typing import Any, Self

import msgspec
from msgspec import Struct

from app.errors import Misconfigured

VERSION = 1  # of the file
MEASURE = "Measure with `python -m bench costs --costs FILE`."


class Spent(Struct, frozen=True):
    """Processor time in milliseconds, by who spends it."""

    web: float = 0.0  # the web workers
    deliver: float = 0.0  # the delivery workers
    background: float = 0.0  # the parent, the background worker, the desk and pulling
    cache: float = 0.0  # Valkey
    database: float = 0.0  # PostgreSQL; with SQLite it is in the processes that ask it

    def __add__(self, other: Self) -> Self:
        return type(self)(*(mine + theirs for mine, theirs in zip(self.parts(), other.parts(), strict=True)))

    def __mul__(self, times: float) -> Self:
        return type(self)(*(part * times for part in self.parts()))

    def parts(self) -> tuple[float, ...]:
        """The times in the order of the fields."""
        return (self.web, self.deliver, self.background, self.cache, self.database)

    def total(self) -> float:
        """All of them together, in milliseconds."""
        return sum(self.parts())


class Bytes(Struct, frozen=True):
    """A size in bytes that grows with another size: `fixed`, and `each` for each byte of the other."""

    fixed: float
    each: float

    def of(self, size: float) -> float:
        """Bytes for that many bytes of the other."""
        return self.fixed + self.each * size


class Costs(Struct, frozen=True):
    """What was measured on one kind of database."""

    idle: Spent  # each second, while nothing happens
    push: Spent  # a release of one article, however short
    push_kb: Spent  # for each kB of its text
    queued: Spent  # for each subscription that the push reaches
    cold: Spent  # a feed rendered again after a change; its articles are in the cache
    cold_kb: Spent  # for each kB of the feed
    copy: Spent  # a feed that a web worker takes from the cache, because another one rendered it
    hot: Spent  # an answer with a body from a copy in the web worker
    hot_kb: Spent  # for each kB of it
    unchanged: Spent  # a 304 from such a copy
    webhook: Spent  # a delivery to a webhook
    websub: Spent  # a delivery to a WebSub subscriber
    mail: Spent  # an alert by e-mail
    counter: float  # milliseconds of the clock for which one push holds the counter row; no other may write meanwhile
    empty: float  # bytes of a database without articles
    article: Bytes  # of an article in the database, by the bytes of its text
    delivery: float  # bytes of a delivery in the database
    subscription: float  # bytes of a subscription in the database
    entry: Bytes  # of an article in a feed, by the bytes of its text
    compressed: float  # a compressed feed : the same one uncompressed
    head: float  # bytes of an answer without its body
    webhook_body: Bytes  # of what a webhook gets, by the bytes of the text
    websub_body: Bytes  # of what a WebSub subscriber gets
    mail_body: Bytes
    cached_article: Bytes  # of an article in the cache, by the bytes of its text
    cached_feed: Bytes  # of a feed in one encoding in the cache, by the bytes of its body
    cached_note: float  # bytes of the note of a rendering in the cache, by which deltas are told
    cache_empty: float  # bytes of the cache without anything
    kept_feed: Bytes  # of a copy in a web worker, by the bytes of its body
    web_memory: float  # bytes (PSS) of a web worker without copies
    deliver_memory: float  # bytes (PSS) of a delivery worker
    background_memory: float  # bytes (PSS) of the parent, the background worker, the desk and pulling together


class MeasuredCosts(Struct, frozen=True):
    """A file of costs: the machine, and what was measured on each kind of database."""

    version: int
    machine: dict[str, str]  # "cpu", "cores", "time" and more
    databases: dict[str, Costs]  # by "sqlite" and "postgresql"


def read_costs(content: bytes, name: str) -> MeasuredCosts:
    """The costs in a file, which messages call `name`. Raises Misconfigured: it is not JSON, of another version, lacks a cost, or has
    one that is negative or no number."""
    try:
        found: Any = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Misconfigured(f"{name} is not JSON: {error}. {MEASURE}") from None
    version = found.get("version") if isinstance(found, dict) else None
    if version != VERSION:
        raise Misconfigured(
            f"{name} is not a file of costs of version {VERSION}: its version is {str(version)[:40]}. {MEASURE}"
        )
    try:
        costs = msgspec.convert(found, MeasuredCosts)
    except msgspec.ValidationError as error:
        raise Misconfigured(f"{name} is not a whole file of costs: {error}. {MEASURE}") from None
    if "sqlite" not in costs.databases and "postgresql" not in costs.databases:
        raise Misconfigured(f"{name} has costs of no database: expected sqlite or postgresql. {MEASURE}")
    for path, number in _numbers(found["databases"], "databases"):
        if not math.isfinite(number) or number < 0:
            raise Misconfigured(f"{name}: {path} is {number:g}, but no cost is negative. {MEASURE}")
    return costs


def _numbers(members: Any, path: str) -> list[tuple[str, float]]:
    if isinstance(members, dict):
        return [pair for name, member in members.items() for pair in _numbers(member, f"{path}.{name}")]
    return [(path, members)] if isinstance(members, int | float) else []
