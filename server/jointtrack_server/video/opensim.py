"""Keypoints (.trc) and angles (.mot) as OpenSim reads them.

File formats: OpenSim documentation, "Marker (.trc) Files" and "Storage (.sto) and Motion (.mot)
Files". They follow one person: the first one seen.
"""

import shutil
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


class _Spooled(Sink):
    """Rows first go to a scratch file, because the header counts them."""

    def __init__(self, path: Path, job: Job) -> None:
        self._path = path
        self._job = job
        self._body = tempfile.TemporaryFile("w+", encoding="utf-8", newline="")
        self._row_count = 0
        self._times_s = (0.0, 0.0)
        self._track_id: str | None = None

    def write(self, frame: AnsweredFrame) -> None:
        self._row_count += 1
        first_s = frame.time_s if self._row_count == 1 else self._times_s[0]
        self._times_s = (first_s, frame.time_s)
        cells = self._cells(frame, self._followed(frame))
        self._body.write("\t".join(cells) + "\n")

    def finish(self, outcome: Outcome) -> None:
        self._body.seek(0)
        with self._path.open("w", encoding="utf-8", newline="") as file:
            file.writelines(f"{line}\n" for line in self._header())
            shutil.copyfileobj(self._body, file)

    def close(self) -> None:
        self._body.close()

    def _followed(self, frame: AnsweredFrame) -> Person | None:
        if self._track_id is None and frame.people:
            self._track_id = frame.people[0].track_id
        return next((one for one in frame.people if one.track_id == self._track_id), None)

    def _cells(self, frame: AnsweredFrame, person: Person | None) -> Iterator[str]:
        raise NotImplementedError

    def _header(self) -> Iterator[str]:
        raise NotImplementedError


class TrcMarkers(_Spooled):
    """The 17 keypoints in pixels, x to the right, y up from the picture's lower edge, z 0.

    Keypoints too uncertain to measure with (score below 0.3) are blank, as OpenSim has it.
    """

    def _cells(self, frame: AnsweredFrame, person: Person | None) -> Iterator[str]:
        yield str(self._row_count)
        yield f"{frame.time_s:.6f}"
        height_px = frame.image_height_px
        for index in range(len(JOINT_NAMES)):
            keypoint = None if person is None else person.keypoints[index]
            yield from _marker(keypoint, height_px)

    def _header(self) -> Iterator[str]:
        first_s, last_s = self._times_s
        rate = f"{(self._row_count - 1) / (last_s - first_s):.3f}" if last_s > first_s else "0"
        count = str(self._row_count)
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

    def _cells(self, frame: AnsweredFrame, person: Person | None) -> Iterator[str]:
        yield f"{frame.time_s:.6f}"
        for name in self._job.measurements:
            for side in self._job.sides:
                value = None if person is None else person.angle(name).sides[side].value_deg
                yield "NaN" if value is None else f"{value:.4f}"

    def _header(self) -> Iterator[str]:
        columns = [f"{name}_{side}" for name in self._job.measurements for side in self._job.sides]
        yield from (Path(self._job.source).stem, "version=1", f"nRows={self._row_count}")
        yield from (f"nColumns={len(columns) + 1}", "inDegrees=yes", "endheader")
        yield "\t".join(("time", *columns))


def _marker(keypoint: Keypoint | None, height_px: float | None) -> tuple[str, str, str]:
    if keypoint is None or height_px is None or keypoint.score < MIN_KEYPOINT_SCORE:
        return ("", "", "")
    return (f"{keypoint.x_px:.3f}", f"{height_px - keypoint.y_px:.3f}", "0")
