import numpy as np
import pytest
from numpy.typing import NDArray

from jointtrack_server.domain.crop import (
    BOX_EXPANSION_RATIO,
    CropRegion,
    crop_around_box,
    crop_around_pose,
    torso_visible,
    trunk_turn_deg,
    turn_difference_deg,
    whole_picture,
)
from jointtrack_server.domain.skeleton import JOINT_COUNT, Joint
from jointtrack_server.domain.types import Box, ImageSize, Keypoints

SIZE = ImageSize(640, 480)
TORSO = (Joint.LEFT_SHOULDER, Joint.RIGHT_SHOULDER, Joint.LEFT_HIP, Joint.RIGHT_HIP)


def reference_crop(keypoints: Keypoints, size: ImageSize) -> tuple[float, float, float] | None:
    """x_min, y_min and side of ``determineCropRegion`` in tfjs-models, step by step.

    ``None`` stands for its initial region: the whole picture, letterboxed.
    """
    score = {joint: float(keypoints[joint, 2]) for joint in Joint}
    x = {joint: float(keypoints[joint, 0]) for joint in Joint}
    y = {joint: float(keypoints[joint, 1]) for joint in Joint}
    hip_seen = score[Joint.LEFT_HIP] > 0.2 or score[Joint.RIGHT_HIP] > 0.2
    shoulder_seen = score[Joint.LEFT_SHOULDER] > 0.2 or score[Joint.RIGHT_SHOULDER] > 0.2
    if not (hip_seen and shoulder_seen):
        return None
    centre_x = (x[Joint.LEFT_HIP] + x[Joint.RIGHT_HIP]) / 2
    centre_y = (y[Joint.LEFT_HIP] + y[Joint.RIGHT_HIP]) / 2
    torso_x_range = torso_y_range = body_x_range = body_y_range = 0.0
    for joint in TORSO:
        torso_x_range = max(torso_x_range, abs(x[joint] - centre_x))
        torso_y_range = max(torso_y_range, abs(y[joint] - centre_y))
    for joint in Joint:
        if score[joint] < 0.2:
            continue
        body_x_range = max(body_x_range, abs(x[joint] - centre_x))
        body_y_range = max(body_y_range, abs(y[joint] - centre_y))
    half = max(torso_x_range * 1.9, torso_y_range * 1.9, body_y_range * 1.2, body_x_range * 1.2)
    reach = max(centre_x, size.width_px - centre_x, centre_y, size.height_px - centre_y)
    half = min(half, reach)
    if half > max(size.width_px, size.height_px) / 2:
        return None
    return centre_x - half, centre_y - half, 2 * half


def random_pose(seed: int) -> Keypoints:
    """A cloud of joints of any size, partly outside of the picture, with any scores."""
    chance = np.random.default_rng(seed)
    centre = chance.uniform([0, 0], [SIZE.width_px, SIZE.height_px])
    points = centre + chance.normal(size=(JOINT_COUNT, 2)) * chance.uniform(3, 120)
    scores = chance.uniform(0, 1, (JOINT_COUNT, 1)) ** chance.uniform(0.5, 4)
    return np.hstack([points, scores]).astype(np.float32)


def test_the_crop_is_that_of_movenets_authors() -> None:
    kinds = {"visible": 0, "hidden": 0, "whole": 0}
    for seed in range(500):
        keypoints = random_pose(seed)
        crop = crop_around_pose(keypoints, SIZE)
        reference = reference_crop(keypoints, SIZE)
        if not torso_visible(keypoints):
            kinds["hidden"] += 1
            assert crop is None
            assert reference is None
        elif reference is None:
            kinds["whole"] += 1
            assert crop == whole_picture(SIZE)
        else:
            kinds["visible"] += 1
            assert crop is not None
            corner_x, corner_y = crop.to_picture()[:, 2]
            assert (corner_x, corner_y, 2 * crop.half_side_px) == pytest.approx(reference, abs=1e-3)
    assert min(kinds.values()) > 20


def standing(x_px: float = 320.0, y_px: float = 240.0, height_px: float = 200.0) -> Keypoints:
    """Somebody upright with every joint seen; the hips are at x_px, y_px."""
    up = {
        "nose": 0.42, "eye": 0.44, "ear": 0.43, "shoulder": 0.3, "elbow": 0.15,
        "wrist": 0.0, "hip": 0.0, "knee": -0.25, "ankle": -0.5,
    }  # fmt: skip
    keypoints = np.ones((JOINT_COUNT, 3), np.float32)
    for joint in Joint:
        side = 0.0 if joint is Joint.NOSE else 0.08 if joint % 2 else -0.08
        part = joint.api_name.split("_")[-1]
        keypoints[joint, :2] = x_px + side * height_px, y_px - up[part] * height_px
    return keypoints


@pytest.mark.parametrize("hidden", [TORSO[:2], TORSO[2:], TORSO])
def test_without_a_torso_there_is_no_crop(hidden: tuple[Joint, ...]) -> None:
    keypoints = standing()
    keypoints[list(hidden), 2] = 0.19
    assert crop_around_pose(keypoints, SIZE) is None


