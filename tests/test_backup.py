"""Backups and restores: what comes back, what is copied once, and every way in which a backup can be wrong."""

import fcntl
import hashlib
import json
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import msgspec
import pyrage
import pytest
import zstandard
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import text

from app import store
from app.backup import making, restoring
from app.backup.manifest import Manifest, file_name
from app.backup.places import find_place
from app.backup.streams import Opener, Seal
from app.errors import Damaged, Draining, Misconfigured, Unavailable
from app.settings import Settings
from app.store.revisions import OURS, history
from tests.backups import CONTENTS, back_up, filled, put_back, put_with_file, rows_of, settings_of
from tests.conftest import ROOT, Server, until
from tests.migrated import postgres_database
from tests.subscriber import Subscriber
from tests.test_hub import PUSH, accredited
from tests.test_hub import push as push_article
from tests.test_lifecycle import document
from tests.test_store import article, put
from tests.test_webhooks import hook

Make = Callable[..., Server]
TARGETS = ["sqlite", "postgresql"]


@pytest.fixture(params=TARGETS)
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Settings, store.Engine]]:
    """A server's settings and its filled database, of each kind."""
    url = postgres_database(request.getfixturevalue("postgres")) if request.param == "postgresql" else ""
    settings = settings_of(tmp_path / "data", url)
    engine = filled(settings)
    yield settings, engine
    engine.dispose()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[tuple[Settings, store.Engine]]:
    """The same on SQLite alone."""
    settings = settings_of(tmp_path / "data")
    engine = filled(settings)
    yield settings, engine
    engine.dispose()


def elsewhere(settings: Settings, request: pytest.FixtureRequest, tmp_path: Path, name: str = "restored") -> Settings:
    """The settings of an empty server of the same kind."""
    url = postgres_database(request.getfixturevalue("postgres"), empty=True) if settings.database_url else ""
    return settings_of(tmp_path / name, url)


def files_in(place: Path) -> list[str]:
    return sorted(str(path.relative_to(place)) for path in place.rglob("*") if path.is_file() and path.name != "lock")


def opened(settings: Settings) -> store.Engine:
    return store.connect(settings.database)


