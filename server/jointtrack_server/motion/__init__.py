"""Movement over time: smoothed keypoints, and the range of motion of a stream."""

from jointtrack_server.motion.one_euro import PoseFilter, SmoothingSettings
from jointtrack_server.motion.recorder import MotionRecorder
from jointtrack_server.motion.types import (
    Extreme,
    MeasurementSummary,
    PersonSummary,
    Repetition,
    SideSummary,
    StreamSummary,
)

__all__ = [
    "Extreme",
    "MeasurementSummary",
    "MotionRecorder",
    "PersonSummary",
    "PoseFilter",
    "Repetition",
    "SideSummary",
    "SmoothingSettings",
    "StreamSummary",
]
