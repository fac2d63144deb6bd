"""How many releases each province of Korea had in the last 30 days, and the map that shows it.

The numbers are counted in the entries of public feeds, so nothing under embargo is among them. The cache keeps them under the
revisions of the provinces' feeds, for the day.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache

import msgspec
from msgspec import Struct

from app import store
from app.cache.redis import Rendered
from app.context import Context
from app.text.zones import zone_of
from app.web import assets

DAYS = 30
MOST = 5000  # articles that are counted of one province
LEVELS = 4  # shades of the map, besides that of nothing
SHAPES = assets.STATIC / "map" / "kr.json"


class KoreaMap(Struct, frozen=True):
    """What the map of the provinces says of itself."""

    width: int
    height: int
    provinces: tuple[str, ...]  # region codes
    insets: tuple[tuple[int, int, int, int], ...]  # frames of islands: x, y, width, height


class Amounts(Struct, frozen=True):
    """The numbers of a period that ends now."""

    since: datetime  # the beginning of its first day, where the site is
    counts: Mapping[str, int]  # region code -> number, the largest first
    bounds: tuple[int, ...]  # the largest number of each shade

    def level(self, code: str) -> int:
        """The shade of a province: 0 for nothing, at most LEVELS."""
        count = self.counts.get(code, 0)
        return next((at for at, bound in enumerate(self.bounds) if count <= bound), LEVELS)

    def scale(self) -> list[tuple[int, int, int]]:
        """(shade, smallest number, largest number) of each shade that there can be."""
        pairs = zip((-1, *self.bounds), self.bounds, strict=False)
        return [(at, below + 1, bound) for at, (below, bound) in enumerate(pairs) if below < bound]


@lru_cache(1)
def korea() -> KoreaMap:
    """The map of Korea's provinces (app/web/static/map)."""
    read = msgspec.json.decode(SHAPES.read_bytes())
    _, _, width, height = read["viewBox"]
    insets = tuple((x, y, wide, high) for x, y, wide, high in read["insets"])
    return KoreaMap(width, height, tuple(f"kr:{code}" for code in read["shapes"]), insets)


def today(context: Context, now: datetime) -> datetime:
    """The beginning of the day, where the site is."""
    return now.astimezone(zone_of(context.settings.site_timezone)).replace(hour=0, minute=0, second=0, microsecond=0)


def left_of_day(context: Context, now: datetime) -> float:
    """Seconds until the next day begins there."""
    start = today(context, now)
    return ((start + timedelta(days=1)).timestamp() - now.timestamp()) or 1.0


def amounts_by_province(context: Context, now: datetime) -> Amounts:
    """The numbers of the last 30 days, today included. Raises Unavailable."""
    since = today(context, now) - timedelta(days=DAYS - 1)
    provinces = korea().provinces
    key = hashlib.sha256(f"amounts {since.isoformat()} {' '.join(provinces)}".encode()).hexdigest()
    pairs = [(place, "*") for place in provinces]
    kept, revisions = context.cache.feed(key, pairs) if context.trusted() else (None, None)
    if kept is not None:
        counts = msgspec.json.decode(kept.body, type=dict[str, int])
    else:
        counts = store.feeds.counted_since(context.engine, provinces, store.micros(since), MOST)
        if revisions is not None:
            context.cache.keep({key: Rendered(revisions, "", msgspec.json.encode(counts), {}, 0)})
    ordered = dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))
    return Amounts(since, ordered, bounds_of(max(ordered.values(), default=0)))


def bounds_of(most: int) -> tuple[int, ...]:
    """The largest number of each shade; the first shade is that of nothing."""
    return (0, *(round(most * level / LEVELS) for level in range(1, LEVELS + 1)))
