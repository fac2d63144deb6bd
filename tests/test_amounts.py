"""How many public articles a place or topic has in each month: the stored rows equal a recount, whatever happened."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from sqlalchemy import delete, select, text

from app import store
from app.query.query import Query
from app.store import Engine
from app.store.feeds.amounts import span_start
from app.store.tables import feed_amounts
from feeds.article import Article, Term
from tests.test_store import NOW, article, database_of, end_hold, put
from tests.wholeness import assert_counted, assert_whole

SEOUL = ZoneInfo("Asia/Seoul")
REGIONS = ("kr:52", "kr:45", "kr:11", "kr:52111")


def months(first: datetime, count: int) -> list[datetime]:
    """The beginnings of so many months, and the end of the last one."""
    return [
        first.replace(year=first.year + (first.month - 1 + n) // 12, month=(first.month - 1 + n) % 12 + 1)
        for n in range(count + 1)
    ]


def test_an_article_counts_in_the_month_of_its_last_change(engine: Engine) -> None:
    starts = months(datetime(2026, 10, 1, tzinfo=SEOUL), 2)
    early, late = datetime(2026, 10, 31, 14, 59, 59, tzinfo=UTC), datetime(2026, 10, 31, 15, tzinfo=UTC)
    put(engine, article("tag:a", updated=early), article("tag:b", updated=early), now=early)
    assert store.feeds.monthly(engine, "kr:52", starts) == [2, 0]
    # Midnight in Korea is 15:00 UTC.
    put(engine, article("tag:a", 2, updated=late), now=late)
    assert store.feeds.monthly(engine, "kr:52", starts) == [1, 1]
    assert store.feeds.monthly(engine, "*", starts) == [1, 1]
    assert store.feeds.monthly(engine, "medtop:08000000", starts) == [1, 1]
    assert store.feeds.monthly(engine, "office:jeonbuk", starts) == [1, 1]
    assert store.feeds.monthly(engine, "kr:11", starts) == [0, 0]
    utc = months(datetime(2026, 10, 1, tzinfo=UTC), 1)
    assert store.feeds.monthly(engine, "kr:52", utc) == [2]
    assert store.feeds.amounts_of(engine, ["kr:52", "kr:11", "kr"], starts[0], starts[-1]) == {"kr:52": 2, "kr": 2}
    assert store.feeds.amounts_of(engine, [], starts[0], starts[-1]) == {}
    assert_whole(engine)


@pytest.mark.parametrize("hours", [0, 1, 14, 15, 300, 711, 719, 720, 721, 735, 760])
def test_amounts_since_any_instant_are_those_of_the_entries(engine: Engine, hours: int) -> None:
    """The spans and the rest of the first one add up, wherever the period begins: within a month, near its end, or at the end of a
    span."""
    first = datetime(2026, 9, 1, tzinfo=UTC)
    moments = [first + timedelta(hours=step) for step in (0, 1, 13.9, 14, 300, 705.99, 706, 715, 720, 720.2, 734, 740)]
    for number, moment in enumerate(moments):
        put(engine, article(f"tag:{number}", updated=moment), now=moment)
    since = first + timedelta(hours=hours)
    expected = sum(moment >= since for moment in moments)
    assert store.feeds.amounts_since(engine, ["kr:52", "kr:11"], since, 100) == {"kr:52": expected, "kr:11": 0}
    assert store.feeds.amounts_since(engine, ["kr:52"], since, 3) == {"kr:52": min(expected, 3)}


def test_nothing_is_counted_of_what_waits(engine: Engine) -> None:
    put(engine, article("tag:a"))
    with engine.connect() as connection:
        before = connection.execute(select(feed_amounts)).all()
    lifts = NOW + timedelta(hours=2)
    put(engine, article("tag:b", embargoed=lifts), article("tag:c", held=True))
    put(engine, article("tag:b", 2, embargoed=lifts))
    with engine.connect() as connection:
        assert connection.execute(select(feed_amounts)).all() == before
    starts = months(datetime(2026, 11, 1, tzinfo=SEOUL), 1)
    assert store.feeds.monthly(engine, "kr:52", starts) == [1]
    store.articles.lift(engine, lifts)
    assert store.feeds.monthly(engine, "kr:52", starts) == [2]
    end_hold(engine, "tag:c")
    assert store.feeds.monthly(engine, "kr:52", starts) == [3]
    put(engine, article("tag:b", 3, pubstatus="canceled"))
    assert store.feeds.monthly(engine, "kr:52", starts) == [2]
    assert_whole(engine)


STEPS = st.lists(
    st.tuples(
        st.sampled_from("abcd"),
        st.sampled_from(("usable", "usable", "canceled", "withheld", "embargoed", "held", "lift", "release")),
        st.sampled_from(REGIONS),
        st.integers(0, 50 * 24 * 4),  # quarters of an hour since the step before
    ),
    max_size=14,
)


@given(steps=STEPS)
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_rows_say_what_a_recount_says(engine: Engine, steps: list[tuple[str, str, str, int]]) -> None:
    """Corrections, withdrawals, lifted embargoes, ended holds and reinstated articles, on each kind of database."""
    now, last = newest(engine)
    versions = Counter({name: last for name in "abcd"})
    for name, what, region, quarters in steps:
        now += timedelta(minutes=15 * quarters, seconds=1)
        if what == "lift":
            store.articles.lift(engine, now)
        elif what == "release":
            _end(engine, name, now)
        else:
            versions[name] += 1
            put(engine, _version(name, versions[name], what, region, now), now=now)
    assert_counted(engine)


def newest(engine: Engine) -> tuple[datetime, int]:
    """The last change, and a number above every version of an earlier run on this database."""
    with engine.connect() as connection:
        last = connection.execute(text("SELECT MAX(version) FROM articles")).scalar() or 0
    return max(NOW, store.articles.newest_change(engine)[1] or NOW), last


def _version(name: str, version: int, what: str, region: str, now: datetime) -> Article:
    made = article(f"tag:{name}", version, regions=(Term("region", region),), updated=now)
    if what == "embargoed":
        return replace(made, embargoed=now + timedelta(days=3))
    return replace(made, held=True) if what == "held" else replace(made, pubstatus=what)


def _end(engine: Engine, name: str, now: datetime) -> None:
    with store.articles.writer(engine, {f"tag:{name}"}, now) as writer:
        row = writer.row(f"tag:{name}")
        ended = store.articles.end_hold(row, now) if row is not None else None
        if ended is not None:
            writer.end_hold(ended, b"{}", "token x")


@given(
    moment=st.datetimes(datetime(1950, 1, 1), datetime(2100, 1, 1)),
    hours=st.sampled_from((-12, -9.5, -3.5, 0, 5.5, 5.75, 9, 12.75, 14)),
)
def test_a_span_lies_within_one_month_of_each_time_zone(moment: datetime, hours: float) -> None:
    at = moment.replace(tzinfo=UTC)
    since = store.instant(span_start(store.micros(at)))
    shift = timedelta(hours=hours)
    assert since <= at and (since + shift).month == (at + shift).month
    assert span_start(store.micros(since)) == store.micros(since)


def test_what_is_there_already_is_counted_by_the_upgrade(tmp_path: Path) -> None:
    engine = database_of("0017", tmp_path)
    store.upgrade(engine)
    assert_whole(engine)
    assert len(store.feeds.standing(engine, Query())) == 1
    engine.dispose()


def test_the_upgrade_counts_as_the_writer_does(engine: Engine) -> None:
    """A thousand hours around the turns of months, and the years before 1970."""
    for number in range(120):
        at = NOW + timedelta(hours=9 * number, minutes=7 * number) - timedelta(days=60 * 365 * (number % 2))
        put(engine, article(f"tag:{number}", updated=at), now=at)
    with engine.begin() as connection:
        kept = connection.execute(select(feed_amounts).order_by(feed_amounts.c.axis, feed_amounts.c.since)).all()
        connection.execute(delete(feed_amounts))
        connection.execute(text("DROP TABLE feed_amounts"))
    _upgrade_alone(engine)
    with engine.begin() as connection:
        counted = connection.execute(select(feed_amounts).order_by(feed_amounts.c.axis, feed_amounts.c.since)).all()
    assert counted == kept and len(kept) > 100


def _upgrade_alone(engine: Engine) -> None:
    """Run the one migration."""
    from importlib import import_module

    from alembic.migration import MigrationContext
    from alembic.operations import Operations

    migration = import_module("app.store.migrations.versions.0026_amounts")
    with engine.begin() as connection, Operations.context(MigrationContext.configure(connection)):
        migration._count()
