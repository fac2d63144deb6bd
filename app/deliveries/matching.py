"""Decides whether an article belongs to the feed of a subscription, as the database does for a whole feed. Pure."""

from collections.abc import Collection

from app import store
from app.query import Query
from app.store import Keys, micros


def stands(query: Query, keys: Keys) -> bool:
    """Whether an article with these keys is in the feed, without regard to the feed's period and words."""
    pairs = set(keys.pairs())

    def there(places: Collection[str], topics: Collection[str]) -> bool:
        return any((place, topic) in pairs for place in places for topic in topics)

    return (
        any(pair in pairs for pair in query.scans())
        and all(there(*probe) for probe in query.probes())
        and not any(there(*exclusion) for exclusion in query.exclusions())
    )


def within(query: Query, state: store.articles.State) -> bool:
    """Whether the article's last change is in the feed's period."""
    if state.sort is None:
        return not (query.since or query.until)
    return not (query.since and state.sort < micros(query.since)) and not (
        query.until and state.sort >= micros(query.until)
    )
