"""Thin lines of the body under the angle figures."""

from jointtrack.types import Person
from jointtrack_server.domain.skeleton import Joint, Side
from jointtrack_server.domain.types import Picture
from jointtrack_server.imaging import palette
from jointtrack_server.imaging.canvas import Stroke, shade_strokes
from jointtrack_server.measurements.quality import MIN_KEYPOINT_SCORE

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


def draw_skeleton(picture: Picture, person: Person) -> None:
    """Draws onto ``picture``; bones with an uncertain end are left out."""
    points = {
        joint: (keypoint.x_px, keypoint.y_px)
        for joint, keypoint in zip(Joint, person.keypoints, strict=True)
        if keypoint.score >= MIN_KEYPOINT_SCORE
    }
    width_px = max(1, round(LINE_SHARE * min(picture.shape[:2])))
    strokes = [
        Stroke((points[start], points[end]), width_px, palette.LINE)
        for start, end in BONES
        if start in points and end in points
    ]
    if strokes:
        shade_strokes(picture, strokes, width_px, palette.HALO, HALO_OPACITY)
        shade_strokes(picture, strokes, 0, palette.LINE, LINE_OPACITY)
