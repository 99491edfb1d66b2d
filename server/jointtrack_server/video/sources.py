"""Opens what a video can come from."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

import av

from jointtrack.frames import Frame


class SourceError(Exception):
    """The source cannot be read, or holds no frame."""


@dataclass(frozen=True, slots=True)
class Source:
    """Frames, with how many there are if that is known."""

    frames: Iterator[Frame]
    total: int | None


def open_source(name: str, fps: float | None) -> Source:
    frames = _dev_frames(name)
    try:
        first = next(frames, None)
    except Exception as error:
        raise SourceError(str(error)) from error
    if first is None:
        raise SourceError(f"{name} has no frames.")
    return Source(chain([first], frames), None)


def _dev_frames(name: str) -> Iterator[Frame]:
    with av.open(name) as c:
        for f in c.decode(video=0):
            yield Frame(f.to_ndarray(format="rgb24"), None, f.time)
