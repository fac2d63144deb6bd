"""F27: a backup every second while releases are pushed and corrected. Each is one moment of the history, with no half release."""

import json
import os
import random
import shutil
import signal
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace
from sqlalchemy import text

from app import store
from app.settings import Settings, load
from tests.backups import back_up, filled, put_back, rows_of, settings_of
from tests.conftest import Server, together, until
from tests.migrated import postgres_database
from tests.test_enclosures import PDF
from tests.test_enclosures import push as push_with_file
from tests.test_enclosures import release as release_with_file
from tests.test_lifecycle import document

BACKUPS = 4
WRITERS = 3
PARTS = 3  # articles of one release


def release(writer: int, number: int) -> bytes:
    """A release of three articles; each second one corrects the one before it."""
    guid = f"tag:online,2026:{writer}-{number - number % 2}"
    articles = []
    for part in range(PARTS):
        made = document(f"{guid}-{part}", 1 + number % 2, headline=f"{writer} {number} {part}").decode()
        articles.append(made[made.index("<article") : made.index("</release>")])
    return f"{made[: made.index('<article')]}{''.join(articles)}</release>".encode()


class Pushing:
    """Writers that push until they are told to stop, and note what was acknowledged, and when."""

    def __init__(self, server: Server, token: str) -> None:
        self._server, self._token = server, token
        self.stop = threading.Event()
        self.acknowledged: list[tuple[float, str, int]] = []  # monotonic seconds, guid without its part, version

    def write(self, writer: int) -> None:
        number = 0
        while not self.stop.is_set():
            answer = self._server.push(self._token, release(writer, number))
            assert answer.status_code in (201, 207), answer.text
            self.acknowledged.append(
                (time.monotonic(), f"tag:online,2026:{writer}-{number - number % 2}", 1 + number % 2)
            )
            if number % 20 == 0:
                name = f"file-{writer}-{number}"
                content = f"%PDF-1.4 {name} ".encode() * 500
                sent = push_with_file(
                    self._server, self._token, release_with_file(name, "a.pdf"), {"a.pdf": (content, PDF)}
                )
                assert sent.status_code == 201, sent.text
            number += 1


CHANGES = "SELECT seq, stamp, num, version FROM changes ORDER BY seq"
VERSIONS = "SELECT a.guid, v.version FROM versions v JOIN articles a ON a.num = v.num WHERE a.guid LIKE 'tag:online%'"


def rows(engine: store.Engine, statement: str) -> list[tuple[object, ...]]:
    with engine.connect().execution_options(reading=True) as connection:
        return [tuple(row) for row in connection.execute(text(statement))]


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_backup_every_second_during_writes(
    own_server: Callable[..., Server], request: pytest.FixtureRequest, tmp_path: Path, kind: str
) -> None:
    database = {"database_url": postgres_database(request.getfixturevalue("postgres"))} if kind == "postgresql" else {}
    server = own_server(workers="2", **database).start()
    token = server.office()
    pushing = Pushing(server, token)
    settings, engine = load(server.environ), server.engine()
    made: list[tuple[float, str]] = []  # when it began, its name

    def back_up_each_second() -> None:
        try:
            until(lambda: len(pushing.acknowledged) > 10, 30)
            for _ in range(BACKUPS):
                began = time.monotonic()
                made.append((began, back_up(settings, engine, tmp_path / "kept").name))
                pushing.stop.wait(max(0.0, began + 1 - time.monotonic()))
        finally:
            pushing.stop.set()

    together(back_up_each_second, *(lambda writer=writer: pushing.write(writer) for writer in range(WRITERS)))  # type: ignore[misc]
    whole = rows(engine, CHANGES)
    grown = []
    for number, (began, name) in enumerate(made):
        url = postgres_database(request.getfixturevalue("postgres"), empty=True) if database else ""
        target = replace(settings_of(tmp_path / f"restored{number}", url), base_url=settings.base_url)
        restored = put_back(target, tmp_path / "kept", name=name, verify=True)
        assert any("byte for byte" in sentence for sentence in restored.verified)
        again = store.connect(target.database)
        changes = rows(again, CHANGES)
        assert changes == whole[: len(changes)], "it is a prefix of the history"
        versions = Counter((str(guid).rpartition("-")[0], version) for guid, version in rows(again, VERSIONS))
        assert set(versions.values()) == {PARTS}, "no release is there by half"
        for at, guid, version in pushing.acknowledged:
            assert at >= began or (guid, version) in versions, "what was acknowledged before is in it"
        assert store.audit.verify(engine, restored.audit_head).fault == "", "the original continues its audit log"
        grown.append(len(changes))
        again.dispose()
        if kind == "sqlite":
            shutil.rmtree(tmp_path / f"restored{number}")
    engine.dispose()
    assert grown == sorted(grown) and grown[0] < grown[-1] <= len(whole)
    print(json.dumps({"changes": len(whole), "in the backups": grown}))


def again_and_again(settings: Settings, kept: Path) -> int:
    """A process that makes one backup after the other until it is killed."""
    if pid := os.fork():
        return pid
    try:
        while True:
            engine = store.connect(settings.database)
            back_up(settings, engine, kept, keep=3)
            engine.dispose()
    except BaseException:
        traceback.print_exc(file=sys.stderr)
    finally:
        os._exit(1)


@pytest.mark.slow
def test_a_backup_that_is_killed(tmp_path: Path) -> None:
    """Whenever it is killed, what is complete can be restored, and the next backup goes on."""
    settings, kept = settings_of(tmp_path / "data"), tmp_path / "kept"
    engine = filled(settings)
    expected = rows_of(engine)
    back_up(settings, engine, kept)
    engine.dispose()
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)
    for number in range(4):
        before = sorted(path.parent.name for path in kept.glob("*/manifest.json"))
        pid = again_and_again(settings, kept)
        try:
            until(lambda before=before: newest(kept) > before[-1], 60)  # type: ignore[misc]
            threading.Event().wait(chance.random() / 5)
            assert os.waitpid(pid, os.WNOHANG) == (0, 0), "it goes on until it is killed"
        finally:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        target = settings_of(tmp_path / f"killed{number}")
        put_back(target, kept, verify=True)
        again = store.connect(target.database)
        assert rows_of(again) == expected
        again.dispose()


def newest(place: Path) -> str:
    return max(path.parent.name for path in place.glob("*/manifest.json"))
