"""What calls return: frozen records. Absent is None, never 0.

Names of measurements, joints, sides, views, reasons and warnings are lower-case strings, as in the
REST API. Coordinates are pixels of the upright picture; left and right are the subject's own.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, TypeAlias

from jointtrack.errors import JointTrackError, NoPersonError


def _plain(value: Any) -> Any:  # noqa: ANN401 - JSON has no narrower type
    if isinstance(value, (Record, JointTrackError)):
        return value.to_dict()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return value


@dataclass(frozen=True, slots=True)
class Record:
    """The base of every result."""

    def to_dict(self) -> dict[str, Any]:
        """Every field by name, ready for JSON; bytes become base64."""
        return {item.name: _plain(getattr(self, item.name)) for item in fields(self)}


@dataclass(frozen=True, slots=True)
class ImageSize(Record):
    """Of the upright picture, in pixels."""

    width_px: int
    height_px: int


@dataclass(frozen=True, slots=True)
class EncodedImage(Record):
    """A picture file made by the server, such as "image/jpeg"."""

    data: bytes
    media_type: str
    width_px: int
    height_px: int

    def save(self, path: str | Path) -> None:
        """Writes the file."""
        Path(path).write_bytes(self.data)


@dataclass(frozen=True, slots=True)
class Keypoint(Record):
    """One joint's place, such as "left_knee"; ``score`` is the model's confidence, 0..1."""

    joint: str
    x_px: float
    y_px: float
    score: float


@dataclass(frozen=True, slots=True)
class BoundingBox(Record):
    """An upright rectangle in pixels from the left and top edges."""

    x_min_px: float
    y_min_px: float
    x_max_px: float
    y_max_px: float


@dataclass(frozen=True, slots=True)
class SideValue(Record):
    """One side's angle, or the reason why there is none.

    ``value_deg``: degrees, not rounded; None if not measurable (``missing_reason`` says why) or not
    asked for (no reason). ``missing_joints``: the keypoints that lack, with reason
    "keypoint_low_confidence". ``confidence``: the lowest score of the keypoints used, 0.3..1; None
    without a value. ``component_deg``: splits only, this side's thigh against the trunk line.
    """

    value_deg: float | None = None
    missing_reason: str | None = None
    missing_joints: tuple[str, ...] = ()
    confidence: float | None = None
    component_deg: float | None = None


@dataclass(frozen=True, slots=True)
class Measurement(Record):
    """One of the 19 measurements. ``sides`` has both "left" and "right", asked for or not.

    ``view``: "front", "back", "side", "oblique" or "unknown". ``facing``: "left", "right" or None
    where it cannot be told. ``overlay``: only if asked for.
    """

    name: str
    title: str
    body_part: str
    sides: Mapping[str, SideValue]
    view: str | None = None
    facing: str | None = None
    warnings: tuple[str, ...] = ()
    overlay: EncodedImage | None = None

    @property
    def left(self) -> float | None:
        """The left side's degrees, not rounded; None if there is no value."""
        return self.sides["left"].value_deg

    @property
    def right(self) -> float | None:
        """The right side's degrees, not rounded; None if there is no value."""
        return self.sides["right"].value_deg


def _find(measurements: tuple[Measurement, ...], name: str) -> Measurement:
    for measurement in measurements:
        if measurement.name == name:
            return measurement
    known = ", ".join(measurement.name for measurement in measurements) or "none"
    raise KeyError(f"{name} is not in this answer; it has: {known}")


@dataclass(frozen=True, slots=True)
class Person(Record):
    """Somebody found in the picture.

    ``keypoints``: all 17 in COCO's order; low-scoring ones are guesses. ``score``: their mean,
    0.3..1. ``track_id``: in streams the same for as long as the person is followed, else None.
    ``measurements``: in the order asked for.
    """

    keypoints: tuple[Keypoint, ...]
    box: BoundingBox
    score: float
    track_id: str | None = None
    measurements: tuple[Measurement, ...] = ()

    def angle(self, name: str) -> Measurement:
        """The measurement of that name; KeyError if it was not asked for."""
        return _find(self.measurements, name)

    def keypoint(self, joint: str) -> Keypoint:
        """The keypoint of that name, such as "left_knee"; KeyError if there is none."""
        for keypoint in self.keypoints:
            if keypoint.joint == joint:
                return keypoint
        raise KeyError(f"{joint} is not one of the keypoints")


