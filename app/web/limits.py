"""Rate limits for each token and each address, counted in the cache so that all workers count together.

Most requests for feeds are not counted by address: a poller that asks too often costs a cache hit, which is less than the counting.
Searches, periods, pages and queries with many values are counted. A costly query counts as several requests (`price`), and at most a
quarter of a worker's threads answer such queries at once (app/web/places.py).
The windows slide: of the previous window, the part counts that lies within the last second, minute, hour or day. Counting a request
takes one round trip to the cache, which also returns what is left. While the cache is unavailable, each worker counts for itself.
The headers `RateLimit` and `RateLimit-Policy` say what is left
(https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/10/).
"""

import hashlib
import math
import threading
import time
from collections.abc import Callable
from typing import cast
from urllib.parse import parse_qsl

from flask import Flask, Response, g, request
from msgspec import Struct
from werkzeug.datastructures import MultiDict

from app import store
from app.accounts import sites
from app.cache.redis import Cache, Window
from app.errors import Problem
from app.query import EXCLUDE, MOST_COST, NAME, Saved
from app.query import FIELDS as FILTERS
from app.web import access
from app.web.context import Context, here

SAVED = "feeds.saved"
FEEDS = {"feeds.get", "feeds.negotiated", SAVED, "archives.newest", "archives.of_month"}
# Each of these parameters can turn one feed into any number of different ones, none of which is in the cache.
COSTLY = {"q", "since", "until", "before", "after"}
CHEAP = 20  # each so many look-ups per article of a feed add 1 to the price
SEARCH = 5  # what a search adds to the price; a period or a page adds 1
COUNTED_FROM = 2  # requests for feeds are counted by address from this price on
GATED_FROM = 5  # from this price on, only a few queries are answered at once
UNCOUNTED = {"ops.health", "ops.ready", "ops.metrics", "look.asset"}
LARGEST_FORM = 16_384  # bytes of a form or a JSON object without files
SECONDS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
MOST_ALONE = 10_000  # windows that a worker counts by itself; after that it starts again with none


class Limit(Struct, frozen=True):
    """A number of requests in a number of seconds for each client. `who` names the client; requests are not counted if it is empty."""

    scope: str  # "token", "address" or "hub"
    amount: int
    seconds: int
    who: Callable[[], str]


class Counted(Struct, frozen=True):
    """The state of one limit after this request."""

    limit: Limit
    left: int  # requests that are left
    exceeded: bool
    reset: int  # seconds until more are left


def install(app: Flask, context: Context) -> None:
    """Count the requests of this application, in the part of the cache that belongs to this database."""
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
        app.after_request(_add_headers)


def limited(scope: str, rate: str, who: Callable[[], str]) -> Limit:
    """The limit of a setting such as "6000/minute"."""
    amount, _, period = rate.partition("/")
    return Limit(scope, int(amount), SECONDS[period], who)


def saved_feed() -> Saved | None:
    """The saved feed that this request names; None if there is none. It is looked up once for each request."""
    if "saved_feed" not in g:
        name = (request.view_args or {}).get("name", "")
        g.saved_feed = store.feeds.saved_feed(here().engine, name) if NAME.fullmatch(name) else None
    return cast(Saved | None, g.saved_feed)


def price() -> int:
    """How much this request counts; see `_price`. It is computed once for each request."""
    if "price" not in g:
        g.price = _price()
    return int(g.price)


def _price() -> int:
    """The price of this request; 1 for a simple one. It depends only on the number of values, so no value is looked up for it."""
    if not request.query_string and request.endpoint != SAVED:
        return 1
    args = request.args
    if request.endpoint == SAVED and (saved := saved_feed()):
        args = MultiDict((*parse_qsl(saved.query), *args.items(multi=True)))
    narrowing = [len(set(args.getlist(name))) for name in FILTERS if name in args]
    excluded = sum(len(args.getlist(name)) for name in args if name.startswith(EXCLUDE))
    look_ups = math.prod(narrowing) * (1 + excluded)
    more = SEARCH if args.get("q") else 1 if COSTLY & set(args) else 0
    return 1 + min(look_ups, MOST_COST) // CHEAP + more


