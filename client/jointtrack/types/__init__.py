"""What calls return: frozen records. Absent is None, never 0.

Names of measurements, joints, sides, views, reasons and warnings are lower-case strings, as in the
REST API. Coordinates are pixels of the upright picture; left and right are the subject's own.
"""

from jointtrack.types.admin import (
    ApiKey,
    IssuedKey,
    Plan,
)
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
    StreamResumed,
    StreamSummary,
)
from jointtrack.types.summary import (
    Extreme,
    MeasurementSummary,
    PersonSummary,
    Repetition,
    SideSummary,
)
from jointtrack.types.tables import (
    Tabular,
    to_frame,
    to_rows,
)

__all__ = [
    "ApiKey",
    "BoundingBox",
    "DetectResult",
    "Detection",
    "EncodedImage",
    "Extreme",
    "FrameDetection",
    "FrameDropped",
    "FrameError",
    "ImageSize",
    "IssuedKey",
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
    "Plan",
    "Record",
    "Repetition",
    "ServerInfo",
    "SideSummary",
    "SideValue",
    "StreamAnswer",
    "StreamResumed",
    "StreamSummary",
    "Tabular",
    "Timings",
    "to_frame",
    "to_rows",
]
