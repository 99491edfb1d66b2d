"""Neck: the head against the trunk; against the vertical where no trunk line is seen."""

from functools import reduce

from jointtrack_server.domain.skeleton import Joint, Side
from jointtrack_server.domain.types import AngleFigure, MissingReason, Warning
from jointtrack_server.measurements.body import Body, UnmeasurableError
from jointtrack_server.measurements.frame import BodyFrame
from jointtrack_server.measurements.joints import EARS, EYES, JOINTS
from jointtrack_server.measurements.quality import MIN_HEAD_LINE
from jointtrack_server.measurements.reading import (
    Reading,
    figure,
    label_beyond,
    line,
    one_sided_warnings,
)
from jointtrack_server.measurements.vectors import (
    VERTICAL,
    Vec,
    add,
    clockwise,
    cross,
    dot,
    goniometer,
    length,
    mid,
    scaled,
    sub,
    turned,
    unit,
)

NOSE_BELOW_LEVEL_DEG = 8.0
"""Ear to nose points this far below the head's level line and ear to eye this far above it; ear to
their middle lies on it: medians of 89 hand-labelled upright profile heads (-8.1, +8.1, 0.0)."""

LINE_LENGTH = 1.5
"""The drawn lines, in ear distances (from the front) or in head lines (from the side)."""

EAR_DISTANCE = 2.3
"""Ear distance in eye distances, for drawing a head whose ears are not seen (our choice)."""


def lateral_flexion(frame: BodyFrame, side: Side) -> Reading:
    """0 upright, positive the ear towards that side's shoulder, negative away from it.

    The line across the head, ears and eyes added up (ears weigh more: they are wider apart), is
    read from the lateral direction, growing downwards.
    """
    body, own, other = frame.body, JOINTS[side], JOINTS[side.opposite]
    pairs = [pair for pair in ((own.ear, other.ear), (own.eye, other.eye)) if body.has(*pair)]
    if not pairs:
        raise UnmeasurableError(MissingReason.KEYPOINT_LOW_CONFIDENCE, body.missing(*EARS, *EYES))
    trunk = frame.midline(body.trunk) if body.trunk else None
    up = trunk.up if trunk else VERTICAL
    lateral = frame.require_lateral(side, up)
    points = body.points
    across = reduce(add, (sub(points[a], points[b]) for a, b in pairs))
    turn = goniometer(body.line(across, MIN_HEAD_LINE), lateral, scaled(up, -1.0))
    used = tuple(joint for pair in pairs for joint in sorted(pair))
    return Reading(
        turn.value_deg,
        used + (trunk.joints if trunk else ()),
        _frontal_figure(frame, used, up, turn.sweep_deg),
        warnings=one_sided_warnings(trunk) if trunk else (Warning.REFERENCE_VERTICAL,),
    )


def _frontal_figure(
    frame: BodyFrame, head: tuple[Joint, ...], up: Vec, sweep_deg: float
) -> AngleFigure:
    """From between the ears (else the eyes): up the trunk dashed, up the head solid."""
    left, right = (frame.body.points[joint] for joint in head[:2])
    ear_distance = length(sub(left, right)) * (1.0 if head[0] in EARS else EAR_DISTANCE)
    vertex, reach = mid(left, right), LINE_LENGTH * ear_distance
    neutral = add(vertex, scaled(up, reach))
    axis = add(vertex, scaled(turned(up, sweep_deg), reach))
    return figure(
        frame,
        vertex,
        moving=(line(vertex, axis),),
        reference=(line(vertex, neutral, dashed=True),),
        zero=up,
        sweep_deg=sweep_deg,
        dots=head,
        label=label_beyond(mid(neutral, axis), up),
    )


def forward_flexion(frame: BodyFrame, _side: Side) -> Reading:
    """0 looking straight ahead (Frankfurt plane square to the trunk), positive chin down.

    The head's line runs from the better ear to the middle of its eye and the nose. The same under
    both sides. Where the facing is not known, the head shows it.
    """
    body, up = frame.body, frame.body.up
    ear, tips = _ear_and_tips(body)
    to_first, to_last = (sub(body.points[tip], body.points[ear]) for tip in (tips[0], tips[-1]))
    head_line = body.line(mid(to_first, to_last), MIN_HEAD_LINE)
    forward, down = frame.forward(up) or _shown_forward(head_line, up), scaled(up, -1.0)
    level_deg = _level_deg(tips)
    value_deg = goniometer(head_line, forward, down).value_deg - level_deg
    sense = 1.0 if cross(forward, down) > 0.0 else -1.0
    return Reading(
        value_deg,
        (ear, *tips, *(body.trunk.joints if body.trunk else ())),
        _sagittal_figure(
            frame, (ear, *tips), turned(head_line, -sense * level_deg), forward, sense * value_deg
        ),
        warnings=(() if body.trunk else (Warning.REFERENCE_VERTICAL,)) + frame.facing_warnings,
    )


def extension(frame: BodyFrame, side: Side) -> Reading:
    """Forward flexion with the sign turned: positive looking up."""
    return forward_flexion(frame, side).negated()


def _ear_and_tips(body: Body) -> tuple[Joint, tuple[Joint, ...]]:
    """The better seen ear, and of its eye and the nose those that exist, at least one."""
    ears = [ear for ear in EARS if body.has(ear)]
    if not ears:
        body.require(*EARS)
    ear = max(ears, key=body.scores.__getitem__)
    eye = EYES[EARS.index(ear)]
    tips = tuple(joint for joint in (eye, Joint.NOSE) if body.has(joint))
    if not tips:
        body.require(eye, Joint.NOSE)
    return ear, tips


def _level_deg(tips: tuple[Joint, ...]) -> float:
    """What the goniometer shows on a level head."""
    if len(tips) > 1:
        return 0.0
    return NOSE_BELOW_LEVEL_DEG if tips[0] is Joint.NOSE else -NOSE_BELOW_LEVEL_DEG


def _shown_forward(head_line: Vec, up: Vec) -> Vec:
    right = clockwise(up)
    return right if dot(head_line, right) >= 0.0 else scaled(right, -1.0)


def _sagittal_figure(
    frame: BodyFrame, head: tuple[Joint, ...], head_line: Vec, forward: Vec, sweep_deg: float
) -> AngleFigure:
    """From the ear: the neutral direction dashed, the head's line solid."""
    ear = frame.body.points[head[0]]
    reach = LINE_LENGTH * length(head_line)
    neutral = add(ear, scaled(forward, reach))
    tip = add(ear, scaled(unit(head_line), reach))
    return figure(
        frame,
        ear,
        moving=(line(ear, tip),),
        reference=(line(ear, neutral, dashed=True),),
        zero=forward,
        sweep_deg=sweep_deg,
        dots=head[1:],
        label=label_beyond(mid(neutral, tip), turned(forward, sweep_deg / 2.0)),
    )
