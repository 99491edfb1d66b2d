"""The messages that ``jointtrack.testing`` answers with."""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from google.protobuf.duration_pb2 import Duration

from jointtrack import _enums
from jointtrack.names import JOINT_NAMES
from jointtrack.v1 import image_pb2, joint_pb2, measurement_pb2, pose_pb2, summary_pb2
from jointtrack.v1 import jointtrack_service_pb2 as pb

Angles: TypeAlias = Mapping[str, tuple[float | None, float | None]]
"""Left and right degrees by measurement name; None is not measurable."""

Ranges: TypeAlias = Mapping[str, tuple[tuple[float, float] | None, tuple[float, float] | None]]
"""Left and right smallest and largest degrees by measurement name; None is never measurable."""

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
TIMINGS = pb.Timings(queue_ms=0.1, decode_ms=0.5, infer_ms=1.0, measure_ms=0.1, overlay_ms=0.0)
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
    max_streams_per_key=64,
    max_stream_idle=Duration(seconds=300),
    max_stream_duration=Duration(seconds=43_200),
    fetches_urls=True,
    fetch_timeout=Duration(seconds=10),
    max_fields=64,
    max_part_headers=8,
    max_json_depth=16,
    max_head_bytes=16_384,
    max_connections=1024,
    max_calls_per_connection=256,
    max_connection_idle=Duration(seconds=900),
    max_upload_bytes=268_435_456,
    max_fetches=16,
)


def detection(angles: Angles | None = None, *, people: int = 1) -> pb.Detection:
    """So many people in a row in a picture of 640 x 480 pixels, each with these angles."""
    found = pb.Detection(image_size=SIZE, timings=TIMINGS)
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
            left=_side_value(left, has_component=name == "splits"),
            right=_side_value(right, has_component=name == "splits"),
            view=measurement_pb2.VIEW_FRONT,
        )
        for name, (left, right) in angles.items()
    ]


def summary(ranges: Ranges | None = None, *, people: int = 1) -> summary_pb2.StreamSummary:
    """So many people with track ids "1", "2" and so on, each with these ranges of motion.

    Counts, ids and times that are left at 0 become those of the stream that it answers.
    """
    return summary_pb2.StreamSummary(
        people=[
            summary_pb2.PersonSummary(
                track_id=str(index + 1),
                measurements=[
                    _measurement_summary(name, left, right)
                    for name, (left, right) in (ranges or {}).items()
                ],
            )
            for index in range(people)
        ]
    )


def default_ranges(
    types: Iterable[measurement_pb2.MeasurementType.ValueType],
) -> dict[str, tuple[tuple[float, float], tuple[float, float]]]:
    """0 to 10 degrees left and 0 to 20 right for each measurement asked for."""
    left, right = DEFAULT_ANGLES
    return {_enums.MEASUREMENTS.name(number): ((0.0, left), (0.0, right)) for number in types}


def default_angles(
    types: Iterable[measurement_pb2.MeasurementType.ValueType],
) -> dict[str, tuple[float, float]]:
    """10 degrees left and 20 right for each measurement asked for."""
    return {_enums.MEASUREMENTS.name(number): DEFAULT_ANGLES for number in types}


def drop_other_side(
    items: Iterable[measurement_pb2.Measurement | summary_pb2.MeasurementSummary],
    side: measurement_pb2.Side.ValueType,
) -> None:
    """Empties the side that was not asked for; a summary then has none, nor an asymmetry."""
    others = {measurement_pb2.SIDE_LEFT: "right", measurement_pb2.SIDE_RIGHT: "left"}
    other = others.get(side)
    for item in items if other else ():
        item.ClearField("right" if other == "right" else "left")
        if isinstance(item, measurement_pb2.Measurement):
            (item.right if other == "right" else item.left).SetInParent()
        else:
            item.ClearField("asymmetry_deg")
            item.ClearField("asymmetry_share")


