"""What takes the answered frames: one class for each kind of output."""

from types import TracebackType
from typing import Self

from jointtrack_server.video.frames import AnsweredFrame
from jointtrack_server.video.job import Outcome


class Sink:
    """An output being written. ``write`` for each frame in order, ``finish`` once, then leave it.

    Leaving without ``finish`` means that the pass failed: the file is closed and thrown away.
    """

    def write(self, frame: AnsweredFrame) -> None:
        """Takes a frame in."""

    def finish(self, outcome: Outcome) -> None:
        """Completes the file."""

    def close(self) -> None:
        """Releases the file."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
