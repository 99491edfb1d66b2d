"""The filter against the paper's scalar one, and where it must forget."""

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from jointtrack_server.domain.skeleton import Joint
from jointtrack_server.domain.types import ImageSize, Keypoints
from jointtrack_server.motion import PoseFilter, SmoothingSettings
from jointtrack_server.motion.one_euro import CENTRE_BETA

SIZE = ImageSize(1000, 500)
FRAME_S = 1 / 30


class ScalarOneEuro:
    """One coordinate, as in the paper's pseudo-code (Casiez et al. 2012, algorithm 1)."""

    def __init__(self, settings: SmoothingSettings) -> None:
        self.settings = settings
        self.x: float | None = None
        self.dx = 0.0
        self.time_s = 0.0

    def apply(self, x: float, time_s: float) -> float:
        if self.x is None:
            self.x, self.time_s = x, time_s
            return x
        elapsed_s = time_s - self.time_s
        dx = (x - self.x) / elapsed_s
        self.dx = self._low_pass(dx, self.dx, self.settings.derivative_cutoff_hz, elapsed_s)
        cutoff_hz = self.settings.min_cutoff_hz + self.settings.beta * abs(self.dx)
        self.x, self.time_s = self._low_pass(x, self.x, cutoff_hz, elapsed_s), time_s
        return self.x

    @staticmethod
    def _low_pass(new: float, old: float, cutoff_hz: float, elapsed_s: float) -> float:
        alpha = 1.0 / (1.0 + 1.0 / (2.0 * math.pi * cutoff_hz) / elapsed_s)
        return alpha * new + (1.0 - alpha) * old


def standing(x_px: float = 500.0, height_px: float = 300.0, score: float = 0.8) -> Keypoints:
    """A person seen from the front, in the middle of a 1000 x 500 picture."""
    across = {Joint.NOSE: 0.0}
    down = {Joint.NOSE: 0.05}
    rows = {
        "eye": (0.02, 0.03),
        "ear": (0.04, 0.04),
        "shoulder": (0.12, 0.2),
        "elbow": (0.15, 0.37),
        "wrist": (0.15, 0.52),
        "hip": (0.08, 0.5),
        "knee": (0.08, 0.75),
        "ankle": (0.08, 1.0),
    }
    for part, (aside, below) in rows.items():
        for side, sign in (("LEFT", 1.0), ("RIGHT", -1.0)):
            joint = Joint[f"{side}_{part.upper()}"]
            across[joint], down[joint] = sign * aside, below
    points = [(x_px + height_px * across[j], 50 + height_px * down[j], score) for j in Joint]
    return np.array(points, np.float32)


def moved(keypoints: Keypoints, x_px: float, y_px: float = 0.0) -> Keypoints:
    return keypoints + np.array([x_px, y_px, 0.0], np.float32)


def shaky_walk(frames: int, seed: int = 0) -> list[Keypoints]:
    """Someone crossing the picture, with noise of 2 pixels and changing scores above 0.3."""
    rng = np.random.default_rng(seed)
    walk = []
    for frame in range(frames):
        keypoints = moved(standing(200.0), 8.0 * frame)
        keypoints[:, :2] += rng.normal(0.0, 2.0, (17, 2))
        keypoints[:, 2] = rng.uniform(0.31, 0.9, 17)
        walk.append(keypoints)
    return walk


def spread_px(poses: list[Keypoints]) -> float:
    """Standard deviation of the second difference of all coordinates."""
    track: NDArray[np.float64] = np.array(poses, np.float64)[:, :, :2]
    return float(np.diff(track, n=2, axis=0).std())


