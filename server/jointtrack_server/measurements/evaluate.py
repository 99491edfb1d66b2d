"""From one pose to the measurements asked for, with reasons and warnings."""

from jointtrack_server.domain.skeleton import Side
from jointtrack_server.domain.types import (
    Measurement,
    MeasureOptions,
    MissingReason,
    Pose,
    SideValue,
    View,
    Warning,
)
from jointtrack_server.measurements.body import UnmeasurableError
from jointtrack_server.measurements.frame import BodyFrame
from jointtrack_server.measurements.quality import is_out_of_plane
from jointtrack_server.measurements.reading import Reading
from jointtrack_server.measurements.registry import MEASUREMENTS, MeasurementSpec

OPPOSITE_BELOW_DEG = -5.0
"""A value below this, where the name says a direction, is the opposite motion and not noise."""

TELLING_VIEWS = (View.FRONT, View.BACK, View.SIDE)
WARNING_ORDER = tuple(Warning)


def measure(
    pose: Pose, options: MeasureOptions, *, several_people: bool = False
) -> tuple[Measurement, ...]:
    """Measures ``options.names`` on one pose, in that order.

    Values are in degrees and not rounded; sides not asked for are absent. ``several_people`` adds
    the warning of that name. With ``options.mirrored`` the labels are measured as given, then left
    and right are exchanged in the result; facing and figures stay as in the picture. Raises
    KeyError for a name that is not in MEASUREMENTS.
    """
    if not options.names:
        return ()
    frame = BodyFrame.of(pose, options.facing)
    return tuple(
        _measure_one(frame, MEASUREMENTS[name], options, several_people) for name in options.names
    )


def _measure_one(
    frame: BodyFrame, spec: MeasurementSpec, options: MeasureOptions, several_people: bool
) -> Measurement:
    warnings = _view_warnings(frame, spec)
    if several_people:
        warnings.add(Warning.SEVERAL_PEOPLE)
    refused = options.strict and Warning.VIEW_MISMATCH in warnings
    sides: dict[Side, SideValue] = {}
    for side in options.sides:
        labelled = side.opposite if options.mirrored else side
        try:
            reading = _reading(frame, spec, labelled, refused=refused)
        except UnmeasurableError as error:
            joints = error.joints
            if options.mirrored:
                joints = tuple(sorted(joint.opposite for joint in joints))
            sides[side] = SideValue(None, error.reason, joints)
            continue
        value = _side_value(frame, reading)
        warnings |= _value_warnings(frame, spec, reading, value)
        sides[side] = value
    return Measurement(
        spec.name,
        sides,
        frame.view,
        frame.facing,
        tuple(warning for warning in WARNING_ORDER if warning in warnings),
    )


def _reading(frame: BodyFrame, spec: MeasurementSpec, side: Side, *, refused: bool) -> Reading:
    """A plausible reading; raises UnmeasurableError, also where the view is ``refused``."""
    reading = spec.measure_side(frame, side)
    lowest, highest = spec.plausible
    if not lowest <= reading.value_deg <= highest:
        raise UnmeasurableError(MissingReason.IMPLAUSIBLE_POSE)
    if refused:
        raise UnmeasurableError(MissingReason.WRONG_VIEW)
    return reading


def _side_value(frame: BodyFrame, reading: Reading) -> SideValue:
    return SideValue(
        value_deg=reading.value_deg + 0.0,  # -0.0 + 0.0 is 0.0
        confidence=min(frame.body.scores[joint] for joint in reading.joints),
        component_deg=reading.component_deg,
        figure=reading.figure,
    )


def _view_warnings(frame: BodyFrame, spec: MeasurementSpec) -> set[Warning]:
    """They hold for the picture, whether or not a value is found in it."""
    if not spec.views:
        return set()
    if frame.view is View.OBLIQUE:
        return {Warning.OBLIQUE_VIEW}
    if frame.view in TELLING_VIEWS and frame.view not in spec.views:
        return {Warning.VIEW_MISMATCH}
    return set()


def _value_warnings(
    frame: BodyFrame, spec: MeasurementSpec, reading: Reading, value: SideValue
) -> set[Warning]:
    warnings = set(reading.warnings)
    if value.is_low_confidence:
        warnings.add(Warning.LOW_CONFIDENCE)
    if spec.names_direction and reading.value_deg < OPPOSITE_BELOW_DEG:
        warnings.add(Warning.OPPOSITE_DIRECTION)
    body = frame.body
    if body.height_px is not None and any(
        is_out_of_plane(body.points, segment, body.height_px) for segment in reading.moving
    ):
        warnings.add(Warning.OUT_OF_PLANE)
    return warnings
