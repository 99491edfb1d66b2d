import pytest

from jointtrack.v1 import measurement_pb2
from jointtrack_server.domain.skeleton import Side
from jointtrack_server.domain.types import MeasureOptions, View
from jointtrack_server.measurements import MEASUREMENTS, Kind, MeasurementSpec, measure
from tests.support.vectors import VECTORS, Vector

# To the letter: clients read these.
TITLES_AND_BODY_PARTS = {
    "shoulder_abduction": ("Shoulder Abduction", "shoulder"),
    "shoulder_forward_flexion": ("Shoulder Forward Flexion", "shoulder"),
    "shoulder_extension": ("Shoulder Extension", "shoulder"),
    "back_side_flexion": ("Back Side Flexion", "back"),
    "back_lumbar_forward_flexion": ("Lumbar Forward Flexion", "back"),
    "back_lumbar_extension": ("Lumbar Extension", "back"),
    "knee_flexion": ("Knee Flexion", "knee"),
    "knee_extension": ("Knee Extension", "knee"),
    "neck_lateral_flexion": ("Neck Lateral Flexion", "neck"),
    "neck_forward_flexion": ("Neck Forward Flexion", "neck"),
    "neck_extension": ("Neck Extension", "neck"),
    "splits": ("Splits", "hip"),
    "squats_knee_front": ("Squats Knee (front view)", "knee"),
    "squats_knee_side": ("Squats Knee (side view)", "knee"),
    "squats_hip_front": ("Squats Hip (front view)", "hip"),
    "squats_hip_side": ("Squats Hip (side view)", "hip"),
    "elbow_side": ("Elbow (side view)", "elbow"),
    "hip_side": ("Hip (side view)", "hip"),
    "knee_side": ("Knee (side view)", "knee"),
}


def test_names_and_order_are_the_contracts() -> None:
    values = measurement_pb2.MeasurementType.DESCRIPTOR.values
    contract = [
        value.name.removeprefix("MEASUREMENT_TYPE_").lower() for value in values if value.number
    ]
    assert list(MEASUREMENTS) == contract
    assert [spec.name for spec in MEASUREMENTS.values()] == contract


def test_titles_and_body_parts_are_as_documented() -> None:
    told = {name: (spec.title, spec.body_part) for name, spec in MEASUREMENTS.items()}
    assert told == TITLES_AND_BODY_PARTS


def test_only_splits_can_be_measured_from_anywhere() -> None:
    assert [name for name, spec in MEASUREMENTS.items() if not spec.views] == ["splits"]
    for spec in MEASUREMENTS.values():
        assert set(spec.views) in (set(), {View.SIDE}, {View.FRONT, View.BACK})


@pytest.mark.parametrize("spec", MEASUREMENTS.values(), ids=MEASUREMENTS.keys())
def test_normal_ranges_are_plausible_and_have_a_source(spec: MeasurementSpec) -> None:
    lowest, highest = spec.plausible
    assert spec.normal.source
    assert lowest <= spec.normal.min_deg <= spec.normal.max_deg <= highest


def test_every_measurement_has_a_vector_with_values() -> None:
    covered = {
        vector.measurement for vector in VECTORS.values() if None not in vector.expected.values()
    }
    assert covered == set(MEASUREMENTS)


SHARED = {
    id_: vector
    for id_, vector in VECTORS.items()
    if MEASUREMENTS[vector.measurement].kind is not Kind.LIMB and vector.expected[Side.LEFT]
}


@pytest.mark.parametrize("vector", SHARED.values(), ids=SHARED.keys())
def test_left_and_right_are_one_angle_where_the_kind_says_so(vector: Vector) -> None:
    spec = MEASUREMENTS[vector.measurement]
    (measurement,) = measure(vector.pose, MeasureOptions(names=(spec.name,)))
    left, right = measurement.sides[Side.LEFT], measurement.sides[Side.RIGHT]
    assert left.value_deg is not None
    assert right.value_deg is not None
    assert left.value_deg == (-1.0 if spec.kind is Kind.DIRECTION else 1.0) * right.value_deg
    assert left.figure == right.figure
