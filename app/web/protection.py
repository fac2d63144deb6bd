"""The security headers of every answer, whatever the route, the status and the method; of a 304, those of the stored answer count. A
layer in front of Flask (PEP 3333) adds them, so no answer of Flask lacks them; the copies of the fast lane have them too.

https://www.w3.org/TR/CSP3/, https://fetch.spec.whatwg.org/#cross-origin-resource-policy-header, RFC 6797 (HSTS), RFC 7034. If a route
sets one of these headers itself, its own value is used. All policies but FRAME contain `frame-ancestors 'none'`.
"""

from collections.abc import Callable, Iterable
from typing import Any

from app.liveness import draining
from app.web.conditional import of_304
from app.web.origin import Application, Environ

# For data: a browser may not load anything for it, run it, send from it or frame it.
DATA = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
# For pages: our style sheet and scripts, the pictures of articles, and our own forms. Nothing inline, and nothing of another site but
# pictures. No upload is a script: app/files/filetypes.py refuses them, and `nosniff` keeps a browser from taking a text for one.
PAGE = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' https: http: data:;"
    " base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
# For the page that any site may show in a frame: it has neither forms nor scripts, so there is nothing to make somebody press.
FRAME = "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors *"
# For the bytes that offices sent: they also get no origin, so they can read nothing here.
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
CLOSE = (
    "Connection",
    "close",
)  # RFC 9112, section 9.6: a proxy must not send the next request on a connection that ends
HSTS = ("Strict-Transport-Security", "max-age=31536000")


class Protected:
    """The application with these headers on each of its answers. Threads may share it: it never changes."""

    def __init__(self, application: Application, base: str) -> None:
        """`base`: the public URL; if it is https, HSTS is sent."""
        self.application = application
        headers = (*HEADERS, HSTS) if base.startswith("https://") else HEADERS
        self.headers = tuple((name.lower(), (name, value)) for name, value in headers)

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """The answer of the application with the security headers."""

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            if status.startswith("304 "):
                return start_response(status, [*of_304(headers), *([CLOSE] if draining() else [])], *error)
            own = {name.lower(): value for name, value in headers}
            if own.get("content-security-policy") == FRAME:
                own["x-frame-options"] = ""  # It has no value for "any site", and is left out.
            headers = headers + [header for name, header in self.headers if name not in own]
            if "cross-origin-resource-policy" not in own:
                # Other sites may show public files and read public feeds, but not private answers.
                public = "public" in own.get("cache-control", "")
                headers.append((CORP, "cross-origin" if public else "same-origin"))
            if draining():
                headers.append(CLOSE)
            return start_response(status, headers, *error)

        return self.application(environ, start)