@pytest.mark.parametrize("strength", [0.0, 0.5, 0.9])
def test_is_the_papers_filter_at_any_frame_rate(strength: float) -> None:
    settings = SmoothingSettings.from_strength(strength)
    rng = np.random.default_rng(3)
    times_s = 10.0 + np.cumsum(rng.uniform(1 / 120, 1 / 10, 40))
    pose_filter = PoseFilter(settings)
    scalars = [[ScalarOneEuro(settings) for _ in "xy"] for _ in Joint]
    quick = replace(settings, beta=max(settings.beta, CENTRE_BETA))
    centre_scalars = [ScalarOneEuro(quick) for _ in "xy"]
    for keypoints, time_s in zip(shaky_walk(40), times_s.tolist(), strict=True):
        smoothed = pose_filter.apply(keypoints, SIZE, time_s)
        points = keypoints[:, :2].astype(float) / 1000
        centre = points[[5, 6, 11, 12]].mean(axis=0)
        smooth_centre = filtered(centre_scalars, centre, time_s)
        expected = [
            filtered(pair, row - centre, time_s) + smooth_centre
            for pair, row in zip(scalars, points, strict=True)
        ]
        np.testing.assert_allclose(smoothed[:, :2] / 1000, expected, atol=1e-6)


def filtered(
    pair: list[ScalarOneEuro], point: NDArray[np.float64], time_s: float
) -> NDArray[np.float64]:
    values = zip(pair, point.tolist(), strict=True)
    return np.array([scalar.apply(value, time_s) for scalar, value in values])


def test_first_frame_and_scores_come_back_as_they_are() -> None:
    pose_filter = PoseFilter()
    first, second = shaky_walk(2)
    np.testing.assert_array_equal(pose_filter.apply(first, SIZE, 0.0), first)
    given = second.copy()
    smoothed = pose_filter.apply(second, SIZE, FRAME_S)
    np.testing.assert_array_equal(smoothed[:, 2], second[:, 2])
    np.testing.assert_array_equal(second, given)
    assert smoothed.dtype == np.float32
    assert np.abs(smoothed[:, :2] - second[:, :2]).max() > 1.0


@pytest.mark.parametrize("noise_px", [1.0, 3.0])
def test_at_rest_the_default_more_than_halves_the_jitter(noise_px: float) -> None:
    rng = np.random.default_rng(0)
    pose_filter, raw, smoothed = PoseFilter(), [], []
    for frame in range(150):
        keypoints = standing()
        keypoints[:, :2] += rng.normal(0.0, noise_px, (17, 2))
        raw.append(keypoints)
        smoothed.append(pose_filter.apply(keypoints, SIZE, frame * FRAME_S))
    assert spread_px(smoothed[10:]) < 0.5 * spread_px(raw[10:])


def test_more_strength_is_steadier_and_lags_more() -> None:
    walk, spreads, lags = shaky_walk(60), [], []
    for strength in np.linspace(0.0, 1.0, 6).tolist():
        pose_filter = PoseFilter(SmoothingSettings.from_strength(strength))
        smoothed = [pose_filter.apply(k, SIZE, n * FRAME_S) for n, k in enumerate(walk)]
        spreads.append(spread_px(smoothed))
        behind = np.array(walk)[20:, :, 0] - np.array(smoothed)[20:, :, 0]
        lags.append(float(behind.mean()))
    assert spreads == sorted(spreads, reverse=True)
    assert lags == sorted(lags)


def test_strength_scales_the_cut_off() -> None:
    assert SmoothingSettings.from_strength(0.5) == SmoothingSettings(2.5, 3.0, 1.0)
    assert SmoothingSettings.from_strength(0.0) == SmoothingSettings(10.0, 12.0, 1.0)
    assert SmoothingSettings.from_strength(1.0) == SmoothingSettings(0.625, 0.75, 1.0)


@pytest.mark.parametrize("strength", [-0.01, 1.01, math.nan])
def test_strength_is_a_share(strength: float) -> None:
    with pytest.raises(ValueError, match="strength"):
        SmoothingSettings.from_strength(strength)


def _warmed_up() -> PoseFilter:
    """At rest in the middle of the picture; the last frame was at 1 s."""
    pose_filter = PoseFilter()
    for time_s in (1.0 - 2 * FRAME_S, 1.0 - FRAME_S, 1.0):
        pose_filter.apply(standing(), SIZE, time_s)
    return pose_filter


def _starts_anew(pose_filter: PoseFilter, keypoints: Keypoints, time_s: float) -> bool:
    return bool(np.array_equal(pose_filter.apply(keypoints, SIZE, time_s), keypoints))


