"""Hip: the thigh against the trunk, and the opening between the thighs."""

import math

from jointtrack_server.domain.skeleton import Joint, Side
from jointtrack_server.measurements.body import Body
from jointtrack_server.measurements.frame import BodyFrame
from jointtrack_server.measurements.joints import JOINTS, LEFT, RIGHT, SideJoints
from jointtrack_server.measurements.reading import (
    Reading,
    figure,
    interior_angle,
    line,
    one_sided_warnings,
)
from jointtrack_server.measurements.vectors import (
    Vec,
    add,
    dot,
    goniometer,
    length,
    mid,
    opening_deg,
    scaled,
    sub,
    turn_deg,
    unit,
)

MIN_OVERSPLIT_DEG = 150.0
"""Only from here on can the thighs point up the body, past a full split (our choice)."""

MIN_OVERSPLIT_BISECTOR = 0.02
"""The thighs' unit vectors must add up to this much up the trunk (our choice)."""

CONTINUATION = 0.8
"""The dashed continuation of the trunk below the hip, as a share of the thigh."""


def frontal_abduction(frame: BodyFrame, side: Side) -> Reading:
    """The thigh against the trunk's midline: 0 parallel, positive outwards, negative inwards.

    Where the subject's left cannot be told: the opening, 0..180.
    """
    body, joints = frame.body, JOINTS[side]
    trunk = frame.midline(body.require_trunk(joints.hip, joints.knee))
    thigh = body.segment(joints.hip, joints.knee)
    down = scaled(trunk.up, -1.0)
    turn = goniometer(thigh, down, frame.lateral(side, trunk.up))
    hip, knee = body.points[joints.hip], body.points[joints.knee]
    used = tuple(dict.fromkeys((joints.hip, joints.knee, *trunk.joints)))
    return Reading(
        turn.value_deg,
        used,
        figure(
            frame,
            hip,
            moving=(line(hip, knee),),
            reference=(line(hip, add(hip, scaled(down, length(thigh))), dashed=True),),
            zero=down,
            sweep_deg=turn.sweep_deg,
            dots=used[1:],
        ),
        warnings=one_sided_warnings(trunk),
    )


def flexion(frame: BodyFrame, side: Side) -> Reading:
    """The thigh against the own side's trunk line: 0 standing, positive forward.

    Where the facing is not known, the opening: hips practically only flex.
    """
    body, joints = frame.body, JOINTS[side]
    body.require(joints.shoulder, joints.hip, joints.knee)
    thigh = body.segment(joints.hip, joints.knee)
    to_shoulder = body.line(sub(body.points[joints.shoulder], body.points[joints.hip]), 0.0)
    up = unit(to_shoulder)
    down = scaled(up, -1.0)
    turn = goniometer(thigh, down, frame.forward(up))
    hip, knee = body.points[joints.hip], body.points[joints.knee]
    continuation = add(hip, scaled(down, CONTINUATION * length(thigh)))
    return Reading(
        turn.value_deg,
        (joints.hip, joints.knee, joints.shoulder),
        figure(
            frame,
            hip,
            moving=(line(hip, knee),),
            reference=(
                line(hip, continuation, dashed=True),
                line(hip, body.points[joints.shoulder]),
            ),
            zero=down,
            sweep_deg=turn.sweep_deg,
            dots=(joints.knee, joints.shoulder),
        ),
        moving=((joints.hip, joints.knee),),
        warnings=frame.facing_warnings,
    )


def interior(frame: BodyFrame, side: Side) -> Reading:
    """The opening between trunk and thigh, 180 standing."""
    joints = JOINTS[side]
    return interior_angle(frame, joints.shoulder, joints.hip, joints.knee)


def splits(frame: BodyFrame, side: Side) -> Reading:
    """The opening between the thighs: 0 parallel, 180 a full split, more past it.

    Each thigh starts at its own hip: from the middle of the pelvis, parallel legs would read about
    26. The value is the same under both sides; the component is this side's thigh to the trunk.
    """
    body = frame.body
    left_end, right_end = _thigh_end(body, LEFT), _thigh_end(body, RIGHT)
    body.require(LEFT.hip, left_end, RIGHT.hip, right_end)
    left, right = body.segment(LEFT.hip, left_end), body.segment(RIGHT.hip, right_end)
    value_deg, sweep_deg = opening_deg(left, right), turn_deg(left, right)
    if value_deg > MIN_OVERSPLIT_DEG and _points_up_the_body(body, left, right):
        value_deg = 360.0 - value_deg
        sweep_deg -= math.copysign(360.0, sweep_deg)
    own = left if side is Side.LEFT else right
    points = body.points
    legs = [joints for joints in (LEFT, RIGHT) if body.has(joints.knee)]
    used = (LEFT.hip, left_end, RIGHT.hip, right_end)
    return Reading(
        value_deg,
        used,
        figure(
            frame,
            mid(points[LEFT.hip], points[RIGHT.hip]),
            moving=(
                line(points[LEFT.hip], points[left_end]),
                line(points[RIGHT.hip], points[right_end]),
            ),
            reference=tuple(
                line(points[joints.knee], points[joints.ankle], dashed=True)
                for joints in legs
                if body.has(joints.ankle)
            ),
            zero=left,
            sweep_deg=sweep_deg,
            dots=used,
        ),
        moving=tuple((joints.hip, joints.knee) for joints in legs),
        component_deg=opening_deg(own, scaled(body.up, -1.0)) if body.trunk else None,
    )


def _thigh_end(body: Body, joints: SideJoints) -> Joint:
    """The knee, or the ankle where only that is there."""
    only_ankle = body.has(joints.ankle) and not body.has(joints.knee)
    return joints.ankle if only_ankle else joints.knee


def _points_up_the_body(body: Body, left: Vec, right: Vec) -> bool:
    bisector = add(unit(left), unit(right))
    return body.trunk is not None and dot(bisector, body.up) > MIN_OVERSPLIT_BISECTOR
