"""Follows people from frame to frame: the last pose says where to look next, MoveNet's way.

Each person is looked for where their last pose and pace put them. When somebody is lost, or there
is room for somebody new, the whole picture is searched as in a still. What is seen is given to the
person it continues best, so that ids survive a crossing and a short occlusion.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from jointtrack_server.domain.crop import (
    CropRegion,
    crop_around_pose,
    torso_visible,
    trunk_turn_deg,
    turn_difference_deg,
)
from jointtrack_server.domain.similarity import object_keypoint_similarity
from jointtrack_server.domain.types import (
    ImageSize,
    Keypoints,
    Point,
    columns,
    scaled,
    torso_centre,
)
from jointtrack_server.imaging.decode import DecodedPicture
from jointtrack_server.pipeline.estimate import Candidate, estimate
from jointtrack_server.pipeline.options import CROPPED_LONG_SIDE_PX
from jointtrack_server.pipeline.people import (
    MAX_TRUNK_LEAN_DEG,
    Search,
    find_people,
    is_among,
    is_believable,
)

MAX_LOST_S = 1.0
"""Somebody lost for longer is somebody new when found again."""

SEARCH_INTERVAL_S = 0.3
"""How often the whole picture is searched for more people while there is room for them."""

MAX_STEP = 0.5
"""Share of a body's size that a person may be away from where their pace put them at once..."""

STEP_PER_S = 1.5
"""...and how that grows with each second out of sight: a walk is about one body height a second."""

PACE_MEMORY = 0.6
"""Share of the old pace kept when a new one is measured."""


class Whereabouts(NamedTuple):
    """Middle and longer side of a pose; fractions of the frame's longer side."""

    x: float
    y: float
    size: float

    @classmethod
    def of(cls, keypoints: Keypoints) -> "Whereabouts":
        xs, ys, _ = columns(keypoints)
        return cls(*torso_centre(xs, ys), max(max(xs) - min(xs), max(ys) - min(ys)))


@dataclass(slots=True, eq=False)
class Track:
    """A followed person. Positions are fractions of the frame's longer side, so frames may change
    size; ``pace`` is in such fractions a second."""

    number: int
    keypoints: Keypoints
    where: Whereabouts
    seen_s: float
    pace: Point = (0.0, 0.0)
    crop_share: float = 0.0
    """Side of the last crop as a share of the frame's longer side; 0 before the first."""

    @property
    def track_id(self) -> str:
        """Stays with the person."""
        return str(self.number)

    def predicted(self, time_s: float) -> Keypoints:
        """Where the pose is by now if the pace was kept."""
        moved = self.keypoints.copy()
        moved[:, :2] += self._way(time_s)
        return moved

    def closeness(self, where: Whereabouts, time_s: float) -> float:
        """How near somebody is to where this person is by now, 1 for just there; 0 is too far away
        to be the same one."""
        size = max(where.size, self.where.size)
        reach = size * (MAX_STEP + STEP_PER_S * (time_s - self.seen_s))
        way_x, way_y = self._way(time_s)
        apart = math.hypot(where.x - self.where.x - way_x, where.y - self.where.y - way_y)
        return max(1.0 - apart / reach, 0.0)

    def _way(self, time_s: float) -> Point:
        lasted_s = min(time_s - self.seen_s, MAX_LOST_S)
        return self.pace[0] * lasted_s, self.pace[1] * lasted_s

    def see(self, keypoints: Keypoints, where: Whereabouts, time_s: float) -> None:
        """Goes on at this pose."""
        elapsed_s = time_s - self.seen_s
        if elapsed_s > 0.0:
            kept, new = PACE_MEMORY, (1.0 - PACE_MEMORY) / elapsed_s
            self.pace = (
                kept * self.pace[0] + new * (where.x - self.where.x),
                kept * self.pace[1] + new * (where.y - self.where.y),
            )
        self.keypoints, self.where, self.seen_s = keypoints, where, time_s


@dataclass(frozen=True, slots=True, eq=False)
class Sighting:
    """A followed person in this frame; ``keypoints`` and ``where`` are in fractions."""

    track: Track
    candidate: Candidate
    keypoints: Keypoints
    where: Whereabouts

    def remember(self, time_s: float) -> None:
        self.track.see(self.keypoints, self.where, time_s)


