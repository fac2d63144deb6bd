"""The store, on SQLite and on PostgreSQL."""

import hashlib
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import alembic.command
import msgspec
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from msgspec.structs import replace
from sqlalchemy import text

from app import store
from app.accounts.offices import OfficeRecord
from app.query.query import Query
from app.store import Engine, Item, Original, Stored
from app.store.tables import metadata
from feeds.article import Article, Office, Related, Term
from tests.articles import SEED

NOW = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)
TOPICS = (Term("medtop", "medtop:20000498"), Term("medtop", "medtop:20000612"), Term("brm", "brm11"))
ORIGINAL = Original(b"<release/>", "application/xml", "jeonbuk")


def article(guid: str = "tag:a", version: int = 1, **fields: object) -> Article:
    base = replace(
        SEED, id=f"id-{guid}"[:32], guid=guid, version=version, updated=NOW, embargoed=None, held=False, topics=TOPICS
    )
    return replace(base, **fields)


def put(engine: Engine, *articles: Article, now: datetime = NOW, mark: bytes = b"") -> list[Stored]:
    items = [
        Item(article, (mark or f"{article.guid}{article.version}".encode()).ljust(32, b"\0")[:32])
        for article in articles
    ]
    original = replace(ORIGINAL, articles=len(items))
    (stored,) = store.put(engine, [(original, items)], lambda item: b'{"v":%d}' % item.article.version, now)
    return stored


def found(engine: Engine, **query: object) -> list[Article]:
    refs = store.find(engine, Query(**query))  # type: ignore[arg-type]
    documents = store.documents(engine, refs)
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
    """Two dialects write one article in other words: the drafts differ, the article does not."""
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
    assert store.newest_seq(engine) == 2


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
    assert [(entry.kind, entry.version) for entry in store.log(engine, store.START, 9)][2:] == [("corrected", 2)]
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
    item = Item(article, f"{article.guid}{article.version}".encode().ljust(32, b"\0")[:32], silent=True)
    (stored,) = store.put(engine, [(ORIGINAL, [item])], lambda item: item.article.updated.isoformat().encode(), now)
    return stored


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
        ("", "correction", "same"),  # it was set here, and means that
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
    assert store.names_in_use(engine) == set()
    kept = store.newest(engine, "id-tag:a")
    assert kept is not None and not kept.public
    assert store.by_id(engine, "id-tag:a") is None
    assert store.original(engine, "id-tag:a") is None
    assert store.lift(engine, lifts - timedelta(microseconds=1)) == []
    assert store.next_due(engine) == store.micros(lifts)
    (change,) = store.lift(engine, lifts)
    assert change.seq == 1
    assert store.lift(engine, lifts) == []
    assert guids(engine, regions=("kr:52",)) == ["tag:a"]
    assert store.next_due(engine) is None


def test_a_held_article_does_not_lift_by_itself(engine: Engine) -> None:
    put(engine, article(held=True))
    assert store.lift(engine, NOW + timedelta(days=10_000)) == []
    assert guids(engine) == []


def test_a_newer_version_moves_the_embargo(engine: Engine) -> None:
    first, second = NOW + timedelta(hours=1), NOW + timedelta(hours=2)
    put(engine, article(embargoed=first, updated=first))
    put(engine, article(version=2, embargoed=second, updated=second))
    assert store.lift(engine, first) == []
    put(engine, article(version=3))
    assert guids(engine) == ["tag:a"]
    assert store.lift(engine, second) == []


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
    assert store.original(engine, "id-tag:a") is None
    put(engine, article(version=3, updated=NOW + timedelta(hours=2)))
    assert guids(engine) == ["tag:a"]
    assert store.newest_seq(engine) == 3


def test_the_original_of_a_release_is_hidden_while_one_of_its_articles_is(engine: Engine) -> None:
    lifts = NOW + timedelta(hours=1)
    put(engine, article("tag:open"), article("tag:later", embargoed=lifts, updated=lifts))
    assert store.original(engine, "id-tag:open") is None
    store.lift(engine, lifts)
    assert store.original(engine, "id-tag:open") == (b"<release/>", "application/xml")


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
    seqs = [change.seq for change, _ in store.changes_after(engine, 0, 1000)]
    assert seqs == list(range(1, len(seqs) + 1))


def test_offices_and_tokens(engine: Engine) -> None:
    office = OfficeRecord("jeonbuk", "전북특별자치도", "", ("kr:52",), ("brm11",))
    assert store.save_office(engine, office) is True
    assert store.save_office(engine, replace(office, name="전라북도")) is False
    token = store.new_token(engine, "jeonbuk", "a", NOW)
    assert store.all_offices(engine) == [replace(office, name="전라북도")]
    found = store.token_of(engine, token)
    assert found is not None
    assert (found.office, found.role, found.scope, found.state(NOW)) == (
        "jeonbuk",
        "editor",
        ("publish", "read"),
        "valid",
    )
    assert store.token_of(engine, token + "x") is None
    again = store.new_token(engine, "jeonbuk", "a", NOW)
    states = [found.state(NOW) for secret in (token, again) if (found := store.token_of(engine, secret))]
    assert states == ["revoked", "valid"], "a token of the same name is replaced"
    portal = OfficeRecord("portal", "정책 포털", aliases=("옛 포털", "policy portal"), others=True)
    store.save_office(engine, portal)
    assert portal in store.all_offices(engine)
    assert portal in store.all_offices(engine)


