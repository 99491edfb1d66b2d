"""What goes through the pass: a frame read, a frame answered, and the window between them."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from jointtrack.errors import JointTrackError
from jointtrack.frames import Frame
from jointtrack.types import Person
from jointtrack_server.domain.types import Picture

WINDOW_FRAMES = 16
"""Frames that may be read and not yet answered: more than the server holds at once, and the bound
on the pictures kept in memory."""


@dataclass(frozen=True, slots=True)
class AnsweredFrame:
    """One frame with its answer.

    ``picture`` is None where it cannot be decoded; ``error`` says why the server could not answer.
    ``image_height_px`` is the upright picture's, where there is an answer.
    """

    sequence_id: int
    time_s: float
    picture: Picture | None
    people: tuple[Person, ...] = ()
    error: JointTrackError | None = None
    image_height_px: int | None = None


class FrameWindow:
    """Hands numbered frames to the client's sending thread; keeps each until its answer is taken.

    When ``size`` frames are unanswered, reading waits. An error of the source after its first frame
    ends the reading and is kept in ``error``: what was read until then is still answered. Picture
    files that cannot be read, or are empty, are left out and counted in ``broken``.
    """

    def __init__(self, frames: Iterator[Frame], size: int = WINDOW_FRAMES) -> None:
        self._frames = frames
        self._size = size
        self._kept: dict[int, Frame] = {}
        self._changed = threading.Condition()
        self._stopped = False
        self._ended = False
        self.broken = 0
        self.error: Exception | None = None

    def __iter__(self) -> Iterator[Frame]:
        while (frame := self._read()) is not None:
            yield frame

    def take(self, sequence_id: int) -> Frame:
        """The frame of that id, which then makes room for another."""
        with self._changed:
            frame = self._kept.pop(sequence_id)
            self._changed.notify_all()
        return frame

    def stop(self) -> None:
        """Reads no further frame."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    @property
    def is_cut_short(self) -> bool:
        """Whether it was stopped before the source's end."""
        return self._stopped and not self._ended

    def _read(self) -> Frame | None:
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or len(self._kept) < self._size)
        try:
            while not self._stopped:
                frame = next(self._frames, None)
                if frame is None:
                    self._ended = True
                    return None
                if (loaded := _loaded(frame)) is not None:
                    return self._keep(loaded)
                self.broken += 1
        except Exception as error:
            self.error = error
        return None

    def _keep(self, frame: Frame) -> Frame:
        assert frame.sequence_id is not None
        with self._changed:
            self._kept[frame.sequence_id] = frame
        return frame


def _loaded(frame: Frame) -> Frame | None:
    """With a picture file's bytes in place of its path; None if there are none to be had."""
    if not isinstance(frame.image, Path):
        return frame
    try:
        data = frame.image.read_bytes()
    except OSError:
        return None
    return replace(frame, image=data) if data else None
