"""While the database fails, the log has a line for the failure and one for its end, not one for each request."""

import logging

import pytest

from app.web import outage
from app.web.outage import Outage

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
