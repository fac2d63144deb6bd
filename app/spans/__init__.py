"""Traces of OpenTelemetry: what a request, a lift, a pull or a delivery did, and how long each part took. It knows nothing of
articles.

Off unless the settings or the OTEL_* variables name a collector; only then the library (extra `otel`) is imported. The specification:
https://opentelemetry.io/docs/specs/otel/trace/

No text, guid, headline or address of an article is in a span: attributes are methods, routes, statuses, kinds and hosts. The ids of a
trace are derived from the id of its request, under the secret of the database. So a delivery finds the trace of the push that it comes
from, and a client cannot choose a trace, nor whether it is kept. The `traceparent` of a client is only linked: a service may begin its
own trace (https://www.w3.org/TR/trace-context/#security-considerations).
"""

import atexit
import logging
import os
import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from functools import wraps
from importlib.util import find_spec
from multiprocessing.util import Finalize
from typing import TYPE_CHECKING, ParamSpec, TypeVar
from urllib.parse import urlsplit

from app.errors import Misconfigured

if TYPE_CHECKING:
    from app.spans.tracer import Tracer

log = logging.getLogger("pressrelay.traces")
Value = str | int | float | bool
INTERNAL, SERVER, CLIENT, CONSUMER = "INTERNAL", "SERVER", "CLIENT", "CONSUMER"  # as opentelemetry.trace.SpanKind
OFF = "none"  # as a setting: no traces, whatever the environment says
ENDED_WITHIN = 3.0  # seconds that the last spans may take to be sent when the process ends
MISSING = "Traces need the extra otel. Install pressrelay[otel]."

Given = ParamSpec("Given")
Answer = TypeVar("Answer")

_tracer: "Tracer | None" = None  # of this process


class TraceSpan(AbstractContextManager["TraceSpan"]):
    """A span that is not recorded. app/spans/tracer.py has the one that is."""

    def __exit__(self, *_error: object) -> None:
        """Errors are not caught here."""

    def set(self, name: str, value: Value) -> None:
        """Give the span an attribute."""

    def rename(self, name: str) -> None:
        """Give the span its name, which is known only now."""

    def fail(self, kind: str) -> None:
        """Mark the span as failed, with the class of the error or the status of the answer."""

    def link(self, requests: Sequence[str]) -> None:
        """Link the span to the traces of these requests."""


NOTHING = TraceSpan()


def collector(url: str) -> str:
    """Where traces are sent: the URL of a setting, else of the environment; empty: nowhere. A URL without a path gets that of OTLP.
    https://opentelemetry.io/docs/specs/otel/protocol/exporter/"""
    variable = os.environ.get
    if url == OFF or variable("OTEL_SDK_DISABLED", "").lower() == "true":
        return ""
    if url:
        return url if urlsplit(url).path.strip("/") else f"{url.rstrip('/')}/v1/traces"
    exporter = variable("OTEL_TRACES_EXPORTER", "")
    if exporter not in ("", "otlp"):
        return ""
    own, base = variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", ""), variable("OTEL_EXPORTER_OTLP_ENDPOINT", "")
    if not own and not base and not exporter:
        return ""
    return own or f"{(base or 'http://localhost:4318').rstrip('/')}/v1/traces"


def preload(url: str) -> str:
    """Import the library before processes are forked, so that they share it, if traces are sent. `url`: of the settings. A sentence
    that warns, if the environment asks for traces that cannot be sent. Raises Misconfigured if the setting does."""
    if not collector(url):
        return ""
    if find_spec("opentelemetry") is None or find_spec("opentelemetry.exporter") is None:
        if url:
            raise Misconfigured(f"PRESSRELAY_TRACES_URL: {MISSING}")
        return f"OTEL_* variables name a collector. {MISSING} Or set PRESSRELAY_TRACES_URL=none."
    import app.spans.tracer as _loaded  # noqa: F401

    return ""


def start(url: str, secret: bytes, version: str = "") -> None:
    """Send the traces of this process from now on, if anywhere. `url`: of the settings. `secret`: of the database. The thread that
    sends them begins here, so call it after a fork. Raises Misconfigured."""
    global _tracer
    if warning := preload(url):
        log.warning("%s", warning)
    elif endpoint := collector(url):
        from app.spans.tracer import Tracer

        _tracer = Tracer(endpoint, secret, version)
        Finalize(None, finish, exitpriority=1)  # a process that was forked ends without atexit
        atexit.register(finish)


def finish() -> None:
    """Send what is left, in a few seconds or not at all, because this process ends."""
    global _tracer
    tracer, _tracer = _tracer, None
    if tracer is not None:
        ending = threading.Thread(target=tracer.finish, args=(ENDED_WITHIN,), name="last-spans", daemon=True)
        ending.start()
        ending.join(ENDED_WITHIN)


def are_sent() -> bool:
    """Whether this process sends traces."""
    return _tracer is not None


def span(name: str, kind: str = INTERNAL, /, **attributes: Value) -> AbstractContextManager[TraceSpan]:
    """A span within the trace of this thread or task; it does nothing if there is no trace. Two underscores in the name of an
    attribute stand for its dot."""
    if _tracer is None or not _tracer.within():
        return NOTHING
    return _tracer.span(name, kind, attributes)


def begin_trace(
    name: str, kind: str = INTERNAL, /, *, request: str = "", caller: str = "", **attributes: Value
) -> AbstractContextManager[TraceSpan]:
    """A new trace: that of the request with this id, if there is one. `caller`: the traceparent of a client, which is linked."""
    if _tracer is None:
        return NOTHING
    return _tracer.trace(name, kind, request, caller, attributes)


def followed(
    name: str, kind: str, requests: Sequence[str], /, **attributes: Value
) -> AbstractContextManager[TraceSpan]:
    """A span in the trace of the first of these requests, which are over by now, with links to those of the others."""
    if _tracer is None:
        return NOTHING
    return _tracer.followed(name, kind, [request for request in dict.fromkeys(requests) if request], attributes)


def traced(name: str) -> Callable[[Callable[Given, Answer]], Callable[Given, Answer]]:
    """Make a span of each call of a function."""

    def decorate(function: Callable[Given, Answer]) -> Callable[Given, Answer]:
        @wraps(function)
        def run(*arguments: Given.args, **named: Given.kwargs) -> Answer:
            if _tracer is None:
                return function(*arguments, **named)
            with span(name):
                return function(*arguments, **named)

        return run

    return decorate
