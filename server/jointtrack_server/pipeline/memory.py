"""What a stream remembers from frame to frame: whom it follows, and how they moved."""

from dataclasses import dataclass, field

from jointtrack_server.domain.types import ImageSize
from jointtrack_server.errors import JointTrackError
from jointtrack_server.imaging.decode import DecodedPicture
from jointtrack_server.motion.one_euro import PoseFilter
from jointtrack_server.motion.recorder import MotionRecorder
from jointtrack_server.motion.types import StreamSummary
from jointtrack_server.pipeline.frames import Dropped, StreamAnswer, StreamOptions
from jointtrack_server.pipeline.options import Detection, Seen
from jointtrack_server.pipeline.people import Search
from jointtrack_server.pipeline.tracking import PeopleTracker, Sighting

DEFAULT_FRAME_INTERVAL_S = 1.0 / 30.0
"""Between frames without a capture time."""


@dataclass(slots=True)
class StreamMemory:
    """Tracker, filters and recorder of one stream."""

    options: StreamOptions
    search: Search
    _time_s: float = field(default=0.0, init=False)
    _tracker: PeopleTracker = field(init=False)
    _recorder: MotionRecorder = field(init=False)
    _filters: dict[str, PoseFilter] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        wanted = self.options.detect.measure
        self._tracker = PeopleTracker(self.search)
        self._recorder = MotionRecorder(wanted.names, wanted.sides)

    def follow(
        self, picture: DecodedPicture, capture_s: float | None
    ) -> tuple[tuple[Seen, ...], int]:
        """The people in the next frame, and how many are in view."""
        self._time_s = self._time_s + DEFAULT_FRAME_INTERVAL_S if capture_s is None else capture_s
        sightings, in_view = self._tracker.follow(picture, self._time_s)
        seen = tuple(self._smoothed(sighting, picture) for sighting in sightings)
        followed = {track.track_id for track in self._tracker.tracks}
        self._filters = {key: one for key, one in self._filters.items() if key in followed}
        return seen, in_view

    @property
    def min_long_side_px(self) -> int:
        """As ``PeopleTracker.min_long_side_px``."""
        return self._tracker.min_long_side_px

    def record(self, answer: StreamAnswer) -> None:
        """Takes a frame's answer into the summary."""
        match answer.outcome:
            case JointTrackError():
                self._recorder.add_error()
            case Dropped():
                self._recorder.add_dropped()
            case Detection() as detection:
                people = [(one.track_id, one.measurements) for one in detection.people]
                self._recorder.add_frame(answer.sequence_id, self._time_s, people)

    def summary(self) -> StreamSummary:
        """The range of motion so far."""
        return self._recorder.summary()

    def _smoothed(self, sighting: Sighting, picture: DecodedPicture) -> Seen:
        raw, track_id = sighting.candidate.keypoints, sighting.track.track_id
        if self.options.smoothing is None:
            return Seen(raw, track_id=track_id)
        size = ImageSize.of(picture.pixels)
        smooth = self._filters.setdefault(track_id, PoseFilter(self.options.smoothing))
        return Seen(smooth.apply(raw, size, self._time_s), raw, track_id)
