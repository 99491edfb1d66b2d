"""Counts what was found in pictures and frames, and how long each stage took."""

from collections.abc import Iterable
from functools import cache
from operator import attrgetter
from typing import TYPE_CHECKING

from jointtrack_server.domain.types import Measurement
from jointtrack_server.errors import JointTrackError
from jointtrack_server.observability.codes import DROPPED, OK
from jointtrack_server.pipeline.frames import Dropped, StreamAnswer
from jointtrack_server.pipeline.options import Detection

if TYPE_CHECKING:
    from jointtrack_server.observability.metrics import Metrics

MEASURED = "measured"
PICTURE, FRAME = "picture", "frame"


class PictureCounts:
    """Of one kind: pictures, or frames of streams."""

    def __init__(self, metrics: "Metrics", kind: str) -> None:
        self._stages = [
            (attrgetter(f"{stage}_ms"), metrics.stages.labels(stage, kind).observe)
            for stage in ("queue", "fetch", "decode", "infer", "measure", "overlay")
        ]
        self._people = metrics.people.labels(kind).observe
        self._measurements = cache(metrics.measurements.labels)

    def count(self, detection: Detection) -> None:
        """An answer that leaves; a stage that did not happen took no time."""
        for milliseconds, observe in self._stages:
            if took_ms := milliseconds(detection.timings):
                observe(took_ms / 1000.0)
        self._people(len(detection.people))
        for person in detection.people:
            self.count_measurements(person.measurements)

    def count_measurements(self, measurements: Iterable[Measurement]) -> None:
        for one in measurements:
            for side in one.sides.values():
                outcome = MEASURED if side.reason is None else side.reason.value
                self._measurements(one.name, outcome).inc()


class FrameCounts:
    """Frames of streams, answered or not."""

    def __init__(self, metrics: "Metrics") -> None:
        self.pictures = PictureCounts(metrics, FRAME)
        self._seconds = metrics.frame_seconds.observe
        self._frames = cache(metrics.frame_codes.labels)
        for code in (OK, DROPPED):
            self._frames(code)

    def count(self, answer: StreamAnswer) -> None:
        """An answer that leaves; a summary is none to a frame."""
        match answer.outcome:
            case Detection():
                self._frames(OK).inc()
                self._seconds(answer.seconds)
                self.pictures.count(answer.outcome)
            case Dropped():
                self._frames(DROPPED).inc()
            case JointTrackError():
                self._frames(answer.outcome.reason.value).inc()
