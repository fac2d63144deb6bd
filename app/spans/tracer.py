"""Makes spans with the library of OpenTelemetry, and sends them to a collector. Only app/spans/__init__.py imports this, and only when
traces are on."""

import hashlib
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanLimits, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    get_current_span,
    set_span_in_context,
    use_span,
)
from opentelemetry.trace import Span as OtelSpan
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from app.spans import TraceSpan, Value

log = logging.getLogger("pressrelay.traces")
PERSON = b"pressrelay trace"  # of BLAKE2b: these hashes are of no use elsewhere
LONGEST = 128  # characters of a traceparent; version 00 has 55
AGAIN = 600.0  # seconds after which it is logged again that the collector does not take spans
LINKS = 64  # of a span

_own: ContextVar[tuple[int, int] | None] = ContextVar("own_ids", default=None)


class DerivedIds(RandomIdGenerator):
    """Random ids, except for the first span of a request."""

    def generate_span_id(self) -> int:
        own = _own.get()
        return super().generate_span_id() if own is None else own[1]

    def generate_trace_id(self) -> int:
        own = _own.get()
        return super().generate_trace_id() if own is None else own[0]


class PatientExporter(SpanExporter):
    """Sends spans, and logs one line when that begins to fail, and one when it works again: the library logs each failure."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self._failing = 0.0  # monotonic seconds of the last line; 0: it works

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        try:
            result = self._exporter.export(spans)
        except Exception:  # whatever the library meets, the thread that sends goes on
            result = SpanExportResult.FAILURE
        if result is SpanExportResult.SUCCESS:
            if self._failing:
                log.info("The collector takes traces again.")
            self._failing = 0.0
        elif time.monotonic() > self._failing + AGAIN or not self._failing:
            log.warning("The collector does not take traces. They are lost until it does; nothing else waits for it.")
            self._failing = time.monotonic()
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


class RecordedSpan(TraceSpan):
    """A span that is recorded."""

    def __init__(self, tracer: "Tracer", span: OtelSpan) -> None:
        self._tracer = tracer
        self._span = span

    def set(self, name: str, value: Value) -> None:
        self._span.set_attribute(name, value)

    def rename(self, name: str) -> None:
        self._span.update_name(name)

    def fail(self, kind: str) -> None:
        self._span.set_attribute("error.type", kind)
        self._span.set_status(Status(StatusCode.ERROR))

    def link(self, requests: Sequence[str]) -> None:
        for request in requests[:LINKS]:
            self._span.add_link(self._tracer.origin(request))


class Tracer:
    """The spans of this process. Threads share it."""

    def __init__(self, endpoint: str, secret: bytes, version: str) -> None:
        """Starts the thread that sends spans. The OTEL_* variables for samplers, queues, headers and the resource apply."""
        logging.getLogger("opentelemetry").setLevel(logging.CRITICAL)  # PatientExporter says it once
        resource = Resource.create()
        if str(resource.attributes["service.name"]).startswith("unknown_service"):  # OTEL_SERVICE_NAME wins
            resource = resource.merge(Resource({"service.name": "pressrelay"}))
        if version:
            resource = Resource({"service.version": version}).merge(resource)
        self._secret = secret
        self._provider = TracerProvider(
            resource=resource,
            id_generator=DerivedIds(),
            span_limits=SpanLimits(max_links=LINKS),
            shutdown_on_exit=False,
        )
        self._processor = BatchSpanProcessor(PatientExporter(OTLPSpanExporter(endpoint=endpoint)))
        self._provider.add_span_processor(self._processor)
        self._tracer = self._provider.get_tracer("pressrelay", version)

    def finish(self, within: float) -> None:
        """Send what is left. `within`: seconds."""
        self._processor._batch_processor.shutdown(int(within * 1000))  # the public one waits for 30 seconds

    def within(self) -> bool:
        """Whether this thread or task is within a span that is recorded."""
        return get_current_span().is_recording()

    def origin(self, request: str) -> SpanContext:
        """The first span of a request, in the form that is needed to continue its trace."""
        trace, span = self._ids(request)
        taken = self._provider.sampler.should_sample(Context(), trace, "request").decision
        flags = TraceFlags(TraceFlags.SAMPLED if taken is Decision.RECORD_AND_SAMPLE else TraceFlags.DEFAULT)
        return SpanContext(trace, span, is_remote=True, trace_flags=flags)

    def _ids(self, request: str) -> tuple[int, int]:
        digest = hashlib.blake2b(request.encode(), digest_size=24, key=self._secret[:64], person=PERSON).digest()
        return int.from_bytes(digest[:16]), int.from_bytes(digest[16:])

    @contextmanager
    def span(self, name: str, kind: str, attributes: Mapping[str, Value]) -> Iterator[TraceSpan]:
        """A part of the present span."""
        with self._recorded(name, kind, None, (), attributes) as made:
            yield made

    @contextmanager
    def trace(
        self, name: str, kind: str, request: str, caller: str, attributes: Mapping[str, Value]
    ) -> Iterator[TraceSpan]:
        """The first span of a trace."""
        with self._recorded(name, kind, Context(), _links(caller), attributes, request) as made:
            yield made

    @contextmanager
    def followed(
        self, name: str, kind: str, requests: Sequence[str], attributes: Mapping[str, Value]
    ) -> Iterator[TraceSpan]:
        """A span in the trace of the first of these requests."""
        context = set_span_in_context(NonRecordingSpan(self.origin(requests[0]))) if requests else Context()
        links = [Link(self.origin(request)) for request in requests[1:LINKS]]
        with self._recorded(name, kind, context, links, attributes) as made:
            yield made

    @contextmanager
    def _recorded(
        self,
        name: str,
        kind: str,
        context: Context | None,
        links: Sequence[Link],
        attributes: Mapping[str, Value],
        request: str = "",
    ) -> Iterator[TraceSpan]:
        """An error that leaves the block is told by its class alone: a message may have words of a release."""
        token = _own.set(self._ids(request) if request else None)
        try:
            dotted: dict[str, Any] = {key.replace("__", "."): value for key, value in attributes.items()}
            span = self._tracer.start_span(name, context, SpanKind[kind], dotted, links)
        finally:
            _own.reset(token)
        made = RecordedSpan(self, span)
        with use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
            try:
                yield made
            except Exception as error:
                made.fail(type(error).__qualname__)
                raise


def _links(caller: str) -> list[Link]:
    """A link to the span that a client says it is in; none if what it says is not valid."""
    if not caller or len(caller) > LONGEST:
        return []
    context = TraceContextTextMapPropagator().extract({"traceparent": caller}, Context())
    found = get_current_span(context).get_span_context()
    return [Link(found)] if found.is_valid else []
