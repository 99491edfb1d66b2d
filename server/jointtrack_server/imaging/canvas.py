"""Smooth drawing on a picture: strokes, and shades and areas that let it show through.

What is drawn is data first, marks from the bottom up: here they become pixels, on the page they
become lines of a canvas.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from jointtrack_server.domain.types import Picture, Point
from jointtrack_server.imaging.palette import Colour

SUBPIXEL_BITS = 4
"""Points are drawn to a sixteenth of a pixel."""

ARC_STEP_DEG = 2.0
FULL = 255

_EXTRA_PX = 1.35
"""What OpenCV's smooth lines have beyond the next even width; a line of 1 has a third more. Both
measured, by the area that lines cover."""


@dataclass(frozen=True, slots=True)
class Stroke:
    """A line through points in pixels, with round ends; one point gives a disc."""

    points: Sequence[Point]
    width_px: int
    colour: Colour

    @property
    def seen_width_px(self) -> float:
        """How wide it is once it is drawn here: discs as said, lines a little more."""
        if len(self.points) == 1:
            return float(self.width_px)
        if self.width_px == 1:
            return 4 / 3
        return self.width_px + self.width_px % 2 + _EXTRA_PX


@dataclass(frozen=True, slots=True)
class Shade:
    """Strokes in one colour, each ``2 * extra_px`` wider, mixed in as one by ``opacity``."""

    strokes: Sequence[Stroke]
    extra_px: int
    colour: Colour
    opacity: float


@dataclass(frozen=True, slots=True)
class Area:
    """What lies inside an outline in pixels, mixed in by ``opacity``."""

    outline: Sequence[Point]
    colour: Colour
    opacity: float


Mark = Stroke | Shade | Area


def arc_points(centre: Point, radius_px: float, start_deg: float, sweep_deg: float) -> list[Point]:
    """Points along an arc; directions are 0 to the right and positive anticlockwise as seen."""
    steps = max(1, math.ceil(abs(sweep_deg) / ARC_STEP_DEG))
    return [
        beyond(centre, start_deg + sweep_deg * step / steps, radius_px) for step in range(steps + 1)
    ]


def beyond(point: Point, direction_deg: float, distance_px: float) -> Point:
    """The point at a distance from another, in a direction as in ``arc_points``."""
    angle = math.radians(direction_deg)
    return (point[0] + distance_px * math.cos(angle), point[1] - distance_px * math.sin(angle))


def direction_between(start: Point, end: Point) -> float:
    """The direction from one point to another, as in ``arc_points``."""
    return math.degrees(math.atan2(start[1] - end[1], end[0] - start[0]))


def draw_marks(picture: Picture, marks: Iterable[Mark]) -> None:
    """Draws onto ``picture``, smoothly."""
    for mark in marks:
        match mark:
            case Stroke():
                _draw(picture, mark, mark.width_px, mark.colour)
            case Shade():
                _shade(picture, mark)
            case Area():
                _fill(picture, mark)


def _shade(picture: Picture, shade: Shade) -> None:
    mask = _empty_mask(picture)
    for stroke in shade.strokes:
        _draw(mask, stroke, stroke.width_px + 2 * shade.extra_px, (FULL,))
    _blend(picture, mask, shade.colour, shade.opacity)


def _fill(picture: Picture, area: Area) -> None:
    mask = _empty_mask(picture)
    cv2.fillPoly(mask, [_fixed_point(area.outline)], (FULL,), cv2.LINE_AA, SUBPIXEL_BITS)
    _blend(picture, mask, area.colour, area.opacity)


def _draw(
    target: NDArray[np.uint8], stroke: Stroke, width_px: int, colour: tuple[int, ...]
) -> None:
    points = _fixed_point(stroke.points)
    if len(points) == 1:
        radius = width_px * 2 ** (SUBPIXEL_BITS - 1)
        centre = (int(points[0, 0]), int(points[0, 1]))
        cv2.circle(target, centre, radius, colour, cv2.FILLED, cv2.LINE_AA, SUBPIXEL_BITS)
    else:
        cv2.polylines(target, [points], False, colour, width_px, cv2.LINE_AA, SUBPIXEL_BITS)


def _fixed_point(points: Sequence[Point]) -> NDArray[np.int32]:
    scaled: NDArray[np.float64] = np.asarray(points, dtype=np.float64) * 2**SUBPIXEL_BITS
    return np.rint(scaled).astype(np.int32)


def _empty_mask(picture: Picture) -> NDArray[np.uint8]:
    return np.zeros(picture.shape[:2], dtype=np.uint8)


def _blend(picture: Picture, mask: NDArray[np.uint8], colour: Colour, opacity: float) -> None:
    """Mixes ``colour`` in by ``opacity`` times the mask's coverage, in place."""
    x, y, width, height = cv2.boundingRect(mask)
    region, cover = picture[y : y + height, x : x + width], mask[y : y + height, x : x + width]
    rows, columns = np.nonzero(cover)
    share = cover[rows, columns, None].astype(np.float32) * np.float32(opacity / FULL)
    below = region[rows, columns].astype(np.float32)
    mixed = below + (np.asarray(colour, dtype=np.float32) - below) * share
    region[rows, columns] = np.rint(mixed).astype(np.uint8)