def test_everything_comes_back(
    source: tuple[Settings, store.Engine], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    settings, engine = source
    before, name = rows_of(engine), store.identity.instance(engine)
    made = back_up(settings, engine, tmp_path / "kept")
    assert (made.files, made.copied, made.missing) == (3, 3, 0)
    target = elsewhere(settings, request, tmp_path)
    restored = put_back(target, tmp_path / "kept", verify=True)
    assert (restored.files, restored.copied, restored.name) == (3, 3, made.name)
    assert any("feeds are the same, byte for byte" in sentence for sentence in restored.verified)
    again = opened(target)
    assert rows_of(again) == before
    assert store.identity.instance(again) != name, "nobody takes it for the original"
    assert not store.identity.moved(again), "it is at home where it is"
    operation = store.operation.now_holds(again)
    assert operation.held and not operation.drained
    assert not store.operation.now_holds(engine).held and store.operation.now_holds(engine).backed_up
    assert store.audit.verify(again, made.audit_head).fault == ""
    assert sorted(contents_of(target)) == sorted(CONTENTS)
    # A restored server can be backed up and restored again, also over itself.
    again.dispose()
    fresh = opened(target)
    second = back_up(target, fresh, tmp_path / "kept")
    assert (second.files, second.copied) == (3, 0)
    fresh.dispose()
    put_back(target, tmp_path / "kept", verify=True, over=True)
    last = opened(target)
    assert rows_of(last) == before
    last.dispose()


def blob_names(settings: Settings) -> list[str]:
    folder = Path(settings.data_dir) / "files"
    return [path.parent.name + path.name for path in folder.glob("??/*")]


def contents_of(settings: Settings) -> list[bytes]:
    return [path.read_bytes() for path in (Path(settings.data_dir) / "files").glob("??/*")]


def test_a_file_is_copied_once_and_goes_with_its_last_backup(
    small: tuple[Settings, store.Engine], tmp_path: Path
) -> None:
    settings, engine = small
    place = tmp_path / "kept"
    first = back_up(settings, engine, place)
    sha256 = put_with_file(settings, engine, "tag:new", b"new " * 1000)
    kept = place / "files" / sha256[:2] / sha256[2:]
    stamps = {path: path.stat().st_mtime_ns for path in (place / "files").rglob("*") if path.is_file()}
    second = back_up(settings, engine, place)
    assert (second.files, second.copied) == (4, 1) and kept.is_file()
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps, "the others were not written again"
    with engine.begin() as connection:
        connection.execute(text("DELETE FROM files WHERE sha256 = :sha256"), {"sha256": sha256})
    half = place / "20200101T000000-000000"
    half.mkdir()
    (half / "database.zst").write_bytes(b"half")
    third = back_up(settings, engine, place, keep=2)
    assert (third.removed, kept.is_file()) == (1, True), "the second backup still has it"
    assert not (place / first.name).exists() and not half.exists()
    fourth = back_up(settings, engine, place, keep=1)
    assert (fourth.removed, kept.exists()) == (2, False)
    assert {name.partition("/")[0] for name in files_in(place)} == {fourth.name, "files"}
    assert len(list((place / "files").rglob("*/*"))) == 3
    put_back(settings_of(tmp_path / "restored"), place, verify=True)


def test_a_backup_without_its_manifest_is_none(small: tuple[Settings, store.Engine], tmp_path: Path) -> None:
    settings, engine = small
    first = back_up(settings, engine, tmp_path / "kept")
    second = back_up(settings, engine, tmp_path / "kept")
    (tmp_path / "kept" / second.name / "manifest.json").unlink()
    assert put_back(settings_of(tmp_path / "restored"), tmp_path / "kept").name == first.name
    (tmp_path / "kept" / first.name / "manifest.json").unlink()
    with pytest.raises(Misconfigured, match="has no complete backup"):
        put_back(settings_of(tmp_path / "other"), tmp_path / "kept")


# Encryption


def keys(tmp_path: Path, name: str = "key") -> tuple[str, Path]:
    """A public key, and the file of its private key."""
    identity = pyrage.x25519.Identity.generate()
    file = tmp_path / name
    file.write_text(f"# created: today\n{identity}\n")
    return str(identity.to_public()), file


def test_encrypted_for_a_key(
    source: tuple[Settings, store.Engine], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    settings, engine = source
    place = tmp_path / "kept"
    public, private = keys(tmp_path)
    made = back_up(settings, engine, place, encrypt_to=[public])
    everything = b"".join((place / name).read_bytes() for name in files_in(place))
    hashes = blob_names(settings)
    for secret in ("전북".encode(), b"%PDF-1 first", b"tag:many-1", *(name.encode() for name in hashes)):
        assert secret not in everything
    assert not [name for name in files_in(place) if any(sha256[2:] in name for sha256 in hashes)]
    manifest = msgspec.json.decode((place / made.name / "manifest.json").read_bytes(), type=Manifest)
    assert manifest.details is None, "how much there is, waits under embargo too"
    assert back_up(settings, engine, place, encrypt_to=[public]).copied == 0
    with pytest.raises(Misconfigured, match=r"is encrypted\. Name the file with the private key: --identity FILE\."):
        put_back(elsewhere(settings, request, tmp_path, "a"), place)
    target = elsewhere(settings, request, tmp_path, "b")
    with pytest.raises(Damaged, match="is encrypted for another key"):
        put_back(target, place, identity=keys(tmp_path, "other")[1])
    restored = put_back(target, place, identity=private, verify=True)
    assert restored.copied == 3
    again = opened(target)
    assert rows_of(again) == rows_of(engine)
    again.dispose()


def test_another_key_shares_no_files_with_the_one_before(small: tuple[Settings, store.Engine], tmp_path: Path) -> None:
    settings, engine = small
    place = tmp_path / "kept"
    (first, _), (second, private) = keys(tmp_path, "first"), keys(tmp_path, "second")
    back_up(settings, engine, place, encrypt_to=[first])
    assert back_up(settings, engine, place, encrypt_to=[second, first]).copied == 3
    put_back(settings_of(tmp_path / "restored"), place, identity=private, verify=True)


def test_keys_that_are_none(tmp_path: Path) -> None:
    public, private = keys(tmp_path)
    (tmp_path / "public").write_text(f"# ours\n{public}\n")
    Seal([str(tmp_path / "public")])
    for given, sentence in (
        ("age1nonsense", "is not a public key"),
        (str(tmp_path / "nowhere"), "cannot be read"),
        (str(private), "was given a private key"),
    ):
        with pytest.raises(Misconfigured, match=sentence):
            Seal([given])
    with pytest.raises(Misconfigured, match="has no private key"):
        Opener(tmp_path / "public")


# The error says what is wrong with a backup, and nothing is restored partly


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-5])


