"""What of a PNG file the decoder gets to see: its pixels, and no more of them than its size has."""

import struct
import zlib

from jointtrack_server.imaging.header import damaged, png_chunks

MAX_UNCHECKED_BYTES = 4 << 20
"""Compressed pixels that are decoded unseen. They inflate a thousandfold at most, which takes about
ten seconds; to look at more of them first takes half as long as decoding them."""

_PIXEL_CHUNKS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
_STEP_BYTES = 1 << 20


def only_pixels(png: bytes) -> bytes:
    """The same picture without its animation, texts, colour profile, and what follows its end.

    OpenCV does not check the checksums of animations, inflates all texts, and takes whatever memory
    the bytes after the end claim.
    Raises JointTrackError INVALID_IMAGE if there are far more pixels than the size says.
    """
    kept = [chunk for chunk in png_chunks(png) if chunk[0] in _PIXEL_CHUNKS]
    packed = [memoryview(png)[start:end] for kind, start, end in kept if kind == b"IDAT"]
    if sum(map(len, packed)) > MAX_UNCHECKED_BYTES:
        _check_inflated(packed, 2 * _pixel_bytes(png) + _STEP_BYTES)
    return png[:8] + b"".join(png[start - 8 : end + 4] for _, start, end in kept)


def _pixel_bytes(png: bytes) -> int:
    """Of the rows, each with its filter's byte; what Adam7 adds to that is far less than half."""
    width_px, height_px, bits, colour_type = struct.unpack_from(">IIBB", png, 16)
    row_bytes = (width_px * bits * _CHANNELS.get(colour_type, 4) + 7) // 8
    return int(height_px * (1 + row_bytes))


def _check_inflated(packed: list[memoryview], max_bytes: int) -> None:
    """The decoder inflates to the end, however early it has all pixels."""
    inflate, inflated = zlib.decompressobj(), 0
    for data in packed:
        rest: bytes | memoryview = data
        while rest and not inflate.eof:
            try:
                inflated += len(inflate.decompress(rest, _STEP_BYTES))
            except zlib.error:
                return  # The decoder says so too.
            rest = inflate.unconsumed_tail
            if inflated > max_bytes:
                raise damaged("PNG", "it holds more pixels than its size says")
