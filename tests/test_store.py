"""Tests the store on SQLite and on PostgreSQL: feeds, versions, embargoes, offices, tokens and upgrades."""

import gzip
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import event, text

from app import store
from app.accounts.offices import OfficeRecord
from app.errors import Misconfigured
from app.query.query import Query
from app.store import Change, Engine
from app.store.revisions import OURS
from app.store.tables import metadata
from feeds.article import Article, Office, Related, Term
from tests.articles import SEED
from tests.migrated import postgres_database
from tests.wholeness import assert_whole

NOW = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)
TOPICS = (Term("medtop", "medtop:20000498"), Term("medtop", "medtop:20000612"), Term("brm", "brm11"))
ORIGINAL = store.articles.Original(b"<release/>", "application/xml", "jeonbuk")


def article(guid: str = "tag:a", version: int = 1, **fields: object) -> Article:
    base = replace(
        SEED, id=f"id-{guid}"[:32], guid=guid, version=version, updated=NOW, embargoed=None, held=False, topics=TOPICS
    )
    return replace(base, **fields)


class Stored(Struct, frozen=True):
    """The result of storing an item, as tests need it."""

    outcome: str
    receipt: bytes  # for "stored", the new receipt; for "same", the receipt of the first time
    corrected: bool
    change: Change | None


def put_items(
    engine: Engine,
    items: Sequence[store.articles.Item],
    now: datetime = NOW,
    receipt: Callable[[store.articles.Item], bytes] = lambda item: b'{"v":%d}' % item.article.version,
    original: store.articles.Original = ORIGINAL,
) -> list[Stored]:
    """Store a release as app/intake/releases.py does; `receipt` makes the receipts."""
    done = []
    with store.articles.writer(engine, {item.article.guid for item in items}, now) as writer:
        for item in items:
            decision = store.articles.decide(writer.row(item.article.guid), item, now)
            if decision.write is None:
                done.append(Stored(decision.outcome, decision.receipt, False, None))
                continue
            given, before = receipt(decision.item), len(writer.changes)
            writer.add(original, decision, given)
            change = next(iter(writer.changes[before:]), None)
            done.append(Stored(decision.outcome, given, decision.write.before is not None, change))
    return done


def put(engine: Engine, *articles: Article, now: datetime = NOW, mark: bytes = b"") -> list[Stored]:
    items = [
        store.articles.Item(article, (mark or f"{article.guid}{article.version}".encode()).ljust(32, b"\0")[:32])
        for article in articles
    ]
    return put_items(engine, items, now, original=replace(ORIGINAL, articles=len(items)))


def end_hold(engine: Engine, guid: str, now: datetime = NOW) -> Change | None:
    """End the hold of a held article. Return the change if the article becomes public."""
    with store.articles.writer(engine, {guid}, now) as writer:
        ended = store.articles.end_hold(writer.row(guid), now)
        assert ended is not None
        writer.end_hold(ended, b'{"released":true}', "token x")
    return next(iter(writer.changes), None)


def found(engine: Engine, **query: object) -> list[Article]:
    refs = [row[1:3] for row in store.feeds.standing(engine, Query(**query))]  # type: ignore[arg-type]
    documents = store.articles.documents(engine, refs)
    return [msgspec.json.decode(documents[ref], type=Article) for ref in refs]


def guids(engine: Engine, **query: object) -> list[str]:
    return [article.guid for article in found(engine, **query)]


def test_an_article_stands_in_each_feed_it_belongs_to_and_in_no_other(engine: Engine) -> None:
    put(engine, article())
    inside = [{}, {"regions": ("kr:45",)}, {"regions": ("kr:52",)}, {"regions": ("kr",)}, {"offices": ("jeonbuk",)}]
    inside += [{"topics": ("medtop:20000498",)}, {"topics": ("medtop:08000000",)}, {"langs": ("ko",)}]
    inside += [{"regions": ("kr:52",), "topics": ("medtop:20000498",), "langs": ("ko",), "offices": ("jeonbuk",)}]
    inside += [{"regions": ("kr:11", "kr:52")}]
    outside = [{"regions": ("kr:11",)}, {"regions": ("kr:46",)}, {"topics": ("medtop:15000000",)}, {"langs": ("en",)}]
    outside += [
        {"regions": ("kr:52",), "langs": ("en",)},
        {"offices": ("seoul",)},
        {"offices": ("jeonbuk",), "regions": ("kr:11",)},
    ]
    outside += [{"topics": ("medtop:20000498",), "langs": ("en",)}]
    assert [query for query in inside if guids(engine, **query) != ["tag:a"]] == []
    assert [query for query in outside if guids(engine, **query) != []] == []


