"""An H.264 video in an MP4 file that browsers play, with the source's own frame times."""

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import cv2
import numpy as np

from jointtrack_server.domain.types import Picture

TIME_BASE = Fraction(1, 90_000)
"""The clock of MPEG systems (ISO/IEC 13818-1): 1/30 s and 1001/30000 s are whole numbers of it."""

X264_OPTIONS = {"crf": "20", "preset": "veryfast"}
"""Constant quality a little above x264's default (23): thin lines and figures stay sharp."""

MP4_OPTIONS = {"movflags": "+faststart"}
"""The index first, so that playing starts before all is loaded."""


class VideoWriter:
    """Writes frames, all of the first one's size, in the order of their times.

    A picture with an odd side loses its last row or column: 4:2:0 needs even sides. A picture of
    another size than the first is fitted in, on black. Leaving ends the file.
    """

    def __init__(self, path: Path) -> None:
        self._container = av.open(str(path), "w", format="mp4", options=MP4_OPTIONS)
        self._stream: av.VideoStream | None = None
        self._last_pts = -1

    def write(self, picture: Picture, time_s: float) -> None:
        """``picture``: (height_px, width_px, 3) uint8 RGB, 2 by 2 pixels at least."""
        if self._stream is None:
            height, width = picture.shape[:2]
            self._stream = self._open(width - width % 2, height - height % 2)
        stream = self._stream
        frame = av.VideoFrame.from_ndarray(_fitted(picture, stream.width, stream.height), "rgb24")
        frame.pts = self._last_pts = max(round(time_s / TIME_BASE), self._last_pts + 1)
        frame.time_base = TIME_BASE
        self._container.mux(stream.encode(frame))

    def _open(self, width_px: int, height_px: int) -> av.VideoStream:
        stream = self._container.add_stream("libx264", options=X264_OPTIONS)
        stream.width, stream.height = width_px, height_px
        stream.pix_fmt = "yuv420p"
        stream.time_base = stream.codec_context.time_base = TIME_BASE
        return stream

    def close(self) -> None:
        if self._stream is not None:
            self._container.mux(self._stream.encode())
        self._container.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def _fitted(picture: Picture, width_px: int, height_px: int) -> Picture:
    height, width = picture.shape[:2]
    if (width - width % 2, height - height % 2) == (width_px, height_px):
        return np.ascontiguousarray(picture[:height_px, :width_px])
    scale = min(width_px / width, height_px / height)
    inner = (max(1, round(width * scale)), max(1, round(height * scale)))
    fitted = np.zeros((height_px, width_px, 3), np.uint8)
    left, top = (width_px - inner[0]) // 2, (height_px - inner[1]) // 2
    fitted[top : top + inner[1], left : left + inner[0]] = cv2.resize(
        picture, inner, interpolation=cv2.INTER_AREA
    )
    return fitted
