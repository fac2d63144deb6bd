"""From counts to processor time, and from articles to bytes. `python -m bench plan` compares both with a real server."""

from msgspec import Struct

from app.sizing.costs import Bytes, Costs, Spent
from app.sizing.demand import Demand

# The factor by which the server that `python -m bench plan` runs may differ from these estimates, either way.
PROCESSOR_WITHIN, BYTES_WITHIN = 2.0, 1.5
DELIVERY_DAYS = 30  # for which a delivery stays in the database: docs/push.md
CACHE_DAYS = 7  # for which an article, and the note of a rendering, stay in the cache: app/cache/redis.py


class Counts(Struct, frozen=True):
    """What a server does in a period, or in each second."""

    seconds: float
    pushes: float
    rendered: float  # feeds rendered again
    copied: float  # feeds that a web worker takes from the cache
    bodies: float  # answers with a body from a copy, compressed
    plain: float  # the same, uncompressed
    unchanged: float  # answers 304
    webhooks: float  # deliveries
    websubs: float
    websub_feeds: float  # feeds with only what is new, rendered for WebSub subscribers
    mails: float

    @property
    def deliveries(self) -> float:
        """Of all kinds."""
        return self.webhooks + self.websubs + self.mails


def feed_bytes(costs: Costs, demand: Demand) -> float:
    """The size of an uncompressed feed."""
    return demand.page * costs.entry.of(demand.text)


def counts_of(demand: Demand, pushes: float, polls: float, seconds: float, web_workers: int) -> Counts:
    """What follows from so many pushes, and polls that a cache in front does not answer, in that time."""
    asked = polls * (1 - demand.unchanged)
    encodings = 1 if demand.compressed in (0, 1) else 2
    # A feed is rendered when it is polled after a change. Every other web worker, and every other encoding, finds that in the cache.
    rendered = min(pushes * min(demand.changed, demand.feeds), asked)
    copied = min(rendered * (web_workers * encodings - 1), asked - rendered)
    hot = asked - rendered - copied
    share = demand.reached / demand.subscribers if demand.subscribers else 0.0
    return Counts(
        seconds=seconds,
        pushes=pushes,
        rendered=rendered,
        copied=copied,
        bodies=hot * demand.compressed,
        plain=hot * (1 - demand.compressed),
        unchanged=polls * demand.unchanged,
        webhooks=pushes * demand.webhooks * share,
        websubs=pushes * demand.websubs * share,
        websub_feeds=pushes * min(demand.websubs * share, demand.changed, demand.feeds),
        mails=pushes * demand.mails * share,
    )


def spent_on(costs: Costs, demand: Demand, counts: Counts) -> Spent:
    """The processor time, in milliseconds, that these take."""
    feed = feed_bytes(costs, demand) / 1000
    rendering = costs.cold + costs.cold_kb * feed
    news = costs.cold + costs.cold_kb * (costs.websub_body.of(demand.text) / 1000)  # only what is new goes out
    small = costs.hot + costs.hot_kb * (feed * costs.compressed)
    delivered = costs.webhook * counts.webhooks + costs.websub * counts.websubs + costs.mail * counts.mails
    return (
        costs.idle * counts.seconds
        + (costs.push + costs.push_kb * (demand.text / 1000)) * counts.pushes
        + costs.queued * counts.deliveries
        + rendering * counts.rendered
        + (small + costs.copy) * counts.copied
        + small * counts.bodies
        + (costs.hot + costs.hot_kb * feed) * counts.plain
        + costs.unchanged * counts.unchanged
        + delivered
        + Spent(deliver=news.web, database=news.database) * counts.websub_feeds
    )


class KeptCounts(Struct, frozen=True):
    """How many of each are kept."""

    articles: float
    recent: float  # articles that came while the cache keeps one
    rendered: float  # feeds that were rendered again while the cache keeps the note of one
    deliveries: float


class StoredBytes(Struct, frozen=True):
    """What is kept, in bytes."""

    articles: float  # in the database
    deliveries: float
    subscriptions: float
    files: float  # that came with releases
    cached: float  # in Valkey
    copies: float  # in each web worker

    @property
    def database(self) -> float:
        """The whole database."""
        return self.articles + self.deliveries + self.subscriptions


def stored_bytes(costs: Costs, demand: Demand, kept: KeptCounts) -> StoredBytes:
    """The sizes when all feeds that are polled are hot."""
    feed = feed_bytes(costs, demand)
    compressed, plain = demand.compressed > 0, demand.compressed < 1
    # The cache has the uncompressed bytes only of feeds that somebody asks for uncompressed.
    cached = plain * costs.cached_feed.of(feed) + compressed * costs.cached_feed.of(feed * costs.compressed)
    copies = plain * costs.kept_feed.of(feed) + compressed * costs.kept_feed.of(feed * costs.compressed)
    # A release is shown by as many feeds as it changes, so all pages together have so many different articles.
    shown = demand.feeds * demand.page / max(1.0, min(demand.changed, demand.feeds))
    return StoredBytes(
        articles=costs.empty + kept.articles * costs.article.of(demand.text),
        deliveries=kept.deliveries * costs.delivery,
        subscriptions=demand.subscribers * costs.subscription,
        files=kept.articles * demand.files,
        cached=costs.cache_empty
        + min(kept.articles, shown + kept.recent) * costs.cached_article.of(demand.text)
        + kept.rendered * costs.cached_note
        + demand.feeds * cached,
        copies=demand.feeds * copies,
    )


def sent_bytes(costs: Costs, demand: Demand, counts: Counts) -> float:
    """Bytes that the server sends for these."""
    feed = feed_bytes(costs, demand)
    small = (counts.rendered + counts.copied) * demand.compressed + counts.bodies
    plain = (counts.rendered + counts.copied) * (1 - demand.compressed) + counts.plain
    return (
        small * (costs.head + feed * costs.compressed)
        + plain * (costs.head + feed)
        + counts.unchanged * costs.head
        + _sent(costs.webhook_body, demand, counts.webhooks)
        + _sent(costs.websub_body, demand, counts.websubs)
        + _sent(costs.mail_body, demand, counts.mails)
    )


def _sent(body: Bytes, demand: Demand, count: float) -> float:
    return body.of(demand.text) * count
