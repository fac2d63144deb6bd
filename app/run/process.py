"""What every process does: it writes for its own user alone, and it ends with its parent, at once while it still starts."""

import ctypes
import os
import signal
import socket
import threading

PR_SET_PDEATHSIG = 1
ending = threading.Event()  # this process was told to end: who waits for something in it must not wait on


def keep_private() -> None:
    """Whatever this process and its children write is for their own user alone. Call it before anything is written."""
    os.umask(0o077)


def die_with_parent(parent: int) -> None:
    """End this process when `parent` does. Call it on the child's main thread."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # It died before the call.
        os._exit(1)


def end_when_told() -> None:
    """Take SIGTERM as any new process does. A forked child has its parent's handler, which in the child does nothing: a
    server that is stopped while it starts would wait for a child that never heard of it."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def hear_the_end() -> None:
    """Set `ending` when SIGTERM or SIGINT comes, whoever handles it: the web server puts a handler of its own in place later,
    so the signal is heard at the wakeup descriptor. https://docs.python.org/3/library/signal.html#signal.set_wakeup_fd
    Call it on the process's main thread."""
    hears, tells = socket.socketpair()
    tells.setblocking(False)
    signal.set_wakeup_fd(tells.fileno(), warn_on_full_buffer=False)

    def listen() -> None:
        while True:  # both ends stay open as long as the process
            if hears.recv(1)[0] in (signal.SIGTERM, signal.SIGINT) and tells.fileno():
                ending.set()

    threading.Thread(target=listen, name="hear-the-end", daemon=True).start()
