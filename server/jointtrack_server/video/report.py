"""The table at the end."""

from collections.abc import Iterator

from rich.table import Table

from jointtrack.types import SideSummary, StreamSummary
from jointtrack_server.domain.angles import round_degrees
from jointtrack_server.video.job import Job, Outcome, people_of
from jointtrack_server.video.sides import is_one_angle, shown_sides

NO_VALUE = "–"


def summary_table(job: Job, outcome: Outcome) -> Table:
    """One row for each person, measurement and side, in whole degrees.

    People seen in fewer than MIN_FRAMES frames are left out.
    """
    table = Table(
        "person",
        "measurement",
        "side",
        title=f"{job.source}: {outcome.frame_count} frames, {outcome.bad_frame_count} bad, "
        f"{outcome.frames_per_s:.1f} frames/s",
        title_justify="left",
    )
    for heading in ("min", "max", "range", "reps", "measurable"):
        table.add_column(heading, justify="right")
    for row in _rows(job, outcome.summary):
        table.add_row(*row)
    return table


def _rows(job: Job, summary: StreamSummary) -> Iterator[tuple[str, ...]]:
    for person in people_of(summary):
        for measurement in person.measurements:
            for side in shown_sides(measurement.name, job.sides):
                label = "both" if is_one_angle(measurement.name) else side.value
                cells = _cells(measurement.sides[side])
                yield (person.track_id, measurement.title, label, *cells)


def _cells(side: SideSummary) -> tuple[str, ...]:
    return (
        _degrees(side.minimum.value_deg if side.minimum else None),
        _degrees(side.maximum.value_deg if side.maximum else None),
        _degrees(side.range_deg),
        str(len(side.repetitions)),
        NO_VALUE if side.measurable_share is None else f"{side.measurable_share:.0%}",
    )


def _degrees(value: float | None) -> str:
    return NO_VALUE if value is None else f"{round_degrees(value)}°"
