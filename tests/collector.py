"""A collector of OpenTelemetry that speaks OTLP over HTTP on a real socket, and keeps what it gets."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from msgspec import Struct
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

KINDS = ("", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")


class Sent(Struct, frozen=True):
    """A span as it came."""

    name: str
    kind: str
    trace: bytes
    id: bytes
    parent: bytes
    links: tuple[tuple[bytes, bytes], ...]
    attributes: dict[str, Any]
    failed: bool
    service: str


class Collector:
    """`mood`: what it does with a request: "ok", "refuse" or "hang"."""

    def __init__(self) -> None:
        self.spans: list[Sent] = []
        self.bodies: list[bytes] = []
        self.mood = "ok"
        self.asked = 0
        self.released = threading.Event()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                collector.asked += 1
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if collector.mood == "hang":
                    collector.released.wait(60)
                if collector.mood != "ok":
                    self.send_error(400)
                    return
                assert self.path == "/v1/traces" and self.headers["Content-Type"] == "application/x-protobuf"
                collector.take(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)
                answer = ExportTraceServiceResponse().SerializeToString()
                self.send_response(200)
                self.send_header("Content-Type", "application/x-protobuf")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    def take(self, body: bytes) -> None:
        self.bodies.append(body)
        for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            told = {one.key: one.value.string_value for one in resource.resource.attributes}
            for scope in resource.scope_spans:
                self.spans += [_read(span, told) for span in scope.spans]

    def named(self, name: str) -> list[Sent]:
        return [span for span in list(self.spans) if span.name == name]

    def below(self, parent: Sent) -> dict[str, Any]:
        """The names of the spans below a span, as a tree; of several of one name, the last."""
        children = [span for span in list(self.spans) if (span.trace, span.parent) == (parent.trace, parent.id)]
        return {span.name: self.below(span) for span in children}

    def stop(self) -> None:
        self.released.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)


def _read(span: Any, told: dict[str, str]) -> Sent:
    attributes = {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in span.attributes}
    links = tuple((link.trace_id, link.span_id) for link in span.links)
    return Sent(
        *(span.name, KINDS[span.kind], span.trace_id, span.span_id, span.parent_span_id, links, attributes),
        *(span.status.code == 2, told.get("service.name", "")),
    )


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector, stopped at the end."""
    collector = Collector()
    try:
        yield collector
    finally:
        collector.stop()
