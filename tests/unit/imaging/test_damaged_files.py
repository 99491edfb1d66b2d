"""A file that was cut or changed on its way is refused, or decodes to the size it claims."""

import random
import resource
import struct
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from jointtrack_server.errors import JointTrackError, Reason
from jointtrack_server.imaging.decode import ImageLimits, decode_file
from jointtrack_server.imaging.png import MAX_UNCHECKED_BYTES
from tests.support.picture_files import FILES, RGB, png, png_chunk, save

CUTS = 300
MUTATIONS = 300
MAX_SECONDS_A_FILE = 1.0
HARMLESS_CUT = {"bmp run lengths": 4}
"""The end-of-line and end-of-bitmap codes: all pixels are there without them."""


@pytest.mark.parametrize("name", FILES)
def test_a_cut_file_is_refused(name: str, limits: ImageLimits) -> None:
    data = FILES[name]()
    last = len(data) - 1 - HARMLESS_CUT.get(name, 0)
    cuts = {*np.linspace(0, last, CUTS).astype(int).tolist(), *range(64), *range(last - 32, last)}
    for cut in sorted(cuts):
        with pytest.raises(JointTrackError) as refusal:
            decode_file(data[:cut], limits)
        assert refusal.value.reason in {
            Reason.INVALID_IMAGE,
            *((Reason.MISSING_IMAGE,) if cut == 0 else ()),
            *((Reason.UNSUPPORTED_IMAGE_FORMAT,) if cut < 12 else ()),
        }


@pytest.mark.parametrize("name", FILES)
def test_a_changed_file_is_refused_or_has_the_size_it_claims(
    name: str, limits: ImageLimits
) -> None:
    data = FILES[name]()
    chance = random.Random(name)
    started_s = time.monotonic()
    refusals = 0
    for _ in range(MUTATIONS):
        changed = bytearray(data)
        for _ in range(chance.choice((1, 1, 2, 5, 20))):
            changed[chance.randrange(len(data))] = chance.randrange(256)
        try:
            decoded = decode_file(bytes(changed), limits)
        except JointTrackError:
            refusals += 1
        else:
            size = decoded.size
            assert decoded.pixels.shape == (size.height_px, size.width_px, 3)
            assert decoded.pixels.dtype == np.uint8
    assert refusals > 0
    assert time.monotonic() - started_s < MAX_SECONDS_A_FILE


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("png")])
def test_a_png_with_a_changed_byte_in_its_pixels_is_refused(name: str, limits: ImageLimits) -> None:
    data = bytearray(FILES[name]())
    data[data.index(b"IDAT") + 20] ^= 0x10
    with pytest.raises(JointTrackError) as refusal:
        decode_file(bytes(data), limits)
    assert refusal.value.reason is Reason.INVALID_IMAGE


def test_trailing_bytes_do_no_harm(limits: ImageLimits) -> None:
    """Phones append videos and depth maps."""
    for name, make in FILES.items():
        data = make()
        whole = decode_file(data, limits).pixels
        longer = decode_file(data + random.Random(1).randbytes(500_000), limits).pixels
        np.testing.assert_array_equal(longer, whole, err_msg=name)


@contextmanager
def in_little_memory() -> Iterator[None]:
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib < 32 << 10


def refused(data: bytes, limits: ImageLimits) -> str:
    with pytest.raises(JointTrackError) as refusal:
        decode_file(data, limits)
    assert refusal.value.reason is Reason.INVALID_IMAGE
    return refusal.value.message


