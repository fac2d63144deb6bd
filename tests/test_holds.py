"""Tests embargoes in the store, on SQLite and on PostgreSQL: a table of cases, races with the lift, and failures within the lift."""

import csv
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from functools import partial
from importlib import import_module
from pathlib import Path

import pytest
from sqlalchemy import event, text

from app import store
from app.errors import Unavailable
from app.query.query import Query
from app.store import Engine
from feeds.article import Article
from tests.conftest import ROOT, together
from tests.migrated import postgres_database, sqlite_database
from tests.test_store import NOW, article, found, put, put_items
from tests.wholeness import assert_whole

LIVES = list(csv.DictReader((Path(__file__).parent / "holds.csv").read_text("utf-8").splitlines()))
LIFTS = NOW + timedelta(hours=1)
WORDS = {1: "quokka", 2: "wombat", 3: "numbat"}  # each version has a word of its own


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def lived_in(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    """One database of each kind for all cases, because making a database takes longer than a case."""
    file = tmp_path_factory.mktemp("lives") / "test.db"
    if request.param == "postgresql":
        url = postgres_database(request.getfixturevalue("postgres"))
    else:
        sqlite_database(file)
        url = f"sqlite:///{file}"
    engine = store.connect(url)
    yield engine
    engine.dispose()


def at(minutes: str) -> datetime:
    return NOW + timedelta(minutes=int(minutes))


def said(guid: str, version: str, words: list[str], moment: datetime) -> Article:
    """The article of a step: `v2 until 90`, `v2 open`, `v2 held`, `v2 canceled`, `v2 withheld`."""
    number, kind = int(version[1:]), words[0]
    ends = at(words[1]) if kind == "until" else None
    status = kind if kind in ("canceled", "withheld") else "usable"
    updated = max(moment, ends) if ends else moment
    return article(guid, number, embargoed=ends, held=kind == "held", pubstatus=status, updated=updated)


@pytest.mark.parametrize("row", LIVES, ids=lambda row: row["case"])
def test_the_life_of_an_embargo(lived_in: Engine, row: dict[str, str]) -> None:
    """Each step has its minute, what the office sends then, if anything, and what the feeds show after the worker ran."""
    engine, guid = lived_in, f"tag:{LIVES.index(row)}"
    for step in row["life"].split(" | "):
        done, _, shown = step.partition(" = ")
        minute, *words = done.split()
        if words:
            put(engine, said(guid, words[0], words[1:], at(minute)), now=at(minute))
        store.articles.lift(engine, at(minute))
        seen = [f"v{one.version}" for one in found(engine, limit=200) if one.guid == guid]
        assert seen == ([] if shown == "-" else [shown]), step
        assert_whole(engine)
    log = [
        (entry.kind, f"v{entry.version}")
        for entry in store.articles.log(engine, store.identity.START, 1000)
        if entry.guid == guid
    ]
    assert " ".join(word for entry in log for word in entry) == row["log"]


def test_a_transaction_lifts_a_bounded_number_of_rows(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every other writer waits for it, and so do the embargoes of other offices."""
    put(engine, *(article(f"tag:rows-{number}", embargoed=LIFTS, updated=LIFTS) for number in range(3)))
    rows = len(store.keys(article()).pairs())
    monkeypatch.setattr(import_module("app.store.articles.lift"), "LIFT_ROWS", 2 * rows)
    assert [len(store.articles.lift(engine, LIFTS)) for _ in range(3)] == [2, 1, 0]
    monkeypatch.setattr(import_module("app.store.articles.lift"), "LIFT_ROWS", 1)
    put(engine, article("tag:rows-large", embargoed=LIFTS, updated=LIFTS))
    assert len(store.articles.lift(engine, LIFTS)) == 1, "one that is larger than that lifts by itself"
    assert_whole(engine)


def test_what_was_made_ready_is_not_shown_where_a_newer_version_came(engine: Engine) -> None:
    names = ("tag:stays", "tag:newer", "tag:moved", "tag:gone")
    put(engine, *(article(name, embargoed=LIFTS, updated=LIFTS, text="quokka") for name in names))
    ready = store.articles.make_ready(engine, LIFTS, {}, 3)
    assert len(ready) == 3
    ready = store.articles.make_ready(engine, LIFTS, ready, 3)
    assert len(ready) == 4
    later = LIFTS + timedelta(minutes=1)
    put(engine, article("tag:newer", 2, embargoed=LIFTS, updated=LIFTS, text="wombat"))
    put(engine, article("tag:moved", 2, embargoed=later, updated=later, text="wombat"))
    put(engine, article("tag:gone", 2, pubstatus="canceled"))
    assert len(store.articles.lift(engine, LIFTS, ready)) == 2
    assert sorted((one.guid, one.version) for one in found(engine)) == [("tag:newer", 2), ("tag:stays", 1)]
    assert [one.guid for one in found(engine, words="quokka")] == ["tag:stays"]
    assert [one.guid for one in found(engine, words="wombat")] == ["tag:newer"]
    assert len(store.articles.lift(engine, later, ready)) == 1
    assert_whole(engine)
    assert store.articles.make_ready(engine, later, ready, 3) == {}, "what does not wait is not held on to"


def test_silence_keeps_the_embargo_of_what_was_public_once(engine: Engine) -> None:
    put(engine, article())
    put(engine, article(version=2, pubstatus="canceled"))
    put(engine, article(version=3, embargoed=LIFTS, updated=LIFTS))
    silent = store.articles.Item(article(version=4), b"4".ljust(32), says_embargo=False)
    (stored,) = put_items(engine, [silent])
    assert (stored.outcome, stored.change) == ("stored", None)
    assert store.articles.lift(engine, LIFTS - timedelta(seconds=1)) == []
    assert len(store.articles.lift(engine, LIFTS)) == 1
    assert [one.version for one in found(engine)] == [4]
    assert_whole(engine)


def test_words_of_a_text_do_not_end_what_was_given_as_a_date(engine: Engine) -> None:
    """An office that leaves its date out and writes "보도시점 즉시" (at once) has not ended the embargo of that date."""

    def then(version: int, **fields: object) -> None:
        item = store.articles.Item(article(version=version, **fields), str(version).encode().ljust(32), in_words=True)
        (stored,) = put_items(engine, [item], NOW, lambda item: "\n".join(item.warnings).encode())
        assert stored.outcome == "stored" and stored.change is None, "it waits"
        told.append(stored.receipt.decode())

    told: list[str] = []
    put(engine, article(embargoed=LIFTS, updated=LIFTS))
    then(2, embargo_wording="즉시")
    assert "the date that the previous version gave" in told[-1]
    then(3, embargo_wording="내일", embargoed=LIFTS - timedelta(hours=1))
    then(4, embargo_wording="모레", embargoed=LIFTS + timedelta(hours=1), updated=LIFTS + timedelta(hours=1))
    assert told[-1] == "", "later words count"
    assert store.articles.lift(engine, LIFTS) == []
    assert len(store.articles.lift(engine, LIFTS + timedelta(hours=1))) == 1


@pytest.fixture
def engines(database_url: str, engine: Engine) -> Iterator[Callable[[], Engine]]:
    """Makes more engines on the same database, as other processes would."""
    made: list[Engine] = []

    def make() -> Engine:
        made.append(store.connect(database_url))
        return made[-1]

    yield make
    for one in made:
        one.dispose()


@pytest.mark.slow
def test_two_workers_and_a_correction_at_the_instant(engine: Engine, engines: Callable[[], Engine]) -> None:
    """In any order, the lift happens once, and feeds show the newest version in the end."""
    rounds = 60
    guids = [f"tag:race-{number}" for number in range(rounds)]
    put(engine, *(article(guid, embargoed=LIFTS, updated=LIFTS) for guid in guids))
    instants = [LIFTS + timedelta(seconds=number) for number in range(rounds)]
    for guid, instant in zip(guids, instants, strict=True):
        put(engine, article(guid, 2, embargoed=instant, updated=instant))
    barrier = threading.Barrier(3)
    lifted: list[int] = []

    def lift(own: Engine) -> None:
        for instant in instants:
            barrier.wait(30)
            lifted.extend(change.seq for change in store.articles.lift(own, instant))

    def correct(own: Engine) -> None:
        for number, (guid, instant) in enumerate(zip(guids, instants, strict=True)):
            statuses = ("usable", "usable", "canceled")
            again = article(guid, 3, embargoed=None, updated=instant, pubstatus=statuses[number % 3])
            barrier.wait(30)
            put(own, again, now=instant)

    together(partial(lift, engines()), partial(lift, engines()), partial(correct, engines()))
    assert len(lifted) == len(set(lifted)), "a change is one worker's"
    assert_whole(engine)
    shown = {one.guid: one.version for one in found(engine, limit=200)}
    assert shown == {guid: 3 for number, guid in enumerate(guids) if number % 3 != 2}


@pytest.mark.slow
def test_versions_at_once_1000_times(engine: Engine, engines: Callable[[], Engine]) -> None:
    """The newest version always wins, and an older one never shows afterwards."""
    rounds = 1000
    order = random.Random(20210309)
    # Who brings which version changes from round to round; every tenth has a third version.
    plans = [order.sample((1, 2), 2) if number % 10 else order.sample((1, 2, 3), 3) for number in range(rounds)]
    barrier = threading.Barrier(3)
    done = threading.Event()
    stored: dict[tuple[int, int], str] = {}

    def write(own: Engine, place: int) -> None:
        for number, plan in enumerate(plans):
            barrier.wait(30)
            if place < len(plan):
                version = plan[place]
                moment = NOW + timedelta(seconds=number, milliseconds=version)
                one = article(f"tag:race-{number}", version, updated=moment, text=WORDS[version], topics=())
                stored[number, version] = put_again(own, one, moment)

    def read(own: Engine) -> None:
        seen: dict[str, int] = {}
        while not done.wait(0.02):
            for one in found(own, limit=20):
                assert one.version >= seen.get(one.guid, 0), f"{one.guid} went back"
                seen[one.guid] = one.version

    def write_all() -> None:
        try:
            together(*(partial(write, engines(), place) for place in range(3)))
        finally:
            done.set()

    together(write_all, partial(read, engines()))
    assert {stored[number, max(plan)] for number, plan in enumerate(plans)} == {"stored"}
    assert set(stored.values()) == {"stored", "older"}, "both orders happened"
    assert_whole(engine)
    with engine.connect() as connection:
        kept = dict(connection.execute(text("SELECT guid, version FROM articles")).all())
    assert kept == {f"tag:race-{number}": max(plan) for number, plan in enumerate(plans)}
    for version, word in WORDS.items():
        refs = [row[1:3] for row in store.feeds.standing(engine, Query(words=word, limit=200))]
        assert {one for _, one in refs} <= {version} and bool(refs) == (version > 1), "no older version's words"


def put_again(engine: Engine, one: Article, now: datetime) -> str:
    """Put as a sender does: again if the database was too busy and nothing was stored (503)."""
    for _ in range(3):
        with suppress(Unavailable):
            return put(engine, one, now=now)[0].outcome
    return "unavailable"


def half_way(engine: Engine) -> None:
    """Assert that nothing was lifted, and that no part of the lift is stored."""
    assert found(engine) == [] and store.articles.newest_seq(engine) == 0
    assert_whole(engine)


@pytest.mark.slow
def test_a_lift_that_is_killed_between_two_statements_leaves_nothing(engine: Engine, database_url: str) -> None:
    put(engine, *(article(f"tag:{number}", embargoed=LIFTS, updated=LIFTS) for number in range(5)))
    command = [sys.executable, "-m", "tests.lifting", database_url, LIFTS.isoformat()]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin and process.stdout
        statement = 0
        while True:
            process.stdin.write(f"{statement}\n")
            process.stdin.flush()
            ended = int(process.stdout.readline())
            if ended == 0:  # There is no such statement: the lift went through.
                break
            assert ended == -signal.SIGKILL
            half_way(engine)
            statement += 1
        process.stdin.close()
    assert statement > 8, "the transaction has more statements than that"
    assert len(found(engine)) == 5
    assert store.articles.lift(engine, LIFTS) == []
    assert_whole(engine)


def test_a_connection_that_is_ended_within_a_lift_leaves_nothing(postgres_url: str) -> None:
    engine, other = store.connect(postgres_url), store.connect(postgres_url)
    put(engine, article(embargoed=LIFTS, updated=LIFTS))
    countdown = [0]

    def end(connection: object, cursor: object, statement: str, *_: object) -> None:
        countdown[0] -= 1
        if countdown[0] == 0:
            pid = cursor.connection.info.backend_pid  # type: ignore[attr-defined]
            with other.connect() as second:
                second.execute(text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})

    event.listen(engine, "before_cursor_execute", end)
    statement, lifted = 1, 0
    while not lifted:
        countdown[0] = statement
        try:
            lifted = len(store.articles.lift(engine, LIFTS))
        except Unavailable:
            half_way(other)
            statement += 1
    countdown[0] = 0
    assert (statement > 8, lifted) == (True, 1)
    assert store.articles.lift(engine, LIFTS) == []
    assert_whole(other)
    engine.dispose()
    other.dispose()
