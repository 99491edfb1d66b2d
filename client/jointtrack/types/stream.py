"""The answers of a stream. ``detection`` and ``summary`` can be read on every one of them."""

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from jointtrack.errors import JointTrackError, NoPersonError
from jointtrack.types.detection import Detection
from jointtrack.types.record import Record
from jointtrack.types.summary import PersonSummary


@dataclass(frozen=True, slots=True)
class _Answer(Record):
    """The properties of all answers; a kind's own field of that name takes their place."""

    @property
    def detection(self) -> Detection | None:
        """What was found in the frame; None in any other kind of answer."""
        return None

    @property
    def summary(self) -> "StreamSummary | None":
        """The range of motion so far; None in the answer to a frame."""
        return None


@dataclass(frozen=True, slots=True)
class FrameDetection(_Answer):
    """A stream's answer: what was found in the frame."""

    sequence_id: int
    detection: Detection = field()  # else the property of _Answer would count as its default
    kind: Literal["detection"] = field(default="detection", init=False)


@dataclass(frozen=True, slots=True)
class FrameError(_Answer):
    """A stream's answer: why the frame could not be read. The stream goes on."""

    sequence_id: int
    error: JointTrackError
    kind: Literal["error"] = field(default="error", init=False)


@dataclass(frozen=True, slots=True)
class FrameDropped(_Answer):
    """A stream's answer: the frame was skipped; ``dropped_count`` counts the stream's so far."""

    sequence_id: int
    dropped_count: int
    kind: Literal["dropped"] = field(default="dropped", init=False)


@dataclass(frozen=True, slots=True)
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

    @property
    def summary(self) -> "StreamSummary":
        return self

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


StreamAnswer: TypeAlias = FrameDetection | FrameError | FrameDropped | StreamSummary
