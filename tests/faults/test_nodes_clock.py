"""Wrong clocks: the database's decides, nobody lifts early, what is newer stays above what is older, and somebody is told."""

import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app import store
from app.accounts.offices import OfficeRecord, Sender
from app.cache.redis import Cache
from app.context import Context
from app.files.blobs import connect as connect_blobs
from app.intake import releases
from app.query import Query
from app.query.cursors import Cursors
from app.run.worker import step
from app.settings import Settings
from app.store import Engine, clock
from app.syndication import page
from tests.conftest import ROOT, Server, until
from tests.migrated import postgres_database
from tests.test_lifecycle import document
from tests.test_server import minimal

HOUR = timedelta(hours=1)
OFFICE = OfficeRecord("jeonbuk", "전북특별자치도", "", ("kr:52",))

# A wall clock that is off by PRESSRELAY_TEST_SKEW seconds, or by what stands in the file PRESSRELAY_TEST_SKEW_FILE.
SKEW = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
int clock_gettime(clockid_t which, struct timespec *found) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int done = real(which, found);
    if (which == CLOCK_REALTIME) {
        long skew = 0;
        FILE *file = fopen(getenv("PRESSRELAY_TEST_SKEW_FILE"), "r");
        if (file) { if (fscanf(file, "%ld", &skew) != 1) skew = 0; fclose(file); }
        found->tv_sec += skew;
    }
    return done;
}
"""


@pytest.fixture(scope="module")
def preload(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A library that sets the wall clock of a process."""
    if (compiler := shutil.which("cc")) is None:
        pytest.skip("no C compiler")
    directory = tmp_path_factory.mktemp("skew")
    (directory / "skew.c").write_text(SKEW)
    command = [compiler, "-shared", "-fPIC", "-O1", "-o", "skew.so", "skew.c", "-ldl"]
    subprocess.run(command, cwd=directory, check=True)
    return directory / "skew.so"


def skewed(server: Server, preload: Path, seconds: int) -> Path:
    """Let a server have a clock that is off by as many seconds as the file says."""
    file = server.directory / "skew"
    file.write_text(str(seconds))
    server.environ |= {"LD_PRELOAD": str(preload), "PRESSRELAY_TEST_SKEW_FILE": str(file)}
    server.plainly = True
    return file


@pytest.mark.slow
def test_a_node_an_hour_ahead_lifts_nothing_early_and_says_so(
    own_server: Callable[..., Server], preload: Path, postgres: str
) -> None:
    """PostgreSQL's clock is right, the clock of the only node is an hour ahead."""
    server = own_server(database_url=postgres_database(postgres), workers="1")
    skewed(server, preload, 3600)
    server.start()
    until(lambda: "3600 seconds ahead of that of the database" in server.log.read_text(), 20)
    token = server.office()
    lifts = datetime.now(UTC) + timedelta(seconds=6)
    body = minimal("tag:example.org,2026:waits").replace(
        b"</issued>", f'</issued><embargo until="{lifts.isoformat()}"/>'.encode(), 1
    )
    answer = server.push(token, body)
    assert answer.status_code == 201, answer.text
    url = f"/articles/{answer.json()['id']}.json"
    while datetime.now(UTC) < lifts - timedelta(seconds=0.5):
        assert server.client.get(url).status_code == 404
        assert b"waits" not in server.client.get("/feed.atom").content
    until(lambda: server.client.get(url).status_code == 200, 10)
    assert datetime.now(UTC) >= lifts
    plain = server.push(token, minimal("tag:example.org,2026:plain")).json()
    published = server.client.get(f"/articles/{plain['id']}.json").json()["updated"]
    assert abs(datetime.fromisoformat(published) - datetime.now(UTC)) < timedelta(seconds=20), "by the database's clock"
    assert any("ahead of that of the database" in warning for warning in server.ready()["warnings"])
    doctor = subprocess.run(
        [sys.executable, "-m", "app.cli", "doctor"], cwd=ROOT, env=server.environ, capture_output=True, text=True
    )
    assert "FAIL  clock: The clock of this host is 3600 seconds ahead of that of the database" in doctor.stdout


