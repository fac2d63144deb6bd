"""Measures how long the answers of the routes take (app/measures.py). A layer around Flask (PEP 3333); the fast lane measures its own.

Nobody may learn from a metric that something waits. So an answer is not measured if it is private, or if the request had
credentials, unless the route says that the answer is public anyway. Failures of the server (5xx) are always measured. A push is
measured if none of its articles waits; the route says so (`may_measure`).
"""

from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Any

from flask import Flask, request

from app.measures import Labels, took
from app.web.counting import AGAIN
from app.web.origin import Application, Environ

__all__ = ["HOT", "NAME", "ROUTE", "Labels", "Measured", "install", "may_measure", "took"]

NAME = "request_seconds"
ROUTE = "pressrelay.route"  # keys of the WSGI environment
MEASURED = "pressrelay.measured"
METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
WHO = ("HTTP_AUTHORIZATION", "HTTP_SIGNATURE_INPUT")
LONG, HOT = "long", "hot"  # ways: through Flask, through the fast lane


class Measured:
    """The application, with the duration of its answers measured. Threads may share it: it never changes."""

    def __init__(self, application: Application) -> None:
        self.application = application

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """The answer of the application. The time until it is made is measured, not the time in which it is sent."""
        began = perf_counter()
        told: list[tuple[str, list[tuple[str, str]]]] = []

        def start(status: str, headers: list[tuple[str, str]], *error: Any) -> Any:
            told.append((status[:3], headers))
            return start_response(status, headers, *error)

        parts = self.application(environ, start)
        if told and AGAIN not in environ and _may(environ, *told[-1]):
            method = environ["REQUEST_METHOD"]
            labels = (LONG, environ.get(ROUTE, ""), method if method in METHODS else "other", told[-1][0])
            took(NAME, labels, perf_counter() - began)
        return parts


def install(app: Flask) -> None:
    """Measure the answers of an application. The route of a request is known before any other function of it runs."""

    def note() -> None:
        request.environ[ROUTE] = request.url_rule.rule if request.url_rule else ""

    app.before_request_funcs.setdefault(None, []).insert(0, note)
    app.wsgi_app = Measured(app.wsgi_app)  # type: ignore[method-assign]


def may_measure() -> None:
    """Say that the answer to this request reveals nothing about what waits, although the request had credentials."""
    request.environ[MEASURED] = True


def _may(environ: Environ, status: str, headers: list[tuple[str, str]]) -> bool:
    if status >= "500" or MEASURED in environ:
        return True
    control = next((value for name, value in headers if name.lower() == "cache-control"), "")
    if "private" in control:
        return False
    known = any(name in environ for name in WHO) or "pressrelay=" in environ.get("HTTP_COOKIE", "")
    return not known or "public" in control
