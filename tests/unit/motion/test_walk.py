"""The film of a man walking by, followed with Thunder on the crop around the last pose."""

from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from jointtrack_server.domain.crop import crop_around_pose
from jointtrack_server.domain.skeleton import BOTH_SIDES, Side
from jointtrack_server.domain.types import ImageSize, Keypoints, Measurement, MeasureOptions, Pose
from jointtrack_server.engines.catalogue import find_spec
from jointtrack_server.engines.openvino import OpenVinoEngine
from jointtrack_server.measurements import measure
from jointtrack_server.motion import (
    MotionRecorder,
    PoseFilter,
    SideSummary,
    SmoothingSettings,
    StreamSummary,
)
from jointtrack_server.pipeline.estimate import estimate
from jointtrack_server.pipeline.people import Search, find_people

FILM = Path(__file__).parents[2] / "data" / "walk_side.mp4"
FPS = 30
SIZE = ImageSize(1000, 550)
KNEE = MeasureOptions(("knee_flexion",))
FIRST, LAST = 34, 131
WHOLE_BODY_IN_VIEW = slice(FIRST, 121)

Frames = dict[int, Keypoints]
Curves = dict[Side, NDArray[np.float64]]


@pytest.fixture(scope="module")
def walk() -> Frames:
    """Keypoints by frame, from the first one in which he is found; f32, the same everywhere."""
    engine = OpenVinoEngine(precision="f32", streams=1, chosen="openvino for a test")
    thunder, finder = (
        engine.load(spec, spec.embedded_folder)
        for spec in (find_spec("movenet-thunder"), find_spec("movenet-multipose"))
    )
    poses: Frames = {}
    last: Keypoints | None = None
    with av.open(str(FILM)) as film:
        for number, frame in enumerate(film.decode(video=0)):
            picture = np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
            crop = crop_around_pose(last, SIZE) if last is not None else None
            if crop is not None:
                seen = estimate(picture, crop, thunder)
            else:
                seen = find_people(picture, Search(thunder, finder), thorough=False).found
            last = seen[0].keypoints if seen else None
            if last is not None:
                poses[number] = last
    return poses


def _smoothed(walk: Frames, strength: float) -> Frames:
    pose_filter = PoseFilter(SmoothingSettings.from_strength(strength))
    return {
        frame: pose_filter.apply(keypoints, SIZE, frame / FPS) for frame, keypoints in walk.items()
    }


def _knees(frames: Frames) -> dict[int, tuple[Measurement, ...]]:
    return {frame: measure(Pose(keypoints, SIZE), KNEE) for frame, keypoints in frames.items()}


def _curves(frames: Frames) -> Curves:
    knees = _knees(frames)
    curves = {side: np.full(LAST + 1, np.nan) for side in BOTH_SIDES}
    for frame, (knee,) in knees.items():
        for side, value in knee.sides.items():
            if value.value_deg is not None:
                curves[side][frame] = value.value_deg
    return {side: curve[WHOLE_BODY_IN_VIEW] for side, curve in curves.items()}


def _summary(frames: Frames) -> StreamSummary:
    recorder = MotionRecorder(KNEE.names, BOTH_SIDES)
    for frame, knees in _knees(frames).items():
        if frame >= FIRST:
            recorder.add_frame(frame, frame / FPS, [("1", knees)])
    return recorder.summary()


def _jitter(curve: NDArray[np.float64]) -> float:
    """Standard deviation of the second difference, degrees a frame squared."""
    return float(np.nanstd(np.diff(curve, n=2)))


def _lag_frames(raw: NDArray[np.float64], smoothed: NDArray[np.float64]) -> float:
    """By which shift the curves fit best, to a part of a frame by the parabola through the top."""
    shifts = range(-1, 7)
    fits = []
    for shift in shifts:
        before = raw[max(-shift, 0) : len(raw) - max(shift, 0)]
        after = smoothed[max(shift, 0) : len(smoothed) + min(shift, 0)]
        both = ~np.isnan(before) & ~np.isnan(after)
        fits.append(float(np.corrcoef(before[both], after[both])[0, 1]))
    best = int(np.argmax(fits))
    assert 0 < best < len(fits) - 1
    left, top, right = fits[best - 1 : best + 2]
    return shifts[best] + 0.5 * (left - right) / (left - 2 * top + right)


@pytest.mark.parametrize(
    ("strength", "most_jitter", "most_lag_frames"),
    [(0.0, 0.75, 0.6), (0.5, 0.5, 1.2), (1.0, 0.35, 4.0)],
)
def test_smoothing_calms_the_knees_and_hardly_lags(
    walk: Frames, strength: float, most_jitter: float, most_lag_frames: float
) -> None:
    raw, smoothed = _curves(walk), _curves(_smoothed(walk, strength))
    for side in BOTH_SIDES:
        assert _jitter(smoothed[side]) < most_jitter * _jitter(raw[side])
        assert _lag_frames(raw[side], smoothed[side]) < most_lag_frames


def _peak_frames(side: SideSummary) -> list[int]:
    return [repetition.peak.sequence_id for repetition in side.repetitions]


def test_the_swings_of_both_legs_are_counted(walk: Frames) -> None:
    """Swings end to end: left near frames 49, 86, 121, right near 68, 105.

    The right leg's swing near 33 begins before she is wholly in the picture.
    """
    (person,) = _summary(walk).people
    sides = person.measurements[0].sides
    np.testing.assert_allclose(_peak_frames(sides[Side.LEFT]), [49, 86, 121], atol=3)
    np.testing.assert_allclose(_peak_frames(sides[Side.RIGHT]), [68, 105], atol=3)
