"""Elbow, as in posture checks: the opening, so that no facing is needed."""

from jointtrack_server.domain.skeleton import Side
from jointtrack_server.measurements.frame import BodyFrame
from jointtrack_server.measurements.joints import JOINTS
from jointtrack_server.measurements.reading import Reading, interior_angle


def interior(frame: BodyFrame, side: Side) -> Reading:
    """The opening between upper arm and forearm, 180 straight."""
    joints = JOINTS[side]
    return interior_angle(frame, joints.shoulder, joints.elbow, joints.wrist)
