"""Group commit: what waits is written together, nobody waits for company, and a fault stays with the one that made it."""

import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace
from sqlalchemy import text

from app import store
from app.accounts.offices import OfficeRecord, Sender
from app.cache.redis import Cache
from app.context import Context
from app.errors import Unavailable, Unfit
from app.files.blobs import connect as connect_blobs
from app.intake import releases
from app.query.cursors import Cursors
from app.settings import Settings
from app.store import Engine
from app.store.engine import lock, writing
from app.store.feeds.search import found
from app.store.group_commit import MOST, Gather, GroupCommit, Written
from tests.conftest import together, until
from tests.test_lifecycle import document

OFFICE = OfficeRecord("jeonbuk", "전북특별자치도", "", ("kr:52",))


def _context(engine: Engine, directory: Path) -> Context:
    store.accounts.save_office(engine, OFFICE)
    settings = Settings(data_dir=str(directory))
    return Context(
        settings, engine, Cache("unix:///nowhere/valkey.sock", "test"), connect_blobs(settings), Cursors(b"")
    )


def pushing(context: Context, body: bytes, office: OfficeRecord = OFFICE) -> Callable[[], releases.Receipt]:
    return lambda: releases.take(context, Sender(office), body, "application/xml")[0]


def at_once(context: Context, *calls: Callable[[], releases.Receipt | None]) -> list[releases.Receipt | None]:
    """The result of each; they wait in this order while another writer has its turn, and then are one group."""
    made: dict[int, releases.Receipt | None] = {}

    def call(number: int) -> None:
        until(lambda: len(context.together._queue) == number)
        made[number] = calls[number]()

    def write() -> None:
        with writing(context.engine) as connection:
            lock(connection)
            held.set()
            until(lambda: len(context.together._queue) == len(calls))

    held = threading.Event()
    writer = threading.Thread(target=write)
    writer.start()
    until(held.is_set)
    together(*(partial(call, number) for number in range(len(calls))))
    writer.join(10)
    return [made[number] for number in range(len(calls))]


class Writer:
    """Makes "X!" of "X"; the first call lasts until it is told to go on, before or after it has its turn."""

    def __init__(self, *, early: bool = False) -> None:
        self.early = early
        self.calls = 0
        self.groups: list[list[str]] = []
        self.announced: list[list[str]] = []
        self.go_on = threading.Event()

    def __call__(self, gather: Gather[str]) -> Written[str]:
        self.calls += 1
        if self.calls == 1 and self.early:
            assert self.go_on.wait(10)
        given = list(gather())
        self.groups.append(given)
        if self.calls == 1 and not self.early:
            assert self.go_on.wait(10)
        if "bad" in given:
            raise ValueError("bad")
        if "away" in given:
            raise Unavailable("away")
        return [f"{one}!" for one in given], lambda: self._announce(given)

    def _announce(self, given: list[str]) -> None:
        self.announced.append(given)
        if "unheard" in given:
            raise ValueError("unheard")


def written(names: Sequence[str], weight: int = 1, writer: Writer | None = None) -> tuple[Writer, dict[str, object]]:
    """The first begins to write, the others come meanwhile in their order."""
    writer, group = writer or Writer(), GroupCommit()
    made: dict[str, object] = {}

    def call(name: str) -> Callable[[], None]:
        def write() -> None:
            try:
                made[name] = group.write(name, weight, writer)
            except (ValueError, Unavailable) as error:
                made[name] = str(error)

        return write

    def start() -> None:
        until(lambda: writer.calls)
        for number, name in enumerate(names[1:], 2 if writer.early else 1):
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


def test_what_comes_before_its_turn_is_written_with_it() -> None:
    writer, made = written(["a", "b", "c"], writer=Writer(early=True))
    assert writer.groups == [["a", "b", "c"]]
    assert made == {name: f"{name}!" for name in "abc"}


def test_the_next_group_is_written_while_the_last_one_is_announced() -> None:
    group, order = GroupCommit(), []
    second = threading.Event()

    def write(gather: Gather[str]) -> Written[str]:
        given = list(gather())
        order.append(given)
        if given == ["a"]:
            until(lambda: group._queue)
            return given, lambda: until(second.is_set)
        second.set()
        return given, lambda: None

    def late() -> None:
        until(lambda: order)
        assert group.write("b", 1, write) == "b"

    together(lambda: group.write("a", 1, write), late)
    assert order == [["a"], ["b"]]


def test_nobody_is_answered_before_the_group_before_is_announced() -> None:
    """It may have stored what is the same for this one."""
    group, order = GroupCommit(), []
    second = threading.Event()

    def announce_first() -> None:
        until(second.is_set)  # so the second could be answered long before this ends
        order.append("a is announced")

    def write(gather: Gather[str]) -> Written[str]:
        given = list(gather())
        if given == ["b"]:
            return given, second.set
        until(lambda: group._queue)
        return given, announce_first

    def push(name: str, after: Callable[[], object]) -> Callable[[], None]:
        def pushes() -> None:
            until(after)
            group.write(name, 1, write)
            order.append(f"{name} is answered")

        return pushes

    together(push("a", lambda: True), push("b", lambda: group._busy))
    assert order[0] == "a is announced" and len(order) == 3


