"""Finds the people in a still picture: the chain that was measured to work best (docs/accuracy.md).

MultiPose finds the people; the chosen model looks at each one's crop, and once more at the crop
turned upright when the trunk leans; the look with the higher mean score stays. Where MultiPose sees
nobody, two passes of the chosen model do: they still see people too small for it.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from jointtrack_server.domain.crop import (
    CropRegion,
    crop_around_box,
    crop_around_pose,
    trunk_turn_deg,
    turn_difference_deg,
    whole_picture,
)
from jointtrack_server.domain.similarity import keypoint_similarities, object_keypoint_similarity
from jointtrack_server.domain.types import Box, ImageSize, Picture
from jointtrack_server.engines.base import PoseModel
from jointtrack_server.pipeline.estimate import Candidate, estimate

MIN_PERSON_SCORE = 0.3
"""Mean keypoint score under which a pose is wrong in four of five cases (docs/accuracy.md)."""

MIN_PERSON_KEYPOINTS = 5
"""Keypoints with that score that a person must have."""

MIN_CANDIDATE_SCORE = 0.15
"""MultiPose's person score from which a closer look is worth it."""

MIN_UNCONFIRMED_SCORE = 0.25
"""tfjs-models ``DEFAULT_MIN_POSE_SCORE``: MultiPose's person score from which its pose counts even
if no closer look confirms it. A scene without people, also turned, gives up to 0.16."""

MAX_TRUNK_LEAN_DEG = 35.0
"""Lean of the trunk from which a second look at the turned crop pays (docs/accuracy.md)."""

SAME_PLACE_SIMILARITY = 0.9
"""OKS' term of one keypoint from which two looks see the joint at the same place."""

SAME_PERSON_OKS = 0.7
"""Two poses more alike than this are one person."""

QUARTER_TURNS_DEG = (90.0, 180.0, 270.0)
"""Tried when nothing convinces: photos that lost their orientation, people upside down."""


class SearchMode(StrEnum):
    """How the people in a picture are found."""

    FIND_PEOPLE = "find_people"
    TWO_PASS = "two_pass"
    WHOLE_PICTURE = "whole_picture"


@dataclass(frozen=True, slots=True)
class Search:
    """What to look with and for; ``finder`` is MultiPose."""

    model: PoseModel
    finder: PoseModel
    mode: SearchMode = SearchMode.FIND_PEOPLE
    region: Box | None = None
    max_people: int = 1


@dataclass(frozen=True, slots=True)
class People:
    """The people found, most prominent first; ``in_view`` counts those not returned too."""

    found: tuple[Candidate, ...]
    in_view: int

    @classmethod
    def reliable(cls, candidate: Candidate) -> "People":
        """One person, or nobody if the pose is not to be believed."""
        found = (candidate,) if is_believable(candidate) else ()
        return cls(found, len(found))


NOBODY = People((), 0)


def find_people(picture: Picture, search: Search, *, thorough: bool = True) -> People:
    """Finds up to ``search.max_people`` people whose mean keypoint score is at least 0.3.

    When nobody is found, a ``thorough`` search also tries two passes, for small people whom
    MultiPose misses, and the picture on its sides and upside down. Streams, which look again at the
    next frame, do without.
    """
    if search.region is not None:
        crop = crop_around_box(search.region)
        return People.reliable(look_closely(picture, crop, search.model))
    find = _MODES[search.mode]
    people = find(picture, search, 0.0)
    if people.found or not thorough or search.mode is SearchMode.WHOLE_PICTURE:
        return people
    if search.mode is SearchMode.FIND_PEOPLE:
        people = _find_in_two_passes(picture, search, 0.0)
        if people.found:
            return people
    turned = (find(picture, search, turn_deg) for turn_deg in QUARTER_TURNS_DEG)
    return max(turned, key=lambda found: sum(one.mean_score for one in found.found))


def is_believable(candidate: Candidate) -> bool:
    """A mean score of at least 0.3, and at least 5 keypoints that reach it."""
    scores: list[float] = candidate.keypoints[:, 2].tolist()
    enough = sum([score >= MIN_PERSON_SCORE for score in scores]) >= MIN_PERSON_KEYPOINTS
    return enough and candidate.mean_score >= MIN_PERSON_SCORE


