"""Starts programs on 127.0.0.1 for a measurement and always stops them; measures the memory of processes."""

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
CPUCLOCK_SCHED = 2  # linux/posix-timers.h
STARTED_WITHIN, STOPPED_WITHIN = 40.0, 30.0  # seconds


@contextmanager
def program(
    command: Sequence[str], log: Path, port: int | None = None, environ: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A running program; it is ready when its port accepts connections. Raises RuntimeError with its output if it ends before that."""
    parent = os.getpid()
    with log.open("ab") as output:
        # It has its own session, so that Ctrl-C reaches only the measurement, which then stops the programs in order. If the
        # measurement is killed, the kernel ends them.
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
    """Send SIGTERM; if the program does not end in time, send SIGKILL to its whole session."""
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
    raise RuntimeError(f"{process.args!r} accepts no connections after {STARTED_WITHIN:.0f} seconds.")


def free_port() -> int:
    """A free port below those that clients get (ip(7), ip_local_port_range): a client could take one of those before the server."""
    while True:
        port = random.randint(10_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        return port


def below(pid: int) -> list[int]:
    """The children of a process, and their children."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(FileNotFoundError, ProcessLookupError):  # The task ended meanwhile.
            for child in map(int, task.read_text().split()):
                found += [child, *below(child)]
    return found


def web_workers(pid: int) -> list[int]:
    """The web workers below this process: the children of Granian, which may be this process or one below it."""
    granian = [process for process in (pid, *below(pid)) if _is_granian(process)]
    return [process for process in granian if any(process in below(other) for other in granian)]


def _is_granian(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().startswith((b"pressrelay web", b"granian"))
    return False


def by_part(pid: int) -> dict[str, list[int]]:
    """The processes of a server by what they do: "web", "deliver", "cache", and "background", which is all others."""
    found: dict[str, list[int]] = {"web": web_workers(pid), "deliver": [], "cache": [], "background": []}
    for process in (pid, *below(pid)):
        if process not in found["web"]:
            with suppress(OSError):
                line = Path(f"/proc/{process}/cmdline").read_bytes()
                name = "deliver" if line.startswith(b"pressrelay deliver") else "cache" if b"valkey" in line else ""
                found[name or "background"].append(process)
    return found


def processor_seconds(pids: Sequence[int]) -> float:
    """The processor time that these processes have taken, to the nanosecond. clock_getcpuclockid(3): Linux makes the number of a
    process's clock from the number of the process."""
    return sum(time.clock_gettime((~pid << 3) | CPUCLOCK_SCHED) for pid in pids)


def worker_of(connection: socket.socket, workers: Sequence[int]) -> int | None:
    """The worker that serves this connection; it must have answered on it before. proc(5), /proc/net/tcp"""
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
    """MB of a process: all its memory (RSS), and with a proportional part of the shared memory (PSS). proc(5), smaps_rollup"""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    kib = {name: int(rest.split()[0]) for name, _, rest in (line.partition(":") for line in lines[1:])}
    return kib["Rss"] * 1024 / 1e6, kib["Pss"] * 1024 / 1e6
