"""The live trace: the last seconds of one measurement of one person, in a small panel."""

import math
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jointtrack_server.domain.angles import round_degrees
from jointtrack_server.domain.skeleton import Side
from jointtrack_server.domain.types import Picture, Point
from jointtrack_server.imaging import palette
from jointtrack_server.imaging.canvas import Stroke, draw_marks
from jointtrack_server.video.text import draw_ground, draw_text, text_width_px

WINDOW_S = 4.0
"""How far back the trace goes."""

MIN_SPAN_DEG, TICK_DEG = 30.0, 10.0
"""The scale holds all values so far, in whole tens, and never less than this span."""

DASH_S, GAP_S = 0.20, 0.14
"""The right side's line is dashed, so that the sides differ without colour too."""

MIN_WIDTH_FONTS = 22.0
"""A panel's least width, in font sizes, where the picture has it."""

LEAST_TITLE = 0.5
"""A title is made smaller to fit, down to this share of the font size; below it is left out."""

GRID: palette.Colour = (110, 120, 130)
AXIS_TEXT: palette.Colour = (190, 198, 206)

Values = Mapping[Side, float | None]


@dataclass(frozen=True, slots=True)
class PanelSize:
    """In pixels; everything follows from the font size."""

    font: float
    width: int
    height: int

    @staticmethod
    def of(picture_width: int, picture_height: int) -> "PanelSize":
        font = max(11.0, 0.027 * min(picture_width, picture_height))
        width = min(round(max(MIN_WIDTH_FONTS * font, 0.28 * picture_width)), picture_width)
        return PanelSize(font, width, min(round(8.0 * font), picture_height))


class Trace:
    """Remembers the values of the last ``WINDOW_S`` and draws them."""

    def __init__(self, title: str, letters: Mapping[Side, str]) -> None:
        """``letters``: what stands before each side's value; its keys are the sides shown."""
        self._title = title
        self._letters = letters
        self._samples: deque[tuple[float, Values]] = deque()
        self._lowest, self._highest = math.inf, -math.inf

    def add(self, time_s: float, values: Values) -> None:
        self._samples.append((time_s, values))
        for value in values.values():
            if value is not None:
                self._lowest, self._highest = min(self._lowest, value), max(self._highest, value)
        while self._samples[0][0] < time_s - WINDOW_S:
            self._samples.popleft()

    def add_nothing(self, time_s: float) -> None:
        """The person is not in this frame."""
        self.add(time_s, dict.fromkeys(self._letters))

    @property
    def is_current(self) -> bool:
        """Whether the last frame has a value."""
        return any(value is not None for value in self._samples[-1][1].values())

    @property
    def is_blank(self) -> bool:
        """Whether there is nothing left to draw."""
        return all(value is None for _, values in self._samples for value in values.values())

    def draw(self, picture: Picture, left: int, top: int, size: PanelSize) -> None:
        """Onto ``picture``, the panel's corner at ``left``, ``top``; it must fit."""
        font, pad = size.font, round(0.6 * size.font)
        draw_ground(picture, left, top, size.width, size.height)
        base = top + pad + round(0.9 * font)
        self._draw_header(picture, left + pad, left + size.width - pad, base, font)
        low, high = self._scale()
        labels = [f"{round(value)}°" for value in (low, high)]
        gutter = max(text_width_px(label, 0.75 * font) for label in labels) + pad
        graph = _Graph(
            left + pad + gutter,
            base + round(0.9 * font),
            left + size.width - pad,
            top + size.height - pad - round(0.2 * font),
            self._samples[-1][0],
            low,
            high,
        )
        for value, label in zip((low, high), labels, strict=True):
            x = graph.left - pad // 2 - text_width_px(label, 0.75 * font)
            y = round(graph.y(value) + 0.27 * font)
            draw_text(picture, label, (x, y), 0.75 * font, AXIS_TEXT)
        draw_marks(picture, graph.grid())
        line_px = max(2, round(0.14 * font))
        draw_marks(picture, self._lines(graph, line_px))

    def _draw_header(self, picture: Picture, left: int, right: int, base: int, font: float) -> None:
        pen = right
        for side in reversed(tuple(self._letters)):
            value = self._samples[-1][1][side]
            number = "–" if value is None else f"{round_degrees(value)}°"
            text = f"{self._letters[side]} {number}".strip()
            slot = text_width_px(f"{self._letters[side]} 000°", 1.1 * font)
            draw_text(picture, text, (pen - slot, base), 1.1 * font, palette.SIDES_ON_DARK[side])
            pen -= slot + round(0.4 * font)
        fitting = min(1.0, (pen - left) / text_width_px(self._title, font))
        if fitting >= LEAST_TITLE:
            draw_text(picture, self._title, (left, base), fitting * font, palette.LABEL_TEXT)

    def _scale(self) -> tuple[float, float]:
        if self._lowest > self._highest:
            return (0.0, MIN_SPAN_DEG)
        low = math.floor(self._lowest / TICK_DEG) * TICK_DEG
        high = math.ceil(self._highest / TICK_DEG) * TICK_DEG
        return (low, max(high, low + MIN_SPAN_DEG))

    def _lines(self, graph: "_Graph", width_px: int) -> Iterator[Stroke]:
        for side in self._letters:
            colour = palette.SIDES_ON_DARK[side]
            for times_s, values in self._runs(side):
                pieces = _dashes(times_s, values) if side is Side.RIGHT else [(times_s, values)]
                for piece in pieces:
                    yield Stroke(graph.points(*piece), width_px, colour)
            value = self._samples[-1][1][side]
            if value is not None:
                yield Stroke([graph.point(graph.now_s, value)], 3 * width_px, colour)

    def _runs(self, side: Side) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """Times and values without a gap between them."""
        run: list[tuple[float, float]] = []
        for time_s, values in [*self._samples, (math.inf, {side: None})]:
            value = values[side]
            if value is not None:
                run.append((time_s, value))
            elif run:
                array = np.array(run)
                yield array[:, 0], array[:, 1]
                run = []


@dataclass(frozen=True, slots=True)
class _Graph:
    """From seconds and degrees to pixels."""

    left: int
    top: int
    right: int
    bottom: int
    now_s: float
    low_deg: float
    high_deg: float

    def x(self, time_s: float) -> float:
        return self.right - (self.now_s - time_s) / WINDOW_S * (self.right - self.left)

    def y(self, value_deg: float) -> float:
        share = (value_deg - self.low_deg) / (self.high_deg - self.low_deg)
        return self.bottom - share * (self.bottom - self.top)

    def point(self, time_s: float, value_deg: float) -> Point:
        return (self.x(time_s), self.y(value_deg))

    def points(self, times_s: NDArray[np.float64], values_deg: NDArray[np.float64]) -> list[Point]:
        return [self.point(*one) for one in zip(times_s, values_deg, strict=True)]

    def grid(self) -> list[Stroke]:
        return [
            Stroke(((self.left, self.y(value)), (self.right, self.y(value))), 1, GRID)
            for value in (self.low_deg, self.high_deg)
        ]


def _dashes(
    times_s: NDArray[np.float64], values_deg: NDArray[np.float64]
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Pieces of a line that stay where they are in time as the trace moves on."""
    period = DASH_S + GAP_S
    for index in range(math.floor(times_s[0] / period), math.ceil(times_s[-1] / period)):
        start = max(index * period, times_s[0])
        end = min(index * period + DASH_S, times_s[-1])
        if start >= end:
            continue
        inside = times_s[(times_s > start) & (times_s < end)]
        piece = np.concatenate([[start], inside, [end]])
        yield piece, np.interp(piece, times_s, values_deg)
