"""Plane geometry in pixels with y turned up, so that anticlockwise is as the viewer sees it.

Plain floats and tuples: for vectors of two, several times faster than numpy.
"""

import math
from typing import NamedTuple

Vec = tuple[float, float]
"""(x, y) in pixels, x to the right, y up."""

VERTICAL: Vec = (0.0, 1.0)


def add(a: Vec, b: Vec) -> Vec:
    return (a[0] + b[0], a[1] + b[1])


def sub(a: Vec, b: Vec) -> Vec:
    return (a[0] - b[0], a[1] - b[1])


def scaled(v: Vec, factor: float) -> Vec:
    return (v[0] * factor, v[1] * factor)


def mid(a: Vec, b: Vec) -> Vec:
    return ((a[0] + b[0]) / 2.0, (a[1] + b[1]) / 2.0)


def dot(a: Vec, b: Vec) -> float:
    return a[0] * b[0] + a[1] * b[1]


def cross(a: Vec, b: Vec) -> float:
    return a[0] * b[1] - a[1] * b[0]


def length(v: Vec) -> float:
    return math.hypot(v[0], v[1])


def unit(v: Vec) -> Vec:
    """``v`` at length 1; the zero vector stays zero."""
    size = length(v)
    return (v[0] / size, v[1] / size) if size else (0.0, 0.0)


def clockwise(v: Vec) -> Vec:
    """``v`` turned a quarter clockwise."""
    return (v[1], -v[0])


def anticlockwise(v: Vec) -> Vec:
    """``v`` turned a quarter anticlockwise."""
    return (-v[1], v[0])


def turned(v: Vec, angle_deg: float) -> Vec:
    """``v`` turned anticlockwise by ``angle_deg``."""
    cos, sin = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    return (v[0] * cos - v[1] * sin, v[0] * sin + v[1] * cos)


def direction_deg(v: Vec) -> float:
    """-180..180: 0 to the right, positive anticlockwise."""
    return math.degrees(math.atan2(v[1], v[0]))


def opening_deg(a: Vec, b: Vec) -> float:
    """The angle between ``a`` and ``b``, 0..180."""
    return math.degrees(math.atan2(abs(cross(a, b)), dot(a, b)))


def turn_deg(a: Vec, b: Vec) -> float:
    """The turn from ``a`` to ``b``, -180..180, positive anticlockwise."""
    return math.degrees(math.atan2(cross(a, b), dot(a, b)))


class Turn(NamedTuple):
    """What a goniometer shows, and the same turn as the viewer sees it (anticlockwise positive)."""

    value_deg: float
    sweep_deg: float


def goniometer(arm: Vec, zero: Vec, positive: Vec | None) -> Turn:
    """``arm`` read from ``zero``, growing as it turns to ``positive`` (perpendicular to ``zero``).

    -90..270: the cut lies there so that 185 (past overhead) does not become -175. Where the
    positive sense is not known (None), the opening 0..180.
    """
    if positive is None:
        return Turn(opening_deg(arm, zero), turn_deg(zero, arm))
    value = math.degrees(math.atan2(dot(arm, positive), dot(arm, zero)))
    if value < -90.0:
        value += 360.0
    return Turn(value, value if cross(zero, positive) > 0.0 else -value)
