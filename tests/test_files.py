"""Files: push a directory, import an archive, watch a drop folder; and what is wrong with any of them."""

import json
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import httpx
import msgspec
import pytest

from app import errors, store
from app.accounts.offices import OfficeRecord
from app.errors import Fault, Invalid, Misconfigured, Problem, Unavailable
from app.intake import archive, imports, releases
from app.intake.dropfolder import DropFolder
from app.intake.releases import Receipt
from app.sender import Journal, PushClient
from app.settings import Settings
from tests.conftest import ROOT, Server, until

BAD = 10  # of the thousand
GOOD = (ROOT / "tests" / "releases" / "minimal.xml").read_text("utf-8")


def release(guid: str, *, bad: bool = False) -> bytes:
    start, end = GOOD.index("<guid>"), GOOD.index("</guid>")
    text = GOOD[: start + 6] + guid + GOOD[end:]
    return (text.replace("<issued>", "<issued>x") if bad else text).encode()


def releases_of(folder: Path, name: str, count: int) -> list[str]:
    """Write this many releases, with BAD faulty ones among them. Returns the names of these."""
    folder.mkdir()
    faulty = []
    for number in range(count):
        bad = number % (count // BAD) == 7
        (folder / f"{number:04}.xml").write_bytes(release(f"tag:example.org,2026:{name}-{number}", bad=bad))
        faulty += [f"{number:04}.xml"] if bad else []
    assert len(faulty) == BAD
    return faulty


@pytest.fixture(scope="module")
def token(server: Server) -> str:
    return server.office("ulsan", "울산광역시", "kr:31")


def push(server: Server, token: str, *words: str) -> subprocess.CompletedProcess[str]:
    return server.run("push", "--url", server.url, "--token", token, *words)


@pytest.mark.parametrize("count", [100, pytest.param(1000, marks=pytest.mark.slow)])
def test_a_directory_with_ten_faulty(server: Server, token: str, tmp_path: Path, count: int) -> None:
    folder = tmp_path / "many"
    faulty = releases_of(folder, f"push-{count}", count)
    done = push(server, token, "--jobs", "4", str(folder))
    assert done.returncode == 1
    assert done.stdout.splitlines()[-1] == f"{count} files (10 refused), {count - 10} articles: {count - 10} accepted."
    for name in faulty:
        told = [line for line in done.stderr.splitlines() if line.startswith(f"{folder / name}:")]
        assert "422" in told[0] and any(":6: /release/article/issued" in line or "issued" in line for line in told), (
            told
        )
    # The second time, it sends only the faulty ones again, not those that were acknowledged.
    again = push(server, token, str(folder))
    assert again.stdout.splitlines()[-1] == f"{count} files (10 refused, {count - 10} sent before).", again.stdout[
        -300:
    ]


def test_a_journal_that_was_torn(server: Server, token: str, tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.xml").write_bytes(release(f"tag:example.org,2026:journal-{name}"))
    assert push(server, token, str(tmp_path)).stdout.splitlines()[-1] == "2 files, 2 articles: 2 accepted."
    journal = tmp_path / ".pressrelay-pushed"
    text = journal.read_text()
    journal.write_text(text[:-20])  # killed in the middle of a line
    assert (
        push(server, token, str(tmp_path)).stdout.splitlines()[-1] == "2 files (1 sent before), 1 article: 1 unchanged."
    )
    assert push(server, token, str(tmp_path)).stdout.splitlines()[-1] == "2 files (2 sent before)."
    other = server.office("daejeon", "대전광역시", "kr:30")
    assert "sent before" not in push(server, other, str(tmp_path)).stdout, "another token sends for itself"


class Flaky(BaseHTTPRequestHandler):
    """Fails as often as a test says, then passes requests on to the real server."""

    failures: ClassVar[list[tuple[int, dict[str, str]]]] = []
    target = ""
    seen = 0

    def do_POST(self) -> None:
        type(self).seen += 1
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.failures:
            status, headers = self.failures.pop(0)
            if status == 0:
                self.connection.close()
                return
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            return
        sent = {name: self.headers[name] for name in ("Authorization", "Content-Type")}
        answer = httpx.post(f"{self.target}{self.path}", content=body, headers=sent, trust_env=False)
        self.send_response(answer.status_code)
        self.send_header("Content-Type", answer.headers["Content-Type"])
        self.send_header("Content-Length", str(len(answer.content)))
        self.end_headers()
        self.wfile.write(answer.content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def flaky(server: Server) -> Iterator[tuple[str, type[Flaky]]]:
    handler = type("Handler", (Flaky,), {"failures": [], "target": server.url, "seen": 0})
    peer = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=peer.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{peer.server_port}", handler
    peer.shutdown()
    peer.server_close()
    thread.join()


class Clock(threading.Event):
    """Records how long it should wait, but does not wait."""

    def __init__(self) -> None:
        super().__init__()
        self.waited: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waited.append(timeout or 0.0)
        return False


def test_failures_are_tried_again(flaky: tuple[str, type[Flaky]], token: str) -> None:
    url, handler = flaky
    clock = Clock()
    client = PushClient(url, token, retries=4, stop=clock)
    handler.failures[:] = [(503, {}), (429, {"Retry-After": "7"}), (0, {}), (502, {})]
    answer = client.push(release("tag:example.org,2026:retry"))
    assert (answer.status, answer.accepted, handler.seen) == (201, True, 5)
    assert clock.waited == [0.5, 7.0, 2.0, 4.0]
    handler.failures[:] = [(503, {})] * 9
    answer = client.push(release("tag:example.org,2026:retry-2"))
    assert (answer.status, answer.accepted, handler.seen) == (503, False, 10)
    # A fault of the sender does not vanish if the request is repeated.
    handler.failures.clear()
    assert client.push(release("tag:example.org,2026:retry-3", bad=True)).status == 422 and handler.seen == 11
    client.close()


def test_sentences_of_push(server: Server, token: str, tmp_path: Path) -> None:
    done = server.run("push", "--url", server.url, str(tmp_path))
    assert done.returncode == 1 and "A token or a key is needed" in done.stderr
    done = push(server, token, str(tmp_path / "nowhere.xml"))
    assert done.returncode == 1 and "cannot be read" in done.stderr and "Traceback" not in done.stderr
    (tmp_path / "a.xml").write_bytes(release("tag:example.org,2026:down"))
    done = server.run("push", "--url", "http://127.0.0.1:1", "--retries", "0", "--token", "x", str(tmp_path / "a.xml"))
    assert done.returncode == 1 and "does not answer" in done.stderr and done.stdout == "1 file (1 failed).\n"
    done = push(server, token, "--json", str(tmp_path / "a.xml"))
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert told[0]["answer"]["guid"] == "tag:example.org,2026:down" and told[1]["summary"]["accepted"] == 1
    with pytest.raises(Misconfigured, match="cannot be written"):
        Journal(tmp_path / "no" / "journal", PushClient(server.url, "x"))


def test_an_archive_goes_in(server: Server, token: str, tmp_path: Path) -> None:
    server.office("gwangju", "광주광역시", "kr:29")
    faulty = releases_of(tmp_path / "thousand", "import", 1000)
    packed = tmp_path / "archive.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as made:
        for file in sorted((tmp_path / "thousand").iterdir()):
            made.write(file, f"2026/{file.name}")
    rejects = tmp_path / "rejects.jsonl"
    done = server.run("import", str(packed), "--office", "gwangju", "--backfill", "--rejects", str(rejects))
    assert (
        done.returncode == 1 and done.stdout.splitlines()[-1] == "1000 files, 1000 articles: 990 accepted, 10 refused."
    ), done.stderr
    told = [json.loads(line) for line in rejects.read_text().splitlines()]
    assert [one["file"] for one in told] == [f"2026/{name}" for name in faulty]
    assert all(
        one["problem"]["errors"][0]["line"] > 1 and "issued" in one["problem"]["errors"][0]["path"] for one in told
    )
    # While a server runs: its feeds have the articles at once, each at its own date.
    feed = server.client.get("/feed.atom", params={"office": "gwangju", "limit": 200}).text
    assert feed.count("<entry") == 200
    again = server.run("import", str(tmp_path / "thousand"), "--office", "gwangju", "--backfill")
    assert again.stdout.splitlines()[-1] == "1000 files, 1000 articles: 990 unchanged, 10 refused."


def test_sentences_of_import(server: Server, token: str, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    for words, said in [
        ((str(tmp_path / "no"), "--office", "ulsan"), "does not exist"),
        ((str(tmp_path / "a.txt"), "--office", "ulsan"), "is not a directory, a ZIP archive or a release"),
        ((str(tmp_path), "--office", "nobody"), "There is no office 'nobody'"),
    ]:
        done = server.run("import", *words)
        assert done.returncode == 1 and said in done.stderr and "Traceback" not in done.stderr, done.stderr


def zipped(path: Path, name: str, body: bytes, **fields: int) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        info = zipfile.ZipInfo(name)
        info.compress_type = zipfile.ZIP_DEFLATED
        made.writestr(info, body)


def test_a_zip_is_not_trusted(tmp_path: Path) -> None:
    bomb = tmp_path / "bomb.zip"
    zipped(bomb, "a.xml", b" " * 9_000_000)
    (entry,) = archive.entries(bomb, 10_000_000)
    assert entry.problem is not None and "compressed more than 200 times" in entry.problem.detail
    large = tmp_path / "large.zip"
    zipped(large, "a.xml", os.urandom(2_000_000))
    (entry,) = archive.entries(large, 1_000_000)
    assert entry.problem is not None and entry.problem.status == 413
    damaged = tmp_path / "damaged.zip"
    zipped(damaged, "a.xml", os.urandom(50_000))
    data = bytearray(damaged.read_bytes())
    data[20_000:20_010] = b"0123456789"
    damaged.write_bytes(data)
    (entry,) = archive.entries(damaged, 1_000_000)
    assert entry.problem is not None and entry.problem.type == "unreadable-file", entry
    data = bytearray(large.read_bytes())
    for sign, at in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(sign) + at] |= 1  # says that it is encrypted
    large.write_bytes(data)
    (entry,) = archive.entries(large, 3_000_000)
    assert entry.problem is not None and "it is encrypted" in entry.problem.detail
    half = tmp_path / "half.zip"
    half.write_bytes(bomb.read_bytes()[:-30])
    with pytest.raises(Misconfigured, match="is not a directory, a ZIP archive or a release"):
        list(archive.entries(half, 10))


def test_names_in_a_zip_are_labels(tmp_path: Path) -> None:
    path = tmp_path / "names.zip"
    inner = tmp_path / "inner.zip"
    zipped(inner, "inner.xml", b"<x/>")
    with zipfile.ZipFile(path, "w") as made:
        made.writestr("../../etc/evil.xml", "<x/>")
        made.writestr("nested.zip", inner.read_bytes())
        made.writestr("보도자료.xml", "<x/>")
        made.writestr("dir/", "")
    old = tmp_path / "old.zip"
    with zipfile.ZipFile(old, "w") as made:
        made.writestr(zipfile.ZipInfo("@@@@@@@@.xml"), "<x/>")
    old.write_bytes(old.read_bytes().replace(b"@@@@@@@@", "보도자료".encode("cp949")))
    assert [entry.name for entry in archive.entries(path, 100)] == ["../../etc/evil.xml", "보도자료.xml"]
    assert [entry.name for entry in archive.entries(old, 100)] == ["보도자료.xml"]
    assert not (tmp_path.parent.parent / "etc").exists()


def drop(folder: Path, name: str, body: bytes) -> Path:
    """A complete file: moved in, and older than the moment that the folder waits."""
    path = folder / name
    path.write_bytes(body)
    return path


def looked(folder: DropFolder, seconds: float = 5.0) -> None:
    """Look until the folder has taken all that is complete."""
    until(lambda: folder.look(), seconds, 0.05)


def test_a_drop_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.intake.dropfolder.SETTLED", 0.05)
    problem = Problem(422, "invalid-release", "The release was not accepted", "1 fault found; nothing was stored.")
    down = [True]

    def take(body: bytes) -> list[Receipt]:
        if down:
            raise Unavailable("The database cannot be used right now.")
        if b"mixed" in body:
            return [Receipt(1, 201, guid="a"), Receipt(2, 422, problem=problem.body())]
        if b"bad" in body:
            raise problem
        return [Receipt(1, 201, guid="a")]

    folder = DropFolder(tmp_path, take, 1000)
    for name, body in [
        ("good.xml", b"<good/>"),
        ("bad.xml", b"<bad/>"),
        ("mixed.xml", b"<mixed/>"),
        ("large.xml", b"x" * 2000),
        (".hidden.xml", b"<good/>"),
        ("growing.xml.part", b"<good/>"),
        ("note.txt", b"x"),
    ]:
        drop(tmp_path, name, body)
    with pytest.raises(Unavailable):
        until(lambda: folder.look(), 5, 0.02)
    assert (tmp_path / "good.xml").exists(), "a database that is down loses no file"
    down.clear()
    until(lambda: folder.look() is not None and not (tmp_path / "mixed.xml").exists(), 5, 0.02)
    left = {path.name for path in tmp_path.iterdir() if path.is_file()}
    assert left == {".hidden.xml", "growing.xml.part", "note.txt"}
    assert {path.name for path in (tmp_path / "accepted").iterdir()} == {"good.xml"}
    rejected = {path.name for path in (tmp_path / "rejected").iterdir()}
    assert rejected == {f"{name}.xml{more}" for name in ("bad", "mixed", "large") for more in ("", ".problem.json")}
    beside = json.loads((tmp_path / "rejected" / "bad.xml.problem.json").read_text())
    assert (beside["status"], beside["type"]) == (422, "urn:pressrelay:problem:invalid-release")
    assert len(json.loads((tmp_path / "rejected" / "mixed.xml.problem.json").read_text())["receipts"]) == 2
    # The same names again overwrite nothing.
    drop(tmp_path, "good.xml", b"<good second/>")
    drop(tmp_path, "bad.xml", b"<bad second/>")
    until(lambda: folder.look() is not None and not (tmp_path / "bad.xml").exists(), 5, 0.02)
    assert (tmp_path / "accepted" / "good.xml").read_bytes() == b"<good/>"
    assert (tmp_path / "accepted" / "good.2.xml").read_bytes() == b"<good second/>"
    assert (tmp_path / "rejected" / "bad.2.xml.problem.json").exists()


def test_a_growing_file_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.intake.dropfolder.SETTLED", 0.2)
    bodies: list[bytes] = []

    def take(body: bytes) -> list[Receipt]:
        bodies.append(body)
        return [Receipt(1, 201)]

    folder = DropFolder(tmp_path, take, 10**6)
    path = tmp_path / "a.xml"
    end = time.monotonic() + 0.6
    while time.monotonic() < end:
        with path.open("ab") as file:
            file.write(b"x")
        assert folder.look() == []
    until(lambda: folder.look(), 5, 0.02)
    assert bodies == [(tmp_path / "accepted" / "a.xml").read_bytes()]


@pytest.fixture
def watching(server: Server) -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []

    def start(*words: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "app.cli", "watch", "--every", "0.1", *words],
            cwd=ROOT,
            env=server.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.mark.parametrize("way", ["office", "url"])
def test_watch_from_drop_to_feed(
    server: Server, token: str, tmp_path: Path, watching: Callable[..., subprocess.Popen[bytes]], way: str
) -> None:
    words = ("--office", "ulsan") if way == "office" else ("--url", server.url, "--token", token)
    process = watching(str(tmp_path), *words)
    until(lambda: (tmp_path / "rejected").exists(), 20)
    guid = f"tag:example.org,2026:watch-{way}"
    drop(tmp_path, "a.xml", release(guid))
    drop(tmp_path, "b.xml", release(f"{guid}-b", bad=True))
    until(lambda: (tmp_path / "accepted" / "a.xml").exists() and (tmp_path / "rejected" / "b.xml").exists(), 15)
    problem = json.loads((tmp_path / "rejected" / "b.xml.problem.json").read_text())
    assert "issued" in problem["errors"][0]["path"] and problem["errors"][0]["line"] > 1
    assert guid in server.client.get("/feed.atom", params={"office": "ulsan"}).text
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=20)
    assert process.returncode == 0 and b"Traceback" not in out, out


def test_killed_between_store_and_move_takes_nothing_twice(server: Server, token: str, tmp_path: Path) -> None:
    """The release is stored, but the file is not moved: at the next start, the server says "the same", and the file is moved."""
    body = release("tag:example.org,2026:watch-killed")
    assert server.push(token, body).status_code == 201
    drop(tmp_path, "a.xml", body)
    done = server.run("watch", str(tmp_path), "--office", "ulsan", "--once", "--json")
    told = [msgspec.json.decode(line) for line in done.stdout.splitlines()]
    assert told[-1]["accepted"] and told[-1]["receipts"][0]["status"] == 200, done.stderr
    assert (tmp_path / "accepted" / "a.xml").exists()


@pytest.mark.parametrize("way", ["push", "import", "watch"])
def test_every_suffix_of_a_dialect_is_taken(server: Server, token: str, tmp_path: Path, way: str) -> None:
    """All commands use one table; the content decides the dialect, and letter case does not count."""
    foreign = ROOT / "tests" / "foreign"
    documents = {
        "a.xml": release(f"tag:example.org,2026:suffix-{way}"),
        "b.NEWSML": (foreign / "newsml" / "dpa-dates.xml").read_bytes(),
        "c.nitf": (foreign / "nitf" / "ap.xml").read_bytes(),
        "d.rss": (foreign / "rss" / "medium.rss").read_bytes(),
        "e.rdf": (foreign / "rss" / "japan-rdf.rdf").read_bytes(),
        "f.atom": (foreign / "atom" / "govuk-summary.atom").read_bytes(),
        "g.json": (foreign / "jsonfeed" / "micro-blog.json").read_bytes(),
        "h.Json": (foreign / "ninjs" / "agency-3.1.json").read_bytes(),
    }
    assert {Path(name).suffix.lower() for name in documents} == set(archive.SUFFIXES)
    for name, body in {**documents, "note.txt": b"x", "a.xml.problem.json": b"{}", "z.part": b"x"}.items():
        drop(tmp_path, name, body)
    office = server.office(f"suffix-{way}", f"청 {way}", "kr:31")
    words = {
        "push": ("--token", office, "--url", server.url),
        "import": ("--office", f"suffix-{way}"),
        "watch": ("--office", f"suffix-{way}", "--once"),
    }[way]
    done = server.run(way, str(tmp_path), *words)
    assert "Traceback" not in done.stderr, done.stderr
    if way == "watch":
        # The other offices may have published them under the same guid: these are refused.
        taken = {path.name for folder in ("accepted", "rejected") for path in (tmp_path / folder).iterdir()}
        assert taken >= set(documents)
        left = {path.name for path in tmp_path.iterdir() if path.is_file()}
        assert left == {"note.txt", "a.xml.problem.json", "z.part"}
    else:
        assert done.stdout.splitlines()[-1].startswith("8 files, "), done.stdout


def test_sentences_of_watch(server: Server, tmp_path: Path) -> None:
    for words, said in [
        ((str(tmp_path),), "Give either --office"),
        ((str(tmp_path), "--url", server.url), "A token is needed"),
        ((str(tmp_path), "--office", "nobody"), "There is no office"),
        (("/proc/nowhere", "--office", "ulsan"), "cannot be used"),
    ]:
        done = server.run("watch", *words)
        assert done.returncode == 1 and said in done.stderr and "Traceback" not in done.stderr, done.stderr


def test_every_error_crosses_processes_whole() -> None:
    """One that could not be pickled used to end a whole import."""
    found = [errors.PressrelayError]
    for kind in found:
        found += kind.__subclasses__()
    fault = Fault("wrong", "/a", 3, ("b",))
    made: list[errors.PressrelayError] = [
        Problem(413, "too-large", "Too large", "At most.", errors=[fault], headers={"A": "b"}, extra=1),
        Invalid([fault], type="empty-release"),
    ]
    made += [kind("a sentence") for kind in found if not issubclass(kind, Problem)]
    assert {type(error) for error in made} >= {kind for kind in found if kind.__module__ == "app.errors"}
    for error in made:
        again = pickle.loads(pickle.dumps(error))
        assert type(again) is type(error) and str(again) == str(error) and again.__dict__ == error.__dict__


def test_one_bad_entry_keeps_no_other_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One is too large, and one kills the process that reads it."""
    good = (ROOT / "tests" / "releases" / "minimal.xml").read_bytes()
    archive = tmp_path / "archive"
    archive.mkdir()
    for number in range(60):
        (archive / f"{number:03}.xml").write_bytes(good.replace(b"2026:minimal", f"2026:import-{number}".encode()))
    (archive / "020.xml").write_bytes(b"<a>" + b"x" * 200_000 + b"</a>")
    (archive / "040.xml").write_bytes(good.replace(b"2026:minimal", b"2026:kills"))
    prepare = releases.prepare

    def killing(rules: Any, body: bytes, *rest: Any) -> Any:
        if b"2026:kills" in body:
            os.kill(os.getpid(), signal.SIGKILL)
        return prepare(rules, body, *rest)

    monkeypatch.setattr(releases, "prepare", killing)
    settings = Settings(data_dir=str(tmp_path / "data"), max_body=100_000, redis_url="redis://127.0.0.1:1/0")
    (tmp_path / "data").mkdir()
    engine = store.connect(settings.database)
    store.upgrade(engine)
    office = OfficeRecord("seoul", "서울특별시", "", ("kr:11",))
    store.accounts.save_office(engine, office)
    engine.dispose()
    done = {
        taken.name: taken.receipts[0] for taken in imports.take(settings, office, archive, backfill=True, workers=2)
    }
    assert sorted(done) == [f"{number:03}.xml" for number in range(60)]
    refused = {name: receipt.problem or {} for name, receipt in done.items() if not receipt.accepted}
    assert {name: problem["status"] for name, problem in refused.items()} == {"020.xml": 413, "040.xml": 500}
