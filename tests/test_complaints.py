"""Each fault in the surroundings of a server is reported in one sentence, at its start, by the doctor, and on the operator's page.

The address, the password and the certificate of the database and of the cache: tests/faults/test_postgres_away.py and
tests/test_cache_access.py. A schema of another version: tests/test_upgrades.py. A full disk: tests/faults/test_nodes_disks.py. A clock
that is wrong beside PostgreSQL: tests/faults/test_nodes_clock.py.
"""

import time
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import update

from app.store.tables import changes, micros
from app.web import operating
from bench.processes import free_port
from tests.desk import Desk
from tests.pace import pace
from tests.test_lifecycle import document

CACHE = "The cache cannot be used: "
FILES = "The file store cannot be used right now ("
CLOCK = "The clock is "
DISK = "The disk"


@pytest.fixture(scope="module")
def ill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A server whose cache and bucket are at addresses where nobody answers."""
    changes = {"redis_url": f"redis://127.0.0.1:{free_port()}", "s3_bucket": "press", "workers": "1"}
    changes |= {"s3_endpoint": f"http://127.0.0.1:{free_port()}", "s3_access_key": "k", "s3_secret_key": "s3cret"}
    made = Desk(tmp_path_factory.mktemp("ill"), **changes)
    yield made
    made.close()


def test_a_cache_and_a_bucket_that_refuse(ill: Desk) -> None:
    begun = ill.server.log.read_text()
    doctor = ill.server.run("doctor")
    page = ill.admin.get("/admin")
    assert doctor.returncode == 1 and page.status_code == 200
    assert f"WARNING    {CACHE}" in begun and f"WARNING    {FILES}" in begun
    assert "FAIL  cache" in doctor.stdout and "FAIL  files: the bucket press: " in doctor.stdout
    assert "Warnings of this server:" in page.text and CACHE in page.text and FILES in page.text
    for said in (begun, doctor.stdout, doctor.stderr, page.text):
        assert "Traceback" not in said and "s3cret" not in said
    assert ill.server.push(ill.token, document("tag:ill,2026:1")).status_code == 201, "nothing is lost"
    assert "tag:ill,2026:1" in ill.server.client.get("/feed.atom").text


def test_a_clock_that_is_behind(ill: Desk) -> None:
    """With SQLite the host's own clock counts: it is behind if a change has a time in the future."""
    assert ill.server.push(ill.token, document("tag:ill,2026:2")).status_code == 201
    later = micros(datetime.now(UTC)) + 600 * 1_000_000
    with ill.context.engine.begin() as connection:
        connection.execute(update(changes).values(at=later))
    try:
        assert CLOCK in ill.admin.get("/admin").text
        assert ill.server.client.get("/readyz").json()["status"] == "degraded"
        doctor = ill.server.run("doctor")
        assert doctor.returncode == 1 and f"FAIL  clock: {CLOCK}" in doctor.stdout
    finally:
        with ill.context.engine.begin() as connection:
            connection.execute(update(changes).values(at=later - 700 * 1_000_000))


def test_a_full_disk(ill: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operating, "full", lambda settings: f"{DISK} is full.")
    assert operating.complaints(ill.context)[0] == f"{DISK} is full."


def test_the_page_does_not_wait_for_who_is_gone(ill: Desk) -> None:
    began = time.monotonic()
    assert operating.complaints(ill.context)
    assert time.monotonic() - began < 5 * pace()