def test_one_hip_and_one_shoulder_are_enough() -> None:
    keypoints = standing()
    keypoints[[Joint.LEFT_HIP, Joint.RIGHT_SHOULDER], 2] = 0.0
    assert crop_around_pose(keypoints, SIZE) is not None


def test_a_pose_in_one_point_gives_a_crop_that_can_be_cut() -> None:
    keypoints = standing()
    keypoints[:, :2] = 100.0, 90.0
    assert crop_around_pose(keypoints, SIZE) == CropRegion(100.0, 90.0, 1.0)


def test_a_pose_beside_the_picture_is_followed_there() -> None:
    crop = crop_around_pose(standing(x_px=-500.0), SIZE)
    assert crop is not None
    assert (crop.centre_x_px, crop.centre_y_px) == (-500.0, 240.0)
    assert crop.half_side_px == pytest.approx(120.0)


def test_one_wild_joint_gives_the_whole_picture() -> None:
    keypoints = standing()
    keypoints[Joint.LEFT_WRIST, :2] = 1e6, -1e6
    assert crop_around_pose(keypoints, SIZE) == whole_picture(SIZE)


def test_the_turn_is_passed_on() -> None:
    for crop in (
        crop_around_pose(standing(), SIZE, 33.0),
        whole_picture(SIZE, 33.0),
        crop_around_box(Box(0, 0, 10, 10), 33.0),
    ):
        assert crop is not None
        assert crop.turn_deg == 33.0
        assert crop.turned(-90.0).turn_deg == 270.0


@pytest.mark.parametrize("turn_deg", [0.0, 90.0, 180.0, 33.0])
def test_a_region_maps_its_corners_around_its_centre(turn_deg: float) -> None:
    region = CropRegion(100.0, 60.0, 25.0, turn_deg)
    corners = np.array([[0, 0, 1], [1, 0, 1], [1, 1, 1], [0, 1, 1]], float) @ region.to_picture().T
    np.testing.assert_allclose(corners.mean(axis=0), [100.0, 60.0])
    sides = np.linalg.norm(np.roll(corners, -1, axis=0) - corners, axis=1)
    np.testing.assert_allclose(sides, 50.0)
    right = corners[1] - corners[0]
    assert np.degrees(np.arctan2(right[1], right[0])) % 360 == pytest.approx(turn_deg, abs=1e-9)


def test_a_box_gets_a_margin_and_an_empty_one_a_pixel() -> None:
    crop = crop_around_box(Box(10.0, 20.0, 50.0, 100.0))
    assert crop == CropRegion(30.0, 60.0, BOX_EXPANSION_RATIO * 40.0)
    assert crop_around_box(Box(5.0, 5.0, 5.0, 5.0)) == CropRegion(5.0, 5.0, 1.0)


@pytest.mark.parametrize("turn_deg", [0.0, 45.0, 90.0, 180.0, 270.0, 300.0])
def test_the_trunks_direction(turn_deg: float) -> None:
    keypoints = standing()
    angle = np.radians(turn_deg)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = np.array([320.0, 240.0])
    keypoints[:, :2] = (keypoints[:, :2] - centre) @ turn.T + centre
    assert turn_difference_deg(trunk_turn_deg(keypoints), turn_deg) < 1e-3


@pytest.mark.parametrize(
    ("a_deg", "b_deg", "difference_deg"),
    [(0, 0, 0), (10, 350, 20), (350, 10, 20), (0, 180, 180), (-170, 170, 20), (720, 1, 1)],
)
def test_the_difference_of_two_directions(
    a_deg: float, b_deg: float, difference_deg: float
) -> None:
    assert turn_difference_deg(a_deg, b_deg) == pytest.approx(difference_deg)


def test_whole_pixels_are_the_nearest() -> None:
    chance = np.random.default_rng(4)
    for _ in range(500):
        x_px, y_px = chance.uniform(-300, 900, 2).tolist()
        region = CropRegion(x_px, y_px, chance.uniform(0.5, 400))
        on_pixels = region.on_whole_pixels()
        edges = _edges(on_pixels)
        np.testing.assert_array_equal(edges, np.rint(edges))
        assert edges[1, 0] - edges[0, 0] == edges[1, 1] - edges[0, 1] >= 1.0
        assert abs(on_pixels.centre_x_px - region.centre_x_px) <= 0.5
        assert abs(on_pixels.centre_y_px - region.centre_y_px) <= 0.5
        assert abs(2.0 * on_pixels.half_side_px - 2.0 * region.half_side_px) <= 0.5
        assert on_pixels.on_whole_pixels() == on_pixels


def _edges(region: CropRegion) -> NDArray[np.float64]:
    """Left and top, then right and bottom."""
    corners = np.array([[0.0, 0.0, 1.0], [1.0, 1.0, 1.0]])
    edges: NDArray[np.float64] = corners @ region.to_picture().T
    return edges


def test_a_turned_region_stays_between_pixels() -> None:
    turned = CropRegion(100.3, 60.2, 25.1, 33.0)
    assert turned.on_whole_pixels() is turned


def test_a_region_smaller_than_a_pixel_becomes_one() -> None:
    assert CropRegion(10.2, 20.9, 0.1).on_whole_pixels().half_side_px == 0.5
