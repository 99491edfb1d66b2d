"""Following people with the real models, frame by frame."""

import math
from collections.abc import Iterable

import numpy as np
import pytest

from jointtrack_server.domain.crop import CropRegion
from jointtrack_server.domain.types import ImageSize
from jointtrack_server.engines.base import PoseModel
from jointtrack_server.engines.catalogue import find_spec
from jointtrack_server.imaging.decode import DecodedPicture
from jointtrack_server.pipeline.estimate import estimate
from jointtrack_server.pipeline.models import LoadedModels
from jointtrack_server.pipeline.people import Search
from jointtrack_server.pipeline.tracking import PeopleTracker, Sighting
from tests.support.crossing import Picture, crossing

FRAME_S = 1 / 30


def tracker_of(models: LoadedModels, max_people: int) -> PeopleTracker:
    return PeopleTracker(Search(models.models[find_spec()], models.finder, max_people=max_people))


def follow(tracker: PeopleTracker, pictures: Iterable[Picture]) -> list[tuple[Sighting, ...]]:
    sightings = []
    for index, picture in enumerate(pictures):
        size = ImageSize(picture.shape[1], picture.shape[0])
        found, _ = tracker.follow(DecodedPicture(picture, size), index * FRAME_S)
        sightings.append(found)
    return sightings


def trunk_x(sighting: Sighting) -> float:
    return float(sighting.candidate.keypoints[[5, 6, 11, 12], 0].mean())


@pytest.mark.parametrize("frame_count", [25, 70])
def test_ids_survive_a_crossing(models: LoadedModels, frame_count: int) -> None:
    frames = crossing(frame_count)
    seen = follow(tracker_of(models, 2), [frame.picture for frame in frames])

    def who(index: int) -> dict[str, str]:
        frame = frames[index]
        return {
            one.track.track_id: min(
                ("woman", "man"),
                key=lambda name: abs(trunk_x(one) - getattr(frame, f"{name}_x_px")),
            )
            for one in seen[index]
        }

    third = frame_count // 3
    for index in (*range(third), *range(frame_count - third, frame_count)):
        assert who(index) == who(0), f"frame {index}"
    assert set(who(0).values()) == {"woman", "man"}
    assert {one.track.track_id for found in seen for one in found} == {"1", "2"}


def test_the_same_person_after_a_short_occlusion(models: LoadedModels) -> None:
    frames = [frame.picture[:, :450] for frame in crossing(70)[:20]]
    hidden = [np.full_like(frames[0], 110)] * 8
    seen = follow(tracker_of(models, 1), [*frames[:10], *hidden, *frames[16:]])
    assert [len(found) for found in seen] == [1] * 10 + [0] * 8 + [1] * 4
    assert {one.track.track_id for found in seen for one in found} == {"1"}


def test_somebody_new_after_a_long_absence(models: LoadedModels) -> None:
    frames = [frame.picture[:, :450] for frame in crossing(70)[:4]]
    hidden = [np.full_like(frames[0], 110)] * 40
    seen = follow(tracker_of(models, 1), [*frames, *hidden, *frames])
    assert [one.track.track_id for found in seen for one in found] == ["1"] * 4 + ["2"] * 4


def test_no_more_than_asked_for(models: LoadedModels) -> None:
    frames = [frame.picture for frame in crossing(70)[:12]]
    assert {len(found) for found in follow(tracker_of(models, 1), frames)} == {1}


def test_after_a_cut_the_new_person_costs_one_look_a_frame(
    models: LoadedModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The person before the cut is out of sight, but there is no room for them any more."""
    looks: list[int] = []
    tracker = tracker_of(models, 1)
    woman, man = (crossing(70)[0].picture.copy() for _ in range(2))
    woman[:, 450:] = man[:, :450] = 110

    def count(*arguments: object) -> object:
        looks.append(1)
        return estimate(*arguments)  # type: ignore[arg-type]

    seen = follow(tracker, [woman] * 3 + [man] * 3)
    assert [one.track.track_id for found in seen for one in found] == ["1"] * 3 + ["2"] * 3
    monkeypatch.setattr("jointtrack_server.pipeline.tracking.estimate", count)
    monkeypatch.setattr("jointtrack_server.pipeline.tracking.find_people", None)
    followed, _ = tracker.follow(DecodedPicture(man, ImageSize(900, 480)), 7 * FRAME_S)
    assert [one.track.track_id for one in followed] == ["2"]
    assert len(looks) == 1


def test_with_nobody_followed_the_next_frame_keeps_1024_pixels(models: LoadedModels) -> None:
    tracker = tracker_of(models, 1)
    assert tracker.min_long_side_px == 1024
    follow(tracker, [np.full((480, 900, 3), 110, np.uint8)])
    assert tracker.min_long_side_px == 1024


def test_while_there_is_room_for_more_people_the_next_frame_keeps_1024_pixels(
    models: LoadedModels,
) -> None:
    tracker = tracker_of(models, 2)
    seen = follow(tracker, [frame.picture[:, :450] for frame in crossing(70)[:4]])
    assert [len(found) for found in seen] == [1] * 4
    assert tracker.min_long_side_px == 1024


@pytest.mark.parametrize("max_people", [1, 2])
def test_once_all_are_followed_the_next_frame_needs_what_the_smallest_crop_does(
    max_people: int, models: LoadedModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracker = tracker_of(models, max_people)
    shares: list[float] = []

    def note(picture: Picture, crop: CropRegion, model: PoseModel) -> object:
        shares.append(min(2.0 * crop.half_side_px / max(picture.shape[:2]), 1.0))
        return estimate(picture, crop, model)

    monkeypatch.setattr("jointtrack_server.pipeline.tracking.estimate", note)
    for index, frame in enumerate(crossing(70)[:4]):
        shares.clear()
        found, _ = tracker.follow(DecodedPicture(frame.picture, ImageSize(900, 480)), index / 30)
        assert len(found) == max_people
        if index == 0:
            assert tracker.min_long_side_px == 1024, "no crop has been cut around them yet"
    assert len(shares) == max_people
    assert tracker.min_long_side_px == math.ceil(256 / min(shares))
    assert 256 < tracker.min_long_side_px < 1024


def test_who_is_lost_is_searched_for_in_1024_pixels(models: LoadedModels) -> None:
    tracker = tracker_of(models, 1)
    follow(tracker, [frame.picture[:, :450] for frame in crossing(70)[:4]])
    assert tracker.min_long_side_px < 1024
    empty = DecodedPicture(np.full((480, 450, 3), 110, np.uint8), ImageSize(450, 480))
    tracker.follow(empty, 4 * FRAME_S)
    tracker.follow(empty, 2.0)
    assert tracker.min_long_side_px == 1024
