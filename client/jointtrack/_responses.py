"""Response messages to the records of ``jointtrack.types``. Pure."""

from jointtrack import _enums
from jointtrack._status import error_from_status
from jointtrack.types import (
    BoundingBox,
    Detection,
    DetectResult,
    EncodedImage,
    FrameDetection,
    FrameDropped,
    FrameError,
    ImageSize,
    Keypoint,
    Limits,
    Measurement,
    MeasurementInfo,
    MeasureResult,
    ModelInfo,
    NormalRange,
    Person,
    ServerInfo,
    SideValue,
    StreamAnswer,
    Timings,
)
from jointtrack.v1 import image_pb2, measurement_pb2, pose_pb2
from jointtrack.v1 import jointtrack_service_pb2 as pb


def detect_result(response: pb.DetectResponse) -> DetectResult:
    found = detection(response.detection)
    return DetectResult(
        image_size=found.image_size,
        people=found.people,
        timings=found.timings,
        model=_model(response.model),
        image=_image(response.image) if response.HasField("image") else None,
    )


def stream_answer(response: pb.StreamDetectResponse) -> StreamAnswer | None:
    """None for a kind of answer that only a newer server knows."""
    match response.WhichOneof("outcome"):
        case "detection":
            return FrameDetection(response.sequence_id, detection(response.detection))
        case "error":
            return FrameError(response.sequence_id, error_from_status(response.error))
        case "dropped":
            return FrameDropped(response.sequence_id, response.dropped.dropped_count)
        case _:
            return None


def measure_result(response: pb.MeasureResponse) -> MeasureResult:
    return MeasureResult(tuple(_measurement(item) for item in response.measurements))


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
        keypoints=tuple(
            Keypoint(_enums.JOINTS.name(item.joint), item.x_px, item.y_px, item.score)
            for item in message.keypoints
        ),
        box=BoundingBox(box.x_min_px, box.y_min_px, box.x_max_px, box.y_max_px),
        score=message.score,
        track_id=message.track_id or None,
        measurements=tuple(_measurement(item) for item in message.measurements),
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
    )


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
    )
