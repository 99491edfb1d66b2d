"""Where a label stands, and how it is drawn: white figures on a dark, see-through plate."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np

from jointtrack_server.domain.types import Point
from jointtrack_server.imaging import palette
from jointtrack_server.imaging.canvas import Mark, Shade, Stroke, beyond
from jointtrack_server.imaging.lettering import STROKE_WIDTH, strokes_of

DIGIT_HEIGHT = 0.72
"""Of the font size: the usual height of a digit."""

PADDING = 0.5
"""Between the text and the plate's edge, in heights of a digit."""

TURNS_DEG = (0.0, *(sign * turn for turn in range(15, 181, 15) for sign in (1.0, -1.0)))
"""How far a label may move about its anchor to find a free place; nearest first."""

SECOND_TURNS_DEG = (0.0, 30.0, -30.0, 60.0, -60.0)
SECOND_COST = 0.25
"""Of standing at the limb's end instead, as below."""

JOINT_COST, LABEL_COST, LINE_COST, DOT_COST = 100.0, 10.0, 0.4, 0.2
"""What covering one costs, where moving half around the anchor costs 1."""

TIE_COST = 1e-3
"""A label further from the body's middle is better, all else being the same."""


@dataclass(frozen=True, slots=True)
class Obstacles:
    """What a label had better not cover, in pixels."""

    joints: Sequence[Point]
    joint_radius_px: float
    lines: Sequence[tuple[Point, Point]]
    dots: Sequence[Point]


@dataclass(frozen=True, slots=True)
class Label:
    """A text with the size of its plate in pixels; ``digit_px`` is the height of a digit."""

    text: str
    digit_px: float
    width_px: float
    height_px: float

    @staticmethod
    def of(text: str, font_px: float, picture_size: tuple[float, float]) -> "Label":
        """As large as asked for, unless the picture is too small: then as large as fits."""
        digit = DIGIT_HEIGHT * font_px
        _, width = strokes_of(text)
        wide, high = width + 2.0 * PADDING, 1.0 + 2.0 * PADDING
        digit = min(digit, picture_size[0] / wide, picture_size[1] / high)
        return Label(text, digit, wide * digit, high * digit)

    def reach_px(self, direction_deg: float) -> float:
        """From the plate's centre to its edge in a direction."""
        x, y = (
            abs(math.cos(math.radians(direction_deg))),
            abs(math.sin(math.radians(direction_deg))),
        )
        return min(
            self.width_px / 2.0 / x if x else math.inf, self.height_px / 2.0 / y if y else math.inf
        )


@dataclass(frozen=True, slots=True)
class Plate:
    """A label in its place."""

    label: Label
    centre: Point

    def covers(self, point: Point, margin_px: float = 0.0) -> bool:
        return (
            abs(point[0] - self.centre[0]) < self.label.width_px / 2.0 + margin_px
            and abs(point[1] - self.centre[1]) < self.label.height_px / 2.0 + margin_px
        )

    def overlaps(self, other: "Plate") -> bool:
        return (
            abs(other.centre[0] - self.centre[0])
            < (self.label.width_px + other.label.width_px) / 2.0
            and abs(other.centre[1] - self.centre[1])
            < (self.label.height_px + other.label.height_px) / 2.0
        )

    def crosses(self, line: tuple[Point, Point]) -> bool:
        """Whether any of the line lies on the plate: the line is cut by the plate's two slabs."""
        enter, leave = 0.0, 1.0
        for start, end, centre, size in (
            (line[0][0], line[1][0], self.centre[0], self.label.width_px),
            (line[0][1], line[1][1], self.centre[1], self.label.height_px),
        ):
            step = end - start
            if not step:
                if abs(start - centre) >= size / 2.0:
                    return False
                continue
            first, second = sorted(
                ((centre - size / 2.0 - start) / step, (centre + size / 2.0 - start) / step)
            )
            enter, leave = max(enter, first), min(leave, second)
        return enter < leave


