"""What a stream sends: frames with their numbers and capture times, and requests for a summary."""

import time
from collections.abc import AsyncIterable, Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias, TypeVar

from google.protobuf.duration_pb2 import Duration

from jointtrack._arguments import numbers, optional_above_zero, whole
from jointtrack.images import ImageSource, image_message, is_one_picture, reads_a_file
from jointtrack.v1 import jointtrack_service_pb2 as pb

NANOSECONDS = 1e9
FramesT = TypeVar("FramesT")


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of a video.

    ``sequence_id``: 0 or more, strictly increasing; it comes back in the answer. None: the previous
    one plus 1. ``capture_offset_s``: seconds from the stream's start to when the frame was taken,
    on the camera's clock. None: ``sequence_id / fps``, or without ``fps`` when it is sent.
    """

    image: ImageSource
    sequence_id: int | None = None
    capture_offset_s: float | None = None


@dataclass(frozen=True, slots=True)
class SummaryRequest:
    """Among the frames: asks for the summary so far, which is answered in its place."""


StreamSource: TypeAlias = Frame | ImageSource | SummaryRequest


def waits(source: StreamSource) -> bool:
    """Whether turning it into a message waits for a disk or a file object."""
    if isinstance(source, SummaryRequest):
        return False
    return reads_a_file(source.image if isinstance(source, Frame) else source)


def checked_frames(frames: FramesT) -> FramesT:
    """TypeError for what is one picture, or none, instead of several."""
    if is_one_picture(frames) or isinstance(frames, Frame):
        raise TypeError(
            f"frames must be several pictures, not one {type(frames).__name__}: give a list, or "
            "video_frames(path) for a film."
        )
    if not isinstance(frames, (Iterable, AsyncIterable)) and not hasattr(frames, "__getitem__"):
        raise TypeError(f"frames must be an iterable of pictures, not {type(frames).__name__}.")
    return frames


def blocking_frames(frames: FramesT) -> FramesT:
    """As ``checked_frames``, for a client that cannot await them."""
    if isinstance(checked_frames(frames), AsyncIterable):
        raise TypeError("Asynchronous frames need AsyncJointTrackClient.")
    return frames


class FrameNumbering:
    """Turns frames, bare pictures and summary requests into messages; one for each stream."""

    def __init__(
        self, fps: float | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._fps = optional_above_zero("fps", fps)
        self._clock = clock
        self._start_s: float | None = None
        self._last_id = -1

    def message(self, source: StreamSource) -> pb.StreamDetectRequest:
        """Numbers and times a frame. Reads the picture; raises what ``image_message`` raises."""
        if isinstance(source, SummaryRequest):
            return pb.StreamDetectRequest(summary_request=pb.SummaryRequest())
        frame = source if isinstance(source, Frame) else Frame(source)
        sequence_id = self._last_id + 1
        if frame.sequence_id is not None:
            sequence_id = whole("sequence_id", frame.sequence_id, least=0)
        offset_s = self._offset_s(frame.capture_offset_s, sequence_id)
        self._last_id = sequence_id
        offset = Duration()
        offset.FromNanoseconds(round(offset_s * NANOSECONDS))
        return pb.StreamDetectRequest(
            frame=pb.Frame(
                sequence_id=sequence_id, capture_offset=offset, image=image_message(frame.image)
            )
        )

    def _offset_s(self, given_s: float | None, sequence_id: int) -> float:
        if given_s is not None:
            return numbers("capture_offset_s", (given_s,), 1, "seconds")[0]
        return self._elapsed_s() if self._fps is None else sequence_id / self._fps

    def _elapsed_s(self) -> float:
        now_s = self._clock()
        if self._start_s is None:
            self._start_s = now_s
        return now_s - self._start_s
