import struct

import cv2
import numpy as np
import pytest
from PIL import Image

from jointtrack_server.domain.types import ImageSize
from jointtrack_server.errors import JointTrackError, Reason
from jointtrack_server.imaging.decode import DecodedPicture, ImageLimits, decode_file
from jointtrack_server.imaging.header import read_header
from jointtrack_server.imaging.png import only_pixels
from tests.support.picture_files import (
    CMYK,
    FILES,
    HEIGHT,
    RGB,
    RGBA,
    WIDTH,
    expected,
    gradient,
    orientation_tag,
    png_chunk,
    save,
)

TOLERANCE = 2
"""Levels of 255: Pillow and OpenCV bring their own decoders, and round CMYK differently."""


def assert_like_pillow(decoded: DecodedPicture, data: bytes) -> None:
    reference = expected(data)
    assert decoded.pixels.dtype == np.uint8
    assert decoded.pixels.shape == reference.shape
    assert decoded.size == ImageSize(reference.shape[1], reference.shape[0])
    assert np.abs(decoded.pixels.astype(int) - reference).max() <= TOLERANCE


@pytest.mark.parametrize("name", FILES)
def test_every_kind_of_file_gives_the_pixels_that_pillow_gives(
    name: str, limits: ImageLimits
) -> None:
    data = FILES[name]()
    assert_like_pillow(decode_file(data, limits), data)


@pytest.mark.parametrize("name", FILES)
def test_the_header_tells_the_true_size_and_format(name: str) -> None:
    header = read_header(FILES[name]())
    assert (header.width_px, header.height_px) == (WIDTH, HEIGHT)
    assert header.format.lower() == name.split(maxsplit=1)[0]
    assert header.has_alpha == ("alpha" in name or "clear" in name)


def test_clear_parts_are_white(limits: ImageLimits) -> None:
    pixels = decode_file(save(RGBA, "PNG"), limits).pixels
    assert pixels[:, 0].min() == 255
    np.testing.assert_array_equal(pixels[:, -1], gradient()[:, -1])


def test_alpha_in_a_tall_picture_has_no_seams(limits: ImageLimits) -> None:
    image = Image.fromarray(gradient(7, 1111))
    image.putalpha(128)
    data = save(image, "PNG")
    assert_like_pillow(decode_file(data, limits), data)


def test_an_animation_gives_its_first_frame(limits: ImageLimits) -> None:
    for name in ("webp animated", "png animated"):
        np.testing.assert_array_equal(decode_file(FILES[name](), limits).pixels, gradient())


def test_only_the_animation_is_taken_out_of_a_png() -> None:
    assert only_pixels(FILES["png animated"]()) == save(RGB, "PNG")
    assert only_pixels(FILES["png"]()) == FILES["png"]()


def test_what_describes_a_png_changes_no_pixel(limits: ImageLimits) -> None:
    """Gamma, primaries, background and the like are left out before it is decoded."""
    data = FILES["png palette alpha"]()
    described = b"".join(
        png_chunk(kind, values)
        for kind, values in (
            (b"gAMA", struct.pack(">I", 20_000)),
            (b"cHRM", struct.pack(">8I", *range(10_000, 90_000, 10_000))),
            (b"sBIT", b"\3\3\3"),
            (b"sRGB", b"\0"),
            (b"tEXt", b"key\0words"),
        )
    )
    pixels = decode_file(data[:33] + described + data[33:], limits).pixels
    np.testing.assert_array_equal(pixels, decode_file(data, limits).pixels)
    flags = cv2.IMREAD_UNCHANGED
    seen = cv2.imdecode(np.frombuffer(data[:33] + described + data[33:], np.uint8), flags)
    np.testing.assert_array_equal(seen, cv2.imdecode(np.frombuffer(data, np.uint8), flags))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(
    ("kind", "image"),
    [("JPEG", RGB), ("JPEG", CMYK), ("PNG", RGB), ("PNG", RGBA), ("WEBP", RGB), ("WEBP", RGBA)],
    ids=["jpeg", "jpeg CMYK", "png", "png alpha", "webp", "webp alpha"],
)
def test_exif_turns_the_picture_upright(
    kind: str, image: Image.Image, orientation: int, limits: ImageLimits
) -> None:
    data = save(image, kind, exif=orientation_tag(orientation), quality=95)
    decoded = decode_file(data, limits)
    assert_like_pillow(decoded, data)
    is_sideways = orientation >= 5
    assert decoded.size == (ImageSize(HEIGHT, WIDTH) if is_sideways else ImageSize(WIDTH, HEIGHT))


def test_exif_in_either_byte_order(limits: ImageLimits) -> None:
    for endian in "<>":
        exif = orientation_tag(6)
        exif.endian = endian
        data = save(RGB, "JPEG", exif=exif)
        assert read_header(data).orientation == 6
        assert_like_pillow(decode_file(data, limits), data)


