"""Words in a picture and the ground they stand on, in the typeface that matplotlib has."""

from functools import lru_cache

import cv2
import numpy as np
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextPath
from numpy.typing import NDArray

from jointtrack_server.domain.types import Picture
from jointtrack_server.imaging import palette
from jointtrack_server.imaging.palette import Colour

Coverage = NDArray[np.float32]
"""(height_px, width_px, 1) float32, 0..1."""

FONT = FontProperties(family="DejaVu Sans")
OVERSAMPLING = 4
"""Letters are filled this much larger and shrunk, which smooths their edges."""

ASCENT, DESCENT = 0.95, 0.25
"""Above and below the base line, as a share of the font size."""

CACHED_TEXTS = 1024


def draw_text(
    picture: Picture, text: str, start: tuple[int, int], font_px: float, colour: Colour
) -> None:
    """Writes onto ``picture``, (height_px, width_px, 3) uint8 RGB; what lies outside is cut off.

    ``start``: x_px and y_px of the base line's left end.
    """
    left_px, base_px = start
    cover = _coverage(text, font_px)
    top_px = base_px - round(ASCENT * font_px)
    height, width = picture.shape[:2]
    rows = slice(max(top_px, 0), min(top_px + cover.shape[0], height))
    columns = slice(max(left_px, 0), min(left_px + cover.shape[1], width))
    if rows.start >= rows.stop or columns.start >= columns.stop:
        return
    share = cover[
        rows.start - top_px : rows.stop - top_px, columns.start - left_px : columns.stop - left_px
    ]
    below = picture[rows, columns].astype(np.float32)
    mixed = below + (np.asarray(colour, np.float32) - below) * share
    picture[rows, columns] = np.rint(mixed).astype(np.uint8)


def draw_ground(picture: Picture, left_px: int, top_px: int, width_px: int, height_px: int) -> None:
    """Darkens a rectangle of ``picture``, for light text to stand on."""
    rows = slice(max(top_px, 0), max(top_px + height_px, 0))
    columns = slice(max(left_px, 0), max(left_px + width_px, 0))
    region = picture[rows, columns]
    ground = np.asarray(palette.LABEL_GROUND, np.float32)
    region[:] = np.rint(region + (ground - region) * np.float32(palette.LABEL_OPACITY))


def text_width_px(text: str, font_px: float) -> int:
    return len(_coverage(text, font_px)[0])


@lru_cache(CACHED_TEXTS)
def _coverage(text: str, font_px: float) -> Coverage:
    """How much of each pixel the letters cover."""
    size = font_px * OVERSAMPLING
    path = TextPath((0.0, 0.0), text, size=size, prop=FONT)
    baseline = np.array([0.0, ASCENT * size])
    outlines = [
        np.rint(np.asarray(line, np.float64) * (1.0, -1.0) + baseline).astype(np.int32)
        for line in path.to_polygons()
    ]
    width_px = max((int(line[:, 0].max()) for line in outlines), default=0) // OVERSAMPLING + 1
    height_px = round((ASCENT + DESCENT) * font_px)
    mask = np.zeros((height_px * OVERSAMPLING, width_px * OVERSAMPLING), np.uint8)
    cv2.fillPoly(mask, outlines, (255,))
    shrunk = cv2.resize(mask, (width_px, height_px), interpolation=cv2.INTER_AREA)
    return shrunk[:, :, None].astype(np.float32) / np.float32(255.0)