def test_the_newest_change_comes_first_and_an_article_once(engine: Engine) -> None:
    put(engine, article("tag:a", updated=NOW))
    put(engine, article("tag:b", updated=NOW + timedelta(seconds=1)))
    assert guids(engine) == ["tag:b", "tag:a"]
    put(engine, article("tag:a", 2, updated=NOW + timedelta(seconds=2)))
    assert guids(engine) == ["tag:a", "tag:b"]
    assert guids(engine, regions=("kr", "kr:45", "kr:52")) == ["tag:a", "tag:b"]
    assert guids(engine, limit=1) == ["tag:a"]


def test_the_same_article_in_another_dialect_is_the_same(engine: Engine) -> None:
    """Two dialects write the same article differently: the drafts differ, but not the article."""
    (first,) = put(engine, article(), mark=b"own dialect")
    later = article(updated=NOW + timedelta(hours=1), published=NOW, url="https://elsewhere.example/")
    (same,) = put(engine, later, mark=b"atom")
    assert (same.outcome, same.receipt) == ("same", first.receipt)
    (other,) = put(engine, article(headline="Other words"), mark=b"atom")
    assert other.outcome == "changed"


def test_identity(engine: Engine) -> None:
    (first,) = put(engine, article(version=2))
    assert (first.outcome, first.corrected) == ("stored", False)
    (same,) = put(engine, article(version=2))
    assert (same.outcome, same.receipt) == ("same", first.receipt)
    assert put(engine, article(version=1))[0].outcome == "older"
    assert put(engine, article(version=2, note="changed"), mark=b"other")[0].outcome == "changed"
    assert put(engine, article(version=3, office=Office("seoul", "서울")))[0].outcome == "wrong-office"
    (newer,) = put(engine, article(version=3))
    assert (newer.outcome, newer.corrected) == ("stored", True)
    assert [a.version for a in found(engine)] == [3]
    assert store.articles.newest_seq(engine) == 2


def test_versions_of_one_article_in_one_release_follow_each_other(engine: Engine) -> None:
    """This also holds if the second version of another article was written in between."""
    first = [article("tag:a"), article("tag:b"), article("tag:b", 2)]
    later = NOW + timedelta(seconds=1)
    done = put(engine, *first, article("tag:a", 2, updated=later), article("tag:a", 1))
    assert [(stored.outcome, stored.corrected) for stored in done] == [
        ("stored", False),
        ("stored", False),
        ("stored", True),
        ("stored", True),
        ("older", False),
    ]
    assert [(each.guid, each.version) for each in found(engine)] == [("tag:a", 2), ("tag:b", 2)]
    assert_whole(engine)


def test_what_fails_within_a_writer_stores_nothing(engine: Engine) -> None:
    item = store.articles.Item(article(), b"1" * 32)
    with pytest.raises(RuntimeError), store.articles.writer(engine, {"tag:a"}, NOW) as writer:
        writer.add(ORIGINAL, store.articles.decide(writer.row("tag:a"), item, NOW), b"{}")
        writer.flush()
        raise RuntimeError
    assert guids(engine) == [] and store.articles.newest_seq(engine) == 0 and store.audit.records(engine) == []
    put(engine, article())
    assert_whole(engine)


def test_a_correction_leaves_the_feeds_it_no_longer_belongs_to_and_keeps_published(engine: Engine) -> None:
    put(engine, article())
    seoul = Term("region", "kr:11", {"ko": "서울특별시"})
    later = NOW + timedelta(hours=1)
    (stored,) = put(engine, article(version=2, regions=(seoul,), published=later, updated=later), now=later)
    assert guids(engine, regions=("kr:52",)) == []
    assert [a.published for a in found(engine, regions=("kr:11",))] == [SEED.published]
    assert stored.change is not None
    pairs = {pair for keys in stored.change.keys for pair in keys.pairs()}
    assert {("kr:52", "*"), ("kr:11", "*")} <= pairs, "both feeds must be told"


def test_a_correction_keeps_its_identity_raises_updated_and_comes_to_the_top(engine: Engine) -> None:
    put(engine, article("tag:a"))
    put(engine, article("tag:b", updated=NOW + timedelta(seconds=1)))
    (before,) = (one for one in found(engine) if one.guid == "tag:a")
    later = NOW + timedelta(hours=1)
    put(engine, article("tag:a", 2, published=later, updated=later), now=later)
    top = found(engine)[0]
    assert (top.guid, top.id, top.url, top.published) == (before.guid, before.id, before.url, before.published)
    assert top.updated == later > before.updated


