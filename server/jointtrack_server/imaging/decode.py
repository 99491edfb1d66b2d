"""A picture file, or raw pixels, to upright RGB. Limits are checked before a pixel is decoded."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from jointtrack_server.domain.types import ImageSize, Picture
from jointtrack_server.errors import JointTrackError, Reason
from jointtrack_server.imaging.header import ImageHeader, read_header
from jointtrack_server.imaging.png import only_pixels

_REDUCED_FLAGS = {
    1: 0,
    2: cv2.IMREAD_REDUCED_GRAYSCALE_2,
    4: cv2.IMREAD_REDUCED_GRAYSCALE_4,
    8: cv2.IMREAD_REDUCED_GRAYSCALE_8,
}

_REDUCIBLE_FORMATS = frozenset({"JPEG"})
_WHITE = 255
_BAND_ROWS = 256

MAX_SIDE_PX = 32_766
"""Longest side taken in: OpenCV 4's ``warpAffine`` takes no more, and a JPEG 65500."""


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """Largest picture taken in: bytes of the file, and width times height."""

    max_bytes: int
    max_pixels: int


class PixelFormat(Enum):
    """How raw bytes are laid out; the value is the number of bytes a pixel."""

    RGB24 = (3, None)
    BGR24 = (3, cv2.COLOR_BGR2RGB)
    GRAY8 = (1, cv2.COLOR_GRAY2RGB)

    def __init__(self, channels: int, to_rgb: int | None) -> None:
        self.channels = channels
        self.to_rgb = to_rgb


@dataclass(frozen=True, slots=True)
class RawImage:
    """Upright pixels as they lie in memory; ``row_stride_bytes`` 0 means packed rows."""

    data: bytes
    width_px: int
    height_px: int
    pixel_format: PixelFormat
    row_stride_bytes: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class DecodedPicture:
    """Upright RGB pixels; ``size`` is the original's, which a reduced decode is smaller than.

    ``scale`` is original pixels per decoded pixel: 1, 2, 4 or 8. ``upright_jpeg`` is the file, if
    it is a JPEG that needs no turning.
    """

    pixels: Picture
    size: ImageSize
    scale: int = 1
    upright_jpeg: bytes | None = None


def decode_file(
    data: bytes, limits: ImageLimits, *, min_long_side_px: int | None = None
) -> DecodedPicture:
    """Decodes a JPEG, PNG, WebP or BMP file to upright RGB.

    Transparent parts become white; 16-bit, CMYK and greyscale become 8-bit RGB. Of an animation the
    first frame is taken. One grey level marked as transparent in a PNG without an alpha channel
    keeps its grey. With ``min_long_side_px`` a JPEG is decoded at 1/2, 1/4 or 1/8 if that leaves so
    much of its longer side.
    Raises JointTrackError: MISSING_IMAGE, IMAGE_TOO_LARGE, UNSUPPORTED_IMAGE_FORMAT, INVALID_IMAGE.
    """
    if len(data) > limits.max_bytes:
        raise JointTrackError(
            Reason.IMAGE_TOO_LARGE,
            f"The image has {len(data)} bytes, the limit is {limits.max_bytes}. "
            "Send a smaller file.",
            field="image",
            metadata={"bytes": len(data), "max_bytes": limits.max_bytes},
        )
    header = read_header(data)
    _check_size(header.width_px, header.height_px, limits)
    scale = 1
    if min_long_side_px is not None and header.format in _REDUCIBLE_FORMATS:
        scale = _reduction(max(header.width_px, header.height_px), min_long_side_px)
    pixels = _UPRIGHT[header.orientation](_decode(data, header, scale))
    upright_jpeg = data if header.format == "JPEG" and header.orientation == 1 else None
    return DecodedPicture(pixels, ImageSize(*header.upright_size), scale, upright_jpeg)


def decode_raw(raw: RawImage, limits: ImageLimits) -> DecodedPicture:
    """Views raw pixels as RGB; RGB24 is not copied.

    Raises JointTrackError: IMAGE_TOO_LARGE, INVALID_IMAGE if the bytes do not fill the size.
    """
    if raw.width_px < 1 or raw.height_px < 1:
        raise _invalid_raw(
            f"width_px and height_px must be 1 or more, got {raw.width_px}x{raw.height_px}"
        )
    _check_size(raw.width_px, raw.height_px, limits)
    row_bytes = raw.width_px * raw.pixel_format.channels
    stride = raw.row_stride_bytes or row_bytes
    if stride < row_bytes:
        raise _invalid_raw(f"row_stride_bytes is {stride}, a row needs {row_bytes}")
    needed = stride * (raw.height_px - 1) + row_bytes
    if len(raw.data) < needed:
        raise _invalid_raw(f"it has {len(raw.data)} bytes, {needed} are needed")
    pixels = np.ndarray(
        (raw.height_px, raw.width_px, raw.pixel_format.channels),
        np.uint8,
        raw.data,
        strides=(stride, raw.pixel_format.channels, 1),
    )
    if raw.pixel_format.to_rgb is not None:
        pixels = cast(Picture, cv2.cvtColor(pixels, raw.pixel_format.to_rgb))
    return DecodedPicture(pixels, ImageSize(raw.width_px, raw.height_px))


