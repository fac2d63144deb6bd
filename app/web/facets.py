"""The facets of a search: how many of the found articles belong to each region, topic, office and month. Counted in the newest MOST
of them, so the work has a bound."""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import datetime

from msgspec import Struct
from msgspec.structs import replace

from app import store
from app.context import Context
from app.query import Query
from app.web.months import month_of
from app.web.subjects import in_force
from schemas import codes

MOST = 500  # articles that are counted
VALUES = 12  # of one facet
OFFICE = "office:"


class FacetValue(Struct, frozen=True):
    """One value of a facet."""

    name: str  # a code; of a month: when it begins, as in RFC 3339
    amount: int
    query: Query  # the search within this value


class Facets(Struct, frozen=True):
    """The values by facet, the most frequent first; months newest first."""

    regions: tuple[FacetValue, ...]
    topics: tuple[FacetValue, ...]
    offices: tuple[FacetValue, ...]
    months: tuple[FacetValue, ...]


def counted_by(context: Context, query: Query, standing: Sequence[store.feeds.Standing]) -> Facets:
    """The facets of these articles. Raises Unavailable."""
    found = store.feeds.keys_of(context.engine, [num for _, num, *_ in standing])
    places = Counter(place for keys in found for place in keys.places)
    topics = Counter(topic for keys in found for topic in keys.topics)
    offices = Counter({place.removeprefix(OFFICE): n for place, n in places.items() if place.startswith(OFFICE)})
    months = _by_month([sort for sort, *_ in standing])
    return Facets(
        regions=_values(query, "regions", places, _below("region", query.regions)),
        topics=_values(query, "topics", topics, _below("topic", query.topics)),
        offices=_values(query, "offices", offices, () if query.offices else offices),
        months=() if query.since or query.until else _months(query, months),
    )


def _below(scheme: str, chosen: Sequence[str]) -> list[str]:
    """The codes one level below those that are chosen; if none is: the provinces and the other countries, or the topics of the first
    level."""
    table = codes("region" if scheme == "region" else "topic")
    if chosen:
        return [code.code for one in chosen for code in in_force(table.children(one))]
    first = [code.code for code in in_force(table.children(""))]
    return [code.code for code in in_force(table.children("kr"))] + first if scheme == "region" else first


def _values(query: Query, field: str, amounts: Counter[str], names: Collection[str]) -> tuple[FacetValue, ...]:
    there = sorted((name for name in names if amounts[name]), key=lambda name: (-amounts[name], name))
    # Korea as a whole would add nothing to its provinces.
    there = [name for name in there if name != "kr" or len(there) == 1]
    return tuple(FacetValue(name, amounts[name], _narrowed(query, field, name)) for name in there[:VALUES])


def _narrowed(query: Query, field: str, name: str) -> Query:
    return replace(query, **{field: (name,)})


def _by_month(sorts: Sequence[int]) -> Counter[tuple[datetime, datetime]]:
    """How many of these instants (micros), newest first, are in each month of the site's zone. Calendars are slow, so each month is
    looked up once."""
    found: Counter[tuple[datetime, datetime]] = Counter()
    start = 0
    for sort in sorts:
        if not found or sort < start:
            month = month_of(store.instant(sort))
            start = store.micros(month[0])
        found[month] += 1
    return found


def _months(query: Query, amounts: Counter[tuple[datetime, datetime]]) -> tuple[FacetValue, ...]:
    ordered = sorted(amounts.items(), reverse=True)[:VALUES]
    return tuple(
        FacetValue(since.isoformat(), amount, replace(query, since=since, until=until))
        for (since, until), amount in ordered
    )