def as_in_stream(found: pb.Detection, config: pb.StreamConfig) -> None:
    """Adds what only streams have: track ids and, with smoothing, the raw keypoints and angles."""
    for index, person in enumerate(found.people):
        person.track_id = person.track_id or str(index + 1)
        if config.smoothing.mode == pb.SMOOTHING_MODE_OFF or person.raw_keypoints:
            continue
        person.raw_keypoints.extend(person.keypoints)
        for measurement in person.measurements:
            for side in (measurement.left, measurement.right):
                if side.HasField("value_deg"):
                    side.raw_deg = side.value_deg


class StreamCounts:
    """Counts the frames of one stream, for its summaries."""

    def __init__(self) -> None:
        self._frames: list[pb.Frame] = []
        self._error_count = 0
        self._dropped_count = 0

    @property
    def last_sequence_id(self) -> int:
        return self._frames[-1].sequence_id if self._frames else -1

    def add(self, frame: pb.Frame, answer: pb.StreamDetectResponse) -> None:
        self._frames.append(frame)
        self._error_count += answer.HasField("error")
        self._dropped_count += answer.HasField("dropped")

    def fill(self, found: summary_pb2.StreamSummary) -> None:
        """Fills in counts, ids and times that are 0; without frames there are no people."""
        found.frame_count = found.frame_count or len(self._frames)
        found.error_count = found.error_count or self._error_count
        found.dropped_count = found.dropped_count or self._dropped_count
        if not self._frames:
            del found.people[:]
            return
        first, last = self._frames[0], self._frames[-1]
        if not found.HasField("duration"):
            elapsed_ns = last.capture_offset.ToNanoseconds() - first.capture_offset.ToNanoseconds()
            found.duration.FromNanoseconds(elapsed_ns)
        for person in found.people:
            person.first_sequence_id = person.first_sequence_id or first.sequence_id
            person.last_sequence_id = person.last_sequence_id or last.sequence_id
            person.frame_count = person.frame_count or len(self._frames)
            for measurement in person.measurements:
                for side in (measurement.left, measurement.right):
                    if side.HasField("range_deg"):
                        _place(side.minimum, first)
                        _place(side.maximum, last)


def _place(extreme: summary_pb2.Extreme, frame: pb.Frame) -> None:
    if not extreme.HasField("capture_offset"):
        extreme.sequence_id = frame.sequence_id
        extreme.capture_offset.CopyFrom(frame.capture_offset)


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
                kind=measurement_pb2.MEASUREMENT_KIND_LIMB,
            )
            for name in _enums.MEASUREMENTS.names
        ],
        limits=LIMITS,
    )


def _measurement_summary(
    name: str, left: tuple[float, float] | None, right: tuple[float, float] | None
) -> summary_pb2.MeasurementSummary:
    made = summary_pb2.MeasurementSummary(
        type=_enums.MEASUREMENTS.number(name),
        name=name,
        title=name.replace("_", " ").title(),
        body_part=name.split("_", maxsplit=1)[0],
        left=_side_summary(left),
        right=_side_summary(right),
    )
    if left is not None and right is not None:
        made.asymmetry_deg = left[1] - right[1]
        ranges_deg = sorted((made.left.range_deg, made.right.range_deg))
        made.asymmetry_share = 1 - ranges_deg[0] / ranges_deg[1] if ranges_deg[1] else 0.0
    return made


def _side_summary(ends_deg: tuple[float, float] | None) -> summary_pb2.SideSummary:
    if ends_deg is None:
        return summary_pb2.SideSummary()
    low_deg, high_deg = ends_deg
    return summary_pb2.SideSummary(
        measurable_share=1.0,
        mean_confidence=SCORE,
        minimum=summary_pb2.Extreme(value_deg=low_deg),
        maximum=summary_pb2.Extreme(value_deg=high_deg),
        range_deg=high_deg - low_deg,
        hold=Duration(seconds=1),
    )


def _side_value(value_deg: float | None, *, has_component: bool) -> measurement_pb2.SideValue:
    if value_deg is not None:
        return measurement_pb2.SideValue(
            value_deg=value_deg,
            confidence=SCORE,
            component_deg=value_deg / 2 if has_component else None,
        )
    return measurement_pb2.SideValue(
        missing_reason=measurement_pb2.MISSING_REASON_KEYPOINT_LOW_CONFIDENCE,
        missing_joints=[joint_pb2.JOINT_LEFT_KNEE],
    )
