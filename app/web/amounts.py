"""How many releases each province of Korea had in the last 30 days. Maps and tiles show it (app/web/maps.py).

The numbers count public feeds up to a limit (app/store/feeds/amounts.py), so they contain nothing under embargo. The cache keeps
them under the revisions of the provinces' feeds until the day ends.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta

import msgspec
from msgspec import Struct

from app import store
from app.cache.redis import Rendered
from app.context import Context
from app.text.zones import zone_of
from app.web.maps import provinces

DAYS = 30
MOST = 5000  # articles that are counted of one province


class Amounts(Struct, frozen=True):
    """The numbers of a period that ends now."""

    since: datetime  # the beginning of its first day, where the site is
    counts: Mapping[str, int]  # region code -> number, the largest first


def today(context: Context, now: datetime) -> datetime:
    """The beginning of the day in the site's time zone."""
    return now.astimezone(zone_of(context.settings.site_timezone)).replace(hour=0, minute=0, second=0, microsecond=0)


def left_of_day(context: Context, now: datetime) -> float:
    """Seconds until the next day begins there."""
    start = today(context, now)
    return ((start + timedelta(days=1)).timestamp() - now.timestamp()) or 1.0


def amounts_by_province(context: Context, now: datetime) -> Amounts:
    """The numbers of the last 30 days, today included. Raises Unavailable."""
    since = today(context, now) - timedelta(days=DAYS - 1)
    key = hashlib.sha256(f"amounts {since.isoformat()} {' '.join(provinces())}".encode()).hexdigest()
    pairs = [(place, "*") for place in provinces()]
    kept, revisions = context.cache.feed(key, pairs) if context.trusted() else (None, None)
    if kept is not None:
        counts = msgspec.json.decode(kept.body, type=dict[str, int])
    else:
        counts = store.feeds.amounts_since(context.engine, provinces(), since, MOST)
        if revisions is not None:
            context.cache.keep({key: Rendered(revisions, "", msgspec.json.encode(counts), {}, 0)})
    ordered = dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))
    return Amounts(since, ordered)
