"""`metrics`: serve the metrics at an address of their own."""

import signal
import threading

import click
from prometheus_client import start_http_server

from app.commands import Misconfigured, opened
from app.context import cache_of
from app.run.metrics import registry


@click.command("metrics")
def metrics_command() -> None:
    """Serve the metrics at PRESSRELAY_METRICS_ADDRESS. `serve` starts this by itself if that is set."""
    settings, engine = opened(lasting=True)
    if not settings.metrics_address:
        raise Misconfigured("PRESSRELAY_METRICS_ADDRESS is not set. Set it to an address such as 127.0.0.1:9100.")
    host, _, port = settings.metrics_address.rpartition(":")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    shown = registry(settings, engine, cache_of(settings, engine))
    try:
        server, thread = start_http_server(int(port), host.strip("[]"), shown)
    except OSError as error:
        reason = error.strerror or str(error)
        raise Misconfigured(
            f"PRESSRELAY_METRICS_ADDRESS: {settings.metrics_address} cannot be used ({reason}). Choose another address."
        ) from None
    stop.wait()
    server.shutdown()
    thread.join()
    engine.dispose()
