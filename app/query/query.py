"""The query of a feed: one frozen object with one canonical form, whatever the order and spelling of the request's parameters.

Values of one parameter are combined with "or", different parameters with "and"; `exclude_…` means "but not".
"""

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache
from urllib.parse import quote, urlencode

from msgspec import Struct

from app.query.filters import BY_NAME, FIELDS, FILTERS, Filter
from feeds import ending_of, rfc3339_utc

LIMIT = 50  # articles on a page of a feed, if the request gives no other number
EXCLUDE = "exclude_"

Values = tuple[str, ...]
Cross = tuple[tuple[str, ...], tuple[str, ...]]  # places and topics: every pair of a place and a topic
Cursor = tuple[int, int]  # the position of an article: microseconds since 1970, and its number
Write = Callable[[Cursor], str]
Read = Callable[[str, str], Cursor]  # arguments: the parameter's name and its value
Row = tuple[int, int, int, int]  # sort, number, version, and when that version came


class Saved(Struct, frozen=True):
    """A query that is saved under a short name."""

    name: str
    query: str  # in its canonical form
    title: str = ""  # empty: the title is made from the query
    limit: int = LIMIT  # articles on a page, if the request gives no other number
    ended: datetime | None = None  # when it was removed; None: it is in use
    following: str = ""  # what follows a removed one: the name of another saved feed, or a query; empty: nothing
    gone: bool = False  # its address is answered with 410


def plain(cursor: Cursor) -> str:
    """A cursor inside this process, as it is written in keys of the cache."""
    return f"{cursor[0]}-{cursor[1]}"


class Query(Struct, frozen=True):
    """The values of one field are combined with "or", the fields with "and". Each tuple is sorted and has no duplicates."""

    regions: Values = ()
    topics: Values = ()
    offices: Values = ()
    langs: Values = ()
    limit: int = LIMIT
    genres: Values = ()
    licences: Values = ()
    excluded: tuple[tuple[str, str], ...] = ()  # (parameter, value)
    since: datetime | None = None  # only articles that changed at this instant or later
    until: datetime | None = None  # only articles that changed before this instant
    words: str = ""  # full-text search
    before: Cursor | None = None  # only articles below this position
    after: Cursor | None = None  # only the nearest articles above this position
    saved: Saved | None = None  # the saved feed that the request named

    def address(self, base: str, format: str, write: Write = plain) -> str:
        """The canonical URL of this feed on the server at `base`, with its short name if it has one; `write` writes its cursors."""
        if self.saved is None:
            return feed_url(base, "/feed", format, self.canonical(write))
        page = urlencode(self._page(self.saved.limit, write), quote_via=quote)
        return feed_url(base, f"/f/{self.saved.name}", format, page)

    def home(self, base: str) -> str:
        """The URL of the HTML page that shows the same articles."""
        return url(f"{base}/", self.canonical())

    def _page(self, limit: int, write: Write) -> list[tuple[str, str]]:
        """The parameters that name a page of the feed; `limit` is the default, which is left out."""
        pairs = [("limit", str(self.limit))] if self.limit != limit else []
        cursors = (("before", self.before), ("after", self.after))
        return pairs + [(name, write(cursor)) for name, cursor in cursors if cursor is not None]

    def canonical(self, write: Write = plain) -> str:
        """The canonical query string, percent-encoded, without a question mark; empty for the feed of everything. `write` writes its
        cursors."""
        on_a_page = self.before is not None or self.after is not None
        return self._canonical(write) if on_a_page and write is not plain else _plainly(self)

    def _canonical(self, write: Write) -> str:
        pairs: list[tuple[str, str]] = []
        for filter in FILTERS:
            pairs += [(filter.name, value) for value in self.values(filter.name)]
        pairs += [(EXCLUDE + name, value) for name, value in self.excluded]
        if self.words:
            pairs.append(("q", self.words))
        pairs += [
            (name, rfc3339_utc(moment)) for name, moment in (("since", self.since), ("until", self.until)) if moment
        ]
        return urlencode(pairs + self._page(LIMIT, write), quote_via=quote)

    def values(self, name: str) -> Values:
        """The values of a filter."""
        values: Values = getattr(self, FIELDS[name])
        return values

    def scans(self) -> tuple[tuple[str, str], ...]:
        """The (place, topic) pairs whose entries together contain every article of the answer."""
        return _looked_up(self).scans

    def probes(self) -> tuple[Cross, ...]:
        """(places, topics) that an article must also belong to, for each filter that the scan does not cover."""
        return _looked_up(self).probes

    def exclusions(self) -> tuple[Cross, ...]:
        """(places, topics) that an article must not belong to."""
        return _looked_up(self).exclusions

    def cost(self) -> int:
        """Look-ups that one article of each scan may need; a simple feed costs 1."""
        looked_up = (*self.probes(), *self.exclusions())
        return len(self.scans()) * (1 + sum(len(places) * len(topics) for places, topics in looked_up))

    def _scanned(self) -> tuple[str, str]:
        """The filters that the scan uses. An office is preferred because it is narrower than a region. Genres and licences have no
        entries by place, so they are scanned only if the query names no place."""
        place = next((name for name in ("office", "region") if self.values(name)), "")
        topics = ("topic", "lang") if place else ("topic", "lang", "genre", "licence")
        return place, next((name for name in topics if self.values(name)), "")

    def _keys(self, name: str) -> tuple[str, ...]:
        return tuple(map(BY_NAME[name].key, self.values(name))) if name else ("*",)


class LookUps(Struct, frozen=True):
    """How the articles of a query are found."""

    scans: tuple[tuple[str, str], ...]
    probes: tuple[Cross, ...]
    exclusions: tuple[Cross, ...]


# Each of these is cached: one request needs it about ten times.


@lru_cache(2000)
def _plainly(query: Query) -> str:
    """The canonical query string."""
    return query._canonical(plain)


@lru_cache(2000)
def _looked_up(query: Query) -> LookUps:
    place, topic = query._scanned()
    left = [filter for filter in FILTERS if query.values(filter.name) and filter.name not in (place, topic)]
    return LookUps(
        scans=tuple((p, t) for p in query._keys(place) for t in query._keys(topic)),
        probes=tuple(_cross(filter, query._keys(filter.name)) for filter in left),
        exclusions=tuple(_cross(BY_NAME[name], (BY_NAME[name].key(value),)) for name, value in query.excluded),
    )


def url(path: str, query: str) -> str:
    """A URL and its query string, which may be empty."""
    return f"{path}?{query}" if query else path


def feed_url(base: str, path: str, format: str, query: str, below: str = "") -> str:
    """The URL of a document in a format or a variant of one, whose parameter comes last. `below` is what follows the ending."""
    ending, chosen = ending_of(format)
    return url(f"{base}{path}.{ending}{below}", "&".join(filter(None, (query, chosen))))


def _cross(filter: Filter, keys: tuple[str, ...]) -> Cross:
    return (keys, ("*",)) if filter.axis == "place" else (("*",), keys)


def cut(rows: list[Row], query: Query) -> tuple[list[Row], bool]:
    """The rows of a page, and whether more rows follow. `rows` may have one row more than the page holds."""
    more = len(rows) > query.limit
    # When paging upwards, the extra row is the first.
    return (rows[1:] if more and query.after else rows[: query.limit]), more
