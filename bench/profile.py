"""A profile that anybody can take: `python -m bench profile serve|push|cold`.

A real server is under load while py-spy looks at one of its web workers some hundred times a second: https://github.com/benfred/py-spy.
It writes a flame graph (SVG) and lists the functions in which the processor spent its time. The kernel must allow it to look at
processes of its own user (ptrace(2), `kernel.yama.ptrace_scope`). It stops the process for each look, so figures measured meanwhile
are lower.
"""

import shutil
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.table import Table

from app import store
from app.context import cache_of
from bench import archive
from bench.amounts import Amounts
from bench.figures import Missing, Say
from bench.freshness import one_of_each
from bench.processes import web_workers
from bench.releases import document, samples
from bench.server import Connection, Running, get, post, prepared, serving

ARCHIVE = 2_000  # articles
CLIENTS = 2  # of each web worker
OTHER = "(not Python: the web server and its sockets)"
PER_SECOND = 200  # looks
SHOWN = 30  # functions in the table
KINDS = {
    "serve": "hot feeds, compressed",
    "push": "releases of one article, one after another",
    "cold": "an Atom feed after a change, compressed",
}


def profile(kind: str, amounts: Amounts, flames: Path, say: Say) -> Table:
    """Write the flame graph of a web worker to `flames`, and return the table of its functions. Raises Missing if py-spy is not
    installed or may not look."""
    program = shutil.which("py-spy", path=str(Path(sys.executable).parent)) or shutil.which("py-spy")
    if program is None:
        raise Missing("There is no profile: py-spy is not installed. `make test` installs it.")
    with prepared() as ready, TemporaryDirectory(prefix="pressrelay-bench-") as temporary, ExitStack() as stack:
        say(f"profile, loading {ARCHIVE:,} articles")
        archive.load(ready.engine, ready.settings.url, samples(ARCHIVE, "profile"))
        server = stack.enter_context(serving(ready))
        stop = threading.Event()
        asked = [one_of_each(server, get("/healthz")) for _ in range(CLIENTS)]
        threads = [
            threading.Thread(target=_load, args=(LOADS[kind](server), connection, stop))
            for each in asked
            for connection in each.values()
        ]
        for thread in threads:
            thread.start()
        try:
            raw = Path(temporary, "raw.txt")
            for file, form in ((flames, "flamegraph"), (raw, "raw")):
                say(f"profile, {KINDS[kind]}: {form}")
                _record(program, web_workers(server.pid)[0], amounts.seconds * 2, file, form)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        return _table(raw.read_text("utf-8"), KINDS[kind])


def _record(program: str, pid: int, seconds: int, file: Path, form: str) -> None:
    command = [program, "record", "--pid", str(pid), "--duration", str(seconds), "--rate", str(PER_SECOND)]
    done = subprocess.run(
        [*command, "--format", form, "--output", str(file), "--nonblocking"],
        capture_output=True,
        text=True,
        timeout=seconds + 60,
    )
    if done.returncode or not file.exists():
        raise Missing(
            f"There is no profile: the kernel does not let py-spy look at the server ({done.stderr.strip().splitlines()[-1:]})."
        )


def _load(ask: Callable[[Connection], object], connection: Connection, stop: threading.Event) -> None:
    with connection:
        while not stop.is_set():
            ask(connection)


def _serve(server: Running) -> Callable[[Connection], object]:
    request = get("/feed.rss", Accept_Encoding="gzip")
    return lambda connection: connection.ask(request, 200)


_numbers = count()


def _push(server: Running) -> Callable[[Connection], object]:
    made: Iterator[bytes] = (document([part]) for part in samples(1_000_000, f"pushed-{next(_numbers)}"))
    return lambda connection: connection.ask(post(server.token, next(made)), 201)


def _cold(server: Running) -> Callable[[Connection], object]:
    cache, newest = cache_of(server.settings, server.engine), store.identity.head(server.engine).mark
    request = get("/feed.atom", Accept_Encoding="gzip")

    def ask(connection: Connection) -> None:
        cache.renew(newest)
        connection.ask(request, 200)

    return ask


LOADS = {"serve": _serve, "push": _push, "cold": _cold}


def _table(raw: str, what: str) -> Table:
    """The functions, sorted by the part of the looks in which they, or functions that they called, were running."""
    own: Counter[str] = Counter()
    under: Counter[str] = Counter()
    for line in raw.splitlines():
        frames, _, looks = line.rpartition(" ")
        names = [frame.rpartition(":")[0] or frame or OTHER for frame in frames.split(";")]
        own[names[-1]] += int(looks)
        for name in set(names):
            under[name] += int(looks)
    total = max(1, sum(own.values()))
    table = Table("function", "itself", "with what it calls", title=f"{what}: {total:,} looks at one web worker")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, looks in own.most_common(SHOWN):
        table.add_row(name, f"{looks / total:.1%}", f"{under[name] / total:.1%}")
    return table
