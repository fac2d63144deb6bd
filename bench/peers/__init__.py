"""The peers: small real applications that serve the same articles, each written as its framework's documentation shows.

They run under Granian with the options of `pressrelay serve`. The environment variable BENCH_PEER names the file that they serve from.
"""

from collections.abc import Callable, Iterable
from typing import Any

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def at_once(application: Application) -> Application:
    """The same application with its answers as lists. Granian sends lists at once; other iterables cost Django milliseconds."""

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        parts = application(environ, start_response)
        try:
            return [b"".join(parts)]
        finally:
            close = getattr(parts, "close", None)  # PEP 3333
            if close is not None:
                close()

    return app
