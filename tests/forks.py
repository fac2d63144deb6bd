"""Runs `pressrelay` commands as processes that are forked from one that has loaded everything, so that none needs a second for that.

`python -m tests.forks FD` is the process that is forked. For each command that it gets over a socket it forks a keeper, which forks
the command, waits for its end and reports the exit code. `Command` is for the tests. A plain start is tested by
tests/test_serve.py, tests/test_imports.py and `.ci/first-run`.
"""

import array
import atexit
import gc
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import BinaryIO

ROOT = Path(__file__).parent.parent
LARGEST = 1 << 20  # bytes of a command with its environment


class Command:
    """A running command; of the methods of subprocess.Popen, it has those that the tests use."""

    def __init__(self, words: tuple[str, ...], environ: Mapping[str, str], out: BinaryIO, err: BinaryIO) -> None:
        self.args = words
        self.returncode: int | None = None
        reader, writer = os.pipe()
        with os.fdopen(writer, "wb"):
            _ask(
                json.dumps([[os.fsdecode(word) for word in words], dict(environ)]).encode(),
                [out.fileno(), err.fileno(), writer],
            )
        self._told = os.fdopen(reader, "rb", buffering=0)
        self.pid = int(self._told.readline())

    def poll(self) -> int | None:
        """The exit code, negative for a signal; None while it runs."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code. Raises TimeoutExpired."""
        if self.returncode is None:
            if not select.select([self._told], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(self.args, timeout or 0)
            with self._told:
                self.returncode = int(self._told.readline() or -signal.SIGKILL)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


_lock = threading.Lock()
_ours: list[socket.socket] = []  # our end of the socket; the process ends when it is closed


def _ask(message: bytes, files: list[int]) -> None:
    with _lock:
        if not _ours:
            ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            for end in (ours, its):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, LARGEST)
            with its:
                loaded = subprocess.Popen(
                    [sys.executable, "-m", "tests.forks", str(its.fileno())],
                    cwd=ROOT,
                    stdin=subprocess.DEVNULL,
                    pass_fds=[its.fileno()],
                )
            _ours.append(ours)
            atexit.register(_end, loaded, ours)
        socket.send_fds(_ours[0], [message], files)


def _end(loaded: "subprocess.Popen[bytes]", ours: socket.socket) -> None:
    ours.shutdown(socket.SHUT_RDWR)  # even if a process that was forked from this one still has it
    ours.close()
    loaded.wait(10)


def _load() -> None:
    from setproctitle import getproctitle

    getproctitle()  # it must find the memory of the title before the environment moves
    for name in ("app.cli", "app.web.app", "granian.cli", "alembic.command", "alembic.config"):
        import_module(name)
    from app.cli import COMMANDS

    for module, _, _ in COMMANDS.values():
        import_module(f"app.commands.{module}")
    import schemas
    from app.accounts import passwords
    from app.web import app
    from tests.hashing import CHEAP, NOBODY

    schemas.prepare()
    environment = app.prepare().jinja_env
    for template in environment.list_templates():  # as a server has them once each page was asked for
        environment.get_template(template)
    passwords._HASHER, passwords._NOBODY = CHEAP, NOBODY
    gc.collect()
    gc.freeze()  # so that no garbage collection in a command searches all this


def _next(asked: socket.socket) -> tuple[list[str], dict[str, str], "array.array[int]"] | None:
    message, files, _, _ = socket.recv_fds(asked, LARGEST, 3)
    if not message:
        return None
    words, environ = json.loads(message)
    return words, environ, array.array("i", files)


def _forked(asked: socket.socket) -> bool:
    """Serve commands. Returns True in the process of a command, and False at the end."""
    while (command := _next(asked)) is not None:
        words, environ, files = command
        if os.fork():
            for file in files:
                os.close(file)
            continue
        asked.close()
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        out, err, told = files
        pid = os.fork()
        if pid:
            os.close(out), os.close(err)
            os.write(told, b"%d\n" % pid)
            code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            with suppress(OSError):  # nobody wants to know
                os.write(told, b"%d\n" % code)
            os._exit(0)
        os.dup2(out, 1), os.dup2(err, 2)
        for file in files:
            os.close(file)
        os.environ.clear()
        os.environ.update(environ)
        time.tzset()
        sys.argv = ["pressrelay", *words]
        sys.modules["__main__"].__package__ = None  # click names a program that is a module by this
        return True
    return False


def _run() -> int:
    """Run the command of this process; its exit code."""
    from app.cli import main

    try:
        main()
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1
    return 0


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # so that the kernel reaps the keepers
    with socket.socket(fileno=int(sys.argv[1])) as asked:
        _load()
        if not _forked(asked):
            return
    code = _run()
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush(), sys.stderr.flush()
    os._exit(code)  # deleting every loaded object would take longer than most commands


if __name__ == "__main__":
    main()