def look_closely(picture: Picture, crop: CropRegion, model: PoseModel) -> Candidate:
    """The best look at the person in the crop: as it is, turned upright, or turned by quarters."""
    best = estimate(picture, crop, model)[0]
    lean_deg = trunk_turn_deg(best.keypoints)
    if turn_difference_deg(lean_deg, crop.turn_deg) > MAX_TRUNK_LEAN_DEG:
        best = _better(best, estimate(picture, crop.turned(lean_deg), model)[0])
    if best.mean_score < MIN_PERSON_SCORE:
        for turn_deg in QUARTER_TURNS_DEG:
            turned = crop.turned(crop.turn_deg + turn_deg)
            best = _better(best, estimate(picture, turned, model)[0])
    return best


def _better(a: Candidate, b: Candidate) -> Candidate:
    return b if b.mean_score > a.mean_score else a


def _crop(picture: Picture, candidate: Candidate, turn_deg: float) -> CropRegion:
    crop = crop_around_pose(candidate.keypoints, ImageSize.of(picture), turn_deg)
    return crop or crop_around_box(candidate.box, turn_deg)


def _find_with_multipose(picture: Picture, search: Search, turn_deg: float) -> People:
    whole = whole_picture(ImageSize.of(picture), turn_deg)
    seen = [
        candidate
        for candidate in estimate(picture, whole, search.finder)
        if candidate.score >= MIN_CANDIDATE_SCORE
    ]
    found: list[Candidate] = []
    for candidate in seen:
        if len(found) == search.max_people:
            break
        for look in _looks(picture, candidate, search, turn_deg):
            if is_believable(look) and not is_among(look, found):
                found.append(look)
                break
    return People(tuple(found), max(_count_distinct(seen), len(found)))


def _count_distinct(seen: list[Candidate]) -> int:
    distinct: list[Candidate] = []
    for candidate in seen:
        if is_believable(candidate) and not is_among(candidate, distinct):
            distinct.append(candidate)
    return len(distinct)


def _looks(
    picture: Picture, candidate: Candidate, search: Search, turn_deg: float
) -> Iterator[Candidate]:
    """The closer look, then MultiPose's own, for when the closer one slips to a neighbour."""
    credible = candidate.score >= MIN_UNCONFIRMED_SCORE
    if search.model is not search.finder:
        look = look_closely(picture, _crop(picture, candidate, turn_deg), search.model)
        yield _confirmed(look, candidate)
        credible = credible or is_believable(look)
    if credible:
        yield candidate


def _confirmed(look: Candidate, earlier: Candidate) -> Candidate:
    """The look, with the higher of both scores for joints that both see at the same place.

    A joint in front of a busy background can score 0.2 or 0.5 in crops that differ by a pixel; that
    an earlier look had it at the same place says which of the two to believe.
    """
    similarities = keypoint_similarities(look.keypoints, earlier.keypoints)
    both = zip(
        look.keypoints[:, 2].tolist(), earlier.keypoints[:, 2].tolist(), similarities, strict=True
    )
    keypoints = look.keypoints.copy()
    keypoints[:, 2] = [
        max(score, before) if alike >= SAME_PLACE_SIMILARITY else score
        for score, before, alike in both
    ]
    return replace(look, keypoints=keypoints)


def is_among(look: Candidate, others: Iterable[Candidate]) -> bool:
    """Whether one of the others is the same person."""
    return any(
        object_keypoint_similarity(look.keypoints, other.keypoints) > SAME_PERSON_OKS
        for other in others
    )


def _find_in_two_passes(picture: Picture, search: Search, turn_deg: float) -> People:
    """Both looks must be of somebody: a closer look at nothing finds figures in grass and walls."""
    first = estimate(picture, whole_picture(ImageSize.of(picture), turn_deg), search.model)[0]
    crop = crop_around_pose(first.keypoints, ImageSize.of(picture), turn_deg)
    if crop is None:
        return People.reliable(first)
    second = look_closely(picture, crop, search.model)
    if not is_believable(second):
        return NOBODY
    return People.reliable(_better(first, _confirmed(second, first)))


def _find_in_whole_picture(picture: Picture, search: Search, turn_deg: float) -> People:
    return People.reliable(
        estimate(picture, whole_picture(ImageSize.of(picture), turn_deg), search.model)[0]
    )


_MODES: dict[SearchMode, Callable[[Picture, Search, float], People]] = {
    SearchMode.FIND_PEOPLE: _find_with_multipose,
    SearchMode.TWO_PASS: _find_in_two_passes,
    SearchMode.WHOLE_PICTURE: _find_in_whole_picture,
}
