"""The One-Euro filter on a person's keypoints: steady at rest, quick in motion.

Casiez, Roussel, Vogel: 1 € Filter, CHI 2012. A low-pass filter whose cut-off rises with speed.
Keypoints are filtered relative to the trunk's centre, so that walking past the camera does not
count as speed of every joint; the centre is filtered by itself.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from jointtrack_server.domain.similarity import keypoint_similarities
from jointtrack_server.domain.skeleton import JOINT_COUNT, TORSO
from jointtrack_server.domain.types import ImageSize, Keypoints
from jointtrack_server.measurements.quality import MIN_KEYPOINT_SCORE

POINT_COUNT = JOINT_COUNT + 1
"""The joints and the trunk's centre."""


Points = NDArray[np.float64]
"""(18, 2)"""

_Cutoff = TypeVar("_Cutoff", float, NDArray[np.float64])

MAX_GAP_S = 0.5
"""After a longer time without a frame of this person the filter starts anew (our choice)."""

MIN_SAME_SHOT_SIMILARITY = 0.1
"""OKS with the previous pose under which the film was cut (our choice).

In tests/data/walk_side.mp4, a brisk walk across the picture, neighbouring frames have at least 0.73
at 30 frames a second, 0.39 at 10 and 0.22 at 5.
"""

CENTRE_BETA = 60.0
"""Of the trunk's centre, where a lag would shift the whole figure."""

STRENGTH_SPAN = 4.0
"""How many times the cut-off is higher at strength 0, and lower at strength 1, than at 0.5."""


@dataclass(frozen=True, slots=True)
class SmoothingSettings:
    """The filter's parameters, for coordinates divided by the picture's longer side.

    The cut-off frequency is ``min_cutoff_hz + beta * |speed|``, with the speed in longer sides a
    second; ``derivative_cutoff_hz`` is the cut-off for the speed itself, the paper's. The default
    halves the second difference of the knee angles in a filmed walk, at a lag under one frame
    (docs/motion.md).
    """

    min_cutoff_hz: float = 2.5
    beta: float = 3.0
    derivative_cutoff_hz: float = 1.0

    @classmethod
    def from_strength(cls, strength: float) -> "SmoothingSettings":
        """The default at 0.5, following nearly everything at 0, the steadiest at 1.

        The whole cut-off is scaled by 4 ** (1 - 2 * strength), so by 4 at 0 and by 1/4 at 1.
        Raises ValueError outside 0..1.
        """
        if not 0.0 <= strength <= 1.0:
            raise ValueError(f"strength is {strength}, it must be 0..1")
        factor = STRENGTH_SPAN ** (1.0 - 2.0 * strength)
        return cls(min_cutoff_hz=cls().min_cutoff_hz * factor, beta=cls().beta * factor)


@dataclass(frozen=True, slots=True, eq=False)
class _State:
    """After one frame; in longer sides, speeds in longer sides a second.

    Rows are the joints relative to the trunk's centre, then the centre itself. ``shown`` is what
    the frame showed, (17, 3).
    """

    time_s: float
    shown: Keypoints
    known: NDArray[np.bool_]
    points: Points
    speeds: Points


class PoseFilter:
    """Smooths one person's keypoints from frame to frame; one filter for each person followed."""

    def __init__(self, settings: SmoothingSettings | None = None) -> None:
        self._settings = settings or SmoothingSettings()
        self._last: _State | None = None

    def reset(self) -> None:
        """Forgets the person: the next frame comes back as it is."""
        self._last = None

    def apply(self, keypoints: Keypoints, image_size: ImageSize, time_s: float) -> Keypoints:
        """The keypoints smoothed, (17, 3) float32; scores unchanged, ``keypoints`` not written to.

        ``time_s`` is the frame's capture time. A keypoint scored below 0.3 comes back as it is and
        is forgotten: it starts anew when it is seen again. All start anew after more than 0.5 s,
        when time does not increase, and where the pose has next to nothing in common with the last
        one: a cut in the film.
        """
        longer_side_px = float(max(image_size.width_px, image_size.height_px))
        last = self._last
        if last is None or self._starts_anew(last, keypoints, longer_side_px, time_s):
            last = _nothing_known(time_s)
        points = keypoints[:, :2].astype(np.float64) / longer_side_px
        centre = points[TORSO].mean(axis=0)
        visible = np.append(keypoints[:, 2] >= MIN_KEYPOINT_SCORE, True)
        self._last = state = self._step(last, np.vstack([points - centre, centre]), visible, time_s)
        state.shown[:, :2] = points
        state.shown[:, 2] = keypoints[:, 2]
        smoothed = keypoints.astype(np.float32)
        joints = (visible & last.known)[:JOINT_COUNT]
        relative, smooth_centre = state.points[:JOINT_COUNT], state.points[JOINT_COUNT]
        smoothed[joints, :2] = (relative[joints] + smooth_centre) * longer_side_px
        return smoothed

    def _starts_anew(
        self, last: _State, keypoints: Keypoints, longer_side_px: float, time_s: float
    ) -> bool:
        if not 0.0 < time_s - last.time_s <= MAX_GAP_S:
            return True
        in_both = last.known[:JOINT_COUNT] & (keypoints[:, 2] >= MIN_KEYPOINT_SCORE)
        if not in_both.any():
            return True
        before = last.shown.copy()
        before[:, :2] *= longer_side_px
        similarity = float(keypoint_similarities(before, keypoints)[in_both].mean())
        return similarity < MIN_SAME_SHOT_SIMILARITY

    def _step(
        self, last: _State, seen: Points, visible: NDArray[np.bool_], time_s: float
    ) -> _State:
        settings, elapsed_s = self._settings, time_s - last.time_s
        points, speeds = seen.copy(), np.zeros_like(seen)
        goes_on = visible & last.known
        if goes_on.any():
            offset = points[goes_on] - last.points[goes_on]
            speed = last.speeds[goes_on]
            step = smoothing_step(settings.derivative_cutoff_hz, elapsed_s)
            speed = speed + step * (offset / elapsed_s - speed)
            beta = np.full((POINT_COUNT, 1), settings.beta)
            beta[JOINT_COUNT] = max(settings.beta, CENTRE_BETA)
            cutoff_hz = settings.min_cutoff_hz + beta[goes_on] * np.abs(speed)
            points[goes_on] = last.points[goes_on] + smoothing_step(cutoff_hz, elapsed_s) * offset
            speeds[goes_on] = speed
        return _State(time_s, np.zeros((JOINT_COUNT, 3), np.float32), visible, points, speeds)


def smoothing_step(cutoff_hz: _Cutoff, elapsed_s: float) -> _Cutoff:
    """Share of the way to the new value that a low-pass filter takes, 0..1 (the paper's alpha)."""
    turned = 2.0 * np.pi * cutoff_hz * elapsed_s
    return turned / (1.0 + turned)


def _nothing_known(time_s: float) -> _State:
    return _State(
        time_s,
        np.zeros((JOINT_COUNT, 3), np.float32),
        np.zeros(POINT_COUNT, np.bool_),
        np.zeros((POINT_COUNT, 2)),
        np.zeros((POINT_COUNT, 2)),
    )
