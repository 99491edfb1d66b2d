"""Records a stream's measurements and tells the range of motion shown so far."""

from collections.abc import Iterable, Sequence

from jointtrack_server.domain.skeleton import Side
from jointtrack_server.domain.types import Measurement
from jointtrack_server.motion.series import PersonSeries
from jointtrack_server.motion.types import StreamSummary

MAX_KEPT_FRAMES = 108_000
"""Frames remembered, those of all people added up: an hour of one person at 30 frames a second."""

FORGET_SHARE = 8
"""When they are too many, the longest memory loses this part (one in ...) of its frames."""

MAX_PEOPLE = 64
"""People remembered. One more, and whoever was last seen the longest ago is forgotten."""


class MotionRecorder:
    """One stream's memory for its summary; not to be used by two threads at once.

    A value takes 4 bytes, a person's frame 16 more. Memory is bounded: with more than
    ``MAX_KEPT_FRAMES`` the oldest are forgotten. Minimum, maximum, shares, confidences and counts
    still cover the whole stream then, repetitions and hold only the frames remembered.
    """

    def __init__(self, names: Sequence[str], sides: Sequence[Side]) -> None:
        """``names`` are from MEASUREMENTS, each once; without any nobody is recorded."""
        self._names = tuple(names)
        self._sides = tuple(sides)
        self._people: dict[str, PersonSeries] = {}
        self._frame_count = 0
        self._error_count = 0
        self._dropped_count = 0
        self._first_s: float | None = None
        self._last_s = 0.0

    def add_frame(
        self,
        sequence_id: int,
        capture_s: float,
        people: Iterable[tuple[str, Sequence[Measurement]]],
    ) -> None:
        """A frame that was looked at, with each person's track id and measurements."""
        self._frame_count += 1
        self._last_s = capture_s
        if self._first_s is None:
            self._first_s = capture_s
        if not self._names:
            return
        for track_id, measurements in people:
            person = self._people.get(track_id)
            if person is None:
                person = self._people[track_id] = PersonSeries(track_id, self._names, self._sides)
            person.add(sequence_id, capture_s, measurements)
        self._bound_memory()

    def add_error(self) -> None:
        """A frame that was answered with an error."""
        self._frame_count += 1
        self._error_count += 1

    def add_dropped(self) -> None:
        """A frame that was skipped."""
        self._frame_count += 1
        self._dropped_count += 1

    def summary(self) -> StreamSummary:
        """The stream so far; can be asked for at any time and changes nothing."""
        first_s = self._last_s if self._first_s is None else self._first_s
        return StreamSummary(
            self._frame_count,
            self._error_count,
            self._dropped_count,
            max(self._last_s - first_s, 0.0),
            tuple(person.summary() for person in self._people.values()),
        )

    def _bound_memory(self) -> None:
        people = self._people
        while len(people) > MAX_PEOPLE:
            del people[min(people, key=lambda track_id: people[track_id].last_sequence_id)]
        if sum(person.kept_frame_count for person in people.values()) > MAX_KEPT_FRAMES:
            longest = max(people.values(), key=lambda person: person.kept_frame_count)
            longest.forget(max(longest.kept_frame_count // FORGET_SHARE, 1))
