"""The angles of a whole stream, as numbers only: 16 bytes a frame and line."""

import math
from array import array
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


class Series:
    """One line of a plot: times and degrees, NaN where there is no value."""

    def __init__(self) -> None:
        self._times_s = array("d")
        self._values_deg = array("d")

    def add(self, time_s: float, value_deg: float | None) -> None:
        self._times_s.append(time_s)
        self._values_deg.append(math.nan if value_deg is None else value_deg)

    @property
    def times_s(self) -> NDArray[np.float64]:
        return np.array(self._times_s)

    @property
    def values_deg(self) -> NDArray[np.float64]:
        return np.array(self._values_deg)

    @property
    def has_values(self) -> bool:
        return bool(np.isfinite(self.values_deg).any())


def limits(series: Iterable[Series]) -> tuple[float, float]:
    """The lowest and highest value, or (0, 0) if there is none."""
    found = [one.values_deg[np.isfinite(one.values_deg)] for one in series]
    values = np.concatenate([*found, np.zeros(0)])
    return (float(values.min()), float(values.max())) if len(values) else (0.0, 0.0)
