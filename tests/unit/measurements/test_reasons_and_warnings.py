"""Each reason for having no value and each warning, reached from a pose."""

import numpy as np
import pytest

from jointtrack_server.domain.skeleton import Joint, Side
from jointtrack_server.domain.types import (
    Facing,
    Measurement,
    MeasureOptions,
    MissingReason,
    Pose,
    View,
    Warning,
)
from jointtrack_server.measurements import MEASUREMENTS, measure
from tests.support.vectors import VECTORS, changed, moved

HEADLESS = {f"{side}_{part}": 0.1 for side in ("left", "right") for part in ("eye", "ear")} | {
    "nose": 0.1
}
NO_HIPS = {"left_hip": 0.1, "right_hip": 0.1}


def vector_pose(vector_id: str, **scores: float) -> Pose:
    return changed(VECTORS[vector_id].pose, **scores)


def measured(name: str, pose: Pose, **options: object) -> Measurement:
    (measurement,) = measure(pose, MeasureOptions(names=(name,), **options))  # type: ignore[arg-type]
    return measurement


def narrowed(pose: Pose, share: float) -> Pose:
    """The pose seen from the side of where it was seen: its width times ``share``."""
    keypoints = pose.keypoints.copy()
    middle = keypoints[:, 0].mean()
    keypoints[:, 0] = middle + (keypoints[:, 0] - middle) * np.float32(share)
    return Pose(keypoints, pose.image_size)


REASONS = {
    MissingReason.KEYPOINT_LOW_CONFIDENCE: (
        "knee_flexion",
        vector_pose("knee_flexion-1", right_knee=0.29),
        None,
    ),
    MissingReason.SEGMENT_FORESHORTENED: (
        "squats_hip_front",
        moved(vector_pose("squats_hip_front-1"), Joint.RIGHT_KNEE, 282.0, 520.0),
        None,
    ),
    MissingReason.FACING_UNKNOWN: (
        "shoulder_forward_flexion",
        vector_pose("shoulder_extension-2", **HEADLESS),
        None,
    ),
    MissingReason.WRONG_VIEW: (
        "shoulder_forward_flexion",
        vector_pose("shoulder_abduction-2"),
        None,
    ),
    MissingReason.BODY_SIDE_UNKNOWN: (
        "squats_knee_front",
        vector_pose("knee_flexion-1", **HEADLESS),
        None,
    ),
    MissingReason.IMPLAUSIBLE_POSE: (
        "shoulder_forward_flexion",
        vector_pose("shoulder_forward_flexion-8"),
        Facing.LEFT,
    ),
}


@pytest.mark.parametrize("reason", list(MissingReason))
def test_each_reason_is_told(reason: MissingReason) -> None:
    name, pose, facing = REASONS[reason]
    value = measured(name, pose, facing=facing).sides[Side.RIGHT]
    assert value.reason is reason
    assert value.value_deg is None
    assert value.figure is None
    assert value.confidence == 0.0
    assert bool(value.missing_joints) == (reason is MissingReason.KEYPOINT_LOW_CONFIDENCE)


WARNINGS = {
    Warning.LOW_CONFIDENCE: ("knee_flexion", vector_pose("knee_flexion-2", right_ankle=0.45)),
    Warning.VIEW_MISMATCH: ("knee_flexion", vector_pose("shoulder_abduction-1")),
    Warning.OBLIQUE_VIEW: (
        "shoulder_abduction",
        narrowed(vector_pose("shoulder_abduction-1"), 0.55),
    ),
    Warning.TRUNK_ONE_SIDED: (
        "back_side_flexion",
        vector_pose("back_side_flexion-2", right_hip=0.1),
    ),
    Warning.REFERENCE_VERTICAL: (
        "neck_lateral_flexion",
        vector_pose("neck_lateral_flexion-5", **NO_HIPS),
    ),
    Warning.FACING_UNKNOWN: (
        "shoulder_forward_flexion",
        vector_pose("shoulder_forward_flexion-2", **HEADLESS),
    ),
    Warning.OPPOSITE_DIRECTION: (
        "shoulder_extension",
        vector_pose("shoulder_forward_flexion-2"),
    ),
    Warning.OUT_OF_PLANE: ("shoulder_abduction", vector_pose("shoulder_abduction-11")),
    Warning.SEVERAL_PEOPLE: ("knee_flexion", vector_pose("knee_flexion-1")),
}


