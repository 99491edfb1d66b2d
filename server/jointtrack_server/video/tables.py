"""The angles as a tidy CSV: one row for each frame, person, measurement and side."""

import csv
from collections.abc import Iterator
from pathlib import Path

from jointtrack.types import Person
from jointtrack_server.video.frames import AnsweredFrame
from jointtrack_server.video.job import Job
from jointtrack_server.video.sink import Sink

COLUMNS = (
    "time_s",
    "frame",
    "track_id",
    "measurement",
    "side",
    "value_deg",
    "raw_deg",
    "confidence",
    "missing_reason",
)
NOBODY = "person_not_found"

Row = tuple[str, ...]


class CsvTable(Sink):
    """Writes each frame's rows as it comes. An absent number is an empty cell, never 0.

    A frame without people, or that could not be read, has a row for each measurement and side with
    the reason.
    """

    def __init__(self, path: Path, job: Job) -> None:
        self._job = job
        self._file = path.open("w", newline="", encoding="utf-8")
        self._rows = csv.writer(self._file, lineterminator="\n")
        self._rows.writerow(COLUMNS)

    def write(self, frame: AnsweredFrame) -> None:
        start = (f"{frame.time_s:.6f}", str(frame.sequence_id))
        for person in frame.people:
            self._rows.writerows((*start, *row) for row in self._measured(person))
        if not frame.people:
            self._rows.writerows((*start, *row) for row in self._missing(frame))

    def close(self) -> None:
        self._file.close()

    def _measured(self, person: Person) -> Iterator[Row]:
        for row in person.to_rows():
            yield (
                row["track_id"] or "",
                row["measurement"],
                row["side"],
                _number(row["value_deg"], 2),
                _number(row["raw_deg"], 2),
                _number(row["confidence"], 3),
                row["missing_reason"] or "",
            )

    def _missing(self, frame: AnsweredFrame) -> Iterator[Row]:
        reason = NOBODY
        if frame.error is not None:
            reason = (frame.error.reason or frame.error.code).lower()
        for name in self._job.measurements:
            for side in self._job.sides:
                yield ("", name, side, "", "", "", reason)


def _number(value: float | None, digits: int) -> str:
    return "" if value is None else f"{value:.{digits}f}"
