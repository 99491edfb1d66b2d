"""StreamDetect's messages to a stream's options and frames, and its answers back."""

from collections.abc import Mapping

from jointtrack.v1 import jointtrack_service_pb2 as service_pb2
from jointtrack_server.errors import JointTrackError, Reason
from jointtrack_server.grpc_api.requests import known, to_detect_options, to_source
from jointtrack_server.grpc_api.responses import fill_detection_pb
from jointtrack_server.grpc_api.status import to_status
from jointtrack_server.grpc_api.summaries import to_summary_pb
from jointtrack_server.motion.one_euro import SmoothingSettings
from jointtrack_server.motion.types import StreamSummary
from jointtrack_server.pipeline.frames import (
    DEFAULT_MAX_IN_FLIGHT,
    MAX_CAPTURE_S,
    Dropped,
    Overflow,
    StreamAnswer,
    StreamFrame,
    StreamOptions,
    SummaryRequest,
)
from jointtrack_server.pipeline.options import Detection, DetectOptions

_OVERFLOW_FROM_PB: Mapping[int, Overflow] = {
    service_pb2.OVERFLOW_UNSPECIFIED: Overflow.BLOCK,
    service_pb2.OVERFLOW_BLOCK: Overflow.BLOCK,
    service_pb2.OVERFLOW_LATEST: Overflow.LATEST,
}

_SMOOTHED_FROM_PB: Mapping[int, bool] = {
    service_pb2.SMOOTHING_MODE_UNSPECIFIED: True,
    service_pb2.SMOOTHING_MODE_ONE_EURO: True,
    service_pb2.SMOOTHING_MODE_OFF: False,
}

DEFAULT_STRENGTH = 0.5


def to_stream_options(
    first: service_pb2.StreamDetectRequest, max_in_flight_limit: int
) -> StreamOptions:
    """The config of a stream's first message. Raises JointTrackError for a bad or missing one."""
    if first.WhichOneof("request") != "config":
        raise JointTrackError(
            Reason.MISSING_STREAM_CONFIG,
            "The stream's first message holds no config. Send StreamDetectRequest.config first, "
            "then frames.",
            field="config",
        )
    config = first.config
    overflow = known(_OVERFLOW_FROM_PB, config.overflow, "config.overflow", Reason.INVALID_REQUEST)
    if not 0 <= config.max_in_flight <= max_in_flight_limit:
        raise JointTrackError(
            Reason.INVALID_REQUEST,
            f"config.max_in_flight is {config.max_in_flight}. Give 1 to {max_in_flight_limit}, or "
            "0 for the default.",
            field="config.max_in_flight",
            metadata={"max_in_flight": config.max_in_flight, "limit": max_in_flight_limit},
        )
    return StreamOptions(
        detect=_to_frame_options(config.options),
        smoothing=_to_smoothing(config.smoothing),
        overflow=overflow,
        max_in_flight=config.max_in_flight or DEFAULT_MAX_IN_FLIGHT[overflow],
    )


def _to_frame_options(message: service_pb2.DetectOptions) -> DetectOptions:
    options = to_detect_options(message, "config.options.")
    not_in_streams = {
        "region": options.region is not None,
        "include_image": options.include_image,
    }
    for name, is_set in not_in_streams.items():
        if is_set:
            raise JointTrackError(
                Reason.INVALID_REQUEST,
                f"config.options.{name} is for Detect only: a stream finds its people itself "
                "and sends no frames back. Leave it out.",
                field=f"config.options.{name}",
            )
    return options


def _to_smoothing(smoothing: service_pb2.Smoothing) -> SmoothingSettings | None:
    mode = known(_SMOOTHED_FROM_PB, smoothing.mode, "config.smoothing.mode", Reason.INVALID_REQUEST)
    strength = smoothing.strength if smoothing.HasField("strength") else DEFAULT_STRENGTH
    if not 0.0 <= strength <= 1.0:
        raise JointTrackError(
            Reason.INVALID_REQUEST,
            f"config.smoothing.strength is {strength:g}. Give 0 to 1.",
            field="config.smoothing.strength",
            metadata={"strength": strength},
        )
    return SmoothingSettings.from_strength(strength) if mode else None


def to_message(request: service_pb2.StreamDetectRequest) -> StreamFrame | SummaryRequest:
    """What follows the config. Raises JointTrackError REPEATED_STREAM_CONFIG."""
    match request.WhichOneof("request"):
        case "frame":
            return _to_frame(request.frame)
        case "summary_request":
            return SummaryRequest()
        case _:
            raise JointTrackError(
                Reason.REPEATED_STREAM_CONFIG,
                "A message after the first holds no frame. Send the config once, then only "
                "frames and summary requests.",
                field="frame",
            )


def _to_frame(frame: service_pb2.Frame) -> StreamFrame:
    try:
        return StreamFrame(frame.sequence_id, to_source(frame.image), _capture_s(frame))
    except JointTrackError as error:
        return StreamFrame(frame.sequence_id, error)


def _capture_s(frame: service_pb2.Frame) -> float | None:
    """Raises JointTrackError INVALID_REQUEST beyond what a Duration may hold."""
    if not frame.HasField("capture_offset"):
        return None
    seconds, nanos = frame.capture_offset.seconds, frame.capture_offset.nanos
    if abs(seconds) > MAX_CAPTURE_S or abs(nanos) >= 1_000_000_000:
        raise JointTrackError(
            Reason.INVALID_REQUEST,
            f"frame.capture_offset is {seconds} s and {nanos} ns. A Duration has at most "
            f"{MAX_CAPTURE_S} s and 999999999 ns, either way.",
            field="frame.capture_offset",
            metadata={"seconds": seconds, "nanos": nanos, "max_seconds": MAX_CAPTURE_S},
        )
    return seconds + nanos / 1e9


def to_answer_pb(answer: StreamAnswer, request_id: str) -> service_pb2.StreamDetectResponse:
    response = service_pb2.StreamDetectResponse(sequence_id=answer.sequence_id)
    match answer.outcome:
        case Detection() as detection:
            fill_detection_pb(response.detection, detection)
        case Dropped(count):
            response.dropped.dropped_count = count
        case JointTrackError() as error:
            response.error.CopyFrom(to_status(error, request_id))
        case StreamSummary() as summary:
            response.summary.CopyFrom(to_summary_pb(summary))
    return response
