"""The audit log: one chain, only added to, checked from its start to its end; and the commands that make what it tells."""

import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

from app import store
from app.accounts.rights import OutletRecord
from app.cli import cli
from app.errors import PressrelayError
from app.store import Engine
from app.store.audit import LOCKS
from tests.conftest import together
from tests.test_store import NOW, article, end_hold, put


def actions(engine: Engine) -> list[str]:
    return [record.event.action for record in store.audit.records(engine)]


def test_every_change_is_told_in_its_own_transaction(engine: Engine) -> None:
    held = article("tag:held", held=True)
    waits = article("tag:waits", embargoed=NOW + timedelta(hours=1))
    put(engine, article("tag:a"), held, waits)
    put(engine, article("tag:a", 2), article("tag:a", 1, headline="anders"))
    put(engine, article("tag:a", 3, pubstatus="withheld"))
    put(engine, article("tag:a", 4, pubstatus="canceled"))
    end_hold(engine, "tag:held")
    store.articles.lift(engine, NOW + timedelta(hours=1))
    assert actions(engine) == [
        *("pushed",) * 3,
        "corrected",
        "withheld",
        "canceled",
        "released",
        "lifted",
    ]
    last = store.audit.records(engine)[-1].event
    assert (last.actor, last.office, last.article, last.version) == ("worker", "jeonbuk", waits.id, 1)
    verdict = store.audit.verify(engine)
    assert (verdict.count, verdict.fault) == (8, "")


def test_what_is_not_committed_is_not_told(engine: Engine) -> None:
    put(engine, article("tag:a"))
    with pytest.raises(RuntimeError):
        _fail(engine)
    assert actions(engine) == ["pushed"]


def _fail(engine: Engine) -> None:
    from app.store import audit
    from app.store.engine import writing

    with writing(engine) as connection:
        audit.record(connection, [store.audit.Event("pushed", "x")], NOW)
        raise RuntimeError


