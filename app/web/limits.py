"""How often one token and one address may ask, counted in the cache so that all workers count together.

Feeds are not counted by address, save for searches, periods, pages and questions of many values: a poller that asks too often costs a
cache hit, which is less than the counting. A costly question counts as several requests (`price`), and a quarter of a worker's
threads at most answer such questions at once (app/web/places.py).
A window slides: of the one before counts as much as of it lies within the last minute (or second, hour, day). Each request is counted
by one question to the cache, which tells what is left as well. While the cache is away each worker counts for itself. What is left is
told in `RateLimit` and `RateLimit-Policy` (https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/10/).
"""

import hashlib
import math
import threading
import time
from collections.abc import Callable

from flask import Flask, Response, g, request
from msgspec import Struct

from app.accounts import sites
from app.cache.redis import Cache, Window
from app.context import Context
from app.errors import Problem
from app.query.query import EXCLUDE, MOST_COST
from app.query.query import FIELDS as FILTERS
from app.web import access

FEEDS = {"feeds.get", "feeds.negotiated", "feeds.saved", "archives.newest", "archives.of_month"}
# Each of these makes of one feed as many as somebody likes, and none is in the cache.
COSTLY = {"q", "since", "until", "before", "after"}
CHEAP = 20  # look-ups that an article of a feed may need before the question counts more than once
SEARCH = 5  # how much more a search counts; a period or a page counts 1 more
COUNTED_FROM = 2  # a feed that counts as much is counted by address
GATED_FROM = 5  # of questions that count as much, few are answered at once
UNCOUNTED = {"ops.health", "ops.ready", "ops.metrics", "static"}
SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
MOST_ALONE = 10_000  # windows that a worker counts by itself; then it begins anew


class Limit(Struct, frozen=True):
    """So many requests within so many seconds, of what `who` tells them by; where that is empty they are not counted."""

    scope: str  # "token", "address" or "hub"
    amount: int
    seconds: int
    who: Callable[[], str]


class Counted(Struct, frozen=True):
    """This request in one limit."""

    limit: Limit
    left: int  # requests
    exceeded: bool
    reset: int  # seconds until more is left


def install(app: Flask, context: Context) -> None:
    """Count the requests of this application, in keys of this database."""
    settings = context.settings
    limits = [
        limit
        for limit in (
            limited("token", settings.token_rate, _token),
            limited("address", settings.address_rate, _address),
            limited("hub", settings.hub_rate, _subscriber),
        )
        if limit.amount
    ]
    if limits:
        counter = Counter(context.cache)
        app.before_request(lambda: _count(counter, limits))
        app.after_request(_tell)


def limited(scope: str, rate: str, who: Callable[[], str]) -> Limit:
    """A limit as the setting writes it: "6000/minute"."""
    amount, _, period = rate.partition("/")
    return Limit(scope, int(amount), SECONDS[period], who)


def price() -> int:
    """How much this request counts: a simple one is 1. Reckoned from the number of values alone, before any is looked at."""
    args = request.args
    narrowing = [len(set(args.getlist(name))) for name in FILTERS if name in args]
    excluded = sum(len(args.getlist(name)) for name in args if name.startswith(EXCLUDE))
    look_ups = math.prod(narrowing) * (1 + excluded)
    more = SEARCH if args.get("q") else 1 if COSTLY & set(args) else 0
    return 1 + min(look_ups, MOST_COST) // CHEAP + more


def _count(counter: "Counter", limits: list[Limit]) -> None:
    """Raises Problem (429) for one request too many, which is not counted."""
    if request.endpoint is None:  # No such path: the answer costs less than the counting.
        return
    asked = [(limit, who) for limit in limits if (who := limit.who())]
    if not asked:
        return
    g.counted = counted = counter.count(asked, time.time(), price())
    if any(one.exceeded for one in counted):
        wait = max(one.reset for one in counted if one.exceeded)
        detail = f"Ask again in {wait} seconds; RateLimit-Policy tells how often."
        raise Problem(429, "rate-limited", "Too many requests", detail, headers={"Retry-After": str(wait)})


def _tell(response: Response) -> Response:
    """Add what is left of the narrowest limit that counts for this request."""
    if counted := g.get("counted"):
        one = min(counted, key=lambda one: one.left)
        response.headers["RateLimit-Policy"] = f'"{one.limit.scope}";q={one.limit.amount};w={one.limit.seconds}'
        response.headers["RateLimit"] = f'"{one.limit.scope}";r={one.left};t={one.reset}'
    return response


class Counter:
    """Counts in the cache, and by itself while that is away."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._lock = threading.Lock()
        self._alone: dict[Window, int] = {}

    def count(self, asked: list[tuple[Limit, str]], now: float, amount: int = 1) -> list[Counted]:
        """Count a request of that price, of each limit by whom, at this second since 1970."""
        windows = [Window(f"{limit.scope}:{who}", limit.seconds, int(now // limit.seconds)) for limit, who in asked]
        found = self._cache.count(windows, amount)
        alone = found is None
        found = self._by_itself(windows, amount) if found is None else found
        counted = [_counted(limit, *one, now) for (limit, _), one in zip(asked, found, strict=True)]
        if refused := [window for window, one in zip(windows, counted, strict=True) if one.exceeded]:
            self._take_back(refused, amount) if alone else self._cache.uncount(refused, amount)
        return counted

    def _by_itself(self, windows: list[Window], amount: int) -> list[tuple[int, int]]:
        with self._lock:
            if len(self._alone) > MOST_ALONE:
                self._alone.clear()
            for window in windows:
                self._alone[window] = self._alone.get(window, 0) + amount
            return [(self._alone[window], self._alone.get(window.before(), 0)) for window in windows]

    def _take_back(self, windows: list[Window], amount: int) -> None:
        with self._lock:
            for window in windows:
                self._alone[window] = self._alone.get(window, amount) - amount


def _counted(limit: Limit, here: int, before: int, now: float) -> Counted:
    """`here`: in the window of this second, this request among them; `before`: in the one before."""
    rest = limit.seconds - now % limit.seconds
    used = here + before * rest / limit.seconds
    # One of the window before leaves after each such part of it.
    reset = min(rest, rest % (limit.seconds / before)) if before else rest
    return Counted(limit, max(0, math.floor(limit.amount - used)), used > limit.amount, max(1, math.ceil(reset)))


def _token() -> str:
    secret = access.secret()
    # Never the token itself: the counters' keys can be read by whoever reads the cache.
    return hashlib.sha256(secret.encode()).hexdigest()[:24] if secret else ""


def _address() -> str:
    """Whose address is counted. The machine's own is not: a proxy on it speaks for everybody, until PRESSRELAY_PROXIES says that it
    tells for whom."""
    endpoint = request.endpoint or ""
    if endpoint in UNCOUNTED and not access.secret():  # a token that is guessed at is counted wherever it is tried
        return ""
    if endpoint in FEEDS and price() < COUNTED_FROM and not access.secret():
        return ""
    return network(request.remote_addr or "")


def _subscriber() -> str:
    """Whose requests to the hub are counted: each has somebody called."""
    return network(request.remote_addr or "") if request.endpoint == "hub.post" else ""


def network(address: str) -> str:
    """What is counted together: an IPv4 address, and of IPv6 what one customer gets, a /64; empty for this machine's own."""
    return sites.network(address, 32, 64)
