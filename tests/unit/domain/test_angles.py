import pytest

from jointtrack_server.domain.angles import round_degrees


@pytest.mark.parametrize(
    ("value_deg", "whole"),
    [(0.5, 1), (1.5, 2), (2.5, 3), (-0.5, 0), (-1.5, -1), (-2.5, -2), (89.49, 89), (-20.6, -21)],
)
def test_halves_go_upwards_on_both_sides_of_zero(value_deg: float, whole: int) -> None:
    assert round_degrees(value_deg) == whole


@pytest.mark.parametrize("value_deg", [0.0, -0.0, -0.3])
def test_zero_has_no_sign(value_deg: float) -> None:
    assert str(round_degrees(value_deg)) == "0"
