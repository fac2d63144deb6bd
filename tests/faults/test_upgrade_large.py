"""D12: an upgrade of 100,000 articles keeps nobody waiting for long, on either database."""

import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import Select, Text, cast, insert, literal, select, text

from app import store
from app.store.tables import articles
from tests.test_store import article, put
from tests.upgrades import toy_history

pytestmark = pytest.mark.slow
ARTICLES = 100_000
PAUSE = 0.01  # seconds between two pushes: what is measured is how long one waits, not how many there can be
LONGEST = 2.0  # seconds; alone it is a tenth of that
ROW = {
    "id": literal("old-"),
    "guid": literal("tag:old-"),
    "office": literal("jeonbuk"),
    "version": literal(1),
    "pubstatus": literal("usable"),
    "public": literal(False),
    "seen": literal(False),
    "edited": literal(0),
}


def _rows() -> Select[tuple[object, ...]]:
    """Rows of so many articles, made by the database itself: it takes a tenth of the time."""
    numbers = select(literal(0).label("n")).cte("numbers", recursive=True)
    numbers = numbers.union_all(select(numbers.c.n + 1).where(numbers.c.n < ARTICLES - 1))
    number = cast(numbers.c.n, Text)
    return select(ROW["id"] + number, ROW["guid"] + number, *list(ROW.values())[2:])


def test_writers_go_on_while_100_000_articles_are_upgraded(database_url: str, tmp_path: Path) -> None:
    engine = store.connect(database_url)
    store.upgrade(engine)
    with engine.begin() as connection:
        connection.execute(insert(articles).from_select(list(ROW), _rows()))
    newer = toy_history(tmp_path)
    stop = threading.Event()
    waits: list[float] = []

    def push() -> None:
        own = store.connect(database_url)
        while not stop.is_set():
            begun = time.monotonic()
            put(own, article(f"tag:new-{len(waits)}"))  # raises Unavailable if the database refuses
            waits.append(time.monotonic() - begun)
            stop.wait(PAUSE)
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
