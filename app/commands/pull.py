"""`pull`: the process that pulls sources."""

import signal
import threading

import click

from app.commands import opened
from app.run.puller import run


@click.command("pull")
def pull_command() -> None:
    """Pull the sources that are due until SIGTERM or SIGINT, each in a process of its own. Several may run, on one or more hosts."""
    settings, engine = opened(lasting=True)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    run(settings, engine, stop)
    engine.dispose()
