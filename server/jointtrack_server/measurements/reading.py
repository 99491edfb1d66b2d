"""What a measurement function gives back, and the figures that show it."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from jointtrack_server.domain.skeleton import Joint, Side
from jointtrack_server.domain.types import AngleFigure, Arc, LabelPlace, Line, Point, Warning
from jointtrack_server.measurements.body import TrunkLine
from jointtrack_server.measurements.frame import BodyFrame
from jointtrack_server.measurements.vectors import Vec, direction_deg, opening_deg, turn_deg


@dataclass(frozen=True, slots=True)
class Reading:
    """One side's angle.

    ``joints`` are the keypoints it rests on. ``moving`` are the segments to be checked for leaving
    the picture plane. ``component_deg`` is this side's part of an angle that both sides share.
    """

    value_deg: float
    joints: tuple[Joint, ...]
    figure: AngleFigure
    moving: tuple[tuple[Joint, Joint], ...] = ()
    warnings: tuple[Warning, ...] = ()
    component_deg: float | None = None

    def negated(self) -> "Reading":
        """The same position in the words of the opposite motion."""
        return replace(self, value_deg=-self.value_deg)


Measure = Callable[[BodyFrame, Side], Reading]
"""Measures one side; raises UnmeasurableError where there is no value."""


def one_sided_warnings(trunk: TrunkLine) -> tuple[Warning, ...]:
    """For frontal measurements only: in profile, one side's line is the better one."""
    return (Warning.TRUNK_ONE_SIDED,) if trunk.side else ()


def to_point(vector: Vec) -> Point:
    """Back to picture coordinates, y down."""
    return (vector[0], -vector[1])


def line(start: Vec, end: Vec, *, dashed: bool = False) -> Line:
    """A line of a figure, given with y up."""
    return Line(to_point(start), to_point(end), dashed)


def label_beyond(anchor: Vec, direction: Vec) -> LabelPlace:
    """A label's place, given with y up."""
    return LabelPlace(to_point(anchor), direction_deg(direction))


def figure(
    frame: BodyFrame,
    vertex: Vec,
    *,
    moving: tuple[Line, ...],
    reference: tuple[Line, ...],
    zero: Vec,
    sweep_deg: float,
    dots: tuple[Joint, ...],
    radius_px: float | None = None,
    label: LabelPlace | None = None,
    alert: bool = False,
) -> AngleFigure:
    """A figure with its arc at ``vertex``, from the direction ``zero`` through ``sweep_deg``."""
    points = frame.body.points
    return AngleFigure(
        to_point(vertex),
        moving,
        reference,
        Arc(to_point(vertex), direction_deg(zero), sweep_deg, radius_px),
        tuple(to_point(points[joint]) for joint in dots),
        label,
        alert,
    )


def interior_angle(frame: BodyFrame, start: Joint, vertex: Joint, end: Joint) -> Reading:
    """The opening at ``vertex``, 0..180, as in posture checks; ``end`` moves."""
    body = frame.body
    body.require(start, vertex, end)
    to_start, to_end = body.segment(vertex, start), body.segment(vertex, end)
    at, points = body.points[vertex], body.points
    return Reading(
        opening_deg(to_start, to_end),
        (vertex, start, end),
        figure(
            frame,
            at,
            moving=(line(at, points[end]),),
            reference=(line(at, points[start]),),
            zero=to_start,
            sweep_deg=turn_deg(to_start, to_end),
            dots=(start, end),
        ),
        moving=((vertex, end),),
    )
