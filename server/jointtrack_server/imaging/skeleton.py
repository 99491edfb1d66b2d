"""Thin lines of the body under the angle figures."""

from jointtrack_server.domain.skeleton import Joint, Side
from jointtrack_server.domain.types import Point, Pose
from jointtrack_server.imaging import palette
from jointtrack_server.imaging.canvas import Mark, Shade, Stroke

LIMBS = tuple(
    (side.joint(start), side.joint(end))
    for side in Side
    for start, end in (
        ("shoulder", "elbow"),
        ("elbow", "wrist"),
        ("shoulder", "hip"),
        ("hip", "knee"),
        ("knee", "ankle"),
    )
)
GIRDLES = ((Joint.LEFT_SHOULDER, Joint.RIGHT_SHOULDER), (Joint.LEFT_HIP, Joint.RIGHT_HIP))
BONES = (*LIMBS, *GIRDLES)

LINE_SHARE = 0.004
"""A bone's width as a share of the picture's shorter side."""

HALO_OPACITY, LINE_OPACITY = 0.25, 0.65


def skeleton_marks(pose: Pose, min_score: float) -> list[Mark]:
    """The body's lines; bones with an end that scores less are left out."""
    points: dict[Joint, Point] = {
        joint: (x_px, y_px)
        for joint, (x_px, y_px, score) in zip(Joint, pose.keypoints.tolist(), strict=True)
        if score >= min_score
    }
    size = pose.image_size
    width_px = max(1, round(LINE_SHARE * min(size.width_px, size.height_px)))
    strokes = [
        Stroke((points[start], points[end]), width_px, palette.LINE)
        for start, end in BONES
        if start in points and end in points
    ]
    if not strokes:
        return []
    return [
        Shade(strokes, width_px, palette.HALO, HALO_OPACITY),
        Shade(strokes, 0, palette.LINE, LINE_OPACITY),
    ]
