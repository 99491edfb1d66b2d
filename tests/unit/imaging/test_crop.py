from dataclasses import replace

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from jointtrack_server.domain.crop import CropRegion, whole_picture
from jointtrack_server.domain.types import ImageSize, Picture
from jointtrack_server.imaging.crop import cut_crop
from tests.support.picture_files import gradient

TURNS_DEG = [0.0, 90.0, 180.0, 270.0, 33.0, 301.5]
CROP_PX = 256
MAX_EDGE_SHIFT_PX = 1.25
"""Pixels of the crop: whole ones to begin at, and half of what rounding its width leaves."""


def _spot(width: int, height: int, x_px: float, y_px: float, radius_px: float) -> Picture:
    """A soft white spot on black; pixel i spans i to i + 1."""
    y, x = np.mgrid[0:height, 0:width] + 0.5
    distance = np.hypot(x - x_px, y - y_px) / radius_px
    grey = np.rint(255 * np.exp(-(distance**2))).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)


def _moments(crop: Picture) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Centre of brightness, as fractions of the side, and the (2, 2) covariance in pixels."""
    weight = crop[:, :, 0].astype(np.float64)
    y, x = np.mgrid[0 : crop.shape[0], 0 : crop.shape[1]] + 0.5
    points = np.stack([x.ravel(), y.ravel()])
    centre = np.average(points, axis=1, weights=weight.ravel())
    return centre / crop.shape[0], np.cov(points, aweights=weight.ravel())


@pytest.mark.parametrize("turn_deg", TURNS_DEG)
@pytest.mark.parametrize("half_side_px", [50.0, 128.0, 201.7])
@pytest.mark.parametrize("spot", [(200.0, 150.0), (181.3, 139.8)])
def test_what_lies_in_a_crop_maps_back_to_where_it_is(
    turn_deg: float, half_side_px: float, spot: tuple[float, float]
) -> None:
    picture = _spot(400, 300, *spot, radius_px=8.0)
    region = CropRegion(190.4, 148.9, half_side_px, turn_deg)
    crop = cut_crop(picture, region, CROP_PX)
    centre, spread = _moments(crop.pixels)
    found = crop.to_picture @ np.array([*centre, 1.0])
    model_pixel = 2.0 * half_side_px / CROP_PX
    assert np.abs(found - spot).max() < 0.1 * max(model_pixel, 1.0)
    # Round stays round: nothing is stretched.
    widths = np.sqrt(np.linalg.eigvalsh(spread))
    assert widths[1] / widths[0] < 1.02
    assert widths.mean() == pytest.approx(8.0 / np.sqrt(2.0) / model_pixel, rel=0.06)


@pytest.mark.parametrize("quarter_turns", range(4))
def test_a_crop_of_its_own_size_is_the_pixels_themselves(quarter_turns: int) -> None:
    picture = gradient(96, 80)
    region = CropRegion(40.0, 44.0, 32.0, 90.0 * quarter_turns)
    turned = np.rot90(picture[12:76, 8:72], quarter_turns)
    np.testing.assert_array_equal(cut_crop(picture, region, 64).pixels, turned)


def test_up_in_a_turned_crop_is_right_in_the_picture() -> None:
    region = CropRegion(100.0, 50.0, 20.0, 90.0)
    top_middle = region.to_picture() @ np.array([0.5, 0.0, 1.0])
    np.testing.assert_allclose(top_middle, [120.0, 50.0])


@pytest.mark.parametrize("size", [(400, 100), (100, 400), (256, 256), (640, 480)])
def test_the_whole_picture_is_letterboxed_in_black(size: tuple[int, int]) -> None:
    width, height = size
    picture = np.full((height, width, 3), 255, np.uint8)
    crop = cut_crop(picture, whole_picture(ImageSize(width, height)), CROP_PX).pixels
    assert crop.shape == (CROP_PX, CROP_PX, 3)
    shown = (crop[:, :, 0] > 127).sum() / CROP_PX**2
    assert shown == pytest.approx(min(size) / max(size), abs=0.01)
    for row_or_column in (crop[CROP_PX // 2], crop[:, CROP_PX // 2]):
        assert row_or_column[CROP_PX // 2].tolist() == [255, 255, 255]
    assert crop[0, 0].tolist() == ([255] * 3 if width == height else [0] * 3)


def test_a_region_beyond_the_picture_is_black() -> None:
    picture = np.full((50, 60, 3), 255, np.uint8)
    for x, y in ((-1000.0, 20.0), (20.0, 1e7), (-1e9, -1e9)):
        assert not cut_crop(picture, CropRegion(x, y, 40.0), 64).pixels.any()


@pytest.mark.parametrize("size", [(1, 1), (2, 1), (1, 300), (3000, 2)])
def test_the_smallest_pictures_give_a_crop(size: tuple[int, int]) -> None:
    crop = cut_crop(gradient(*size), whole_picture(ImageSize(*size)), 192).pixels
    assert crop.shape == (192, 192, 3)
    assert crop.dtype == np.uint8


def test_the_picture_is_left_as_it_is() -> None:
    picture = gradient(30, 20)
    before = picture.copy()
    cut_crop(picture, CropRegion(10.0, 10.0, 30.0, 45.0), 64)
    np.testing.assert_array_equal(picture, before)


WHOLE_PIXELS = {
    "inside, enlarged": CropRegion(200.0, 150.0, 64.0),
    "inside, reduced": CropRegion(200.5, 150.5, 145.5),
    "over the top left": CropRegion(30.0, 20.0, 100.0),
    "over the bottom right": CropRegion(370.5, 250.5, 99.5),
    "larger than the picture": CropRegion(190.0, 160.0, 300.0),
    "the whole picture": whole_picture(ImageSize(400, 300)),
}


def _without_edge(crop: Picture) -> NDArray[np.bool_]:
    """Where the picture is shown, two pixels or more from where it ends."""
    shown: Picture = np.where(crop.any(axis=2), 255, 0).astype(np.uint8)
    return cv2.erode(shown, np.ones((5, 5), np.uint8)).astype(np.bool_)


@pytest.mark.parametrize("size_px", [192, 256])
@pytest.mark.parametrize("name", WHOLE_PIXELS)
def test_a_resized_crop_is_the_warped_one(name: str, size_px: int) -> None:
    """A full turn is no turn, but a turned crop is warped."""
    picture, region = gradient(400, 300), WHOLE_PIXELS[name]
    resized = cut_crop(picture, region, size_px)
    warped = cut_crop(picture, replace(region, turn_deg=360.0), size_px)
    inside = _without_edge(resized.pixels) & _without_edge(warped.pixels)
    assert inside.mean() > 0.2
    difference = np.abs(resized.pixels.astype(int) - warped.pixels)
    assert difference[inside].mean() < 1.5
    assert difference[inside].max() <= 4
    # At the picture's edges a warped crop fades to black where a resized one ends.
    assert difference.mean() < 2.0


@pytest.mark.parametrize("size_px", [192, 256])
@pytest.mark.parametrize("name", WHOLE_PIXELS)
def test_the_edges_of_a_resized_crop_lie_near_their_place(name: str, size_px: int) -> None:
    picture, region = gradient(400, 300), WHOLE_PIXELS[name]
    first = np.maximum(region.to_picture()[:, 2], 0.0)
    last = np.minimum(region.to_picture() @ [1.0, 1.0, 1.0], [400.0, 300.0])
    of_crop = cut_crop(picture, region, size_px).to_picture
    for edge in (first, last):
        wanted = (edge - region.to_picture()[:, 2]) / np.diag(region.to_picture())
        found = (edge - of_crop[:, 2]) / np.diag(of_crop)
        assert np.abs(found - wanted).max() * size_px <= MAX_EDGE_SHIFT_PX


@pytest.mark.parametrize("name", WHOLE_PIXELS)
def test_regions_between_pixels_are_not_warped(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cv2, "warpAffine", None)
    assert cut_crop(gradient(400, 300), WHOLE_PIXELS[name], CROP_PX).pixels.any()


@pytest.mark.parametrize("size", [(613, 401), (401, 613), (612, 401), (613, 613), (250, 37)])
@pytest.mark.parametrize("place", [(0.3, 0.4), (0.61, 0.57)])
@pytest.mark.parametrize("size_px", [192, 256])
def test_what_lies_in_a_letterbox_maps_back_to_where_it_is(
    size: tuple[int, int], place: tuple[float, float], size_px: int
) -> None:
    spot = place[0] * size[0], place[1] * size[1]
    whole = whole_picture(ImageSize(*size))
    model_pixel = 2.0 * whole.half_side_px / size_px
    picture = _spot(*size, *spot, radius_px=3.0 * model_pixel)
    crop = cut_crop(picture, whole, size_px)
    found = crop.to_picture @ np.array([*_moments(crop.pixels)[0], 1.0])
    assert np.abs(found - spot).max() < 0.1 * model_pixel


@pytest.mark.parametrize("region", [CropRegion(70.0, 60.0, 97.5), CropRegion(301.0, 211.0, 120.0)])
def test_what_lies_in_a_crop_over_the_edge_maps_back_to_where_it_is(region: CropRegion) -> None:
    on_pixels = region.on_whole_pixels()
    spot = (83.2, 91.7) if region.centre_x_px < 200.0 else (288.4, 190.6)
    crop = cut_crop(_spot(381, 277, *spot, radius_px=6.0), on_pixels, CROP_PX)
    found = crop.to_picture @ np.array([*_moments(crop.pixels)[0], 1.0])
    assert np.abs(found - spot).max() < 0.1 * max(2.0 * on_pixels.half_side_px / CROP_PX, 1.0)


@pytest.mark.parametrize(
    "centre", [(-33.0, 25.0), (93.0, 25.0), (30.0, -33.0), (30.0, 83.0), (-33.0, 83.0)]
)
@pytest.mark.parametrize("half_side_px", [8.0, 32.0])
def test_a_region_beside_the_picture_is_black(
    centre: tuple[float, float], half_side_px: float
) -> None:
    picture = np.full((50, 60, 3), 255, np.uint8)
    assert not cut_crop(picture, CropRegion(*centre, half_side_px), 64).pixels.any()
