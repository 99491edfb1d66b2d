"""What calls return: frozen records. Absent is None, never 0.

Names of measurements, joints, sides, views, reasons and warnings are lower-case strings, as in the
REST API. Coordinates are pixels of the upright picture; left and right are the subject's own.
"""

from jointtrack.types.detection import (
    BoundingBox,
    Detection,
    DetectResult,
    EncodedImage,
    ImageSize,
    Keypoint,
    Measurement,
    MeasureResult,
    Person,
    SideValue,
    Timings,
)
from jointtrack.types.record import (
    Record,
)
from jointtrack.types.server import (
    Limits,
    MeasurementInfo,
    ModelInfo,
    NormalRange,
    ServerInfo,
)
from jointtrack.types.stream import (
    FrameDetection,
    FrameDropped,
    FrameError,
    StreamAnswer,
    StreamSummary,
)
from jointtrack.types.summary import (
    Extreme,
    MeasurementSummary,
    PersonSummary,
    Repetition,
    SideSummary,
)

__all__ = [
    "BoundingBox",
    "DetectResult",
    "Detection",
    "EncodedImage",
    "Extreme",
    "FrameDetection",
    "FrameDropped",
    "FrameError",
    "ImageSize",
    "Keypoint",
    "Limits",
    "MeasureResult",
    "Measurement",
    "MeasurementInfo",
    "MeasurementSummary",
    "ModelInfo",
    "NormalRange",
    "Person",
    "PersonSummary",
    "Record",
    "Repetition",
    "ServerInfo",
    "SideSummary",
    "SideValue",
    "StreamAnswer",
    "StreamSummary",
    "Timings",
]
