"""How large the frames of a stream are decoded."""

from collections import deque

from jointtrack_server.pipeline.options import CROPPED_LONG_SIDE_PX


class DecodeSizes:
    """Each frame as large as the crops needed it ``max_in_flight`` frames before.

    That one is answered when this one is taken in. Those between may be or not, depending on how
    busy the server is, and the same frames must always give the same numbers.
    """

    def __init__(self, max_in_flight: int) -> None:
        self._lag = max_in_flight
        self._needed: deque[int] = deque(maxlen=max_in_flight)
        self._answered = 0

    def answered(self, min_long_side_px: int) -> None:
        """After each frame, in their order: what the longer side of the next one must have."""
        self._needed.append(min_long_side_px)
        self._answered += 1

    def min_long_side_px(self, number: int) -> int:
        """Of the stream's frame ``number``, counted from 0."""
        if number < self._lag or not self._needed:
            return CROPPED_LONG_SIDE_PX
        newer = self._answered - 1 - (number - self._lag)
        return self._needed[-1 - max(newer, 0)]  # while frames are dropped, as new as there is
