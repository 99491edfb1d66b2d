"""Domain results to the contract's response messages."""

from collections.abc import Iterable, Mapping

from google.protobuf.internal.containers import RepeatedCompositeFieldContainer

from jointtrack.v1 import image_pb2, measurement_pb2, pose_pb2
from jointtrack.v1 import jointtrack_service_pb2 as service_pb2
from jointtrack_server.domain.skeleton import BOTH_SIDES, Joint, Side
from jointtrack_server.domain.types import ImageSize, Measurement, NormalRange, Pose, SideValue
from jointtrack_server.engines.catalogue import ModelSpec
from jointtrack_server.grpc_api.enums import (
    FACING_TO_PB,
    JOINT_TO_PB,
    MEASUREMENT_TO_PB,
    REASON_TO_PB,
    VIEW_TO_PB,
    WARNING_TO_PB,
)
from jointtrack_server.imaging.encode import EncodedPicture
from jointtrack_server.measurements import MEASUREMENTS
from jointtrack_server.pipeline.options import Detection, Person, Timings

_JOINTS = tuple(JOINT_TO_PB[joint] for joint in Joint)


def fill_detection_pb(message: service_pb2.Detection, detection: Detection) -> None:
    """Fills the message in place: handed over, every keypoint would be copied with each parent."""
    message.image_size.CopyFrom(_to_size_pb(detection.image_size))
    for person in detection.people:
        _fill_person_pb(message.people.add(), person)
    message.timings.CopyFrom(_to_timings_pb(detection.timings))


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


def to_model_pb(spec: ModelSpec, origin: str) -> service_pb2.ModelInfo:
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
        )
        for spec in MEASUREMENTS.values()
    ]


def _to_normal_pb(normal: NormalRange) -> measurement_pb2.NormalRange:
    return measurement_pb2.NormalRange(
        min_deg=normal.min_deg, max_deg=normal.max_deg, source=normal.source
    )


def _fill_person_pb(message: pose_pb2.Person, person: Person) -> None:
    box = person.box
    _fill_keypoints_pb(message.keypoints, person.pose)
    message.box.CopyFrom(
        pose_pb2.BoundingBox(
            x_min_px=box.x_min_px,
            y_min_px=box.y_min_px,
            x_max_px=box.x_max_px,
            y_max_px=box.y_max_px,
        )
    )
    message.score = person.pose.score
    message.track_id = person.track_id
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


def _to_size_pb(size: ImageSize) -> image_pb2.ImageSize:
    return image_pb2.ImageSize(width_px=size.width_px, height_px=size.height_px)


def _to_timings_pb(timings: Timings) -> service_pb2.Timings:
    return service_pb2.Timings(
        queue_ms=timings.queue_ms,
        decode_ms=timings.decode_ms,
        infer_ms=timings.infer_ms,
        measure_ms=timings.measure_ms,
        overlay_ms=timings.overlay_ms,
    )