def test_the_revisions_make_the_tables_as_they_are_told(engine: Engine) -> None:
    with engine.connect() as connection:
        # The words of the full text are in tables of the database's own kind, which no metadata tells.
        told_here = {"include_name": lambda name, type, _: type != "table" or not str(name).startswith("search")}
        context = MigrationContext.configure(connection, opts=told_here)
        # The widths of numbers differ by database; the names and what may be empty must not.
        told = [change for change in compare_metadata(context, metadata) if change[0] != "modify_type"]
        assert told == []


def test_an_older_database_keeps_its_offices_tokens_and_embargoes(database_url: str) -> None:
    engine = store.connect(database_url)
    config = Config()
    config.set_main_option("script_location", "app.store:migrations")
    made = article("urn:x:before", embargoed=NOW + timedelta(days=1))
    rows = {
        "INSERT INTO offices VALUES (:code, :name, '', 'kr:52', '')": {"code": "jeonbuk", "name": "전북특별자치도"},
        "INSERT INTO tokens VALUES (:hash, 'jeonbuk', '', 0)": {"hash": hashlib.sha256(b"secret").digest()},
        "INSERT INTO releases VALUES (1, :body, 'application/xml', 'jeonbuk', 0)": {"body": b"<release/>"},
        "INSERT INTO articles (num, id, guid, office, version, pubstatus, public, seen, due)"
        " VALUES (1, :id, :guid, 'jeonbuk', 1, 'usable', false, false, 99)": {"id": made.id, "guid": made.guid},
        "INSERT INTO versions VALUES (1, 1, 1, :body, :doc, :body, :axes)": {
            "body": b"{}",
            "doc": msgspec.json.encode(made),
            "axes": msgspec.json.encode(store.keys(made)),
        },
    }
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, "0001")
        for statement, values in rows.items():
            connection.execute(text(statement), values)
    store.upgrade(engine)
    assert store.all_offices(engine) == [OfficeRecord("jeonbuk", "전북특별자치도", "", ("kr:52",))]
    token = store.token_of(engine, "secret")
    assert token is not None
    assert (token.office, token.role, token.scope) == ("jeonbuk", "editor", ("publish", "read"))
    with engine.connect() as connection:
        waiting = connection.execute(text("SELECT count(*) FROM embargo_entries WHERE num = 1")).scalar()
    assert waiting == len(store.keys(made).pairs())
    assert store.verify(engine).fault == ""
    engine.dispose()


def test_upgrading_twice_at_once_does_no_harm(database_url: str) -> None:
    failures = []

    def upgrade() -> None:
        engine = store.connect(database_url)
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
    """A feed of a region, a topic and a language is one scan and a look into the language: what leaves by the language left it."""
    topic = "medtop:20000498"
    put(engine, article("tag:moves", topics=(Term("medtop", topic),), lang="ko"))
    put(engine, article("tag:moves", 2, topics=(Term("medtop", topic),), lang="en"))

    def told(**fields: tuple[str, ...]) -> list[str]:
        return [one.guid for one in store.withdrawn(engine, Query(**fields), 0, 50)]

    assert told(regions=("kr:52",), topics=(topic,), langs=("ko",)) == ["tag:moves"]
    assert told(topics=(topic,), langs=("ko",)) == ["tag:moves"] == told(langs=("ko",))
    assert told(regions=("kr:52",), topics=(topic,), langs=("ko", "en")) == [], "it stands there still"
    assert told(regions=("kr:52",), topics=(topic,), langs=("en",)) == [], "it never left"
    assert told(regions=("kr:11",), topics=(topic,), langs=("ko",)) == [], "it was never there"
    put(engine, article("tag:moves", 3, topics=(Term("medtop", topic),), lang="ko"))
    assert told(regions=("kr:52",), topics=(topic,), langs=("ko",)) == [], "it is back"
    assert told(regions=("kr:52",), topics=(topic,), langs=("en",)) == ["tag:moves"]


def test_a_translation_of_another_office_counts_only_where_each_names_the_other(engine: Engine) -> None:
    other = Office("other", "다른 청")

    def naming(guid: str, *names: str, **fields: object) -> Article:
        related = tuple(Related(guid=name, translation=lang) for name, lang in zip(names, ("ko", "en"), strict=False))
        return article(guid, related=related, **fields)

    def told(guid: str) -> list[str]:
        return [found.guid for found in store.translations_of(engine, naming(guid, *named[guid]))]

    named: dict[str, tuple[str, ...]] = {"tag:a": (), "tag:own": ("tag:a",), "tag:theirs": ("tag:a",)}
    put(engine, naming("tag:a", lang="ko"), naming("tag:own", "tag:a", lang="en"))
    put(engine, naming("tag:theirs", "tag:a", lang="fr", office=other))
    assert told("tag:a") == ["tag:own"], "another office's word alone makes it no translation of ours"
    named["tag:a"] = ("tag:theirs",)
    put(engine, naming("tag:a", "tag:theirs", version=2, lang="ko"))
    assert told("tag:a") == ["tag:own", "tag:theirs"]
