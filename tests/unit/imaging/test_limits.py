"""What a file claims is checked before anything is decoded: no time, no memory for lies."""

import resource
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from PIL import Image

from jointtrack_server.errors import JointTrackError, Reason
from jointtrack_server.imaging.decode import MAX_SIDE_PX, ImageLimits, decode_file
from jointtrack_server.imaging.header import MAX_JPEG_SCANS
from tests.support.picture_files import RGB, bmp, gradient, png, png_chunk, save

PNG_MAGIC = b"\x89PNG\r\n\x1a\n"


def _png_claiming(width: int, height: int) -> bytes:
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return PNG_MAGIC + header + png_chunk(b"IDAT", b"x\x9c") + png_chunk(b"IEND", b"")


def _jpeg_claiming(width: int, height: int) -> bytes:
    data = save(RGB, "JPEG")
    at = data.index(b"\xff\xc0") + 5
    return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]


def _webp_claiming(width: int, height: int) -> bytes:
    data = save(Image.new("RGBA", (8, 8), (1, 2, 3, 4)), "WEBP", quality=80)
    assert data[12:16] == b"VP8X"
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return data[:24] + sides + data[30:]


def _bmp_claiming(width: int, height: int) -> bytes:
    return bmp(24, b"\0" * 100, size=(width, height))


CLAIMING: dict[str, Callable[[int, int], bytes]] = {
    "jpeg": _jpeg_claiming,
    "png": _png_claiming,
    "webp": _webp_claiming,
    "bmp": _bmp_claiming,
}


@contextmanager
def at_once() -> Iterator[None]:
    """Less than a fifth of a CPU second and 32 MiB; refusing takes well under a millisecond."""
    before_kib, started_s = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.thread_time()
    yield
    assert time.thread_time() - started_s < 0.2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib < 32 << 10


@pytest.mark.parametrize("kind", CLAIMING)
def test_a_picture_that_claims_too_many_pixels_is_refused_undecoded(
    kind: str, limits: ImageLimits
) -> None:
    data = CLAIMING[kind](60_000, 60_000)
    with at_once(), pytest.raises(JointTrackError) as refusal:
        decode_file(data, limits)
    assert refusal.value.reason is Reason.IMAGE_TOO_LARGE
    assert refusal.value.metadata == {"pixels": "3600000000", "max_pixels": "64000000"}


@pytest.mark.parametrize("kind", ["png", "webp", "bmp"])
def test_a_picture_that_claims_more_than_it_holds_is_refused(
    kind: str, limits: ImageLimits
) -> None:
    with pytest.raises(JointTrackError) as refusal:
        decode_file(CLAIMING[kind](640, 480), limits)
    assert refusal.value.reason is Reason.INVALID_IMAGE


@pytest.mark.parametrize("kind", ["jpeg", "png", "bmp"])
@pytest.mark.parametrize("size", [(0, 10), (10, 0)])
def test_a_picture_that_claims_no_pixels_is_refused(
    kind: str, size: tuple[int, int], limits: ImageLimits
) -> None:
    with pytest.raises(JointTrackError) as refusal:
        decode_file(CLAIMING[kind](*size), limits)
    assert refusal.value.reason is Reason.INVALID_IMAGE


def test_a_bitmap_of_negative_width_is_refused(limits: ImageLimits) -> None:
    with pytest.raises(JointTrackError) as refusal:
        decode_file(_bmp_claiming(-10, 10), limits)
    assert refusal.value.reason is Reason.INVALID_IMAGE


def test_the_limits_hold_to_the_byte_and_pixel() -> None:
    data = save(RGB, "PNG")
    pixels = RGB.width * RGB.height
    assert decode_file(data, ImageLimits(len(data), pixels)).pixels.shape == (43, 61, 3)
    with pytest.raises(JointTrackError) as too_many_bytes:
        decode_file(data, ImageLimits(len(data) - 1, pixels))
    with pytest.raises(JointTrackError) as too_many_pixels:
        decode_file(data, ImageLimits(len(data), pixels - 1))
    assert too_many_bytes.value.reason is too_many_pixels.value.reason is Reason.IMAGE_TOO_LARGE
    assert too_many_bytes.value.metadata["max_bytes"] == str(len(data) - 1)
    assert too_many_pixels.value.metadata["max_pixels"] == str(pixels - 1)


