"""Follows a person from frame to frame: the last pose says where to look next, MoveNet's way."""

from dataclasses import dataclass, field

from jointtrack_server.domain.crop import (
    crop_around_pose,
    torso_visible,
    trunk_turn_deg,
    turn_difference_deg,
)
from jointtrack_server.domain.types import ImageSize, Keypoints
from jointtrack_server.imaging.decode import DecodedPicture
from jointtrack_server.pipeline.estimate import Candidate, estimate
from jointtrack_server.pipeline.people import (
    MAX_TRUNK_LEAN_DEG,
    People,
    Search,
    find_people,
    is_believable,
)


@dataclass(slots=True)
class PersonTracker:
    """Memory of one stream: the last pose, in a picture of ``size``, and the person's number."""

    search: Search
    track_number: int = 0
    _last: Keypoints | None = field(default=None, init=False)
    _size: ImageSize | None = field(default=None, init=False)

    @property
    def track_id(self) -> str:
        """Changes when a person was lost and somebody is found anew."""
        return str(self.track_number)

    def follow(self, picture: DecodedPicture) -> People:
        """Looks where the person was; if that fails, in the whole picture."""
        people = self._look_where_last_seen(picture)
        if people is None:
            people = find_people(picture.pixels, self.search, any_orientation=False)
            self.track_number += len(people.found)
        self._last = people.found[0].keypoints if people.found else None
        self._size = _decoded_size(picture)
        return people

    def _look_where_last_seen(self, picture: DecodedPicture) -> People | None:
        if self._last is None or self._size is None:
            return None
        size = _decoded_size(picture)
        last = self._last.copy()
        last[:, :2] *= (size.width_px / self._size.width_px, size.height_px / self._size.height_px)
        lean_deg = trunk_turn_deg(last)
        leans = turn_difference_deg(lean_deg, 0.0) > MAX_TRUNK_LEAN_DEG
        crop = crop_around_pose(last, size, lean_deg if leans else 0.0)
        if crop is None:
            return None
        seen = estimate(picture.pixels, crop, self.search.model)[0]
        return People((seen,), 1) if _is_held(seen) else None


def _is_held(seen: Candidate) -> bool:
    """The torso is still seen and the pose as a whole is believable."""
    return torso_visible(seen.keypoints) and is_believable(seen)


def _decoded_size(picture: DecodedPicture) -> ImageSize:
    height_px, width_px = picture.pixels.shape[:2]
    return ImageSize(width_px, height_px)
