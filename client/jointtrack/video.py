"""The frames of a video, ready for ``JointTrackClient.stream``."""

import os
import re
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, TypeAlias

from jointtrack._arguments import optional_above_zero
from jointtrack._mjpeg import split_jpegs
from jointtrack.frames import Frame
from jointtrack.images import ImageSource

VideoSource: TypeAlias = str | os.PathLike[str] | BinaryIO | int
"""A video file's path or URL, an open binary file, a folder of pictures, a webcam's index, or "-"
for JPEGs one after the other on standard input."""

TimedPicture: TypeAlias = tuple[ImageSource, float]
"""A picture and when it was taken: seconds since the first one."""

PICTURE_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".bmp"}
STANDARD_INPUT = "-"
READ_BYTES = 64 * 1024


class Tally:
    """Counts the frames that could not be read."""

    def __init__(self) -> None:
        self.broken = 0


class VideoFrames(Iterator[Frame]):
    """Frames numbered from 0 with their capture times, once through.

    A frame that cannot be decoded is left out. The source is closed after its last frame, or when
    this is no longer referenced.
    """

    def __init__(
        self, pictures: Iterator[TimedPicture], tally: Tally, total: int | None = None
    ) -> None:
        self._pictures = enumerate(pictures)
        self._tally = tally
        self._total = total

    def __next__(self) -> Frame:
        sequence_id, (image, capture_offset_s) = next(self._pictures)
        return Frame(image, sequence_id, capture_offset_s)

    @property
    def broken(self) -> int:
        """The frames left out so far because they could not be decoded."""
        return self._tally.broken

    @property
    def total(self) -> int | None:
        """The frames that the source says it has; None if it does not."""
        return self._total


def video_frames(
    source: VideoSource, *, fps: float | None = None, jpeg: bool = False
) -> VideoFrames:
    """The frames of a video for ``stream``: upright, with square pixels and their own times.

    ``source``: see VideoSource. Files, URLs and webcams need the extra: pip install
    'jointtrack[video]'. Pictures of a folder come in natural order of their names (9 before 10).
    ``fps``: times frames that have no time of their own: a folder needs it; JPEGs on standard input
    are otherwise timed as they arrive. A video's own timestamps always go first. ``jpeg``: make
    JPEGs of a video's pixels, some 20 times smaller and slower to make and to read: for networks.

    Raises OSError for what cannot be opened, ValueError for what is no video and for a folder
    without pictures or fps, ImportError without the extra.
    """
    optional_above_zero("fps", fps)
    if source == STANDARD_INPUT:
        return _standard_input(fps)
    if isinstance(source, (str, os.PathLike)) and Path(source).is_dir():
        return _folder(Path(source), fps)
    return _container(source, fps, jpeg=jpeg)


def _container(source: VideoSource, fps: float | None, *, jpeg: bool) -> VideoFrames:
    try:
        from jointtrack import _av  # noqa: PLC0415 - only with the extra
    except ImportError as error:
        raise ImportError(
            "Reading videos needs PyAV: pip install 'jointtrack[video]'.",
            name=error.name,
        ) from error
    tally = Tally()
    video = _av.Video(source, fps)
    return VideoFrames(video.pictures(tally, jpeg=jpeg), tally, video.total)


def _folder(folder: Path, fps: float | None) -> VideoFrames:
    if fps is None:
        raise ValueError(f"{folder} is a folder of pictures, which have no times: give fps.")
    paths = [path for path in folder.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES]
    if not paths:
        raise ValueError(f"{folder} has no pictures ({', '.join(sorted(PICTURE_SUFFIXES))}).")
    paths.sort(key=_natural)
    return VideoFrames(
        ((path, index / fps) for index, path in enumerate(paths)), Tally(), len(paths)
    )


def _natural(path: Path) -> list[tuple[int, str]]:
    """A key that sorts runs of digits by their value, so that 9 comes before 10."""
    parts = re.split(r"(\d+)", path.name)
    return [(int(part), "") if part.isdecimal() else (0, part) for part in parts]


def _standard_input(fps: float | None) -> VideoFrames:
    tally = Tally()
    chunks = iter(lambda: os.read(sys.stdin.fileno(), READ_BYTES), b"")
    return VideoFrames(_timed_jpegs(chunks, tally, fps), tally)


def _timed_jpegs(
    chunks: Iterable[bytes], tally: Tally, fps: float | None
) -> Iterator[TimedPicture]:
    start_s = None
    for index, jpeg in enumerate(split_jpegs(chunks)):
        now_s = time.monotonic() if fps is None else index / fps
        if jpeg is None:
            tally.broken += 1
            continue
        start_s = now_s if start_s is None else start_s
        yield jpeg, now_s - start_s
