"""`deliver`: one delivery worker."""

import asyncio
import fcntl
import resource
import signal
from contextlib import suppress
from pathlib import Path

import click

from app.commands import Misconfigured, connected
from app.context import Context
from app.deliveries.purge import Purger
from app.deliveries.worker import Deliverer

FILES = 8192  # open files that a worker may need


@click.command("deliver")
@click.option(
    "--slot", default=0, show_default=True, help="Number of this worker; each worker of a host needs its own."
)
def deliver_command(slot: int) -> None:
    """Run one delivery worker for WebSub, webhooks and e-mail. Several may run on one or more hosts; on one host, each needs its own
    slot."""
    _allow_files()
    context = connected(lasting=True)
    path = Path(context.settings.data_dir) / f"deliver-{slot}.lock"
    with path.open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Misconfigured(
                f"A delivery worker already runs in slot {slot} of {context.settings.data_dir}."
                " Stop it, or give another --slot."
            ) from None
        # The name is slot and host: the very file that is locked, so a copied data directory has another name. If an earlier worker
        # of the same name was killed, this one takes over its deliveries.
        who = f"{context.cache.marks.host}:{slot}"
        with suppress(KeyboardInterrupt):
            asyncio.run(deliver(context, who, purges=slot == 0))


async def deliver(context: Context, who: str, *, purges: bool = False) -> None:
    """Deliver until SIGTERM or SIGINT. `purges`: also tell the caches in front what was withdrawn, if there are any."""
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    purging = [Purger(context).run(stop)] if purges and context.settings.purge_url else []
    await asyncio.gather(Deliverer(context, who).run(stop), *purging)


def _allow_files() -> None:
    """Raise the limit of open files. The usual 1,024 are too few for connections to thousands of subscribers."""
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    infinite = resource.RLIM_INFINITY
    if files != infinite and files < FILES:
        resource.setrlimit(resource.RLIMIT_NOFILE, (FILES if most == infinite else min(FILES, most), most))
