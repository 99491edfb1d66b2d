"""The angles over time as a figure for a report."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from jointtrack.types import Extreme, MeasurementSummary, NormalRange, SideSummary
from jointtrack_server.domain.angles import round_degrees
from jointtrack_server.domain.skeleton import Side
from jointtrack_server.imaging import palette
from jointtrack_server.video.frames import AnsweredFrame
from jointtrack_server.video.job import Job, Outcome
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

MARGIN_SHARE, MIN_MARGIN_DEG = 0.18, 5.0
NEAR_DEG = 30.0
"""A bound of the normal range this near to the data is brought into view."""

NORMAL_COLOUR, NORMAL_EDGE = "#e8eee6", "#9db095"
TEXT_COLOUR, GRID_COLOUR = "#222222", "#d9d9d9"


@dataclass(frozen=True, slots=True)
class Panel:
    """One measurement of one person."""

    title: str
    name: str
    lines: Mapping[Side, Series]
    summary: MeasurementSummary
    normal: NormalRange | None


class AnglePlot(Sink):
    """A PNG: one panel for each person and measurement, drawn when the stream has ended."""

    def __init__(self, path: Path, job: Job) -> None:
        self._path = path
        self._job = job
        self._series: dict[tuple[str, str, Side], Series] = {}
        self._keys: list[tuple[str, str]] = []

    def write(self, frame: AnsweredFrame) -> None:
        values = {
            (person.track_id or "", measurement.name, side): measurement.sides[side].value_deg
            for person in frame.people
            for measurement in person.measurements
            for side in shown_sides(measurement.name, self._job.sides)
        }
        for key in values:
            self._series.setdefault(key, Series())
        for key, series in self._series.items():
            series.add(frame.time_s, values.get(key))

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
            for axes, panel in zip(grid[:, 0], panels, strict=True):
                _draw(axes, panel)
            grid[-1, 0].set_xlabel("Time (s)")
        figure.savefig(self._path, format="png")

    def _panels(self, outcome: Outcome) -> Iterator[Panel]:
        normals = {info.name: info.normal for info in outcome.server.measurements}
        people = outcome.summary.people
        longest = sorted(people, key=lambda one: one.frame_count, reverse=True)[:MAX_PEOPLE]
        for number, person in enumerate(people, start=1):
            if person not in longest:
                continue
            for summary in person.measurements:
                sides = shown_sides(summary.name, self._job.sides)
                yield Panel(
                    title=f"Person {number}: {summary.title}" if len(people) > 1 else summary.title,
                    name=summary.name,
                    lines={
                        side: self._series[person.track_id, summary.name, side] for side in sides
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
    _draw_lines(axes, panel)
    _draw_normal(axes, panel)
    handles, _ = axes.get_legend_handles_labels()
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
    for side, series in panel.lines.items():
        colour = tuple(part / 255 for part in palette.SIDES_ON_WHITE[side])
        axes.plot(
            series.times_s,
            series.values_deg,
            STYLES[side],
            color=colour,
            linewidth=1.8,
            label="Left and right" if is_one_angle(panel.name) else side.value.capitalize(),
        )
        _draw_peaks(axes, panel.summary.sides[side], colour, MARKERS[side])


def _draw_peaks(axes: Axes, summary: SideSummary, colour: tuple[float, ...], marker: str) -> None:
    peaks = peaks_of(summary)
    labelled = peaks if len(peaks) <= MAX_PEAK_LABELS else (summary.maximum,)
    for peak in peaks:
        axes.plot(
            peak.capture_offset_s,
            peak.value_deg,
            marker,
            color=colour,
            markersize=6,
            markeredgecolor="white",
            markeredgewidth=0.8,
            zorder=4,
        )
    for peak in labelled:
        if peak is not None:
            axes.annotate(
                f"{round_degrees(peak.value_deg)}°",
                (peak.capture_offset_s, peak.value_deg),
                xytext=(0, 6),
                textcoords="offset points",
                ha="center",
                fontsize=9,
                fontweight="bold",
                color=colour,
                zorder=5,
                path_effects=[patheffects.withStroke(linewidth=2.5, foreground="white")],
            )


def peaks_of(summary: SideSummary) -> tuple[Extreme, ...]:
    """The repetitions' peaks; without repetitions the maximum, if there is one."""
    peaks = tuple(repetition.peak for repetition in summary.repetitions)
    return peaks or ((summary.maximum,) if summary.maximum else ())


def _draw_normal(axes: Axes, panel: Panel) -> None:
    """Shades the normal range within view; the view is the data's, not the range's."""
    low, high = limits(panel.lines.values())
    margin = max(MIN_MARGIN_DEG, MARGIN_SHARE * (high - low))
    bottom, top = low - margin, high + margin
    normal = panel.normal
    if normal is not None:
        if bottom - NEAR_DEG <= normal.min_deg < bottom:
            bottom = normal.min_deg - MIN_MARGIN_DEG
        if top < normal.max_deg <= top + NEAR_DEG:
            top = normal.max_deg + MIN_MARGIN_DEG
        label = f"Normal range {normal.min_deg:.0f}° to {normal.max_deg:.0f}°"
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
