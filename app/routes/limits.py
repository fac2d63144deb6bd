"""How often one token and one address may ask (Flask-Limiter, counted in Redis so that all workers count together).

Feeds are not counted by address, save for searches, periods and pages: a poller that asks too often costs a cache hit, which is less
than the counting.
While Redis is away each worker counts for itself. What is left is told in `RateLimit` and `RateLimit-Policy`
(https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/10/).
"""

import hashlib
import ipaddress
import time
from contextlib import suppress
from functools import lru_cache

from flask import Flask, Response, current_app, request
from flask_limiter import ApplicationLimit, Limiter
from limits.errors import StorageError

from app.cache import TIMEOUT
from app.context import Context
from app.errors import Problem
from app.routes import access

LIMITER = "pressrelay-limiter"
FEEDS = {"feeds.get", "feeds.negotiated", "feeds.saved", "archives.newest", "archives.of_month"}
# Each of these makes of one feed as many as somebody likes, and none is in the cache.
COSTLY = {"q", "since", "until", "before", "after"}
UNCOUNTED = {"ops.health", "ops.ready", "ops.metrics", "static"}


def install(app: Flask, context: Context) -> None:
    """Count the requests of this application, in keys of this database."""
    settings = context.settings
    rates = ((settings.token_rate, "token", _token, _tokenless), (settings.address_rate, "address", _address, _free))
    limits = [
        ApplicationLimit(rate, key_function=key, scope=scope, exempt_when=exempt)
        for rate, scope, key, exempt in rates
        if not rate.startswith("0/")
    ]
    if not limits:
        return
    limiter = Limiter(
        _address,
        app=app,
        application_limits=[*limits],
        strategy="sliding-window-counter",
        storage_uri=storage(settings.redis),
        storage_options={
            "socket_timeout": TIMEOUT,  # type: ignore[dict-item]
            "socket_connect_timeout": TIMEOUT,  # type: ignore[dict-item]
            "wrap_exceptions": True,
        },
        key_prefix=f"pr:{context.cache.instance}:limit",
        in_memory_fallback=[*limits],  # type: ignore[list-item]
        in_memory_fallback_enabled=True,
    )

    app.extensions[LIMITER] = limiter

    @app.after_request
    def tell(response: Response) -> Response:
        # Redis may fail after it counted. What is left cannot be told then; the answer itself, maybe to a push that is stored, stands.
        with suppress(StorageError):
            _tell(limiter, response)
        return response


def _tell(limiter: Limiter, response: Response) -> None:
    """Add what is left of the narrowest limit that counts for this request. Raises StorageError."""
    told = [(limit.limit, limit.request_args[-1], limit) for limit in limiter.current_limits]
    if not told:
        return
    limit, scope, current = min(told, key=lambda one: one[2].remaining)
    left = f'"{scope}";r={current.remaining};t={_left(current.reset_at)}'
    response.headers["RateLimit-Policy"] = f'"{scope}";q={limit.amount};w={limit.get_expiry()}'
    response.headers["RateLimit"] = left


def exceeded() -> Problem:
    """The answer to one request too many."""
    limiter: Limiter = current_app.extensions[LIMITER]
    wait = 1
    with suppress(StorageError):
        wait = max((_left(limit.reset_at) for limit in limiter.current_limits if limit.breached), default=1)
    detail = f"Ask again in {wait} seconds; RateLimit-Policy tells how often."
    return Problem(429, "rate-limited", "Too many requests", detail, headers={"Retry-After": str(wait)})


def storage(url: str) -> str:
    """A Redis URL as the library spells it."""
    return url.replace("unix://", "redis+unix://", 1) if url.startswith("unix://") else url


def _left(reset_at: int) -> int:
    return max(1, reset_at - int(time.time()))


def _token() -> str:
    # Never the token itself: the counters' keys can be read by whoever reads the cache.
    return hashlib.sha256(access.secret().encode()).hexdigest()[:24]


def _tokenless() -> bool:
    return not access.secret()


def _address() -> str:
    return network(request.remote_addr or "")


def _free() -> bool:
    """What is not counted by address. The machine's own are not: a proxy on it speaks for everybody, until PRESSRELAY_PROXIES
    says that it tells for whom."""
    endpoint = request.endpoint or ""
    cheap = endpoint in FEEDS and not COSTLY & set(request.args) and not access.secret()
    return endpoint in UNCOUNTED or cheap or not network(request.remote_addr or "")


@lru_cache(10_000)
def network(address: str) -> str:
    """What is counted together: an IPv4 address, and of IPv6 what one customer gets, a /64; empty for this machine's own."""
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    mapped = getattr(found, "ipv4_mapped", None)
    found = mapped or found
    if found.is_loopback:
        return ""
    return str(found) if found.version == 4 else str(ipaddress.ip_network((found, 64), strict=False))
