"""Extremes, range, shares: what a side's summary says of its angles."""

import numpy as np
import pytest

from jointtrack_server.motion import Extreme
from tests.support.motion import FPS, left_summary


def _sine(
    *, mean: float, amplitude: float, period_s: float, seconds: float, fps: float = FPS
) -> list[float]:
    """Starts at its minimum."""
    times_s = np.arange(round(seconds * fps)) / fps
    angles: list[float] = (mean - amplitude * np.cos(2 * np.pi * times_s / period_s)).tolist()
    return angles


def _required(extreme: Extreme | None) -> Extreme:
    assert extreme is not None
    return extreme


def test_sine_has_its_range_and_the_times_of_its_turns() -> None:
    side = left_summary(_sine(mean=50, amplitude=40, period_s=2.0, seconds=10.0))
    minimum, maximum = _required(side.minimum), _required(side.maximum)
    assert side.range_deg == pytest.approx(80, abs=0.6)
    assert minimum.value_deg == pytest.approx(10, abs=0.3)
    assert maximum.value_deg == pytest.approx(90, abs=0.3)
    assert maximum.capture_s % 2.0 == pytest.approx(1.0, abs=1.01 / FPS)
    assert maximum.sequence_id == round(maximum.capture_s * FPS)


def test_variable_frame_rate_keeps_times() -> None:
    rng = np.random.default_rng(1)
    times_s = np.cumsum(rng.uniform(1 / 60, 1 / 15, 300))
    angles = 50 - 40 * np.cos(2 * np.pi * times_s / 4.0)
    side = left_summary(angles.tolist(), times_s.tolist())
    assert side.range_deg == pytest.approx(80, abs=1.5)
    assert _required(side.maximum).capture_s % 4.0 == pytest.approx(2.0, abs=0.14)


def test_constant_angle_has_no_range() -> None:
    side = left_summary([33.0] * 30)
    assert side.range_deg == 0.0
    assert _required(side.minimum) == _required(side.maximum)
    assert side.repetitions == ()
    assert side.hold_s == pytest.approx(25 / FPS)


@pytest.mark.parametrize("outliers", [{20: 170.0}, {20: 170.0, 21: 165.0}, {20: -60.0}])
def test_up_to_two_outliers_in_five_frames_do_not_count(outliers: dict[int, float]) -> None:
    angles = [20.0 + 0.1 * number for number in range(40)]
    clean = left_summary(angles)
    side = left_summary([outliers.get(number, angle) for number, angle in enumerate(angles)])
    assert _required(side.minimum).value_deg == pytest.approx(
        _required(clean.minimum).value_deg, abs=0.2
    )
    assert _required(side.maximum).value_deg == pytest.approx(
        _required(clean.maximum).value_deg, abs=0.2
    )


def test_three_frames_are_no_outlier() -> None:
    side = left_summary([20.0] * 20 + [80.0] * 3 + [20.0] * 20)
    assert _required(side.maximum).value_deg == 80.0


def test_the_frame_of_an_extreme_shows_its_very_value() -> None:
    """The middle of the highest window is the outlier here, and is not the one pointed to."""
    angles = [10.0] * 10 + [58.0, 59.0, 150.0, 60.0, 57.0] + [10.0] * 10
    maximum = _required(left_summary(angles).maximum)
    assert maximum.value_deg == 59.0
    assert angles[maximum.sequence_id] == 59.0


def test_missing_frames_are_skipped_and_counted() -> None:
    angles = [None] * 10 + [30.0] * 10 + [None] * 20 + [50.0] * 10
    side = left_summary(angles)
    assert side.measurable_share == pytest.approx(20 / 50)
    assert side.mean_confidence == pytest.approx(0.8)
    assert (_required(side.minimum).value_deg, _required(side.maximum).value_deg) == (30.0, 50.0)
    assert _required(side.minimum).sequence_id >= 10
    assert _required(side.maximum).sequence_id >= 40


def test_every_other_frame_missing_changes_no_extreme() -> None:
    angles = _sine(mean=50, amplitude=40, period_s=4.0, seconds=8.0)
    thinned = [angle if number % 2 else None for number, angle in enumerate(angles)]
    side = left_summary(thinned)
    assert side.range_deg == pytest.approx(80, abs=1.1)
    assert side.measurable_share == 0.5


def test_zero_is_a_value() -> None:
    side = left_summary([0.0] * 12)
    assert side.measurable_share == 1.0
    assert _required(side.maximum).value_deg == 0.0


def test_negative_angles() -> None:
    side = left_summary([-30.0] * 6 + [-10.0] * 6)
    assert (_required(side.minimum).value_deg, side.range_deg) == (-30.0, 20.0)


@pytest.mark.parametrize("count", [0, 1, 4])
def test_fewer_than_five_values_are_no_range(count: int) -> None:
    side = left_summary([40.0] * count + [None] * (8 - count))
    assert (side.minimum, side.maximum, side.range_deg, side.hold_s) == (None, None, None, None)
    assert side.repetitions == ()
    assert side.measurable_share == count / 8
    assert side.mean_confidence == pytest.approx(0.8 if count else 0.0)


def test_five_values_have_one_median() -> None:
    side = left_summary([10.0, 50.0, 30.0, 20.0, 40.0])
    assert side.minimum == side.maximum == Extreme(30.0, 2, 2 / FPS)
    assert (side.range_deg, side.hold_s) == (0.0, 0.0)
