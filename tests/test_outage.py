"""While the database fails, the log has a line for the failure and one for its end, not one for each request."""

import errno
import logging
from pathlib import Path

import pytest

from app import create_app, store
from app.settings import Settings
from app.web import outage
from app.web.outage import Outage
from app.web.routes import ops

GONE = "The database cannot be used right now (connection refused)."


def test_an_outage_is_two_lines(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    now = 1000.0
    monkeypatch.setattr(outage.time, "monotonic", lambda: now)
    seen = Outage()
    seen.calm()
    for _ in range(1400):
        seen.fail(GONE)
        seen.calm()
        now += 0.03
    assert caplog.messages == [GONE], "40 seconds"
    seen.fail("The file store cannot be used right now.")
    assert len(caplog.messages) == 2, "something else"
    now += 20
    seen.fail(GONE)
    assert caplog.messages[2] == f"{GONE} 1402 requests failed since it began.", "once a minute while it lasts"
    now += outage.CALM
    seen.calm()
    assert caplog.messages[3] == "No request has failed for 3 seconds; 1402 failed in 62 seconds before."
    seen.calm()
    seen.fail(GONE)
    assert caplog.messages[4:] == [GONE], "another one"
    assert {record.levelno for record in caplog.records} == {logging.ERROR, logging.WARNING}


def test_a_single_failure_is_one_line(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    now = 1000.0
    monkeypatch.setattr(outage.time, "monotonic", lambda: now)
    seen = Outage()
    seen.fail(GONE)
    now += 10
    seen.calm()
    assert caplog.messages == [GONE]


def test_who_asks_again_and_again_whether_the_server_is_ready_fills_no_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    engine = store.connect(f"sqlite:///{tmp_path}/pressrelay.db")
    store.upgrade(engine)
    engine.dispose()
    application = create_app(Settings(data_dir=str(tmp_path), hot_memory=0))
    monkeypatch.setattr(ops, "full", lambda _: "The disk is full.")
    with application.test_client() as client:
        for _ in range(5):
            assert client.get("/readyz").get_json() == {"status": "disk-full"}
    assert [line.message for line in caplog.records if "disk" in line.message] == ["The disk is full."]


@pytest.mark.parametrize(
    "error", [MemoryError(), OSError(errno.EMFILE, "Too many open files"), OSError(errno.ENOMEM, "")]
)
def test_who_has_no_room_left_says_when_to_come_again(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    engine = store.connect(f"sqlite:///{tmp_path}/pressrelay.db")
    store.upgrade(engine)
    engine.dispose()
    application = create_app(Settings(data_dir=str(tmp_path), hot_memory=0))

    def fail(_: object) -> str:
        raise error

    monkeypatch.setattr(ops, "full", fail)
    with application.test_client() as client:
        answers = [client.get("/readyz") for _ in range(3)]
    application.extensions["pressrelay"].engine.dispose()
    application.extensions["pressrelay"].cache.close()
    for answer in answers:
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
        assert answer.mimetype == "application/problem+json" and answer.get_json()["type"].endswith(":unavailable")
        assert "no memory or no file descriptors" in answer.get_json()["detail"]
    told = [message for message in caplog.messages if "are left" in message]
    assert told == [f"No memory or no file descriptors are left: {type(error).__name__}."], "one line, and no traceback"
