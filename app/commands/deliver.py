"""`deliver`: a delivery worker alone."""

import asyncio
import fcntl
import resource
import signal
from contextlib import suppress
from pathlib import Path

import click

from app.commands.opened import database
from app.context import Context, connect
from app.deliveries.worker import Deliverer
from app.errors import Misconfigured
from app.logs import configure
from app.settings import load

FILES = 8192  # that a worker may have open


@click.command("deliver")
@click.option("--slot", default=0, show_default=True, help="Which of this host's workers it is.")
def deliver_command(slot: int) -> None:
    """Run a delivery worker alone: WebSub, webhooks and e-mail. Several may run, on several hosts, each of a host in its own slot."""
    settings = load()
    configure(settings.log_format)
    _allow_files()
    database(settings).dispose()
    context = connect(settings)
    path = Path(settings.data_dir) / f"deliver-{slot}.lock"
    with path.open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Misconfigured(f"A delivery worker runs in slot {slot} of {settings.data_dir} already.") from None
        # Of its host and slot: what one of the same name left when it was killed is this one's.
        who = f"{context.cache.marks.host}:{slot}"
        with suppress(KeyboardInterrupt):
            asyncio.run(deliver(context, who))


async def deliver(context: Context, who: str) -> None:
    """Deliver until SIGTERM or SIGINT."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await Deliverer(context, who).run(stop)


def _allow_files() -> None:
    """A connection each to thousands of subscribers: 1,024 files, the usual limit, are few, and more are there for the asking."""
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    infinite = resource.RLIM_INFINITY
    if files != infinite and files < FILES:
        resource.setrlimit(resource.RLIMIT_NOFILE, (FILES if most == infinite else min(FILES, most), most))
