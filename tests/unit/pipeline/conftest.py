"""The real models, loaded once, and real pictures."""

from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from jointtrack_server.domain.types import Picture
from jointtrack_server.engines.catalogue import find_spec
from jointtrack_server.imaging.decode import ImageLimits, decode_file
from jointtrack_server.pipeline.models import LoadedModels, load_models
from jointtrack_server.pipeline.people import Search
from jointtrack_server.settings import Settings

DATA = Path(__file__).parents[2] / "data"


def load_picture(name: str) -> Picture:
    return decode_file((DATA / name).read_bytes(), ImageLimits(32 << 20, 64_000_000)).pixels


@pytest.fixture(scope="session")
def models() -> Iterator[LoadedModels]:
    """f32, so that scores are the same on every machine."""
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield load_models(Settings(precision="f32"))
    cv2.setNumThreads(threads)


@pytest.fixture(scope="session")
def search(models: LoadedModels) -> Search:
    """The default: MultiPose finds, Thunder looks closely, one person."""
    return Search(models.models[find_spec("", "")], models.finder)


@pytest.fixture(scope="session")
def arms_out() -> Picture:
    """A man with his arms out in the middle, a woman behind his left hand."""
    return load_picture("arms_out_front.jpg")


@pytest.fixture(scope="session")
def two_people() -> Picture:
    """A woman from behind, a man behind her, somebody else small at the left edge."""
    return load_picture("two_people.jpg")


@pytest.fixture(scope="session")
def empty_scene() -> list[Picture]:
    """Walls, grass and trees; in later frames of the film a man walks through."""
    with av.open(str(DATA / "walk_side.mp4")) as film:
        frames = [
            np.asarray(frame.to_ndarray(format="rgb24"), np.uint8)
            for frame, _ in zip(film.decode(video=0), range(21), strict=False)
        ]
    return frames[::5]
