"""What every answer tells a browser about itself: one set of security headers, whatever the route, the status and the method. A layer
before Flask (PEP 3333), so nothing that Flask answers goes without them; the fast lane keeps what passed here.

https://www.w3.org/TR/CSP3/, https://fetch.spec.whatwg.org/#cross-origin-resource-policy-header, RFC 6797 (HSTS), RFC 7034. A route
may say something stricter of its own, and then that is told; `frame-ancestors 'none'` is in all of them.
"""

from collections.abc import Callable, Iterable
from typing import Any

from app.web.origin import Application, Environ

# Data: nothing is loaded, run, sent or framed from it.
DATA = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
# The pages: our style sheet, pictures that articles show, and our own forms.
PAGE = (
    "default-src 'none'; style-src 'self'; img-src 'self' https: http: data:; base-uri 'none'; form-action 'self';"
    " frame-ancestors 'none'"
)
# What offices sent, as they sent it: it also has no origin, so it can read nothing here.
SANDBOX = f"sandbox; {DATA}"
FILE = "sandbox; default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

HEADERS = (
    ("Content-Security-Policy", DATA),
    ("X-Frame-Options", "DENY"),  # for browsers that do not know frame-ancestors
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "strict-origin-when-cross-origin"),
    ("Permissions-Policy", "camera=(), geolocation=(), microphone=()"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
)
CORP = "Cross-Origin-Resource-Policy"
HSTS = ("Strict-Transport-Security", "max-age=31536000")


class Protected:
    """The application with these headers on each of its answers. Threads share it; nothing of it changes."""

    def __init__(self, application: Application, base: str) -> None:
        """`base`: the public URL; HSTS is told where it is https."""
        self.application = application
        told = (*HEADERS, HSTS) if base.startswith("https://") else HEADERS
        self.told = tuple((name.lower(), (name, value)) for name, value in told)

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """As the application answers."""

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            said = {name.lower(): value for name, value in headers}
            headers = headers + [header for name, header in self.told if name not in said]
            if "cross-origin-resource-policy" not in said:
                # Other sites may show public files and read public feeds; what is somebody's own is for no other site.
                public = "public" in said.get("cache-control", "")
                headers.append((CORP, "cross-origin" if public else "same-origin"))
            return start_response(status, headers, *error)

        return self.application(environ, start)