def test_a_frame_without_anything_special_is_smoothed() -> None:
    assert not _starts_anew(_warmed_up(), moved(standing(), 5.0), 1.0 + FRAME_S)


@pytest.mark.parametrize(("elapsed_s", "anew"), [(0.45, False), (0.55, True)])
def test_starts_anew_after_a_gap(elapsed_s: float, anew: bool) -> None:
    assert _starts_anew(_warmed_up(), moved(standing(), 5.0), 1.0 + elapsed_s) is anew


@pytest.mark.parametrize("time_s", [1.0, 0.97, -5.0])
def test_starts_anew_when_time_does_not_increase(time_s: float) -> None:
    pose_filter = _warmed_up()
    assert _starts_anew(pose_filter, moved(standing(), 5.0), time_s)
    assert not _starts_anew(pose_filter, moved(standing(), 9.0), time_s + FRAME_S)


def test_starts_anew_after_a_cut() -> None:
    pose_filter = _warmed_up()
    elsewhere = standing(x_px=250.0, height_px=250.0)
    assert _starts_anew(pose_filter, elsewhere, 1.0 + FRAME_S)
    assert not _starts_anew(pose_filter, moved(elsewhere, 5.0), 1.0 + 2 * FRAME_S)


def test_walking_at_ten_frames_a_second_is_no_cut() -> None:
    """1.5 m/s sideways, the least alike pose in the next frame, at 300 pixels for 1.75 m."""
    step_px = 1.5 / 10 / 1.75 * 300
    assert not _starts_anew(_warmed_up(), moved(standing(), step_px), 1.1)


def test_reset_starts_anew() -> None:
    pose_filter = _warmed_up()
    pose_filter.reset()
    assert _starts_anew(pose_filter, moved(standing(), 5.0), 1.0 + FRAME_S)


def test_a_keypoint_that_vanishes_comes_back_raw_and_starts_anew() -> None:
    pose_filter = _warmed_up()
    hidden = moved(standing(), 4.0)
    hidden[Joint.LEFT_ANKLE] = (900.0, 20.0, 0.29)
    smoothed = pose_filter.apply(hidden, SIZE, 1.0 + FRAME_S)
    np.testing.assert_array_equal(smoothed[Joint.LEFT_ANKLE], hidden[Joint.LEFT_ANKLE])
    assert (smoothed[Joint.LEFT_KNEE, 0]) < hidden[Joint.LEFT_KNEE, 0]

    seen_again = moved(standing(), 8.0)
    smoothed = pose_filter.apply(seen_again, SIZE, 1.0 + 2 * FRAME_S)
    np.testing.assert_array_equal(smoothed[Joint.LEFT_ANKLE], seen_again[Joint.LEFT_ANKLE])
    assert smoothed[Joint.LEFT_KNEE, 0] < seen_again[Joint.LEFT_KNEE, 0]

    smoothed = pose_filter.apply(moved(standing(), 12.0), SIZE, 1.0 + 3 * FRAME_S)
    assert seen_again[Joint.LEFT_ANKLE, 0] < smoothed[Joint.LEFT_ANKLE, 0]
    assert smoothed[Joint.LEFT_ANKLE, 0] < moved(standing(), 12.0)[Joint.LEFT_ANKLE, 0]


def test_nobody_seen_well_is_passed_through() -> None:
    pose_filter = _warmed_up()
    assert _starts_anew(pose_filter, moved(standing(score=0.1), 5.0), 1.0 + FRAME_S)
    assert _starts_anew(pose_filter, moved(standing(), 5.0), 1.0 + 2 * FRAME_S)


def test_a_change_of_resolution_does_not_disturb() -> None:
    steady, changing = PoseFilter(), PoseFilter()
    for number, keypoints in enumerate(shaky_walk(30)):
        factor = (1.0, 0.5, 2.0)[number % 3]
        resized = keypoints.copy()
        resized[:, :2] *= factor
        size = ImageSize(round(1000 * factor), round(500 * factor))
        expected = steady.apply(keypoints, SIZE, number * FRAME_S)
        smoothed = changing.apply(resized, size, number * FRAME_S)
        np.testing.assert_allclose(smoothed[:, :2] / factor, expected[:, :2], atol=1e-2)
