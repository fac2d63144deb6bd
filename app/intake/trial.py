"""`python -m app.intake.trial`: reads one document, from standard input to standard output, in a process that may crash.

Standard input has the function to call; standard output has its result, or one of our own errors. Both are pickled: they come from,
and go to, a process of the same server, which has the same rights.
"""

import os
import pickle
import resource
import sys

from app.errors import PressrelayError

COMPUTING = 15  # seconds of processor time


def main() -> None:
    """Call it, and answer."""
    resource.setrlimit(resource.RLIMIT_CPU, (COMPUTING, COMPUTING + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answer, sys.stdout = sys.stdout.buffer, sys.stderr  # nothing else may be written to the answer
    read = pickle.loads(sys.stdin.buffer.read())
    try:
        found = read()
    except PressrelayError as error:
        found = error
    answer.write(pickle.dumps(found))
    answer.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
