"""How a child process ends: with its parent, and at once while it still starts."""

import ctypes
import os
import signal

PR_SET_PDEATHSIG = 1


def die_with_parent(parent: int) -> None:
    """End this process when `parent` does. Call it on the child's main thread."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent:  # It died before the call.
        os._exit(1)


def end_when_told() -> None:
    """Take SIGTERM as any new process does. A forked child has its parent's handler, which in the child does nothing: a
    server that is stopped while it starts would wait for a child that never heard of it."""
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
