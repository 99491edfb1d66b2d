"""The few signs a label needs, as strokes: digits, minus and degree.

Drawn as lines they look the same with every version of OpenCV, whose own fonts differ between
versions and, before version 5, have no degree sign.
"""

import math
from collections.abc import Mapping
from functools import cache

import numpy as np
from numpy.typing import NDArray

Path = NDArray[np.float64]
"""(n, 2): x and y of a line through n points."""

SPACING = 0.24
"""Between two signs, in heights of a digit."""

STROKE_WIDTH = 0.135
"""Of a line, in heights of a digit."""

ARC_STEP_DEG = 12.0


def _arc(
    centre: tuple[float, float], radii: tuple[float, float], start_deg: float, end_deg: float
) -> Path:
    steps = max(2, math.ceil(abs(end_deg - start_deg) / ARC_STEP_DEG) + 1)
    angles = np.radians(np.linspace(start_deg, end_deg, steps))
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    arc: Path = circle * np.array(radii) + np.array(centre)
    return arc


def _line(*points: tuple[float, float]) -> Path:
    return np.array(points, dtype=np.float64)


def _half_turned(strokes: tuple[Path, ...]) -> tuple[Path, ...]:
    return tuple(np.array([0.6, 1.0]) - stroke for stroke in strokes)


_SIX = (_arc((0.3, 0.3), (0.3, 0.3), 0, 360), _arc((0.52, 0.3), (0.52, 0.7), 180, 97))

SIGNS: Mapping[str, tuple[Path, ...]] = {
    "0": (_arc((0.3, 0.5), (0.3, 0.5), 0, 360),),
    "1": (_line((0.06, 0.78), (0.33, 1.0), (0.33, 0.0)),),
    "2": (
        np.concatenate(
            [_arc((0.3, 0.7), (0.28, 0.3), 165, -38), _line((0.02, 0.0), (0.6, 0.0))],
        ),
    ),
    "3": (
        _arc((0.28, 0.75), (0.25, 0.25), 155, -90),
        _arc((0.28, 0.25), (0.3, 0.25), 90, -155),
    ),
    "4": (_line((0.48, 0.0), (0.48, 1.0), (0.0, 0.3), (0.64, 0.3)),),
    "5": (
        np.concatenate(
            [
                _line((0.53, 1.0), (0.1, 1.0), (0.05, 0.52)),
                _arc((0.28, 0.32), (0.31, 0.32), 125, -150),
            ]
        ),
    ),
    "6": _SIX,
    "7": (_line((0.0, 1.0), (0.6, 1.0), (0.2, 0.0)),),
    "8": (
        _arc((0.3, 0.76), (0.25, 0.24), 0, 360),
        _arc((0.3, 0.26), (0.3, 0.26), 0, 360),
    ),
    "9": _half_turned(_SIX),
    "-": (_line((0.0, 0.46), (0.44, 0.46)),),
    "°": (_arc((0.2, 0.82), (0.19, 0.19), 0, 360),),
}
"""Each 1 high, y up from the base line."""


@cache
def strokes_of(text: str) -> tuple[tuple[Path, ...], float]:
    """The strokes of ``text``, 1 high with y down from the top, and its width in heights.

    Raises KeyError for a sign other than digits, "-" and "°".
    """
    strokes: list[Path] = []
    pen = 0.0
    for sign in text:
        for stroke in SIGNS[sign]:
            strokes.append(np.stack([stroke[:, 0] + pen, 1.0 - stroke[:, 1]], axis=1))
        pen += max(float(stroke[:, 0].max()) for stroke in SIGNS[sign]) + SPACING
    return tuple(strokes), pen - SPACING
