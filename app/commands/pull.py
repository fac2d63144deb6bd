"""`pull`: the pulling of sources alone."""

import signal
import threading

import click

from app.commands.opened import database
from app.logs import configure
from app.run.puller import run
from app.settings import load


@click.command("pull")
def pull_command() -> None:
    """Pull the sources that are due, each in a process of its own, until SIGTERM or SIGINT. Several may run, on several hosts."""
    settings = load()
    configure(settings.log_format)
    engine = database(settings)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    run(settings, engine, stop)
    engine.dispose()
