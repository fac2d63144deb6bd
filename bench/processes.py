"""Programs that a measurement starts on 127.0.0.1, and that it stops whatever happens; what memory they take."""

import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from app.run.process import die_with_parent

HOST = "127.0.0.1"
ROOT = Path(__file__).parent.parent
STARTED_WITHIN, STOPPED_WITHIN = 40.0, 30.0  # seconds


@contextmanager
def program(
    command: Sequence[str], log: Path, port: int | None = None, environ: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A program, from when its port takes connections until the end. Raises RuntimeError with its words when it ends before."""
    parent = os.getpid()
    with log.open("ab") as output:
        # A session of its own: Ctrl-C is for the measurement, which then stops the programs in order. Should the measurement be
        # killed, the kernel ends them.
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=lambda: die_with_parent(parent),
        )
    try:
        if port is not None:
            _wait(process, port, log)
        yield process
    finally:
        stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, and SIGKILL to all of its session where that takes too long."""
    process.terminate()
    try:
        process.wait(STOPPED_WITHIN)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + STARTED_WITHIN
    while time.monotonic() < until:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended (code {process.returncode}):\n{log.read_text('utf-8')}")
        with suppress(OSError), socket.create_connection((HOST, port), 1):
            return
        time.sleep(0.02)
    raise RuntimeError(f"{process.args!r} takes no connection after {STARTED_WITHIN:.0f} seconds.")


def free_port() -> int:
    """Below the ports that clients get (ip(7), ip_local_port_range): one of those may be taken before the server has it."""
    while True:
        port = random.randint(10_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        return port


def below(pid: int) -> list[int]:
    """A process's children and theirs."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(FileNotFoundError, ProcessLookupError):  # It ended meanwhile.
            for child in map(int, task.read_text().split()):
                found += [child, *below(child)]
    return found


def web_workers(pid: int) -> list[int]:
    """The processes below this one that serve: Granian's children, wherever Granian is."""
    granian = [one for one in (pid, *below(pid)) if _is_granian(one)]
    return [one for one in granian if any(one in below(other) for other in granian)]


def _is_granian(pid: int) -> bool:
    with suppress(OSError):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        return b"--interface" in words
    return False


def worker_of(connection: socket.socket, workers: Sequence[int]) -> int | None:
    """Which of these processes has taken this connection, that it answered on already. proc(5), /proc/net/tcp"""
    mine, server = connection.getsockname()[1], connection.getpeername()[1]
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        local, remote = (int(address.rpartition(":")[2], 16) for address in fields[1:3])
        if (local, remote) == (server, mine):
            name = f"socket:[{fields[9]}]"
            return next((worker for worker in workers if name in _open_files(worker)), None)
    return None


def _open_files(pid: int) -> set[str]:
    found = set()
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(OSError):  # closed meanwhile
            found.add(os.readlink(file))
    return found


def memory(pid: int) -> tuple[float, float]:
    """MB that a process has (RSS), and its fair part of what it shares (PSS). proc(5), smaps_rollup"""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    kib = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines[1:])}
    return kib["Rss"] * 1024 / 1e6, kib["Pss"] * 1024 / 1e6
