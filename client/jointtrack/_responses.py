"""Response messages to the records of ``jointtrack.types``. Pure."""

from collections.abc import Iterable

from google.protobuf.duration_pb2 import Duration

from jointtrack import _enums
from jointtrack._status import error_from_status
from jointtrack.frames import NANOSECONDS
from jointtrack.types import (
    BoundingBox,
    Detection,
    DetectResult,
    EncodedImage,
    Extreme,
    FrameDetection,
    FrameDropped,
    FrameError,
    ImageSize,
    Keypoint,
    Limits,
    Measurement,
    MeasurementInfo,
    MeasurementSummary,
    MeasureResult,
    ModelInfo,
    NormalRange,
    Person,
    PersonSummary,
    Repetition,
    ServerInfo,
    SideSummary,
    SideValue,
    StreamAnswer,
    StreamSummary,
    Timings,
)
from jointtrack.v1 import image_pb2, measurement_pb2, pose_pb2, summary_pb2
from jointtrack.v1 import jointtrack_service_pb2 as pb


def detect_result(response: pb.DetectResponse, request_id: str | None) -> DetectResult:
    found = detection(response.detection)
    return DetectResult(
        image_size=found.image_size,
        people=found.people,
        timings=found.timings,
        model=_model(response.model),
        image=_image(response.image) if response.HasField("image") else None,
        request_id=request_id,
    )


def stream_answer(
    response: pb.StreamDetectResponse, capture_offset_s: float | None = None
) -> StreamAnswer | None:
    """None for a kind of answer that only a newer server knows.

    ``capture_offset_s``: of the frame that it answers.
    """
    sequence_id = response.sequence_id
    match response.WhichOneof("outcome"):
        case "detection":
            found = detection(response.detection)
            return FrameDetection(sequence_id, found, capture_offset_s=capture_offset_s)
        case "error":
            error = error_from_status(response.error)
            return FrameError(sequence_id, error, capture_offset_s=capture_offset_s)
        case "dropped":
            count = response.dropped.dropped_count
            return FrameDropped(sequence_id, count, capture_offset_s=capture_offset_s)
        case "summary":
            return stream_summary(sequence_id, response.summary)
        case _:
            return None


def stream_summary(sequence_id: int, message: summary_pb2.StreamSummary) -> StreamSummary:
    return StreamSummary(
        sequence_id=None if sequence_id < 0 else sequence_id,
        frame_count=message.frame_count,
        error_count=message.error_count,
        dropped_count=message.dropped_count,
        duration_s=_seconds(message.duration) if message.HasField("duration") else None,
        people=tuple(_person_summary(item) for item in message.people),
    )


def measure_result(response: pb.MeasureResponse, request_id: str | None) -> MeasureResult:
    return MeasureResult(tuple(_measurement(item) for item in response.measurements), request_id)


def server_info(response: pb.GetServerInfoResponse) -> ServerInfo:
    limits = response.limits
    return ServerInfo(
        server_version=response.server_version,
        models=tuple(_model(item) for item in response.models),
        engine=response.engine,
        device=response.device,
        precision=response.precision,
        engine_reason=response.engine_reason,
        measurements=tuple(_measurement_info(item) for item in response.measurements),
        limits=Limits(
            max_message_bytes=limits.max_message_bytes,
            max_image_bytes=limits.max_image_bytes,
            max_image_pixels=limits.max_image_pixels,
            max_people=limits.max_people,
            max_in_flight=limits.max_in_flight,
            max_bad_frames=limits.max_bad_frames,
            max_queue=limits.max_queue,
            max_streams_per_key=limits.max_streams_per_key,
            max_stream_idle_s=_seconds(limits.max_stream_idle),
            max_stream_duration_s=_seconds(limits.max_stream_duration),
            fetches_urls=limits.fetches_urls,
            fetch_timeout_s=_seconds(limits.fetch_timeout),
            max_fields=limits.max_fields,
            max_part_headers=limits.max_part_headers,
            max_json_depth=limits.max_json_depth,
            max_head_bytes=limits.max_head_bytes,
            max_connections=limits.max_connections,
            max_calls_per_connection=limits.max_calls_per_connection,
            max_connection_idle_s=_seconds(limits.max_connection_idle),
            max_upload_bytes=limits.max_upload_bytes,
            max_fetches=limits.max_fetches,
        ),
    )


def detection(message: pb.Detection) -> Detection:
    return Detection(
        image_size=ImageSize(message.image_size.width_px, message.image_size.height_px),
        people=tuple(_person(item) for item in message.people),
        timings=_timings(message.timings) if message.HasField("timings") else None,
    )


def _timings(message: pb.Timings) -> Timings:
    return Timings(
        queue_ms=message.queue_ms,
        decode_ms=message.decode_ms,
        infer_ms=message.infer_ms,
        measure_ms=message.measure_ms,
        overlay_ms=message.overlay_ms,
    )


