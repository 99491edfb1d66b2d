"""Draws a measurement's angles into a picture, knowing figures but no single measurement."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from jointtrack_server.domain.angles import round_degrees
from jointtrack_server.domain.types import (
    AngleFigure,
    ImageSize,
    Line,
    Measurement,
    Picture,
    Point,
)
from jointtrack_server.imaging import palette
from jointtrack_server.imaging.canvas import (
    Area,
    Mark,
    Shade,
    Stroke,
    arc_points,
    direction_between,
    draw_marks,
)
from jointtrack_server.imaging.label import Label, Obstacles, Plate, Wish, place, plate_marks

ARC_OF_LINE = 0.35
"""An arc's radius as a share of the shorter of the two lines it lies between..."""

MIN_ARC, MAX_ARC = 4.0, 14.0
"""...within these bounds, in units."""


MIN_LONGEST_LINE = 15.0
"""A figure's longest line has at least this many units, so that marks do not hide a head's."""

SAME_PLACE = 0.2
"""Two joints nearer than this share of the moving line are in one place, as in profile..."""

ARC_STEP = 2.5
"""...and their arcs are set apart by this many units."""


@dataclass(frozen=True, slots=True)
class Drawing:
    """One figure with the value it shows.

    ``dotted`` where the value has low confidence; ``arcs_below`` counts figures already drawn about
    the same point, as in profile, from whose arcs this one's is set apart.
    """

    figure: AngleFigure
    value_deg: float
    dotted: bool
    arcs_below: int

    @property
    def lines(self) -> tuple[Line, ...]:
        return (*self.figure.moving, *self.figure.reference)

    @property
    def accent(self) -> palette.Colour:
        return palette.ALERT if self.figure.alert else palette.ACCENT


@dataclass(frozen=True, slots=True)
class Sizes:
    """Of what is drawn, in pixels; dots are diameters, ``dash`` and ``dotting`` are a piece's
    length and the gap after it.

    The unit is a hundredth of the picture's shorter side, less where the figure is so small that
    its marks would hide it.
    """

    unit: float
    line: int
    thin: int
    halo: int
    dash: tuple[float, float]
    dotting: tuple[float, float]
    vertex_dot: int
    vertex_ring: float
    keypoint_dot: int
    font: float
    label_distance: float
    label_gap: float

    @staticmethod
    def of(picture: ImageSize, drawings: Sequence[Drawing]) -> "Sizes":
        """For one drawing or more."""
        picture_unit = min(picture.width_px, picture.height_px) / 100.0
        longest = max(
            math.dist(line.start, line.end) for drawing in drawings for line in drawing.lines
        )
        unit = min(picture_unit, longest / MIN_LONGEST_LINE)
        line = max(2, round(0.6 * unit))
        return Sizes(
            unit=unit,
            line=line,
            thin=max(1, round(0.4 * unit)),
            halo=max(1, round(0.4 * unit)),
            dash=(2.0 * unit, 1.4 * unit + line),
            dotting=(0.0, 1.0 * unit + line),
            vertex_dot=max(3, round(2.4 * unit)),
            vertex_ring=max(3.0, 2.0 * unit),
            keypoint_dot=max(2, round(1.4 * unit)),
            font=max(12.0, 4.5 * picture_unit),
            label_distance=4.0 * unit,
            label_gap=1.0 * unit,
        )


def draw_overlay(picture: Picture, measurement: Measurement) -> Picture:
    """A copy of ``picture``, (height_px, width_px, 3) uint8 RGB, with the angles drawn in."""
    drawn = picture.copy()
    height_px, width_px = picture.shape[:2]
    draw_marks(drawn, overlay_marks(ImageSize(width_px, height_px), measurement))
    return drawn


def overlay_marks(picture: ImageSize, measurement: Measurement) -> list[Mark]:
    """What shows the angles in a picture of that size, from the bottom up.

    Sides without a value draw nothing. An angle that both sides share is drawn once, with the
    larger of its values: the positive one where the sides are two directions.
    """
    drawings = _drawings(measurement)
    if not drawings:
        return []
    size = Sizes.of(picture, drawings)
    wedges = [
        Area(
            [drawing.figure.arc.centre, *_arc(drawing, size)],
            drawing.accent,
            palette.WEDGE_OPACITY,
        )
        for drawing in drawings
    ]
    strokes = [
        stroke for layer in LAYERS for drawing in drawings for stroke in layer(drawing, size)
    ]
    halo = Shade(strokes, size.halo, palette.HALO, palette.HALO_OPACITY)
    plates = _plates(drawings, size, (float(picture.width_px), float(picture.height_px)))
    return [*wedges, halo, *strokes, *(mark for plate in plates for mark in plate_marks(plate))]


