"""Cuts a crop region out of a picture, at the size a model takes."""

from typing import cast

import cv2

from jointtrack_server.domain.crop import CropRegion
from jointtrack_server.domain.types import Picture


def cut_crop(picture: Picture, region: CropRegion, size_px: int) -> Picture:
    """(size_px, size_px, 3) uint8: the region, not stretched, black beyond the picture's edges."""
    to_picture = region.to_picture()
    to_picture[:, :2] /= size_px
    # Pixel i's centre lies at i + 0.5 on both sides.
    to_picture[:, 2] += to_picture[:, :2].sum(axis=1) / 2.0 - 0.5
    return cast(
        Picture,
        cv2.warpAffine(
            picture, to_picture, (size_px, size_px), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        ),
    )