def test_a_silent_correction_stays_where_it_is(engine: Engine) -> None:
    put(engine, article("tag:a"))
    put(engine, article("tag:b", updated=NOW + timedelta(seconds=1)))
    later = NOW + timedelta(hours=1)
    seoul = Term("region", "kr:11", {"ko": "서울특별시"})
    (stored,) = put_silently(engine, article("tag:a", 2, updated=later, note="typo", regions=(seoul,)), later)
    assert stored.outcome == "stored" and stored.receipt == later.isoformat().encode(), "the version's own instant"
    assert [(one.guid, one.version, one.updated) for one in found(engine)] == [
        ("tag:b", 1, NOW + timedelta(seconds=1)),
        ("tag:a", 2, NOW),
    ]
    assert guids(engine, regions=("kr:11",)) == ["tag:a"] and guids(engine, regions=("kr:52",)) == ["tag:b"]
    assert [(entry.kind, entry.version) for entry in store.articles.log(engine, store.identity.START, 9)][2:] == [
        ("corrected", 2)
    ]
    put(engine, article("tag:a", 3, updated=later + timedelta(hours=1)))
    assert guids(engine) == ["tag:a", "tag:b"], "the next one is heard"


def test_silence_says_nothing_of_what_is_not_public(engine: Engine) -> None:
    lifts, later = NOW + timedelta(hours=1), NOW + timedelta(minutes=1)
    put_silently(engine, article("tag:new"), NOW)
    put(engine, article("tag:a", embargoed=lifts, updated=lifts))
    put_silently(engine, article("tag:a", 2, updated=later), later)
    assert [(one.guid, one.updated) for one in found(engine)] == [("tag:a", later), ("tag:new", NOW)]
    put_silently(engine, article("tag:a", 3, pubstatus="canceled", updated=lifts), lifts)
    assert guids(engine) == ["tag:new"]
    put_silently(engine, article("tag:a", 4, updated=lifts), lifts)
    assert found(engine)[0].updated == lifts, "nothing stood there any more"


def put_silently(engine: Engine, article: Article, now: datetime) -> list[Stored]:
    item = store.articles.Item(article, f"{article.guid}{article.version}".encode().ljust(32, b"\0")[:32], silent=True)
    return put_items(engine, [item], now, lambda item: item.article.updated.isoformat().encode())


def test_a_version_says_how_it_differs_from_the_public_one_before_it(engine: Engine) -> None:
    def signal() -> str:
        return found(engine)[0].signal

    put(engine, article(signal="update"))
    assert signal() == "", "it replaces nothing"
    put(engine, article(version=2))
    assert signal() == "correction"
    put(engine, article(version=3, signal="update"))
    assert signal() == "update"
    put(engine, article(version=4, pubstatus="withheld"))
    put(engine, article(version=5, signal="correction"))
    assert signal() == "", "what it corrects was not public"


@pytest.mark.parametrize(
    ("first", "again", "outcome"),
    [
        ("", "", "same"),
        ("", "correction", "same"),  # it was set here, and means the same
        ("", "update", "changed"),
        ("update", "", "same"),  # the other dialect has no word for it
        ("update", "correction", "changed"),
    ],
)
def test_the_signal_that_the_store_sets_makes_no_other_article(
    engine: Engine, first: str, again: str, outcome: str
) -> None:
    put(engine, article())
    put(engine, article(version=2, signal=first))
    assert put(engine, article(version=2, signal=again), mark=b"another dialect")[0].outcome == outcome


def test_an_embargoed_article_is_nowhere_until_it_lifts_once(engine: Engine) -> None:
    lifts = NOW + timedelta(hours=1)
    (stored,) = put(engine, article(embargoed=lifts, updated=lifts))
    assert stored.change is None
    assert guids(engine) == []
    assert store.feeds.names_in_use(engine) == set()
    kept = store.articles.newest(engine, "id-tag:a")
    assert kept is not None and not kept.public
    assert store.articles.by_id(engine, "id-tag:a") is None
    assert store.articles.original(engine, "id-tag:a") is None
    assert store.articles.lift(engine, lifts - timedelta(microseconds=1)) == []
    assert store.articles.next_due(engine) == store.micros(lifts)
    (change,) = store.articles.lift(engine, lifts)
    assert change.seq == 1
    assert store.articles.lift(engine, lifts) == []
    assert guids(engine, regions=("kr:52",)) == ["tag:a"]
    assert store.articles.next_due(engine) is None


