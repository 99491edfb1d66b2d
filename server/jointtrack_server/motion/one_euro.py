"""The One-Euro filter on a person's keypoints: steady at rest, quick in motion.

Casiez, Roussel, Vogel: 1 € Filter, CHI 2012. A low-pass filter whose cut-off rises with speed.
Keypoints are filtered relative to the trunk's centre, so that walking past the camera does not
count as speed of every joint; the centre is filtered by itself.
"""

import math
from dataclasses import dataclass

import numpy as np

from jointtrack_server.domain.similarity import keypoint_similarities
from jointtrack_server.domain.skeleton import JOINT_COUNT
from jointtrack_server.domain.types import (
    ImageSize,
    Keypoints,
    Point,
    columns,
    scaled,
    torso_centre,
)
from jointtrack_server.measurements.quality import MIN_KEYPOINT_SCORE

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
    """After one frame, which showed ``keypoints``.

    ``places`` are x and y of each joint relative to the trunk's centre, ``None`` where it was not
    seen, then those of the centre, in longer sides; ``speeds`` are theirs, in longer sides a
    second. Plain lists: see ``columns``.
    """

    time_s: float
    keypoints: Keypoints
    longer_side_px: float
    places: list[float | None]
    speeds: list[float]

    @property
    def centre(self) -> Point:
        x, y = self.places[-2:]
        assert x is not None
        assert y is not None
        return x, y


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
        if last is not None and _is_another_shot(last, keypoints, longer_side_px, time_s):
            last = None
        places = _places(keypoints, longer_side_px)
        smoothed = keypoints.astype(np.float32)
        if last is None:
            speeds = [0.0] * len(places)
            self._last = _State(time_s, keypoints, longer_side_px, places, speeds)
            return smoothed
        moved, speeds = self._moved(last, places, time_s - last.time_s)
        self._last = state = _State(time_s, keypoints, longer_side_px, moved, speeds)
        x, y = state.centre
        for joint in range(JOINT_COUNT):
            u, v = moved[2 * joint], moved[2 * joint + 1]
            if u is not None and v is not None and last.places[2 * joint] is not None:
                smoothed[joint, :2] = (u + x) * longer_side_px, (v + y) * longer_side_px
        return smoothed

    def _moved(
        self, last: _State, seen: list[float | None], elapsed_s: float
    ) -> tuple[list[float | None], list[float]]:
        """Places and speeds after the step from the last frame to what is seen now."""
        settings = self._settings
        speed_step = smoothing_step(settings.derivative_cutoff_hz, elapsed_s)
        betas = [settings.beta] * (2 * JOINT_COUNT) + [max(settings.beta, CENTRE_BETA)] * 2
        places: list[float | None] = []
        speeds: list[float] = []
        for before, now, speed, beta in zip(last.places, seen, last.speeds, betas, strict=True):
            if before is None or now is None:
                places.append(now)
                speeds.append(0.0)
                continue
            offset = now - before
            new_speed = speed + speed_step * (offset / elapsed_s - speed)
            cutoff_hz = settings.min_cutoff_hz + beta * abs(new_speed)
            places.append(before + smoothing_step(cutoff_hz, elapsed_s) * offset)
            speeds.append(new_speed)
        return places, speeds


def _places(keypoints: Keypoints, longer_side_px: float) -> list[float | None]:
    """As in ``_State``."""
    xs, ys, scores = columns(keypoints)
    x_px, y_px = torso_centre(xs, ys)
    places: list[float | None] = []
    for u_px, v_px, score in zip(xs, ys, scores, strict=True):
        if score >= MIN_KEYPOINT_SCORE:
            places += [(u_px - x_px) / longer_side_px, (v_px - y_px) / longer_side_px]
        else:
            places += [None, None]
    return [*places, x_px / longer_side_px, y_px / longer_side_px]


def _is_another_shot(
    last: _State, keypoints: Keypoints, longer_side_px: float, time_s: float
) -> bool:
    if not 0.0 < time_s - last.time_s <= MAX_GAP_S:
        return True
    before, scores = last.keypoints, keypoints[:, 2].tolist()
    if longer_side_px != last.longer_side_px:
        before = scaled(before, longer_side_px / last.longer_side_px)
    in_both = [
        similarity
        for similarity, score, x in zip(
            keypoint_similarities(before, keypoints), scores, last.places[:-2:2], strict=True
        )
        if x is not None and score >= MIN_KEYPOINT_SCORE
    ]
    return not in_both or sum(in_both) / len(in_both) < MIN_SAME_SHOT_SIMILARITY


def smoothing_step(cutoff_hz: float, elapsed_s: float) -> float:
    """Share of the way to the new value that a low-pass filter takes, 0..1 (the paper's alpha)."""
    turned = 2.0 * math.pi * cutoff_hz * elapsed_s
    return turned / (1.0 + turned)
