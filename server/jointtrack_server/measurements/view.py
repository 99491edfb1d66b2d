"""From where the camera sees the subject, and which side of the picture is the subject's left.

The thresholds come from 3,481 hand-labelled people in COCO's format; with them 591 of 649 people
with a frontal head are told as front, 40 oblique, 11 side, 3 back and 4 unknown.
"""

from jointtrack_server.domain.skeleton import Joint
from jointtrack_server.domain.types import View
from jointtrack_server.measurements.body import HIP_WIDTH, SHOULDER_WIDTH, Body
from jointtrack_server.measurements.joints import EARS, EYES, LEFT, RIGHT, TRUNK_JOINTS
from jointtrack_server.measurements.vectors import clockwise, dot, length, mid, sub

MAX_SIDE_WIDTH = 0.45
"""Width index up to which the view is from the side; 1 is the median frontal person."""

MIN_FRONTAL_WIDTH = 0.70
"""Width index from which the view is from the front or back."""

SURE_FRONTAL_WIDTH = 1.00
"""Width index from which even a head in profile does not make the view oblique."""

MIN_PROFILE_NOSE = 0.12
"""A nose this share of the ruler beside the ear, across the trunk, is a head in profile..."""

MAX_PROFILE_EARS = 0.12
"""...if the ears are no further apart than this share."""

MIN_SIDE_DIFFERENCE = 0.10
"""Left and right must differ by this share of the ruler to tell the subject's left."""

Pair = tuple[Joint, Joint]
SHOULDERS: Pair = (LEFT.shoulder, RIGHT.shoulder)
HIPS: Pair = (LEFT.hip, RIGHT.hip)


def body_side(body: Body) -> float | None:
    """+1 where the subject's left is clockwise of "up the trunk" (front view), -1 where it is
    anticlockwise (back view), None where it cannot be told.

    Told by shoulders and hips, and by ears and eyes only if those say nothing.
    """
    for pairs in ((SHOULDERS, HIPS), (EARS, EYES)):
        total = sum(_across(body, pair) for pair in pairs if body.has(*pair))
        if total and abs(total) >= MIN_SIDE_DIFFERENCE * body.ruler_px:
            return 1.0 if total > 0.0 else -1.0
    return None


def view_of(body: Body, side_sign: float | None) -> View:
    """The view, by how wide shoulders and hips are across the trunk.

    ``side_sign`` is what ``body_side`` told.
    """
    if body.trunk is None or not body.has(*TRUNK_JOINTS):
        return View.UNKNOWN
    width_index = _width_index(body)
    if width_index <= MAX_SIDE_WIDTH:
        return View.SIDE
    if width_index < MIN_FRONTAL_WIDTH:
        return View.OBLIQUE
    if width_index < SURE_FRONTAL_WIDTH and _head_in_profile(body):
        return View.OBLIQUE
    if side_sign is None:
        return View.UNKNOWN
    return View.FRONT if side_sign > 0.0 else View.BACK


def seems_frontal(body: Body) -> bool:
    """Whether what is seen of shoulders and hips is as wide as from the front or back.

    For pictures whose view is unknown because one of them is missing.
    """
    return _width_index(body) >= MIN_FRONTAL_WIDTH


def _width_index(body: Body) -> float:
    """Width across the trunk, of the pairs that exist, as a share of the median frontal person."""
    widths = [
        abs(_across(body, pair)) / (share * body.ruler_px)
        for pair, share in ((SHOULDERS, SHOULDER_WIDTH), (HIPS, HIP_WIDTH))
        if body.has(*pair) and body.ruler_px
    ]
    return sum(widths) / len(widths) if widths else 0.0


def _across(body: Body, pair: Pair) -> float:
    """How far the left one lies clockwise of the right one across the trunk, in pixels."""
    left, right = pair
    return dot(sub(body.points[left], body.points[right]), clockwise(body.up))


def _head_in_profile(body: Body) -> bool:
    ears = [body.points[ear] for ear in EARS if body.has(ear)]
    if not ears or not body.has(Joint.NOSE):
        return False
    apart = length(sub(ears[0], ears[-1]))
    nose = sub(body.points[Joint.NOSE], mid(ears[0], ears[-1]))
    return (
        abs(dot(nose, clockwise(body.up))) >= MIN_PROFILE_NOSE * body.ruler_px
        and apart <= MAX_PROFILE_EARS * body.ruler_px
    )