def test_a_side_longer_than_opencv_takes_is_refused(limits: ImageLimits) -> None:
    for width, height in ((MAX_SIDE_PX + 1, 2), (2, MAX_SIDE_PX + 1)):
        with pytest.raises(JointTrackError) as refusal:
            decode_file(png(gradient(width, height), 2), limits)
        assert refusal.value.reason is Reason.IMAGE_TOO_LARGE
        assert refusal.value.metadata["max_side_px"] == str(MAX_SIDE_PX)
    longest = decode_file(png(gradient(MAX_SIDE_PX, 2), 2), limits)
    assert longest.pixels.shape == (2, MAX_SIDE_PX, 3)


def test_a_png_chunk_that_claims_gigabytes_costs_none(limits: ImageLimits) -> None:
    data = save(RGB, "PNG")
    at = data.index(b"IEND") - 4
    for length in (1, 0x70000000, 0xFFFFFFFF):
        with at_once(), pytest.raises(JointTrackError) as refusal:
            decode_file(data[:at] + struct.pack(">I", length) + data[at + 4 :], limits)
        assert refusal.value.reason is Reason.INVALID_IMAGE


def test_thousands_of_scans_are_not_decoded(limits: ImageLimits) -> None:
    """Each repeated scan costs 60 bytes of file and a pass over all pixels."""
    data = save(Image.new("RGB", (4000, 4000)), "JPEG", progressive=True)
    at = data.rindex(b"\xff\xda")
    assert data.count(b"\xff\xda") < MAX_JPEG_SCANS
    repeated = data[:-2] + data[at:-2] * 5000
    for end in (b"\xff\xd9", b""):
        with at_once(), pytest.raises(JointTrackError) as refusal:
            decode_file(repeated + end, limits)
        assert refusal.value.reason is Reason.INVALID_IMAGE


def test_scans_behind_a_false_end_are_counted(limits: ImageLimits) -> None:
    """A comment between scans may hold the bytes of an end-of-image marker."""
    data = save(RGB, "JPEG", progressive=True)
    at = data.rindex(b"\xff\xda")
    comment = b"\xff\xfe\x00\x04\xff\xd9"
    hidden = data[:at] + comment + data[at:-2] * MAX_JPEG_SCANS + b"\xff\xd9"
    with pytest.raises(JointTrackError) as refusal:
        decode_file(hidden, limits)
    assert "scans" in refusal.value.message


@pytest.mark.parametrize(
    ("start", "filling"),
    [
        (b"\xff\xd8", b"\xff\xe0\0\2"),
        (b"\xff\xd8\xff", b"\xff"),
        (PNG_MAGIC + png_chunk(b"IHDR", b"\0\0\0\1\0\0\0\1\x08\2\0\0\0"), png_chunk(b"abCd", b"")),
        (b"RIFF\0\0\x80\0WEBPVP8X\x0a\0\0\0" + b"\x08\0\0\0" + b"\x10\0\0" * 2, b"ABCD\0\0\0\0"),
    ],
    ids=["jpeg segments", "jpeg fill bytes", "png chunks", "webp chunks"],
)
def test_millions_of_empty_chunks_are_not_walked_through(
    start: bytes, filling: bytes, limits: ImageLimits
) -> None:
    data = start + filling * ((16 << 20) // len(filling))
    with at_once(), pytest.raises(JointTrackError) as refusal:
        decode_file(data, limits)
    assert refusal.value.reason is Reason.INVALID_IMAGE
    assert "too many" in refusal.value.message


def test_alpha_of_a_large_picture_needs_little_more_memory_than_the_picture(
    limits: ImageLimits,
) -> None:
    data = save(Image.new("RGBA", (4000, 3000), (9, 8, 7, 100)), "PNG", compress_level=1)
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    pixels = decode_file(data, limits).pixels
    used = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib) << 10
    assert used < 3 * pixels.nbytes
    assert np.all(pixels == np.array([159, 158, 158], np.uint8))
