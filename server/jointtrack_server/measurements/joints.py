"""The joints of each side by name, looked up once."""

from collections.abc import Mapping
from typing import NamedTuple

from jointtrack_server.domain.skeleton import BOTH_SIDES, Joint, Side


class SideJoints(NamedTuple):
    """The keypoints of one of the subject's sides."""

    eye: Joint
    ear: Joint
    shoulder: Joint
    elbow: Joint
    wrist: Joint
    hip: Joint
    knee: Joint
    ankle: Joint


JOINTS: Mapping[Side, SideJoints] = {
    side: SideJoints(*(side.joint(part) for part in SideJoints._fields)) for side in BOTH_SIDES
}
LEFT = JOINTS[Side.LEFT]
RIGHT = JOINTS[Side.RIGHT]
TRUNK_JOINTS = (LEFT.shoulder, RIGHT.shoulder, LEFT.hip, RIGHT.hip)
EARS = (LEFT.ear, RIGHT.ear)
EYES = (LEFT.eye, RIGHT.eye)
