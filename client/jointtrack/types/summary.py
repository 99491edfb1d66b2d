"""The range of motion that a stream has shown. Times are seconds on the frames' own clock."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from jointtrack.types.record import Record, find


@dataclass(frozen=True, slots=True, repr=False)
class Extreme(Record):
    """A value in degrees and the frame that reached it.

    ``capture_offset_s``: when that was; None if the frame had no capture time.
    """

    value_deg: float
    sequence_id: int
    capture_offset_s: float | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Repetition(Record):
    """One repetition, from leaving the lower third of the range to being back in it."""

    start_s: float
    duration_s: float
    peak: Extreme


@dataclass(frozen=True, slots=True, repr=False)
class SideSummary(Record):
    """One side's range of motion.

    ``measurable_share``: the person's frames in which the side had a value, 0..1; None if the side
    was not asked for. ``mean_confidence``: of those values, 0.3..1; None if there were none.
    ``minimum``, ``maximum``, ``range_deg``: None if there were fewer than 5. ``repetitions``: none
    if the range is under 15 degrees. ``hold_s``: the longest time without a break within 5 degrees
    of the maximum; None without one.
    """

    measurable_share: float | None = None
    mean_confidence: float | None = None
    minimum: Extreme | None = None
    maximum: Extreme | None = None
    range_deg: float | None = None
    repetitions: tuple[Repetition, ...] = ()
    hold_s: float | None = None


@dataclass(frozen=True, slots=True, repr=False)
class MeasurementSummary(Record):
    """One measurement over the stream. ``sides`` has both "left" and "right", asked for or not.

    ``asymmetry_deg``: left maximum minus right maximum, in degrees. ``asymmetry_share``: the
    difference of the two ranges as a share of the larger one, 0..1. Both only for limbs with both
    sides measured, else None.
    """

    name: str
    title: str = field(repr=False)
    body_part: str = field(repr=False)
    sides: Mapping[str, SideSummary]
    asymmetry_deg: float | None = None
    asymmetry_share: float | None = None

    @property
    def left(self) -> SideSummary:
        """The subject's left side; all None if it was not asked for."""
        return self.sides["left"]

    @property
    def right(self) -> SideSummary:
        """The subject's right side; all None if it was not asked for."""
        return self.sides["right"]


@dataclass(frozen=True, slots=True, repr=False)
class PersonSummary(Record):
    """One followed person: the first and last frame, the frames seen, and what was measured."""

    track_id: str
    first_sequence_id: int
    last_sequence_id: int
    frame_count: int
    measurements: tuple[MeasurementSummary, ...] = ()

    def angle(self, name: str) -> MeasurementSummary:
        """The measurement of that name; KeyError if it was not asked for."""
        return find(self.measurements, name)
