"""The files that decoding is tried on: number N of a seed is always the same file."""

import io
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import cv2
import numpy as np
from PIL import Image

from jointtrack_server.imaging.decode import ImageLimits
from tests.fuzz import bmp, jpeg, png, webp
from tests.fuzz.mutate import Chance, changed, spliced
from tests.support.picture_files import FILES, bmp_rows, orientation_tag, save
from tests.support.picture_files import bmp as write_bmp

PHOTOS = Path(__file__).parents[1] / "data"
PHOTO_SIZE_PX = (96, 64)

SERVER_LIMITS = ImageLimits(max_bytes=32 << 20, max_pixels=64_000_000)
SMALL_LIMITS = ImageLimits(max_bytes=1 << 20, max_pixels=1_000_000)
SHARE_WITH_SERVER_LIMITS = 0.01
MIN_LONG_SIDES_PX = (None, None, None, 1, 8, 20, 40, 256)

FORMATS: Mapping[str, ModuleType] = {"JPEG": jpeg, "PNG": png, "WebP": webp, "BMP": bmp}
OTHER = "other"
"""What begins like no accepted format."""


@dataclass(frozen=True, slots=True)
class Case:
    """A file and how it is decoded."""

    data: bytes
    limits: ImageLimits
    min_long_side_px: int | None

    @property
    def format(self) -> str:
        """Which decoder its first bytes ask for."""
        for name, module in FORMATS.items():
            if self.data.startswith(module.MAGIC):
                return name
        return OTHER


def case(seed: int, number: int) -> Case:
    chance = random.Random(f"{seed}:{number}")
    limits = SERVER_LIMITS if chance.random() < SHARE_WITH_SERVER_LIMITS else SMALL_LIMITS
    side_px = chance.choice(MIN_LONG_SIDES_PX)
    return Case(_file(chance), limits, side_px)


def _file(chance: Chance) -> bytes:
    """A real file with a few changes; rarely noise, or two files in one."""
    seeds = seed_files()
    name = chance.choice(list(seeds))
    module, data = FORMATS[name], chance.choice(seeds[name])
    kind = chance.random()
    if kind < 0.02:
        start: bytes = module.MAGIC if chance.random() < 0.8 else b""
        return start + chance.randbytes(chance.randrange(2000))
    if kind < 0.07:
        other = chance.choice(seeds[chance.choice(list(seeds))])
        return spliced(data, other, chance)
    if kind < 0.85:
        for _ in range(chance.choice((1, 1, 1, 2, 3, 5))):
            data = module.mutated(data, chance.choice(seeds[name]), chance)
    if kind > 0.70:
        for _ in range(chance.choice((1, 1, 2, 4))):
            data = changed(data, chance)
    return data


@cache
def seed_files() -> Mapping[str, tuple[bytes, ...]]:
    """Whole files by format, of every kind that is read."""
    made = [make() for make in FILES.values()] + [
        make(photo) for photo in _photos() for make in _KINDS
    ]
    return {
        name: tuple(data for data in made if data.startswith(module.MAGIC))
        for name, module in FORMATS.items()
    }


def _photos() -> list[Image.Image]:
    paths = sorted(PHOTOS.glob("*.jpg"))
    return [Image.open(path).convert("RGB").resize(PHOTO_SIZE_PX) for path in paths]


def _by_opencv(kind: str, *flags: int) -> Callable[[Image.Image], bytes]:
    def make(photo: Image.Image) -> bytes:
        written, data = cv2.imencode(kind, np.asarray(photo)[..., ::-1], flags)
        assert written
        return data.tobytes()

    return make


def _by_pillow(kind: str, mode: str = "RGB", **options: Any) -> Callable[[Image.Image], bytes]:
    return lambda photo: save(photo.convert(mode), kind, **options)


def _animation(kind: str, mode: str, **options: Any) -> Callable[[Image.Image], bytes]:
    def make(photo: Image.Image) -> bytes:
        frames = [photo.rotate(turn).convert(mode) for turn in (30, 60)]
        return save(photo.convert(mode), kind, save_all=True, append_images=frames, **options)

    return make


