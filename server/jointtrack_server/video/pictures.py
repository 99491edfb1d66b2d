"""The pixels of a frame that is on its way to the server."""

from jointtrack.images import ImageSource, RawImage
from jointtrack_server.domain.types import Picture
from jointtrack_server.errors import JointTrackError
from jointtrack_server.imaging import decode

LIMITS = decode.ImageLimits(max_bytes=2**31, max_pixels=decode.MAX_SIDE_PX**2)
"""The pictures are the caller's own: what a server takes is for the server to say."""


def picture_of(image: ImageSource) -> Picture | None:
    """Upright RGB of raw pixels or of a picture file's bytes.

    None if it cannot be decoded: the server says why.
    """
    try:
        if isinstance(image, RawImage):
            return decode.decode_raw(_raw(image), LIMITS).pixels
        assert isinstance(image, bytes)
        return decode.decode_file(image, LIMITS).pixels
    except JointTrackError:
        return None


def _raw(image: RawImage) -> decode.RawImage:
    return decode.RawImage(
        image.data,
        image.width_px,
        image.height_px,
        decode.PixelFormat[image.pixel_format.upper()],
        image.row_stride_bytes,
    )
