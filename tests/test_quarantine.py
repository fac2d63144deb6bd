"""Documents that crashed a process: a document is refused only for what it does when it is read alone."""

import os
import signal
from collections.abc import Callable
from functools import partial
from hashlib import sha256
from pathlib import Path

import pytest

from app.accounts.offices import OfficeRecord, Sender
from app.errors import Problem, Unavailable
from app.intake import quarantine, releases
from app.intake.quarantine import Quarantine, read_safely
from app.settings import Settings
from app.store import articles, connect
from tests.test_lifecycle import document

BODY = document("tag:quarantine,2026:beside")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=str(tmp_path))


def suspected(settings: Settings, body: bytes, crashes: int = 1) -> Callable[[], quarantine.Suspect | None]:
    """The state of a document that was being read during this many crashes."""
    known, name = Quarantine.of(settings), sha256(body).hexdigest()
    for _ in range(crashes):
        known.note_crash(name)
    return partial(known.find, name)


def rules(settings: Settings) -> releases.Rules:
    return releases.Rules(settings, Sender(OfficeRecord("jeonbuk", "전북", "", ("kr:52",))))


@pytest.mark.parametrize("crashes", [1, 2, 20])
def test_crashes_beside_others_have_nothing_refused(settings: Settings, crashes: int) -> None:
    """Otherwise, somebody who can crash the server could get another office's release refused by two crashes while it is read."""
    found = suspected(settings, BODY, crashes)
    prepared = releases.prepare_safely(rules(settings), BODY, "application/xml", lambda _: [])
    assert [item.article.guid for item in prepared.items] == ["tag:quarantine,2026:beside"]
    suspect = found()
    assert suspect is not None and not suspect.refused and suspect.crashes == crashes


def test_a_database_that_is_away_blames_no_document(settings: Settings) -> None:
    away = Settings(data_dir=settings.data_dir, database_url="postgresql+psycopg://a@127.0.0.1:1/none")
    body = BODY.replace(
        b"</body>", f'</body><enclosure url="{away.url}/files/{"0" * 64}/a.pdf" type="application/pdf"/>'.encode()
    )
    found = suspected(away, body)
    files_of = partial(articles.files_of, connect(away.database))
    with pytest.raises(Unavailable):
        releases.prepare(rules(away), body, "application/xml", files_of)
    with pytest.raises(Unavailable):
        releases.prepare_safely(rules(away), body, "application/xml", files_of)
    suspect = found()
    assert suspect is not None and not suspect.refused


@pytest.mark.parametrize(("number", "type"), [(signal.SIGTERM, "busy"), (signal.SIGSEGV, "quarantined")])
def test_a_process_that_somebody_ended_did_not_crash(settings: Settings, number: int, type: str) -> None:
    found = suspected(settings, BODY)
    with pytest.raises(Problem) as raised:
        read_safely(settings, BODY, partial(_end, number))
    assert raised.value.type == type
    suspect = found()
    assert suspect is not None and suspect.refused is (type == "quarantined")


def _end(number: int) -> None:
    os.kill(os.getpid(), number)


def test_a_process_that_only_waits_blames_no_document(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarantine, "LONGEST", 0.5)
    found = suspected(settings, BODY)
    with pytest.raises(Problem) as raised:
        read_safely(settings, BODY, signal.pause)
    assert (raised.value.status, raised.value.type) == (503, "busy")
    suspect = found()
    assert suspect is not None and not suspect.refused


def test_a_process_that_fails_puts_nothing_of_a_document_into_the_log(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    suspected(settings, BODY)
    with pytest.raises(Problem) as raised:
        read_safely(settings, BODY, partial(int, "a text under embargo"))
    assert raised.value.type == "busy" and "ValueError" in caplog.text and "embargo" not in caplog.text


def test_drafts_and_problems_come_from_the_process(settings: Settings) -> None:
    """The drafts of a correction and of a file at the desk, which the desk shows with their lines."""
    suspected(settings, BODY)
    (draft,) = releases.parse_safely(rules(settings), BODY, "application/xml").drafts
    assert draft[1].guid.text == "tag:quarantine,2026:beside" and draft[1].guid.line == 1
    wrong = BODY.replace(b"</headline>", b"</headline><nonsense/>")
    suspected(settings, wrong)
    parsed = releases.parse_safely(rules(settings), wrong, "application/xml")
    assert parsed.refused and not parsed.drafts
    cut = BODY[:-20]
    suspected(settings, cut)
    with pytest.raises(Problem) as raised:
        releases.parse_safely(rules(settings), cut, "application/xml")
    assert raised.value.errors
