"""The peers: small real applications that serve the same articles, each as its own documentation shows.

They run under Granian with the options of `pressrelay serve`, and find what they serve by the environment variable BENCH_PEER.
"""

from collections.abc import Callable, Iterable
from typing import Any

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def at_once(application: Application) -> Application:
    """The same answers as lists: Granian sends those at once, and anything else by a way that costs Django milliseconds."""

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        parts = application(environ, start_response)
        try:
            return [b"".join(parts)]
        finally:
            close = getattr(parts, "close", None)  # PEP 3333
            if close is not None:
                close()

    return app
