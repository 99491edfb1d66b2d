"""Back: the trunk line against the vertical, as with a goniometer from S2 to C7.

17 keypoints hold no spine: this is the inclination of the whole trunk, lumbar, thoracic and hip
together, not the lumbar spine alone.
"""

from jointtrack_server.domain.skeleton import Side
from jointtrack_server.domain.types import AngleFigure, LabelPlace
from jointtrack_server.measurements.body import TrunkLine
from jointtrack_server.measurements.frame import BodyFrame
from jointtrack_server.measurements.reading import (
    Reading,
    figure,
    label_beyond,
    line,
    one_sided_warnings,
)
from jointtrack_server.measurements.vectors import VERTICAL, add, goniometer

SURE_FLEXION_DEG = 45.0
"""A trunk this far from the vertical can only be bent forward: nobody leans back so far."""

SURE_NEUTRAL_DEG = 5.0
"""Below this a missing sign does not matter."""

SIDE_ARC_RADIUS = 0.55
"""Radius of side flexion's arc as a share of the trunk line."""


def side_flexion(frame: BodyFrame, side: Side) -> Reading:
    """0 upright, positive leaning towards ``side``, negative away from it."""
    trunk = frame.midline(frame.body.require_trunk())
    turn = goniometer(trunk.up, VERTICAL, frame.require_lateral(side, VERTICAL))
    above_vertical = add(trunk.hip, (0.0, trunk.length_px))
    return Reading(
        turn.value_deg,
        trunk.joints,
        _figure(
            frame,
            trunk,
            turn.sweep_deg,
            radius_px=SIDE_ARC_RADIUS * trunk.length_px,
            label=label_beyond(above_vertical, VERTICAL),
        ),
        warnings=one_sided_warnings(trunk),
    )


def lumbar_forward_flexion(frame: BodyFrame, _side: Side) -> Reading:
    """0 upright, 90 the trunk horizontal, positive forward; the same under both sides.

    Raises UnmeasurableError where the sign is not known and matters.
    """
    trunk = frame.body.require_trunk()
    forward = frame.forward(VERTICAL)
    turn = goniometer(trunk.up, VERTICAL, forward)
    if forward is None and SURE_NEUTRAL_DEG <= turn.value_deg <= SURE_FLEXION_DEG:
        raise frame.unknown_sign()
    return Reading(
        turn.value_deg,
        trunk.joints,
        _figure(frame, trunk, turn.sweep_deg),
        warnings=frame.facing_warnings,
    )


def lumbar_extension(frame: BodyFrame, side: Side) -> Reading:
    """Forward flexion with the sign turned: positive leaning back."""
    return lumbar_forward_flexion(frame, side).negated()


def _figure(
    frame: BodyFrame,
    trunk: TrunkLine,
    sweep_deg: float,
    *,
    radius_px: float | None = None,
    label: LabelPlace | None = None,
) -> AngleFigure:
    return figure(
        frame,
        trunk.hip,
        moving=(line(trunk.hip, trunk.shoulder),),
        reference=(line(trunk.hip, add(trunk.hip, (0.0, trunk.length_px)), dashed=True),),
        zero=VERTICAL,
        sweep_deg=sweep_deg,
        dots=trunk.joints,
        radius_px=radius_px,
        label=label,
    )
