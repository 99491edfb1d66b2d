"""Keypoints (.trc) and angles (.mot) as OpenSim reads them.

File formats: OpenSim documentation, "Marker (.trc) Files" and "Storage (.sto) and Motion (.mot)
Files". They follow one person: the one seen in most frames.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

from jointtrack.names import JOINT_NAMES
from jointtrack.types import Keypoint, Person
from jointtrack_server.measurements.quality import MIN_KEYPOINT_SCORE
from jointtrack_server.video.frames import AnsweredFrame
from jointtrack_server.video.job import Job, Outcome
from jointtrack_server.video.sink import Sink

AXES = ("X", "Y", "Z")
UNITS = "px"
"""A single camera gives no metres: scale the markers before using them as lengths."""


END_OF_FRAME = "\n"


class _Spooled(Sink):
    """Rows of everybody first go to a scratch file: who is followed is known at the end."""

    def __init__(self, path: Path, job: Job) -> None:
        self._path = path
        self._job = job
        self._scratch = tempfile.TemporaryFile("w+", encoding="utf-8", newline="")  # noqa: SIM115
        self._frame_count = 0
        self._first_s = self._last_s = 0.0

    def write(self, frame: AnsweredFrame) -> None:
        self._last_s = frame.time_s
        if not self._frame_count:
            self._first_s = frame.time_s
        self._frame_count += 1
        self._scratch.write(f"{frame.time_s:.6f}\n")
        for person in frame.people:
            cells = self._cells(person, frame.image_height_px or 0)
            self._scratch.write("\t".join((person.track_id or "", *cells)) + "\n")
        self._scratch.write(END_OF_FRAME)

    def finish(self, outcome: Outcome) -> None:
        people = outcome.summary.people
        followed = outcome.summary.person().track_id if people else ""
        with self._path.open("w", encoding="utf-8", newline="") as file:
            file.writelines(f"{line}\n" for line in self._header())
            for number, (time_s, cells) in enumerate(self._followed(followed), start=1):
                file.write("\t".join((*self._start(number, time_s), cells)) + "\n")

    def close(self) -> None:
        self._scratch.close()

    def _followed(self, track_id: str) -> Iterator[tuple[str, str]]:
        """Each frame's time and that person's cells, or those of nobody."""
        self._scratch.seek(0)
        nobody = "\t".join(self._cells(None, 0))
        for line in self._scratch:
            time_s, cells = line.rstrip("\n"), nobody
            while (row := self._scratch.readline()) != END_OF_FRAME:
                owner, _, rest = row.rstrip("\n").partition("\t")
                cells = rest if owner == track_id else cells
            yield time_s, cells

    def _start(self, number: int, time_s: str) -> tuple[str, ...]:
        """The columns before the cells."""
        return (time_s,)

    def _cells(self, person: Person | None, height_px: int) -> Iterator[str]:
        raise NotImplementedError

    def _header(self) -> Iterator[str]:
        raise NotImplementedError


class TrcMarkers(_Spooled):
    """The 17 keypoints in pixels, x to the right, y up from the picture's lower edge, z 0.

    Keypoints too uncertain to measure with (score below 0.3) are blank, as OpenSim has it.
    """

    def _start(self, number: int, time_s: str) -> tuple[str, ...]:
        return (str(number), time_s)

    def _cells(self, person: Person | None, height_px: int) -> Iterator[str]:
        for index in range(len(JOINT_NAMES)):
            yield from _marker(None if person is None else person.keypoints[index], height_px)

    def _header(self) -> Iterator[str]:
        duration_s, count = self._last_s - self._first_s, str(self._frame_count)
        rate = f"{(self._frame_count - 1) / duration_s:.3f}" if duration_s > 0.0 else "0"
        numbers = range(1, len(JOINT_NAMES) + 1)
        yield f"PathFileType\t4\t(X/Y/Z)\t{self._job.outputs['trc'].name}"
        yield (
            "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits"
            "\tOrigDataRate\tOrigDataStartFrame\tOrigNumFrames"
        )
        yield "\t".join((rate, rate, count, str(len(JOINT_NAMES)), UNITS, rate, "1", count))
        yield "Frame#\tTime\t" + "\t\t\t".join(JOINT_NAMES) + "\t\t"
        yield "\t\t" + "\t".join(f"{axis}{number}" for number in numbers for axis in AXES)
        yield ""


class MotAngles(_Spooled):
    """The angles in degrees; NaN where there is none."""

    def _cells(self, person: Person | None, height_px: int) -> Iterator[str]:
        for name in self._job.measurements:
            for side in self._job.sides:
                value = None if person is None else person.angle(name).sides[side].value_deg
                yield "NaN" if value is None else f"{value:.4f}"

    def _header(self) -> Iterator[str]:
        columns = [f"{name}_{side}" for name in self._job.measurements for side in self._job.sides]
        yield from (Path(self._job.source).stem, "version=1", f"nRows={self._frame_count}")
        yield from (f"nColumns={len(columns) + 1}", "inDegrees=yes", "endheader")
        yield "\t".join(("time", *columns))


def _marker(keypoint: Keypoint | None, height_px: int) -> tuple[str, str, str]:
    if keypoint is None or keypoint.score < MIN_KEYPOINT_SCORE:
        return ("", "", "")
    return (f"{keypoint.x_px:.3f}", f"{height_px - keypoint.y_px:.3f}", "0")
