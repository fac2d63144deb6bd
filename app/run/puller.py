"""Pulls the sources that are due, each in a process of its own that may take so much time and no more.

What a source sends can be made to cost a great deal. So a pull shares neither a thread nor a process with anything else: not with the
worker that lifts embargoes, and not with another pull. One that takes too long is ended, and that is a failure of its source.
"""

import logging
import os
import resource
import signal
import threading
import time

from msgspec import Struct

from app import store
from app.errors import Unavailable
from app.run.process import die_with_parent
from app.settings import Settings
from app.store import Engine, Source

log = logging.getLogger("pressrelay.sources")

AT_ONCE = 4  # pulls
LOOK = 0.5  # seconds between two looks for what is due
COMPUTING = 20  # seconds of a processor's time that a pull may take
LASTING = 120.0  # seconds that it may take in all
LEASE = 180  # seconds for which a claimed source is this process's; longer than any pull takes
MEMORY = 1024 * 1024 * 1024  # bytes of address space that a pull may take besides what the process has already
MILLION = 1_000_000


class _Pull(Struct):
    """A pull under way."""

    source: Source
    until: float  # monotonic seconds
    ended: bool = False  # it took too long


def run(
    settings: Settings,
    engine: Engine,
    stop: threading.Event,
    computing: int = COMPUTING,
    lasting: float = LASTING,
) -> None:
    """Pull what is due until `stop` is set. This process must have no other thread: it forks. A database that fails is asked again."""
    pulls: dict[int, _Pull] = {}
    failed = False
    while not stop.is_set():
        try:
            _settle(engine, pulls)
            while len(pulls) < AT_ONCE and (source := _claim(engine)) is not None:
                engine.dispose()  # A forked process must not hold this one's connections.
                pid = _start(settings, source, computing)
                pulls[pid] = _Pull(source, time.monotonic() + lasting)
            failed = False
        except Unavailable as error:
            if not failed:
                log.error("%s", error)
            failed = True
        stop.wait(0.05 if pulls else LOOK)
    for pid in pulls:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def _claim(engine: Engine) -> Source | None:
    return store.claim_source(engine, int(time.time() * MILLION), LEASE * MILLION)


def _start(settings: Settings, source: Source, computing: int) -> int:
    """Fork a process that pulls the source once; its number."""
    parent = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    try:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        die_with_parent(parent)
        _limit(computing)
        _pull(settings, source)
        os._exit(0)
    except Unavailable as error:
        log.error("%s", error)
    except BaseException:
        log.exception("a pull failed unexpectedly")
    os._exit(1)


def _limit(computing: int) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (computing, computing + 1))
    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))


def _pull(settings: Settings, source: Source) -> None:
    # Loaded only here and by the first pull: most servers pull nothing, and parsers take memory.
    from app.context import connect
    from app.intake import sources

    context = connect(settings)
    try:
        pulled = sources.pull(context, source)
        store.record_pull(context.engine, pulled.source)
        sources.tell(source, pulled)
    finally:
        context.cache.close()
        context.engine.dispose()


def _settle(engine: Engine, pulls: dict[int, _Pull]) -> None:
    """Take note of pulls that are over, and end those that take too long."""
    for pid, pull in list(pulls.items()):
        if not pull.ended and time.monotonic() > pull.until:
            pull.ended = True
            os.kill(pid, signal.SIGKILL)
        found, status = os.waitpid(pid, os.WNOHANG)
        if not found:
            continue
        del pulls[pid]
        if status:
            _fail(engine, pull, status)


def _fail(engine: Engine, pull: _Pull, status: int) -> None:
    """A pull that did not end by itself is a failure of its source."""
    from app.intake import sources

    number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    if pull.ended or number in (signal.SIGXCPU, signal.SIGKILL):
        reason = "The pull was ended: reading what the source sent took too long."
    else:
        reason = "The pull failed here; the server's log says why."
    failed = sources.failed(pull.source, reason, int(time.time() * MILLION))
    store.record_pull(engine, failed)
    log.error("source %s: %s", pull.source.name, reason)