def test_a_held_article_does_not_lift_by_itself(engine: Engine) -> None:
    put(engine, article(held=True))
    assert store.articles.lift(engine, NOW + timedelta(days=10_000)) == []
    assert guids(engine) == []


def test_what_is_held_is_public_when_the_hold_ends_or_waits_for_its_instant(engine: Engine) -> None:
    lifts = NOW + timedelta(hours=1)
    put(engine, article("tag:a", held=True), article("tag:b", held=True, embargoed=lifts, updated=lifts))
    change = end_hold(engine, "tag:a")
    assert change is not None and change.seq == 1
    assert end_hold(engine, "tag:b") is None
    assert guids(engine) == ["tag:a"]
    assert put(engine, article("tag:a", held=True))[0].receipt == b'{"released":true}', (
        "the newer receipt is given again"
    )
    assert_whole(engine)
    assert len(store.articles.lift(engine, lifts)) == 1
    assert guids(engine) == ["tag:b", "tag:a"]
    assert_whole(engine)


def test_a_newer_version_moves_the_embargo(engine: Engine) -> None:
    first, second = NOW + timedelta(hours=1), NOW + timedelta(hours=2)
    put(engine, article(embargoed=first, updated=first))
    put(engine, article(version=2, embargoed=second, updated=second))
    assert store.articles.lift(engine, first) == []
    put(engine, article(version=3))
    assert guids(engine) == ["tag:a"]
    assert store.articles.lift(engine, second) == []


def test_what_is_public_cannot_be_put_under_embargo(engine: Engine) -> None:
    put(engine, article())
    (refused,) = put(engine, article(version=2, embargoed=NOW + timedelta(hours=1)))
    assert refused.outcome == "already-public"
    assert [a.version for a in found(engine)] == [1]


@pytest.mark.parametrize("status", ["canceled", "withheld"])
def test_a_canceled_article_leaves_every_feed_and_can_come_back(engine: Engine, status: str) -> None:
    put(engine, article())
    (stored,) = put(engine, article(version=2, pubstatus=status))
    assert stored.change is not None
    assert guids(engine) == guids(engine, regions=("kr:52",)) == []
    assert store.articles.original(engine, "id-tag:a") is None
    put(engine, article(version=3, updated=NOW + timedelta(hours=2)))
    assert guids(engine) == ["tag:a"]
    assert store.articles.newest_seq(engine) == 3


def test_the_original_of_a_release_is_hidden_while_one_of_its_articles_is(engine: Engine) -> None:
    lifts = NOW + timedelta(hours=1)
    put(engine, article("tag:open"), article("tag:later", embargoed=lifts, updated=lifts))
    assert store.articles.original(engine, "id-tag:open") is None
    store.articles.lift(engine, lifts)
    assert store.articles.original(engine, "id-tag:open") == (b"<release/>", "application/xml")


