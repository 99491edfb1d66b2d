"""Domain results to the contract's response messages."""

from collections.abc import Iterable, Mapping
from functools import cache

from google.protobuf.internal.containers import RepeatedCompositeFieldContainer

from jointtrack.v1 import image_pb2, measurement_pb2, pose_pb2
from jointtrack.v1 import jointtrack_service_pb2 as service_pb2
from jointtrack_server.domain.skeleton import BOTH_SIDES, Joint, Side
from jointtrack_server.domain.types import Measurement, NormalRange, Pose, SideValue
from jointtrack_server.engines.catalogue import ModelSpec
from jointtrack_server.grpc_api.enums import (
    FACING_TO_PB,
    JOINT_TO_PB,
    KIND_TO_PB,
    MEASUREMENT_TO_PB,
    REASON_TO_PB,
    VIEW_TO_PB,
    WARNING_TO_PB,
)
from jointtrack_server.imaging.encode import EncodedPicture
from jointtrack_server.measurements import MEASUREMENTS
from jointtrack_server.pipeline.options import Detection, Person

_JOINTS = tuple(JOINT_TO_PB[joint] for joint in Joint)


def fill_detection_pb(message: service_pb2.Detection, detection: Detection) -> None:
    """Fills the message in place: handed over, every keypoint would be copied with each parent."""
    size, timings = message.image_size, message.timings
    size.width_px, size.height_px = detection.image_size.width_px, detection.image_size.height_px
    for person in detection.people:
        _fill_person_pb(message.people.add(), person)
    timings.queue_ms = detection.timings.queue_ms
    timings.decode_ms = detection.timings.decode_ms
    timings.infer_ms = detection.timings.infer_ms
    timings.measure_ms = detection.timings.measure_ms
    timings.overlay_ms = detection.timings.overlay_ms


def to_measurements_pb(
    measurements: Iterable[Measurement], overlays: Mapping[str, EncodedPicture]
) -> list[measurement_pb2.Measurement]:
    return [_to_measurement_pb(one, overlays.get(one.name)) for one in measurements]


def to_encoded_pb(picture: EncodedPicture) -> image_pb2.EncodedImage:
    return image_pb2.EncodedImage(
        data=picture.data,
        media_type=picture.media_type,
        width_px=picture.size.width_px,
        height_px=picture.size.height_px,
    )


@cache
def to_model_pb(spec: ModelSpec, origin: str) -> service_pb2.ModelInfo:
    """One message for all answers, which copy it."""
    return service_pb2.ModelInfo(
        name=spec.name,
        version=spec.version,
        input_size_px=spec.input_size_px,
        max_people=spec.max_people,
        tfhub_handle=spec.tfhub_handle,
        origin=origin,
        is_default=spec.is_default,
    )


def measurement_infos_pb() -> list[service_pb2.MeasurementInfo]:
    return [
        service_pb2.MeasurementInfo(
            type=MEASUREMENT_TO_PB[spec.name],
            name=spec.name,
            title=spec.title,
            body_part=spec.body_part,
            views=[VIEW_TO_PB[view] for view in spec.views],
            zero=spec.zero,
            positive=spec.positive,
            normal=_to_normal_pb(spec.normal),
            kind=KIND_TO_PB[spec.kind],
        )
        for spec in MEASUREMENTS.values()
    ]


def _to_normal_pb(normal: NormalRange) -> measurement_pb2.NormalRange:
    return measurement_pb2.NormalRange(
        min_deg=normal.min_deg, max_deg=normal.max_deg, source=normal.source
    )


def _fill_person_pb(message: pose_pb2.Person, person: Person) -> None:
    box, box_pb = person.box, message.box
    _fill_keypoints_pb(message.keypoints, person.pose)
    box_pb.x_min_px, box_pb.y_min_px = box.x_min_px, box.y_min_px
    box_pb.x_max_px, box_pb.y_max_px = box.x_max_px, box.y_max_px
    message.score = person.pose.score
    message.track_id = person.track_id
    if person.measurements:
        message.measurements.extend(to_measurements_pb(person.measurements, person.overlays))
    if person.raw_pose:
        _fill_keypoints_pb(message.raw_keypoints, person.raw_pose)


def _fill_keypoints_pb(
    messages: RepeatedCompositeFieldContainer[pose_pb2.Keypoint], pose: Pose
) -> None:
    for joint, (x_px, y_px, score) in zip(_JOINTS, pose.keypoints.tolist(), strict=True):
        messages.add(joint=joint, x_px=x_px, y_px=y_px, score=score)


def _to_measurement_pb(
    measurement: Measurement, overlay: EncodedPicture | None
) -> measurement_pb2.Measurement:
    spec = MEASUREMENTS[measurement.name]
    sides = {side: _to_side_pb(measurement.sides.get(side)) for side in BOTH_SIDES}
    return measurement_pb2.Measurement(
        type=MEASUREMENT_TO_PB[measurement.name],
        name=spec.name,
        title=spec.title,
        body_part=spec.body_part,
        left=sides[Side.LEFT],
        right=sides[Side.RIGHT],
        view=VIEW_TO_PB[measurement.view],
        facing=FACING_TO_PB[measurement.facing]
        if measurement.facing
        else measurement_pb2.FACING_UNSPECIFIED,
        warnings=[WARNING_TO_PB[warning] for warning in measurement.warnings],
        overlay=to_encoded_pb(overlay) if overlay else None,
    )


def _to_side_pb(value: SideValue | None) -> measurement_pb2.SideValue:
    """A side that was not asked for is an empty message: no value and no reason."""
    if value is None:
        return measurement_pb2.SideValue()
    return measurement_pb2.SideValue(
        value_deg=value.value_deg,
        missing_reason=REASON_TO_PB[value.reason]
        if value.reason
        else measurement_pb2.MISSING_REASON_UNSPECIFIED,
        missing_joints=[JOINT_TO_PB[joint] for joint in value.missing_joints],
        confidence=value.confidence,
        component_deg=value.component_deg,
        raw_deg=value.raw_deg,
    )
