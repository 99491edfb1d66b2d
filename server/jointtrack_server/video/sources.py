"""Opens what a video can come from, with an error in words for what is none."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from jointtrack.frames import Frame
from jointtrack.video import STANDARD_INPUT, VideoFrames, video_frames
from jointtrack_server.video.job import Job


class SourceError(Exception):
    """The source cannot be read, or holds no frame."""


@dataclass(frozen=True, slots=True)
class Source:
    """Frames, once through."""

    frames: Iterator[Frame]
    reader: VideoFrames

    @property
    def total(self) -> int | None:
        """How many frames it has, if it says so."""
        return self.reader.total

    @property
    def broken(self) -> int:
        """Frames that could not be read so far."""
        return self.reader.broken


def open_source(job: Job) -> Source:
    """Reads as far as the first frame. Raises SourceError."""
    name = job.source
    if job.fps is None and Path(name).is_dir():
        raise SourceError(f"{name} is a folder of frames, which have no times: add --fps.")
    try:
        reader = video_frames(
            int(name) if name.isdecimal() else name, fps=job.fps, jpeg=job.send_jpegs
        )
        first = next(reader, None)
    except OSError as error:
        raise SourceError(f"{_spoken(name)} cannot be read: {error.strerror or error}.") from error
    except ValueError as error:
        raise SourceError(str(error)) from error
    if first is None:
        raise SourceError(
            f"{_spoken(name)} has no frames that can be read ({reader.broken} broken)."
        )
    return Source(chain([first], reader), reader)


def _spoken(name: str) -> str:
    return "standard input" if name == STANDARD_INPUT else name
