"""Checks of the tables that must hold whatever happened before: each article is where its newest version belongs, once, or
nowhere."""

from collections import Counter

import msgspec
from sqlalchemy import and_, select, text

from app import store
from app.store import Engine, Keys
from app.store.feeds.amounts import span_start
from app.store.tables import articles, axis, changes, embargo_entries, feed_amounts, feed_entries, versions


def assert_whole(engine: Engine) -> None:
    """Assert that entries, search, changes and audit log agree about every article."""
    newest = select(articles, versions.c.axes).join(
        versions, and_(versions.c.num == articles.c.num, versions.c.version == articles.c.version)
    )
    with engine.connect() as connection:
        kept = connection.execute(newest).all()
        ids = dict(connection.execute(select(axis.c.name, axis.c.id)).all())
        shown = sorted(map(tuple, connection.execute(select(feed_entries))))
        waiting = sorted(map(tuple, connection.execute(select(embargo_entries))))
        words = "num" if engine.dialect.name == "postgresql" else "rowid"
        found = sorted(connection.execute(text(f"SELECT {words} FROM search")).scalars())
        told = connection.execute(select(changes).order_by(changes.c.seq)).all()
    pairs = {
        row.num: [(ids[p], ids[t]) for p, t in msgspec.json.decode(row.axes, type=Keys).pairs()]
        for row in kept
        if row.pubstatus == "usable"
    }
    public = [row for row in kept if row.public]
    hidden = [row for row in kept if not row.public and row.pubstatus == "usable"]
    assert shown == sorted((*pair, row.sort, row.num) for row in public for pair in pairs[row.num])
    assert waiting == sorted((*pair, row.edited, row.num) for row in hidden for pair in pairs[row.num])
    assert found == sorted(row.num for row in public)
    assert [row.num for row in public if row.due is not None or not row.seen] == []
    assert [row.seq for row in told] == list(range(1, len(told) + 1)), "no gap"
    _assert_told(told, {row.num: row for row in kept})
    assert_counted(engine)
    assert store.audit.verify(engine).fault == ""


def assert_counted(engine: Engine) -> None:
    """Assert that the stored amounts equal a recount of the feeds of one place or one topic."""
    with engine.connect() as connection:
        everything = connection.execute(select(axis.c.id).where(axis.c.name == "*")).scalar()
        kept = {(row.axis, row.since): row.amount for row in connection.execute(select(feed_amounts))}
        entries = connection.execute(select(feed_entries)).all()
    pairs = ((row.place, row.topic, span_start(row.sort)) for row in entries)
    assert kept == Counter(
        (topic if place == everything else place, since)
        for place, topic, since in pairs
        if everything in (place, topic)
    )


def _assert_told(told: list, kept: dict) -> None:  # type: ignore[type-arg]
    """Assert that versions never go back, that an article is published once until it is withdrawn, and that the last change is the
    present state."""
    stands: dict[int, str] = {}
    newest: Counter[int] = Counter()
    for row in told:
        assert row.version > newest[row.num], f"article {row.num}: {row.version} after {newest[row.num]}"
        newest[row.num] = row.version
        visible = stands.get(row.num) in ("published", "corrected")
        assert visible == (row.kind != "published"), f"article {row.num}: {row.kind} after {stands.get(row.num)}"
        stands[row.num] = row.kind
    visible_now = {num for num, kind in stands.items() if kind in ("published", "corrected")}
    assert visible_now == {num for num, row in kept.items() if row.public}
    assert {num: newest[num] for num in visible_now} == {num: kept[num].version for num in visible_now}