def test_writers_at_once_make_one_chain(engine: Engine) -> None:
    def write(name: str) -> None:
        for number in range(25):
            store.audit.append(
                engine, [store.audit.Event("read", name, version=number), store.audit.Event("read", name)], NOW
            )

    threads = [threading.Thread(target=write, args=(f"token {n}",)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    verdict = store.audit.verify(engine)
    assert (verdict.count, verdict.fault) == (200, "")
    assert [record.seq for record in store.audit.records(engine, action="read")] == list(range(1, 201))


def test_the_database_lets_nobody_change_or_remove_a_record(engine: Engine) -> None:
    store.audit.append(engine, [store.audit.Event("read", "token a")], NOW)
    store.audit.append(engine, [store.audit.Event("read", "token a")], NOW)
    whole = store.audit.verify(engine)
    row = "(seq, at, actor, action, office, article, version, detail, hash)"
    taken = "0, 'token b', 'read', '', '', 0, '{}', hash FROM audit_head"
    statements = [
        "UPDATE audit SET actor = 'token b'",
        "DELETE FROM audit",
        f"INSERT INTO audit {row} SELECT 1, {taken}",
        f"INSERT INTO audit {row} SELECT 2, {taken}",
        f"INSERT INTO audit {row} SELECT 0, {taken}",
        f"INSERT INTO audit {row} SELECT 4, {taken}",
        "DELETE FROM audit_head",
        "UPDATE audit_head SET seq = 1",
        "UPDATE audit_head SET seq = 3",
        "UPDATE audit_head SET id = 2",
        "UPDATE audit_head SET hash = (SELECT hash FROM audit WHERE seq = 1)",
        "INSERT INTO audit_head (id, seq, hash) SELECT 2, seq, hash FROM audit_head",
    ]
    if engine.dialect.name == "postgresql":
        statements += ["TRUNCATE audit", "TRUNCATE audit_head"]
        statements += [f"INSERT INTO audit {row} SELECT 1, {taken} ON CONFLICT (seq) DO UPDATE SET actor = 'token b'"]
    else:
        for how in ("REPLACE", "INSERT OR REPLACE", "INSERT OR IGNORE", "INSERT OR ROLLBACK"):
            statements += [f"{how} INTO audit {row} SELECT {seq}, {taken}" for seq in (1, 2, 7)]
            statements += [f"{how} INTO audit_head (id, seq, hash) SELECT 1, 0, hash FROM audit_head"]
        statements += ["UPDATE OR REPLACE audit SET seq = 1 WHERE seq = 2", "UPDATE OR REPLACE audit_head SET seq = 0"]
    for statement in statements:
        with pytest.raises(DatabaseError, match="only added to"), engine.begin() as connection:
            connection.exec_driver_sql(statement)
    assert store.audit.verify(engine) == whole


CRIMES = {
    "UPDATE audit SET actor = 'token z' WHERE seq = 3": "Record 3 was changed",
    "UPDATE audit SET at = at + 1 WHERE seq = 3": "Record 3 was changed",
    'UPDATE audit SET detail = \'{"a":"c"}\' WHERE seq = 3': "Record 3 was changed",
    "DELETE FROM audit WHERE seq = 3": "Record 3 is missing",
    "DELETE FROM audit WHERE seq >= 4": "Records 4 to 5 are missing",
    "DELETE FROM audit WHERE seq = 5; UPDATE audit_head SET seq = 4": "The last record does not match the end",
    "DELETE FROM audit": "Records 1 to 5 are missing",
}


@pytest.mark.parametrize("crime", CRIMES)
def test_who_breaks_the_lock_is_found_by_the_chain(engine: Engine, crime: str) -> None:
    store.audit.append(engine, [store.audit.Event("read", f"token {n}", detail={"a": "b"}) for n in range(5)], NOW)
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":
            for table in ("audit", "audit_head"):
                connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER ALL"))
        else:
            for name in LOCKS["sqlite"]:
                connection.execute(text(f"DROP TRIGGER {name}"))
        for statement in crime.split("; "):
            connection.execute(text(statement))
    assert CRIMES[crime] in store.audit.verify(engine).fault


@pytest.mark.parametrize("number", range(6))
def test_a_lock_that_was_taken_off_is_told(engine: Engine, number: int) -> None:
    store.audit.append(engine, [store.audit.Event("read", "token a")], NOW)
    name = LOCKS[engine.dialect.name][number]
    where = f" ON {'audit_head' if 'head' in name else 'audit'}" if engine.dialect.name == "postgresql" else ""
    with engine.begin() as connection:
        connection.exec_driver_sql(f"DROP TRIGGER {name}{where}")
    told = store.audit.verify(engine)
    assert told.count == 1 and f"the triggers {name} are missing" in told.fault


def refusals(engine: Engine, *problems: str, seconds: int = 0, actor: str = "token a") -> None:
    told = [store.audit.Event("refused", actor, "jeonbuk", detail={"problem": problem}) for problem in problems]
    store.accounts.refused(engine, told, NOW + timedelta(seconds=seconds))


def test_many_refusals_are_a_few_records_and_a_count(engine: Engine) -> None:
    for number in range(30):
        refusals(engine, "wrong-office" if number % 2 else "unknown-article", seconds=number)
    refusals(engine, *["changed-version"] * 1000, seconds=60)
    refusals(engine, "wrong-office", actor="token b")
    assert actions(engine) == ["refused"] * 21, "twenty of one token, and those of another beside them"
    assert store.accounts.settle_refusals(engine, NOW + timedelta(seconds=599)) == 0
    refusals(engine, "wrong-office", seconds=601)
    more, last = store.audit.records(engine)[-2:]
    assert more.event == store.audit.Event(
        "refused",
        "token a",
        "jeonbuk",
        detail={
            "more": "1010",
            "from": NOW.isoformat(),
            "until": (NOW + timedelta(seconds=60)).isoformat(),
            "problems": "1000 changed-version, 5 unknown-article, 5 wrong-office",
        },
    )
    assert last.event.detail == {"problem": "wrong-office"}


def test_a_count_becomes_a_record_without_another_refusal(engine: Engine) -> None:
    refusals(engine, *["wrong-office"] * 50)
    for _ in range(2):
        store.accounts.settle_refusals(engine, NOW + timedelta(seconds=600))
        assert len(store.audit.records(engine)) == 21
    assert store.audit.records(engine)[-1].event.detail["problems"] == "30 wrong-office"
    assert store.audit.verify(engine).fault == ""


def test_refusals_of_threads_at_once_are_all_counted(engine: Engine) -> None:
    together(*[lambda: [refusals(engine, "wrong-office") for _ in range(10)] for _ in range(6)])
    store.accounts.settle_refusals(engine, NOW + timedelta(hours=1))
    records = store.audit.records(engine)
    assert len(records) == 21 and records[-1].event.detail["more"] == "40"


def test_a_noted_hash_finds_a_log_that_was_written_anew(engine: Engine) -> None:
    store.audit.append(engine, [store.audit.Event("read", "token a")], NOW)
    noted = store.audit.verify(engine).head
    store.audit.append(engine, [store.audit.Event("read", "token b")], NOW)
    assert store.audit.verify(engine, noted).fault == ""
    assert store.audit.verify(engine, noted.upper()).fault == ""
    assert "belongs to no record" in store.audit.verify(engine, "0" * 64).fault


def test_tokens_and_outlets_are_told(engine: Engine) -> None:
    put(engine)
    outlet = OutletRecord("daily", "데일리", ("kr:52",))
    assert store.accounts.save_outlet(engine, outlet, NOW) is True
    secret = store.accounts.new_token(engine, "", "desk", NOW, role="outlet", outlet="daily")
    again = store.accounts.new_token(engine, "", "desk", NOW, role="outlet", outlet="daily")
    assert store.accounts.all_outlets(engine) == [outlet]
    first, second = store.accounts.token_of(engine, secret), store.accounts.token_of(engine, again)
    assert first is not None and second is not None
    assert (first.state(NOW), second.state(NOW), second.outlet) == ("revoked", "valid", "daily")
    assert store.accounts.revoke_token(engine, "nobody", NOW) is None
    assert actions(engine) == ["outlet-saved", "token-added", "token-revoked", "token-added"]
    assert secret not in json.dumps([record.event.detail for record in store.audit.records(engine)])


def test_a_last_use_is_noted_once_a_minute(engine: Engine) -> None:
    secret = store.accounts.new_token(engine, "", "", NOW, role="admin")
    for seconds, noted in ((0, 0), (30, 0), (61, 61), (90, 61)):
        found = store.accounts.token_of(engine, secret)
        assert found is not None
        store.accounts.used(engine, found, NOW + timedelta(seconds=seconds))
        found = store.accounts.token_of(engine, secret)
        assert found is not None and found.used == NOW + timedelta(seconds=noted)


def test_the_commands(tmp_path: Path) -> None:
    def run(*words: str) -> tuple[int, str]:
        """Run the command in this process: starting a new one takes longer than everything that is tested."""
        try:
            done = CliRunner().invoke(cli, words, env={"PRESSRELAY_DATA_DIR": str(tmp_path)}, catch_exceptions=False)
        except PressrelayError as error:
            return 1, str(error)
        return done.exit_code, done.output

    for words in (
        ("office", "add", "jeonbuk", "--name", "전북특별자치도", "--region", "kr:52"),
        ("office", "add", "jeonbuk-health", "--name", "보건국", "--within", "jeonbuk"),
    ):
        assert run(*words)[0] == 0
    said = {
        ("office", "add", "jeonbuk", "--name", "x", "--within", "jeonbuk-health"): "cannot contain 'jeonbuk'",
        ("office", "add", "x", "--name", "x", "--within", "nobody"): "There is no office 'nobody'",
        ("token", "add", "jeonbuk", "--role", "admin"): "belongs to no office",
        ("token", "add"): "needs an office",
        ("token", "add", "--outlet", "nobody"): "There is no outlet 'nobody'",
        ("token", "add", "jeonbuk", "--scope", "embargo"): "has no scope 'embargo'",
        ("token", "add", "jeonbuk", "--expires", "soon"): "must be 90d, 12h or an instant",
        ("token", "add", "jeonbuk", "--expires", "2020-01-01T00:00:00Z"): "is in the past",
        ("token", "add", "jeonbuk", "--expires", "2099-01-01"): "has no time zone",
        ("token", "revoke", "nobody"): "There is no token 'nobody'",
    }
    for words, sentence in said.items():
        code, told = run(*words)
        assert code == 1 and sentence in told, told
    made = json.loads(
        run("token", "add", "jeonbuk", "--role", "reader", "--expires", "90d", "--name", "desk", "--json")[1]
    )
    assert (made["role"], made["scope"], made["office"]) == ("reader", ["read"], "jeonbuk")
    assert datetime.fromisoformat(made["expires"]) > datetime.now(UTC) + timedelta(days=89)
    listed = run("token", "list")[1]
    assert f"{made['id']}\tvalid\treader\tjeonbuk\tdesk\tread\texpires" in listed and made["token"] not in listed
    assert run("token", "revoke", made["token"]) == (0, f"Token {made['id']} is revoked.\n")
    assert f"{made['id']}\trevoked" in run("token", "list")[1]
    records = [json.loads(line) for line in run("audit", "list", "--json")[1].splitlines()]
    assert [record["event"]["action"] for record in records] == [
        "office-saved",
        "office-saved",
        "token-added",
        "token-revoked",
    ]
    assert run("audit", "list", "--office", "jeonbuk", "--action", "token-revoked")[1].count("\n") == 1
    code, told = run("audit", "verify")
    assert code == 0 and "complete: 4 records" in told
    assert run("audit", "verify", "--head", told.splitlines()[-1])[0] == 0
    code, told = run("audit", "verify", "--head", "f" * 64)
    assert code == 1 and "BROKEN" in told
