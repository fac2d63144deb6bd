"""A node that runs while the schema becomes too new for it: it goes out of service, writes nothing, and says why."""

from collections.abc import Callable
from pathlib import Path

import pytest

from app import store
from tests.conftest import SEED, Server
from tests.upgrades import toy_history

pytestmark = pytest.mark.slow


def test_a_node_under_a_newer_schema_goes_out_of_service_and_says_why(
    own_server: Callable[..., Server], tmp_path: Path
) -> None:
    server = own_server().start()
    token = server.office()
    assert server.client.get("/readyz").status_code == 200
    newer = toy_history(tmp_path)
    engine = server.engine()
    store.upgrade(engine, newer)
    assert server.client.get("/readyz").status_code == 200, "an expand is beside it"
    store.backfill.Filler(engine, newer).finish()
    store.upgrade(engine, newer, contract=True)
    assert server.client.get("/readyz").status_code == 503
    refused = server.push(token, SEED.read_bytes())
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
    assert refused.json()["type"] == "urn:pressrelay:problem:unavailable"
    assert "The database has schema 9003 of a newer version of Pressrelay" in server.log.read_text()
    assert store.articles.newest_seq(engine) == 0
    server.stop()
    for words in (("serve",), ("office", "list"), ("db", "upgrade")):
        told = server.run(*words)
        assert told.returncode == 1 and "9003 of a newer version" in told.stderr and "Traceback" not in told.stderr
    told = server.run("doctor")
    assert told.returncode == 1 and "FAIL  database: The database has schema 9003 of a newer version" in told.stdout
    assert server.run("db", "status").returncode == 0
    store.schema.downgrade(engine, newer)
    engine.dispose()
    server.start()
    assert server.push(token, SEED.read_bytes()).status_code == 201
    assert "Traceback" not in server.log.read_text()