def _with_thumbnail(photo: Image.Image) -> bytes:
    """As cameras write it: EXIF with an orientation and a small JPEG inside, a colour profile."""
    file = io.BytesIO()
    exif = orientation_tag(6)
    exif.get_ifd(0x8769)[0x927C] = save(photo.resize((24, 16)), "JPEG")
    photo.save(file, "JPEG", exif=exif, icc_profile=b"profile" * 20, comment=b"a comment")
    return file.getvalue()


def _bmp_16_bit(photo: Image.Image) -> bytes:
    red, green, blue = (np.asarray(photo)[::-1, :, band].astype(np.uint16) for band in range(3))
    rows = bmp_rows((red >> 3) << 11 | (green >> 2) << 5 | blue >> 3)
    masks = b"".join(mask.to_bytes(4, "little") for mask in (0xF800, 0x7E0, 0x1F))
    return write_bmp(16, rows, size=photo.size, compression=3, palette=masks)


def _bmp_runs(bits: int, compression: int) -> Callable[[Image.Image], bytes]:
    """Runs, literal pixels and a jump of both run-length codes."""

    def make(photo: Image.Image) -> bytes:
        width_px, height_px = photo.size
        literal = b"\0\x08" + bytes(range(bits))
        line = b"\x20\x11" + literal + b"\0\2\5\0" + b"\x10\x01\0\0"
        rows = line * height_px + b"\0\1"
        palette = b"".join(
            bytes([level * 16 % 256, 255 - level, level, 0]) for level in range(1 << bits)
        )
        return write_bmp(
            bits, rows, size=(width_px, height_px), compression=compression, palette=palette
        )

    return make


_KINDS: tuple[Callable[[Image.Image], bytes], ...] = (
    *(_by_pillow("JPEG", subsampling=sampling) for sampling in ("4:4:4", "4:2:2", "4:2:0")),
    *(_by_pillow("JPEG", progressive=True, subsampling=way) for way in ("4:4:4", "4:2:0")),
    *(_by_pillow("JPEG", mode) for mode in ("L", "CMYK")),
    _by_pillow("JPEG", "CMYK", progressive=True),
    _by_pillow("JPEG", exif=orientation_tag(5), quality=5),
    _with_thumbnail,
    _by_opencv(".jpg", cv2.IMWRITE_JPEG_RST_INTERVAL, 3),
    _by_opencv(".jpg", cv2.IMWRITE_JPEG_PROGRESSIVE, 1, cv2.IMWRITE_JPEG_RST_INTERVAL, 5),
    *(_by_pillow("PNG", mode) for mode in ("RGB", "L", "LA", "RGBA", "P", "1")),
    *(_by_opencv(".png", cv2.IMWRITE_PNG_FILTER, kind) for kind in (16, 32, 64, 128)),
    _by_pillow("PNG", exif=orientation_tag(8), icc_profile=b"profile" * 20, dpi=(72, 72)),
    _animation("PNG", "RGBA", duration=50, default_image=True),
    _animation("PNG", "P", duration=50),
    *(_by_pillow("WEBP", mode, quality=40, method=4) for mode in ("RGB", "RGBA")),
    *(_by_pillow("WEBP", mode, lossless=True) for mode in ("RGB", "RGBA", "P")),
    _by_pillow("WEBP", exif=orientation_tag(3), icc_profile=b"profile" * 20, xmp=b"<x/>"),
    _animation("WEBP", "RGBA", duration=50, quality=30),
    _animation("WEBP", "RGB", duration=50, quality=30, allow_mixed=True),
    *(_by_pillow("BMP", mode) for mode in ("RGB", "RGBA", "L", "P", "1")),
    _by_opencv(".bmp"),
    _bmp_16_bit,
    _bmp_runs(8, 1),
    _bmp_runs(4, 2),
)
