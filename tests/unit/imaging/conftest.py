"""Limits as the server has them."""

import pytest

from jointtrack_server.imaging.decode import ImageLimits


@pytest.fixture
def limits() -> ImageLimits:
    return ImageLimits(max_bytes=32 << 20, max_pixels=64_000_000)
