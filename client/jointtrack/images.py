"""What can be sent as a picture, and how it becomes the contract's Image message."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeAlias, cast

from jointtrack.errors import InvalidRequestError
from jointtrack.names import BYTES_PER_PIXEL, PixelFormat
from jointtrack.v1 import image_pb2

URL_SCHEMES = ("http://", "https://")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")
_BASE64 = re.compile(r"[A-Za-z0-9+/_\s-]{200,}=*\s*")


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
        view = _pixels(array)
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


def is_url(source: str) -> bool:
    """Whether the server is to fetch it."""
    return source[:8].lower().startswith(URL_SCHEMES)


def is_one_picture(source: object) -> bool:
    """Whether it is a picture by itself, although some of them can be iterated over."""
    if hasattr(source, "__array_interface__"):
        return len(getattr(source, "shape", ())) < 4
    return isinstance(
        source, (str, os.PathLike, bytes, bytearray, memoryview, RawImage)
    ) or hasattr(source, "read")


def reads_a_file(source: ImageSource) -> bool:
    """Whether turning it into a message waits for a disk or a file object."""
    if isinstance(source, str):
        return not is_url(source)
    return isinstance(source, os.PathLike) or hasattr(source, "read")


def image_message(source: ImageSource) -> image_pb2.Image:
    """The message for a picture.

    Raises OSError for a path that cannot be read, InvalidRequestError for an empty picture or an
    array of another shape or type, TypeError for anything that is not a picture.
    """
    if isinstance(source, RawImage):
        return image_pb2.Image(raw=_raw_message(source))
    if isinstance(source, str) and is_url(source):
        return image_pb2.Image(url=source)
    if hasattr(source, "__array_interface__"):
        return image_pb2.Image(raw=_raw_message(RawImage.from_array(cast(PixelArray, source))))
    return image_pb2.Image(encoded=_file_bytes(source))


def _file_bytes(source: object) -> bytes:
    if isinstance(source, (str, os.PathLike)):
        data = _path_bytes(source)
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


def _path_bytes(path: str | os.PathLike[str]) -> bytes:
    try:
        return Path(path).read_bytes()
    except (OSError, ValueError):
        if isinstance(path, str) and (what := _no_path(path)):
            raise InvalidRequestError(
                f"A text is a path or an http(s) URL. {what}",
                code="INVALID_ARGUMENT",
                reason="INVALID_IMAGE",
            ) from None
        raise


def _no_path(text: str) -> str | None:
    """What a text is that names no file: another kind of URL, or a picture as text."""
    scheme = _SCHEME.match(text)
    if scheme is not None and scheme[1].lower() == "data":
        return "This is a data: URL; give its bytes: base64.b64decode(url.split(',', 1)[1])."
    if scheme is not None and "://" in text:
        return f"This is a URL of another kind ({scheme[1]}); download it and give its bytes."
    if _BASE64.fullmatch(text):
        return "This looks like base64; give its bytes: base64.b64decode(text)."
    return None


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


def _pixels(array: PixelArray) -> memoryview:
    try:
        return memoryview(cast(Any, array))
    except (TypeError, BufferError, ValueError):
        raise TypeError(
            f"The pixels of a {type(array).__name__} cannot be read as they are; for Pillow's "
            "pictures give numpy.asarray(ImageOps.exif_transpose(image).convert('RGB'))."
        ) from None


def _pixel_format(value: PixelFormat | str) -> PixelFormat:
    try:
        return PixelFormat(value)
    except ValueError:
        raise InvalidRequestError(
            f"Pixel format {value!r} is not known; use one of {', '.join(PixelFormat)}.",
            code="INVALID_ARGUMENT",
            reason="INVALID_IMAGE",
        ) from None
