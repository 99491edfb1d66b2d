"""What the contract promises of a stream, as a model that a real one is held against."""

from collections import deque
from dataclasses import dataclass, field

from google.rpc import error_details_pb2, status_pb2

from jointtrack.v1 import jointtrack_service_pb2 as service_pb2

NO_FRAME = -1
Answer = service_pb2.StreamDetectResponse


@dataclass(frozen=True, slots=True)
class Expected:
    """One answer: to a frame, with a ``reason`` if it is bad, or a summary."""

    sequence_id: int
    reason: str = ""
    is_summary: bool = False


@dataclass(slots=True)
class StreamModel:
    """Told every message in order, it knows what must be answered and how the stream ends.

    ``end`` is the reason of the status that ends it, ``None`` as long as nothing is wrong.
    """

    max_bad_frames: int
    expected: deque[Expected] = field(default_factory=deque)
    end: str | None = None
    is_configured: bool = False
    drops_frames: bool = False
    measures: bool = False
    is_done: bool = False
    last_id: int = NO_FRAME
    _bad_in_a_row: int = 0
    _dropped: int = 0

    def configured(self, config: service_pb2.StreamConfig, refused_for: str | None) -> None:
        if self.is_configured:
            self._ends("REPEATED_STREAM_CONFIG")
        elif refused_for is not None:
            self._ends(refused_for)
        elif self.end is None:
            self.is_configured = True
            self.drops_frames = config.overflow == service_pb2.OVERFLOW_LATEST
            self.measures = bool(config.options.measurements)

    def framed(self, sequence_id: int, reason: str) -> None:
        if not self.is_configured:
            self._ends("MISSING_STREAM_CONFIG")
        elif sequence_id <= self.last_id:
            self._ends("SEQUENCE_ID_NOT_INCREASING")
        elif self.end is None:
            self.last_id = sequence_id
            self.expected.append(Expected(sequence_id, reason))

    def asked_for_summary(self) -> None:
        if not self.is_configured:
            self._ends("MISSING_STREAM_CONFIG")
        elif self.end is None:
            self.expected.append(Expected(self.last_id, is_summary=True))

    def sent_nothing(self) -> None:
        self._ends("REPEATED_STREAM_CONFIG" if self.is_configured else "MISSING_STREAM_CONFIG")

    def sent_garbage(self) -> None:
        self._ends("INVALID_REQUEST")

    def half_closed(self) -> None:
        self.is_done = True
        if self.end is None and self.measures and self.last_id != NO_FRAME:
            self.expected.append(Expected(self.last_id, is_summary=True))

    def _ends(self, reason: str) -> None:
        """The first thing wrong ends the stream; what follows is not read."""
        if self.end is None:
            self.end = reason

    def check(self, answer: Answer) -> None:
        """Whether ``answer`` is what comes next."""
        expected = self.expected.popleft()
        outcome = answer.WhichOneof("outcome")
        assert answer.sequence_id == expected.sequence_id
        if expected.is_summary:
            assert outcome == "summary"
            return
        if outcome == "dropped":
            self._dropped += 1
            assert self.drops_frames
            assert answer.dropped.dropped_count == self._dropped
        elif expected.reason:
            assert outcome == "error"
            assert reason_of(answer.error) == expected.reason
        else:
            assert outcome == "detection"
        self._bad_in_a_row = self._bad_in_a_row + 1 if outcome == "error" else 0
        if self._bad_in_a_row > self.max_bad_frames:
            self.end = "TOO_MANY_BAD_FRAMES"
            self.expected.clear()


def reason_of(status: status_pb2.Status) -> str:
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    return str(info.reason)
