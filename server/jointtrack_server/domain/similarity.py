"""How alike two poses are."""

import math

from jointtrack_server.domain.types import Keypoints, columns

COCO_SIGMAS = (
    *(0.026, 0.025, 0.025, 0.035, 0.035),
    *(0.079, 0.079, 0.072, 0.072, 0.062, 0.062),
    *(0.107, 0.107, 0.087, 0.087, 0.089, 0.089),
)
"""Spread of human labels per keypoint, as a share of the person's size (COCO evaluation)."""

_VARIANCES = [(2.0 * sigma) ** 2 for sigma in COCO_SIGMAS]


def object_keypoint_similarity(a: Keypoints, b: Keypoints) -> float:
    """OKS of two poses, 0..1, over all 17 keypoints; the scale is the larger pose's box.

    OKS as COCO defines it: the mean of exp(-d² / (2 s² k²)) with k = 2 sigma and s² the area.
    """
    return sum(keypoint_similarities(a, b)) / len(COCO_SIGMAS)


def keypoint_similarities(a: Keypoints, b: Keypoints) -> list[float]:
    """OKS' term of each of the 17 keypoints, 0..1."""
    ax, ay, _ = columns(a)
    bx, by, _ = columns(b)
    area = max(_area(ax, ay), _area(bx, by), 1.0)
    return [
        math.exp(((x - u) ** 2 + (y - v) ** 2) / (-2.0 * area * variance))
        for x, y, u, v, variance in zip(ax, ay, bx, by, _VARIANCES, strict=True)
    ]


def _area(xs: list[float], ys: list[float]) -> float:
    """Of the box around all 17 keypoints."""
    return (max(xs) - min(xs)) * (max(ys) - min(ys))
