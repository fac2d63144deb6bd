"""`desk`: the process that publishes scheduled drafts."""

import signal
import threading

import click

from app.commands import connected
from app.run.desk import run


@click.command("desk")
def desk_command() -> None:
    """Publish the desk's scheduled drafts until SIGTERM or SIGINT. Several may run, on one or more hosts."""
    context = connected(lasting=True)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    run(context, stop)
