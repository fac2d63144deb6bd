"""The address of this server: always its public URL, whatever a request says.

Werkzeug makes the URL of a redirect from the request's Host and scheme. But Host is whatever the client writes, and the scheme is that
of the connection from the proxy. So a layer in front of Flask (PEP 3333) replaces both, and routes never see the original values.
"""

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import urlsplit

Environ = dict[str, Any]
Application = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]
PORTS = {"http": 80, "https": 443}


def origin_of(url: str) -> str:
    """Scheme, host and port of a URL as browsers write them in `Origin` (RFC 6454, section 6.2)."""
    parts = urlsplit(url)
    scheme, host = parts.scheme.lower(), parts.hostname or ""
    port = "" if parts.port in (None, PORTS.get(scheme)) else f":{parts.port}"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}{port}"


class Placed:
    """The application under its public URL. Threads may share it: it never changes."""

    def __init__(self, application: Application, base: str) -> None:
        """`base`: the public URL, without a slash at the end."""
        parts = urlsplit(base)
        scheme, _, host = origin_of(base).partition("://")
        self.application = application
        self.environ = {
            "wsgi.url_scheme": scheme,
            "HTTP_HOST": host,
            "SERVER_NAME": parts.hostname or "",
            "SERVER_PORT": str(parts.port or PORTS[scheme]),
            "SCRIPT_NAME": parts.path.rstrip("/"),
        }

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Call the application with the public URL in the WSGI environment."""
        environ.update(self.environ)
        return self.application(environ, start_response)
