"""Pulls the sources that are due, each in a process of its own with a limited time.

A source can send data that is very expensive to read. So a pull shares no thread and no process with anything else: not with the
worker that lifts embargoes, and not with another pull. A pull that takes too long is ended and counts as a failure of its source.
"""

import logging
import os
import resource
import signal
import threading
import time

from msgspec import Struct

from app import spans, store
from app.errors import Unavailable
from app.requestid import new_request_id, working_for
from app.run.process import die_with_parent
from app.settings import Settings
from app.store import Engine

log = logging.getLogger("pressrelay.sources")

AT_ONCE = 4  # pulls at the same time
LOOK = 0.5  # seconds between two looks for sources that are due
COMPUTING = 20  # seconds of processor time that a pull may use
LASTING = 120.0  # seconds that a pull may take in all
LEASE = 180  # seconds for which a claimed source belongs to this process; longer than any pull
MEMORY = 1024 * 1024 * 1024  # bytes of address space that a pull may use in addition to those of the process before it
MILLION = 1_000_000


class _Pull(Struct):
    """A pull in progress."""

    source: store.accounts.Source
    until: float  # monotonic seconds
    ended: bool = False  # it took too long


def run(
    settings: Settings,
    engine: Engine,
    stop: threading.Event,
    computing: int = COMPUTING,
    lasting: float = LASTING,
) -> None:
    """Pull the sources that are due until `stop` is set. This process forks, so it must have no other thread. If the database fails,
    try again."""
    pulls: dict[int, _Pull] = {}
    failed = False
    while not stop.is_set():
        try:
            _settle(engine, pulls)
            while len(pulls) < AT_ONCE and (source := _claim(engine)) is not None:
                engine.dispose()  # A forked process must not share this process's connections.
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


def _claim(engine: Engine) -> store.accounts.Source | None:
    return store.accounts.claim_source(engine, int(time.time() * MILLION), LEASE * MILLION)


def _start(settings: Settings, source: store.accounts.Source, computing: int) -> int:
    """Fork a process that pulls the source once; returns its process id."""
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
        log.exception("a pull failed with an unexpected error")
    os._exit(1)


def _limit(computing: int) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (computing, computing + 1))
    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY, used + MEMORY))


def _pull(settings: Settings, source: store.accounts.Source) -> None:
    # Imported only by a pull: most servers pull nothing, and the parsers need memory.
    from app.context import connect
    from app.intake import sources

    context = connect(settings)
    spans.start(settings.traces_url, store.identity.secret(context.engine))
    id = new_request_id()
    try:
        with working_for(id), spans.begin_trace("pull", request=id, pressrelay__source=source.name):
            pulled = sources.pull(context, source)
            store.accounts.record_pull(context.engine, pulled.source)
            sources.log_pull(source, pulled)
    finally:
        spans.finish()
        context.cache.close()
        context.engine.dispose()


def _settle(engine: Engine, pulls: dict[int, _Pull]) -> None:
    """Record the pulls that are over, and end those that take too long."""
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
    """Record a pull that did not end normally as a failure of its source."""
    from app.intake import sources

    number = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
    if pull.ended or number in (signal.SIGXCPU, signal.SIGKILL):
        reason = "The pull was ended: reading what the source sent took too long."
    else:
        reason = "The pull failed because of an error of this server. See the server's log."
    failed = sources.failed(pull.source, reason, int(time.time() * MILLION))
    store.accounts.record_pull(engine, failed)
    log.error("source %s: %s", pull.source.name, reason)
