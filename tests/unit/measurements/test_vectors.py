"""Every golden vector, and what must not change an answer."""

import math

import numpy as np
import pytest

from jointtrack_server.domain.skeleton import MIRROR_ORDER, Side
from jointtrack_server.domain.types import (
    ImageSize,
    Measurement,
    MeasureOptions,
    Pose,
    View,
)
from jointtrack_server.measurements import measure
from jointtrack_server.measurements.body import Body
from jointtrack_server.measurements.joints import TRUNK_JOINTS
from tests.support.vectors import VECTORS, Vector

each_vector = pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS.keys())

READ_FROM_BODY = {
    id_: vector for id_, vector in VECTORS.items() if not vector.measurement.startswith("back_")
}

INVARIANCE_DEG = 0.05
"""Coordinates are float32: a few thousandths of a pixel."""


def measured(vector: Vector, pose: Pose | None = None) -> Measurement:
    options = MeasureOptions(names=(vector.measurement,))
    (measurement,) = measure(vector.pose if pose is None else pose, options)
    return measurement


@each_vector
def test_values(vector: Vector) -> None:
    for side, value in measured(vector).sides.items():
        expected = vector.expected[side]
        if expected is None:
            assert value.value_deg is None
        else:
            assert value.value_deg == pytest.approx(expected, abs=vector.tolerance)


@each_vector
def test_reasons(vector: Vector) -> None:
    reasons = {side: v.reason for side, v in measured(vector).sides.items() if v.reason}
    assert reasons == vector.expected_reason


@each_vector
def test_warnings(vector: Vector) -> None:
    warnings = measured(vector).warnings
    if vector.expected_warning is None:
        assert warnings == ()
    else:
        assert vector.expected_warning in warnings


@each_vector
def test_view_and_facing(vector: Vector) -> None:
    measurement = measured(vector)
    if measurement.view is not View.UNKNOWN:
        assert measurement.view == vector.view
    if vector.id != "neck_extension-5":  # no ear seen, and the nose right above the shoulders
        assert measurement.facing == vector.facing


@each_vector
def test_only_a_missing_shoulder_or_hip_makes_the_view_unknown(vector: Vector) -> None:
    trunk_seen = Body.of(vector.pose).has(*TRUNK_JOINTS)
    assert (measured(vector).view is View.UNKNOWN) == (not trunk_seen)


@each_vector
def test_mirroring_the_picture_and_the_labels_exchanges_the_sides(vector: Vector) -> None:
    keypoints = vector.pose.keypoints[list(MIRROR_ORDER)].copy()
    keypoints[:, 0] = vector.pose.image_size.width_px - keypoints[:, 0]
    original = measured(vector)
    mirrored = measured(vector, Pose(keypoints, vector.pose.image_size))
    for side in Side:
        assert_same(mirrored.sides[side].value_deg, original.sides[side.opposite].value_deg)
        assert mirrored.sides[side].reason == original.sides[side.opposite].reason
    assert mirrored.warnings == original.warnings
    assert mirrored.view == original.view
    assert (mirrored.facing is None) == (original.facing is None)
    assert mirrored.facing is None or mirrored.facing != original.facing


@each_vector
def test_scale_changes_nothing(vector: Vector) -> None:
    size = vector.pose.image_size
    keypoints = vector.pose.keypoints * np.array([2.5, 2.5, 1.0], dtype=np.float32)
    larger = Pose(keypoints, ImageSize(int(size.width_px * 2.5), int(size.height_px * 2.5)))
    assert_same_measurement(measured(vector, larger), measured(vector))


@pytest.mark.parametrize("angle_deg", [17.0, -40.0])
@pytest.mark.parametrize("vector", READ_FROM_BODY.values(), ids=READ_FROM_BODY.keys())
def test_turning_the_picture_changes_nothing_read_from_the_body(
    vector: Vector, angle_deg: float
) -> None:
    turned = measured(vector, turned_pose(vector.pose, angle_deg))
    assert_same_measurement(turned, measured(vector))


@pytest.mark.parametrize("angle_deg", [17.0, -40.0])
@pytest.mark.parametrize(
    ("vector_id", "left_share"),
    [
        ("back_side_flexion-1", -1.0),  # front view: anticlockwise is to the subject's right
        ("back_lumbar_forward_flexion-2", 1.0),  # facing left: anticlockwise is forward
        ("back_lumbar_extension-1", -1.0),
    ],
)
def test_turning_the_picture_turns_what_is_read_from_the_vertical(
    vector_id: str, left_share: float, angle_deg: float
) -> None:
    vector = VECTORS[vector_id]
    original = measured(vector).sides[Side.LEFT].value_deg
    turned = measured(vector, turned_pose(vector.pose, angle_deg)).sides[Side.LEFT].value_deg
    assert original is not None
    assert turned == pytest.approx(original + left_share * angle_deg, abs=INVARIANCE_DEG)


def turned_pose(pose: Pose, angle_deg: float) -> Pose:
    """The pose turned anticlockwise, in a picture large enough for it.

    What lay outside before stays missing.
    """
    width, height = pose.image_size.width_px, pose.image_size.height_px
    side = 2 * (width + height)
    cos, sin = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    keypoints = pose.keypoints.copy()
    keypoints[~np.array(Body.of(pose).exists), 2] *= np.float32(0.2)
    centred = keypoints[:, :2] - np.array([width / 2, height / 2], dtype=np.float32)
    keypoints[:, :2] = centred @ np.array([[cos, -sin], [sin, cos]], dtype=np.float32) + side / 2
    return Pose(keypoints, ImageSize(side, side))


def assert_same_measurement(one: Measurement, other: Measurement) -> None:
    for side in Side:
        assert_same(one.sides[side].value_deg, other.sides[side].value_deg)
        assert one.sides[side].reason == other.sides[side].reason
        assert one.sides[side].missing_joints == other.sides[side].missing_joints
    assert (one.view, one.facing, one.warnings) == (other.view, other.facing, other.warnings)


def assert_same(one: float | None, other: float | None) -> None:
    if one is None or other is None:
        assert one is other
    else:
        assert one == pytest.approx(other, abs=INVARIANCE_DEG)
