"""People, keypoints and angles found in a picture."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from jointtrack.errors import NoPersonError
from jointtrack.types.record import Record, find
from jointtrack.types.server import ModelInfo
from jointtrack.types.tables import Row, RowKind, Tabular, detection_rows, measured_rows


@dataclass(frozen=True, slots=True, repr=False)
class ImageSize(Record):
    """Of the upright picture, in pixels."""

    width_px: int
    height_px: int


@dataclass(frozen=True, slots=True, repr=False)
class EncodedImage(Record):
    """A picture file made by the server, such as "image/jpeg"."""

    data: bytes
    media_type: str
    width_px: int
    height_px: int

    def save(self, path: str | Path) -> None:
        """Writes the file."""
        Path(path).write_bytes(self.data)


@dataclass(frozen=True, slots=True, repr=False)
class Keypoint(Record):
    """One joint's place, such as "left_knee"; ``score`` is the model's confidence, 0..1."""

    joint: str
    x_px: float
    y_px: float
    score: float


@dataclass(frozen=True, slots=True, repr=False)
class BoundingBox(Record):
    """An upright rectangle in pixels from the left and top edges."""

    x_min_px: float
    y_min_px: float
    x_max_px: float
    y_max_px: float


@dataclass(frozen=True, slots=True, repr=False)
class SideValue(Record):
    """One side's angle, or the reason why there is none.

    ``value_deg``: degrees, not rounded; None if not measurable (``missing_reason`` says why) or not
    asked for (no reason). ``missing_joints``: the keypoints that lack, with reason
    "keypoint_low_confidence". ``confidence``: the lowest score of the keypoints used, 0.3..1; None
    without a value. ``component_deg``: splits only, this side's thigh against the trunk line.
    ``raw_deg``: streams with smoothing only, the value from this frame's keypoints alone.
    """

    value_deg: float | None = None
    missing_reason: str | None = None
    missing_joints: tuple[str, ...] = ()
    confidence: float | None = None
    component_deg: float | None = None
    raw_deg: float | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Measurement(Record):
    """One of the 19 measurements. ``sides`` has both "left" and "right", asked for or not.

    ``view``: "front", "back", "side", "oblique" or "unknown". ``facing``: "left", "right" or None
    where it cannot be told. ``overlay``: only if asked for.
    """

    name: str
    title: str = field(repr=False)
    body_part: str = field(repr=False)
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


@dataclass(frozen=True, slots=True, repr=False)
class Person(Tabular, Record):
    """Somebody found in the picture.

    ``keypoints``: all 17 in COCO's order; low-scoring ones are guesses. ``score``: their mean,
    0.3..1. ``track_id``: in streams the same for as long as the person is followed, else None.
    ``measurements``: in the order asked for. ``raw_keypoints``: in streams with smoothing all 17 as
    the model saw them in this frame alone, ``keypoints`` being the smoothed ones; else empty.
    """

    keypoints: tuple[Keypoint, ...]
    box: BoundingBox
    score: float
    track_id: str | None = None
    measurements: tuple[Measurement, ...] = ()
    raw_keypoints: tuple[Keypoint, ...] = ()

    def angle(self, name: str) -> Measurement:
        """The measurement of that name; KeyError if it was not asked for."""
        return find(self.measurements, name)

    def keypoint(self, joint: str) -> Keypoint:
        """The keypoint of that name, such as "left_knee"; KeyError if there is none."""
        for keypoint in self.keypoints:
            if keypoint.joint == joint:
                return keypoint
        raise KeyError(f"{joint} is not one of the keypoints")

    def _rows(self, of: RowKind) -> list[Row]:
        return detection_rows((self,), of)


@dataclass(frozen=True, slots=True, repr=False)
class Timings(Record):
    """Milliseconds spent on one picture, on the server."""

    queue_ms: float
    decode_ms: float
    infer_ms: float
    measure_ms: float
    overlay_ms: float


@dataclass(frozen=True, slots=True, repr=False)
class Detection(Tabular, Record):
    """What was found in one picture. ``people``: most prominent first; empty if nobody is there."""

    image_size: ImageSize
    people: tuple[Person, ...]
    timings: Timings | None = field(repr=False)

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

    def _rows(self, of: RowKind) -> list[Row]:
        return detection_rows(self.people, of)


@dataclass(frozen=True, slots=True, repr=False)
class DetectResult(Detection):
    """The answer to ``detect``.

    ``image``: the upright picture, only if asked for. ``request_id``: finds the call in the
    server's log.
    """

    model: ModelInfo = field(repr=False)
    image: EncodedImage | None = None
    request_id: str | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True, repr=False)
class MeasureResult(Tabular, Record):
    """The answer to ``measure``, in request order; for ``request_id`` see DetectResult."""

    measurements: tuple[Measurement, ...]
    request_id: str | None = field(default=None, compare=False)

    def _rows(self, of: RowKind) -> list[Row]:
        return measured_rows(self.measurements) if of == "angles" else []

    def angle(self, name: str) -> Measurement:
        """The measurement of that name; KeyError if it was not asked for."""
        return find(self.measurements, name)
