"""Opens what a video can come from."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO

import av
import numpy as np

from jointtrack.frames import Frame
from jointtrack_server.domain.types import Picture

STDIN = "-"
DEFAULT_FPS = 30.0
"""Of frames that bear no time: a folder's, and MJPEG's from stdin."""

PICTURE_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}
"""What the server decodes."""


class SourceError(Exception):
    """The source cannot be read, or holds no frame."""


@dataclass(frozen=True, slots=True)
class Source:
    """Frames, with how many there are if that is known."""

    frames: Iterator[Frame]
    total: int | None


def open_source(name: str, fps: float | None) -> Source:
    """Reads as far as the first frame. Raises SourceError."""
    source = _source(name, fps or DEFAULT_FPS)
    try:
        first = next(source.frames, None)
    except (av.FFmpegError, OSError) as error:
        raise SourceError(f"{name} is not a video that can be read: {error.strerror}.") from error
    if first is None:
        raise SourceError(f"{name} has no frames.")
    return Source(chain([first], source.frames), source.total)


def _source(name: str, fps: float) -> Source:
    path = Path(name)
    if name == STDIN:
        return Source(_jpegs(sys.stdin.buffer, fps), None)
    if name.isdecimal():
        return Source(_decoded(f"/dev/video{name}", "v4l2"), None)
    if path.is_dir():
        pictures = sorted(one for one in path.iterdir() if one.suffix.lower() in PICTURE_SUFFIXES)
        frames = (Frame(one, None, index / fps) for index, one in enumerate(pictures))
        return Source(frames, len(pictures))
    if not path.is_file():
        raise SourceError(f"there is no file or folder {name}.")
    return Source(_decoded(name, None), _frame_count(name))


def _frame_count(name: str) -> int | None:
    try:
        with av.open(name) as container:
            return container.streams.video[0].frames or None
    except (av.FFmpegError, IndexError):
        return None


def _decoded(name: str, container_format: str | None) -> Iterator[Frame]:
    """Upright frames with their times from the first one's."""
    with av.open(name, format=container_format) as container:
        if not container.streams.video:
            raise SourceError(f"{name} has no video, only sound.")
        start_s: float | None = None
        for frame in container.decode(video=0):
            time_s = frame.time or 0.0
            start_s = time_s if start_s is None else start_s
            yield Frame(_upright(frame), None, time_s - start_s)


def _upright(frame: av.VideoFrame) -> Picture:
    pixels = frame.to_ndarray(format="rgb24")
    return np.ascontiguousarray(np.rot90(pixels, round(frame.rotation / 90)))


def _jpegs(file: IO[bytes], fps: float) -> Iterator[Frame]:
    """The pictures of an MJPEG stream, undecoded."""
    with av.open(file, format="mjpeg") as container:
        packets = (bytes(packet) for packet in container.demux() if packet.size)
        for index, data in enumerate(packets):
            yield Frame(data, None, index / fps)