@pytest.mark.slow
def test_a_clock_that_is_set_back_is_told_and_new_stays_above_old(
    own_server: Callable[..., Server], preload: Path
) -> None:
    """SQLite: the host's own clock counts. It goes back by half an hour while the server runs."""
    server = own_server(workers="1")
    file = skewed(server, preload, 0)
    server.start()
    token = server.office()
    old = server.push(token, minimal("tag:example.org,2026:old")).json()["id"]
    assert "warnings" not in server.ready()
    file.write_text("-1800")
    new = server.push(token, minimal("tag:example.org,2026:new")).json()["id"]
    newest = server.push(token, minimal("tag:example.org,2026:newest")).json()["id"]
    shown = server.client.get("/feed.json").text
    assert shown.index(newest) < shown.index(new) < shown.index(old)
    (warning,) = server.client.get("/readyz", headers=server.operator()).json()["warnings"]
    assert "behind the newest change" in warning
    until(lambda: "behind the newest change" in server.log.read_text(), 20)
    file.write_text("1200")
    assert server.push(token, minimal("tag:example.org,2026:ahead")).status_code == 201
    (warning,) = server.ready()["warnings"]
    assert "jumped 1200 seconds ahead" in warning


# In one process, on both databases


def context_of(engine: Engine, directory: Path) -> Context:
    store.accounts.save_office(engine, OFFICE)
    settings = Settings(data_dir=str(directory))
    cache = Cache("unix:///nowhere/valkey.sock", store.identity.instance(engine))
    return Context(settings, engine, cache, connect_blobs(settings), Cursors(b""))


def test_the_databases_clock_decides(postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The host's clock is an hour ahead of the database's, as the database tells it."""
    engine = store.connect(postgres_url)
    store.upgrade(engine)
    context = context_of(engine, tmp_path)
    read, behind = clock._read, [3600.0]
    monkeypatch.setattr(clock, "_read", lambda engine: read(engine)._replace(at=read(engine).at - behind[0]))
    assert 3595 < clock.ahead(engine) < 3605
    assert "3600 seconds ahead" in clock.complaint(engine)
    lifts = datetime.now(UTC) - HOUR / 2  # over by the host's clock
    (receipt,) = releases.take(
        context,
        Sender(OFFICE),
        document("tag:example.org,2026:1", inside=f'<embargo until="{lifts.isoformat()}"/>'),
        "application/xml",
    )
    assert receipt.status == 201
    assert store.articles.by_id(engine, receipt.id) is None
    assert step(engine, context.cache, {}) == 0
    behind[0] = 1000.0  # and by the database's
    clock._readings.clear()
    assert step(engine, context.cache, {}) == 1
    assert store.articles.by_id(engine, receipt.id) is not None
    engine.dispose()


def test_between_two_readings_the_wall_clock_counts_for_nothing(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = store.connect(postgres_url)
    first = clock.database_now(engine)
    monkeypatch.setattr(time, "time", lambda: 0.0)
    assert timedelta(0) <= clock.database_now(engine) - first < timedelta(seconds=8)
    assert clock.ahead(engine) < -1e9
    engine.dispose()


def test_what_is_newer_stays_above_after_the_clock_was_set_back(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = context_of(engine, tmp_path)
    now = datetime.now(UTC)

    def put(guid: str, at: datetime) -> None:
        # It was read a second before it is written.
        monkeypatch.setattr(clock, "ahead", lambda _: (datetime.now(UTC) - at).total_seconds() + 1)
        monkeypatch.setattr(clock, "database_now", lambda _: at)
        (receipt,) = releases.take(context, Sender(OFFICE), document(guid), "application/xml")
        assert receipt.status == 201

    put("tag:own,2026:1", now)
    put("tag:own,2026:2", now - HOUR)
    put("tag:own,2026:3", now - HOUR / 2)
    put("tag:own,2026:4", now - HOUR)
    put("tag:own,2026:5", now + HOUR)
    shown = [article.guid for article in page.find(context, Query(limit=10))]
    assert shown == [f"tag:own,2026:{number}" for number in (5, 4, 3, 2, 1)]
    at = [at for _, at in store.articles.changes_after(engine, 0, 10)]
    assert at == sorted(at) and len(set(at)) == 5
