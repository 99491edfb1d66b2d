"""One angle over time: the median-filtered curve that every number of a summary is read from."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from jointtrack_server.motion.types import Extreme

MEDIAN_FRAMES = 5
"""Measurable frames in one median: up to two outliers among them do no harm."""

_FROM_THE_MIDDLE = (2, 1, 3, 0, 4)


@dataclass(frozen=True, slots=True, eq=False)
class Curve:
    """The measurable frames of one side, in order, and their running median.

    ``values_deg``, ``sequence_ids`` and ``capture_s`` are (m,), one for each measurable frame.
    ``medians_deg`` is (m - 4,): number i is the median of frames i to i + 4 and stands for frame
    i + 2, taken at ``median_capture_s``. Both are empty with fewer than 5 frames.
    """

    values_deg: NDArray[np.float32]
    sequence_ids: NDArray[np.int64]
    capture_s: NDArray[np.float64]
    medians_deg: NDArray[np.float32]
    median_capture_s: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        values_deg: NDArray[np.float32],
        sequence_ids: NDArray[np.int64],
        capture_s: NDArray[np.float64],
    ) -> "Curve":
        """From one value a frame, each (n,); NaN where the side was not measurable."""
        measurable = np.flatnonzero(~np.isnan(values_deg))
        values, times_s = values_deg[measurable], capture_s[measurable]
        medians = _running_median(values)
        middle = MEDIAN_FRAMES // 2
        median_times_s = times_s[middle : middle + len(medians)]
        return cls(values, sequence_ids[measurable], times_s, medians, median_times_s)

    def extreme(self, index: int) -> Extreme:
        """Median ``index``, and the frame nearest to its middle that shows just this value.

        So the frame pointed to is never the outlier that the median has removed.
        """
        window: list[float] = self.values_deg[index : index + MEDIAN_FRAMES].tolist()
        median = float(self.medians_deg[index])
        frame = index + next(place for place in _FROM_THE_MIDDLE if window[place] == median)
        return Extreme(median, int(self.sequence_ids[frame]), float(self.capture_s[frame]))

    def extremes(self) -> tuple[Extreme, Extreme] | None:
        """The first of the lowest and the first of the highest medians; None without any."""
        if not len(self.medians_deg):
            return None
        lowest, highest = int(self.medians_deg.argmin()), int(self.medians_deg.argmax())
        return self.extreme(lowest), self.extreme(highest)


def _running_median(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """(m,) to (m - 4,), by comparing: several times faster than sorting the windows."""
    count = max(len(values) - MEDIAN_FRAMES + 1, 0)
    a, b, c, d, e = (values[at : at + count] for at in range(MEDIAN_FRAMES))
    second_lowest = np.maximum(np.minimum(a, b), np.minimum(c, d))
    second_highest = np.minimum(np.maximum(a, b), np.maximum(c, d))
    low, high = np.minimum(e, second_lowest), np.maximum(e, second_lowest)
    medians: NDArray[np.float32] = np.maximum(low, np.minimum(high, second_highest))
    return medians
