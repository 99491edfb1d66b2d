"""OpenTelemetry tracing, imported only where it is on.

Endpoint, headers, sampler, resource, limits and propagators come from the standard OTEL_ variables,
which the SDK reads by itself.
"""

import os
import sys
import threading
import uuid
from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING

from opentelemetry import propagate
from opentelemetry.context import Context
from opentelemetry.sdk.environment_variables import (
    OTEL_EXPORTER_OTLP_PROTOCOL,
    OTEL_EXPORTER_OTLP_TRACES_PROTOCOL,
)
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import (
    BatchSpanProcessor,
    ConsoleSpanExporter,
    SimpleSpanProcessor,
    SpanExporter,
)
from opentelemetry.trace import SpanKind
from opentelemetry.util.types import AnyValue

from jointtrack_server.errors import StartupError
from jointtrack_server.observability.spans import Clock, RequestSpan

if TYPE_CHECKING:
    from jointtrack_server.observability.observer import Called

CLOSE_S = 5.0
"""For the spans that wait to leave when the server stops."""

_PROTOCOLS = {"grpc": "grpc", "http/protobuf": "http"}


class Tracing:
    """Makes the spans of one server process, and sends them; ``close`` sends those that wait."""

    def __init__(self, processor: SpanProcessor, exporter: SpanExporter, version: str) -> None:
        self._exporter = exporter
        # Not made the global one: libraries that know it would then record in their own way too.
        self._provider = TracerProvider(resource=_resource(version), shutdown_on_exit=False)
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("jointtrack_server", version)

    def begin(self, called: "Called", fields: Mapping[str, str], peer: str) -> RequestSpan:
        """The span of a request; ``fields`` hold the trace that its caller is in."""
        clock = Clock()
        span = self._tracer.start_span(
            called.name,
            propagate.extract(fields, Context()),
            SpanKind.SERVER,
            {**called.attributes, "client.address": peer} if peer else called.attributes,
            start_time=clock.began_ns,
        )
        return RequestSpan(self._tracer, span, clock)

    def close(self) -> None:
        """Ends soon after ``CLOSE_S``, whether or not somebody takes the spans."""
        closing = threading.Thread(target=self._provider.shutdown, daemon=True)
        closing.start()
        closing.join(CLOSE_S)
        if closing.is_alive():
            self._exporter.shutdown()
            closing.join(1.0)


def start_tracing(kind: str, version: str) -> Tracing:
    """``kind`` is "otlp", or "console" for a line of JSON a span on standard output.

    Raises StartupError for OTEL_ variables that cannot be used.
    """
    try:
        if kind == "console":
            exporter: SpanExporter = ConsoleSpanExporter(out=sys.stdout, formatter=_line)
            return Tracing(SimpleSpanProcessor(exporter), exporter, version)
        exporter = _otlp_exporter()
        return Tracing(BatchSpanProcessor(exporter), exporter, version)
    except (ValueError, OSError) as error:
        raise StartupError(
            f"Tracing cannot start: {error}. Look at the variables that begin with OTEL_."
        ) from error


def _otlp_exporter() -> SpanExporter:
    variable = OTEL_EXPORTER_OTLP_TRACES_PROTOCOL
    protocol = os.environ.get(variable) or os.environ.get(OTEL_EXPORTER_OTLP_PROTOCOL) or "grpc"
    if protocol not in _PROTOCOLS:
        raise StartupError(
            f"{OTEL_EXPORTER_OTLP_PROTOCOL} is {protocol!r}. Use {' or '.join(_PROTOCOLS)}."
        )
    module = f"opentelemetry.exporter.otlp.proto.{_PROTOCOLS[protocol]}.trace_exporter"
    exporter: SpanExporter = import_module(module).OTLPSpanExporter()
    return exporter


def _line(span: ReadableSpan) -> str:
    return f"{span.to_json(indent=None)}\n"


def _resource(version: str) -> Resource:
    """What the OTEL_ variables say of this server wins over what we do."""
    ours: dict[str, AnyValue] = {
        "service.name": "jointtrack",
        "service.version": version,
        "service.instance.id": str(uuid.uuid4()),
        "process.pid": os.getpid(),
    }
    return Resource.create({**ours, **OTELResourceDetector().detect().attributes})