def test_writers_at_once_leave_the_newest_version_and_changes_without_a_gap(engine: Engine) -> None:
    rounds, failures = 25, []

    def write(versions: range) -> None:
        try:
            for version in versions:
                put(engine, article(version=version, updated=NOW + timedelta(seconds=version)))
        except Exception as error:  # a thread's failure must reach the test
            failures.append(error)

    threads = [threading.Thread(target=write, args=(range(start, 4 * rounds + 1, 4),)) for start in (1, 2, 3, 4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    assert [a.version for a in found(engine)] == [4 * rounds]
    seqs = [change.seq for change, _ in store.articles.changes_after(engine, 0, 1000)]
    assert seqs == list(range(1, len(seqs) + 1))


def test_what_is_read_over_a_held_connection_is_as_new_as_over_any_other(engine: Engine) -> None:
    taken: list[object] = []
    event.listen(engine, "checkout", lambda *_: taken.append(threading.get_ident()))
    found: list[int] = []
    put(engine, article("tag:first"))
    del taken[:]
    with store.holding(engine):
        found.append(store.articles.newest_seq(engine))
        here = len(taken)
        other = threading.Thread(target=lambda: put(engine, article("tag:second")) and None)
        other.start()
        other.join()
        found += [store.articles.newest_seq(engine), len(store.feeds.standing(engine, Query()))]
        with store.holding(engine):
            found.append(store.articles.newest_seq(engine))
        found.append(store.articles.newest_seq(engine))
    assert found == [1, 2, 2, 2, 2], "each statement is a snapshot of its own"
    mine = [thread for thread in taken if thread == threading.get_ident()]
    assert (here, len(mine)) == (1, 2), "one connection, and one for who holds once more"
    assert other.ident in taken, "another thread has a connection of its own"
    store.articles.newest_seq(engine)
    assert len([thread for thread in taken if thread == threading.get_ident()]) == 3, "nothing is held any more"


def test_offices_and_tokens(engine: Engine) -> None:
    office = OfficeRecord("jeonbuk", "전북특별자치도", "", ("kr:52",), ("brm11",))
    assert store.accounts.save_office(engine, office) is True
    assert store.accounts.save_office(engine, replace(office, name="전라북도")) is False
    token = store.accounts.new_token(engine, "jeonbuk", "a", NOW)
    assert store.accounts.all_offices(engine) == [replace(office, name="전라북도")]
    found = store.accounts.token_of(engine, token)
    assert found is not None
    assert (found.office, found.role, found.scope, found.state(NOW)) == (
        "jeonbuk",
        "editor",
        ("publish", "read"),
        "valid",
    )
    assert store.accounts.token_of(engine, token + "x") is None
    again = store.accounts.new_token(engine, "jeonbuk", "a", NOW)
    states = [found.state(NOW) for secret in (token, again) if (found := store.accounts.token_of(engine, secret))]
    assert states == ["revoked", "valid"], "a token of the same name is replaced"
    portal = OfficeRecord("portal", "정책 포털", aliases=("옛 포털", "policy portal"), others=True)
    store.accounts.save_office(engine, portal)
    assert portal in store.accounts.all_offices(engine)
    assert portal in store.accounts.all_offices(engine)


def test_the_revisions_make_the_tables_as_they_are_told(engine: Engine) -> None:
    with engine.connect() as connection:
        # The words of the full text are in tables of the database's own kind, which no metadata describes.
        told_here = {"include_name": lambda name, type, _: type != "table" or not str(name).startswith("search")}
        context = MigrationContext.configure(connection, opts=told_here)
        # The widths of numbers differ by database, but names and nullability must not.
        told = [change for change in compare_metadata(context, metadata) if change[0] != "modify_type"]
        assert told == []


DATABASES = Path(__file__).parent / "databases"


def database_of(schema: str, directory: Path) -> Engine:
    """A database as an older version made it."""
    path = directory / "pressrelay.db"
    path.write_bytes(gzip.decompress((DATABASES / f"{schema}.db.gz").read_bytes()))
    return store.connect(f"sqlite:///{path}")


def test_a_database_of_the_version_before_is_taken_as_it_is(tmp_path: Path) -> None:
    engine = database_of("0017", tmp_path)
    store.upgrade(engine)
    assert [office.code for office in store.accounts.all_offices(engine)] == ["jeonbuk"]
    assert guids(engine) == ["tag:jeonbuk.go.kr,2021-03-09:eutteum-dojeongsang"]
    put(engine, article())
    assert len(guids(engine, regions=("kr:52",))) == 2 and store.audit.verify(engine).fault == ""
    engine.dispose()


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        (
            "0012",
            "The database has schema 0012 of an older version of Pressrelay; this version needs schema "
            f"{OURS.newest}. Upgrade it",
        ),
        (
            "9999",
            "The database has schema 9999 of a newer version of Pressrelay; this version needs schema "
            f"{OURS.newest}. Start that",
        ),
    ],
)
def test_a_database_of_another_version_is_refused_with_a_sentence(tmp_path: Path, schema: str, why: str) -> None:
    engine = database_of("0012" if schema == "0012" else "0017", tmp_path)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :schema"), {"schema": schema})
    with pytest.raises(Misconfigured, match=why):
        store.upgrade(engine)
    engine.dispose()
    environ = {**os.environ, "PRESSRELAY_DATA_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "app.cli", "office", "list"]
    told = subprocess.run(command, cwd=DATABASES.parent.parent, env=environ, capture_output=True, text=True, timeout=60)
    assert told.returncode == 1 and why in told.stderr and "Traceback" not in told.stderr


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_upgrading_twice_at_once_does_no_harm(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/test.db"
    if kind == "postgresql":
        url = postgres_database(request.getfixturevalue("postgres"), empty=True)
    failures = []

    def upgrade() -> None:
        engine = store.connect(url)
        try:
            store.upgrade(engine)
        except Exception as error:  # a thread's failure must reach the test
            failures.append(error)
        finally:
            engine.dispose()

    threads = [threading.Thread(target=upgrade) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []


def test_a_feed_is_one_range_scan(tmp_path: Path) -> None:
    """Promise 5: no sort, no scan of the archive, whatever the table's size."""
    from sqlalchemy import event

    engine = store.connect(f"sqlite:///{tmp_path}/plan.db")
    store.upgrade(engine)
    put(engine, article())
    statements: list[tuple[str, object]] = []
    event.listen(engine, "before_cursor_execute", lambda c, cur, sql, params, *_: statements.append((sql, params)))
    guids(engine, regions=("kr:52",), topics=("medtop:20000498",))
    plan: list[str] = []
    with engine.connect().execution_options(reading=True) as connection:
        for sql, params in [entry for entry in statements if entry[0].startswith("SELECT")]:
            plan += [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {sql}", params)]
    engine.dispose()
    assert any("SEARCH feed_entries" in line and "PRIMARY KEY (place=? AND topic=?)" in line for line in plan), plan
    tables = ("articles", "versions", "feed_entries", "releases", "axis", "changes")
    assert not [line for line in plan if line.startswith(tuple(f"SCAN {table}" for table in tables))], plan


def test_what_leaves_by_any_dimension_is_told_there_and_nowhere_else(engine: Engine) -> None:
    """The feed of a region, a topic and a language is one scan and a lookup of the language. A correction that changes only the
    language leaves this feed."""
    topic = "medtop:20000498"
    put(engine, article("tag:moves", topics=(Term("medtop", topic),), lang="ko"))
    put(engine, article("tag:moves", 2, topics=(Term("medtop", topic),), lang="en"))

    def told(**fields: tuple[str, ...]) -> list[str]:
        return [one.guid for one in store.feeds.withdrawn(engine, Query(**fields), 0, 50)]

    assert told(regions=("kr:52",), topics=(topic,), langs=("ko",)) == ["tag:moves"]
    assert told(topics=(topic,), langs=("ko",)) == ["tag:moves"] == told(langs=("ko",))
    assert told(regions=("kr:52",), topics=(topic,), langs=("ko", "en")) == [], "it stands there still"
    assert told(regions=("kr:52",), topics=(topic,), langs=("en",)) == [], "it never left"
    assert told(regions=("kr:11",), topics=(topic,), langs=("ko",)) == [], "it was never there"
    put(engine, article("tag:moves", 3, topics=(Term("medtop", topic),), lang="ko"))
    assert told(regions=("kr:52",), topics=(topic,), langs=("ko",)) == [], "it is back"
    assert told(regions=("kr:52",), topics=(topic,), langs=("en",)) == ["tag:moves"]


def test_what_is_withdrawn_stands_above_what_came_before_though_the_clock_was_set_back(engine: Engine) -> None:
    """Feeds look for withdrawn articles no further down than their last article."""
    put(engine, article("tag:ahead", updated=NOW + timedelta(minutes=5)), now=NOW + timedelta(minutes=5))
    put(engine, article("tag:leaves"))
    put(engine, article("tag:leaves", 2, pubstatus="canceled"), now=NOW + timedelta(seconds=1))
    ((lowest, *_),) = store.feeds.standing(engine, Query(regions=("kr:52",)))
    assert [gone.guid for gone in store.feeds.withdrawn(engine, Query(regions=("kr:52",)), lowest, 50)] == [
        "tag:leaves"
    ]


def test_a_translation_of_another_office_counts_only_where_each_names_the_other(engine: Engine) -> None:
    other = Office("other", "다른 청")

    def naming(guid: str, *names: str, **fields: object) -> Article:
        related = tuple(Related(guid=name, translation=lang) for name, lang in zip(names, ("ko", "en"), strict=False))
        return article(guid, related=related, **fields)

    def told(guid: str) -> list[str]:
        return [found.guid for found in store.articles.translations_of(engine, naming(guid, *named[guid]))]

    named: dict[str, tuple[str, ...]] = {"tag:a": (), "tag:own": ("tag:a",), "tag:theirs": ("tag:a",)}
    put(engine, naming("tag:a", lang="ko"), naming("tag:own", "tag:a", lang="en"))
    put(engine, naming("tag:theirs", "tag:a", lang="fr", office=other))
    assert told("tag:a") == ["tag:own"], "another office's word alone makes it no translation of ours"
    named["tag:a"] = ("tag:theirs",)
    put(engine, naming("tag:a", "tag:theirs", version=2, lang="ko"))
    assert told("tag:a") == ["tag:own", "tag:theirs"]