def _check_size(width_px: int, height_px: int, limits: ImageLimits) -> None:
    if width_px * height_px > limits.max_pixels:
        raise JointTrackError(
            Reason.IMAGE_TOO_LARGE,
            f"The image has {width_px}x{height_px} = {width_px * height_px} pixels, "
            f"the limit is {limits.max_pixels}. Send a smaller picture.",
            field="image",
            metadata={"pixels": width_px * height_px, "max_pixels": limits.max_pixels},
        )
    if max(width_px, height_px) > MAX_SIDE_PX:
        raise JointTrackError(
            Reason.IMAGE_TOO_LARGE,
            f"The image has {width_px}x{height_px} pixels, the limit of a side is {MAX_SIDE_PX}. "
            "Send a smaller picture.",
            field="image",
            metadata={"side_px": max(width_px, height_px), "max_side_px": MAX_SIDE_PX},
        )


def _invalid_raw(why: str) -> JointTrackError:
    return JointTrackError(
        Reason.INVALID_IMAGE,
        f"The raw image does not fit its description: {why}.",
        field="image.raw",
        metadata={"why": why},
    )


def _reduction(long_side_px: int, min_long_side_px: int) -> int:
    """The largest of 8, 4 and 2 that leaves ``min_long_side_px``, or 1."""
    fitting = (scale for scale in _REDUCED_FLAGS if long_side_px // scale >= min_long_side_px)
    return max(fitting, default=1)


def _decode(data: bytes, header: ImageHeader, scale: int) -> Picture:
    """RGB as stored in the file, not turned. The decoder must agree with the header on the size."""
    flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION | _REDUCED_FLAGS[scale]
    if header.has_alpha:
        flags = cv2.IMREAD_UNCHANGED
    if header.format == "PNG":
        data = only_pixels(data)
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        pixels = None
    expected = (-(-header.height_px // scale), -(-header.width_px // scale))
    if pixels is None or pixels.shape[:2] != expected:
        raise JointTrackError(
            Reason.INVALID_IMAGE,
            f"The {header.format} file cannot be decoded. Send the whole, intact file.",
            field="image",
            metadata={"format": header.format},
        )
    return _on_white(pixels) if header.has_alpha else cast(Picture, pixels)


def _on_white(pixels: NDArray[np.generic]) -> Picture:
    """What ``IMREAD_UNCHANGED`` gives, 1 to 4 channels of 8 or 16 bits, to RGB on white.

    Goes by bands of rows, so that the wider intermediate values of a large picture stay small.
    """
    picture = np.empty((*pixels.shape[:2], 3), np.uint8)
    for top in range(0, len(pixels), _BAND_ROWS):
        picture[top : top + _BAND_ROWS] = _flatten(pixels[top : top + _BAND_ROWS])
    return picture


def _flatten(pixels: NDArray[Any]) -> Picture:
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8)
    if pixels.ndim == 2:
        return cast(Picture, cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB))
    if pixels.shape[2] < 4:
        return cast(Picture, cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))
    alpha = pixels[:, :, 3:].astype(np.uint16)
    blended = pixels[:, :, 2::-1] * alpha + _WHITE * (255 - alpha) + 127
    return (blended // 255).astype(np.uint8)


def _turned(code: int) -> Callable[[Picture], Picture]:
    return lambda pixels: cast(Picture, cv2.rotate(pixels, code))


_UPRIGHT: dict[int, Callable[[Picture], Picture]] = {
    1: lambda pixels: pixels,
    2: lambda pixels: cast(Picture, cv2.flip(pixels, 1)),
    3: _turned(cv2.ROTATE_180),
    4: lambda pixels: cast(Picture, cv2.flip(pixels, 0)),
    5: lambda pixels: cast(Picture, cv2.transpose(pixels)),
    6: _turned(cv2.ROTATE_90_CLOCKWISE),
    7: lambda pixels: cast(Picture, cv2.flip(cv2.transpose(pixels), -1)),
    8: _turned(cv2.ROTATE_90_COUNTERCLOCKWISE),
}
"""EXIF orientation (EXIF 2.3, tag 0x0112) to the operation that makes the picture upright."""
