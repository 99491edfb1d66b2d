"""The client of JointTrack: joint angles from pictures and video."""

from importlib.metadata import version as _version

from jointtrack.aio import AsyncJointTrackClient
from jointtrack.client import JointTrackClient
from jointtrack.errors import (
    AuthenticationError,
    DeadlineExceededError,
    FieldViolation,
    InvalidRequestError,
    JointTrackError,
    NoPersonError,
    ServerError,
    UnavailableError,
)
from jointtrack.frames import Frame
from jointtrack.images import RawImage
from jointtrack.names import (
    JOINT_NAMES,
    Facing,
    MeasurementName,
    Overflow,
    PixelFormat,
    SearchMode,
    Side,
)
from jointtrack.types import (
    BoundingBox,
    Detection,
    DetectResult,
    EncodedImage,
    FrameDetection,
    FrameDropped,
    FrameError,
    ImageSize,
    Keypoint,
    Limits,
    Measurement,
    MeasurementInfo,
    MeasureResult,
    ModelInfo,
    NormalRange,
    Person,
    ServerInfo,
    SideValue,
    StreamAnswer,
    Timings,
)

__version__ = _version("jointtrack")

__all__ = [
    "JOINT_NAMES",
    "AsyncJointTrackClient",
    "AuthenticationError",
    "BoundingBox",
    "DeadlineExceededError",
    "DetectResult",
    "Detection",
    "EncodedImage",
    "Facing",
    "FieldViolation",
    "Frame",
    "FrameDetection",
    "FrameDropped",
    "FrameError",
    "ImageSize",
    "InvalidRequestError",
    "JointTrackClient",
    "JointTrackError",
    "Keypoint",
    "Limits",
    "MeasureResult",
    "Measurement",
    "MeasurementInfo",
    "MeasurementName",
    "ModelInfo",
    "NoPersonError",
    "NormalRange",
    "Overflow",
    "Person",
    "PixelFormat",
    "RawImage",
    "SearchMode",
    "ServerError",
    "ServerInfo",
    "Side",
    "SideValue",
    "StreamAnswer",
    "Timings",
    "UnavailableError",
    "__version__",
]
