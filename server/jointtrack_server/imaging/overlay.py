"""Draws a measurement's angles into a picture, knowing figures but no single measurement."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from jointtrack_server.domain.angles import round_degrees
from jointtrack_server.domain.types import AngleFigure, Line, Measurement, Picture
from jointtrack_server.imaging import palette
from jointtrack_server.imaging.canvas import (
    Stroke,
    arc_points,
    draw_strokes,
    shade_area,
    shade_strokes,
)
from jointtrack_server.imaging.label import Label, Obstacles, Plate, Wish, draw_plates, place

ARC_OF_LINE = 0.35
"""An arc's radius as a share of the shorter of the two lines it lies between..."""

MIN_ARC, MAX_ARC = 4.0, 14.0
"""...within these bounds, in units."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """Of what is drawn, in pixels. The unit is a hundredth of the picture's shorter side."""

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
    def of(picture: Picture) -> "Sizes":
        """``dash`` and ``dotting`` are a piece's length and the gap; dots are diameters."""
        unit = min(picture.shape[:2]) / 100.0
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
            font=max(12.0, 4.5 * unit),
            label_distance=4.0 * unit,
            label_gap=1.0 * unit,
        )


@dataclass(frozen=True, slots=True)
class Drawing:
    """One figure with the value it shows; ``dotted`` where the value has low confidence."""

    figure: AngleFigure
    value_deg: float
    dotted: bool


def draw_overlay(picture: Picture, measurement: Measurement) -> Picture:
    """A copy of ``picture``, (height_px, width_px, 3) uint8 RGB, with the angles drawn in.

    Sides without a value draw nothing. An angle that both sides share is drawn once, with the
    larger of its values: the positive one where the sides are two directions.
    """
    drawn = picture.copy()
    drawings = _drawings(measurement)
    if not drawings:
        return drawn
    size = Sizes.of(picture)
    for drawing in drawings:
        shade_area(drawn, _wedge(drawing.figure, size), _accent(drawing), palette.WEDGE_OPACITY)
    strokes = [stroke for drawing in drawings for stroke in _strokes(drawing, size)]
    shade_strokes(drawn, strokes, size.halo, palette.HALO, palette.HALO_OPACITY)
    draw_strokes(drawn, strokes)
    height_px, width_px = picture.shape[:2]
    draw_plates(drawn, _plates(drawings, size, (float(width_px), float(height_px))))
    return drawn


def _drawings(measurement: Measurement) -> list[Drawing]:
    drawings: list[Drawing] = []
    by_value = sorted(measurement.sides.values(), key=lambda side: -(side.value_deg or 0.0))
    for side in by_value:
        if side.value_deg is None or side.figure is None:
            continue
        if all(side.figure != other.figure for other in drawings):
            drawings.append(Drawing(side.figure, side.value_deg, side.is_low_confidence))
    return drawings


def _accent(drawing: Drawing) -> palette.Colour:
    return palette.ALERT if drawing.figure.alert else palette.ACCENT


def _strokes(drawing: Drawing, size: Sizes) -> list[Stroke]:
    """All of a figure but its wedge and its label, in drawing order."""
    figure, accent = drawing.figure, _accent(drawing)
    strokes: list[Stroke] = []
    for line in figure.reference:
        strokes += _line(line, size, size.dash if line.dashed else None)
    for line in figure.moving:
        strokes += _line(line, size, size.dotting if drawing.dotted else None)
    arc = figure.arc
    path = arc_points(arc.centre, _radius_px(figure, size), arc.start_deg, arc.sweep_deg)
    ring = arc_points(figure.vertex, size.vertex_ring, 0.0, 360.0)
    return [
        *strokes,
        Stroke(path, size.thin, accent),
        *(Stroke([dot], size.keypoint_dot, palette.LINE) for dot in figure.dots),
        Stroke(ring, size.thin, palette.LINE),
        Stroke([figure.vertex], size.vertex_dot, accent),
    ]


def _line(line: Line, size: Sizes, pattern: tuple[float, float] | None) -> list[Stroke]:
    """Whole, or in pieces of ``pattern``: their length and the gap between them, in pixels."""
    whole = math.dist(line.start, line.end)
    if pattern is None or not whole:
        return [Stroke([line.start, line.end], size.line, palette.LINE)]
    piece, gap = pattern

    def at(distance: float) -> tuple[float, float]:
        share = min(distance / whole, 1.0)
        (x0, y0), (x1, y1) = line.start, line.end
        return (x0 + (x1 - x0) * share, y0 + (y1 - y0) * share)

    starts = (index * (piece + gap) for index in range(math.ceil(whole / (piece + gap))))
    return [
        Stroke([at(start), at(start + piece)] if piece else [at(start)], size.line, palette.LINE)
        for start in starts
    ]


def _radius_px(figure: AngleFigure, size: Sizes) -> float:
    if figure.arc.radius_px is not None:
        return figure.arc.radius_px
    lines = (*figure.moving, *figure.reference[:1])
    shorter = min(math.dist(line.start, line.end) for line in lines)
    return min(max(ARC_OF_LINE * shorter, MIN_ARC * size.unit), MAX_ARC * size.unit)


def _wedge(figure: AngleFigure, size: Sizes) -> list[tuple[float, float]]:
    arc = figure.arc
    radius_px = _radius_px(figure, size)
    return [arc.centre, *arc_points(arc.centre, radius_px, arc.start_deg, arc.sweep_deg)]


def _plates(
    drawings: Sequence[Drawing], size: Sizes, picture_size: tuple[float, float]
) -> list[Plate]:
    obstacles = Obstacles(
        joints=[drawing.figure.vertex for drawing in drawings],
        joint_radius_px=size.vertex_ring,
        lines=[
            (line.start, line.end)
            for drawing in drawings
            for line in (*drawing.figure.moving, *drawing.figure.reference)
        ],
        dots=[dot for drawing in drawings for dot in drawing.figure.dots],
    )
    plates: list[Plate] = []
    for drawing in drawings:
        label = Label.of(f"{round_degrees(drawing.value_deg)}°", size.font, picture_size)
        wish = _wish(drawing.figure, size)
        plates.append(place(label, wish, picture_size, obstacles, plates))
    return plates


def _wish(figure: AngleFigure, size: Sizes) -> Wish:
    """On the arc's bisector beyond the arc, unless the figure asks for another place."""
    arc, asked = figure.arc, figure.label
    anchor = asked.anchor if asked else arc.centre
    direction_deg = asked.direction_deg if asked else arc.start_deg + arc.sweep_deg / 2.0
    clear_px = _radius_px(figure, size) if anchor == arc.centre else 0.0
    return Wish(anchor, direction_deg, clear_px + size.label_distance, clear_px + size.label_gap)
