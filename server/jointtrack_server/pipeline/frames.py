"""What goes into a stream and what comes out of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from jointtrack_server.errors import JointTrackError
from jointtrack_server.motion.one_euro import SmoothingSettings
from jointtrack_server.motion.types import StreamSummary
from jointtrack_server.pipeline.detect import ImageSource
from jointtrack_server.pipeline.options import Detection, DetectOptions
from jointtrack_server.pipeline.stages import StageTrace


class Overflow(StrEnum):
    """What happens to frames that cannot be taken in time."""

    BLOCK = "block"
    LATEST = "latest"


DEFAULT_MAX_IN_FLIGHT: Mapping[Overflow, int] = {Overflow.BLOCK: 4, Overflow.LATEST: 2}

MAX_CAPTURE_S = 315_576_000_000
"""The latest and, negative, the earliest time of a frame: those of google.protobuf.Duration."""


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """A stream's config, checked by the door that took it in; no ``smoothing`` is ``None``."""

    detect: DetectOptions
    smoothing: SmoothingSettings | None
    overflow: Overflow = Overflow.BLOCK
    max_in_flight: int = 4


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """What ends a stream: bad frames in a row, seconds without a message, seconds of age."""

    max_bad_frames: int
    max_idle_s: float
    max_age_s: float


@dataclass(frozen=True, slots=True)
class StreamFrame:
    """One frame; ``source`` is the error itself if the message could not be read.

    ``capture_s`` is when it was taken, in seconds on the camera's clock, if the caller said so:
    ``MAX_CAPTURE_S`` at the most, either way.
    """

    sequence_id: int
    source: ImageSource | JointTrackError
    capture_s: float | None = None


@dataclass(frozen=True, slots=True)
class SummaryRequest:
    """Asks for the summary so far, in its place among the frames."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """The frame was skipped; ``count`` frames so far, this one included."""

    count: int


@dataclass(frozen=True, slots=True)
class StreamAnswer:
    """The one answer to a frame, or a summary after the frame of that id.

    ``seconds`` have passed since the frame was read.
    """

    sequence_id: int
    outcome: Detection | JointTrackError | Dropped | StreamSummary
    seconds: float = 0.0


class FrameTrace(StageTrace, Protocol):
    """Is told of one frame's stages, and of its answer."""

    def answered(self, outcome: Detection | JointTrackError | Dropped) -> None: ...


class StreamTrace(Protocol):
    """Is told of a stream."""

    def frame(self, sequence_id: int) -> FrameTrace:
        """A frame that has come."""
        ...
