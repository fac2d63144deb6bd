"""`python -m tests.lifting URL INSTANT`: lift embargoes, and be killed. For each number on standard input, a process lifts and is
killed by SIGKILL before the statement with that number; the commit is the last statement. The exit code goes to standard output, 0
if the process was not killed.
"""

import os
import signal
import sys
from datetime import datetime

from sqlalchemy import event

from app import store


def lift(url: str, instant: datetime, statement: int) -> None:
    """Lift, but kill this process before that statement."""
    engine = store.connect(url)
    left = [statement]

    def count(*_: object) -> None:
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(engine, "before_cursor_execute", count)
    event.listen(engine, "commit", count)
    store.articles.lift(engine, instant)


def main(url: str, instant: str) -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            lift(url, datetime.fromisoformat(instant), int(line))
            os._exit(0)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
