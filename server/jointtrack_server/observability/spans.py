"""The spans of one request: its own, one for each stage, and those of a stream's frames."""

import time
from typing import TYPE_CHECKING

from opentelemetry.context import Context
from opentelemetry.trace import (
    Span,
    StatusCode,
    Tracer,
    format_span_id,
    format_trace_id,
    set_span_in_context,
)

from jointtrack_server.error_codes import ERROR_CODES
from jointtrack_server.errors import JointTrackError, Reason
from jointtrack_server.observability.codes import CANCELLED, DROPPED, OK
from jointtrack_server.pipeline.frames import Dropped
from jointtrack_server.pipeline.options import Detection

if TYPE_CHECKING:
    from jointtrack_server.observability.observer import ObservedRequest

DENSE_FRAMES = 100
"""So many frames of a stream have a span, then as many, every second one, then every fourth, and so
on: the trace of a stream of hours stays one that can be looked at."""


class Clock:
    """Instants of ``time.perf_counter`` as the nanoseconds since 1970 that spans are in.

    The time of day is read once for each request: whatever is done to it meanwhile, stages lie
    inside their request.
    """

    __slots__ = ("_offset_ns", "began_ns")

    def __init__(self) -> None:
        self.began_ns = time.time_ns()
        self._offset_ns = self.began_ns - time.perf_counter_ns()

    def at(self, instant_s: float) -> int:
        return int(instant_s * 1e9) + self._offset_ns

    def now(self) -> int:
        return time.perf_counter_ns() + self._offset_ns


class _SpanWithStages:
    def __init__(self, tracer: Tracer, span: Span, clock: Clock) -> None:
        self._tracer = tracer
        self._span = span
        self._clock = clock
        self._inside = set_span_in_context(span, Context())

    def stage(self, name: str, began_s: float, ended_s: float, error: BaseException | None) -> None:
        span = self._tracer.start_span(name, self._inside, start_time=self._clock.at(began_s))
        if error is not None:
            _mark(span, _code(error))
        span.end(self._clock.at(ended_s))


class RequestSpan(_SpanWithStages):
    """``end`` is the last that is told to it."""

    def __init__(self, tracer: Tracer, span: Span, clock: Clock) -> None:
        super().__init__(tracer, span, clock)
        self._frames = 0
        self._frames_with_span = 0
        self._every = 1
        self._open: set[FrameSpan] = set()

    @property
    def is_recorded(self) -> bool:
        """Whether the sampler took it."""
        return self._span.is_recording()

    @property
    def ids(self) -> dict[str, str]:
        """What leads from a line of the log to the trace."""
        context = self._span.get_span_context()
        return {
            "trace_id": format_trace_id(context.trace_id),
            "span_id": format_span_id(context.span_id),
        }

    def frame(self, sequence_id: int) -> "FrameSpan | FrameWithoutSpan":
        """A frame of the stream that has come."""
        number, every = self._frames, self._every
        self._frames += 1
        if number % every != 0:
            return FrameWithoutSpan(self, sequence_id)
        self._frames_with_span += 1
        if self._frames_with_span % DENSE_FRAMES == 0:
            self._every *= 2
        span = self._tracer.start_span(
            "frame",
            self._inside,
            attributes={
                "jointtrack.frame.sequence_id": sequence_id,
                "jointtrack.frame.one_of": every,
            },
            start_time=self._clock.now(),
        )
        frame = FrameSpan(self, sequence_id, self._tracer, span, self._clock)
        self._open.add(frame)
        return frame

    def answered(self, sequence_id: int, code: str) -> None:
        """What became of a frame; the SDK keeps the last 128 of those that went wrong."""
        if code != OK:
            self._span.add_event(
                "frame dropped" if code == DROPPED else "frame failed",
                {"jointtrack.frame.sequence_id": sequence_id, "jointtrack.code": code},
                self._clock.now(),
            )

    def closed(self, frame: "FrameSpan") -> None:
        self._open.discard(frame)

    def end(self, request: "ObservedRequest") -> None:
        for frame in tuple(self._open):
            frame.close(CANCELLED)
        if self.is_recorded:
            self._span.set_attributes(_attributes(request))
            _mark(self._span, request.code)
        self._span.end(self._clock.now())


class FrameSpan(_SpanWithStages):
    """The span of one frame of a stream, from its coming to its answer."""

    def __init__(
        self, stream: RequestSpan, sequence_id: int, tracer: Tracer, span: Span, clock: Clock
    ) -> None:
        super().__init__(tracer, span, clock)
        self._stream = stream
        self._sequence_id = sequence_id

    def answered(self, outcome: Detection | JointTrackError | Dropped) -> None:
        if isinstance(outcome, Detection):
            self._span.set_attribute("jointtrack.people", len(outcome.people))
        code = _frame_code(outcome)
        self._stream.answered(self._sequence_id, code)
        self.close(code)

    def close(self, code: str) -> None:
        _mark(self._span, code)
        self._span.end(self._clock.now())
        self._stream.closed(self)


class FrameWithoutSpan:
    """One of the many frames of a long stream: only what went wrong is kept."""

    def __init__(self, stream: RequestSpan, sequence_id: int) -> None:
        self._stream = stream
        self._sequence_id = sequence_id

    def stage(self, name: str, began_s: float, ended_s: float, error: BaseException | None) -> None:
        pass

    def answered(self, outcome: Detection | JointTrackError | Dropped) -> None:
        self._stream.answered(self._sequence_id, _frame_code(outcome))


def _attributes(request: "ObservedRequest") -> dict[str, str | int | float]:
    attributes = {f"jointtrack.{name}": value for name, value in request.facts.items()}
    attributes["jointtrack.request_id"] = request.id
    if request.key_id:
        attributes["jointtrack.key_id"] = request.key_id
    if request.http_status is not None:
        attributes["http.response.status_code"] = request.http_status
    elif request.door == "grpc":
        attributes["rpc.response.status_code"] = _grpc_status(request.code)
    return attributes


def _grpc_status(code: str) -> str:
    return code if code in {OK, CANCELLED} else ERROR_CODES[Reason(code)].grpc


def _frame_code(outcome: Detection | JointTrackError | Dropped) -> str:
    match outcome:
        case Detection():
            return OK
        case Dropped():
            return DROPPED
        case JointTrackError():
            return outcome.reason.value


def _code(error: BaseException) -> str:
    match error:
        case JointTrackError():
            return error.reason.value
        case Exception():
            return Reason.INTERNAL.value
        case _:
            return CANCELLED


def _mark(span: Span, code: str) -> None:
    """Errors of the server's own making are errors of the span; a caller's are told by code."""
    if code == OK:
        return
    span.set_attribute("jointtrack.code", code)
    if code in _SERVER_FAULTS:
        span.set_attribute("error.type", code)
        span.set_status(StatusCode.ERROR)


_SERVER_FAULTS = frozenset(
    reason.value for reason, codes in ERROR_CODES.items() if codes.is_server_fault
)
