"""The names that requests take, as enums for completion; their plain strings do as well."""

from enum import StrEnum


class MeasurementName(StrEnum):
    """The 19 measurements; ``JointTrackClient.server_info`` describes each."""

    SHOULDER_ABDUCTION = "shoulder_abduction"
    SHOULDER_FORWARD_FLEXION = "shoulder_forward_flexion"
    SHOULDER_EXTENSION = "shoulder_extension"
    BACK_SIDE_FLEXION = "back_side_flexion"
    BACK_LUMBAR_FORWARD_FLEXION = "back_lumbar_forward_flexion"
    BACK_LUMBAR_EXTENSION = "back_lumbar_extension"
    KNEE_FLEXION = "knee_flexion"
    KNEE_EXTENSION = "knee_extension"
    NECK_LATERAL_FLEXION = "neck_lateral_flexion"
    NECK_FORWARD_FLEXION = "neck_forward_flexion"
    NECK_EXTENSION = "neck_extension"
    SPLITS = "splits"
    SQUATS_KNEE_FRONT = "squats_knee_front"
    SQUATS_KNEE_SIDE = "squats_knee_side"
    SQUATS_HIP_FRONT = "squats_hip_front"
    SQUATS_HIP_SIDE = "squats_hip_side"
    ELBOW_SIDE = "elbow_side"
    HIP_SIDE = "hip_side"
    KNEE_SIDE = "knee_side"


class Side(StrEnum):
    """The subject's own side, not the camera's."""

    LEFT = "left"
    RIGHT = "right"
    BOTH = "both"


class Facing(StrEnum):
    """The edge of the picture that the subject looks to in a side view."""

    LEFT = "left"
    RIGHT = "right"


class SearchMode(StrEnum):
    """How the people in a picture are found, from the most accurate to the fastest."""

    FIND_PEOPLE = "find_people"
    TWO_PASS = "two_pass"
    WHOLE_PICTURE = "whole_picture"


class Overflow(StrEnum):
    """What the server does with frames that it cannot take in time.

    BLOCK answers every frame and slows the sender down; LATEST drops the oldest waiting frame and
    says so.
    """

    BLOCK = "block"
    LATEST = "latest"


class Smoothing(StrEnum):
    """How a stream's keypoints are smoothed over time, where a strength of 0..1 says too much.

    OFF takes every frame by itself. DEFAULT is the One-Euro filter at the server's strength.
    """

    OFF = "off"
    DEFAULT = "default"


class Scope(StrEnum):
    """What an API key may do: pictures, video, or keys themselves."""

    DETECT = "detect"
    STREAM = "stream"
    ADMIN = "admin"


class PixelFormat(StrEnum):
    """The order of a pixel's bytes: red green blue, blue green red (OpenCV's), or luminance."""

    RGB24 = "rgb24"
    BGR24 = "bgr24"
    GRAY8 = "gray8"


BYTES_PER_PIXEL = {PixelFormat.RGB24: 3, PixelFormat.BGR24: 3, PixelFormat.GRAY8: 1}

JOINT_NAMES = (
    "nose",
    "left_eye",
    "right_eye",
    "left_ear",
    "right_ear",
    "left_shoulder",
    "right_shoulder",
    "left_elbow",
    "right_elbow",
    "left_wrist",
    "right_wrist",
    "left_hip",
    "right_hip",
    "left_knee",
    "right_knee",
    "left_ankle",
    "right_ankle",
)
"""The 17 keypoints of COCO, in COCO's order. Left and right are the subject's own."""
