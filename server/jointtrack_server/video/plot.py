"""The angles over time as a figure for a report."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from jointtrack.types import Extreme, MeasurementSummary, NormalRange, SideSummary, SideValue
from jointtrack_server.domain.angles import round_degrees
from jointtrack_server.domain.skeleton import Side
from jointtrack_server.imaging import palette
from jointtrack_server.video.frames import AnsweredFrame
from jointtrack_server.video.job import Job, Outcome, people_of
from jointtrack_server.video.series import Series, limits
from jointtrack_server.video.sides import is_one_angle, shown_sides
from jointtrack_server.video.sink import Sink

WIDTH_IN, PANEL_IN, HEAD_IN, DPI = 9.0, 3.0, 0.5, 150

MAX_PEOPLE = 6
"""The people seen longest are shown; more would not be read."""

MAX_PEAK_LABELS = 16
"""With more repetitions than this only the highest peak has its value beside it."""

STYLES: Mapping[Side, str] = {Side.LEFT: "-", Side.RIGHT: "--"}
MARKERS: Mapping[Side, str] = {Side.LEFT: "o", Side.RIGHT: "^"}

RAW_STYLE: Mapping[str, Any] = {"linewidth": 0.8, "alpha": 0.45, "zorder": 1.5}
NO_VALUE = SideValue()

CLOSE = (0.08, 0.12)
"""Peaks nearer than these shares of the time and of the scale have their labels apart."""

TAIL_SHARE = 0.01
"""Of the time, free after the last frame."""

MARGIN_SHARE, MIN_MARGIN_DEG = 0.18, 5.0
NEAR_DEG = 30.0
"""A bound of the normal range this near to the data is brought into view."""

NORMAL_COLOUR, NORMAL_EDGE = "#e8eee6", "#9db095"
TEXT_COLOUR, GRID_COLOUR = "#222222", "#d9d9d9"


@dataclass(frozen=True, slots=True)
class Line:
    """One side's angles, and the same without smoothing: the summary's peaks are of those."""

    smoothed: Series = field(default_factory=Series)
    raw: Series = field(default_factory=Series)

    def add(self, time_s: float, value: SideValue) -> None:
        self.smoothed.add(time_s, value.value_deg)
        self.raw.add(time_s, value.raw_deg)


@dataclass(frozen=True, slots=True)
class Panel:
    """One measurement of one person."""

    title: str
    name: str
    lines: Mapping[Side, Line]
    summary: MeasurementSummary
    normal: NormalRange | None


class AnglePlot(Sink):
    """A PNG: one panel for each person and measurement, drawn when the stream has ended."""

    def __init__(self, path: Path, job: Job) -> None:
        self._path = path
        self._job = job
        self._lines: dict[tuple[str, str, Side], Line] = {}
        self._times_s = (math.inf, 0.0)

    def write(self, frame: AnsweredFrame) -> None:
        values = {
            (person.track_id or "", measurement.name, side): measurement.sides[side]
            for person in frame.people
            for measurement in person.measurements
            for side in shown_sides(measurement.name, self._job.sides)
        }
        for key in values:
            self._lines.setdefault(key, Line())
        for key, line in self._lines.items():
            line.add(frame.time_s, values.get(key, NO_VALUE))
        self._times_s = (min(self._times_s[0], frame.time_s), frame.time_s)

    def finish(self, outcome: Outcome) -> None:
        panels = list(self._panels(outcome))
        height_in = HEAD_IN + PANEL_IN * max(1, len(panels))
        figure = Figure(figsize=(WIDTH_IN, height_in), dpi=DPI, layout="constrained")
        FigureCanvasAgg(figure)
        figure.suptitle(Path(self._job.source).name, fontsize=12, color=TEXT_COLOUR)
        if not panels:
            figure.text(0.5, 0.5, "Nobody was found in this video.", ha="center")
        else:
            grid = figure.subplots(len(panels), 1, sharex=True, squeeze=False)
            first_s, last_s = self._times_s
            grid[-1, 0].set_xlim(first_s, last_s + TAIL_SHARE * (last_s - first_s))
            grid[-1, 0].set_xlabel("Time (s)")
            for axes, panel in zip(grid[:, 0], panels, strict=True):
                _draw(axes, panel)
        figure.savefig(self._path, format="png")

    def _panels(self, outcome: Outcome) -> Iterator[Panel]:
        normals = {info.name: info.normal for info in outcome.server.measurements}
        people = people_of(outcome.summary)
        longest = sorted(people, key=lambda one: one.frame_count, reverse=True)[:MAX_PEOPLE]
        for person in people:
            if person not in longest:
                continue
            for summary in person.measurements:
                sides = shown_sides(summary.name, self._job.sides)
                yield Panel(
                    title=f"Person {person.track_id}: {summary.title}"
                    if len(people) > 1
                    else summary.title,
                    name=summary.name,
                    lines={
                        side: self._lines[person.track_id, summary.name, side] for side in sides
                    },
                    summary=summary,
                    normal=normals.get(summary.name),
                )


def _draw(axes: Axes, panel: Panel) -> None:
    axes.set_title(panel.title, loc="left", fontsize=11, fontweight="bold", color=TEXT_COLOUR)
    axes.set_ylabel("Angle (°)")
    axes.grid(visible=True, color=GRID_COLOUR, linewidth=0.6)
    axes.set_axisbelow(True)
    for spine in ("top", "right"):
        axes.spines[spine].set_visible(False)
    _draw_normal(axes, panel)
    _draw_lines(axes, panel)
    handles = axes.get_legend_handles_labels()[0]
    if any(line.raw.has_values for line in panel.lines.values()):
        handles.append(Line2D([], [], color=TEXT_COLOUR, label="Thin: not smoothed", **RAW_STYLE))
    handles = [*handles[1:], handles[0]] if panel.normal is not None else handles
    axes.legend(
        handles=handles,
        loc="lower right",
        bbox_to_anchor=(1.0, 1.0),
        ncols=len(handles),
        frameon=False,
        fontsize=9,
        borderaxespad=0.2,
        handlelength=2.6,
    )


def _draw_lines(axes: Axes, panel: Panel) -> None:
    peaks = {side: peaks_of(panel.summary.sides[side]) for side in panel.lines}
    for side, line in panel.lines.items():
        colour = tuple(part / 255 for part in palette.SIDES_ON_WHITE[side])
        axes.plot(line.raw.times_s, line.raw.values_deg, color=colour, **RAW_STYLE)
        axes.plot(
            line.smoothed.times_s,
            line.smoothed.values_deg,
            STYLES[side],
            color=colour,
            linewidth=1.8,
            label="Left and right" if is_one_angle(panel.name) else side.value.capitalize(),
        )
        axes.plot(
            [time_of(peak) for peak in peaks[side]],
            [peak.value_deg for peak in peaks[side]],
            MARKERS[side],
            color=colour,
            markersize=6,
            markeredgecolor="white",
            markeredgewidth=0.8,
            zorder=4,
        )
    for side in panel.lines:
        others = [peak for other in panel.lines if other is not side for peak in peaks[other]]
        for peak in _labelled(peaks[side]):
            _label(axes, peak, side, others)


def _labelled(peaks: tuple[Extreme, ...]) -> tuple[Extreme, ...]:
    if len(peaks) <= MAX_PEAK_LABELS:
        return peaks
    return (max(peaks, key=lambda peak: peak.value_deg),)


def _label(axes: Axes, peak: Extreme, side: Side, others: list[Extreme]) -> None:
    """The value above the peak; aside where the other side has a peak close by."""
    (first_s, last_s), (low, high) = axes.get_xlim(), axes.get_ylim()
    close_by = [
        time_of(other)
        for other in others
        if abs(time_of(other) - time_of(peak)) < CLOSE[0] * (last_s - first_s)
        and abs(other.value_deg - peak.value_deg) < CLOSE[1] * (high - low)
    ]
    aside, align = (0, "center")
    if close_by:
        aside, align = (-2, "right") if time_of(peak) < min(close_by) else (2, "left")
    axes.annotate(
        f"{round_degrees(peak.value_deg)}°",
        (time_of(peak), peak.value_deg),
        xytext=(aside, 6),
        textcoords="offset points",
        ha=align,
        fontsize=9,
        fontweight="bold",
        color=tuple(part / 255 for part in palette.SIDES_ON_WHITE[side]),
        zorder=5,
        path_effects=[patheffects.withStroke(linewidth=2.5, foreground="white")],
    )


def time_of(peak: Extreme) -> float:
    """Seconds; every frame sent here has a time."""
    assert peak.capture_offset_s is not None
    return peak.capture_offset_s


def peaks_of(summary: SideSummary) -> tuple[Extreme, ...]:
    """The repetitions' peaks; without repetitions the maximum, if there is one."""
    peaks = tuple(repetition.peak for repetition in summary.repetitions)
    return peaks or ((summary.maximum,) if summary.maximum else ())


def _draw_normal(axes: Axes, panel: Panel) -> None:
    """Shades the normal range within view; the view is the data's, not the range's."""
    low, high = limits(
        series for line in panel.lines.values() for series in (line.smoothed, line.raw)
    )
    margin = max(MIN_MARGIN_DEG, MARGIN_SHARE * (high - low))
    bottom, top = low - margin, high + margin
    normal = panel.normal
    if normal is not None:
        if bottom - NEAR_DEG <= normal.min_deg < bottom:
            bottom = normal.min_deg - MIN_MARGIN_DEG
        if top < normal.max_deg <= top + NEAR_DEG:
            top = normal.max_deg + MIN_MARGIN_DEG
        label = f"Normal range {normal.min_deg:.0f}° to {normal.max_deg:.0f}°"
        if normal.max_deg < bottom or normal.min_deg > top:
            label += " (out of view)"
        axes.axhspan(
            normal.min_deg,
            normal.max_deg,
            facecolor=NORMAL_COLOUR,
            edgecolor=NORMAL_EDGE,
            linewidth=0.8,
            label=label,
            zorder=0,
        )
    axes.set_ylim(bottom, top)
