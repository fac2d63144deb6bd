"""`worker`: the background worker."""

import signal
import threading
from pathlib import Path

import click

from app.commands import connected
from app.run.worker import run


@click.command("worker")
def worker_command() -> None:
    """Run the background worker, which lifts embargoes and announces changes. It does nothing else, so nothing can delay it."""
    context = connected(lasting=True)  # While it waits for the database, a signal ends the process at once.
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    run(context.engine, context.cache, stop, Path(context.settings.data_dir))
