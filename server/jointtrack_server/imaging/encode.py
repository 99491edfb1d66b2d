"""RGB pixels to a picture file."""

from dataclasses import dataclass

import cv2

from jointtrack_server.domain.types import ImageSize, Picture

JPEG_QUALITY = 92
"""High enough that drawn lines and labels keep clean edges."""


@dataclass(frozen=True, slots=True)
class EncodedPicture:
    """A JPEG file without EXIF, and the size of the picture in it."""

    data: bytes
    size: ImageSize
    media_type: str = "image/jpeg"


def encode_jpeg(pixels: Picture) -> EncodedPicture:
    """Encodes (height, width, 3) uint8 RGB."""
    _, data = cv2.imencode(
        ".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    )
    return EncodedPicture(data.tobytes(), ImageSize.of(pixels))