@pytest.mark.parametrize("warning", list(Warning))
def test_each_warning_comes_with_a_value(warning: Warning) -> None:
    name, pose = WARNINGS[warning]
    several = warning is Warning.SEVERAL_PEOPLE
    (measurement,) = measure(pose, MeasureOptions(names=(name,)), several_people=several)
    assert measurement.warnings == (warning,) or (
        # Bending is told for both directions, so one of them is always the opposite one.
        measurement.warnings == (warning, Warning.OPPOSITE_DIRECTION)
        and name in ("back_side_flexion", "neck_lateral_flexion")
    )
    assert any(value.value_deg is not None for value in measurement.sides.values())


def test_a_value_names_every_missing_joint_once_in_order() -> None:
    pose = vector_pose("shoulder_abduction-1", left_elbow=0.1, right_hip=0.1, left_hip=0.1)
    value = measured("shoulder_abduction", pose).sides[Side.LEFT]
    assert value.missing_joints == (Joint.LEFT_ELBOW, Joint.LEFT_HIP, Joint.RIGHT_HIP)


@pytest.mark.parametrize(
    ("y_px", "exists"), [(960.0 * 1.019, True), (960.0 * 1.021, False)], ids=["inside", "outside"]
)
def test_a_keypoint_counts_up_to_two_percent_outside_the_picture(y_px: float, exists: bool) -> None:
    pose = moved(vector_pose("knee_flexion-1"), Joint.RIGHT_ANKLE, 320.0, y_px)
    value = measured("knee_flexion", pose).sides[Side.RIGHT]
    assert (value.value_deg is not None) == exists


def test_confidence_is_the_lowest_score_used() -> None:
    pose = vector_pose("knee_flexion-2", right_knee=0.62, nose=0.31)
    measurement = measured("knee_flexion", pose)
    assert measurement.sides[Side.RIGHT].confidence == pytest.approx(0.62)


def test_low_confidence_begins_below_a_half() -> None:
    at = measured("knee_flexion", vector_pose("knee_flexion-2", right_knee=0.5))
    below = measured("knee_flexion", vector_pose("knee_flexion-2", right_knee=0.49))
    assert Warning.LOW_CONFIDENCE not in at.warnings
    assert Warning.LOW_CONFIDENCE in below.warnings


def test_the_vertical_stands_in_for_a_missing_trunk() -> None:
    """The trunk leans 10 to the left and the head 15 more."""
    vector = VECTORS["neck_lateral_flexion-5"]
    upright = measured("neck_lateral_flexion", changed(vector.pose, **NO_HIPS))
    assert upright.sides[Side.LEFT].value_deg == pytest.approx(25.0, abs=1.0)


def test_an_unknown_facing_still_lets_large_and_tiny_angles_through() -> None:
    flexed = measured("shoulder_extension", vector_pose("shoulder_forward_flexion-2", **HEADLESS))
    assert flexed.sides[Side.RIGHT].value_deg == pytest.approx(-90.0, abs=1.0)
    assert flexed.sides[Side.LEFT].value_deg == pytest.approx(0.0, abs=1.0)


def test_knees_and_hips_flex_when_the_facing_is_unknown() -> None:
    pose = vector_pose("squats_hip_side-4", **HEADLESS)
    for name in ("squats_hip_side", "knee_flexion"):
        value = measured(name, pose).sides[Side.RIGHT].value_deg
        assert value is not None
        assert value >= 0.0


def test_a_knee_bent_far_the_wrong_way_is_flexed() -> None:
    measurement = measured("knee_flexion", VECTORS["knee_flexion-2"].pose, facing=Facing.LEFT)
    assert measurement.sides[Side.RIGHT].value_deg == pytest.approx(90.0, abs=1.0)


def test_a_frontal_picture_has_no_facing_even_if_one_shoulder_is_missing() -> None:
    """A vote would rest on which ear happens to score higher."""
    pose = vector_pose("shoulder_abduction-4", right_shoulder=0.1, right_ear=0.8)
    measurement = measured("shoulder_forward_flexion", pose)
    assert measurement.view is View.UNKNOWN
    assert measurement.facing is None
    assert measurement.sides[Side.LEFT].reason is MissingReason.FACING_UNKNOWN


def test_splits_measure_to_the_ankle_where_a_knee_is_missing() -> None:
    measurement = measured("splits", vector_pose("splits-2", right_knee=0.1))
    assert measurement.sides[Side.LEFT].value_deg == pytest.approx(85.0, abs=1.0)


def test_splits_tell_each_thigh() -> None:
    sides = measured("splits", VECTORS["splits-2"].pose).sides
    components = [value.component_deg for value in sides.values()]
    assert components == pytest.approx([45.0, 40.0], abs=1.0)


def test_zero_never_has_a_sign() -> None:
    for vector in VECTORS.values():
        for measurement in measure(vector.pose, MeasureOptions(names=tuple(MEASUREMENTS))):
            for value in measurement.sides.values():
                assert str(value.value_deg) != "-0.0"
