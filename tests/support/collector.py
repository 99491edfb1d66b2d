"""An OpenTelemetry collector: the protocol's own service, which keeps the spans that it is sent."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.support.waiting import eventually

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
PARENT_ID = "b7ad6b7169203331"


def traceparent(trace_id: str = TRACE_ID, *, sampled: bool = True) -> tuple[str, str]:
    """The field of a caller that traces, as W3C Trace Context has it."""
    return "traceparent", f"00-{trace_id}-{PARENT_ID}-{int(sampled):02x}"


@dataclass(frozen=True)
class SentSpan:
    """A span and who sent it."""

    span: Span
    resource: dict[str, Any]
    scope: str

    @property
    def name(self) -> str:
        return self.span.name

    @property
    def id(self) -> str:
        return self.span.span_id.hex()

    @property
    def parent_id(self) -> str:
        return self.span.parent_span_id.hex()

    @property
    def attributes(self) -> dict[str, Any]:
        return _plain(self.span.attributes)

    def has(self, other: "SentSpan") -> bool:
        """Whether the other's time lies within this one's."""
        mine, its = self.span, other.span
        return (
            mine.start_time_unix_nano
            <= its.start_time_unix_nano
            <= its.end_time_unix_nano
            <= mine.end_time_unix_nano
        )


@dataclass
class Collector(TraceServiceServicer):
    """What arrived; ``endpoint`` is where."""

    endpoint: str = ""
    metadata: list[dict[str, Any]] = field(default_factory=list)
    requests: list[ExportTraceServiceRequest] = field(default_factory=list)

    def Export(self, request: ExportTraceServiceRequest, context: Any) -> Any:  # noqa: N802
        self.metadata.append(dict(context.invocation_metadata()))
        self.requests.append(request)
        return ExportTraceServiceResponse()

    @property
    def spans(self) -> list[SentSpan]:
        return [
            SentSpan(span, _plain(one.resource.attributes), scoped.scope.name)
            for request in list(self.requests)
            for one in request.resource_spans
            for scoped in one.scope_spans
            for span in scoped.spans
        ]

    def of(self, trace_id: str) -> list[SentSpan]:
        """The spans of a trace, by when they began."""
        found = [one for one in self.spans if one.span.trace_id.hex() == trace_id]
        return sorted(found, key=lambda one: one.span.start_time_unix_nano)

    def request(self, trace_id: str = TRACE_ID) -> SentSpan:
        """The span of the one request in a trace, which is the last to arrive."""

        def servers() -> list[SentSpan]:
            kind = Span.SpanKind.SPAN_KIND_SERVER
            return [one for one in self.of(trace_id) if one.span.kind == kind]

        eventually(servers)
        (found,) = servers()
        return found

    def inside(self, outer: SentSpan) -> list[SentSpan]:
        return [one for one in self.of(outer.span.trace_id.hex()) if one.parent_id == outer.id]


@contextmanager
def collector() -> Iterator[Collector]:
    """Over gRPC, on a port of its own."""
    found = Collector()
    server = grpc.server(ThreadPoolExecutor(2))
    add_TraceServiceServicer_to_server(found, server)  # type: ignore[no-untyped-call]
    found.endpoint = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    try:
        yield found
    finally:
        server.stop(None).wait()


@contextmanager
def http_collector() -> Iterator[Collector]:
    """Over HTTP, on a port of its own."""
    found = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            assert self.path == "/v1/traces"
            found.metadata.append({name.lower(): value for name, value in self.headers.items()})
            found.requests.append(ExportTraceServiceRequest.FromString(body))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.endpoint = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield found
        finally:
            server.shutdown()
            thread.join()


def _plain(attributes: "list[KeyValue] | Any") -> dict[str, Any]:
    return {one.key: getattr(one.value, str(one.value.WhichOneof("value"))) for one in attributes}
