"""What a picture file says of itself, read from its first bytes without decoding a pixel."""

import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from jointtrack_server.errors import JointTrackError, Reason

ACCEPTED_FORMATS = "JPEG, PNG, WebP or BMP"

MAX_SEGMENTS = 100_000
"""Segments, chunks and fill bytes walked through. Real files have a few thousand; walking millions
would cost seconds."""

MAX_JPEG_SCANS = 100
"""A progressive JPEG has about 10. Every scan is a pass over the whole picture, however few bytes
it takes: thousands of them would cost minutes."""

_OTHER_FORMATS: tuple[tuple[bytes, str], ...] = (
    (b"GIF8", "GIF"),
    (b"II*\x00", "TIFF"),
    (b"MM\x00*", "TIFF"),
    (b"%PDF", "PDF"),
    (b"\x00\x00\x00\x0cjP  ", "JPEG 2000"),
    (b"<svg", "SVG"),
    (b"<?xml", "XML"),
)
_STILL_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"mif1", b"msf1", b"avif", b"avis"}
"""Major brands of the ISO base media file format that hold pictures; others hold video."""

_ORIENTATION_TAG = 0x0112
_NO_START_OF_FRAME = {0xC4, 0xC8, 0xCC}
_START_OF_SCAN = 0xDA
_END_OF_IMAGE = 0xD9
_FIRST_WITH_LENGTH = 0xC0
_WITHOUT_LENGTH = range(0xD0, 0xD9)
"""Restarts and the start of the image."""
_JPEG_END = bytes((0xFF, _END_OF_IMAGE))
_SEQUENTIAL_FRAMES = (0xC0, 0xC1)
_MARKER_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
"""In a scan's coded data 0xFF is followed by 0 or is a restart marker."""

_PNG_COLOURS_WITH_ALPHA = (4, 6)
_BMP_CORE_HEADER = 12
_BMP_HEADER_WITH_ALPHA = 56
_BMP_BITFIELDS = 3


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

    Raises JointTrackError: MISSING_IMAGE for no bytes, UNSUPPORTED_IMAGE_FORMAT for a kind of file
    that is known but not read, INVALID_IMAGE if it is no picture, is damaged or ends early.
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
                raise damaged(name, "it ends too early") from error
            if header.width_px < 1 or header.height_px < 1:
                raise damaged(name, f"it claims {header.width_px}x{header.height_px} pixels")
            return header
    raise _unsupported(data)


def _unsupported(data: bytes) -> JointTrackError:
    found = next((name for magic, name in _OTHER_FORMATS if data.startswith(magic)), None)
    if data[4:8] == b"ftyp":
        found = "HEIC or AVIF" if data[8:12] in _STILL_BRANDS else "MP4 or QuickTime video"
    if found is None:
        return JointTrackError(
            Reason.INVALID_IMAGE,
            f"The image is no picture file. Send {ACCEPTED_FORMATS}.",
            field="image",
            metadata={"accepted": ACCEPTED_FORMATS},
        )
    return JointTrackError(
        Reason.UNSUPPORTED_IMAGE_FORMAT,
        f"The image's format is not read ({found}). Send {ACCEPTED_FORMATS}.",
        field="image",
        metadata={"format": found, "accepted": ACCEPTED_FORMATS},
    )


def damaged(name: str, why: str) -> JointTrackError:
    """The refusal of a file of the format ``name``."""
    return JointTrackError(
        Reason.INVALID_IMAGE,
        f"The {name} file is damaged: {why}. Send the whole, intact file.",
        field="image",
        metadata={"format": name, "why": why},
    )


