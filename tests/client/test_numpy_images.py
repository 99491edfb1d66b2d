from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from jointtrack import InvalidRequestError, PixelFormat, RawImage
from jointtrack.images import image_message
from jointtrack.testing import FakeServer
from jointtrack.v1 import image_pb2

if TYPE_CHECKING:
    from tests.client.conftest import Shell

RGB = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)


def test_an_array_is_rgb() -> None:
    raw = image_message(RGB).raw
    assert (raw.width_px, raw.height_px) == (3, 2)
    assert raw.pixel_format == image_pb2.PIXEL_FORMAT_RGB24
    assert raw.data == bytes(range(18))


def test_two_dimensions_are_grey() -> None:
    raw = image_message(RGB[:, :, 0]).raw
    assert raw.pixel_format == image_pb2.PIXEL_FORMAT_GRAY8
    assert raw.data == bytes([0, 3, 6, 9, 12, 15])


def test_opencv_order_is_said_aloud() -> None:
    raw = image_message(RawImage.from_array(RGB, PixelFormat.BGR24)).raw
    assert raw.pixel_format == image_pb2.PIXEL_FORMAT_BGR24
    assert raw.data == bytes(range(18))


def test_views_are_packed() -> None:
    assert image_message(RGB[:, ::-1]).raw.data == RGB[:, ::-1].tobytes()
    assert image_message(RGB[..., ::-1]).raw.data == RGB[..., ::-1].tobytes()


@pytest.mark.parametrize(
    "array",
    [
        RGB.astype(np.float32),
        RGB.astype(np.int8),
        np.zeros((2, 3, 4), np.uint8),
        np.zeros(3, np.uint8),
        np.zeros((1, 2, 3, 3), np.uint8),
        np.zeros((0, 3, 3), np.uint8),
    ],
)
def test_other_arrays_are_refused(array: NDArray[np.generic]) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        image_message(array)
    assert caught.value.reason == "INVALID_IMAGE"


def test_grey_is_not_bgr() -> None:
    with pytest.raises(InvalidRequestError, match="does not fit"):
        RawImage.from_array(RGB[:, :, 0], "bgr24")


def test_detect_and_stream_and_measure_take_arrays(server: FakeServer, shell: "Shell") -> None:
    shell.detect(RGB)
    assert server.detect.requests[0].image.raw.data == RGB.tobytes()
    shell.stream([RGB, RGB])
    assert server.frame.requests[1].image.raw.width_px == 3
    keypoints = np.arange(51, dtype=np.float32).reshape(17, 3)
    shell.measure(keypoints, (640, 480), "knee_flexion")
    sent = server.measure.requests[0].keypoints
    assert [(item.x_px, item.y_px, item.score) for item in sent] == [
        tuple(row) for row in keypoints.tolist()
    ]


def test_pillows_pictures_are_told_how_to_become_arrays() -> None:
    picture = Image.fromarray(RGB)
    with pytest.raises(TypeError, match=r"numpy\.asarray\(ImageOps\.exif_transpose\(image\)"):
        image_message(picture)
    assert image_message(np.asarray(ImageOps.exif_transpose(picture))).raw.data == RGB.tobytes()
