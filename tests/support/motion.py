"""Streams with known answers: angles over time, recorded as a server would."""

from collections.abc import Mapping, Sequence

from jointtrack_server.domain.skeleton import BOTH_SIDES, Side
from jointtrack_server.domain.types import Measurement, MissingReason, SideValue, View
from jointtrack_server.motion import (
    MeasurementSummary,
    MotionRecorder,
    SideSummary,
    StreamSummary,
)

FPS = 30.0

Angles = Sequence[float | None]
"""One a frame, in degrees; None where the side is not measurable."""


def measured(
    name: str, angles: Mapping[Side, float | None], confidence: float = 0.8
) -> Measurement:
    """One frame's measurement of one person."""
    sides = {
        side: SideValue(None, MissingReason.KEYPOINT_LOW_CONFIDENCE)
        if angle is None
        else SideValue(angle, confidence=confidence)
        for side, angle in angles.items()
    }
    return Measurement(name, sides, View.SIDE, None, ())


def recorded(
    angles: Mapping[Side, Angles], name: str = "knee_flexion", times_s: Sequence[float] = ()
) -> MotionRecorder:
    """One person, "1", from frame 0 on, at 30 frames a second unless ``times_s`` says otherwise."""
    recorder = MotionRecorder([name], list(angles))
    for number, row in enumerate(zip(*angles.values(), strict=True)):
        time_s = times_s[number] if times_s else number / FPS
        measurement = measured(name, dict(zip(angles, row, strict=True)))
        recorder.add_frame(number, time_s, [("1", [measurement])])
    return recorder


def only_measurement(summary: StreamSummary) -> MeasurementSummary:
    """Of a stream with one person and one measurement."""
    ((measurement,),) = (person.measurements for person in summary.people)
    return measurement


def left_summary(angles: Angles, times_s: Sequence[float] = ()) -> SideSummary:
    """The summary of one left knee."""
    summary = recorded({Side.LEFT: angles}, times_s=times_s).summary()
    return only_measurement(summary).sides[Side.LEFT]


def both_summary(left: Angles, right: Angles, name: str = "knee_flexion") -> MeasurementSummary:
    """The summary of one measurement of both sides."""
    both = dict(zip(BOTH_SIDES, (left, right), strict=True))
    return only_measurement(recorded(both, name).summary())
