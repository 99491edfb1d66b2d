"""The answers of a stream. ``detection`` and ``summary`` can be read on every one of them."""

from dataclasses import dataclass, field
from typing import ClassVar, Literal, TypeAlias

from jointtrack.errors import JointTrackError, NoPersonError
from jointtrack.types.detection import Detection
from jointtrack.types.record import Record
from jointtrack.types.summary import PersonSummary
from jointtrack.types.tables import Row, RowKind, Tabular, absent_rows, range_rows


@dataclass(frozen=True, slots=True, repr=False)
class _Answer(Tabular, Record):
    """The properties of all answers; a kind's own field of that name takes their place."""

    _is_picture: ClassVar[bool] = False

    @property
    def detection(self) -> Detection | None:
        """What was found in the frame; None in any other kind of answer."""
        return None

    @property
    def summary(self) -> "StreamSummary | None":
        """The range of motion so far; None in the answer to a frame."""
        return None

    def _rows(self, of: RowKind) -> list[Row]:
        return []


@dataclass(frozen=True, slots=True, repr=False)
class _FrameAnswer(_Answer):
    """The answer to one frame; ``capture_offset_s``: when that was taken, as it was sent."""

    sequence_id: int
    capture_offset_s: float | None = field(default=None, kw_only=True)

    def _rows(self, of: RowKind) -> list[Row]:
        start = {"sequence_id": self.sequence_id, "time_s": self.capture_offset_s}
        return [{**start, **row} for row in self._found_rows(of)]

    def _found_rows(self, of: RowKind) -> list[Row]:
        raise NotImplementedError


@dataclass(frozen=True, slots=True, repr=False)
class FrameDetection(_FrameAnswer):
    """A stream's answer: what was found in the frame."""

    detection: Detection = field()  # else the property of _Answer would count as its default
    kind: Literal["detection"] = field(default="detection", init=False)

    def _found_rows(self, of: RowKind) -> list[Row]:
        return self.detection.to_rows(of)


@dataclass(frozen=True, slots=True, repr=False)
class FrameError(_FrameAnswer):
    """A stream's answer: why the frame could not be read. The stream goes on."""

    error: JointTrackError
    kind: Literal["error"] = field(default="error", init=False)

    def _found_rows(self, of: RowKind) -> list[Row]:
        return absent_rows(of, (self.error.reason or self.error.code).lower())


@dataclass(frozen=True, slots=True, repr=False)
class FrameDropped(_FrameAnswer):
    """A stream's answer: the frame was skipped; ``dropped_count`` counts the stream's so far."""

    dropped_count: int
    kind: Literal["dropped"] = field(default="dropped", init=False)

    def _found_rows(self, of: RowKind) -> list[Row]:
        return absent_rows(of, "frame_dropped")


@dataclass(frozen=True, slots=True, repr=False)
class StreamSummary(_Answer):
    """A stream's answer to no frame: the range of motion so far.

    It comes for each SummaryRequest and, if measurements were asked for, after the last frame's
    answer. ``sequence_id``: the last frame before it; None without one. ``frame_count``: frames
    answered, those with an error or dropped included. ``duration_s``: from the first to the last
    frame's capture time; None without times. ``people``: everybody followed, in the order of first
    sight; empty when no measurements were asked for.
    """

    sequence_id: int | None
    frame_count: int
    error_count: int
    dropped_count: int
    duration_s: float | None
    people: tuple[PersonSummary, ...]
    kind: Literal["summary"] = field(default="summary", init=False)
    _own_rows: ClassVar[RowKind] = "ranges"

    @property
    def summary(self) -> "StreamSummary":
        return self

    def _rows(self, of: RowKind) -> list[Row]:
        return list(range_rows(self.people)) if of == "ranges" else []

    def person(self, track_id: str | None = None) -> PersonSummary:
        """The person of that track id; by default the one seen in most frames.

        Raises KeyError for an id that is not there, NoPersonError if nobody was followed.
        """
        if track_id is None:
            if not self.people:
                raise NoPersonError(
                    "Nobody was followed in the stream. Ask for measurements, and send frames that "
                    "show a whole person.",
                    code="NOT_FOUND",
                    reason="PERSON_NOT_FOUND",
                )
            return max(self.people, key=lambda person: person.frame_count)
        for person in self.people:
            if person.track_id == track_id:
                return person
        raise KeyError(f"{track_id} is nobody's track id in this summary")


@dataclass(frozen=True, slots=True, repr=False)
class StreamResumed(_Answer):
    """A stream's answer to no frame: it was interrupted and goes on, with no frame lost.

    Only with ``resume_timeout_s``. The server that answers from here on knows nothing of before:
    track ids, smoothing and ``dropped_count`` begin anew, and summaries cover the frames from here
    on. ``sequence_id``: the last frame answered before; None without one. ``error``: what
    interrupted it.
    """

    sequence_id: int | None
    error: JointTrackError
    kind: Literal["resumed"] = field(default="resumed", init=False)


StreamAnswer: TypeAlias = FrameDetection | FrameError | FrameDropped | StreamSummary | StreamResumed
