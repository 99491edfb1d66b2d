"""A picture file, or raw pixels, to upright RGB. Limits are checked before a pixel is decoded."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from jointtrack_server.domain.types import ImageSize, Picture
from jointtrack_server.errors import JointTrackError, Reason
from jointtrack_server.imaging.header import ImageHeader, read_header

REDUCED_LONG_SIDE_PX = 1024
"""A reduced decode keeps at least this much of the longer side: a person's crop then still has the
model's input size (docs/accuracy.md)."""

_REDUCED_FLAGS = {
    2: cv2.IMREAD_REDUCED_GRAYSCALE_2,
    4: cv2.IMREAD_REDUCED_GRAYSCALE_4,
    8: cv2.IMREAD_REDUCED_GRAYSCALE_8,
}
_REDUCIBLE_FORMATS = frozenset({"JPEG"})
_WHITE = 255


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

    ``upright_jpeg`` is the file itself if it is a JPEG that needs no turning.
    """

    pixels: Picture
    size: ImageSize
    upright_jpeg: bytes | None = None

    @property
    def scale(self) -> tuple[float, float]:
        """Original pixels per decoded pixel, in x and y; 1.0 or more."""
        height_px, width_px = self.pixels.shape[:2]
        return self.size.width_px / width_px, self.size.height_px / height_px


def decode_file(data: bytes, limits: ImageLimits, *, full_size: bool = True) -> DecodedPicture:
    """Decodes a JPEG, PNG, WebP or BMP file to upright RGB.

    Transparent parts become white; 16-bit, CMYK and greyscale become 8-bit RGB. Without
    ``full_size`` a large JPEG is decoded at 1/2, 1/4 or 1/8.
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
    _check_pixels(header.width_px, header.height_px, limits)
    pixels = _decode_upright(data, header, full_size=full_size)
    upright_jpeg = data if header.format == "JPEG" and header.orientation == 1 else None
    return DecodedPicture(pixels, ImageSize(*header.upright_size), upright_jpeg)


def decode_raw(raw: RawImage, limits: ImageLimits) -> DecodedPicture:
    """Views raw pixels as RGB; RGB24 is not copied.

    Raises JointTrackError: IMAGE_TOO_LARGE, INVALID_IMAGE if the bytes do not fill the size.
    """
    if raw.width_px < 1 or raw.height_px < 1:
        raise _invalid_raw(
            f"width_px and height_px must be 1 or more, got {raw.width_px}x{raw.height_px}"
        )
    _check_pixels(raw.width_px, raw.height_px, limits)
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


def _check_pixels(width_px: int, height_px: int, limits: ImageLimits) -> None:
    if width_px * height_px > limits.max_pixels:
        raise JointTrackError(
            Reason.IMAGE_TOO_LARGE,
            f"The image has {width_px}x{height_px} = {width_px * height_px} pixels, "
            f"the limit is {limits.max_pixels}. Send a smaller picture.",
            field="image",
            metadata={"pixels": width_px * height_px, "max_pixels": limits.max_pixels},
        )


def _invalid_raw(why: str) -> JointTrackError:
    return JointTrackError(
        Reason.INVALID_IMAGE,
        f"The raw image does not fit its description: {why}.",
        field="image.raw",
        metadata={"why": why},
    )


def _decode_upright(data: bytes, header: ImageHeader, *, full_size: bool) -> Picture:
    flags = cv2.IMREAD_UNCHANGED
    if not header.has_alpha:
        flags = cv2.IMREAD_COLOR_RGB | cv2.IMREAD_IGNORE_ORIENTATION
        if not full_size and header.format in _REDUCIBLE_FORMATS:
            flags |= _reduced_flag(max(header.width_px, header.height_px))
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        pixels = None
    if pixels is None:
        raise JointTrackError(
            Reason.INVALID_IMAGE,
            f"The {header.format} file cannot be decoded. Send the whole, intact file.",
            field="image",
            metadata={"format": header.format},
        )
    if header.has_alpha:
        pixels = _flatten(cast(NDArray[np.integer], pixels))
    return _UPRIGHT[header.orientation](cast(Picture, pixels))


def _reduced_flag(long_side_px: int) -> int:
    for factor in (8, 4, 2):
        if long_side_px // factor >= REDUCED_LONG_SIDE_PX:
            return _REDUCED_FLAGS[factor]
    return 0


def _flatten(pixels: NDArray[np.integer]) -> Picture:
    """What ``IMREAD_UNCHANGED`` gives, 1 to 4 channels of 8 or 16 bits, to RGB on white."""
    if pixels.dtype == np.uint16:
        pixels = (pixels >> 8).astype(np.uint8)
    if pixels.ndim == 2:
        return cast(Picture, cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB))
    if pixels.shape[2] < 4:
        return cast(Picture, cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))
    rgba = cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGBA)
    alpha = rgba[:, :, 3:].astype(np.uint16)
    blended = rgba[:, :, :3] * alpha + _WHITE * (255 - alpha) + 127
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