def test_nobody_is_answered_before_the_announcement() -> None:
    writer, made = written(["a", "b", "unheard"])
    assert writer.announced == [["a"], ["b", "unheard"]]
    assert made == {"a": "a!", "b": "unheard", "unheard": "unheard"}


def test_those_who_waited_as_long_share_the_error_of_a_turn_that_never_came() -> None:
    group, made = GroupCommit(), {}
    begun, fail = threading.Event(), threading.Event()
    calls = []

    def write(gather: Gather[str]) -> Written[str]:
        calls.append(1)
        if len(calls) == 1:
            given = list(gather())
            until(lambda: len(group._queue) == 2)
            return given, lambda: None
        if len(calls) == 2:
            begun.set()
            assert fail.wait(10)
            raise Unavailable("locked")
        return list(gather()), lambda: None

    def push(name: str, after: Callable[[], object]) -> Callable[[], None]:
        def pushes() -> None:
            until(after)
            try:
                made[name] = group.write(name, 1, write)
            except Unavailable as error:
                made[name] = str(error)

        return pushes

    def release() -> None:
        until(lambda: len(group._queue) == 3)
        fail.set()

    together(
        push("a", lambda: True),
        push("b", lambda: calls),
        push("c", lambda: calls),
        push("late", lambda: begun.is_set()),
        release,
    )
    assert made == {"a": "a", "b": "locked", "c": "locked", "late": "late"}


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


def test_a_value_that_the_database_refuses_is_of_the_one_that_sent_it(engine: Engine, tmp_path: Path) -> None:
    context = _context(engine, tmp_path)
    rules = releases.Rules(context.settings, Sender(OFFICE))
    prepared = releases.prepare(rules, document("tag:bad,2026:1"), "application/xml", releases.files_of(context))
    (item,) = prepared.items
    unfit = replace(prepared, items=(replace(item, words="\ud800"),))  # half of a character: no driver can send it

    def refused() -> None:
        with pytest.raises(Unfit):
            releases._store(context, unfit)

    made = at_once(context, *(pushing(context, document(f"tag:good,2026:{n}")) for n in range(3)), refused)
    assert [receipt.status for receipt in made if receipt] == [201, 201, 201]
    assert store.articles.newest_seq(engine) == 3
    assert store.audit.verify(engine).fault == ""


def test_each_release_of_a_group_gets_its_own_outcome(engine: Engine, tmp_path: Path) -> None:
    """They are written in one transaction, in their order, and each is decided by what the ones before it stored."""
    context = _context(engine, tmp_path)
    other = OfficeRecord("busan", "부산광역시", "", ("kr:26",))
    store.accounts.save_office(engine, other)
    later = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    embargo, ended = f'<embargo until="{later}"/>', '<embargo until="2026-01-01T00:00:00Z"/>'
    made = at_once(
        context,
        pushing(context, document("tag:a,2026:1")),
        pushing(context, document("tag:a,2026:1")),
        pushing(context, document("tag:a,2026:1", 2, headline="고친 제목")),
        pushing(context, document("tag:a,2026:1", 1, headline="다른 제목")),
        pushing(context, document("tag:a,2026:1", 3), other),
        pushing(context, document("tag:b,2026:1", 1, embargo)),
        pushing(context, document("tag:b,2026:1", 2, ended)),
        pushing(context, document("tag:c,2026:1", 1, embargo)),
    )
    assert [receipt.status for receipt in made if receipt] == [201, 200, 201, 409, 403, 201, 201, 201]
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(DISTINCT received) FROM releases")).scalar_one() == 1
    stored = [receipt for receipt in made if receipt and receipt.status == 201]
    readable = [releases.is_readable(receipt, context.now()) for receipt in stored]
    assert readable == [True, True, False, True, False]
    log = store.articles.log(engine, store.identity.START, 10)
    assert [(entry.kind, entry.guid) for entry in log] == [
        ("published", "tag:a,2026:1"),
        ("corrected", "tag:a,2026:1"),
        ("published", "tag:b,2026:1"),
    ]
    assert len(found(engine, "단락", range(10))) == 2  # nothing that waits is found
    assert store.audit.verify(engine).count == 2 + 5


def test_releases_of_many_threads_are_stored_as_if_alone(engine: Engine, tmp_path: Path) -> None:
    context = _context(engine, tmp_path)
    outcomes: list[list[int]] = []

    def push(guids: Sequence[str]) -> Callable[[], None]:
        def pushes() -> None:
            for guid in guids:
                receipts = releases.take(context, Sender(OFFICE), document(guid), "application/xml")
                outcomes.append([receipt.status for receipt in receipts])

        return pushes

    # Each thread's own, and one that all send at once: it is stored by one of them and the same for the others.
    together(*(push([f"tag:own,2026:{n}.{m}" for m in range(10)] + ["tag:all,2026:1"]) for n in range(16)))
    assert sorted(outcomes) == [[200]] * 15 + [[201]] * 161
    assert store.articles.newest_seq(engine) == 161
    changes = store.articles.changes_after(engine, 0, 200)
    assert [change.seq for change, _ in changes] == list(range(1, 162))
    assert store.audit.verify(engine).fault == "" and store.audit.verify(engine).count == 162
