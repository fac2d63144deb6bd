"""A glance (the live count of the builder) counts exactly what the feed shows, on both databases, and reads no more rows than its
limit."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

import pytest
from msgspec.structs import replace

from app import store
from app.query import Query, parse
from app.query.axes import LICENCES
from app.store import Engine
from app.store.feeds import glancing
from feeds import Licence, Office, Term
from tests.test_deliveries import QUERIES
from tests.test_store import NOW, article, put

MORE = (
    "q=제목",
    "q=없는말",
    "q=제목&region=kr:11",
    "q=제목&exclude_office=seoul",
    "region=kr:52&exclude_office=seoul&lang=ko",
    "exclude_region=kr:11&exclude_region=kr:52",
    "region=kr:52&region=kr:11&topic=medtop:20000498&topic=medtop:15000000&exclude_genre=reference",
)
OFFICES = {"seoul": Office("seoul", "서울"), "faults": Office("faults", "장애청")}


def filled(engine: Engine) -> datetime:
    """Articles of all kinds, one an hour; the instant of the last one."""
    regions = [(Term("kr", "kr:11"),), (Term("kr", "kr:52"),), (Term("kr", "kr:11"), Term("kr", "kr:52")), ()]
    for number in range(24):
        more: dict[str, Any] = {
            "office": OFFICES["seoul" if number % 3 else "faults"],
            "regions": regions[number % 4],
            "topics": (Term("medtop", ("medtop:15000000", "medtop:20000498")[number % 2]),),
            "lang": ("ko", "en", "en-GB")[number % 3],
            "kind": "reference" if number % 5 == 0 else "press-release",
            "licence": Licence(LICENCES["kogl-1"]) if number % 7 == 0 else Licence(),
            "headline": f"제목 {number}",
        }
        at = NOW + timedelta(hours=number)
        put(engine, article(f"tag:{number}", updated=at, **more), now=at)
    return at


def truth(engine: Engine, query: Query, since: datetime) -> int:
    """What the feed itself shows since then."""
    start = max(filter(None, (since, query.since)))
    return len(store.feeds.standing(engine, replace(query, since=start, limit=200)))


@pytest.fixture
def queries() -> list[Query]:
    return [parse(parse_qsl(asked), [*OFFICES]) for asked in (*QUERIES, *MORE)]


def test_it_counts_what_the_feed_shows(engine: Engine, queries: list[Query]) -> None:
    last = filled(engine)
    instants = [last - timedelta(hours=hours) for hours in (100, 10, 0)] + [last + timedelta(seconds=1)]
    counted = 0
    for query in queries:
        seen = store.feeds.glance(engine, query, instants, 10)
        assert all(count.whole for count in seen.counts) and seen.whole, query
        assert [count.number for count in seen.counts] == [truth(engine, query, since) for since in instants], query
        assert seen.newest == store.feeds.standing(engine, replace(query, limit=10)), query
        counted += seen.counts[0].number
    assert counted > 10 * len(queries) / 2


@pytest.mark.parametrize("most", [1, 12])
def test_where_it_ends_it_says_so(
    engine: Engine, queries: list[Query], most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With this few look-ups, each number is a lower bound, and a number that is called exact is exact."""
    last = filled(engine)
    instants = [last - timedelta(hours=hours) for hours in (100, 3)]
    monkeypatch.setattr(glancing, "LOOK_UPS", most)
    monkeypatch.setattr(glancing, "MATCHES", most)
    cut = 0
    for query in queries[::2]:
        seen = store.feeds.glance(engine, query, instants, 3)
        whole = store.feeds.standing(engine, replace(query, limit=3))
        assert seen.newest == whole[: len(seen.newest)], query
        assert seen.newest == whole or not seen.whole, query
        for count, since in zip(seen.counts, instants, strict=True):
            right = truth(engine, query, since)
            assert count.number == right if count.whole else count.number <= right, query
            cut += not count.whole
    assert cut > 5


def test_an_embargo_counts_for_nothing(engine: Engine) -> None:
    before = store.feeds.glance(engine, Query(), [NOW], 10)
    waits = NOW + timedelta(days=1)
    put(engine, article("tag:waits", embargoed=waits, headline="수달"))
    assert store.feeds.glance(engine, Query(), [NOW], 10) == before
    assert store.feeds.glance(engine, Query(words="수달"), [NOW], 10).counts[0].number == 0
    store.articles.lift(engine, waits)
    assert store.feeds.glance(engine, Query(), [NOW], 10).counts[0].number == 1


def test_places_that_nobody_wrote_of_are_empty(engine: Engine) -> None:
    seen = store.feeds.glance(engine, Query(regions=("jp",)), [datetime.now(UTC)], 10)
    assert (seen.newest, seen.whole, seen.counts[0].number, seen.counts[0].whole) == ([], True, 0, True)
