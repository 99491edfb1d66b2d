"""The pixels of a frame that is on its way to the server."""

from pathlib import Path

import numpy as np

from jointtrack.images import ImageSource
from jointtrack_server.domain.types import Picture
from jointtrack_server.errors import JointTrackError
from jointtrack_server.imaging.decode import MAX_SIDE_PX, ImageLimits, decode_file

LIMITS = ImageLimits(max_bytes=2**31, max_pixels=MAX_SIDE_PX**2)
"""The files are the caller's own: what the server takes is the server's to say."""


def picture_of(image: ImageSource) -> Picture | None:
    """Upright RGB from an RGB array, a picture file's bytes or its path; None if it is broken."""
    if isinstance(image, np.ndarray):
        return image
    data = Path(image).read_bytes() if isinstance(image, (str, Path)) else image
    assert isinstance(data, bytes)
    try:
        return decode_file(data, LIMITS).pixels
    except JointTrackError:
        return None
