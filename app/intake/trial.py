"""`python -m app.intake.trial`: prepares one release, from standard input to standard output, in a process that may crash.

Both are pickled: they come from, and go to, a process of the same server, which has the same rights.
"""

import os
import pickle
import resource
import sys

from app import store
from app.errors import Problem
from app.intake import releases

COMPUTING = 15  # seconds of processor time


def main() -> None:
    """Prepare the release, and answer with it or with the problem that it has."""
    resource.setrlimit(resource.RLIMIT_CPU, (COMPUTING, COMPUTING + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answer, sys.stdout = sys.stdout.buffer, sys.stderr  # nothing else may be written to the answer
    trial = pickle.loads(sys.stdin.buffer.read())
    assert isinstance(trial, releases.TrialRequest)
    engine = store.connect(trial.rules.settings.database)

    def files_of(guid: str) -> list[store.articles.FileRecord]:
        return store.articles.files_of(engine, guid)

    try:
        prepared: releases.Prepared | Problem = releases.prepare(
            trial.rules, trial.body, trial.content_type, files_of, trial.files, trial.assigned
        )
    except Problem as problem:
        prepared = problem
    answer.write(pickle.dumps(prepared))
    answer.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
