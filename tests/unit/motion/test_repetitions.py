"""Repetitions and holds."""

from itertools import pairwise

import numpy as np
import pytest

from tests.support.motion import FPS, left_summary

FRAME_S = 1 / FPS


def _bends(
    count: int, *, period_s: float = 2.0, low: float = 5.0, high: float = 95.0
) -> list[float]:
    """That many bends, from straight to straight."""
    times_s = np.arange(round(count * period_s * FPS) + 1) / FPS
    share = (1 - np.cos(2 * np.pi * times_s / period_s)) / 2
    angles: list[float] = (low + (high - low) * share).tolist()
    return angles


def _ramp(*stations: float, step: float = 2.0) -> list[float]:
    """From station to station, ``step`` degrees a frame."""
    angles = [stations[0]] * 5
    for start, end in pairwise(stations):
        count = round(abs(end - start) / step)
        angles += np.linspace(start, end, count + 1)[1:].tolist()
    return angles + [stations[-1]] * 5


def test_sine_counts_times_and_peaks() -> None:
    repetitions = left_summary(_bends(5)).repetitions
    assert len(repetitions) == 5
    # 30 % of the range is passed where (1 - cos(x)) / 2 = 0.3.
    leaves_low_s = np.arccos(1 - 2 * 0.3) / (2 * np.pi) * 2.0
    for number, repetition in enumerate(repetitions):
        assert repetition.start_s == pytest.approx(2.0 * number + leaves_low_s, abs=1.5 * FRAME_S)
        assert repetition.duration_s == pytest.approx(2.0 - 2 * leaves_low_s, abs=2 * FRAME_S)
        assert repetition.peak.value_deg == pytest.approx(95, abs=0.6)
        assert repetition.peak.capture_s == pytest.approx(2.0 * number + 1.0, abs=1.5 * FRAME_S)
        assert repetition.peak.sequence_id == round(repetition.peak.capture_s * FPS)


@pytest.mark.parametrize("seed", range(5))
def test_noise_adds_no_repetitions(seed: int) -> None:
    noise = np.random.default_rng(seed).normal(0.0, 4.0, len(_bends(6)))
    angles = (np.array(_bends(6)) + noise).tolist()
    assert len(left_summary(angles).repetitions) == 6


def test_step_is_one_repetition_and_a_hold() -> None:
    side = left_summary([0.0] * 30 + [60.0] * 60 + [0.0] * 30)
    (repetition,) = side.repetitions
    assert repetition.start_s == pytest.approx(30 * FRAME_S)
    assert repetition.duration_s == pytest.approx(60 * FRAME_S)
    assert repetition.peak.value_deg == 60.0
    assert side.hold_s == pytest.approx(59 * FRAME_S)


def test_unfinished_repetition_does_not_count_yet() -> None:
    angles = _bends(3)
    assert len(left_summary(angles[: 2 * 60 + 30]).repetitions) == 2
    assert len(left_summary(angles).repetitions) == 3


def test_a_stream_that_starts_bent_has_not_shown_the_first_bend() -> None:
    angles = _bends(3)[30:]
    assert len(left_summary(angles).repetitions) == 2


@pytest.mark.parametrize(
    ("stations", "count"),
    [
        ((0, 100, 0), 1),
        ((0, 60, 40, 100, 0), 1),  # hesitates on the way up
        ((0, 100, 40, 100, 0), 1),  # does not come back far enough in between
        ((0, 100, 20, 100, 0), 2),
        ((0, 60, 0, 100, 0), 1),  # the first does not rise far enough
        ((100, 0, 100), 0),
    ],
)
def test_hysteresis(stations: tuple[float, ...], count: int) -> None:
    assert len(left_summary(_ramp(*stations)).repetitions) == count


def test_start_is_where_the_low_part_was_left_last() -> None:
    angles = _ramp(0, 50, 10, 100, 0)
    (repetition,) = left_summary(angles).repetitions
    rises = [n for n in range(1, len(angles)) if angles[n - 1] < 30 <= angles[n]]
    assert repetition.start_s == pytest.approx(rises[1] * FRAME_S, abs=FRAME_S)


@pytest.mark.parametrize(("range_deg", "count"), [(14.0, 0), (16.0, 3)])
def test_small_movements_are_no_repetitions(range_deg: float, count: int) -> None:
    assert len(left_summary(_bends(3, low=10.0, high=10.0 + range_deg)).repetitions) == count


def test_missing_frames_inside_a_repetition_are_skipped() -> None:
    angles: list[float | None] = list(_bends(4))
    angles[20:26] = [None] * 6
    angles[85:92] = [None] * 7
    assert len(left_summary(angles).repetitions) == 4


@pytest.mark.parametrize(("missing", "hold_frames"), [(10, 69), (20, 29)])
def test_only_a_long_gap_breaks_a_hold(missing: int, hold_frames: int) -> None:
    angles = [0.0] * 20 + [90.0] * 30 + [None] * missing + [90.0] * 30 + [0.0] * 20
    hold_s = left_summary(angles).hold_s
    assert hold_s == pytest.approx(hold_frames * FRAME_S)


def test_the_longest_hold_counts_and_five_degrees_are_allowed() -> None:
    angles = [0.0] * 10 + [90.0] * 10 + [50.0] * 10 + [85.5] * 40 + [84.5] * 30
    assert left_summary(angles).hold_s == pytest.approx(39 * FRAME_S)


def test_hold_is_on_capture_time() -> None:
    angles = [0.0] * 10 + [90.0] * 11 + [0.0] * 10
    times_s = [0.1 * number for number in range(len(angles))]
    assert left_summary(angles, times_s).hold_s == pytest.approx(1.0)
