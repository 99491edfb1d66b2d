"""Small picture files of every kind: from Pillow, or by hand where Pillow cannot write them."""

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

WIDTH, HEIGHT = 61, 43
Pixels = NDArray[np.uint8]


def gradient(width: int = WIDTH, height: int = HEIGHT) -> Pixels:
    """(height, width, 3): smooth, and different in every corner and direction."""
    y, x = np.mgrid[0:height, 0:width]
    red, green = x * 255 // max(width - 1, 1), y * 255 // max(height - 1, 1)
    blue = 255 - (x + y) * 255 // max(width + height - 2, 1)
    return np.stack([red, green, blue], axis=-1).astype(np.uint8)


def save(image: Image.Image, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def orientation_tag(value: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = value
    return exif


def expected(data: bytes) -> Pixels:
    """What Pillow makes of the file: upright, on white, 8-bit RGB."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    if image.mode == "I;16":
        return np.repeat((np.asarray(image) >> 8).astype(np.uint8)[..., None], 3, axis=2)
    if image.has_transparency_data:
        above = image.convert("RGBA")
        image = Image.new("RGBA", above.size, "white")
        image.alpha_composite(above)
    return np.asarray(image.convert("RGB"))


RGB = Image.fromarray(gradient())
GREY = RGB.convert("L")
ALPHA = Image.fromarray(np.tile(np.linspace(0, 255, WIDTH).astype(np.uint8), (HEIGHT, 1)))
RGBA = RGB.copy()
RGBA.putalpha(ALPHA)
LA = GREY.copy()
LA.putalpha(ALPHA)
CMYK = RGB.convert("CMYK")
PALETTE = RGB.quantize(64)
GREY_16 = Image.fromarray(np.asarray(GREY).astype(np.uint16) * 257)


def png_chunk(kind: bytes, data: bytes) -> bytes:
    checksum = zlib.crc32(kind + data)
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)


def png(pixels: NDArray[Any], colour_type: int, *, interlaced: bool = False) -> bytes:
    """(height, width, channels) of 8 or 16 bits, unfiltered; Adam7 if ``interlaced``."""
    height, width = pixels.shape[:2]
    bits = pixels.dtype.itemsize * 8
    big_endian = pixels.astype(pixels.dtype.newbyteorder(">"))
    header = struct.pack(">IIBBBBB", width, height, bits, colour_type, 0, 0, int(interlaced))
    adam7 = ((0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2))
    passes = (*adam7, (1, 0, 2, 1)) if interlaced else ((0, 0, 1, 1),)
    parts = [big_endian[top::rows, left::columns] for top, left, rows, columns in passes]
    lines = b"".join(b"\0" + row.tobytes() for part in parts if part.size for row in part)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + png_chunk(b"IDAT", zlib.compress(lines))
        + png_chunk(b"IEND", b"")
    )


def bmp(
    bits: int,
    rows: bytes,
    *,
    size: tuple[int, int] = (WIDTH, HEIGHT),
    compression: int = 0,
    header_bytes: int = 40,
    masks: bytes = b"",
    palette: bytes = b"",
    file_bytes: int | None = None,
) -> bytes:
    """A Windows bitmap; a negative height in ``size`` means rows from the top down."""
    header = struct.pack(
        "<IiiHHIIiiII", header_bytes, *size, 1, bits, compression, len(rows), 0, 0, 0, 0
    )
    header = (header + masks).ljust(header_bytes, b"\0") + palette
    start = 14 + len(header)
    length = start + len(rows) if file_bytes is None else file_bytes
    return b"BM" + struct.pack("<IHHI", length, 0, 0, start) + header + rows


def bmp_rows(pixels: NDArray[Any]) -> bytes:
    """Rows as given, each filled up to a multiple of four bytes."""
    rows = [row.tobytes() for row in pixels]
    return b"".join(row + b"\0" * (-len(row) % 4) for row in rows)


_BGRA = np.asarray(RGBA)[..., [2, 1, 0, 3]]
_BGR = np.ascontiguousarray(_BGRA[..., :3])
_MASKS = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
_GREYS = b"".join(bytes([level, level, level, 0]) for level in range(256))
_RUNS = b"".join(
    b"".join(bytes([1, level]) for level in row.tolist()) + b"\0\0"
    for row in np.asarray(GREY)[::-1]
)
_TOP_DOWN = (WIDTH, -HEIGHT)

FILES: dict[str, Callable[[], bytes]] = {
    "jpeg": lambda: save(RGB, "JPEG", quality=95),
    "jpeg progressive": lambda: save(RGB, "JPEG", quality=95, progressive=True),
    "jpeg grey": lambda: save(GREY, "JPEG", quality=95),
    "jpeg Adobe CMYK": lambda: save(CMYK, "JPEG", quality=95),
    "jpeg restarts": lambda: save(RGB, "JPEG", quality=95, restart_marker_blocks=2),
    "png": lambda: save(RGB, "PNG"),
    "png 16-bit": lambda: png(gradient().astype(np.uint16) * 256 + 200, 2),
    "png interlaced": lambda: png(gradient(), 2, interlaced=True),
    "png grey": lambda: save(GREY, "PNG"),
    "png grey 16-bit": lambda: save(GREY_16, "PNG"),
    "png grey alpha": lambda: save(LA, "PNG"),
    "png alpha": lambda: save(RGBA, "PNG"),
    "png alpha 16-bit": lambda: png(np.asarray(RGBA).astype(np.uint16) * 257, 6),
    "png alpha interlaced": lambda: png(np.asarray(RGBA), 6, interlaced=True),
    "png palette": lambda: save(PALETTE, "PNG"),
    "png palette 4-bit": lambda: save(RGB.quantize(16), "PNG", bits=4),
    "png palette alpha": lambda: save(RGBA.quantize(64), "PNG"),
    "png palette one clear": lambda: save(PALETTE, "PNG", transparency=3),
    "png animated": lambda: save(
        RGB, "PNG", save_all=True, append_images=[ImageOps.invert(RGB)], duration=100
    ),
    "png 1-bit": lambda: save(GREY.convert("1"), "PNG"),
    "webp": lambda: save(RGB, "WEBP", quality=95),
    "webp lossless": lambda: save(RGB, "WEBP", lossless=True),
    "webp alpha": lambda: save(RGBA, "WEBP", quality=95),
    "webp lossless alpha": lambda: save(RGBA, "WEBP", lossless=True),
    "webp animated": lambda: save(
        RGB, "WEBP", save_all=True, append_images=[ImageOps.invert(RGB)], lossless=True
    ),
    "webp animated alpha": lambda: save(
        RGBA, "WEBP", save_all=True, append_images=[RGB.rotate(180)], lossless=True
    ),
    "bmp": lambda: save(RGB, "BMP"),
    "bmp top-down": lambda: bmp(24, bmp_rows(_BGR), size=_TOP_DOWN),
    "bmp grey": lambda: save(GREY, "BMP"),
    "bmp palette": lambda: save(PALETTE, "BMP"),
    "bmp palette top-down": lambda: bmp(
        8, bmp_rows(np.asarray(GREY)), size=_TOP_DOWN, palette=_GREYS
    ),
    "bmp 1-bit": lambda: save(GREY.convert("1"), "BMP"),
    "bmp 32-bit": lambda: bmp(32, _BGRA[::-1].tobytes()),
    "bmp 32-bit top-down": lambda: bmp(32, _BGRA.tobytes(), size=_TOP_DOWN),
    "bmp alpha": lambda: bmp(
        32, _BGRA[::-1].tobytes(), compression=3, header_bytes=124, masks=_MASKS
    ),
    "bmp run lengths": lambda: bmp(8, _RUNS + b"\0\1", compression=1, palette=_GREYS),
    "bmp wrong file size": lambda: bmp(24, bmp_rows(_BGR[::-1]), file_bytes=10**6),
}
"""Every kind of file that the server takes, by name; all show the same picture."""
