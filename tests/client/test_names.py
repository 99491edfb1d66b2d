import pytest

from jointtrack import (
    JOINT_NAMES,
    Facing,
    InvalidRequestError,
    MeasurementName,
    Overflow,
    PixelFormat,
    SearchMode,
    Side,
    Smoothing,
    _enums,
)
from jointtrack.v1 import image_pb2
from jointtrack.v1 import jointtrack_service_pb2 as pb


def test_enums_are_those_of_the_contract() -> None:
    assert tuple(MeasurementName) == _enums.MEASUREMENTS.names
    assert len(MeasurementName) == 19
    assert tuple(Side) == _enums.SIDES.names
    assert tuple(Facing) == _enums.FACINGS.names
    assert tuple(SearchMode) == _enums.SEARCH_MODES.names
    assert tuple(Overflow) == _enums.OVERFLOWS.names
    assert len(Smoothing) == len(pb.SmoothingMode.keys()) - 1
    assert _enums.JOINTS.names == JOINT_NAMES
    assert {f"PIXEL_FORMAT_{item.name}" for item in PixelFormat} | {
        "PIXEL_FORMAT_UNSPECIFIED"
    } == set(image_pb2.PixelFormat.keys())


def test_enum_members_are_their_strings() -> None:
    assert str(MeasurementName.KNEE_FLEXION) == "knee_flexion"
    number = _enums.MEASUREMENTS.number(MeasurementName.KNEE_FLEXION)
    assert number == _enums.MEASUREMENTS.number("knee_flexion") == 7


def test_unknown_name_is_refused_with_the_accepted_ones() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        _enums.MEASUREMENTS.number("neck_rotation")
    error = caught.value
    assert error.reason == "UNKNOWN_MEASUREMENT"
    assert "neck_rotation" in error.message
    assert "knee_flexion" in error.message
    assert error.metadata["value"] == "neck_rotation"
    assert error.field_violations[0].field == "measurement"


def test_numbers_of_newer_servers_stay_readable() -> None:
    assert _enums.WARNINGS.name(99) == "unknown_99"  # type: ignore[arg-type]
    assert _enums.WARNINGS.optional_name(0) is None  # type: ignore[arg-type]
