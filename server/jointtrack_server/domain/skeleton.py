"""The 17 keypoints of COCO, in the order MoveNet gives them."""

from enum import IntEnum, StrEnum

import numpy as np


class Joint(IntEnum):
    """Row of a keypoint in a (17, 3) pose array. Left and right are the subject's own."""

    NOSE = 0
    LEFT_EYE = 1
    RIGHT_EYE = 2
    LEFT_EAR = 3
    RIGHT_EAR = 4
    LEFT_SHOULDER = 5
    RIGHT_SHOULDER = 6
    LEFT_ELBOW = 7
    RIGHT_ELBOW = 8
    LEFT_WRIST = 9
    RIGHT_WRIST = 10
    LEFT_HIP = 11
    RIGHT_HIP = 12
    LEFT_KNEE = 13
    RIGHT_KNEE = 14
    LEFT_ANKLE = 15
    RIGHT_ANKLE = 16

    @property
    def api_name(self) -> str:
        """Such as "left_knee"."""
        return self.name.lower()

    @property
    def opposite(self) -> "Joint":
        """The same joint of the other side; the nose is its own opposite."""
        if self is Joint.NOSE:
            return self
        return Joint(self + 1 if self % 2 else self - 1)


class Side(StrEnum):
    """The subject's own side, not the camera's."""

    LEFT = "left"
    RIGHT = "right"

    @property
    def opposite(self) -> "Side":
        return Side.RIGHT if self is Side.LEFT else Side.LEFT

    def joint(self, part: str) -> Joint:
        """The joint of this side: ``Side.LEFT.joint("knee")`` is ``Joint.LEFT_KNEE``."""
        return Joint[f"{self.value}_{part}".upper()]


BOTH_SIDES = (Side.LEFT, Side.RIGHT)
JOINT_COUNT = len(Joint)
MIRROR_ORDER = tuple(joint.opposite for joint in Joint)
TORSO = np.array([Joint.LEFT_SHOULDER, Joint.RIGHT_SHOULDER, Joint.LEFT_HIP, Joint.RIGHT_HIP])
"""Rows of a pose array."""