@pytest.mark.parametrize("value", [0, 9, 700])
def test_an_orientation_that_is_none_leaves_the_picture_as_it_is(value: int) -> None:
    assert read_header(save(RGB, "JPEG", exif=orientation_tag(value))).orientation == 1


def test_damaged_exif_leaves_the_picture_as_it_is() -> None:
    whole = orientation_tag(6).tobytes()
    for cut in range(6, len(whole)):
        header = read_header(save(RGB, "JPEG", exif=whole[:cut]))
        assert header.orientation in {1, 6}
        assert (header.width_px, header.height_px) == (WIDTH, HEIGHT)


def test_only_an_upright_jpeg_is_kept_as_it_came(limits: ImageLimits) -> None:
    upright = save(RGB, "JPEG")
    assert decode_file(upright, limits).upright_jpeg is upright
    turned = save(RGB, "JPEG", exif=orientation_tag(6))
    assert decode_file(turned, limits).upright_jpeg is None
    assert decode_file(save(RGB, "PNG"), limits).upright_jpeg is None


@pytest.mark.parametrize(
    ("size", "scale"),
    [
        ((2047, 30), 1),
        ((2048, 31), 2),
        ((2051, 1027), 2),
        ((4095, 20), 2),
        ((30, 4097), 4),
        ((8191, 40), 4),
        ((8195, 41), 8),
    ],
)
def test_a_reduced_decode_keeps_1024_pixels_and_says_its_scale(
    size: tuple[int, int], scale: int, limits: ImageLimits
) -> None:
    data = save(Image.fromarray(gradient(*size)), "JPEG", quality=95)
    reduced, full = decode_file(data, limits, min_long_side_px=1024), decode_file(data, limits)
    assert (reduced.scale, full.scale) == (scale, 1)
    assert reduced.size == full.size
    assert max(reduced.pixels.shape) >= 1024
    height, width = (-(-side // scale) for side in full.pixels.shape[:2])
    assert reduced.pixels.shape == (height, width, 3)
    # Each reduced pixel stands for scale x scale pixels of the whole picture.
    whole = full.pixels[: height * scale - scale, : width * scale - scale].astype(float)
    means = whole.reshape(height - 1, scale, width - 1, scale, 3).mean(axis=(1, 3))
    assert np.abs(means - reduced.pixels[: height - 1, : width - 1]).mean() < 2.0


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_reduced_decode_is_turned_upright(orientation: int, limits: ImageLimits) -> None:
    image = Image.fromarray(gradient(2048, 64))
    data = save(image, "JPEG", quality=95, exif=orientation_tag(orientation))
    reduced, full = decode_file(data, limits, min_long_side_px=1024), decode_file(data, limits)
    assert reduced.size == full.size
    height, width = (side // 2 for side in full.pixels.shape[:2])
    means = full.pixels.astype(float).reshape(height, 2, width, 2, 3).mean(axis=(1, 3))
    assert np.abs(means - reduced.pixels).mean() < 2.0


def test_other_formats_are_not_reduced(limits: ImageLimits) -> None:
    image = Image.fromarray(gradient(2100, 8))
    for kind in ("PNG", "WEBP", "BMP"):
        assert decode_file(save(image, kind), limits, min_long_side_px=1024).scale == 1


@pytest.mark.parametrize(
    ("data", "reason", "found"),
    [
        (b"", Reason.MISSING_IMAGE, None),
        (save(RGB, "GIF"), Reason.UNSUPPORTED_IMAGE_FORMAT, "GIF"),
        (save(RGB, "TIFF"), Reason.UNSUPPORTED_IMAGE_FORMAT, "TIFF"),
        (save(RGB, "PDF"), Reason.UNSUPPORTED_IMAGE_FORMAT, "PDF"),
        (save(RGB, "JPEG2000"), Reason.UNSUPPORTED_IMAGE_FORMAT, "JPEG 2000"),
        (save(RGB, "AVIF"), Reason.UNSUPPORTED_IMAGE_FORMAT, "HEIC or AVIF"),
        (b"\0\0\0\x18ftypheic", Reason.UNSUPPORTED_IMAGE_FORMAT, "HEIC or AVIF"),
        (b"\0\0\0\x18ftypisom", Reason.UNSUPPORTED_IMAGE_FORMAT, "MP4 or QuickTime video"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", Reason.UNSUPPORTED_IMAGE_FORMAT, "SVG"),
        (b"RIFF\x24\0\0\0WAVEfmt ", Reason.INVALID_IMAGE, None),
        (b"This is a text.", Reason.INVALID_IMAGE, None),
        (b"\0", Reason.INVALID_IMAGE, None),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_picture_file_is_refused_by_name(
    data: bytes, reason: Reason, found: str | None, limits: ImageLimits
) -> None:
    with pytest.raises(JointTrackError) as refusal:
        decode_file(data, limits)
    assert refusal.value.reason is reason
    assert refusal.value.metadata.get("format") == found
    assert refusal.value.field == "image"