@dataclass(slots=True)
class PeopleTracker:
    """The memory of one stream."""

    search: Search
    tracks: list[Track] = field(default_factory=list, init=False)
    """The people followed, those out of sight for a moment included."""
    _last_number: int = field(default=0, init=False)
    _searched_s: float = field(default=-np.inf, init=False)

    def follow(self, picture: DecodedPicture, time_s: float) -> tuple[tuple[Sighting, ...], int]:
        """The people in this frame, at most ``search.max_people``, and how many are in view.

        ``time_s`` is the capture time, not before the last frame's.
        """
        frame = _Frame(picture, ImageSize.of(picture.pixels), time_s)
        self.tracks = [one for one in self.tracks if time_s - one.seen_s <= MAX_LOST_S]
        seen = self._assign(self._look_where_expected(frame), frame)
        in_view = len(seen)
        if self._should_search(seen, time_s):
            self._searched_s = time_s
            people = find_people(picture.pixels, self.search, thorough=False)
            in_view = max(in_view, people.in_view)
            fresh = [one for one in people.found if not is_among(one, (s.candidate for s in seen))]
            seen += self._assign(fresh, frame, taken=seen)
            seen += self._welcome(fresh, seen, frame)
        for sighting in seen:
            sighting.remember(time_s)
        return tuple(sorted(seen, key=lambda sighting: sighting.track.number)), in_view

    @property
    def min_long_side_px(self) -> int:
        """What the next frame's longer side must have: less where every crop is large, as the model
        then needs fewer pixels of it."""
        shares = [track.crop_share for track in self.tracks]
        if len(shares) < self.search.max_people or not all(shares):
            return CROPPED_LONG_SIDE_PX
        return math.ceil(self.search.model.spec.input_size_px / min(shares))

    def _look_where_expected(self, frame: "_Frame") -> list[Candidate]:
        """What is seen around each expected pose; two looks at one person count once.

        With no room for more people, those out of sight are not looked for.
        """
        looks: list[Candidate] = []
        last_seen_first = sorted(self.tracks, key=lambda track: -track.seen_s)
        for track in last_seen_first[: self.search.max_people]:
            crop = _expected_crop(frame.pixels(track.predicted(frame.time_s)), frame.size)
            if crop is None:
                continue
            longer_side_px = max(frame.size.width_px, frame.size.height_px)
            track.crop_share = min(2.0 * crop.half_side_px / longer_side_px, 1.0)
            look = estimate(frame.picture.pixels, crop, self.search.model)[0]
            if _is_held(look) and not is_among(look, looks):
                looks.append(look)
        return looks

    def _assign(
        self, candidates: list[Candidate], frame: "_Frame", taken: Iterable[Sighting] = ()
    ) -> list[Sighting]:
        """Gives each candidate to the free person it continues best, the surest pairs first."""
        free = [one for one in self.tracks if one not in [sighting.track for sighting in taken]]
        pairs: list[tuple[float, Sighting]] = []
        for candidate in candidates:
            keypoints = frame.normalised(candidate.keypoints)
            where = Whereabouts.of(keypoints)
            for track in free:
                closeness = track.closeness(where, frame.time_s)
                if closeness > 0.0:
                    pairs.append((closeness, Sighting(track, candidate, keypoints, where)))
        if len(pairs) == 1:
            return [pairs[0][1]]

        def continuity(pair: tuple[float, Sighting]) -> float:
            closeness, sighting = pair
            expected = sighting.track.predicted(frame.time_s)
            return closeness + object_keypoint_similarity(sighting.keypoints, expected)

        sightings: list[Sighting] = []
        for _, sighting in sorted(pairs, key=continuity, reverse=True):
            used = [item for s in sightings for item in (s.candidate, s.track)]
            if sighting.candidate not in used and sighting.track not in used:
                sightings.append(sighting)
        return sightings

    def _should_search(self, seen: list[Sighting], time_s: float) -> bool:
        if len(seen) >= self.search.max_people:
            return False
        somebody_is_lost = not seen or len(seen) < len(self.tracks)
        return somebody_is_lost or time_s - self._searched_s >= SEARCH_INTERVAL_S

    def _welcome(
        self, fresh: list[Candidate], seen: list[Sighting], frame: "_Frame"
    ) -> list[Sighting]:
        """New people, while there is room."""
        known = [sighting.candidate for sighting in seen]
        newcomers = [one for one in fresh if one not in known]
        sightings = []
        for candidate in newcomers[: max(self.search.max_people - len(seen), 0)]:
            self._last_number += 1
            keypoints = frame.normalised(candidate.keypoints)
            where = Whereabouts.of(keypoints)
            track = Track(self._last_number, keypoints, where, frame.time_s)
            self.tracks.append(track)
            sightings.append(Sighting(track, candidate, keypoints, where))
        return sightings


@dataclass(frozen=True, slots=True, eq=False)
class _Frame:
    picture: DecodedPicture
    size: ImageSize
    time_s: float

    def normalised(self, keypoints: Keypoints) -> Keypoints:
        return scaled(keypoints, 1.0 / max(self.size.width_px, self.size.height_px))

    def pixels(self, keypoints: Keypoints) -> Keypoints:
        return scaled(keypoints, max(self.size.width_px, self.size.height_px))


def _expected_crop(keypoints: Keypoints, size: ImageSize) -> CropRegion | None:
    """MoveNet's crop around the expected pose, turned with a leaning trunk."""
    lean_deg = trunk_turn_deg(keypoints)
    leans = turn_difference_deg(lean_deg, 0.0) > MAX_TRUNK_LEAN_DEG
    crop = crop_around_pose(keypoints, size, lean_deg if leans else 0.0)
    # Cut in a third of the time; the next frame's crop lies elsewhere anyway.
    return crop.on_whole_pixels() if crop else None


def _is_held(look: Candidate) -> bool:
    """The torso is still seen and the pose as a whole is believable."""
    return torso_visible(look.keypoints) and is_believable(look)
