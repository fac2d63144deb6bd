"""`worker`: the background worker alone."""

import signal
import threading
from pathlib import Path

import click

from app.commands.opened import database
from app.context import connect
from app.logs import configure
from app.run.worker import run
from app.settings import load
from app.witness import NAME, Witness


@click.command("worker")
def worker_command() -> None:
    """Run the background worker alone: lift embargoes, announce changes. It does nothing else, so that nothing can keep it."""
    settings = load()
    configure(settings.log_format)
    database(settings).dispose()
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    context = connect(settings)
    run(context.engine, context.cache, stop, Witness(Path(settings.data_dir).resolve() / NAME))
