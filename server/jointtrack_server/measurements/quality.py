"""Which keypoints and segments can be trusted."""

import math
from collections.abc import Iterable, Sequence

from jointtrack_server.domain.skeleton import BOTH_SIDES, Joint
from jointtrack_server.domain.types import ImageSize
from jointtrack_server.measurements.joints import JOINTS
from jointtrack_server.measurements.vectors import Vec

MIN_KEYPOINT_SCORE = 0.30
"""A keypoint scored below this is missing (the threshold of tfjs-models' MoveNet demo)."""

PICTURE_MARGIN = 0.02
"""A keypoint further outside the picture than this share of its width or height is missing."""

MIN_SEGMENT = 0.15
"""A limb segment shorter than this share of the trunk points at the camera (our choice)."""

MIN_HEAD_LINE = 0.05
"""The same for the head's line, which is shorter by nature (our choice)."""

MAX_TILT_DEG = 45.0
"""A segment tilted further out of the picture plane than this is warned of (our choice)."""

MIN_SEGMENTS_FOR_HEIGHT = 3
"""Fewer segments give no body height worth comparing with."""

SEGMENT_PARTS = {
    segment: part
    for joints in map(JOINTS.__getitem__, BOTH_SIDES)
    for segment, part in {
        (joints.shoulder, joints.elbow): 0.186,
        (joints.elbow, joints.wrist): 0.146,
        (joints.hip, joints.knee): 0.245,
        (joints.knee, joints.ankle): 0.246,
        (joints.shoulder, joints.hip): 0.288,
    }.items()
}
"""Segment lengths as parts of body height (Winter, Biomechanics and Motor Control)."""

TRUNK_PART = 0.288
"""Shoulder to hip as part of body height, from the same table."""


def which_exist(keypoints: Iterable[Sequence[float]], size: ImageSize) -> tuple[bool, ...]:
    """Which of x_px, y_px, score count: scored well enough, in or just outside the picture."""
    margin_x, margin_y = PICTURE_MARGIN * size.width_px, PICTURE_MARGIN * size.height_px
    right, bottom = size.width_px + margin_x, size.height_px + margin_y
    return tuple(
        [
            score >= MIN_KEYPOINT_SCORE
            and -margin_x <= x_px <= right
            and -margin_y <= y_px <= bottom
            for x_px, y_px, score in keypoints
        ]
    )


def body_height_px(points: Sequence[Vec], exists: Sequence[bool]) -> float | None:
    """The body's height as its segments tell it, in pixels; None with fewer than three of them.

    The second largest of length / part: segments look shorter when tilted, never longer, and one
    wrong keypoint must not decide.
    """
    heights = sorted(
        math.dist(points[start], points[end]) / part
        for (start, end), part in SEGMENT_PARTS.items()
        if exists[start] and exists[end]
    )
    return heights[-2] if len(heights) >= MIN_SEGMENTS_FOR_HEIGHT else None


def is_out_of_plane(points: Sequence[Vec], segment: tuple[Joint, Joint], height_px: float) -> bool:
    """Whether an existing segment is too short for a body of that height to lie in the plane."""
    full_length = SEGMENT_PARTS[segment] * height_px
    seen_length = math.dist(points[segment[0]], points[segment[1]])
    return seen_length < full_length * math.cos(math.radians(MAX_TILT_DEG))
