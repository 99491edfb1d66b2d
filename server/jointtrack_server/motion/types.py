"""The range of motion of a stream, as summary.proto tells it; times in seconds."""

from collections.abc import Mapping
from dataclasses import dataclass

from jointtrack_server.domain.skeleton import Side


@dataclass(frozen=True, slots=True)
class Extreme:
    """An angle in degrees, the frame that showed it and that frame's capture time."""

    value_deg: float
    sequence_id: int
    capture_s: float


@dataclass(frozen=True, slots=True)
class Repetition:
    """From the first frame that left the lower 30 % of the range to the first one back in it."""

    start_s: float
    duration_s: float
    peak: Extreme


@dataclass(frozen=True, slots=True)
class SideSummary:
    """One side's range of motion.

    ``measurable_share`` is 0..1 of the person's frames, ``mean_confidence`` 0..1 and 0 without
    values. ``minimum``, ``maximum`` and ``hold_s`` are None with fewer than 5 values.
    """

    measurable_share: float
    mean_confidence: float
    minimum: Extreme | None = None
    maximum: Extreme | None = None
    repetitions: tuple[Repetition, ...] = ()
    hold_s: float | None = None

    @property
    def range_deg(self) -> float | None:
        """Maximum minus minimum."""
        if self.minimum is None or self.maximum is None:
            return None
        return self.maximum.value_deg - self.minimum.value_deg


@dataclass(frozen=True, slots=True)
class MeasurementSummary:
    """One measurement; ``sides`` holds the sides asked for.

    ``asymmetry_deg`` is the left maximum minus the right one, ``asymmetry_share`` the difference of
    the ranges as a share of the larger one, 0..1. Both are None unless the measurement is a limb's
    and both sides have extremes.
    """

    name: str
    title: str
    body_part: str
    sides: Mapping[Side, SideSummary]
    asymmetry_deg: float | None = None
    asymmetry_share: float | None = None


@dataclass(frozen=True, slots=True)
class PersonSummary:
    """One followed person; measurements in the order asked for."""

    track_id: str
    first_sequence_id: int
    last_sequence_id: int
    frame_count: int
    measurements: tuple[MeasurementSummary, ...]


@dataclass(frozen=True, slots=True)
class StreamSummary:
    """A stream so far; people in the order of first sight.

    ``frame_count`` includes errors and dropped frames. ``duration_s`` is from the first to the last
    frame that was looked at, by capture time.
    """

    frame_count: int
    error_count: int
    dropped_count: int
    duration_s: float
    people: tuple[PersonSummary, ...]
