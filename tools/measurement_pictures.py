"""One picture for each measurement: a sample photo where one shows it, else a drawn figure."""

from pathlib import Path

import numpy as np

from jointtrack_server.domain.skeleton import Joint, Side
from jointtrack_server.domain.types import ImageSize, MeasureOptions, Picture, Pose
from jointtrack_server.engines.catalogue import find_spec
from jointtrack_server.imaging.decode import ImageLimits, decode_file
from jointtrack_server.imaging.encode import encode_jpeg
from jointtrack_server.imaging.overlay import draw_overlay
from jointtrack_server.measurements import MEASUREMENTS, measure
from jointtrack_server.pipeline.models import load_models
from jointtrack_server.pipeline.people import Search, find_people
from jointtrack_server.settings import Settings
from tests.support.vectors import VECTORS
from tools.figures import draw_figure

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs" / "images" / "measurements"

PHOTOS = {"shoulder_abduction": "arms_out_front", "knee_flexion": "walk_side"}
"""The sample that shows it; the golden vector <name>-2 poses the figure of each other."""

SIDE_PX = 480
MARGIN = 0.16
"""Around a figure, as a share of the picture."""

HEAD_AND_TRUNK = (*list(Joint)[: Joint.RIGHT_SHOULDER + 1], Joint.LEFT_HIP, Joint.RIGHT_HIP)


def draw_all() -> None:
    """Writes the pictures."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in MEASUREMENTS:
        picture, pose = _photo(PHOTOS[name]) if name in PHOTOS else _figure(name)
        (measured,) = measure(pose, MeasureOptions((name,)))
        drawn = encode_jpeg(draw_overlay(picture, measured))
        (FOLDER / f"{name}.jpg").write_bytes(drawn.data)


def _photo(sample: str) -> tuple[Picture, Pose]:
    models = load_models(Settings())
    data = (ROOT / "tests" / "data" / f"{sample}.jpg").read_bytes()
    picture = decode_file(data, ImageLimits(len(data), 1 << 30))
    search = Search(models.models[find_spec()], models.finder)
    person = find_people(picture.pixels, search).found[0]
    return picture.pixels, Pose(person.keypoints, picture.size)


def _figure(name: str) -> tuple[Picture, Pose]:
    vector = VECTORS[f"{name}-2"]
    is_head = MEASUREMENTS[name].body_part == "neck"
    pose = framed(vector.pose, HEAD_AND_TRUNK if is_head else tuple(Joint))
    near = None if vector.facing is None else Side(vector.facing)
    return draw_figure(pose, near), pose


def framed(pose: Pose, joints: tuple[Joint, ...]) -> Pose:
    """The pose moved and scaled so that the joints fill a square picture."""
    keypoints = pose.keypoints.copy()
    points = keypoints[list(joints), :2]
    low, high = points.min(axis=0), points.max(axis=0)
    scale = (1 - 2 * MARGIN) * SIDE_PX / float(np.max(high - low))
    keypoints[:, :2] = (keypoints[:, :2] - (low + high) / 2) * scale + SIDE_PX / 2
    return Pose(keypoints, ImageSize(SIDE_PX, SIDE_PX))


if __name__ == "__main__":
    draw_all()
