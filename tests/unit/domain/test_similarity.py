import numpy as np
import pytest

from jointtrack_server.domain.similarity import (
    COCO_SIGMAS,
    keypoint_similarities,
    object_keypoint_similarity,
)
from jointtrack_server.domain.skeleton import JOINT_COUNT, Joint
from jointtrack_server.domain.types import Keypoints


def pose(seed: int = 1, size_px: float = 100.0) -> Keypoints:
    chance = np.random.default_rng(seed)
    keypoints = chance.uniform(0, size_px, (JOINT_COUNT, 3)).astype(np.float32)
    keypoints[0, :2] = 0.0
    keypoints[1, :2] = size_px
    return keypoints


def test_a_pose_is_like_itself_whatever_its_scores() -> None:
    other = pose()
    other[:, 2] = 0.0
    assert object_keypoint_similarity(pose(), other) == 1.0


def test_one_moved_joint_costs_what_coco_says() -> None:
    moved = pose()
    moved[Joint.LEFT_KNEE, 0] += 10.0
    twice_sigma = 2 * 0.087
    expected = np.exp(-(10.0**2) / (2 * 100.0**2 * twice_sigma**2))
    similarities = keypoint_similarities(pose(), moved)
    assert similarities[Joint.LEFT_KNEE] == pytest.approx(expected, rel=1e-5)
    assert np.delete(similarities, Joint.LEFT_KNEE).min() == 1.0
    assert object_keypoint_similarity(pose(), moved) == pytest.approx((16 + expected) / 17)


def test_the_order_does_not_matter_and_size_does_not_either() -> None:
    a, b = pose(1), pose(2)
    assert object_keypoint_similarity(a, b) == object_keypoint_similarity(b, a)
    grown_a, grown_b = a.copy(), b.copy()
    for grown in (grown_a, grown_b):
        grown[:, :2] *= 8.0
    assert object_keypoint_similarity(grown_a, grown_b) == pytest.approx(
        object_keypoint_similarity(a, b), rel=1e-5
    )


def test_people_side_by_side_are_unlike() -> None:
    beside = pose()
    beside[:, 0] += 100.0
    assert object_keypoint_similarity(pose(), beside) < 0.01


def test_poses_in_a_point_or_a_line_are_compared_without_fault() -> None:
    point = np.zeros((JOINT_COUNT, 3), np.float32)
    line = point.copy()
    line[:, 1] = np.arange(JOINT_COUNT)
    assert object_keypoint_similarity(point, point) == 1.0
    assert object_keypoint_similarity(line, line) == 1.0
    assert 0.0 <= object_keypoint_similarity(point, line) < 0.5


def test_left_and_right_have_cocos_spreads() -> None:
    assert len(COCO_SIGMAS) == JOINT_COUNT
    for joint in Joint:
        assert COCO_SIGMAS[joint] == COCO_SIGMAS[joint.opposite]
    assert COCO_SIGMAS.index(max(COCO_SIGMAS)) in {Joint.LEFT_HIP, Joint.RIGHT_HIP}