@pytest.mark.parametrize("how", [flip, cut, Path.unlink], ids=["altered", "cut", "missing"])
@pytest.mark.parametrize("part", ["manifest.json", "database.zst", "files/"])
def test_a_backup_that_is_cut_or_altered(
    small: tuple[Settings, store.Engine], tmp_path: Path, part: str, how: Callable[[Path], None]
) -> None:
    settings, engine = small
    place = tmp_path / "kept"
    made = back_up(settings, engine, place)
    path = place / made.name / part if part != "files/" else next((place / "files").rglob("*/*"))
    if part == "manifest.json" and how is flip:
        path.write_text(path.read_text().replace('"articles": 65', '"articles": 66'))
        assert "66" in path.read_text()
    else:
        how(path)
    target = settings_of(tmp_path / "restored")
    with pytest.raises(Misconfigured if part == "manifest.json" and how is Path.unlink else Damaged) as raised:
        put_back(target, place)
    assert str(raised.value).count("Traceback") == 0 and len(str(raised.value)) < 400
    left = [path.name for path in (tmp_path / "restored").rglob("*")]
    assert "pressrelay.db" not in left and not [name for name in left if name.startswith(".restoring")]


STATEMENTS = [
    ("CREATE TRIGGER theirs AFTER INSERT ON tokens BEGIN DELETE FROM tokens; END", "the trigger 'theirs'"),
    ("CREATE VIEW theirs AS SELECT * FROM tokens", "the view 'theirs'"),
    ("CREATE TABLE theirs (x)", "the table 'theirs'"),
    (
        "DROP TRIGGER audit_kept_delete; CREATE TRIGGER audit_kept_delete AFTER INSERT ON tokens BEGIN SELECT 1; END",
        "'audit_kept_",
    ),
    ("UPDATE files SET sha256 = '..//etc/passwd'", "names a file that has no hash"),
    ("UPDATE files SET size = -1", "names a file that has no hash"),
]


def forge(folder: Path, content: bytes, **members: object) -> None:
    """Replace the database of a backup, and put the new hash into the manifest."""
    packed = zstandard.compress(content)
    (folder / "database.zst").write_bytes(packed)
    told = json.loads((folder / "manifest.json").read_bytes())
    told["parts"][0] |= {"size": len(packed), "sha256": hashlib.sha256(packed).hexdigest(), "unpacked": len(content)}
    told["parts"][0] |= members
    (folder / "manifest.json").write_text(json.dumps(told))


@pytest.mark.parametrize(("statements", "said"), STATEMENTS)
def test_a_database_that_somebody_else_altered(
    small: tuple[Settings, store.Engine], tmp_path: Path, statements: str, said: str
) -> None:
    """Somebody who can write to the place of the backups must not be able to run statements in the server, or make it show a file
    of its host."""
    settings, engine = small
    folder = tmp_path / "kept" / back_up(settings, engine, tmp_path / "kept").name
    (tmp_path / "altered.db").write_bytes(zstandard.decompress((folder / "database.zst").read_bytes(), 2**30))
    with closing(sqlite3.connect(tmp_path / "altered.db")) as connection:
        connection.executescript(statements)
    forge(folder, (tmp_path / "altered.db").read_bytes())
    with pytest.raises(Damaged, match=said):
        put_back(settings_of(tmp_path / "restored"), tmp_path / "kept")


@pytest.mark.parametrize("unpacked", [5000, 0, -1])
def test_a_backup_unpacks_to_no_more_than_it_says_and_than_there_is_room(
    small: tuple[Settings, store.Engine], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unpacked: int
) -> None:
    """64 MB of zeros are packed into 6 kB."""
    settings, engine = small
    folder = tmp_path / "kept" / back_up(settings, engine, tmp_path / "kept").name
    forge(folder, bytes(2**26), unpacked=unpacked)
    monkeypatch.setattr(restoring, "room", lambda _: 2**20)
    said = {0: f"database.zst in the backup has more than {2**20} bytes", -1: "was cut or altered"}
    with pytest.raises(Damaged, match=said.get(unpacked, "more than 5000 bytes")):
        put_back(settings_of(tmp_path / "restored"), tmp_path / "kept")


