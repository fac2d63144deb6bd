"""F28: a migration or a backfill is killed at one statement after the other. The schema is the one before or the one after, nothing is
lost, and the next start ends what was begun."""

import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import event, text

from app import store
from app.store import Engine
from app.store.revisions import OURS, History
from tests.test_store import article, guids, put
from tests.upgrades import toy_history

pytestmark = pytest.mark.slow
ROWS = 7


def killed_at(url: str, number: int, work: Callable[[Engine], None]) -> bool:
    """Do the work in a process of its own that is killed before its statement of that number; whether it was killed."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            engine = store.connect(url)
            left = iter(range(number))

            def one_more(*_: object) -> None:
                if next(left, None) is None:
                    os.kill(os.getpid(), signal.SIGKILL)

            event.listen(engine, "before_cursor_execute", one_more)
            event.listen(engine, "commit", one_more)
            work(engine)
            code = 0
        except BaseException:
            traceback.print_exc(file=sys.stderr)
        finally:
            os._exit(code)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    assert status in (0, -signal.SIGKILL)
    return status != 0


def upgraded(newer: History) -> Callable[[Engine], None]:
    def work(engine: Engine) -> None:
        store.upgrade(engine, newer)
        filler = store.backfill.Filler(engine, newer)
        filler.limit = 3
        filler.finish()
        store.upgrade(engine, newer, contract=True)

    return work


def test_a_migration_that_is_killed_at_any_statement_goes_on(database_url: str, tmp_path: Path) -> None:
    newer = toy_history(tmp_path)
    engine = store.connect(database_url)
    store.upgrade(engine)
    for number in range(ROWS):
        put(engine, article(f"tag:{number}"))
    everything = guids(engine)
    engine.dispose()
    seen: set[str] = set()
    kills = 0
    step = 1  # statements before the kill; more each time, so that an attempt gets through in the end
    while killed_at(database_url, step, upgraded(newer)):
        kills += 1
        step += 2
        found, _ = store.schema.state(engine)
        seen.add(found)
        assert found in {OURS.newest, "9001", "9002", "9003"}
        assert guids(engine) == everything
        with engine.connect() as connection:
            columns = connection.exec_driver_sql("SELECT * FROM articles LIMIT 0").keys()
        assert ("toy_note" in columns) == (found != OURS.newest), "the schema is what its number says"
        if found in (OURS.newest, "9001", "9002") and store.schema.state(engine)[1] == OURS.oldest(OURS.newest):
            put(engine, article("tag:0"))  # the same again: the older code writes
        engine.dispose()
    assert store.schema.state(engine) == ("9003", "9002")
    (filled,) = store.backfill.progress(engine)
    assert filled.done == ROWS and filled.ended is not None, "no batch is lost, none is counted twice"
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT COUNT(*) FROM articles WHERE toy_note = guid")) == ROWS
    engine.dispose()
    assert kills >= 8 and len(seen) >= 3, (kills, seen)