def _person(message: pose_pb2.Person) -> Person:
    box = message.box
    return Person(
        keypoints=_keypoints(message.keypoints),
        box=BoundingBox(box.x_min_px, box.y_min_px, box.x_max_px, box.y_max_px),
        score=message.score,
        track_id=message.track_id or None,
        measurements=tuple(_measurement(item) for item in message.measurements),
        raw_keypoints=_keypoints(message.raw_keypoints),
    )


def _keypoints(messages: Iterable[pose_pb2.Keypoint]) -> tuple[Keypoint, ...]:
    return tuple(
        Keypoint(_enums.JOINTS.name(item.joint), item.x_px, item.y_px, item.score)
        for item in messages
    )


def _measurement(message: measurement_pb2.Measurement) -> Measurement:
    return Measurement(
        name=message.name or _enums.MEASUREMENTS.name(message.type),
        title=message.title,
        body_part=message.body_part,
        sides={"left": _side_value(message.left), "right": _side_value(message.right)},
        view=_enums.VIEWS.optional_name(message.view),
        facing=_enums.FACINGS.optional_name(message.facing),
        warnings=tuple(_enums.WARNINGS.name(item) for item in message.warnings),
        overlay=_image(message.overlay) if message.HasField("overlay") else None,
    )


def _side_value(message: measurement_pb2.SideValue) -> SideValue:
    has_value = message.HasField("value_deg")
    return SideValue(
        value_deg=message.value_deg if has_value else None,
        missing_reason=_enums.MISSING_REASONS.optional_name(message.missing_reason),
        missing_joints=tuple(_enums.JOINTS.name(item) for item in message.missing_joints),
        confidence=message.confidence if has_value else None,
        component_deg=message.component_deg if message.HasField("component_deg") else None,
        raw_deg=message.raw_deg if message.HasField("raw_deg") else None,
    )


def _person_summary(message: summary_pb2.PersonSummary) -> PersonSummary:
    return PersonSummary(
        track_id=message.track_id,
        first_sequence_id=message.first_sequence_id,
        last_sequence_id=message.last_sequence_id,
        frame_count=message.frame_count,
        measurements=tuple(_measurement_summary(item) for item in message.measurements),
    )


def _measurement_summary(message: summary_pb2.MeasurementSummary) -> MeasurementSummary:
    has_asymmetry = message.HasField("asymmetry_deg")
    has_share = message.HasField("asymmetry_share")
    return MeasurementSummary(
        name=message.name or _enums.MEASUREMENTS.name(message.type),
        title=message.title,
        body_part=message.body_part,
        sides={
            "left": _side_summary(message.left) if message.HasField("left") else SideSummary(),
            "right": _side_summary(message.right) if message.HasField("right") else SideSummary(),
        },
        asymmetry_deg=message.asymmetry_deg if has_asymmetry else None,
        asymmetry_share=message.asymmetry_share if has_share else None,
    )


def _side_summary(message: summary_pb2.SideSummary) -> SideSummary:
    return SideSummary(
        measurable_share=message.measurable_share,
        mean_confidence=message.mean_confidence if message.measurable_share else None,
        minimum=_extreme(message.minimum) if message.HasField("minimum") else None,
        maximum=_extreme(message.maximum) if message.HasField("maximum") else None,
        range_deg=message.range_deg if message.HasField("range_deg") else None,
        repetitions=tuple(
            Repetition(_seconds(item.start), _seconds(item.duration), _extreme(item.peak))
            for item in message.repetitions
        ),
        hold_s=_seconds(message.hold) if message.HasField("hold") else None,
    )


def _extreme(message: summary_pb2.Extreme) -> Extreme:
    has_time = message.HasField("capture_offset")
    return Extreme(
        value_deg=message.value_deg,
        sequence_id=message.sequence_id,
        capture_offset_s=_seconds(message.capture_offset) if has_time else None,
    )


def _seconds(message: Duration) -> float:
    return message.ToNanoseconds() / NANOSECONDS


def _image(message: image_pb2.EncodedImage) -> EncodedImage:
    return EncodedImage(message.data, message.media_type, message.width_px, message.height_px)


def _model(message: pb.ModelInfo) -> ModelInfo:
    return ModelInfo(
        name=message.name,
        version=message.version,
        input_size_px=message.input_size_px,
        max_people=message.max_people,
        tfhub_handle=message.tfhub_handle,
        origin=message.origin,
        is_default=message.is_default,
    )


def _measurement_info(message: pb.MeasurementInfo) -> MeasurementInfo:
    normal = message.normal
    return MeasurementInfo(
        name=message.name,
        title=message.title,
        body_part=message.body_part,
        views=tuple(_enums.VIEWS.name(item) for item in message.views),
        zero=message.zero,
        positive=message.positive,
        normal=NormalRange(normal.min_deg, normal.max_deg, normal.source)
        if message.HasField("normal")
        else None,
        kind=_enums.KINDS.optional_name(message.kind),
    )
