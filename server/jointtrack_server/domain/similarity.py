"""How alike two poses are."""

import math

import numpy as np
from numpy.typing import NDArray

from jointtrack_server.domain.types import Keypoints

COCO_SIGMAS = np.array(
    [
        0.026,
        0.025,
        0.025,
        0.035,
        0.035,
        0.079,
        0.079,
        0.072,
        0.072,
        0.062,
        0.062,
        0.107,
        0.107,
        0.087,
        0.087,
        0.089,
        0.089,
    ],
    dtype=np.float64,
)
"""Spread of human labels per keypoint, as a share of the person's size (COCO evaluation)."""

_VARIANCES = (2.0 * COCO_SIGMAS) ** 2


def object_keypoint_similarity(a: Keypoints, b: Keypoints) -> float:
    """OKS of two poses, 0..1, over all 17 keypoints; the scale is the larger pose's box.

    OKS as COCO defines it: the mean of exp(-d² / (2 s² k²)) with k = 2 sigma and s² the area.
    """
    return float(np.add.reduce(keypoint_similarities(a, b))) / len(COCO_SIGMAS)


def keypoint_similarities(a: Keypoints, b: Keypoints) -> NDArray[np.float64]:
    """(17,) float64, 0..1: OKS' term of each keypoint."""
    apart = a[:, :2].astype(np.float64) - b[:, :2]
    squared = np.add.reduce(apart * apart, axis=1)
    area = max(math.prod(extent(a)), math.prod(extent(b)), 1.0)
    similarities: NDArray[np.float64] = np.exp(squared / (-2.0 * area * _VARIANCES))
    return similarities


def extent(keypoints: Keypoints) -> tuple[float, float]:
    """Width and height of the box around all 17 keypoints, in the unit of the coordinates."""
    width, height = (keypoints[:, :2].max(axis=0) - keypoints[:, :2].min(axis=0)).tolist()
    return width, height
