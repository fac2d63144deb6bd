"""`python -m tests.delivering`: delivery workers without the second that loading one takes. For each line on standard input, a slot,
a worker of that slot is forked; its process id goes to standard output."""

import os
import signal
import sys

from app.commands.deliver import deliver_command
from app.run.process import die_with_parent
from schemas import codes


def main() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # who ends is not waited for
    parent = os.getpid()
    codes("region"), codes("topic")
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            die_with_parent(parent)
            deliver_command.main(["--slot", line.strip()], standalone_mode=False)
            os._exit(0)
        print(child, flush=True)


if __name__ == "__main__":
    main()
