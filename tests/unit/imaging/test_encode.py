import io

import numpy as np
from PIL import Image

from jointtrack_server.imaging.encode import encode_jpeg
from tests.support.picture_files import gradient


def test_an_encoded_picture_is_a_jpeg_of_the_same_pixels() -> None:
    pixels = gradient(64, 40)
    encoded = encode_jpeg(pixels)
    image = Image.open(io.BytesIO(encoded.data))
    assert (image.format, image.mode, image.size) == ("JPEG", "RGB", (64, 40))
    assert (encoded.size.width_px, encoded.size.height_px) == (64, 40)
    assert encoded.media_type == "image/jpeg"
    assert len(image.getexif()) == 0
    assert np.abs(np.asarray(image).astype(int) - pixels).mean() < 2.0


def test_the_smallest_picture_can_be_encoded() -> None:
    assert Image.open(io.BytesIO(encode_jpeg(gradient(1, 1)).data)).size == (1, 1)
