"""Set-up of every process: its files are private to its user, and it ends with its parent, also during its start."""

import ctypes
import os
import signal
import socket
import threading

PR_SET_PDEATHSIG = 1
ending = threading.Event()  # set when this process has to end: nothing in it may go on waiting then


def keep_private() -> None:
    """Make all files that this process and its children write private to their user. Call it before anything is written."""
    os.umask(0o077)


def die_with_parent(parent: int) -> None:
    """End this process when `parent` does. Call it on the child's main thread."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # The parent died before the call.
        os._exit(1)


def end_on_sigterm() -> None:
    """Restore the default action of SIGTERM. A forked child inherits its parent's handler, which does not end the child. A server that
    is stopped while it starts would then wait for the child forever."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)


def hear_the_end() -> None:
    """Set `ending` when SIGTERM or SIGINT comes. The web server installs its own handler later, so this uses the wakeup file
    descriptor instead of a handler: https://docs.python.org/3/library/signal.html#signal.set_wakeup_fd
    Call it on the process's main thread."""
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)

    def listen() -> None:
        while True:  # both ends stay open as long as the process
            if reader.recv(1)[0] in (signal.SIGTERM, signal.SIGINT) and writer.fileno():
                ending.set()

    threading.Thread(target=listen, name="hear-the-end", daemon=True).start()
