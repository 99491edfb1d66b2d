"""What goes into a stream and what comes out of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from jointtrack_server.errors import JointTrackError
from jointtrack_server.motion.one_euro import SmoothingSettings
from jointtrack_server.motion.types import StreamSummary
from jointtrack_server.pipeline.detect import ImageSource
from jointtrack_server.pipeline.options import Detection, DetectOptions


class Overflow(StrEnum):
    """What happens to frames that cannot be taken in time."""

    BLOCK = "block"
    LATEST = "latest"


DEFAULT_MAX_IN_FLIGHT: Mapping[Overflow, int] = {Overflow.BLOCK: 4, Overflow.LATEST: 2}


@dataclass(frozen=True, slots=True)
class StreamOptions:
    """A stream's config, checked by the door that took it in; no ``smoothing`` is ``None``."""

    detect: DetectOptions
    smoothing: SmoothingSettings | None
    overflow: Overflow = Overflow.BLOCK
    max_in_flight: int = 4


@dataclass(frozen=True, slots=True)
class StreamFrame:
    """One frame; ``source`` is the error itself if the message could not be read.

    ``capture_s`` is when it was taken, in seconds on the camera's clock, if the caller said so.
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
    """The one answer to a frame, or a summary after the frame of that id."""

    sequence_id: int
    outcome: Detection | JointTrackError | Dropped | StreamSummary
