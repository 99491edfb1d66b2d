"""The One-Euro filter on a person's keypoints: steady at rest, quick in motion.

Casiez, Roussel, Vogel: 1 € Filter, CHI 2012. A low-pass filter whose cut-off rises with speed.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from jointtrack_server.domain.similarity import keypoint_similarities
from jointtrack_server.domain.skeleton import JOINT_COUNT
from jointtrack_server.domain.types import ImageSize, Keypoints
from jointtrack_server.measurements.quality import MIN_KEYPOINT_SCORE

_Cutoff = TypeVar("_Cutoff", float, NDArray[np.float64])

MAX_GAP_S = 0.5
"""After a longer time without a frame of this person the filter starts anew (our choice)."""

MIN_SAME_SHOT_SIMILARITY = 0.1
"""OKS with the previous pose under which the film was cut (our choice).

In tests/data/walk_side.mp4, a brisk walk across the picture, neighbouring frames have at least 0.73
at 30 frames a second, 0.39 at 10 and 0.22 at 5.
"""

STRENGTH_SPAN = 4.0
"""How many times the cut-off is higher at strength 0, and lower at strength 1, than at 0.5."""


@dataclass(frozen=True, slots=True)
class SmoothingSettings:
    """The filter's parameters, for coordinates divided by the picture's longer side.

    The cut-off frequency is ``min_cutoff_hz + beta * |speed|``, with the speed in longer sides a
    second; ``derivative_cutoff_hz`` is the cut-off for the speed itself. The default is the best
    found on a film with reference angles; the derivative's is the paper's.
    """

    min_cutoff_hz: float = 3.0
    beta: float = 60.0
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
    """After one frame; points are in longer sides, speeds in longer sides a second."""

    time_s: float
    seen: Keypoints
    known: NDArray[np.bool_]
    points: NDArray[np.float64]
    speeds: NDArray[np.float64]


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
        seen = keypoints.astype(np.float64)
        seen[:, :2] /= longer_side_px
        last = self._last
        if last is None or self._starts_anew(last, keypoints, longer_side_px, time_s):
            last = _nothing_known(time_s)
        self._last = state = self._step(last, seen, time_s)
        smoothed = keypoints.astype(np.float32)
        smoothed[state.known, :2] = state.points[state.known] * longer_side_px
        return smoothed

    def _starts_anew(
        self, last: _State, keypoints: Keypoints, longer_side_px: float, time_s: float
    ) -> bool:
        if not 0.0 < time_s - last.time_s <= MAX_GAP_S:
            return True
        in_both = last.known & (keypoints[:, 2] >= MIN_KEYPOINT_SCORE)
        if not in_both.any():
            return True
        before = last.seen.copy()
        before[:, :2] *= longer_side_px
        similarity = float(keypoint_similarities(before, keypoints)[in_both].mean())
        return similarity < MIN_SAME_SHOT_SIMILARITY

    def _step(self, last: _State, seen: NDArray[np.float64], time_s: float) -> _State:
        settings, elapsed_s = self._settings, time_s - last.time_s
        visible = seen[:, 2] >= MIN_KEYPOINT_SCORE
        points, speeds = seen[:, :2].copy(), np.zeros((JOINT_COUNT, 2))
        goes_on = visible & last.known
        if goes_on.any():
            offset = points[goes_on] - last.points[goes_on]
            speed = last.speeds[goes_on]
            step = smoothing_step(settings.derivative_cutoff_hz, elapsed_s)
            speed = speed + step * (offset / elapsed_s - speed)
            cutoff_hz = settings.min_cutoff_hz + settings.beta * np.abs(speed)
            points[goes_on] = last.points[goes_on] + smoothing_step(cutoff_hz, elapsed_s) * offset
            speeds[goes_on] = speed
        return _State(time_s, seen.astype(np.float32), visible, points, speeds)


def smoothing_step(cutoff_hz: _Cutoff, elapsed_s: float) -> _Cutoff:
    """Share of the way to the new value that a low-pass filter takes, 0..1 (the paper's alpha)."""
    turned = 2.0 * np.pi * cutoff_hz * elapsed_s
    return turned / (1.0 + turned)


def _nothing_known(time_s: float) -> _State:
    return _State(
        time_s,
        np.zeros((JOINT_COUNT, 3), np.float32),
        np.zeros(JOINT_COUNT, np.bool_),
        np.zeros((JOINT_COUNT, 2)),
        np.zeros((JOINT_COUNT, 2)),
    )
