import numpy as np
import pytest

from jointtrack_server.domain.crop import whole_picture
from jointtrack_server.errors import JointTrackError, Reason
from jointtrack_server.imaging.crop import cut_crop
from jointtrack_server.imaging.decode import ImageLimits, PixelFormat, RawImage, decode_raw
from jointtrack_server.imaging.encode import encode_jpeg
from tests.support.picture_files import Pixels, gradient

WIDTH, HEIGHT = 13, 7
PIXELS = gradient(WIDTH, HEIGHT)
GREY: Pixels = np.ascontiguousarray(PIXELS[:, :, 1])

AS_BYTES: dict[PixelFormat, tuple[Pixels, Pixels]] = {
    PixelFormat.RGB24: (PIXELS, PIXELS),
    PixelFormat.BGR24: (np.ascontiguousarray(PIXELS[:, :, ::-1]), PIXELS),
    PixelFormat.GRAY8: (GREY[:, :, None], np.repeat(GREY[:, :, None], 3, axis=2)),
}
"""What lies in memory, and the RGB it stands for."""


def _rows(stored: Pixels, stride: int) -> bytes:
    return b"".join(row.tobytes().ljust(stride, b"\xaa") for row in stored)


@pytest.mark.parametrize("pixel_format", PixelFormat)
@pytest.mark.parametrize("gap", [0, 1, 5, 64])
def test_every_layout_gives_the_same_pixels(
    pixel_format: PixelFormat, gap: int, limits: ImageLimits
) -> None:
    stored, rgb = AS_BYTES[pixel_format]
    stride = WIDTH * pixel_format.channels + gap
    raw = RawImage(_rows(stored, stride), WIDTH, HEIGHT, pixel_format, stride)
    decoded = decode_raw(raw, limits)
    np.testing.assert_array_equal(decoded.pixels, rgb)
    assert (decoded.size.width_px, decoded.size.height_px, decoded.scale) == (WIDTH, HEIGHT, 1)
    # The steps that follow take the view as it is.
    crop = cut_crop(decoded.pixels, whole_picture(decoded.size), 64).pixels
    np.testing.assert_array_equal(crop, cut_crop(rgb, whole_picture(decoded.size), 64).pixels)
    assert encode_jpeg(decoded.pixels) == encode_jpeg(rgb)


def test_the_last_row_may_end_where_its_pixels_end(limits: ImageLimits) -> None:
    stride = WIDTH * 3 + 10
    data = _rows(PIXELS, stride)[:-10]
    raw = RawImage(data, WIDTH, HEIGHT, PixelFormat.RGB24, stride)
    np.testing.assert_array_equal(decode_raw(raw, limits).pixels, PIXELS)


def test_more_bytes_than_needed_are_left_alone(limits: ImageLimits) -> None:
    raw = RawImage(PIXELS.tobytes() + b"more", WIDTH, HEIGHT, PixelFormat.RGB24)
    np.testing.assert_array_equal(decode_raw(raw, limits).pixels, PIXELS)


def test_rgb_is_not_copied(limits: ImageLimits) -> None:
    data = PIXELS.tobytes()
    pixels = decode_raw(RawImage(data, WIDTH, HEIGHT, PixelFormat.RGB24), limits).pixels
    assert np.shares_memory(pixels, np.frombuffer(data, np.uint8))
    assert not pixels.flags.writeable


@pytest.mark.parametrize("size", [(0, 7), (13, 0), (-13, 7), (13, -7), (-13, -7)])
def test_a_size_that_is_none_is_refused(size: tuple[int, int], limits: ImageLimits) -> None:
    with pytest.raises(JointTrackError) as refusal:
        decode_raw(RawImage(PIXELS.tobytes(), *size, PixelFormat.RGB24), limits)
    assert refusal.value.reason is Reason.INVALID_IMAGE
    assert refusal.value.field == "image.raw"
    assert f"{size[0]}x{size[1]}" in refusal.value.message


@pytest.mark.parametrize("stride", [1, WIDTH * 3 - 1, -1, -WIDTH * 3, 2**31 - 1, -(2**31)])
def test_a_stride_that_does_not_fit_is_refused(stride: int, limits: ImageLimits) -> None:
    raw = RawImage(PIXELS.tobytes(), WIDTH, HEIGHT, PixelFormat.RGB24, stride)
    with pytest.raises(JointTrackError) as refusal:
        decode_raw(raw, limits)
    assert refusal.value.reason is Reason.INVALID_IMAGE


def test_one_row_may_have_any_stride(limits: ImageLimits) -> None:
    raw = RawImage(PIXELS[:1].tobytes(), WIDTH, 1, PixelFormat.BGR24, 2**31 - 1)
    np.testing.assert_array_equal(decode_raw(raw, limits).pixels, PIXELS[:1, :, ::-1])


@pytest.mark.parametrize("pixel_format", PixelFormat)
@pytest.mark.parametrize("missing", [1, 20])
def test_missing_bytes_are_refused(
    pixel_format: PixelFormat, missing: int, limits: ImageLimits
) -> None:
    data = AS_BYTES[pixel_format][0].tobytes()
    with pytest.raises(JointTrackError) as refusal:
        decode_raw(RawImage(data[:-missing], WIDTH, HEIGHT, pixel_format), limits)
    assert refusal.value.reason is Reason.INVALID_IMAGE
    assert str(len(data)) in refusal.value.message


@pytest.mark.parametrize("size", [(8001, 8000), (2**31 - 1, 2**31 - 1), (40_000, 1)])
def test_too_large_a_size_is_refused(size: tuple[int, int], limits: ImageLimits) -> None:
    with pytest.raises(JointTrackError) as refusal:
        decode_raw(RawImage(b"", *size, PixelFormat.GRAY8), limits)
    assert refusal.value.reason is Reason.IMAGE_TOO_LARGE
