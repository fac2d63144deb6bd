"""Group commit: what waits is written together, nobody waits for company, and a fault stays with the one that made it."""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

from app import store
from app.accounts.offices import OfficeRecord, Sender
from app.cache.redis import Cache
from app.context import Context
from app.errors import Unavailable
from app.files.blobs import connect as connect_blobs
from app.intake import releases
from app.query.cursors import Cursors
from app.settings import Settings
from app.store import Engine
from app.store.group_commit import MOST, GroupCommit
from tests.conftest import together, until
from tests.test_lifecycle import document


class Writer:
    """Makes "X!" of "X"; the first call lasts until it is told to go on."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.go_on = threading.Event()

    def __call__(self, given: Sequence[str]) -> list[str]:
        self.groups.append(list(given))
        if len(self.groups) == 1:
            assert self.go_on.wait(10)
        if "bad" in given:
            raise ValueError("bad")
        if "away" in given:
            raise Unavailable("away")
        return [f"{one}!" for one in given]


def written(names: Sequence[str], weight: int = 1) -> tuple[Writer, dict[str, object]]:
    """The first is written alone, the others come meanwhile in their order."""
    writer, group = Writer(), GroupCommit()
    made: dict[str, object] = {}

    def call(name: str) -> Callable[[], None]:
        def write() -> None:
            try:
                made[name] = group.write(name, weight, writer)
            except (ValueError, Unavailable) as error:
                made[name] = str(error)

        return write

    def start() -> None:
        until(lambda: writer.groups)
        for number, name in enumerate(names[1:], 1):
            thread = threading.Thread(target=call(name))
            threads.append(thread)
            thread.start()
            until(lambda number=number: len(group._queue) == number)
        writer.go_on.set()

    threads: list[threading.Thread] = []
    together(call(names[0]), start)
    for thread in threads:
        thread.join(10)
    return writer, made


def test_what_waits_is_written_together() -> None:
    writer, made = written(["a", "b", "c", "d"])
    assert writer.groups == [["a"], ["b", "c", "d"]]
    assert made == {name: f"{name}!" for name in "abcd"}


def test_a_fault_is_of_the_one_that_made_it() -> None:
    writer, made = written(["a", "b", "bad", "d"])
    assert writer.groups == [["a"], ["b", "bad", "d"], ["b"], ["bad"], ["d"]]
    assert made == {"a": "a!", "b": "b!", "bad": "bad", "d": "d!"}


def test_a_database_that_is_away_is_told_to_all_and_asked_once() -> None:
    writer, made = written(["a", "b", "away"])
    assert writer.groups == [["a"], ["b", "away"]]
    assert made == {"a": "a!", "b": "away", "away": "away"}


def test_a_group_is_no_larger_than_others_can_wait_for() -> None:
    writer, made = written(["a", "b", "c", "d"], weight=MOST // 2)
    assert writer.groups == [["a"], ["b", "c"], ["d"]]
    assert len(made) == 4
    writer, _ = written(["a", "b", "c"], weight=10 * MOST)
    assert writer.groups == [["a"], ["b"], ["c"]]


def test_releases_of_many_threads_are_stored_as_if_alone(engine: Engine, tmp_path: Path) -> None:
    office = OfficeRecord("jeonbuk", "전북특별자치도", "", ("kr:52",))
    store.accounts.save_office(engine, office)
    settings = Settings(data_dir=str(tmp_path))
    context = Context(
        settings, engine, Cache("unix:///nowhere/valkey.sock", "test"), connect_blobs(settings), Cursors(b"")
    )
    outcomes: list[list[int]] = []

    def push(guids: Sequence[str]) -> Callable[[], None]:
        def pushes() -> None:
            for guid in guids:
                receipts = releases.take(context, Sender(office), document(guid), "application/xml")
                outcomes.append([receipt.status for receipt in receipts])

        return pushes

    # Each thread's own, and one that all send at once: it is stored by one of them and the same for the others.
    together(*(push([f"tag:own,2026:{n}.{m}" for m in range(10)] + ["tag:all,2026:1"]) for n in range(6)))
    assert sorted(outcomes) == [[200]] * 5 + [[201]] * 61
    assert store.articles.newest_seq(engine) == 61
    found = store.articles.changes_after(engine, 0, 100)
    assert [change.seq for change, _ in found] == list(range(1, 62))
    assert store.audit.verify(engine).fault == "" and store.audit.verify(engine).count == 62
