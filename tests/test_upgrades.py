"""Upgrades while others read and write: the two kinds of migrations, plans, backfills, and schemas of other versions."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import text

from app import store
from app.errors import Misconfigured, Unavailable
from app.run.doctor import checks
from app.settings import Settings
from app.store import Engine
from app.store.revisions import OURS, VERSIONS, history
from app.store.schema import loaded
from tests.conftest import until
from tests.migrated import postgres_database
from tests.test_store import article, guids, put
from tests.upgrades import toy_history

OLDEST = OURS.oldest(OURS.newest)
NEWER = f"The database has schema 9003 of a newer version of Pressrelay; this version needs schema {OURS.newest}. Start that"
# Rules of squawk that we do not follow, and why.
NOT_OURS = {
    "prefer-text-field": "a length says what may come",
    "prefer-robust-stmts": "each migration runs in a transaction with its number; what does not is repeatable by itself",
    "prefer-bigint-over-int": "small numbers are declared as such",
    "prefer-identity": "alembic writes SERIAL for both databases",
    "require-statement-timeout": "an index made CONCURRENTLY may take as long as it takes: it keeps nobody waiting",
    "ban-drop-table": "a contract may, by an operator's word",
    "ban-drop-column": "the same",
}
# Migrations that squawk does not check: nobody ran an earlier version in production, so their tables were empty or small.
BEFORE_PRODUCTION = "0031"


def test_each_migration_declares_what_it_is_and_follows_the_one_before() -> None:
    before = None
    for revision in OURS.revisions:
        module = loaded(revision)
        assert (module.revision, module.down_revision, module.kind) == (revision.number, before, revision.kind)
        assert revision.kind == "expand" or hasattr(module, "downgrade"), revision.path.name
        assert hasattr(module, "backfill") == hasattr(module, "backfilled") == revision.backfills
        before = revision.number
    assert OURS.newest == before


@pytest.mark.parametrize("head", ["", 'kind = "both"', 'kind = "contract"', '  kind = "expand"'])
def test_a_migration_that_does_not_declare_its_kind_is_refused(tmp_path: Path, head: str) -> None:
    (tmp_path / "0001_first.py").write_text(f'"""No kind."""\n{head}\n')
    with pytest.raises(ValueError, match=r"0001_first\.py must declare kind"):
        history(tmp_path)


@pytest.mark.parametrize("folder", [VERSIONS, None], ids=["ours", "toys"])
def test_squawk_finds_nothing_in_the_statements_for_postgresql(tmp_path: Path, folder: Path | None) -> None:
    known = OURS if folder else toy_history(tmp_path)
    for revision in known.after(BEFORE_PRODUCTION):
        lines = store.plan.statements(revision, "postgresql")
        sql = "".join(f"{line};\n" for line in ["SET lock_timeout = '2s'", *lines])
        squawk = str(Path(sys.executable).with_name("squawk"))
        alone = [] if "CONCURRENTLY" in sql else ["--assume-in-transaction"]
        command = [
            squawk,
            *alone,
            "--pg-version=14",
            "--stdin-filepath=migration.sql",
            f"--exclude={','.join(NOT_OURS)}",
        ]
        found = subprocess.run(command, input=sql, capture_output=True, text=True, timeout=60)
        assert found.returncode == 0, f"{revision.path.name}: {found.stdout}{found.stderr}"


def test_squawk_finds_an_index_that_keeps_writers_waiting() -> None:
    squawk = str(Path(sys.executable).with_name("squawk"))
    command = [squawk, "--pg-version=14", "--stdin-filepath=migration.sql", f"--exclude={','.join(NOT_OURS)}"]
    sql = "SET lock_timeout = '2s';\nCREATE INDEX a ON articles (office);\n"
    found = subprocess.run(command, input=sql, capture_output=True, text=True, timeout=60)
    assert found.returncode == 1 and "require-concurrent-index-creation" in found.stdout


def test_older_code_goes_on_beside_an_expand_and_not_beside_a_contract(engine: Engine, tmp_path: Path) -> None:
    newer = toy_history(tmp_path)
    put(engine, article())
    store.upgrade(engine, newer)
    assert store.schema.state(engine) == ("9002", OLDEST)
    put(engine, article("tag:beside"))
    store.schema.check(engine)
    store.upgrade(engine)  # a restart of the older code changes nothing
    assert store.schema.state(engine) == ("9002", OLDEST)
    with pytest.raises(Misconfigured, match=r"backfill of migration 9001 has not ended, so migration 9003 cannot run"):
        store.upgrade(engine, newer, contract=True)
    put(engine, article("tag:still"))
    store.backfill.Filler(engine, newer).finish()
    store.upgrade(engine, newer, contract=True)
    assert store.schema.state(engine) == ("9003", "9002")
    for refused in (lambda: put(engine, article("tag:late")), lambda: store.schema.check(engine)):
        with pytest.raises(Unavailable, match=NEWER):
            refused()
    with pytest.raises(Misconfigured, match=NEWER):
        store.upgrade(engine)
    assert guids(engine) == ["tag:still", "tag:beside", "tag:a"]
    assert store.schema.downgrade(engine, newer) == ("9003", "9002")
    put(engine, article("tag:back"))


def test_a_contract_on_the_way_waits_for_a_word(engine: Engine, tmp_path: Path) -> None:
    between = toy_history(tmp_path)
    last = '"""Later."""\nrevision = "9004"\ndown_revision = "9003"\nkind = "expand"\n\n\ndef upgrade() -> None:\n    pass\n'
    (tmp_path / "toys" / "9004_toy_later.py").write_text(last)
    newer = history(VERSIONS, tmp_path / "toys")
    store.upgrade(engine, between)
    with pytest.raises(Misconfigured, match=r"migration 9003, which you must start.*db upgrade --contract"):
        store.upgrade(engine, newer)
    store.backfill.Filler(engine, newer).finish()
    store.upgrade(engine, newer, contract=True)
    assert store.schema.state(engine) == ("9004", "9002")


def test_a_plan_shows_what_would_run_and_changes_nothing(engine: Engine, tmp_path: Path) -> None:
    newer = toy_history(tmp_path)
    put(engine, article())
    note, index = store.plan.would_run(engine, newer)
    assert (note.kind, note.filled, note.purpose) == (
        "expand",
        1,
        "Add a note to each article, which is filled in afterwards.",
    )
    assert note.steps[0].statement == "ALTER TABLE articles ADD COLUMN toy_note TEXT"
    made = next(step for step in index.steps if step.statement.startswith("CREATE INDEX"))
    if engine.dialect.name == "postgresql":
        assert made.lock == "SHARE UPDATE EXCLUSIVE: reads and writes go on"
        assert note.steps[0].lock == "ACCESS EXCLUSIVE: reads and writes wait"
    else:
        assert made.lock == note.steps[0].lock == "all writers wait"
    assert made.rows == 1 and made.seconds > 0
    *_, end = store.plan.would_run(engine, newer, contract=True)
    assert (end.revision, end.kind, end.oldest) == ("9003", "contract", "9002")
    assert store.schema.state(engine) == (OURS.newest, OLDEST)
    assert [planned.revision for planned in store.plan.would_run(engine)] == []


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_plan_of_a_new_database_has_each_migration(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new.db"
    if kind == "postgresql":
        url = postgres_database(request.getfixturevalue("postgres"), empty=True)
    engine = store.connect(url)
    assert [planned.revision for planned in store.plan.would_run(engine)] == [one.number for one in OURS.revisions]
    engine.dispose()


def test_a_backfill_goes_on_where_it_stopped(engine: Engine, tmp_path: Path) -> None:
    newer = toy_history(tmp_path)
    for number in range(5):
        put(engine, article(f"tag:{number}"))
    store.upgrade(engine, newer)
    first = store.backfill.Filler(engine, newer)
    first.limit = 2
    first.batch()
    ours = store.backfill.Filler(engine)  # the older code leaves the backfill to the newer
    assert ours.batch() is None
    (found,) = store.backfill.progress(engine)
    assert (found.done, found.total, found.ended) == (2, 5, None)
    assert found.words() == "Backfill of migration 9001: 2 of about 5 rows."
    assert found.words() in store.plan.standing(engine, newer)
    second = store.backfill.Filler(engine, newer)
    second.limit = 2
    second.finish()
    (found,) = store.backfill.progress(engine)
    assert found.done == 5 and found.ended is not None
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT COUNT(*) FROM articles WHERE toy_note = guid")) == 5


def test_a_downgrade_that_loses_data_is_refused_until_it_is_told(engine: Engine, tmp_path: Path) -> None:
    newer = toy_history(tmp_path)
    put(engine, article())
    store.upgrade(engine, newer)
    store.backfill.Filler(engine, newer).finish()
    assert store.schema.downgrade(engine, newer) == ("9002", "9001")
    with pytest.raises(
        Misconfigured,
        match=r"would lose what 1 rows of articles hold\. Make a backup\. Then repeat the command with --lose-data",
    ):
        store.schema.downgrade(engine, newer)
    assert store.schema.downgrade(engine, newer, lose=True) == ("9001", OURS.newest)
    assert store.backfill.progress(engine) == []
    put(engine, article("tag:after"))


def test_what_has_no_way_back_says_so(engine: Engine, tmp_path: Path) -> None:
    store.upgrade(engine, toy_history(tmp_path, "9001_toy_note"))
    with pytest.raises(
        Misconfigured, match=r"schema 9001, which this version does not know\. Downgrade with the version"
    ):
        store.schema.downgrade(engine)
    store.schema.downgrade(engine, toy_history(tmp_path, "9001_toy_note"))
    earlier = next(one for one in reversed(OURS.revisions) if not hasattr(loaded(one), "downgrade"))
    while store.schema.state(engine)[0] > earlier.number:
        store.schema.downgrade(engine, lose=True)
    with pytest.raises(Misconfigured, match=f"Schema {earlier.number} cannot be downgraded"):
        store.schema.downgrade(engine)
    with pytest.raises(Unavailable, match=r"an(other schema| older version)"):
        put(engine, article())
    store.upgrade(engine)
    put(engine, article())


def test_a_migration_gives_way_and_tries_again(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store.schema, "LOCK_SECONDS", 0.05)
    monkeypatch.setattr(store.schema, "PAUSE", 0.01)
    engine = store.connect(postgres_url)
    store.upgrade(engine)
    said: list[str] = []
    with engine.connect() as other:
        other.execute(text("SELECT COUNT(*) FROM articles"))  # a long transaction: ALTER TABLE waits for it
        newer = toy_history(tmp_path, "9001_toy_note")
        thread = threading.Thread(target=store.upgrade, args=(engine, newer), kwargs={"say": said.append})
        thread.start()
        until(lambda: len(said) > 2)
        put(engine, article())  # and nobody waits behind it for long
    thread.join(20)
    assert "was given up" in said[1] and store.schema.state(engine)[0] == "9001"
    monkeypatch.setattr(store.schema, "ATTEMPTS", 2)
    with engine.connect() as other:
        other.execute(text("SELECT COUNT(*) FROM articles"))
        with pytest.raises(Unavailable, match=r"did not get its locks in 2 attempts.*The schema is as it was"):
            store.schema.downgrade(engine, newer)
    assert store.schema.state(engine)[0] == "9001"
    engine.dispose()


def test_an_index_that_a_killed_migration_left_is_made_anew(postgres_url: str, tmp_path: Path) -> None:
    engine = store.connect(postgres_url)
    store.upgrade(engine)
    store.upgrade(engine, toy_history(tmp_path, "9001_toy_note"))
    with engine.begin() as connection:
        connection.execute(text("CREATE INDEX articles_toy_note ON articles (guid)"))
        # What CREATE INDEX CONCURRENTLY leaves when it is killed.
        connection.execute(
            text("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'articles_toy_note'::regclass")
        )
    store.upgrade(engine, toy_history(tmp_path))
    with engine.connect() as connection:
        found = connection.execute(
            text(
                "SELECT indisvalid, pg_get_indexdef(indexrelid) FROM pg_index"
                " WHERE indexrelid = 'articles_toy_note'::regclass"
            )
        ).one()
    assert found[0] and found[1].endswith("(toy_note)")
    engine.dispose()


def test_a_contract_waits_for_writers_that_began_before(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = store.connect(postgres_url)
    newer = toy_history(tmp_path)
    store.upgrade(engine)
    store.upgrade(engine, newer)
    store.backfill.Filler(engine, newer).finish()
    said: list[str] = []
    from app.store.engine import writing

    thread = threading.Thread(target=store.upgrade, args=(engine, newer), kwargs={"contract": True, "say": said.append})
    with writing(engine) as connection:  # by older code, which has looked at the schema already
        thread.start()
        until(lambda: store.schema.state(engine)[1] == "9002")
        with pytest.raises(Unavailable, match=NEWER.replace("9003", "9002")):
            put(engine, article("tag:refused"))
        assert store.schema.state(engine)[0] == "9002"
        connection.execute(text("UPDATE counter SET waited = waited"))
    thread.join(20)
    assert store.schema.state(engine) == ("9003", "9002")
    assert said[0] == "Code older than 9002 can no longer write."
    monkeypatch.setattr(store.schema, "DRAIN_SECONDS", 0.1)
    store.schema.downgrade(engine, newer)
    with engine.connect() as other:
        other.execute(text("SELECT 1"))
        with pytest.raises(Unavailable, match=r"still open \(process \d+ of PostgreSQL\)"):
            store.upgrade(engine, newer, contract=True)
    engine.dispose()


@pytest.mark.parametrize(("schema", "why"), [("9999", "of a newer version"), ("0012", "of an older version")])
def test_the_doctor_says_that_the_schema_is_of_another_version(tmp_path: Path, schema: str, why: str) -> None:
    engine = store.connect(f"sqlite:///{tmp_path}/pressrelay.db")
    store.upgrade(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :schema"), {"schema": schema})
        connection.execute(text("UPDATE schema_version SET oldest = :schema"), {"schema": schema})
    engine.dispose()
    last = checks(Settings(data_dir=str(tmp_path)))[-1]
    assert (last.name, last.ok) == ("database", False) and why in last.words
