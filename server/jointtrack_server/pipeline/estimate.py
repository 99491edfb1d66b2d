"""The engine step: (picture, crop region, model) to poses in pixels. Stateless on purpose.

A thread, a process or another machine can do it, and do it again elsewhere when one dies.
"""

from dataclasses import dataclass

import numpy as np

from jointtrack_server.domain.crop import CropRegion
from jointtrack_server.domain.skeleton import JOINT_COUNT
from jointtrack_server.domain.types import Box, Keypoints, Picture, Point, mean_score
from jointtrack_server.engines.base import PoseModel
from jointtrack_server.imaging.crop import cut_crop

_POSE_LENGTH = 3 * JOINT_COUNT


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
    rows: list[list[float]] = output.reshape(len(output), -1).tolist()
    to_picture: list[list[float]] = crop.to_picture.tolist()
    candidates = [_candidate(row, to_picture) for row in rows]
    return tuple(sorted(candidates, key=lambda candidate: -candidate.prominence))


def _candidate(row: list[float], to_picture: list[list[float]]) -> Candidate:
    """A row of 17 x (y, x, score), as TensorFlow Hub documents MoveNet's output.

    MultiPose adds ymin, xmin, ymax, xmax and the person's score. For so few numbers Python takes
    half of numpy's time (docs/performance.md).
    """
    scores = row[2:_POSE_LENGTH:3]
    points = _applied(to_picture, row[1:_POSE_LENGTH:3], row[:_POSE_LENGTH:3])
    if len(row) == _POSE_LENGTH:
        corners, score = points, sum(scores) / JOINT_COUNT
    else:
        y_min, x_min, y_max, x_max, score = row[_POSE_LENGTH:]
        corners = _applied(to_picture, [x_min, x_max, x_min, x_max], [y_min, y_min, y_max, y_max])
    keypoints = np.array([(*p, s) for p, s in zip(points, scores, strict=True)], np.float32)
    return Candidate(keypoints, Box.around(corners), score)


def _applied(to_picture: list[list[float]], us: list[float], vs: list[float]) -> list[Point]:
    (a, b, c), (d, e, f) = to_picture
    return [(a * u + b * v + c, d * u + e * v + f) for u, v in zip(us, vs, strict=True)]
