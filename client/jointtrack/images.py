"""What can be sent as a picture, and how it becomes the contract's Image message."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeAlias, cast

from jointtrack.errors import InvalidRequestError
from jointtrack.names import BYTES_PER_PIXEL, PixelFormat
from jointtrack.v1 import image_pb2

URL_SCHEMES = ("http://", "https://")


class PixelArray(Protocol):
    """A numpy array: uint8, shape (height_px, width_px, 3) or, for grey, (height_px, width_px)."""

    @property
    def __array_interface__(self) -> dict[str, Any]: ...


@dataclass(frozen=True, slots=True)
class RawImage:
    """Uncompressed, upright pixels: rows from top to bottom, pixels from left to right.

    ``row_stride_bytes``: bytes from one row's start to the next one's; 0 means packed rows.
    """

    data: bytes
    width_px: int
    height_px: int
    pixel_format: PixelFormat | str = PixelFormat.RGB24
    row_stride_bytes: int = 0

    @classmethod
    def from_array(
        cls, array: PixelArray, pixel_format: PixelFormat | str | None = None
    ) -> "RawImage":
        """From a numpy array, uint8, shape (height_px, width_px, 3) or (height_px, width_px).

        ``pixel_format``: default "rgb24", "gray8" for two dimensions; say "bgr24" for what OpenCV
        reads. Raises InvalidRequestError for any other type or shape.
        """
        view = memoryview(cast(Any, array))
        shape = view.shape or ()
        is_gray = len(shape) == 2
        if view.format != "B" or not (is_gray or shape[2:] == (3,)):
            raise InvalidRequestError(
                "An array picture must be uint8 of shape (height, width, 3) or (height, width); "
                f"this one has format {view.format!r} and shape {shape}.",
                code="INVALID_ARGUMENT",
                reason="INVALID_IMAGE",
            )
        default = PixelFormat.GRAY8 if is_gray else PixelFormat.RGB24
        chosen = _pixel_format(pixel_format or default)
        if (chosen is PixelFormat.GRAY8) != is_gray:
            raise InvalidRequestError(
                f"Pixel format {chosen} does not fit an array of shape {shape}.",
                code="INVALID_ARGUMENT",
                reason="INVALID_IMAGE",
            )
        return cls(view.tobytes(), shape[1], shape[0], chosen)


ImageSource: TypeAlias = (
    str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | PixelArray | RawImage
)
"""A path, an http(s) URL, a file's bytes, an open binary file, an RGB array, or a RawImage."""


def reads_a_file(source: ImageSource) -> bool:
    """Whether turning it into a message waits for a disk or a file object."""
    if isinstance(source, str):
        return not source.startswith(URL_SCHEMES)
    return isinstance(source, os.PathLike) or hasattr(source, "read")


def image_message(source: ImageSource) -> image_pb2.Image:
    """The message for a picture.

    Raises OSError for a path that cannot be read, InvalidRequestError for an empty picture or an
    array of another shape or type, TypeError for anything that is not a picture.
    """
    if isinstance(source, RawImage):
        return image_pb2.Image(raw=_raw_message(source))
    if isinstance(source, str) and source.startswith(URL_SCHEMES):
        return image_pb2.Image(url=source)
    if hasattr(source, "__array_interface__"):
        return image_pb2.Image(raw=_raw_message(RawImage.from_array(cast(PixelArray, source))))
    return image_pb2.Image(encoded=_file_bytes(source))


def _file_bytes(source: object) -> bytes:
    if isinstance(source, (str, os.PathLike)):
        data = Path(source).read_bytes()
    elif isinstance(source, (bytes, bytearray, memoryview)):
        data = bytes(source)
    elif hasattr(source, "read"):
        data = source.read()
        if not isinstance(data, bytes):
            raise TypeError("The picture's file must be opened in binary mode: open(path, 'rb').")
    else:
        raise TypeError(
            "A picture is a path, an http(s) URL, bytes, an open binary file, a numpy array or a "
            f"RawImage, not {type(source).__name__}."
        )
    if not data:
        raise InvalidRequestError(
            "The picture is empty: 0 bytes.", code="INVALID_ARGUMENT", reason="MISSING_IMAGE"
        )
    return data


def _raw_message(raw: RawImage) -> image_pb2.RawImage:
    pixel_format = _pixel_format(raw.pixel_format)
    row_bytes = raw.width_px * BYTES_PER_PIXEL[pixel_format]
    stride = raw.row_stride_bytes or row_bytes
    needed = stride * (raw.height_px - 1) + row_bytes
    if raw.width_px < 1 or raw.height_px < 1 or stride < row_bytes or len(raw.data) < needed:
        raise InvalidRequestError(
            f"A {pixel_format} picture of {raw.width_px} x {raw.height_px} pixels with rows of "
            f"{stride} bytes needs {max(needed, 0)} bytes and rows of at least {row_bytes}; "
            f"this one has {len(raw.data)} bytes.",
            code="INVALID_ARGUMENT",
            reason="INVALID_IMAGE",
        )
    return image_pb2.RawImage(
        data=raw.data,
        width_px=raw.width_px,
        height_px=raw.height_px,
        pixel_format=image_pb2.PixelFormat.Value(f"PIXEL_FORMAT_{pixel_format.name}"),
        row_stride_bytes=raw.row_stride_bytes,
    )


def _pixel_format(value: PixelFormat | str) -> PixelFormat:
    try:
        return PixelFormat(value)
    except ValueError:
        raise InvalidRequestError(
            f"Pixel format {value!r} is not known; use one of {', '.join(PixelFormat)}.",
            code="INVALID_ARGUMENT",
            reason="INVALID_IMAGE",
        ) from None
