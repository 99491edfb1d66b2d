"""The pictures that go back: upright, without EXIF, the very file where that is one already."""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest

from tests.support.http import (
    Door,
    Pixels,
    encode,
    picture_of,
    pixels_of,
    refused,
    with_orientation,
)

WIDTH, HEIGHT = 612, 680
# What a camera stores for each EXIF orientation, made from the upright picture.
STORED: dict[int, Callable[[Any], Any]] = {
    1: lambda upright: upright,
    2: lambda upright: cv2.flip(upright, 1),
    3: lambda upright: cv2.rotate(upright, cv2.ROTATE_180),
    4: lambda upright: cv2.flip(upright, 0),
    5: cv2.transpose,
    6: lambda upright: cv2.rotate(upright, cv2.ROTATE_90_COUNTERCLOCKWISE),
    7: lambda upright: cv2.flip(cv2.transpose(upright), -1),
    8: lambda upright: cv2.rotate(upright, cv2.ROTATE_90_CLOCKWISE),
}


def difference(one: Pixels, other: Pixels) -> float:
    """Mean of the absolute differences, in grey levels."""
    return float(np.abs(one.astype(int) - other.astype(int)).mean())


def test_an_upright_jpeg_comes_back_byte_for_byte(door: Door, photo: bytes) -> None:
    assert picture_of(door.detect(photo)["image"]) == photo


@pytest.mark.parametrize("extension", [".png", ".bmp", ".webp"])
def test_other_formats_come_back_as_jpeg(door: Door, photo: bytes, extension: str) -> None:
    upright = pixels_of(photo)
    answer = door.detect(encode(extension, upright))

    returned = picture_of(answer["image"])
    assert returned.startswith(b"\xff\xd8\xff")
    assert (answer["image"]["width"], answer["image"]["height"]) == (WIDTH, HEIGHT)
    assert difference(pixels_of(returned), upright) < 4


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_turned_jpeg_comes_back_upright_without_exif(
    door: Door, photo: bytes, orientation: int
) -> None:
    upright = pixels_of(photo)
    stored = encode(".jpg", STORED[orientation](upright))
    answer = door.detect(with_orientation(stored, orientation))

    assert None not in answer["measurements"][0]["value"].values()
    for image in (answer["image"], answer["measurements"][0]["image"]):
        returned = picture_of(image)
        assert b"Exif" not in returned
        assert (image["width"], image["height"]) == (WIDTH, HEIGHT)
        assert pixels_of(returned).shape == (HEIGHT, WIDTH, 3)
        assert difference(pixels_of(returned), upright) < 8


def noise(height_px: int, width_px: int) -> Pixels:
    return np.random.default_rng(7).integers(0, 256, (height_px, width_px, 3), np.uint8)


@pytest.mark.parametrize(
    "pixels",
    [np.full((480, 360, 3), 128, np.uint8), noise(480, 360), np.full((1, 1, 3), 9, np.uint8)],
    ids=["grey", "noise", "one pixel"],
)
def test_nobody_in_the_picture(door: Door, pixels: Pixels) -> None:
    response = door.post(
        files={"image": encode(".png", pixels)}, data={"measurement": "shoulder_abduction"}
    )
    assert "Nobody" in refused(response, 422, "person_not_found", "image")


@pytest.mark.parametrize(
    ("file", "format_"),
    [
        (b"GIF89a" + bytes(64), "GIF"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(64), "HEIC"),
        (b"II*\x00" + bytes(64), "TIFF"),
        (b"%PDF-1.7" + bytes(64), "PDF"),
    ],
)
def test_formats_that_are_not_read(door: Door, file: bytes, format_: str) -> None:
    response = door.post(files={"image": file}, data={"measurement": "shoulder_abduction"})
    message = refused(response, 415, "unsupported_media_type", "image")
    assert format_ in message
    assert "JPEG, PNG, WebP or BMP" in message


def test_a_cut_off_file(door: Door, photo: bytes) -> None:
    for file in (photo[: len(photo) // 2], encode(".png", pixels_of(photo))[:5000], photo[:3]):
        response = door.post(files={"image": file}, data={"measurement": "shoulder_abduction"})
        assert "intact" in refused(response, 400, "invalid_image", "image")
