"""A file that was cut or changed on its way is refused, or decodes to the size it claims."""

import random
import time

import numpy as np
import pytest

from jointtrack_server.errors import JointTrackError, Reason
from jointtrack_server.imaging.decode import ImageLimits, decode_file
from tests.support.picture_files import FILES

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