def _read_jpeg(data: bytes) -> ImageHeader:
    size: tuple[int, int] | None = None
    orientation: int | None = None
    scans = 0
    sequential_components = None
    for marker, at, end in _jpeg_segments(data):
        scans += marker == _START_OF_SCAN
        if marker in _SEQUENTIAL_FRAMES:
            sequential_components = data[at + 5]
        is_only_scan = marker == _START_OF_SCAN and data[at] == sequential_components
        if is_only_scan and data.endswith(_JPEG_END):
            # Walking through its data would tell nothing more.
            break
        if 0xC0 <= marker <= 0xCF and marker not in _NO_START_OF_FRAME:
            if size is not None:
                # The decoder goes by the first, whatever a later one claims.
                raise damaged("JPEG", "it holds more than one frame")
            height_px, width_px = struct.unpack_from(">HH", data, at + 1)
            size = (width_px, height_px)
        elif marker == 0xE1 and orientation is None and data[at : at + 6] == b"Exif\x00\x00":
            orientation = _exif_orientation(data[at + 6 : end])
    if size is None:
        raise damaged("JPEG", "it holds no frame")
    if scans > MAX_JPEG_SCANS:
        raise damaged("JPEG", f"it has more than {MAX_JPEG_SCANS} scans")
    return ImageHeader("JPEG", *size, orientation or 1)


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Marker, start and end of the parameters of each segment (ITU-T T.81, annex B).

    Goes on to the end-of-image marker, past the coded data of all scans: a file without one is cut.
    """
    at = 2
    for _ in range(MAX_SEGMENTS):
        if data[at] != 0xFF:
            raise damaged("JPEG", "a marker is missing")
        marker = data[at + 1]
        if marker == _END_OF_IMAGE:
            return
        if marker == 0xFF:
            at += 1
            continue
        if marker < _FIRST_WITH_LENGTH or marker in _WITHOUT_LENGTH:
            # The decoder reads no length here: what seems to be skipped would be its frame.
            raise damaged("JPEG", "a marker is out of place")
        (length,) = struct.unpack_from(">H", data, at + 2)
        yield marker, at + 4, at + 2 + length
        at += 2 + max(length, 2)
        if marker == _START_OF_SCAN:
            found = _MARKER_AFTER_SCAN.search(data, at)
            at = found.start() if found else len(data)
    raise damaged("JPEG", "it has too many segments")


def _read_png(data: bytes) -> ImageHeader:
    if data[12:16] != b"IHDR":
        raise damaged("PNG", "it does not begin with IHDR")
    width_px, height_px, _, colour_type = struct.unpack_from(">IIBB", data, 16)
    has_alpha, orientation = colour_type in _PNG_COLOURS_WITH_ALPHA, 1
    for kind, at, end in png_chunks(data):
        has_alpha |= kind == b"tRNS"
        if kind == b"eXIf":
            orientation = _exif_orientation(data[at:end])
    return ImageHeader("PNG", width_px, height_px, orientation, has_alpha)


def png_chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Type, start and end of each chunk's data up to IEND (PNG specification, 5.3).

    Every chunk must lie in the file: libpng allocates whatever length a chunk claims.
    """
    at = 8
    for _ in range(MAX_SEGMENTS):
        length, kind = struct.unpack_from(">I4s", data, at)
        end = at + 8 + length
        if end + 4 > len(data):
            raise damaged("PNG", "it ends too early")
        yield kind, at + 8, end
        if kind == b"IEND":
            return
        at = end + 4
    raise damaged("PNG", "it has too many chunks")


def _read_webp(data: bytes) -> ImageHeader:
    (riff_length,) = struct.unpack_from("<I", data, 4)
    if riff_length + 8 > len(data):
        raise damaged("WebP", "it ends too early")
    kind = data[12:16]
    if kind == b"VP8 ":
        width_px, height_px = struct.unpack_from("<HH", data, 26)
        return ImageHeader("WebP", width_px & 0x3FFF, height_px & 0x3FFF)
    if kind == b"VP8L":
        (bits,) = struct.unpack_from("<I", data, 21)
        has_alpha = bool(bits >> 28 & 1)
        return ImageHeader("WebP", (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1, 1, has_alpha)
    if kind == b"VP8X":
        flags, width_px, height_px = data[20], data[24:27], data[27:30]
        return ImageHeader(
            "WebP",
            int.from_bytes(width_px, "little") + 1,
            int.from_bytes(height_px, "little") + 1,
            _webp_orientation(data),
            bool(flags & 0x10),
        )
    raise damaged("WebP", "its first chunk is not a picture")


def _webp_orientation(data: bytes) -> int:
    at = 12
    for _ in range(MAX_SEGMENTS):
        if at + 8 > len(data):
            return 1
        kind, length = struct.unpack_from("<4sI", data, at)
        if kind == b"EXIF":
            return _exif_orientation(data[at + 8 : at + 8 + length].removeprefix(b"Exif\x00\x00"))
        at += 8 + length + length % 2
    raise damaged("WebP", "it has too many chunks")


def _read_bmp(data: bytes) -> ImageHeader:
    """The file's length, which many writers get wrong, is not looked at: the decoder does it."""
    (info_length,) = struct.unpack_from("<I", data, 14)
    if info_length == _BMP_CORE_HEADER:
        width_px, height_px = struct.unpack_from("<HH", data, 18)
        return ImageHeader("BMP", width_px, height_px)
    width_px, height_px, _, bits = struct.unpack_from("<iiHH", data, 18)
    has_alpha = False
    if info_length >= _BMP_HEADER_WITH_ALPHA and bits == 32:
        (compression,) = struct.unpack_from("<I", data, 30)
        (alpha_mask,) = struct.unpack_from("<I", data, 66)
        has_alpha = compression == _BMP_BITFIELDS and alpha_mask != 0
    return ImageHeader("BMP", width_px, abs(height_px), 1, has_alpha)


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