def _count(counter: "Counter", limits: list[Limit]) -> None:
    """Raises Problem (429) if a limit is exceeded; that request is not counted."""
    if request.endpoint is None:  # An unknown path: the answer costs less than the counting.
        return
    clients = [(limit, who) for limit in limits if (who := limit.who())]
    if not clients:
        return
    g.counted = counted = counter.count(clients, time.time(), price())
    if any(state.exceeded for state in counted):
        wait = max(state.reset for state in counted if state.exceeded)
        detail = f"Try again in {wait} seconds. The header RateLimit-Policy shows how many requests are allowed."
        raise Problem(429, "rate-limited", "Too many requests", detail, headers={"Retry-After": str(wait)})


def _add_headers(response: Response) -> Response:
    """Add the headers that say what is left of the strictest limit of this request."""
    if counted := g.get("counted"):
        state = min(counted, key=lambda state: state.left)
        response.headers["RateLimit-Policy"] = f'"{state.limit.scope}";q={state.limit.amount};w={state.limit.seconds}'
        response.headers["RateLimit"] = f'"{state.limit.scope}";r={state.left};t={state.reset}'
    return response


class Counter:
    """Counts requests in the cache, or in this process while the cache is unavailable."""

    def __init__(self, cache: Cache) -> None:
        self._cache = cache
        self._lock = threading.Lock()
        self._alone: dict[Window, int] = {}

    def count(self, clients: list[tuple[Limit, str]], now: float, amount: int = 1) -> list[Counted]:
        """Count a request with the price `amount` in each limit, for the client beside it; `now` is in seconds since 1970."""
        windows = [Window(f"{limit.scope}:{who}", limit.seconds, int(now // limit.seconds)) for limit, who in clients]
        found = self._cache.count(windows, amount)
        alone = found is None
        found = self._by_itself(windows, amount) if found is None else found
        counted = [_counted(limit, *counts, now) for (limit, _), counts in zip(clients, found, strict=True)]
        if refused := [window for window, state in zip(windows, counted, strict=True) if state.exceeded]:
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
    """The state of a limit. `here`: requests in the current window, with this one; `before`: requests in the previous window."""
    rest = limit.seconds - now % limit.seconds
    used = here + before * rest / limit.seconds
    # The requests of the previous window leave evenly, one after each such part of it.
    reset = min(rest, rest % (limit.seconds / before)) if before else rest
    return Counted(limit, max(0, math.floor(limit.amount - used)), used > limit.amount, max(1, math.ceil(reset)))


def _token() -> str:
    secret = access.secret()
    # Not the token itself: anybody who can read the cache can read the keys of the counters.
    return hashlib.sha256(secret.encode()).hexdigest()[:24] if secret else ""


def _address() -> str:
    """The client's network for the limit "address". The machine's own address is not counted: it may be a proxy for all clients, until
    PRESSRELAY_PROXIES says that the proxy names them."""
    endpoint = request.endpoint or ""
    if endpoint in UNCOUNTED and not access.secret():  # attempts to guess a token are counted at every endpoint
        return ""
    if endpoint in FEEDS and price() < COUNTED_FROM and not access.secret():
        return ""
    return network(request.remote_addr or "")


def _subscriber() -> str:
    """The client's network for the limit "hub". These requests are counted because each makes the server call a callback."""
    return network(request.remote_addr or "") if request.endpoint == "hub.post" else ""


def network(address: str) -> str:
    """The network that is counted as one client: a single IPv4 address, or the /64 of IPv6 that one customer gets. Empty for this
    machine's own addresses."""
    return sites.network(address, 32, 64)
