"""Short videos made from the walk, and what is in a video."""

import io
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tests.support.servers import DATA

WALK = DATA / "walk_side.mp4"
FPS = 30
SEEN = 45
"""From this frame of the walk on, the whole person is in the picture."""

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Video:
    """A decoded video: frame times in seconds, and the frames, RGB."""

    times_s: list[float]
    frames: list[Pixels]


def decode(path: Path) -> Video:
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    return Video([float(frame.time or 0.0) for frame in frames], [rgb(frame) for frame in frames])


def rgb(frame: av.VideoFrame) -> Pixels:
    return frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)


@cache
def walk() -> Video:
    return decode(WALK)


def walk_pictures(count: int, start: int = SEEN) -> list[Pixels]:
    return walk().frames[start : start + count]


def write_clip(path: Path, pictures: Sequence[Pixels], times_s: Sequence[float]) -> Path:
    """An MPEG-4 video with just these times."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=FPS, options={"qscale": "3"})
        stream.height, stream.width = pictures[0].shape[:2]
        stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for picture, time_s in zip(pictures, times_s, strict=True):
            frame = av.VideoFrame.from_ndarray(picture, "rgb24")
            frame.pts, frame.time_base = round(time_s * 1000), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def even_times(count: int) -> list[float]:
    return [index / FPS for index in range(count)]


def jpeg(picture: Pixels) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "JPEG", quality=90)
    return file.getvalue()


def turn_track(path: Path) -> None:
    """Marks the video to be shown turned clockwise by 90 degrees (ISO/IEC 14496-12, tkhd)."""
    data = bytearray(path.read_bytes())
    header = data.index(b"tkhd") + len(b"tkhd")
    version = data[header]
    matrix = header + 4 + (32 if version else 20) + 16
    one = 1 << 16
    data[matrix : matrix + 36] = struct.pack(">9i", 0, one, 0, -one, 0, 0, 0, 0, 1 << 30)
    path.write_bytes(data)