def _drawings(measurement: Measurement) -> list[Drawing]:
    """Of the sides with a value, the largest value first; each figure only once."""
    drawings: list[Drawing] = []
    for side in sorted(measurement.sides.values(), key=lambda side: -(side.value_deg or 0.0)):
        if side.value_deg is None or side.figure is None:
            continue
        figures = [drawing.figure for drawing in drawings]
        if side.figure not in figures:
            arcs_below = sum(_same_place(side.figure, other) for other in figures)
            dotted = side.is_low_confidence
            drawings.append(Drawing(side.figure, side.value_deg, dotted, arcs_below))
    return drawings


def _same_place(one: AngleFigure, other: AngleFigure) -> bool:
    line = one.moving[0]
    return math.dist(one.vertex, other.vertex) < SAME_PLACE * math.dist(line.start, line.end)


def _lines_layer(drawing: Drawing, size: Sizes) -> list[Stroke]:
    reference = [
        stroke
        for line in drawing.figure.reference
        for stroke in _line(line, size, size.dash if line.dashed else None)
    ]
    moving = [
        stroke
        for line in drawing.figure.moving
        for stroke in _line(line, size, size.dotting if drawing.dotted else None)
    ]
    return [*reference, *moving, Stroke(_arc(drawing, size), size.thin, drawing.accent)]


def _dots_layer(drawing: Drawing, size: Sizes) -> list[Stroke]:
    return [Stroke([dot], size.keypoint_dot, palette.LINE) for dot in drawing.figure.dots]


def _joints_layer(drawing: Drawing, size: Sizes) -> list[Stroke]:
    vertex = drawing.figure.vertex
    ring = arc_points(vertex, size.vertex_ring, 0.0, 360.0)
    return [
        Stroke(ring, size.thin, palette.LINE),
        Stroke([vertex], size.vertex_dot, drawing.accent),
    ]


LAYERS = (_lines_layer, _dots_layer, _joints_layer)
"""From the bottom up."""


def _line(line: Line, size: Sizes, pattern: tuple[float, float] | None) -> list[Stroke]:
    """Whole, or in pieces of ``pattern``: their length and the gap between them, in pixels."""
    whole = math.dist(line.start, line.end)
    if pattern is None or not whole:
        return [Stroke([line.start, line.end], size.line, palette.LINE)]
    piece, gap = pattern

    def at(distance: float) -> Point:
        share = min(distance / whole, 1.0)
        (x0, y0), (x1, y1) = line.start, line.end
        return (x0 + (x1 - x0) * share, y0 + (y1 - y0) * share)

    starts = (index * (piece + gap) for index in range(math.ceil(whole / (piece + gap))))
    return [
        Stroke([at(start), at(start + piece)] if piece else [at(start)], size.line, palette.LINE)
        for start in starts
    ]


def _arc(drawing: Drawing, size: Sizes) -> list[Point]:
    arc = drawing.figure.arc
    return arc_points(arc.centre, _radius_px(drawing, size), arc.start_deg, arc.sweep_deg)


def _radius_px(drawing: Drawing, size: Sizes) -> float:
    figure = drawing.figure
    if figure.arc.radius_px is not None:
        return figure.arc.radius_px
    lines = (*figure.moving, *figure.reference[:1])
    shorter = min(math.dist(line.start, line.end) for line in lines)
    radius_px = min(max(ARC_OF_LINE * shorter, MIN_ARC * size.unit), MAX_ARC * size.unit)
    return radius_px + ARC_STEP * size.unit * drawing.arcs_below


def _plates(
    drawings: Sequence[Drawing], size: Sizes, picture_size: tuple[float, float]
) -> list[Plate]:
    obstacles = Obstacles(
        joints=[drawing.figure.vertex for drawing in drawings],
        joint_radius_px=size.vertex_ring,
        lines=[(line.start, line.end) for drawing in drawings for line in drawing.lines],
        dots=[dot for drawing in drawings for dot in drawing.figure.dots],
    )
    plates: list[Plate] = []
    for drawing in drawings:
        label = Label.of(f"{round_degrees(drawing.value_deg)}°", size.font, picture_size)
        wish = _wish(drawing, size)
        plates.append(place(label, wish, picture_size, obstacles, plates))
    return plates


def _wish(drawing: Drawing, size: Sizes) -> Wish:
    """On the arc's bisector beyond the arc, unless the figure asks for another place."""
    arc, asked, limb = drawing.figure.arc, drawing.figure.label, drawing.figure.moving[0]
    anchor = asked.anchor if asked else arc.centre
    direction_deg = asked.direction_deg if asked else arc.start_deg + arc.sweep_deg / 2.0
    clear_px = _radius_px(drawing, size) if anchor == arc.centre else 0.0
    return Wish(
        anchor,
        direction_deg,
        distance_px=clear_px + size.label_distance,
        gap_px=clear_px + size.label_gap,
        second_anchor=limb.end,
        second_direction_deg=direction_between(limb.start, limb.end),
        second_gap_px=size.label_gap + size.keypoint_dot,
    )
