"""F31: a transaction of PostgreSQL that took its number and commits late. Who follows the changes misses nothing."""

import threading

import pytest

from app import store
from tests.conftest import together, until
from tests.test_store import article, put

pytestmark = pytest.mark.slow
# At its commit, each transaction that writes a change waits for a lock that the test holds.
LATE = """
CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock_shared(31); RETURN NULL; END';
CREATE CONSTRAINT TRIGGER late AFTER INSERT ON changes DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION late()
"""
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock' AND wait_event {}"
GUIDS = ["tag:order,2026:first", "tag:order,2026:second"]


def test_a_change_whose_commit_is_late_is_not_skipped(postgres_url: str) -> None:
    engine = store.connect(postgres_url)
    followed: list[int] = []
    written = threading.Event()

    def follow() -> None:
        last = followed[-1] if followed else 0
        followed.extend(change.seq for change, _ in store.articles.changes_after(engine, last, 10))

    def waits(event: str) -> bool:
        with engine.connect() as connection:
            return connection.exec_driver_sql(WAITING.format(event)).scalar_one() == 1

    def second() -> None:
        until(lambda: waits("= 'advisory'"), 20)  # the first has its number, and commits late
        put(engine, article(guid=GUIDS[1]))
        written.set()

    with engine.begin() as connection:
        connection.exec_driver_sql(LATE)
    holder = engine.connect()
    holder.exec_driver_sql("SELECT pg_advisory_lock(31)")

    def let_go() -> None:
        try:
            until(lambda: waits("<> 'advisory'"), 20)  # the second waits for the row of the counter
            follow()
            assert followed == [] and not written.is_set(), "a later change was there before an earlier one"
        finally:
            holder.exec_driver_sql("SELECT pg_advisory_unlock(31)")

    together(lambda: put(engine, article(guid=GUIDS[0])), second, let_go)
    holder.close()
    follow()
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT c.seq, a.guid FROM changes c JOIN articles a USING (num) ORDER BY seq"
        )
        assert [tuple(row) for row in rows] == [(1, GUIDS[0]), (2, GUIDS[1])]
    assert followed == [1, 2]
    engine.dispose()
