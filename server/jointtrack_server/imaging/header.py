"""What a picture file says of itself, read from its first bytes without decoding a pixel."""

import struct
from collections.abc import Callable
from dataclasses import dataclass

from jointtrack_server.errors import JointTrackError, Reason

ACCEPTED_FORMATS = "JPEG, PNG, WebP or BMP"

_OTHER_FORMATS: tuple[tuple[bytes, str], ...] = (
    (b"GIF8", "GIF"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"%PDF", "PDF"),
    (b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (b"<svg", "SVG"),
    (b"<?xml", "XML"),
)
_ORIENTATION_TAG = 0x0112
_NO_START_OF_FRAME = {0xC4, 0xC8, 0xCC}


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """Size in pixels as stored, before ``orientation`` (EXIF, 1..8) is applied."""

    format: str
    width_px: int
    height_px: int
    orientation: int = 1
    has_alpha: bool = False

    @property
    def upright_size(self) -> tuple[int, int]:
        """Width and height in pixels after the EXIF orientation."""
        size = (self.width_px, self.height_px)
        return size if self.orientation < 5 else (size[1], size[0])


def read_header(data: bytes) -> ImageHeader:
    """Reads the header of a JPEG, PNG, WebP or BMP file.

    Raises JointTrackError: MISSING_IMAGE for no bytes, UNSUPPORTED_IMAGE_FORMAT for another kind of
    file, INVALID_IMAGE if the file is damaged or ends early.
    """
    if not data:
        raise JointTrackError(
            Reason.MISSING_IMAGE,
            "The image is empty. Send the bytes of a picture file.",
            field="image",
        )
    for magic, (name, reader) in _READERS.items():
        if data.startswith(magic) and (name != "WebP" or data[8:12] == b"WEBP"):
            try:
                header = reader(data)
            except (struct.error, IndexError) as error:
                raise _damaged(name, "its header is cut off") from error
            if header.width_px < 1 or header.height_px < 1:
                raise _damaged(name, f"it claims {header.width_px}x{header.height_px} pixels")
            return header
    raise _unsupported(data)


def _unsupported(data: bytes) -> JointTrackError:
    found = next((name for magic, name in _OTHER_FORMATS if data.startswith(magic)), "unknown")
    if data[4:8] == b"ftyp":
        found = "HEIC or AVIF"
    return JointTrackError(
        Reason.UNSUPPORTED_IMAGE_FORMAT,
        f"The image's format is not read ({found}). Send {ACCEPTED_FORMATS}.",
        field="image",
        metadata={"format": found, "accepted": ACCEPTED_FORMATS},
    )


def _damaged(name: str, why: str) -> JointTrackError:
    return JointTrackError(
        Reason.INVALID_IMAGE,
        f"The {name} file is damaged: {why}. Send the whole, intact file.",
        field="image",
        metadata={"format": name, "why": why},
    )


def _read_jpeg(data: bytes) -> ImageHeader:
    """Walks the marker segments (ITU-T T.81, annex B) up to the first scan."""
    size: tuple[int, int] | None = None
    orientation = 1
    at = 2
    while True:
        while data[at] == 0xFF and data[at + 1] == 0xFF:
            at += 1
        if data[at] != 0xFF:
            raise _damaged("JPEG", "a marker is missing")
        marker = data[at + 1]
        length = int(struct.unpack_from(">H", data, at + 2)[0])
        if 0xC0 <= marker <= 0xCF and marker not in _NO_START_OF_FRAME:
            height_px, width_px = struct.unpack_from(">HH", data, at + 5)
            size = (width_px, height_px)
        elif marker == 0xE1 and data[at + 4 : at + 10] == b"Exif\x00\x00":
            orientation = _exif_orientation(data[at + 10 : at + 2 + length])
        elif marker == 0xDA:
            break
        at += 2 + length
    if size is None:
        raise _damaged("JPEG", "it holds no frame")
    if data.find(b"\xff\xd9", at) < 0:
        raise _damaged("JPEG", "it ends before the picture does")
    return ImageHeader("JPEG", *size, orientation)


def _read_png(data: bytes) -> ImageHeader:
    width_px, height_px, _, colour_type = struct.unpack_from(">IIBB", data, 16)
    has_alpha, orientation, ended, at = colour_type in (4, 6), 1, False, 8
    while at + 8 <= len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind = data[at + 4 : at + 8]
        ended = kind == b"IEND"
        has_alpha |= kind == b"tRNS"
        if kind == b"eXIf":
            orientation = _exif_orientation(data[at + 8 : at + 8 + length])
        if ended:
            break
        at += 12 + length
    if not ended:
        raise _damaged("PNG", "it ends before the picture does")
    return ImageHeader("PNG", width_px, height_px, orientation, has_alpha)


def _read_webp(data: bytes) -> ImageHeader:
    (riff_length,) = struct.unpack_from("<I", data, 4)
    if riff_length + 8 > len(data):
        raise _damaged("WebP", "it ends before the picture does")
    kind = data[12:16]
    if kind == b"VP8 ":
        width_px, height_px = struct.unpack_from("<HH", data, 26)
        return ImageHeader("WebP", width_px & 0x3FFF, height_px & 0x3FFF)
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        has_alpha = bool(bits >> 28 & 1)
        return ImageHeader("WebP", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, 1, has_alpha)
    if kind == b"VP8X":
        width_px = int.from_bytes(data[24:27], "little") + 1
        height_px = int.from_bytes(data[27:30], "little") + 1
        has_alpha = bool(data[20] & 0x10)
        return ImageHeader("WebP", width_px, height_px, _webp_orientation(data), has_alpha)
    raise _damaged("WebP", "its first chunk is not a picture")


def _webp_orientation(data: bytes) -> int:
    at = 12
    while at + 8 <= len(data):
        (length,) = struct.unpack_from("<I", data, at + 4)
        if data[at : at + 4] == b"EXIF":
            return _exif_orientation(data[at + 8 : at + 8 + length].removeprefix(b"Exif\x00\x00"))
        at += 8 + length + length % 2
    return 1


def _read_bmp(data: bytes) -> ImageHeader:
    (file_length,) = struct.unpack_from("<I", data, 2)
    (info_length,) = struct.unpack_from("<I", data, 14)
    if info_length == 12:
        width_px, height_px = struct.unpack_from("<HH", data, 18)
    else:
        width_px, height_px = struct.unpack_from("<ii", data, 18)
    if file_length > len(data):
        raise _damaged("BMP", "it ends before the picture does")
    return ImageHeader("BMP", abs(width_px), abs(height_px))


def _exif_orientation(tiff: bytes) -> int:
    """The orientation tag of a TIFF header, 1..8; 1 (upright) if there is none or it is damaged."""
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return 1
    try:
        (directory,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, directory)
        for entry in range(directory + 2, directory + 2 + 12 * count, 12):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", tiff, entry)
            if tag == _ORIENTATION_TAG:
                return value if 1 <= value <= 8 else 1
    except struct.error:
        return 1
    return 1


_READERS: dict[bytes, tuple[str, Callable[[bytes], ImageHeader]]] = {
    b"\xff\xd8\xff": ("JPEG", _read_jpeg),
    b"\x89PNG\r\n\x1a\n": ("PNG", _read_png),
    b"RIFF": ("WebP", _read_webp),
    b"BM": ("BMP", _read_bmp),
}
