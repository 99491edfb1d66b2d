"""A synthetic clip of two real people, cut out of a picture, who walk past each other."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from tests.support.servers import DATA

WIDTH, HEIGHT = 900, 480
PERSON_HEIGHT = 400
_WOMAN = (slice(425, 985), slice(287, 556))
_MAN = (slice(209, 648), slice(145, 390))

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class CrossingFrame:
    """One frame, RGB, and where the middle of each person's cut-out is."""

    picture: Picture
    woman_x_px: float
    man_x_px: float


def crossing(frame_count: int) -> list[CrossingFrame]:
    """She goes from left to right, in front of him going from right to left."""
    source = _read("two_people.jpg")[:, :, ::-1]
    woman, man = (_scaled(source[cut]) for cut in (_WOMAN, _MAN))
    frames = []
    for progress in np.linspace(0.0, 1.0, frame_count):
        picture = np.full((HEIGHT, WIDTH, 3), 110, np.uint8)
        man_left = round((WIDTH - man.shape[1] - 20) * (1.0 - progress)) + 10
        woman_left = round((WIDTH - woman.shape[1] - 20) * progress) + 10
        _paste(picture, man, man_left, 45)
        _paste(picture, woman, woman_left, 55)
        frames.append(
            CrossingFrame(picture, woman_left + woman.shape[1] / 2, man_left + man.shape[1] / 2)
        )
    return frames


def _read(name: str) -> Picture:
    picture = cv2.imread(str(DATA / name))
    assert picture is not None
    return picture.astype(np.uint8)


def _scaled(picture: Picture) -> Picture:
    width = round(picture.shape[1] * PERSON_HEIGHT / picture.shape[0])
    return cv2.resize(np.ascontiguousarray(picture), (width, PERSON_HEIGHT)).astype(np.uint8)


def _paste(picture: Picture, cut_out: Picture, left: int, top: int) -> None:
    """With soft edges, so that the edge of the cut-out is not the strongest line."""
    height, width = cut_out.shape[:2]
    opacity = np.zeros((height, width), np.float32)
    opacity[14:-14, 14:-14] = 1.0
    soft = cv2.GaussianBlur(opacity, (0, 0), 7)[..., None]
    under = picture[top : top + height, left : left + width]
    under[:] = (under * (1.0 - soft) + cut_out * soft).astype(np.uint8)
