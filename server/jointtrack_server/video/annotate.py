"""The annotated video: skeleton, angle figures and live traces on every frame."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from jointtrack.types import BoundingBox, Person
from jointtrack_server.domain.skeleton import Side
from jointtrack_server.domain.types import (
    Facing,
    ImageSize,
    Measurement,
    MeasureOptions,
    Picture,
    Pose,
)
from jointtrack_server.imaging import palette
from jointtrack_server.imaging.canvas import draw_marks
from jointtrack_server.imaging.overlay import draw_overlay
from jointtrack_server.imaging.skeleton import skeleton_marks
from jointtrack_server.measurements import MEASUREMENTS, measure
from jointtrack_server.measurements.quality import MIN_KEYPOINT_SCORE
from jointtrack_server.video.encode import VideoWriter
from jointtrack_server.video.frames import AnsweredFrame
from jointtrack_server.video.job import Job
from jointtrack_server.video.sides import is_one_angle, shown_sides
from jointtrack_server.video.sink import Sink
from jointtrack_server.video.text import draw_ground, draw_text, text_width_px
from jointtrack_server.video.trace import PanelSize, Trace

LETTERS = {Side.LEFT: "L", Side.RIGHT: "R"}

PANELS_SHARE = 0.5
"""Panels are stacked over at most this share of the picture's height; further ones are left out."""


LABEL_REACH = 0.12
"""Angle labels stand this far out of a person's box, as a share of the picture's shorter side."""


KEEP_SHARE = 0.5
"""Panels change their corner for one that hides less than this share: they do not jump about."""


class AnnotatedVideo(Sink):
    """Draws on each frame and encodes it. A frame that cannot be decoded is left out."""

    def __init__(self, path: Path, job: Job) -> None:
        self._job = job
        self._writer = VideoWriter(path)
        self._traces: dict[tuple[str, str], Trace] = {}
        self._corner = Corner(right=False, bottom=False)

    def write(self, frame: AnsweredFrame) -> None:
        if frame.picture is None:
            return
        self._remember(frame)
        self._writer.write(self._drawn(frame, frame.picture), frame.time_s)

    def close(self) -> None:
        self._writer.close()

    def _drawn(self, frame: AnsweredFrame, picture: Picture) -> Picture:
        drawn = picture.copy()
        for person in frame.people:
            draw_marks(drawn, skeleton_marks(_pose(person, picture), MIN_KEYPOINT_SCORE))
        for person in frame.people:
            for measurement in figures(person, picture, self._job):
                drawn = draw_overlay(drawn, measurement)
        if self._job.follows_several:
            for person in frame.people:
                _draw_id(drawn, person)
        self._draw_panels(drawn, [person.box for person in frame.people])
        return drawn

    def _remember(self, frame: AnsweredFrame) -> None:
        unseen = dict(self._traces)
        for person in frame.people:
            for measurement in person.measurements:
                key = (person.track_id or "", measurement.name)
                unseen.pop(key, None)
                sides = shown_sides(measurement.name, self._job.sides)
                if key not in self._traces:
                    self._traces[key] = self._new_trace(key[0], measurement.name, sides)
                values = {side: measurement.sides[side].value_deg for side in sides}
                self._traces[key].add(frame.time_s, values)
        for key, trace in unseen.items():
            trace.add_nothing(frame.time_s)
            if trace.is_blank:
                del self._traces[key]

    def _new_trace(self, track_id: str, name: str, sides: tuple[Side, ...]) -> Trace:
        title = MEASUREMENTS[name].title
        letters = {side: "" if is_one_angle(name) else LETTERS[side] for side in sides}
        return Trace(f"{track_id}: {title}" if self._job.follows_several else title, letters)

    def _draw_panels(self, picture: Picture, boxes: list[BoundingBox]) -> None:
        height, width = picture.shape[:2]
        size = PanelSize.of(width, height)
        room = max(1, int(PANELS_SHARE * height) // size.height)
        traces = sorted(self._traces.values(), key=lambda trace: not trace.is_current)[:room]
        stack = replace(size, height=size.height * len(traces))
        self._corner = self._corner.away_from(boxes, stack, width, height)
        left, top = self._corner.place(stack, width, height)
        for index, trace in enumerate(traces):
            trace.draw(picture, left, top + index * size.height, size)


def _draw_id(picture: Picture, person: Person) -> None:
    """The track id above the person, as in the titles of the panels."""
    height, width = picture.shape[:2]
    font, text = PanelSize.of(width, height).font, person.track_id or ""
    pad, text_px = round(0.4 * font), text_width_px(text, font)
    left = round((person.box.x_min_px + person.box.x_max_px - text_px) / 2.0)
    base = max(round(person.box.y_min_px - 1.2 * font), round(font) + pad)
    draw_ground(picture, left - pad, base - round(font), text_px + 2 * pad, round(font) + pad)
    draw_text(picture, text, (left, base), font, palette.LABEL_TEXT)


def figures(person: Person, picture: Picture, job: Job) -> Iterator[Measurement]:
    """The person's measurements with the figures that ``draw_overlay`` draws, and the answer's
    values.

    The figures come from the answer's own keypoints, where the subject faces from its judgement.
    """
    pose = _pose(person, picture)
    if job.mirrored:
        pose = pose.mirrored()
    for answered in person.measurements:
        facing = None if answered.facing is None else Facing(answered.facing)
        options = MeasureOptions((answered.name,), job.sides, facing, job.mirrored)
        (measured,) = measure(pose, options)
        sides = {
            side: replace(value, value_deg=answered.sides[side].value_deg)
            for side, value in measured.sides.items()
        }
        yield replace(measured, sides=sides)


def _pose(person: Person, picture: Picture) -> Pose:
    height, width = picture.shape[:2]
    keypoints = np.array(
        [(one.x_px, one.y_px, one.score) for one in person.keypoints], dtype=np.float32
    )
    return Pose(keypoints, ImageSize(width, height))


@dataclass(frozen=True, slots=True)
class Corner:
    """Of the picture, where the panels stand."""

    right: bool
    bottom: bool

    def place(self, panel: PanelSize, width: int, height: int) -> tuple[int, int]:
        """The panel's left and top, in pixels."""
        left = width - panel.width if self.right else 0
        return left, height - panel.height if self.bottom else 0

    def away_from(
        self, boxes: list[BoundingBox], panel: PanelSize, width: int, height: int
    ) -> "Corner":
        """Stays, unless another corner hides less than half as much of people."""
        hidden_px = {
            corner: sum(corner._hides_px(box, panel, width, height) for box in boxes)
            for corner in (self, *CORNERS)
        }
        best = min(hidden_px, key=lambda corner: hidden_px[corner])
        return best if hidden_px[best] < KEEP_SHARE * hidden_px[self] else self

    def _hides_px(self, box: BoundingBox, panel: PanelSize, width: int, height: int) -> float:
        """The area of the panel that lies on the person or on angle labels."""
        left, top = self.place(panel, width, height)
        reach = LABEL_REACH * min(width, height)
        wide = min(box.x_max_px + reach, left + panel.width) - max(box.x_min_px - reach, left)
        high = min(box.y_max_px + reach, top + panel.height) - max(box.y_min_px - reach, top)
        return max(0.0, wide) * max(0.0, high)


CORNERS = (
    Corner(right=False, bottom=False),
    Corner(right=True, bottom=False),
    Corner(right=False, bottom=True),
    Corner(right=True, bottom=True),
)
