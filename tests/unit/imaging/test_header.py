"""A sequential JPEG with one scan is read no further than to it; all others are walked through."""

import random
import struct

import numpy as np
import pytest
from PIL import Image

from jointtrack_server.errors import JointTrackError, Reason
from jointtrack_server.imaging.decode import ImageLimits, decode_file
from jointtrack_server.imaging.header import MAX_JPEG_SCANS, read_header
from tests.support.picture_files import FILES, GREY, HEIGHT, RGB, WIDTH, save
from tests.unit.imaging.test_limits import at_once

END = b"\xff\xd9"
SCAN = b"\xff\xda"
ONE_SCAN = ("jpeg", "jpeg grey", "jpeg Adobe CMYK", "jpeg restarts")


@pytest.mark.parametrize("name", ONE_SCAN)
def test_a_file_without_its_end_is_refused(name: str) -> None:
    data = FILES[name]()
    assert data.endswith(END)
    for cut in (1, 2, 3, 50, len(data) - data.index(SCAN) - 20):
        with pytest.raises(JointTrackError) as refusal:
            read_header(data[:-cut])
        assert refusal.value.reason is Reason.INVALID_IMAGE


@pytest.mark.parametrize("name", [*ONE_SCAN, "jpeg progressive"])
@pytest.mark.parametrize("end", [b"", END], ids=["no marker", "end marker"])
def test_garbage_behind_the_end_changes_nothing(name: str, end: bytes, limits: ImageLimits) -> None:
    data = FILES[name]()
    longer = data + random.Random(2).randbytes(100_000) + end
    assert read_header(longer) == read_header(data)
    np.testing.assert_array_equal(
        decode_file(longer, limits).pixels, decode_file(data, limits).pixels
    )


def test_a_picture_behind_a_picture_is_not_looked_at(limits: ImageLimits) -> None:
    """Phones append a preview, whose end then is the end of the file."""
    data = save(RGB, "JPEG", quality=95)
    both = data + save(Image.new("RGB", (8, 8)), "JPEG")
    assert (read_header(both).width_px, read_header(both).height_px) == (WIDTH, HEIGHT)
    np.testing.assert_array_equal(
        decode_file(both, limits).pixels, decode_file(data, limits).pixels
    )


@pytest.mark.parametrize("end", [END, b""], ids=["end marker", "no end"])
def test_a_progressive_file_with_too_many_scans_is_refused(end: bytes) -> None:
    data = save(RGB, "JPEG", progressive=True)
    at = data.rindex(SCAN)
    with pytest.raises(JointTrackError) as refusal:
        read_header(data[:-2] + data[at:-2] * MAX_JPEG_SCANS + end)
    assert refusal.value.reason is Reason.INVALID_IMAGE
    assert ("scans" in refusal.value.message) is bool(end)


def one_scan_a_component(scans: int) -> bytes:
    """What a sequential JPEG with a scan for each of three colours claims; its scans hold nothing
    that could be decoded."""
    frame = struct.pack(">HBHHB", 17, 8, HEIGHT, WIDTH, 3) + bytes(
        [1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0]
    )
    scan = SCAN + struct.pack(">HBBBBBB", 8, 1, 1, 0, 0, 63, 0) + b"\x2a" * 8
    return b"\xff\xd8\xff\xc0" + frame + scan * scans + END


def test_a_sequential_file_with_a_scan_for_each_colour_has_its_scans_counted() -> None:
    assert read_header(one_scan_a_component(3)).width_px == WIDTH
    assert read_header(one_scan_a_component(MAX_JPEG_SCANS)).width_px == WIDTH
    with pytest.raises(JointTrackError, match="scans"):
        read_header(one_scan_a_component(MAX_JPEG_SCANS + 1))
    with pytest.raises(JointTrackError, match="too early"):
        read_header(one_scan_a_component(3)[:-2])


@pytest.mark.parametrize("side_px", [50, 2000])
def test_more_scans_of_a_sequential_file_cost_no_time(side_px: int, limits: ImageLimits) -> None:
    """The first one holds the whole picture; the decoder looks at no other."""
    data = save(GREY.resize((side_px, side_px)), "JPEG")
    scan = data[data.index(SCAN) : -2]
    repeated = data[:-2] + scan * ((4 << 20) // len(scan)) + END
    pixels = decode_file(data, limits).pixels
    with at_once():
        again = decode_file(repeated, limits).pixels
    np.testing.assert_array_equal(again, pixels)


def test_the_orientation_is_found_before_the_only_scan() -> None:
    exif = Image.Exif()
    exif[0x0112] = 8
    assert read_header(save(RGB, "JPEG", exif=exif)).orientation == 8
