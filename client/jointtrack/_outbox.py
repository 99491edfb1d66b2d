"""The messages of one stream, from when they are read until they are answered. Pure."""

from collections import deque

from jointtrack.frames import NANOSECONDS
from jointtrack.v1 import jointtrack_service_pb2 as pb

MIN_UNANSWERED = 8
"""Twice what a server holds at once by default: it never waits for the next frame."""


class Outbox:
    """What one call after the other takes and sends; its shell lets in one thread at a time.

    ``keeps``: a message leaves it when it is answered, not when it is taken, so that a further call
    can send it again. Then the next frame is wanted only while few are unanswered.
    """

    def __init__(self, config: pb.StreamConfig, *, keeps: bool) -> None:
        self._keeps = keeps
        self._max_unanswered = max(MIN_UNANSWERED, 2 * config.max_in_flight)
        self._sums_up = bool(config.options.measurements)
        self._messages: deque[pb.StreamDetectRequest] = deque()
        self._capture_offsets_s: dict[int, float] = {}
        self._taken = 0
        self._call = 0
        self._call_ends_in_summary = False
        self._has_ended = False
        self._has_last_summary = False
        self.last_sequence_id: int | None = None

    @property
    def wants_more(self) -> bool:
        """Whether the next frame may be read."""
        return self._taken == len(self._messages) < self._max_unanswered

    @property
    def has_work(self) -> bool:
        """Whether a further call would have something to send, or only its end."""
        return bool(self._messages) or self._has_ended

    @property
    def is_finished(self) -> bool:
        """Whether all that the caller is owed has come; known only of messages that are kept."""
        owes_summary = self._sums_up and not self._has_last_summary
        is_empty = self._has_ended and not self._messages
        return self._keeps and is_empty and (self.last_sequence_id is None or not owes_summary)

    def put(self, message: pb.StreamDetectRequest) -> None:
        self._messages.append(message)
        if message.HasField("frame"):
            offset_ns = message.frame.capture_offset.ToNanoseconds()
            self._capture_offsets_s[message.frame.sequence_id] = offset_ns / NANOSECONDS

    def end(self) -> None:
        """There are no more frames."""
        self._has_ended = True

    def begin_call(self) -> int:
        """The number of a new call, which takes everything unanswered again; the old one's end."""
        self._call += 1
        self._call_ends_in_summary = False
        self._taken = 0
        return self._call

    def has_next(self, call: int) -> bool:
        """Whether ``take`` need not wait."""
        return call != self._call or self._taken < len(self._messages) or self._has_ended

    def take(self, call: int) -> pb.StreamDetectRequest | None:
        """That call's next message; None at its end."""
        if call != self._call:
            return None
        if self._taken == len(self._messages):
            return self._last_request()
        message = self._messages[self._taken]
        if self._keeps:
            self._taken += 1
        else:
            self._messages.popleft()
        self._call_ends_in_summary |= message.HasField("frame")
        return message

    def answered(self, response: pb.StreamDetectResponse) -> float | None:
        """Forgets what this answers. Returns the frame's capture time, None of what is no frame."""
        match response.WhichOneof("outcome"):
            case "detection" | "error" | "dropped":
                self.last_sequence_id = response.sequence_id
                self._forget_frame(response.sequence_id)
                return self._capture_offsets_s.pop(response.sequence_id, None)
            case "summary":
                self._forget_summary_request()
        return None

    def _last_request(self) -> pb.StreamDetectRequest | None:
        """Asks for the last summary: unasked, it ends only calls with frames."""
        was_interrupted = self._call > 1 and self.last_sequence_id is not None
        if not (self._sums_up and was_interrupted) or self._call_ends_in_summary:
            return None
        self._call_ends_in_summary = True
        return pb.StreamDetectRequest(summary_request=pb.SummaryRequest())

    def _forget_frame(self, sequence_id: int) -> None:
        while self._taken:
            message = self._messages[0]
            if message.HasField("frame") and message.frame.sequence_id > sequence_id:
                return
            self._forget_first()
            if message.HasField("frame") and message.frame.sequence_id == sequence_id:
                return

    def _forget_summary_request(self) -> None:
        if self._taken and self._messages[0].HasField("summary_request"):
            self._forget_first()
        elif self._has_ended:
            self._has_last_summary = True

    def _forget_first(self) -> None:
        self._messages.popleft()
        self._taken -= 1
