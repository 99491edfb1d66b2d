"""The engine step: (picture, crop region, model) to poses in pixels. Stateless on purpose.

A thread, a process or another machine can do it, and do it again elsewhere when one dies.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jointtrack_server.domain.crop import CropRegion
from jointtrack_server.domain.skeleton import JOINT_COUNT
from jointtrack_server.domain.types import Box, Keypoints, Picture, mean_score
from jointtrack_server.engines.base import PoseModel
from jointtrack_server.imaging.crop import cut_crop


@dataclass(frozen=True, slots=True, eq=False)
class Candidate:
    """A pose the model sees, in pixels of the picture it looked at; ``score`` is 0..1."""

    keypoints: Keypoints
    box: Box
    score: float

    @property
    def prominence(self) -> float:
        """Box area times score: how much this is the person the picture is of."""
        return self.box.area_px * self.score

    @property
    def mean_score(self) -> float:
        """Mean of the 17 keypoint scores, 0..1."""
        return mean_score(self.keypoints)


def estimate(picture: Picture, region: CropRegion, model: PoseModel) -> tuple[Candidate, ...]:
    """What the model sees in the region, the most prominent first.

    Single-pose models always give one candidate, MultiPose up to six.
    """
    crop = cut_crop(picture, region, model.spec.input_size_px)
    output = model.infer(crop.pixels)
    rows = output.reshape(len(output), -1)
    candidates = [_candidate(row, crop.to_picture) for row in rows]
    return tuple(sorted(candidates, key=lambda candidate: -candidate.prominence))


def _candidate(row: NDArray[np.float32], to_picture: NDArray[np.float64]) -> Candidate:
    """A row of 17 x (y, x, score), as TensorFlow Hub documents MoveNet's output.

    MultiPose adds ymin, xmin, ymax, xmax and the person's score.
    """
    y_x_score = row[: 3 * JOINT_COUNT].reshape(JOINT_COUNT, 3)
    keypoints = np.empty((JOINT_COUNT, 3), np.float32)
    keypoints[:, :2] = _applied(to_picture, y_x_score[:, 1::-1])
    keypoints[:, 2] = y_x_score[:, 2]
    if len(row) == 3 * JOINT_COUNT:
        corners = keypoints[:, :2].astype(np.float64)
        score = mean_score(keypoints)
    else:
        y_min, x_min, y_max, x_max, score = row[3 * JOINT_COUNT :].tolist()
        corners = _applied(
            to_picture, np.array([[x_min, y_min], [x_max, y_min], [x_min, y_max], [x_max, y_max]])
        )
    (left, top), (right, bottom) = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    return Candidate(keypoints, Box(left, top, right, bottom), score)


def _applied(
    to_picture: NDArray[np.float64], fractions: NDArray[np.floating]
) -> NDArray[np.float64]:
    points: NDArray[np.float64] = fractions.astype(np.float64) @ to_picture[:, :2].T
    return points + to_picture[:, 2]