@dataclass(frozen=True, slots=True)
class Wish:
    """Where a label would like its centre: beyond ``anchor``, its edge ``gap_px`` off at least."""

    anchor: Point
    direction_deg: float
    distance_px: float
    gap_px: float
    second_anchor: Point
    """Where else it may stand, beyond in ``second_direction_deg``: the end of the moving limb."""
    second_direction_deg: float
    second_gap_px: float


def place(
    label: Label,
    wish: Wish,
    picture_size: tuple[float, float],
    obstacles: Obstacles,
    placed: Sequence[Plate],
) -> Plate:
    """The wished place if it is free, else the best one about the same anchor.

    Inside the picture always; not on a joint or on another label if there is any such place.
    """
    best, lowest = Plate(label, wish.anchor), math.inf
    for moved, centre in sorted(_centres(label, wish), key=itemgetter(0)):
        if lowest <= moved - TIE_COST:
            break
        plate = Plate(label, _inside(centre, label, picture_size))
        cost = moved + _cover_cost(plate, obstacles, placed)
        cost -= TIE_COST * _distance_from_middle(plate.centre, obstacles.dots, picture_size)
        if cost < lowest:
            best, lowest = plate, cost
    return best


def _cover_cost(plate: Plate, obstacles: Obstacles, placed: Sequence[Plate]) -> float:
    joints = sum(plate.covers(at, obstacles.joint_radius_px) for at in obstacles.joints)
    return (
        JOINT_COST * joints
        + LABEL_COST * sum(plate.overlaps(other) for other in placed)
        + LINE_COST * any(plate.crosses(line) for line in obstacles.lines)
        + DOT_COST * sum(plate.covers(dot) for dot in obstacles.dots)
    )


def plate_marks(plate: Plate) -> list[Mark]:
    """The label in its place."""
    label = plate.label
    width = max(1, round(label.height_px))
    reach = max(0.0, (label.width_px - width) / 2.0)
    x, y = plate.centre
    ground = Stroke(((x - reach, y), (x + reach, y)), width, palette.LABEL_GROUND)
    shade = Shade([ground], 0, palette.LABEL_GROUND, palette.LABEL_OPACITY)
    return [shade, *_letters(plate)]


def _letters(plate: Plate) -> list[Stroke]:
    digit = plate.label.digit_px
    strokes, width = strokes_of(plate.label.text)
    corner = np.array([plate.centre[0] - width * digit / 2.0, plate.centre[1] - digit / 2.0])
    line_px = max(1, round(STROKE_WIDTH * digit))
    return [
        Stroke([(x, y) for x, y in stroke * digit + corner], line_px, palette.LABEL_TEXT)
        for stroke in strokes
    ]


def _centres(label: Label, wish: Wish) -> Iterator[tuple[float, Point]]:
    """What moving there costs, and the place."""
    for turn in TURNS_DEG:
        direction = wish.direction_deg + turn
        distance = max(wish.distance_px, label.reach_px(direction) + wish.gap_px)
        yield abs(turn) / 180.0, beyond(wish.anchor, direction, distance)
    for turn in SECOND_TURNS_DEG:
        direction = wish.second_direction_deg + turn
        distance = label.reach_px(direction) + wish.second_gap_px
        yield SECOND_COST + abs(turn) / 180.0, beyond(wish.second_anchor, direction, distance)


def _inside(centre: Point, label: Label, picture_size: tuple[float, float]) -> Point:
    (x, y), (width, height) = centre, picture_size
    half_width, half_height = label.width_px / 2.0, label.height_px / 2.0
    return (
        min(max(x, half_width), max(half_width, width - half_width)),
        min(max(y, half_height), max(half_height, height - half_height)),
    )


def _distance_from_middle(
    point: Point, dots: Sequence[Point], picture_size: tuple[float, float]
) -> float:
    """In pictures' diagonals."""
    if not dots:
        return 0.0
    middle = (sum(x for x, _ in dots) / len(dots), sum(y for _, y in dots) / len(dots))
    return math.dist(point, middle) / math.hypot(*picture_size)
