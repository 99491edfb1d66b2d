"""How far bf16 is from f32 on real pictures: the price of the faster arithmetic."""

from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np

from jointtrack_server.domain.types import ImageSize, MeasureOptions, Picture, Pose
from jointtrack_server.engines.catalogue import find_spec
from jointtrack_server.measurements import MEASUREMENTS, measure
from jointtrack_server.measurements.quality import MIN_KEYPOINT_SCORE
from jointtrack_server.pipeline.models import LoadedModels, load_models
from jointtrack_server.pipeline.people import Search, find_people
from jointtrack_server.settings import Settings

DATA = Path(__file__).parents[1] / "tests" / "data"
PHOTOS = ("arms_out_front.jpg", "two_people.jpg", "walk_side.jpg")
FRAMES = range(32, 128, 4)
"""Of the film: while the walker is in view."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Medians over joints scored at least 0.3 by both, and over angles that both give."""

    pictures: int
    keypoints_percent: float
    """Distance as a share of the picture's longer side."""
    angles_deg: float
    angles: int


def compare() -> Difference | None:
    """bf16 against f32 on the default chain; ``None`` where the CPU has no bf16."""
    cv2.setNumThreads(1)
    fast = load_models(Settings(solo_threads=1))
    if fast.engine.precision != "bf16":
        return None
    exact = load_models(Settings(solo_threads=1, precision="f32"))
    shifts, turns, pictures = [], [], 0
    for picture in _pictures():
        poses = [_pose(picture, models) for models in (exact, fast)]
        if poses[0] is None or poses[1] is None:
            continue
        pictures += 1
        shifts += _shifts(poses[0], poses[1])
        turns += _turns(poses[0], poses[1])
    return Difference(pictures, float(np.median(shifts)), float(np.median(turns)), len(turns))


def _pictures() -> list[Picture]:
    photos = [cv2.imread(str(DATA / name), cv2.IMREAD_COLOR_RGB) for name in PHOTOS]
    with av.open(str(DATA / "walk_side.mp4")) as film:
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    return [np.asarray(one, np.uint8) for one in (*photos, *(frames[i] for i in FRAMES))]


def _pose(picture: Picture, models: LoadedModels) -> Pose | None:
    found = find_people(picture, Search(models.models[find_spec()], models.finder)).found
    return Pose(found[0].keypoints, ImageSize.of(picture)) if found else None


def _shifts(a: Pose, b: Pose) -> list[float]:
    longer_side_px = max(a.image_size.width_px, a.image_size.height_px)
    sure = (a.keypoints[:, 2] >= MIN_KEYPOINT_SCORE) & (b.keypoints[:, 2] >= MIN_KEYPOINT_SCORE)
    apart = np.linalg.norm(a.keypoints[sure, :2] - b.keypoints[sure, :2], axis=1)
    return [float(one) for one in 100.0 * apart / longer_side_px]


def _turns(a: Pose, b: Pose) -> list[float]:
    options = MeasureOptions(names=tuple(MEASUREMENTS))
    pairs = (
        (one.sides[side].value_deg, other.sides[side].value_deg)
        for one, other in zip(measure(a, options), measure(b, options), strict=True)
        for side in one.sides
    )
    return [abs(x - y) for x, y in pairs if x is not None and y is not None]
