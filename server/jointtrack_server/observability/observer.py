"""What both doors do around every request: count it, time it, name it, log it, trace it."""

import time
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from jointtrack_server.observability.codes import OK
from jointtrack_server.observability.facts import Facts
from jointtrack_server.observability.metrics import Metrics, RequestMetrics
from jointtrack_server.observability.request_id import IDS, request_id
from jointtrack_server.observability.request_log import RequestLog
from jointtrack_server.pipeline.stages import TRACE

if TYPE_CHECKING:
    from jointtrack_server.observability.spans import RequestSpan
    from jointtrack_server.observability.tracing import Tracing

REQUEST_ID_FIELD = "x-request-id"


class Called(NamedTuple):
    """How a span says what is asked for: OpenTelemetry's conventions for RPC and HTTP servers."""

    name: str
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Observer:
    """Shared by the doors; ``app`` makes it."""

    metrics: Metrics
    log: RequestLog | None = None
    tracing: "Tracing | None" = None

    def request(
        self,
        door: str,
        method: str,
        fields: Mapping[str, str],
        *,
        called: Called | None,
        peer: str = "",
        is_stream: bool = False,
    ) -> "ObservedRequest":
        """A request that begins: ``with observer.request(...) as observed``.

        ``fields`` are the headers or the metadata that came with it, names in lower case;
        ``called`` is ``None`` for those that are neither logged nor traced.
        """
        id_ = request_id(fields.get(REQUEST_ID_FIELD))
        trace = None
        if self.tracing is not None and called is not None:
            trace = self.tracing.begin(called, fields, peer)
        return ObservedRequest(
            door,
            method,
            id_,
            self.metrics.request(door, method, is_stream=is_stream),
            None if called is None else self.log,
            peer,
            trace,
            {"request_id": id_} if trace is None else {"request_id": id_, **trace.ids},
        )


@dataclass(slots=True)
class ObservedRequest:
    """A request under way.

    ``code`` is "OK" or the reason of its error, and counts at its end. ``key_id`` is empty until
    its caller was let in, and where no keys are asked for. ``facts`` go to its line in the log and
    to its span; ``ids`` to every line while it is worked for.
    """

    door: str
    method: str
    id: str
    _metrics: RequestMetrics
    _log: RequestLog | None
    peer: str
    _trace: "RequestSpan | None"
    ids: Mapping[str, str]
    code: str = OK
    key_id: str = ""
    http_method: str = ""
    http_status: int | None = None
    facts: Facts = field(default_factory=dict)
    _began_s: float = field(default=0.0, init=False)

    @property
    def trace(self) -> "RequestSpan | None":
        """Whom to tell of its stages and frames; ``None`` if nobody wants to know."""
        return self._trace if self._trace is not None and self._trace.is_recorded else None

    def __enter__(self) -> "ObservedRequest":
        CURRENT.set(self)
        IDS.set(self.ids)
        TRACE.set(self.trace)
        self._metrics.in_flight.inc()
        self._began_s = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        seconds = time.perf_counter() - self._began_s
        if self._metrics.seconds is not None:
            self._metrics.seconds.observe(seconds)
        self._metrics.in_flight.dec()
        self._metrics.requests(self.code).inc()
        if self._log is not None:
            self._log.add(self, seconds)
        if self._trace is not None:
            self._trace.end(self)


CURRENT: ContextVar[ObservedRequest] = ContextVar("request")
"""The request that the running task works for; unset outside of one."""
