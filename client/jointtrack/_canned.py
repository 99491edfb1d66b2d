"""The messages that ``jointtrack.testing`` answers with."""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from jointtrack import _enums
from jointtrack.names import JOINT_NAMES
from jointtrack.v1 import image_pb2, joint_pb2, measurement_pb2, pose_pb2
from jointtrack.v1 import jointtrack_service_pb2 as pb

Angles: TypeAlias = Mapping[str, tuple[float | None, float | None]]
"""Left and right degrees by measurement name; None is not measurable."""

SIZE = image_pb2.ImageSize(width_px=640, height_px=480)
PICTURE = image_pb2.EncodedImage(
    data=b"\xff\xd8 stands for a picture \xff\xd9",
    media_type="image/jpeg",
    width_px=SIZE.width_px,
    height_px=SIZE.height_px,
)
MODEL = pb.ModelInfo(
    name="movenet-thunder",
    version="4",
    input_size_px=256,
    max_people=1,
    tfhub_handle="https://tfhub.dev/google/movenet/singlepose/thunder/4",
    origin="embedded",
    is_default=True,
)
DEFAULT_ANGLES = (10.0, 20.0)
SCORE = 0.9
NORMAL = measurement_pb2.NormalRange(min_deg=0.0, max_deg=15.0, source="made up")
LIMITS = pb.Limits(
    max_message_bytes=67_108_864,
    max_image_bytes=20_000_000,
    max_image_pixels=50_000_000,
    max_people=6,
    max_in_flight=16,
    max_bad_frames=30,
    max_queue=64,
)


def detection(angles: Angles | None = None, *, people: int = 1) -> pb.Detection:
    """So many people in a row in a picture of 640 x 480 pixels, each with these angles."""
    found = pb.Detection(image_size=SIZE, timings=pb.Timings(infer_ms=1.0))
    for index in range(people):
        left_px = 40.0 + 90.0 * index
        person = found.people.add(
            score=SCORE,
            box=pose_pb2.BoundingBox(
                x_min_px=left_px, y_min_px=40.0, x_max_px=left_px + 60.0, y_max_px=440.0
            ),
        )
        for row, joint in enumerate(JOINT_NAMES):
            person.keypoints.add(
                joint=_enums.JOINTS.number(joint),
                x_px=left_px + 30.0,
                y_px=40.0 + 25.0 * row,
                score=SCORE,
            )
        person.measurements.extend(measurements(angles or {}))
    return found


def measurements(angles: Angles) -> list[measurement_pb2.Measurement]:
    """One for each name; a side that is None lacks the left knee."""
    return [
        measurement_pb2.Measurement(
            type=_enums.MEASUREMENTS.number(name),
            name=name,
            title=name.replace("_", " ").title(),
            body_part=name.split("_", maxsplit=1)[0],
            left=_side_value(left),
            right=_side_value(right),
            view=measurement_pb2.VIEW_FRONT,
        )
        for name, (left, right) in angles.items()
    ]


def default_angles(
    types: Iterable[measurement_pb2.MeasurementType.ValueType],
) -> dict[str, tuple[float, float]]:
    """10 degrees left and 20 right for each measurement asked for."""
    return {_enums.MEASUREMENTS.name(number): DEFAULT_ANGLES for number in types}


def drop_other_side(
    items: Iterable[measurement_pb2.Measurement], side: measurement_pb2.Side.ValueType
) -> None:
    """Empties the side that was not asked for."""
    for item in items:
        if side == measurement_pb2.SIDE_LEFT:
            item.right.Clear()
        if side == measurement_pb2.SIDE_RIGHT:
            item.left.Clear()


def server_info() -> pb.GetServerInfoResponse:
    """A server with one model and all 19 measurements."""
    return pb.GetServerInfoResponse(
        server_version="0.0.0",
        models=[MODEL],
        engine="fake",
        device="CPU",
        precision="f32",
        engine_reason="a test server that looks at no picture",
        measurements=[
            pb.MeasurementInfo(
                type=_enums.MEASUREMENTS.number(name),
                name=name,
                title=name.replace("_", " ").title(),
                body_part=name.split("_", maxsplit=1)[0],
                views=[measurement_pb2.VIEW_FRONT],
                zero="hanging",
                positive="up",
                normal=NORMAL,
            )
            for name in _enums.MEASUREMENTS.names
        ],
        limits=LIMITS,
    )


def _side_value(value_deg: float | None) -> measurement_pb2.SideValue:
    if value_deg is not None:
        return measurement_pb2.SideValue(value_deg=value_deg, confidence=SCORE)
    return measurement_pb2.SideValue(
        missing_reason=measurement_pb2.MISSING_REASON_KEYPOINT_LOW_CONFIDENCE,
        missing_joints=[joint_pb2.JOINT_LEFT_KNEE],
    )
