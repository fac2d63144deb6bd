"""D12: an upgrade of 100,000 articles keeps nobody waiting for long, on either database."""

import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import insert, text

from app import store
from app.store.tables import articles
from tests.test_store import article, put
from tests.upgrades import toy_history

pytestmark = pytest.mark.slow
ARTICLES = 100_000
LONGEST = 2.0  # seconds; alone it is a tenth of that


def test_writers_go_on_while_100_000_articles_are_upgraded(database_url: str, tmp_path: Path) -> None:
    engine = store.connect(database_url)
    store.upgrade(engine)
    row = {"office": "jeonbuk", "version": 1, "pubstatus": "usable", "public": False, "seen": False, "edited": 0}
    with engine.begin() as connection:
        for start in range(0, ARTICLES, 20_000):
            rows = [{**row, "id": f"old-{n}", "guid": f"tag:old-{n}"} for n in range(start, start + 20_000)]
            connection.execute(insert(articles), rows)
    newer = toy_history(tmp_path)
    stop = threading.Event()
    waits: list[float] = []

    def push() -> None:
        own = store.connect(database_url)
        while not stop.is_set():
            begun = time.monotonic()
            put(own, article(f"tag:new-{len(waits)}"))  # raises Unavailable if the database refuses
            waits.append(time.monotonic() - begun)
        own.dispose()

    failed: list[BaseException] = []

    def pushing() -> None:
        try:
            push()
        except BaseException as error:  # a thread's failure must reach the test
            failed.append(error)

    thread = threading.Thread(target=pushing)
    thread.start()
    begun = time.monotonic()
    try:
        store.upgrade(engine, newer)
        store.backfill.Filler(engine, newer).finish()
        took = time.monotonic() - begun
    finally:
        stop.set()
        thread.join(30)
    assert failed == []
    (filled,) = store.backfill.progress(engine)
    assert filled.done >= ARTICLES and filled.ended is not None
    print(f"{engine.dialect.name}: {took:.1f} s, {len(waits)} pushes meanwhile, the longest {max(waits):.3f} s")
    assert len(waits) > 20 and max(waits) < LONGEST
    # What the older code stored after the backfill went by has no note: the code of the next version fills both, this one cannot.
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT COUNT(*) FROM articles WHERE toy_note IS NULL AND id LIKE 'old-%'")) == 0
    engine.dispose()