def test_a_feed_that_is_not_the_same_is_seen(small: tuple[Settings, store.Engine], tmp_path: Path) -> None:
    settings, engine = small
    made = back_up(settings, engine, tmp_path / "kept")
    path = tmp_path / "kept" / made.name / "manifest.json"
    told = json.loads(path.read_bytes())
    told["details"]["feeds"][0]["etag"] = "0" * 32
    path.write_text(json.dumps(told))
    with pytest.raises(Damaged, match="feed is not the one that the server had"):
        put_back(settings_of(tmp_path / "restored"), tmp_path / "kept", verify=True)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"schema": "9999"}, "has schema 9999, of version"),
        ({"format": 99}, "was made by a newer version of Pressrelay"),
        ({"engine": "postgresql"}, "is of PostgreSQL, and the target is SQLite"),
    ],
)
def test_a_backup_that_does_not_fit_here(
    small: tuple[Settings, store.Engine], tmp_path: Path, changes: dict[str, object], sentence: str
) -> None:
    settings, engine = small
    path = tmp_path / "kept" / back_up(settings, engine, tmp_path / "kept").name / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()) | changes))
    with pytest.raises((Misconfigured, Damaged), match=sentence):
        put_back(settings_of(tmp_path / "restored"), tmp_path / "kept")


def test_nothing_behind_a_link_is_removed_with_old_backups(
    small: tuple[Settings, store.Engine], tmp_path: Path
) -> None:
    """Otherwise, somebody who can write to the place could make the operator remove any directory."""
    settings, engine = small
    place, foreign = tmp_path / "kept", tmp_path / "foreign"
    back_up(settings, engine, place)
    (foreign / "below").mkdir(parents=True)
    for path in (foreign / "one", foreign / "below" / "two"):
        path.write_text("of somebody else")
    for link in ("files/ab", "files/round", "20200101T000000-000000"):
        (place / link).parent.mkdir(exist_ok=True)
        (place / link).symlink_to(place / "files" if link == "files/round" else foreign)
    kept = back_up(settings, engine, place, keep=1)
    assert kept.removed == 1
    assert sorted(path.name for path in foreign.rglob("*")) == ["below", "one", "two"]
    assert put_back(settings_of(tmp_path / "restored"), place, verify=True).name == kept.name


def test_a_backup_of_an_older_schema_is_upgraded(small: tuple[Settings, store.Engine], tmp_path: Path) -> None:
    settings, engine = small
    folder = tmp_path / "kept" / back_up(settings, engine, tmp_path / "kept").name
    old = store.connect(f"sqlite:///{tmp_path}/old.db")
    for revision in OURS.revisions[:-1]:
        shutil.copy(revision.path, tmp_path)
    store.upgrade(old, history(tmp_path))
    old.dispose()
    content = zstandard.compress((tmp_path / "old.db").read_bytes())
    (folder / "database.zst").write_bytes(content)
    told = json.loads((folder / "manifest.json").read_bytes())
    told["schema"] = OURS.revisions[-2].number
    told["parts"][0] |= {"size": len(content), "sha256": hashlib.sha256(content).hexdigest(), "unpacked": 0}
    told["details"]["audit_records"] = 0
    (folder / "manifest.json").write_text(json.dumps(told))
    target = settings_of(tmp_path / "restored")
    restored = put_back(target, tmp_path / "kept", verify=True)
    assert restored.verified[0].endswith(f"the backup had schema {OURS.revisions[-2].number} and was upgraded.")
    again = opened(target)
    assert store.schema.state(again)[0] == OURS.newest and store.operation.now_holds(again).held
    again.dispose()