def test_what_follows_a_pngs_end_claims_no_memory(limits: ImageLimits) -> None:
    """OpenCV reads on where the end came before the pixels, and took 4 GiB and 11 s for this."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 61, 43, 8, 3, 0, 0, 0))
    data = b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IEND", b"") + b"\xff\xff\xff\xffPLTE"
    with in_little_memory():
        refused(data, limits)


def test_texts_in_a_png_are_not_inflated(limits: ImageLimits) -> None:
    """Eight megabytes of them took half a minute."""
    text = png_chunk(b"zTXt", b"key\0\0" + zlib.compress(bytes(7_900_000), 9))
    data = save(RGB, "PNG")
    started_s = time.process_time()
    decoded = decode_file(data[:33] + text * 1000 + data[33:], limits)
    assert time.process_time() - started_s < MAX_SECONDS_A_FILE
    np.testing.assert_array_equal(decoded.pixels, np.asarray(RGB))


def _png_of_zeros(width_px: int, height_px: int, blocks: int) -> bytes:
    """As many times 16 MiB of pixels as there are ``blocks``, whatever the size says."""
    packer = zlib.compressobj(9)
    first = packer.compress(bytes(1 << 24)) + packer.flush(zlib.Z_FULL_FLUSH)
    block = packer.compress(bytes(1 << 24)) + packer.flush(zlib.Z_FULL_FLUSH)
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width_px, height_px, 8, 0, 0, 0, 0))
    pixels = png_chunk(b"IDAT", first + block * (blocks - 1) + packer.flush())
    return b"\x89PNG\r\n\x1a\n" + header + pixels + png_chunk(b"IEND", b"")


def test_a_png_of_far_more_pixels_than_its_size_says_is_not_decoded(limits: ImageLimits) -> None:
    """These 16 MiB took forty seconds."""
    data = _png_of_zeros(100, 100, 1000)
    assert 4 * MAX_UNCHECKED_BYTES > len(data) > MAX_UNCHECKED_BYTES
    started_s = time.process_time()
    assert "more pixels than its size" in refused(data, limits)
    assert time.process_time() - started_s < MAX_SECONDS_A_FILE


@pytest.mark.parametrize("interlaced", [False, True])
@pytest.mark.parametrize(("colour_type", "channels"), [(0, 1), (2, 3), (4, 2), (6, 4)])
def test_a_large_png_is_decoded(
    interlaced: bool, colour_type: int, channels: int, limits: ImageLimits
) -> None:
    """Noise: its compressed pixels are as many as its size says, and looked at first."""
    side_px = 1600
    noise = random.Random(1).randbytes(2 * channels * side_px**2)
    pixels = np.frombuffer(noise, np.uint16).reshape(side_px, side_px, channels)
    data = png(pixels, colour_type, interlaced=interlaced)
    assert len(data) > MAX_UNCHECKED_BYTES
    assert decode_file(data, limits).pixels.shape == (side_px, side_px, 3)


def _huge_and_small_jpeg() -> tuple[bytes, bytes]:
    """The segments of two files, one claiming far more pixels than any limit allows."""
    small = save(RGB, "JPEG", progressive=True)
    size_at = small.index(b"\xff\xc2") + 5
    huge = small[:size_at] + struct.pack(">HH", 20_000, 20_000) + small[size_at + 4 :]
    return huge[2:-2], small[2:]


def test_the_frame_that_the_decoder_goes_by_is_the_one_whose_size_is_checked(
    limits: ImageLimits,
) -> None:
    huge, small = _huge_and_small_jpeg()
    with in_little_memory():
        message = refused(b"\xff\xd8" + huge + small, limits)
    assert "more than one frame" in message


@pytest.mark.parametrize("marker", [0x00, 0x01, 0x42, *range(0xD0, 0xD9)])
def test_a_frame_cannot_be_hidden_behind_a_marker_without_a_length(
    marker: int, limits: ImageLimits
) -> None:
    """Skipped by whoever reads a length there, found by the decoder."""
    huge, small = _huge_and_small_jpeg()
    cover = bytes((0xFF, marker)) + struct.pack(">H", len(huge) + 2)
    with in_little_memory():
        message = refused(b"\xff\xd8" + cover + huge + small, limits)
    assert "marker is out of place" in message
