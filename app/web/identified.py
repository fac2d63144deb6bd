"""Gives each request an id, which log lines, the audit log and the database name. A layer around Flask (PEP 3333).

The id comes from the proxy in front, if PRESSRELAY_PROXIES says that there is one and `X-Request-Id` has the form of an id;
otherwise it is made here. So nobody but the proxy chooses it. The answer names it, unless a cache may keep the answer: other readers
would get the id of a request that was not theirs. The fast lane answers before this layer, so its answers have none.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from app import spans
from app.requestid import is_request_id, new_request_id, working_for
from app.web.counting import AGAIN
from app.web.measured import METHODS, ROUTE
from app.web.origin import Application, Environ

HEADER = "X-Request-Id"
OWN = ("no-store", "private")  # of Cache-Control: the answer is for this client alone


class Identified:
    """The application, working for a request with an id. Threads may share it: it never changes."""

    def __init__(self, application: Application, trusted: bool) -> None:
        """`trusted`: every request comes through a proxy that sets the header."""
        self.application = application
        self.trusted = trusted

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """The answer of the application."""
        given = environ.get("HTTP_X_REQUEST_ID", "") if self.trusted else ""
        id = given if is_request_id(given) else new_request_id()

        told: list[str] = []

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            if any(word in value for name, value in headers if name.lower() == "cache-control" for word in OWN):
                headers = [*headers, (HEADER, id)]
            told.append(status[:3])
            return start_response(status, headers, *error)

        with working_for(id):
            if AGAIN in environ:  # asked a second time for one request, by the fast lane
                return self.application(environ, start)
            with spans.begin_trace(
                "HTTP", spans.SERVER, request=id, caller=environ.get("HTTP_TRACEPARENT", "")
            ) as span:
                parts = self.application(environ, start)
                _tell(span, environ, told)
            return parts


def _tell(span: spans.TraceSpan, environ: Environ, told: Sequence[str]) -> None:
    """Name the span of a request: https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-server. The route is in it, never
    the path or the query: those may name an article under embargo, or be a link that works once."""
    method, route = environ["REQUEST_METHOD"], environ.get(ROUTE, "")
    method = method if method in METHODS else "_OTHER"
    span.rename(f"{method if method != '_OTHER' else 'HTTP'} {route}".rstrip())
    span.set("http.request.method", method)
    span.set("url.scheme", environ["wsgi.url_scheme"])
    if route:
        span.set("http.route", route)
    if told:
        span.set("http.response.status_code", int(told[-1]))
        if told[-1] >= "500":
            span.fail(told[-1])
