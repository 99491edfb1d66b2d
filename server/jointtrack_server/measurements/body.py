"""The keypoints that count, the trunk line and the ruler: what every angle starts from."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from jointtrack_server.domain.skeleton import BOTH_SIDES, Joint, Side
from jointtrack_server.domain.types import MissingReason, Pose
from jointtrack_server.measurements.joints import JOINTS, LEFT, RIGHT, TRUNK_JOINTS
from jointtrack_server.measurements.quality import (
    MIN_SEGMENT,
    TRUNK_PART,
    body_height_px,
    which_exist,
)
from jointtrack_server.measurements.vectors import VERTICAL, Vec, length, mid, sub, unit

SHOULDER_WIDTH = 0.62
"""Shoulder width as share of the trunk's length: median of 612 hand-labelled frontal people."""

HIP_WIDTH = 0.40
"""Hip width as share of the trunk's length: median of the same people."""


class UnmeasurableError(Exception):
    """A side has no value; caught by ``measure`` and told as the side's reason."""

    def __init__(self, reason: MissingReason, joints: tuple[Joint, ...] = ()) -> None:
        super().__init__(reason)
        self.reason = reason
        self.joints = joints


@dataclass(frozen=True, slots=True)
class TrunkLine:
    """A line up the trunk, from ``hip`` to ``shoulder``: the midline, or one side's."""

    hip: Vec
    shoulder: Vec
    joints: tuple[Joint, ...]
    up: Vec
    length_px: float
    side: Side | None = None

    @staticmethod
    def between(
        hip: Vec, shoulder: Vec, joints: tuple[Joint, ...], side: Side | None
    ) -> "TrunkLine | None":
        """None where shoulder and hip coincide: the trunk points at the camera."""
        trunk = sub(shoulder, hip)
        size = length(trunk)
        return TrunkLine(hip, shoulder, joints, unit(trunk), size, side) if size else None


@dataclass(frozen=True, slots=True)
class Body:
    """One pose with y turned up.

    ``points`` and ``scores`` hold all 17 keypoints, ``exists`` says which of them count. ``trunk``
    is the midline, else the only complete side's line, else None; then ``up`` is the vertical.
    ``ruler_px`` is the trunk's length, the measure for all thresholds; without a trunk it is
    estimated from the widths of shoulders and hips and from the body's height, 0 if none is known.
    """

    points: tuple[Vec, ...]
    scores: tuple[float, ...]
    exists: tuple[bool, ...]
    side_lines: Mapping[Side, TrunkLine | None]
    trunk: TrunkLine | None
    up: Vec
    ruler_px: float
    height_px: float | None

    @staticmethod
    def of(pose: Pose) -> "Body":
        """Reads a pose; keypoints in pixels of the upright picture."""
        rows: list[list[float]] = pose.keypoints.tolist()
        points = tuple([(x, -y) for x, y, _ in rows])
        exists = which_exist(rows, pose.image_size)
        side_lines = {side: _side_line(points, exists, side) for side in BOTH_SIDES}
        trunk = _trunk(points, exists, side_lines)
        height_px = body_height_px(points, exists)
        return Body(
            points,
            tuple([score for _, _, score in rows]),
            exists,
            side_lines,
            trunk,
            trunk.up if trunk else VERTICAL,
            trunk.length_px if trunk else _ruler_without_trunk(points, exists, height_px),
            height_px,
        )

    def has(self, *joints: Joint) -> bool:
        exists = self.exists
        for joint in joints:  # noqa: SIM110  # asked thirty times a pose; ``all`` takes twice as long
            if not exists[joint]:
                return False
        return True

    def missing(self, *joints: Joint) -> tuple[Joint, ...]:
        return tuple(sorted({joint for joint in joints if not self.exists[joint]}))

    def require(self, *joints: Joint) -> None:
        """Raises UnmeasurableError naming the joints that are missing, if any are."""
        if not self.has(*joints):
            missing = self.missing(*joints)
            raise UnmeasurableError(MissingReason.KEYPOINT_LOW_CONFIDENCE, missing)

    def require_trunk(self, *joints: Joint) -> TrunkLine:
        """The trunk line, once ``joints`` and it are known to be there; raises as ``require``."""
        if self.trunk is None:
            self.require(*joints, *TRUNK_JOINTS)
            raise UnmeasurableError(MissingReason.SEGMENT_FORESHORTENED)
        self.require(*joints)
        return self.trunk

    def segment(self, start: Joint, end: Joint, shortest: float = MIN_SEGMENT) -> Vec:
        """From an existing joint to another; raises UnmeasurableError if it is foreshortened.

        ``shortest`` is a share of the ruler.
        """
        return self.line(sub(self.points[end], self.points[start]), shortest)

    def line(self, vector: Vec, shortest: float) -> Vec:
        """``vector`` itself; raises UnmeasurableError if it is too short to have a direction."""
        size = length(vector)
        if size == 0.0 or size < shortest * self.ruler_px:
            raise UnmeasurableError(MissingReason.SEGMENT_FORESHORTENED)
        return vector


def _side_line(points: tuple[Vec, ...], exists: tuple[bool, ...], side: Side) -> TrunkLine | None:
    hip, shoulder = JOINTS[side].hip, JOINTS[side].shoulder
    if not (exists[hip] and exists[shoulder]):
        return None
    return TrunkLine.between(points[hip], points[shoulder], (shoulder, hip), side)


def _trunk(
    points: tuple[Vec, ...], exists: tuple[bool, ...], side_lines: Mapping[Side, TrunkLine | None]
) -> TrunkLine | None:
    if all(exists[joint] for joint in TRUNK_JOINTS):
        hip = mid(points[LEFT.hip], points[RIGHT.hip])
        shoulder = mid(points[LEFT.shoulder], points[RIGHT.shoulder])
        return TrunkLine.between(hip, shoulder, TRUNK_JOINTS, None)
    return side_lines[Side.LEFT] or side_lines[Side.RIGHT]


def _ruler_without_trunk(
    points: tuple[Vec, ...], exists: tuple[bool, ...], height_px: float | None
) -> float:
    def distance(left: Joint, right: Joint) -> float:
        return math.dist(points[left], points[right]) if exists[left] and exists[right] else 0.0

    return max(
        distance(LEFT.shoulder, RIGHT.shoulder) / SHOULDER_WIDTH,
        distance(LEFT.hip, RIGHT.hip) / HIP_WIDTH,
        (height_px or 0.0) * TRUNK_PART,
    )
