import pytest

from jointtrack_server.domain.skeleton import BOTH_SIDES, Joint, Side
from jointtrack_server.domain.types import (
    Facing,
    Measurement,
    MeasureOptions,
    MissingReason,
    Pose,
    Warning,
)
from jointtrack_server.measurements import MEASUREMENTS, measure
from tests.support.vectors import VECTORS, Vector, changed


def only(pose: Pose, options: MeasureOptions) -> Measurement:
    (measurement,) = measure(pose, options)
    return measurement


def test_answers_come_in_request_order() -> None:
    names = tuple(MEASUREMENTS)[::-1]
    measurements = measure(VECTORS["knee_flexion-1"].pose, MeasureOptions(names=names))
    assert tuple(measurement.name for measurement in measurements) == names


def test_nothing_asked_for_is_nothing_measured() -> None:
    assert measure(VECTORS["knee_flexion-1"].pose, MeasureOptions()) == ()


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(KeyError, match="neck_rotation"):
        measure(VECTORS["knee_flexion-1"].pose, MeasureOptions(names=("neck_rotation",)))


@pytest.mark.parametrize("sides", [(Side.LEFT,), (Side.RIGHT,), BOTH_SIDES], ids=str)
@pytest.mark.parametrize("name", MEASUREMENTS)
def test_sides_not_asked_for_are_absent(name: str, sides: tuple[Side, ...]) -> None:
    pose = VECTORS["shoulder_abduction-2"].pose
    both = only(pose, MeasureOptions(names=(name,)))
    measurement = only(pose, MeasureOptions(names=(name,), sides=sides))
    assert tuple(measurement.sides) == sides
    assert all(measurement.sides[side] == both.sides[side] for side in sides)


def test_warnings_are_of_the_sides_asked_for() -> None:
    vector = VECTORS["shoulder_forward_flexion-7"]  # left 10, right -40
    left = only(vector.pose, MeasureOptions(names=(vector.measurement,), sides=(Side.LEFT,)))
    right = only(vector.pose, MeasureOptions(names=(vector.measurement,), sides=(Side.RIGHT,)))
    assert left.warnings == ()
    assert right.warnings == (Warning.OPPOSITE_DIRECTION,)


@pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS.keys())
def test_mirrored_exchanges_left_and_right_and_nothing_else(vector: Vector) -> None:
    as_given = only(vector.pose, MeasureOptions(names=(vector.measurement,)))
    mirrored = only(vector.pose, MeasureOptions(names=(vector.measurement,), mirrored=True))
    for side in Side:
        here, there = mirrored.sides[side], as_given.sides[side.opposite]
        assert here.value_deg == there.value_deg
        assert here.reason is there.reason
        assert here.confidence == there.confidence
        assert here.figure == there.figure
        assert set(here.missing_joints) == {joint.opposite for joint in there.missing_joints}
    assert mirrored.view == as_given.view
    assert mirrored.facing == as_given.facing
    assert mirrored.warnings == as_given.warnings


def test_mirrored_names_the_missing_joint_of_the_side_it_answers_for() -> None:
    pose = changed(VECTORS["knee_flexion-1"].pose, left_knee=0.1)
    options = MeasureOptions(names=("knee_flexion",), sides=(Side.RIGHT,), mirrored=True)
    assert only(pose, options).sides[Side.RIGHT].missing_joints == (Joint.RIGHT_KNEE,)


def test_strict_refuses_values_from_the_wrong_view() -> None:
    pose = VECTORS["shoulder_abduction-4"].pose
    lenient = only(pose, MeasureOptions(names=("knee_flexion",)))
    strict = only(pose, MeasureOptions(names=("knee_flexion",), strict=True))
    for side in Side:
        assert lenient.sides[side].value_deg is not None
        assert strict.sides[side].value_deg is None
        assert strict.sides[side].reason is MissingReason.WRONG_VIEW
    assert lenient.warnings == strict.warnings == (Warning.VIEW_MISMATCH,)


def test_strict_keeps_the_reason_of_what_could_not_be_measured_anyway() -> None:
    pose = changed(VECTORS["shoulder_abduction-4"].pose, left_knee=0.1)
    strict = only(pose, MeasureOptions(names=("knee_flexion",), strict=True))
    assert strict.sides[Side.LEFT].reason is MissingReason.KEYPOINT_LOW_CONFIDENCE
    assert strict.sides[Side.RIGHT].reason is MissingReason.WRONG_VIEW


@pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS.keys())
def test_strict_changes_nothing_in_the_right_view(vector: Vector) -> None:
    lenient = only(vector.pose, MeasureOptions(names=(vector.measurement,)))
    strict = only(vector.pose, MeasureOptions(names=(vector.measurement,), strict=True))
    assert strict == lenient


@pytest.mark.parametrize(
    ("facing", "value_deg"), [(Facing.RIGHT, 90.0), (Facing.LEFT, -90.0), (None, 90.0)]
)
def test_facing_overrides_the_vote(facing: Facing | None, value_deg: float) -> None:
    pose = VECTORS["shoulder_forward_flexion-2"].pose  # facing right, right arm flexed 90
    options = MeasureOptions(names=("shoulder_forward_flexion",), facing=facing)
    measurement = only(pose, options)
    assert measurement.sides[Side.RIGHT].value_deg == pytest.approx(value_deg, abs=1.0)
    assert measurement.facing is (facing or Facing.RIGHT)


def test_a_given_facing_gives_a_front_view_its_sign() -> None:
    pose = VECTORS["shoulder_forward_flexion-10"].pose
    options = MeasureOptions(names=("shoulder_forward_flexion",), facing=Facing.RIGHT)
    measurement = only(pose, options)
    assert all(value.value_deg is not None for value in measurement.sides.values())
    assert Warning.VIEW_MISMATCH in measurement.warnings
