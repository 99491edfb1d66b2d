"""Decoded frames to pictures that can be sent: upright, with square pixels."""

import struct
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, TypeAlias, cast

import av
import av.filter

from jointtrack.images import RawImage
from jointtrack.names import PixelFormat

Orientation: TypeAlias = tuple[int, int, int, int]
"""The signs of a display matrix's a, b, c, d: a pixel at (x, y) is shown at (a x + c y, b x + d y),
y down (ISO/IEC 14496-12, 6.2.2)."""

UPRIGHT: Orientation = (1, 0, 0, 1)
FILTERS: Mapping[Orientation, tuple[tuple[str, str], ...]] = {
    (0, 1, -1, 0): (("transpose", "clock"),),
    (-1, 0, 0, -1): (("hflip", ""), ("vflip", "")),
    (0, -1, 1, 0): (("transpose", "cclock"),),
    (-1, 0, 0, 1): (("hflip", ""),),
    (1, 0, 0, -1): (("vflip", ""),),
    (0, 1, 1, 0): (("transpose", "cclock_flip"),),
    (0, -1, -1, 0): (("transpose", "clock_flip"),),
}
"""FFmpeg's filters that turn a frame upright. No camera writes any other matrix."""
QUARTER_TURNS: Mapping[int, Orientation] = {
    90: (0, -1, 1, 0),
    180: (-1, 0, 0, -1),
    -180: (-1, 0, 0, -1),
    -90: (0, 1, -1, 0),
}
"""Orientation by FFmpeg's angle, which is counter-clockwise."""

MATRIX = struct.Struct("=9i")
HALF = 1 << 15
"""Of the matrix's 16.16 fixed-point numbers."""

JPEG_OPTIONS = {"qmin": "3", "qmax": "3", "huffman": "default"}
"""FFmpeg's scale is 2 (the best) to 31. At 3 a frame of 1000 x 550 pixels has about 80 KB."""


class PictureMaker:
    """Makes the pictures of one stream.

    ``pixel_aspect``: a pixel's width over its height; angles need square pixels, so the shorter
    side is stretched. ``jpeg``: JPEG files instead of RGB pixels.
    """

    def __init__(self, pixel_aspect: Fraction | None, *, jpeg: bool) -> None:
        self._pixel_aspect = float(pixel_aspect or 1)
        self._turner = _Turner()
        self._encode: Callable[[av.VideoFrame], RawImage | bytes] = _JpegEncoder() if jpeg else _raw

    def __call__(self, frame: av.VideoFrame) -> RawImage | bytes:
        turn = _orientation(frame)
        return self._encode(self._turner.upright(self._square(frame), turn))

    def _square(self, frame: av.VideoFrame) -> av.VideoFrame:
        if self._pixel_aspect > 1.0:
            return frame.reformat(width=round(frame.width * self._pixel_aspect))
        if self._pixel_aspect < 1.0:
            return frame.reformat(height=round(frame.height / self._pixel_aspect))
        return frame


class _Turner:
    """Turns frames by a filter that is kept for as long as their size and format stay."""

    def __init__(self) -> None:
        self._kind: tuple[Any, ...] = ()
        self._graph = av.filter.Graph()

    def upright(self, frame: av.VideoFrame, orientation: Orientation) -> av.VideoFrame:
        filters = FILTERS.get(orientation)
        if filters is None:
            return frame
        kind = (frame.width, frame.height, frame.format.name, orientation)
        if kind != self._kind:
            self._graph = _graph(frame, filters)
            self._kind = kind
        self._graph.vpush(frame)
        return self._graph.vpull()


def _graph(frame: av.VideoFrame, filters: tuple[tuple[str, str], ...]) -> av.filter.Graph:
    graph = av.filter.Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
    )
    turns = [graph.add(name, arguments) for name, arguments in filters]
    graph.link_nodes(source, *turns, graph.add("buffersink")).configure()
    return graph


def _orientation(frame: av.VideoFrame) -> Orientation:
    """From the display matrix that phones write."""
    try:
        matrix = cast(Any, frame.side_data).get("DISPLAYMATRIX")
    except ValueError:  # beside it is a kind of side data that PyAV does not know
        return QUARTER_TURNS.get(frame.rotation, UPRIGHT)
    if matrix is None:
        return UPRIGHT
    a, b, _, c, d, *_ = (
        (number > HALF) - (number < -HALF) for number in MATRIX.unpack(bytes(matrix))
    )
    return (a, b, c, d)


def _raw(frame: av.VideoFrame) -> RawImage:
    rgb = frame.reformat(format="rgb24")
    (plane,) = rgb.planes
    return RawImage(bytes(plane), rgb.width, rgb.height, PixelFormat.RGB24, plane.line_size)


class _JpegEncoder:
    """Makes each frame a JPEG file by itself."""

    def __init__(self) -> None:
        self._size = (0, 0)
        self._count = 0

    def __call__(self, frame: av.VideoFrame) -> bytes:
        if (frame.width, frame.height) != self._size:
            self._size = (frame.width, frame.height)
            self._codec = self._open()
        full_range = frame.reformat(format="yuvj420p")
        full_range.pts = self._count
        full_range.time_base = self._codec.time_base
        self._count += 1
        (packet,) = self._codec.encode(full_range)
        return bytes(packet)

    def _open(self) -> av.VideoCodecContext:
        codec = av.CodecContext.create("mjpeg", "w")
        codec.width, codec.height = self._size
        codec.pix_fmt = "yuvj420p"
        codec.time_base = Fraction(1, 30)
        codec.thread_count = 1  # more would hold frames back
        codec.options = JPEG_OPTIONS
        return codec
