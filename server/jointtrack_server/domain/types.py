"""What the pipeline speaks of: poses, boxes, measurements. No protobuf, no OpenCV."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from jointtrack_server.domain.skeleton import (
    BOTH_SIDES,
    JOINT_COUNT,
    MIRROR_ORDER,
    TORSO,
    Joint,
    Side,
)

Keypoints = NDArray[np.float32]
"""(17, 3) float32: x_px, y_px, score, in pixels of the upright picture."""

Picture = NDArray[np.uint8]
"""(height_px, width_px, 3) uint8, RGB, upright."""

Point = tuple[float, float]
"""x_px from the left, y_px from the top."""


def columns(keypoints: Keypoints) -> tuple[list[float], list[float], list[float]]:
    """x, y and score of the 17 keypoints as Python's floats: between two inferences they take half
    of numpy's time, or less (docs/performance.md).
    """
    xs, ys, scores = keypoints.T.tolist()
    return xs, ys, scores


def torso_centre(xs: list[float], ys: list[float]) -> Point:
    """Middle of shoulders and hips, from ``columns``."""
    return (
        sum([xs[joint] for joint in TORSO]) / len(TORSO),
        sum([ys[joint] for joint in TORSO]) / len(TORSO),
    )


def scaled(keypoints: Keypoints, factor: float) -> Keypoints:
    """With x and y so many times as large."""
    return keypoints * _factors(factor)


@lru_cache(maxsize=64)
def _factors(factor: float) -> Keypoints:
    return np.array((factor, factor, 1.0), np.float32)


def mean_score(keypoints: Keypoints) -> float:
    """Mean of the 17 keypoint scores, 0..1."""
    scores: list[float] = keypoints[:, 2].tolist()
    return sum(scores) / JOINT_COUNT


LOW_CONFIDENCE = 0.5
"""A value resting on a keypoint scored below this is given with a warning."""


class View(StrEnum):
    """From where the camera sees the subject."""

    FRONT = "front"
    BACK = "back"
    SIDE = "side"
    OBLIQUE = "oblique"
    UNKNOWN = "unknown"


class Facing(StrEnum):
    """The edge of the picture that the subject looks to in a side view."""

    LEFT = "left"
    RIGHT = "right"


class MissingReason(StrEnum):
    """Why a side that was asked for has no value."""

    KEYPOINT_LOW_CONFIDENCE = "keypoint_low_confidence"
    SEGMENT_FORESHORTENED = "segment_foreshortened"
    FACING_UNKNOWN = "facing_unknown"
    WRONG_VIEW = "wrong_view"
    BODY_SIDE_UNKNOWN = "body_side_unknown"
    IMPLAUSIBLE_POSE = "implausible_pose"


class Warning(StrEnum):
    """What to bear in mind when reading a value that is given all the same."""

    LOW_CONFIDENCE = "low_confidence"
    VIEW_MISMATCH = "view_mismatch"
    OBLIQUE_VIEW = "oblique_view"
    TRUNK_ONE_SIDED = "trunk_one_sided"
    REFERENCE_VERTICAL = "reference_vertical"
    FACING_UNKNOWN = "facing_unknown"
    OPPOSITE_DIRECTION = "opposite_direction"
    OUT_OF_PLANE = "out_of_plane"
    SEVERAL_PEOPLE = "several_people"


@dataclass(frozen=True, slots=True)
class ImageSize:
    """Of the upright picture, in pixels."""

    width_px: int
    height_px: int

    @classmethod
    def of(cls, picture: Picture) -> "ImageSize":
        """The size of decoded pixels, (height_px, width_px, 3)."""
        height_px, width_px = picture.shape[:2]
        return cls(width_px, height_px)


@dataclass(frozen=True, slots=True)
class Box:
    """An upright rectangle in pixels of the upright picture."""

    x_min_px: float
    y_min_px: float
    x_max_px: float
    y_max_px: float

    @classmethod
    def around(cls, points: Iterable[Point]) -> "Box":
        """The smallest that holds all of them."""
        x_px, y_px = zip(*points, strict=True)
        return cls(min(x_px), min(y_px), max(x_px), max(y_px))

    @property
    def area_px(self) -> float:
        return (self.x_max_px - self.x_min_px) * (self.y_max_px - self.y_min_px)


@dataclass(frozen=True, slots=True, eq=False)
class Pose:
    """One person's keypoints in a picture of a known size."""

    keypoints: Keypoints
    image_size: ImageSize

    @property
    def score(self) -> float:
        """Mean score of the 17 keypoints, 0..1."""
        return mean_score(self.keypoints)

    def mirrored(self) -> "Pose":
        """The same points with left and right exchanged, for a mirrored picture."""
        return Pose(self.keypoints[list(MIRROR_ORDER)], self.image_size)


@dataclass(frozen=True, slots=True)
class NormalRange:
    """The range usually found in healthy people, in degrees, and where it is from."""

    min_deg: float
    max_deg: float
    source: str


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line of a figure, in pixels; dashed if it is no line of the body."""

    start: Point
    end: Point
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Arc:
    """An angle's arc: from the direction ``start_deg``, through ``sweep_deg``.

    Directions are as the viewer sees them: 0 to the right, positive anticlockwise, in degrees.
    ``radius_px`` is set where the figure asks for one; else whoever draws it chooses.
    """

    centre: Point
    start_deg: float
    sweep_deg: float
    radius_px: float | None = None


@dataclass(frozen=True, slots=True)
class LabelPlace:
    """Where a figure's label stands: beyond ``anchor``, in a direction as in ``Arc``."""

    anchor: Point
    direction_deg: float


@dataclass(frozen=True, slots=True)
class AngleFigure:
    """What an overlay draws for one side's value: independent of how it is drawn.

    ``vertex`` is the measured joint, ``dots`` the other keypoints used. ``label`` is set where the
    label does not stand on the arc's bisector. ``alert`` marks a value outside its reference.
    """

    vertex: Point
    moving: tuple[Line, ...]
    reference: tuple[Line, ...]
    arc: Arc
    dots: tuple[Point, ...] = ()
    label: LabelPlace | None = None
    alert: bool = False


@dataclass(frozen=True, slots=True)
class SideValue:
    """One side's angle in degrees, not rounded, or the reason why there is none."""

    value_deg: float | None
    reason: MissingReason | None = None
    missing_joints: tuple[Joint, ...] = ()
    confidence: float = 0.0
    component_deg: float | None = None
    figure: AngleFigure | None = None
    raw_deg: float | None = None
    """Of this frame's keypoints alone, where ``value_deg`` is of smoothed ones."""

    @property
    def is_low_confidence(self) -> bool:
        """Whether there is a value and it rests on a keypoint below ``LOW_CONFIDENCE``."""
        return self.value_deg is not None and self.confidence < LOW_CONFIDENCE


@dataclass(frozen=True, slots=True)
class Measurement:
    """One of the 19 measurements of one person; ``sides`` holds the sides asked for."""

    name: str
    sides: Mapping[Side, SideValue]
    view: View
    facing: Facing | None
    warnings: tuple[Warning, ...]


@dataclass(frozen=True, slots=True)
class MeasureOptions:
    """What to measure and how to read the picture. ``names`` are from the registry, each once."""

    names: tuple[str, ...] = ()
    sides: tuple[Side, ...] = BOTH_SIDES
    facing: Facing | None = None
    mirrored: bool = False
    strict: bool = False
