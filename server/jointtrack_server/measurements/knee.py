"""Knee: the shank against the thigh. Gravity plays no part, so it holds for people lying."""

from jointtrack_server.domain.skeleton import Side
from jointtrack_server.measurements.frame import BodyFrame
from jointtrack_server.measurements.joints import JOINTS
from jointtrack_server.measurements.reading import (
    Reading,
    figure,
    interior_angle,
    label_beyond,
    line,
)
from jointtrack_server.measurements.vectors import (
    add,
    dot,
    length,
    opening_deg,
    scaled,
    sub,
    turn_deg,
    unit,
)

MAX_HYPEREXTENSION_DEG = 25.0
"""No knee bends further the wrong way: past this the facing is wrong, and the knee flexed."""

MAX_VALGUS_DEG = 10.0
"""Valgus up to about here is usual (Herrington & Munro 2010: drop jumps, 7-13 women, 3-8 men)."""

VALGUS_ARC_RADIUS = 0.15
"""Of the arc on the knee's open side, small because it shows a side and not the angle's size; as a
share of the shank."""

CONTINUATION = 0.8
"""The dashed continuation of the thigh, as a share of the shank."""


def flexion(frame: BodyFrame, side: Side) -> Reading:
    """0 straight, positive heel to buttock, negative hyperextended.

    Where the facing is not known, or must be wrong, the magnitude: knees practically only flex.
    """
    body, joints = frame.body, JOINTS[side]
    body.require(joints.hip, joints.knee, joints.ankle)
    thigh = body.segment(joints.hip, joints.knee)
    shank = body.segment(joints.knee, joints.ankle)
    sweep_deg = turn_deg(thigh, shank)
    forward_sign = frame.forward_sign
    value_deg = abs(sweep_deg) if forward_sign is None else -forward_sign * sweep_deg
    if value_deg < -MAX_HYPEREXTENSION_DEG:
        value_deg = abs(sweep_deg)
    hip, knee, ankle = (body.points[joint] for joint in (joints.hip, joints.knee, joints.ankle))
    zero = unit(thigh)
    continuation = add(knee, scaled(zero, CONTINUATION * length(shank)))
    return Reading(
        value_deg,
        (joints.knee, joints.hip, joints.ankle),
        figure(
            frame,
            knee,
            moving=(line(knee, ankle),),
            reference=(line(knee, continuation, dashed=True), line(hip, knee)),
            zero=zero,
            sweep_deg=sweep_deg,
            dots=(joints.hip, joints.ankle),
        ),
        moving=((joints.knee, joints.ankle),),
        warnings=frame.facing_warnings,
    )


def extension(frame: BodyFrame, side: Side) -> Reading:
    """Flexion with the sign turned: 0 straight, negative what lacks, positive hyperextended."""
    return flexion(frame, side).negated()


def frontal_projection(frame: BodyFrame, side: Side) -> Reading:
    """Frontal plane projection angle: 0 in line, positive the knee inwards (valgus)."""
    body, joints = frame.body, JOINTS[side]
    body.require(joints.hip, joints.knee, joints.ankle)
    thigh = body.segment(joints.hip, joints.knee)
    shank = body.segment(joints.knee, joints.ankle)
    hip, knee, ankle = (body.points[joint] for joint in (joints.hip, joints.knee, joints.ankle))
    lateral = frame.require_lateral(side, unit(sub(hip, ankle)))
    value_deg = opening_deg(thigh, shank)
    if dot(thigh, lateral) > 0.0:
        value_deg = -value_deg
    to_hip, to_ankle = scaled(thigh, -1.0), shank
    return Reading(
        value_deg,
        (joints.knee, joints.hip, joints.ankle),
        figure(
            frame,
            knee,
            moving=(line(knee, ankle),),
            reference=(line(hip, knee), line(hip, ankle, dashed=True)),
            zero=to_hip,
            sweep_deg=turn_deg(to_hip, to_ankle),
            dots=(joints.hip, joints.ankle),
            radius_px=VALGUS_ARC_RADIUS * length(shank),
            label=label_beyond(knee, lateral),
            alert=value_deg > MAX_VALGUS_DEG,
        ),
    )


def interior(frame: BodyFrame, side: Side) -> Reading:
    """The opening between thigh and shank, 180 straight."""
    joints = JOINTS[side]
    return interior_angle(frame, joints.hip, joints.knee, joints.ankle)
