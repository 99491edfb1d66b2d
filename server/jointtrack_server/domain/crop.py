"""MoveNet's crop region: which square of the picture the model looks at.

The rule and its constants are those of MoveNet's authors (tensorflow/tfjs-models, pose-detection,
``movenet/constants.ts`` and ``calculators/...``; TensorFlow Hub's MoveNet tutorial has the same).
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from jointtrack_server.domain.skeleton import TORSO, Joint
from jointtrack_server.domain.types import Box, ImageSize, Keypoints, columns

MIN_CROP_KEYPOINT_SCORE = 0.2
"""tfjs-models ``MIN_CROP_KEYPOINT_SCORE``: below it a keypoint does not count for the crop."""

TORSO_EXPANSION_RATIO = 1.9
"""tfjs-models: half the crop's side over the largest hip-centre-to-torso-joint distance."""

BODY_EXPANSION_RATIO = 1.2
"""tfjs-models: half the crop's side over the largest hip-centre-to-any-joint distance."""

BOX_EXPANSION_RATIO = 1.25
"""Side of the crop over the longer side of a person's box, the usual margin of top-down pose models
(0.25 in MMPose and in Google's MoveNet MultiPose tracker)."""


@dataclass(frozen=True, slots=True)
class CropRegion:
    """A square of the picture, in pixels; parts beyond the picture's edges are black.

    ``turn_deg`` is how far the square is turned clockwise, as the viewer sees it: what points up
    in the square points ``turn_deg`` clockwise of up in the picture. 0..360.
    """

    centre_x_px: float
    centre_y_px: float
    half_side_px: float
    turn_deg: float = 0.0

    def turned(self, turn_deg: float) -> "CropRegion":
        """The same square, turned to ``turn_deg`` instead."""
        return replace(self, turn_deg=turn_deg % 360.0)

    def on_whole_pixels(self) -> "CropRegion":
        """The nearest square whose edges lie between pixels; a turned one has none."""
        if self.turn_deg:
            return self
        half_side_px = max(round(2.0 * self.half_side_px), 1) / 2.0
        left_px = round(self.centre_x_px - half_side_px)
        top_px = round(self.centre_y_px - half_side_px)
        return CropRegion(left_px + half_side_px, top_px + half_side_px, half_side_px)

    def to_picture(self) -> NDArray[np.float64]:
        """(2, 3): takes (u, v, 1), fractions of the square's side from its top left, to pixels."""
        side = 2.0 * self.half_side_px
        cos = math.cos(math.radians(self.turn_deg))
        sin = math.sin(math.radians(self.turn_deg))
        linear = side * np.array([[cos, -sin], [sin, cos]])
        centre = np.array([self.centre_x_px, self.centre_y_px])
        offset = centre - linear @ np.array([0.5, 0.5])
        return np.hstack([linear, offset[:, None]])


def whole_picture(size: ImageSize, turn_deg: float = 0.0) -> CropRegion:
    """The letterboxed picture: its longer side fills the square, the rest is black."""
    half_side_px = max(size.width_px, size.height_px) / 2.0
    return CropRegion(size.width_px / 2.0, size.height_px / 2.0, half_side_px, turn_deg)


def crop_around_box(box: Box, turn_deg: float = 0.0) -> CropRegion:
    """A square around a person's box, with a margin."""
    width_px, height_px = box.x_max_px - box.x_min_px, box.y_max_px - box.y_min_px
    half_side_px = max(BOX_EXPANSION_RATIO * max(width_px, height_px) / 2.0, 1.0)
    centre_x_px = (box.x_min_px + box.x_max_px) / 2.0
    centre_y_px = (box.y_min_px + box.y_max_px) / 2.0
    return CropRegion(centre_x_px, centre_y_px, half_side_px, turn_deg)


def torso_visible(keypoints: Keypoints) -> bool:
    """At least one shoulder and one hip score above ``MIN_CROP_KEYPOINT_SCORE`` (tfjs-models)."""
    return _torso_visible(keypoints[:, 2].tolist())


def _torso_visible(scores: list[float]) -> bool:
    shoulder = max(scores[Joint.LEFT_SHOULDER], scores[Joint.RIGHT_SHOULDER])
    hip = max(scores[Joint.LEFT_HIP], scores[Joint.RIGHT_HIP])
    return min(shoulder, hip) > MIN_CROP_KEYPOINT_SCORE


def crop_around_pose(
    keypoints: Keypoints, size: ImageSize, turn_deg: float = 0.0
) -> CropRegion | None:
    """MoveNet's crop for the next look at this person, or ``None`` if the torso is not visible.

    Centred between the hips; half its side is the larger of 1.9 times the farthest torso joint
    and 1.2 times the farthest joint (the larger of the distances along x and y), but no more than
    reaches the picture's farthest edge. A crop larger than the picture is the whole picture.
    """
    xs, ys, scores = columns(keypoints)
    if not _torso_visible(scores):
        return None
    x = (xs[Joint.LEFT_HIP] + xs[Joint.RIGHT_HIP]) / 2.0
    y = (ys[Joint.LEFT_HIP] + ys[Joint.RIGHT_HIP]) / 2.0
    apart = [max(abs(u - x), abs(v - y)) for u, v in zip(xs, ys, strict=True)]
    seen = [d for d, score in zip(apart, scores, strict=True) if score >= MIN_CROP_KEYPOINT_SCORE]
    half_side_px = max(
        TORSO_EXPANSION_RATIO * max([apart[joint] for joint in TORSO]),
        BODY_EXPANSION_RATIO * max(seen),
    )
    half_side_px = min(half_side_px, max(x, size.width_px - x, y, size.height_px - y))
    if half_side_px > max(size.width_px, size.height_px) / 2.0:
        return whole_picture(size, turn_deg)
    return CropRegion(x, y, max(half_side_px, 1.0), turn_deg)


def trunk_turn_deg(keypoints: Keypoints) -> float:
    """Direction of mid-hip to mid-shoulder, in degrees clockwise from the picture's up; 0..360."""
    xs, ys, _ = columns(keypoints)
    x, y = (
        one[Joint.LEFT_SHOULDER]
        + one[Joint.RIGHT_SHOULDER]
        - one[Joint.LEFT_HIP]
        - one[Joint.RIGHT_HIP]
        for one in (xs, ys)
    )
    return math.degrees(math.atan2(x, -y)) % 360.0


def turn_difference_deg(a_deg: float, b_deg: float) -> float:
    """The smaller angle between two directions, 0..180."""
    return abs((a_deg - b_deg + 180.0) % 360.0 - 180.0)
