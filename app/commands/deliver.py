"""`deliver`: a delivery worker alone."""

import asyncio
import fcntl
import signal
from contextlib import suppress
from pathlib import Path

import click

from app.commands.opened import database
from app.context import Context, connect
from app.errors import Misconfigured
from app.logs import configure
from app.push.deliver import Deliverer
from app.settings import load


@click.command("deliver")
@click.option("--slot", default=0, show_default=True, help="Which of this host's workers it is.")
def deliver_command(slot: int) -> None:
    """Run a delivery worker alone: WebSub, webhooks and e-mail. Several may run, on several hosts, each of a host in its own slot."""
    settings = load()
    configure(settings.log_format)
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
