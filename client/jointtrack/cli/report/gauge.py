"""A scale with the normal range and the values on it. It needs no colour to be read."""

from collections.abc import Mapping
from dataclasses import dataclass

from jointtrack.cli.formats.reading import whole_degrees
from jointtrack.types import NormalRange

WIDTH = 220
HEIGHT, HEIGHT_ABOVE = 50, 33
"""Of the drawing, with marks on both sides of the scale and with marks only above it."""

START, END = 34, 186
"""The ends of the scale; the range's limits are written beside it."""

ROOM = 0.04
"""Free at both ends of the scale, as a share of its length, when a value is the end."""


@dataclass(frozen=True, slots=True)
class Mark:
    """A value on the scale: ``x`` of its tip, and the letter of its side or nothing."""

    x: float
    letter: str
    is_above: bool


@dataclass(frozen=True, slots=True)
class Gauge:
    """Where things are drawn, in units of the drawing; ``text`` is what it says."""

    range_start: float
    range_end: float
    low: str
    high: str
    marks: tuple[Mark, ...]
    text: str
    height: int
    width: int = WIDTH
    start: int = START
    end: int = END


def gauge(normal: NormalRange, values: Mapping[str, float]) -> Gauge:
    """``values`` in degrees by side, "" where one value stands for both."""
    ends = (normal.min_deg, normal.max_deg, *values.values())
    low, high = min(ends), max(ends)
    room = ROOM * (high - low)
    low -= room if low < normal.min_deg else 0.0
    high += room if high > normal.max_deg else 0.0

    def x_of(value_deg: float) -> float:
        return round(START + (value_deg - low) / (high - low) * (END - START), 1)

    marks = tuple(
        Mark(x_of(value), side[:1].upper(), is_above=side != "right")
        for side, value in values.items()
    )
    said = [f"{side or 'value'} {whole_degrees(value)}°" for side, value in values.items()]
    return Gauge(
        range_start=x_of(normal.min_deg),
        range_end=x_of(normal.max_deg),
        low=f"{normal.min_deg:g}°",
        high=f"{normal.max_deg:g}°",
        marks=marks,
        text=f"Reference range {normal.min_deg:g}° to {normal.max_deg:g}°; " + ", ".join(said),
        height=HEIGHT_ABOVE if all(mark.is_above for mark in marks) else HEIGHT,
    )
