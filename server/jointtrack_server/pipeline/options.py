"""What a caller may ask of one picture, and what comes back."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from jointtrack_server.domain.types import (
    Box,
    ImageSize,
    Keypoints,
    Measurement,
    MeasureOptions,
    Pose,
)
from jointtrack_server.engines.catalogue import ModelSpec
from jointtrack_server.imaging.encode import EncodedPicture
from jointtrack_server.pipeline.people import SearchMode

CROPPED_LONG_SIDE_PX = 1024
"""What a reduced decode leaves of a picture that crops are cut from: a person's crop then still has
the model's input size (docs/accuracy.md)."""

MAX_PEOPLE = 6
"""MoveNet MultiPose returns no more."""


@dataclass(frozen=True, slots=True)
class ImageUrl:
    """A picture to be fetched."""

    url: str


@dataclass(frozen=True, slots=True)
class DetectOptions:
    """Options of one picture, checked by the door that took them in."""

    model: ModelSpec
    measure: MeasureOptions = field(default_factory=MeasureOptions)
    search: SearchMode = SearchMode.FIND_PEOPLE
    region: Box | None = None
    max_people: int = 1
    include_overlays: bool = False
    include_image: bool = False

    @property
    def min_long_side_px(self) -> int | None:
        """What the longer side of the decoded picture must have; ``None`` for all of it."""
        if self.include_overlays or self.include_image:
            return None
        if self.search is SearchMode.WHOLE_PICTURE and self.region is None:
            return self.model.input_size_px
        return CROPPED_LONG_SIDE_PX


@dataclass(slots=True)
class Timings:
    """Milliseconds spent on one picture; whoever ends a stage writes down what it took."""

    queue_ms: float = 0.0
    fetch_ms: float = 0.0
    decode_ms: float = 0.0
    infer_ms: float = 0.0
    measure_ms: float = 0.0
    overlay_ms: float = 0.0


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody found; ``overlays`` by measurement name, empty unless asked for.

    ``raw_pose`` is what the model saw in this frame, where ``pose`` is smoothed.
    """

    pose: Pose
    box: Box
    measurements: tuple[Measurement, ...]
    overlays: Mapping[str, EncodedPicture] = field(default_factory=dict)
    track_id: str = ""
    raw_pose: Pose | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """A person as seen in a decoded picture, in its pixels; ``raw`` as in ``Person``."""

    keypoints: Keypoints
    raw: Keypoints | None = None
    track_id: str = ""


@dataclass(frozen=True, slots=True)
class Detection:
    """What was found in one picture; ``image`` is the upright picture, if asked for."""

    image_size: ImageSize
    people: tuple[Person, ...]
    timings: Timings
    image: EncodedPicture | None = None
