"""What a stream remembers of one person: a value a frame for every side asked for."""

import math
from array import array
from collections.abc import Sequence

import numpy as np

from jointtrack_server.domain.skeleton import Side
from jointtrack_server.domain.types import Measurement, SideValue
from jointtrack_server.measurements import MEASUREMENTS, Kind
from jointtrack_server.motion.curve import Curve
from jointtrack_server.motion.repetitions import find_repetitions, longest_hold_s
from jointtrack_server.motion.types import (
    Extreme,
    MeasurementSummary,
    PersonSummary,
    SideSummary,
)

_NOT_MEASURED = SideValue(None)


class FrameTimes:
    """Which frames a person's kept values are of: 16 bytes a frame."""

    def __init__(self) -> None:
        self._sequence_ids = array("q")
        self._capture_s = array("d")

    def __len__(self) -> int:
        return len(self._sequence_ids)

    def add(self, sequence_id: int, capture_s: float) -> None:
        self._sequence_ids.append(sequence_id)
        self._capture_s.append(capture_s)

    def forget(self, count: int) -> None:
        """Drops the first ``count`` frames."""
        del self._sequence_ids[:count]
        del self._capture_s[:count]

    def curve(self, values_deg: "array[float]") -> Curve:
        """The curve of one value a kept frame, NaN where there was none."""
        return Curve.of(
            np.array(values_deg, np.float32),
            np.array(self._sequence_ids, np.int64),
            np.array(self._capture_s, np.float64),
        )


class SideSeries:
    """One side's values: 4 bytes a kept frame, NaN where there was none.

    Extremes, count and confidence cover every frame ever added.
    """

    def __init__(self) -> None:
        self._values_deg = array("f")
        self._value_count = 0
        self._confidence_sum = 0.0
        self._forgotten: tuple[Extreme, Extreme] | None = None

    def add(self, side: SideValue) -> None:
        if side.value_deg is None:
            self._values_deg.append(math.nan)
            return
        self._values_deg.append(side.value_deg if side.raw_deg is None else side.raw_deg)
        self._value_count += 1
        self._confidence_sum += side.confidence

    def forget(self, count: int, frames: FrameTimes) -> None:
        """Drops the first ``count`` values, but not their extremes; ``frames`` still has all."""
        self._forgotten = self._extremes(frames.curve(self._values_deg))
        del self._values_deg[:count]

    def summary(self, frames: FrameTimes, frame_count: int) -> SideSummary:
        """``frame_count`` is how many frames were ever added."""
        share = self._value_count / frame_count
        confidence = self._confidence_sum / self._value_count if self._value_count else 0.0
        curve = frames.curve(self._values_deg)
        extremes = self._extremes(curve)
        if extremes is None:
            return SideSummary(share, confidence)
        minimum, maximum = extremes
        repetitions = find_repetitions(curve, minimum.value_deg, maximum.value_deg)
        hold_s = longest_hold_s(curve, maximum.value_deg)
        return SideSummary(share, confidence, minimum, maximum, tuple(repetitions), hold_s)

    def _extremes(self, curve: Curve) -> tuple[Extreme, Extreme] | None:
        known = [pair for pair in (self._forgotten, curve.extremes()) if pair is not None]
        if not known:
            return None
        minima, maxima = zip(*known, strict=True)
        return min(minima, key=_value_deg), max(maxima, key=_value_deg)


class PersonSeries:
    """One person's values, from the first frame on."""

    def __init__(self, track_id: str, names: Sequence[str], sides: Sequence[Side]) -> None:
        self._track_id = track_id
        self._frames = FrameTimes()
        self._frame_count = 0
        self._first_sequence_id = 0
        self.last_sequence_id = 0
        self._series = {name: {side: SideSeries() for side in sides} for name in names}

    @property
    def kept_frame_count(self) -> int:
        return len(self._frames)

    def add(self, sequence_id: int, capture_s: float, measurements: Sequence[Measurement]) -> None:
        """One more frame with this person."""
        if self._frame_count == 0:
            self._first_sequence_id = sequence_id
        self.last_sequence_id = sequence_id
        self._frame_count += 1
        self._frames.add(sequence_id, capture_s)
        measured = {measurement.name: measurement.sides for measurement in measurements}
        for name, by_side in self._series.items():
            values = measured.get(name, {})
            for side, series in by_side.items():
                series.add(values.get(side, _NOT_MEASURED))

    def forget(self, count: int) -> None:
        """Drops the first ``count`` kept frames."""
        for by_side in self._series.values():
            for series in by_side.values():
                series.forget(count, self._frames)
        self._frames.forget(count)

    def summary(self) -> PersonSummary:
        """Of a person who was in at least one frame."""
        return PersonSummary(
            self._track_id,
            self._first_sequence_id,
            self.last_sequence_id,
            self._frame_count,
            tuple(self._measurement(name) for name in self._series),
        )

    def _measurement(self, name: str) -> MeasurementSummary:
        spec = MEASUREMENTS[name]
        sides = {
            side: series.summary(self._frames, self._frame_count)
            for side, series in self._series[name].items()
        }
        asymmetry_deg, asymmetry_share = None, None
        if spec.kind is Kind.LIMB and len(sides) == len(Side):
            asymmetry_deg, asymmetry_share = _asymmetry(sides[Side.LEFT], sides[Side.RIGHT])
        return MeasurementSummary(
            name, spec.title, spec.body_part, sides, asymmetry_deg, asymmetry_share
        )


def _asymmetry(left: SideSummary, right: SideSummary) -> tuple[float | None, float | None]:
    """Difference of the maxima in degrees, and of the ranges as a share of the larger one."""
    if left.maximum is None or right.maximum is None:
        return None, None
    assert left.range_deg is not None
    assert right.range_deg is not None
    larger_deg = max(left.range_deg, right.range_deg)
    difference_deg = abs(left.range_deg - right.range_deg)
    share = difference_deg / larger_deg if larger_deg else 0.0
    return left.maximum.value_deg - right.maximum.value_deg, share


def _value_deg(extreme: Extreme) -> float:
    return extreme.value_deg
