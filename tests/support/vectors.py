"""The golden vectors: a 3D puppet posed with clinical angles and photographed, no formula used."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from jointtrack_server.domain.skeleton import JOINT_COUNT, Joint, Side
from jointtrack_server.domain.types import ImageSize, Pose

_FILE = Path(__file__).parents[1] / "golden" / "measurement_vectors.json"


@dataclass(frozen=True)
class Vector:
    """Keypoints of one puppet and the angles it was posed with, in degrees."""

    id: str
    measurement: str
    view: str
    facing: str | None
    pose: Pose
    expected: dict[Side, float | None]
    tolerance: float
    expected_reason: dict[Side, str]
    expected_warning: str | None


def _vector(row: dict[str, object]) -> Vector:
    keypoints = np.zeros((JOINT_COUNT, 3), dtype=np.float32)
    named = row["keypoints"]
    assert isinstance(named, dict)
    for name, values in named.items():
        keypoints[Joint[name.upper()]] = values
    expected, reasons = row["expected"], row.get("expected_reason", {})
    width, height, tolerance = row["width"], row["height"], row["tolerance"]
    assert isinstance(expected, dict)
    assert isinstance(reasons, dict)
    assert isinstance(width, int)
    assert isinstance(height, int)
    assert isinstance(tolerance, int)
    warning = row.get("expected_warning")
    return Vector(
        id=str(row["id"]),
        measurement=str(row["measurement"]),
        view=str(row["view"]),
        facing=None if row["facing"] is None else str(row["facing"]),
        pose=Pose(keypoints, ImageSize(width, height)),
        expected={side: expected[side] for side in Side},
        tolerance=tolerance,
        expected_reason={Side(side): reason for side, reason in reasons.items()},
        expected_warning=None if warning is None else str(warning),
    )


VECTORS = {vector.id: vector for vector in map(_vector, json.loads(_FILE.read_text()))}


def changed(pose: Pose, **scores: float) -> Pose:
    """The same pose with other scores, by joint: ``changed(pose, left_hip=0.1)``."""
    keypoints = pose.keypoints.copy()
    for name, score in scores.items():
        keypoints[Joint[name.upper()], 2] = score
    return Pose(keypoints, pose.image_size)


def moved(pose: Pose, joint: Joint, x_px: float, y_px: float) -> Pose:
    """The same pose with one joint elsewhere."""
    keypoints = pose.keypoints.copy()
    keypoints[joint, :2] = (x_px, y_px)
    return Pose(keypoints, pose.image_size)
