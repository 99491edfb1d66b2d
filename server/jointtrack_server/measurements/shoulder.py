"""Shoulder: the upper arm against the trunk.

The goniometer's fixed arm lies along the thorax, so a leaning or lying patient reads the same.
"""

from jointtrack_server.domain.skeleton import Side
from jointtrack_server.domain.types import Warning
from jointtrack_server.measurements.body import TrunkLine
from jointtrack_server.measurements.frame import BodyFrame
from jointtrack_server.measurements.joints import JOINTS
from jointtrack_server.measurements.reading import Reading, figure, line, one_sided_warnings
from jointtrack_server.measurements.vectors import Turn, add, dot, goniometer, scaled, sub

SURE_FLEXION_DEG = 80.0
"""An arm this far from the trunk can only be flexed: no shoulder extends so far."""

SURE_NEUTRAL_DEG = 5.0
"""Below this a missing sign does not matter."""


def abduction(frame: BodyFrame, side: Side) -> Reading:
    """0 along the trunk's midline, 90 horizontal, 180 overhead; negative across the body.

    Where the subject's left cannot be told: the opening between arm and trunk, 0..180.
    """
    body, joints = frame.body, JOINTS[side]
    trunk = frame.midline(body.require_trunk(joints.shoulder, joints.elbow))
    arm = body.segment(joints.shoulder, joints.elbow)
    turn = goniometer(arm, scaled(trunk.up, -1.0), frame.lateral(side, trunk.up))
    return _reading(frame, side, trunk, turn, one_sided_warnings(trunk))


def forward_flexion(frame: BodyFrame, side: Side) -> Reading:
    """0 along the trunk, positive forward and up; negative is extension.

    The trunk is the arm's own hip-shoulder line, else whichever there is: in profile the own one
    is the one that is seen. Raises UnmeasurableError where the sign is not known and matters.
    """
    body, joints = frame.body, JOINTS[side]
    any_trunk = body.require_trunk(joints.shoulder, joints.elbow)
    trunk = body.side_lines[side] or any_trunk
    arm = body.segment(joints.shoulder, joints.elbow)
    forward = frame.forward(trunk.up)
    turn = goniometer(arm, scaled(trunk.up, -1.0), forward)
    if forward is None and SURE_NEUTRAL_DEG <= turn.value_deg <= SURE_FLEXION_DEG:
        raise frame.unknown_sign()
    return _reading(frame, side, trunk, turn, frame.facing_warnings)


def extension(frame: BodyFrame, side: Side) -> Reading:
    """Forward flexion with the sign turned: positive behind the trunk."""
    return forward_flexion(frame, side).negated()


def _reading(
    frame: BodyFrame, side: Side, trunk: TrunkLine, turn: Turn, warnings: tuple[Warning, ...]
) -> Reading:
    """With the trunk line drawn from the shoulder to hip height, solid where it is a body line."""
    joints, points = JOINTS[side], frame.body.points
    shoulder, elbow = points[joints.shoulder], points[joints.elbow]
    down = scaled(trunk.up, -1.0)
    to_hip_height = max(0.0, dot(sub(trunk.hip, shoulder), down))
    is_own_line = trunk.side is side and trunk.shoulder == shoulder
    reference = line(shoulder, add(shoulder, scaled(down, to_hip_height)), dashed=not is_own_line)
    used = tuple(dict.fromkeys((joints.shoulder, joints.elbow, *trunk.joints)))
    return Reading(
        turn.value_deg,
        used,
        figure(
            frame,
            shoulder,
            moving=(line(shoulder, elbow),),
            reference=(reference,),
            zero=down,
            sweep_deg=turn.sweep_deg,
            dots=used[1:],
        ),
        moving=((joints.shoulder, joints.elbow),),
        warnings=warnings,
    )