@dataclass(frozen=True, slots=True)
class Timings(Record):
    """Milliseconds spent on one picture, on the server."""

    queue_ms: float
    decode_ms: float
    infer_ms: float
    measure_ms: float
    overlay_ms: float


@dataclass(frozen=True, slots=True)
class Detection(Record):
    """What was found in one picture. ``people``: most prominent first; empty if nobody is there."""

    image_size: ImageSize
    people: tuple[Person, ...]
    timings: Timings | None

    @property
    def person(self) -> Person:
        """The most prominent person; NoPersonError if nobody was found."""
        if not self.people:
            raise NoPersonError(
                "Nobody was found reliably in the picture. Use one that shows a whole person.",
                code="NOT_FOUND",
                reason="PERSON_NOT_FOUND",
            )
        return self.people[0]


@dataclass(frozen=True, slots=True)
class ModelInfo(Record):
    """A model: its square input in pixels a side, the most people it can return, and its origin."""

    name: str
    version: str
    input_size_px: int
    max_people: int
    tfhub_handle: str
    origin: str
    is_default: bool


@dataclass(frozen=True, slots=True)
class DetectResult(Detection):
    """The answer to ``detect``; ``image`` is the upright picture, only if asked for."""

    model: ModelInfo
    image: EncodedImage | None = None


@dataclass(frozen=True, slots=True)
class MeasureResult(Record):
    """The answer to ``measure``, in request order."""

    measurements: tuple[Measurement, ...]

    def angle(self, name: str) -> Measurement:
        """The measurement of that name; KeyError if it was not asked for."""
        return _find(self.measurements, name)


@dataclass(frozen=True, slots=True)
class FrameDetection(Record):
    """A stream's answer: what was found in the frame."""

    sequence_id: int
    detection: Detection
    kind: Literal["detection"] = field(default="detection", init=False)


@dataclass(frozen=True, slots=True)
class FrameError(Record):
    """A stream's answer: why the frame could not be read. The stream goes on."""

    sequence_id: int
    error: JointTrackError
    kind: Literal["error"] = field(default="error", init=False)


@dataclass(frozen=True, slots=True)
class FrameDropped(Record):
    """A stream's answer: the frame was skipped; ``dropped_count`` counts the stream's so far."""

    sequence_id: int
    dropped_count: int
    kind: Literal["dropped"] = field(default="dropped", init=False)


StreamAnswer: TypeAlias = FrameDetection | FrameError | FrameDropped


@dataclass(frozen=True, slots=True)
class NormalRange(Record):
    """The range usually found in healthy people, in degrees. A reference, never a diagnosis."""

    min_deg: float
    max_deg: float
    source: str


@dataclass(frozen=True, slots=True)
class MeasurementInfo(Record):
    """One measurement described: its views (empty: any), what 0 and the positive sense are."""

    name: str
    title: str
    body_part: str
    views: tuple[str, ...]
    zero: str
    positive: str
    normal: NormalRange | None


@dataclass(frozen=True, slots=True)
class Limits(Record):
    """What the server accepts; ``StreamConfig`` and ``DetectOptions`` of the contract name them."""

    max_message_bytes: int
    max_image_bytes: int
    max_image_pixels: int
    max_people: int
    max_in_flight: int
    max_bad_frames: int
    max_queue: int


@dataclass(frozen=True, slots=True)
class ServerInfo(Record):
    """What the server runs, knows and allows."""

    server_version: str
    models: tuple[ModelInfo, ...]
    engine: str
    device: str
    precision: str
    engine_reason: str
    measurements: tuple[MeasurementInfo, ...]
    limits: Limits