def test_a_living_database_is_not_lost_untold(
    source: tuple[Settings, store.Engine], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    settings, engine = source
    back_up(settings, engine, tmp_path / "kept")
    before = rows_of(engine)
    if settings.database_url:
        with (
            engine.connect() as connection,
            pytest.raises(Misconfigured, match=r"other connections use .*Stop all servers"),
        ):
            connection.execute(text("SELECT 1"))
            put_back(settings, tmp_path / "kept", over=True)
    else:
        with (tmp_path / "data" / "serve.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with pytest.raises(Misconfigured, match="A server uses"):
                put_back(settings, tmp_path / "kept", over=True)
    engine.dispose()
    with pytest.raises(Misconfigured, match=r"There is a database at .*--over"):
        put_back(settings, tmp_path / "kept")
    # A backup that turns out to be damaged destroys nothing either.
    next(path for path in (tmp_path / "kept" / "files").rglob("*/*") if path.is_file()).write_bytes(b"other")
    shutil.rmtree(Path(settings.data_dir) / "files")
    with pytest.raises(Damaged, match="was cut or altered"):
        put_back(settings, tmp_path / "kept", over=True)
    assert rows_of(engine) == before and not store.operation.now_holds(engine).held


def test_a_find_place_another_database_or_of_the_future(small: tuple[Settings, store.Engine], tmp_path: Path) -> None:
    settings, engine = small
    place = tmp_path / "kept"
    made = back_up(settings, engine, place)
    other = settings_of(tmp_path / "other")
    stranger = filled(other)
    with pytest.raises(Misconfigured, match="has backups of another database"):
        back_up(other, stranger, place)
    stranger.dispose()
    (place / made.name).rename(place / "29990101T000000-000000")
    with pytest.raises(Misconfigured, match="has a date in the future"):
        back_up(settings, engine, place)


def test_only_one_backup_at_a_time(small: tuple[Settings, store.Engine], tmp_path: Path) -> None:
    settings, engine = small
    place = find_place(settings, str(tmp_path / "kept"), new=True)
    left = tmp_path / "kept" / ".unfinished-killed"
    left.mkdir()
    with place.locked():
        assert not left.exists(), "what a killed one left"
        with pytest.raises(Misconfigured, match="Another backup is being made"):
            back_up(settings, engine, tmp_path / "kept")
    assert making.backups(place) == []


def test_nothing_is_upgraded_for_a_backup(source: tuple[Settings, store.Engine], tmp_path: Path) -> None:
    settings, engine = source
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '0028'"))
    with pytest.raises(Misconfigured, match=r"has schema 0028; this version backs up schema \d{4}\."):
        back_up(settings, engine, tmp_path / "kept")
    assert store.schema.state(engine)[0] == "0028"
    nothing = settings_of(tmp_path / "nothing")
    with pytest.raises(Misconfigured, match="There is no database of Pressrelay at sqlite"):
        back_up(nothing, opened(nothing), tmp_path / "kept")
    assert not (tmp_path / "nothing").exists()


def test_files_that_the_archive_has_lost(small: tuple[Settings, store.Engine], tmp_path: Path) -> None:
    """The rest is backed up all the same, and the message names the lost files."""
    settings, engine = small
    gone, altered, _ = sorted((Path(settings.data_dir) / "files").glob("??/*"))
    gone.unlink()
    flip(altered)
    made = back_up(settings, engine, tmp_path / "kept")
    assert (made.files, made.copied, made.missing) == (3, 1, 2)
    target = settings_of(tmp_path / "restored")
    restored = put_back(target, tmp_path / "kept", verify=True)
    assert (restored.copied, restored.missing) == (1, 2)


def command(*words: str, data: Path, limit: int = 0) -> subprocess.CompletedProcess[str]:
    """A command, which may write files of `limit` bytes at most."""
    program = "import resource, sys; from app.cli import main\n"
    if limit:
        program += f"resource.setrlimit(resource.RLIMIT_FSIZE, ({limit}, {limit}))\n"
    program += f"sys.argv = ['pressrelay', *{list(words)!r}]; main()"
    environ = {"PRESSRELAY_DATA_DIR": str(data), "PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, env=environ, cwd=ROOT
    )


@pytest.mark.parametrize("words", ["backup", "restore"])
def test_a_disk_that_is_full(small: tuple[Settings, store.Engine], tmp_path: Path, words: str) -> None:
    settings, engine = small
    place = tmp_path / "kept"
    more: list[str] = []
    if words == "restore":
        back_up(settings, engine, place)
        more = ["--into", str(tmp_path / "restored")]
    done = command(words, str(place), *more, data=Path(settings.data_dir), limit=100_000)
    assert done.returncode == 1 and done.stdout == ""
    said = [line for line in done.stderr.splitlines() if "was open to other users" not in line]
    assert len(said) == 1 and said[0].startswith("pressrelay: "), done.stderr
    assert len(making.backups(find_place(settings, str(place), new=True))) == (words == "restore")
    assert not list(place.glob(".unfinished*")) and not (tmp_path / "restored" / "pressrelay.db").exists()


def test_a_program_that_is_not_there_or_fails(postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of(tmp_path / "data", postgres_database(postgres))
    engine = filled(settings)
    place = find_place(settings, str(tmp_path / "kept"), new=True)
    with pytest.raises(Misconfigured, match="pg_dump is not in"):
        making.make(settings, engine, str(tmp_path / "kept"), postgres=str(tmp_path))
    program = tmp_path / "pg_dump"
    program.write_text("#!/bin/sh\nhead -c 100000 /dev/zero\necho 'pg_dump: error: away' >&2\nexit 1\n")
    program.chmod(0o755)
    with pytest.raises(Unavailable, match=r"pg_dump failed: pg_dump: error: away"):
        making.make(settings, engine, str(tmp_path / "kept"), postgres=str(tmp_path))
    assert making.backups(place) == []
    engine.dispose()


def test_a_restore_that_was_killed_is_seen(postgres: str, tmp_path: Path) -> None:
    settings = settings_of(tmp_path / "data", postgres_database(postgres))
    engine = filled(settings)
    back_up(settings, engine, tmp_path / "kept")
    store.snapshot.run_statements(engine, store.snapshot.ASIDE.rstrip(";"))
    engine.dispose()
    with pytest.raises(Misconfigured, match="A restore was interrupted"):
        put_back(settings, tmp_path / "kept", over=True)
    store.snapshot.run_statements(engine, store.snapshot.BACK.rstrip(";"))
    engine.dispose()
    put_back(settings, tmp_path / "kept", over=True)


def test_names_of_encrypted_files_tell_nothing() -> None:
    sha256 = "ab" * 32
    assert file_name(sha256, b"s", sealed=False) == f"ab/{sha256[2:]}"
    assert file_name(sha256, b"s", sealed=True) != file_name(sha256, b"t", sealed=True)


# A whole server


def test_a_server_is_drained_and_restored_and_delivers_when_told(own_server: Make, tmp_path: Path) -> None:
    """The original continues; the copy answers and lifts embargoes, but calls nobody until the operator says that it is the real
    one."""
    server = own_server(workers="1", **PUSH).start()
    token = server.office("hooks", "갈고리청", "kr:51")
    outlet = accredited(server, "daily")
    endpoint = Subscriber().start()
    try:
        hook(server, outlet, endpoint, "/hook")
        push_article(server, token, "tag:hooks,2026:first")
        until(lambda: len(endpoint.to("/hook")) == 1)

        # Drained: no release is accepted, everything else continues.
        assert server.run("drain", "--wait", "5").returncode == 0
        refused = server.push(token, document("tag:hooks,2026:drained"))
        assert (refused.status_code, refused.headers["Retry-After"]) == (503, "30")
        assert refused.json()["type"] == "urn:pressrelay:problem:draining"
        assert server.client.get("/feed.atom").status_code == 200
        assert server.client.get("/readyz").json() == {"status": "ok", "intake": "drained"}
        assert "FAIL  intake" in server.run("doctor").stdout
        made = server.run("backup", str(tmp_path / "kept"), "--json")
        assert made.returncode == 0, made.stderr
        assert server.run("drain", "--end").returncode == 0
        assert server.push(token, document("tag:hooks,2026:after")).status_code == 201
        until(lambda: len(endpoint.to("/hook")) == 2)
        told = json.loads((tmp_path / "kept" / json.loads(made.stdout)["name"] / "manifest.json").read_bytes())

        copy = own_server(workers="1", **PUSH)
        done = server.run("restore", str(tmp_path / "kept"), "--into", str(copy.directory), "--verify")
        assert done.returncode == 0, done.stderr
        shutil.copy(server.directory / "secret.key", copy.directory / "secret.key")
        copy.start()
        until(lambda: "WARNING    This server delivers to nobody" in copy.log.read_text())
        assert copy.client.get("/readyz").json() == {"status": "ok", "deliveries": "held"}
        assert copy.run("doctor").returncode == 1
        # A reader who followed the original beyond the backup must begin again; the cursors of both stay valid.
        lines = [json.loads(line) for line in server.client.get("/changes").text.splitlines()]
        assert [len(lines), told["details"]["newest"][0]] == [2, 1]
        assert [copy.client.get(f"/changes?since={line['cursor']}").status_code for line in lines] == [200, 410]
        push_article(copy, token, "tag:hooks,2026:copy")
        engine = copy.engine()
        until(lambda: store.deliveries.figures(engine).due == 1)
        _answers_for(copy, 1.0)
        assert len(endpoint.to("/hook")) == 2 and store.deliveries.figures(engine).due == 1
        assert copy.run("deliveries", "resume").returncode == 0
        until(lambda: len(endpoint.to("/hook")) >= 3)
        engine.dispose()
        assert copy.client.get("/readyz").json() == {"status": "ok"}
    finally:
        endpoint.stop()


def _answers_for(server: Server, seconds: float) -> None:
    """It answers during that time, in which its delivery worker looks many times."""
    end = datetime.now(UTC) + timedelta(seconds=seconds)
    while datetime.now(UTC) < end:
        assert server.client.get("/feed.atom").status_code == 200


def test_the_manifest_has_the_etags_that_the_server_gives(own_server: Make, tmp_path: Path) -> None:
    server = own_server(workers="1").start()
    token = server.office()
    for number in range(55):  # more than a page, so that a cursor is in it
        assert server.push(token, document(f"tag:etag,2026:{number}")).status_code == 201
    made = json.loads(server.run("backup", str(tmp_path / "kept"), "--json").stdout)
    told = json.loads((tmp_path / "kept" / made["name"] / "manifest.json").read_bytes())
    for feed in told["details"]["feeds"]:
        office = f"?office={feed['office']}" if feed["office"] else ""
        answer = server.client.get(f"/feed.{feed['format']}{office}", headers={"Accept-Encoding": "identity"})
        assert answer.headers["ETag"] == f'"{feed["etag"]}"', feed
    flushed = server.run("cache", "flush")
    assert (flushed.returncode, flushed.stdout) == (0, "Every feed is rendered again.\n")
    metrics = server.client.get("/metrics", headers=server.operator("metrics")).text
    assert "pressrelay_backup_seconds 1." in metrics and "pressrelay_held 0.0" in metrics


def test_without_a_cache_nothing_is_flushed(tmp_path: Path) -> None:
    done = command("cache", "flush", data=tmp_path / "data")
    assert done.returncode == 1 and "does not answer" in done.stderr


# What the operator says holds in the store


def test_drained_takes_nothing_and_held_claims_nothing(engine: store.Engine) -> None:
    now = datetime.now(UTC)
    put(engine, article("tag:before"))
    store.accounts.save_source(
        engine, store.accounts.Source("pulled", "rss", "http://a.example/", "jeonbuk", 60, 60, False)
    )
    store.operation.drain_intake(engine, now)
    with pytest.raises(Draining, match="takes no releases at this time"):
        put(engine, article("tag:during"))
    claim = partial(store.accounts.claim_source, engine, store.micros(now) + 10**9, 1)
    assert claim() is None, "a pull would push"
    store.operation.drain_intake(engine, None)
    put(engine, article("tag:after"))
    mail = store.deliveries.mail_to("a@b.example", "https://a.example/", "ko", now)
    store.deliveries.ask(engine, store.deliveries.Intent("link", mail), now)
    mails = partial(store.deliveries.claim_intents, engine, "test", datetime.now(UTC), 5)
    store.operation.hold_deliveries(engine, now)
    assert claim() is None and mails() == []
    store.operation.hold_deliveries(engine, None)
    assert claim() is not None and len(mails()) == 1
    assert [entry.kind for entry in store.articles.log(engine, store.identity.START, 10)] == ["published"] * 2


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql+psycopg://u:s3cret@db:5433/press", {"user": "u", "host": "db", "port": "5433", "dbname": "press"}),
        ("postgresql+psycopg://u:s3cret@/press?host=a:1&host=b:2", {"user": "u", "host": "a,b", "port": "1,2"}),
        ("postgresql+psycopg://u:s3cret@db/press?sslmode=verify-full", {"host": "db", "sslmode": "verify-full"}),
    ],
)
def test_a_password_is_not_in_the_words_of_a_command(url: str, expected: dict[str, str]) -> None:
    address = store.snapshot.address(store.connect(url))
    assert address.password == "s3cret" and "s3cret" not in address.conninfo
    assert expected.items() <= conninfo_to_dict(address.conninfo).items()
