"""Whether an article belongs to what is subscribed to. Pure: what the database finds by its index, told of one article."""

from collections.abc import Collection

from app.query.query import Query
from app.store import Keys, micros
from app.store.state import State


def stands(query: Query, keys: Keys) -> bool:
    """Whether what stands there is in the feed, its period and its words apart."""
    pairs = set(keys.pairs())

    def there(places: Collection[str], topics: Collection[str]) -> bool:
        return any((place, topic) in pairs for place in places for topic in topics)

    return (
        any(pair in pairs for pair in query.scans())
        and all(there(*probe) for probe in query.probes())
        and not any(there(*exclusion) for exclusion in query.exclusions())
    )


def within(query: Query, state: State) -> bool:
    """Whether its last change is of the feed's period."""
    if state.sort is None:
        return not (query.since or query.until)
    return not (query.since and state.sort < micros(query.since)) and not (
        query.until and state.sort >= micros(query.until)
    )
