from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from jointtrack_server.domain.crop import whole_picture
from jointtrack_server.domain.similarity import object_keypoint_similarity
from jointtrack_server.domain.skeleton import Joint
from jointtrack_server.domain.types import Box, ImageSize, Keypoints, Picture
from jointtrack_server.pipeline.estimate import Candidate, estimate
from jointtrack_server.pipeline.people import (
    MIN_CANDIDATE_SCORE,
    MIN_PERSON_SCORE,
    NOBODY,
    SAME_PERSON_OKS,
    People,
    Search,
    SearchMode,
    find_people,
    is_believable,
)

MAN = {Joint.LEFT_WRIST: (455, 195), Joint.RIGHT_WRIST: (135, 242), Joint.NOSE: (257, 155)}
"""Where the man's joints are in arms_out_front.jpg, read off the picture, in pixels."""

MAN_IN_TWO_PEOPLE = {Joint.LEFT_HIP: (250, 420), Joint.RIGHT_KNEE: (188, 520)}
BYSTANDER = Box(424.0, 130.0, 482.0, 364.0)
NEAR_PX = 30.0


def assert_near(keypoints: Keypoints, joints: dict[Joint, tuple[int, int]]) -> None:
    for joint, place in joints.items():
        assert np.hypot(*(keypoints[joint, :2] - place)) < NEAR_PX, joint


def only(people: People) -> Candidate:
    (person,) = people.found
    return person


def assert_sane(people: People, search: Search) -> None:
    assert len(people.found) <= search.max_people
    assert people.in_view >= len(people.found)
    for person in people.found:
        assert person.keypoints.shape == (17, 3)
        assert person.keypoints.dtype == np.float32
        assert np.isfinite(person.keypoints).all()
        assert person.mean_score >= MIN_PERSON_SCORE
        assert is_believable(person)


@pytest.mark.parametrize("mode", SearchMode)
def test_the_main_person_is_the_man_in_front(
    mode: SearchMode, arms_out: Picture, search: Search
) -> None:
    people = find_people(arms_out, replace(search, mode=mode))
    assert_sane(people, search)
    assert_near(only(people).keypoints, MAN)


def test_the_person_behind_counts_as_in_view(arms_out: Picture, search: Search) -> None:
    assert find_people(arms_out, search).in_view == 2


def test_several_people_are_different_people(two_people: Picture, search: Search) -> None:
    six = replace(search, max_people=6)
    people = find_people(two_people, six)
    assert_sane(people, six)
    assert 2 <= len(people.found) <= 3
    for index, one in enumerate(people.found):
        for other in people.found[:index]:
            assert object_keypoint_similarity(one.keypoints, other.keypoints) < SAME_PERSON_OKS
    assert_near(people.found[1].keypoints, MAN_IN_TWO_PEOPLE)


def test_as_many_as_asked_for(two_people: Picture, search: Search) -> None:
    for count in (1, 2):
        people = find_people(two_people, replace(search, max_people=count))
        assert len(people.found) == count
        assert people.in_view >= 2


@pytest.mark.parametrize("model_is_finder", [False, True])
def test_a_region_picks_the_person(
    model_is_finder: bool, arms_out: Picture, search: Search
) -> None:
    model = search.finder if model_is_finder else search.model
    person = only(find_people(arms_out, replace(search, model=model, region=BYSTANDER)))
    seen = person.keypoints[person.keypoints[:, 2] > 0.3, :2]
    assert len(seen) >= 10
    assert (seen[:, 0] > BYSTANDER.x_min_px - 15).all()
    assert (seen[:, 0] < BYSTANDER.x_max_px + 15).all()


def test_a_region_without_anybody_gives_nobody(arms_out: Picture, search: Search) -> None:
    for region in (Box(0, 560, 110, 680), Box(5, 5, 6, 6), Box(-900, -900, -800, -800)):
        assert find_people(arms_out, replace(search, region=region)) == NOBODY


def _turned_back(keypoints: Keypoints, quarter_turns: int, upright: ImageSize) -> Keypoints:
    """From a picture turned by ``np.rot90`` to where the joints are in the upright one."""
    x, y = keypoints[:, 0], keypoints[:, 1]
    back = keypoints.copy()
    back[:, 0], back[:, 1] = {
        1: (upright.width_px - y, x),
        2: (upright.width_px - x, upright.height_px - y),
        3: (y, upright.height_px - x),
    }[quarter_turns]
    return back


@pytest.mark.parametrize("mode", [SearchMode.FIND_PEOPLE, SearchMode.TWO_PASS])
@pytest.mark.parametrize("quarter_turns", [1, 2, 3])
def test_a_picture_that_lost_its_orientation_gives_the_same_joints(
    quarter_turns: int, mode: SearchMode, arms_out: Picture, search: Search
) -> None:
    size = ImageSize(arms_out.shape[1], arms_out.shape[0])
    upright = only(find_people(arms_out, search)).keypoints
    turned = np.ascontiguousarray(np.rot90(arms_out, quarter_turns))
    people = find_people(turned, replace(search, mode=mode))
    back = _turned_back(only(people).keypoints, quarter_turns, size)
    assert object_keypoint_similarity(back, upright) > 0.9
    assert_near(back, MAN)


def _grey() -> Picture:
    return np.full((480, 640, 3), 128, np.uint8)


def _noise() -> Picture:
    return np.random.default_rng(1).integers(0, 256, (480, 640, 3), np.uint8)


def _landscape() -> Picture:
    """Sky, hills and grass."""
    y, x = np.mgrid[0:480, 0:640].astype(np.float64)
    hills = 240 + 40 * np.sin(x / 90) + 15 * np.sin(x / 23)
    picture = np.where((y < hills)[..., None], [150, 190, 240], [60, 120, 40]).astype(np.float64)
    picture += (y / 8)[..., None] + np.random.default_rng(2).normal(0, 12, picture.shape)
    return np.clip(picture, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("mode", SearchMode)
@pytest.mark.parametrize("draw", [_grey, _noise, _landscape])
def test_nobody_is_found_where_nobody_is(
    draw: Callable[[], Picture], mode: SearchMode, search: Search
) -> None:
    assert find_people(draw(), replace(search, mode=mode)) == NOBODY


@pytest.mark.parametrize("mode", SearchMode)
def test_nobody_is_found_in_a_real_scene_without_people(
    mode: SearchMode, empty_scene: list[Picture], search: Search
) -> None:
    people = 6 if mode is SearchMode.FIND_PEOPLE else 1
    for picture in empty_scene:
        assert find_people(picture, replace(search, mode=mode, max_people=people)) == NOBODY


def test_candidates_in_a_scene_without_people_score_far_below_the_threshold(
    empty_scene: list[Picture], search: Search
) -> None:
    for picture in empty_scene:
        whole = whole_picture(ImageSize(picture.shape[1], picture.shape[0]))
        scores = [one.score for one in estimate(picture, whole, search.finder)]
        assert max(scores) < MIN_CANDIDATE_SCORE / 3


@pytest.mark.parametrize(
    "kept",
    [Box(105, 0, 612, 680), Box(0, 95, 612, 680), Box(0, 0, 502, 680), Box(0, 0, 612, 555)],
    ids=["left", "top", "right", "bottom"],
)
def test_a_person_at_the_border_is_found_where_it_is(
    kept: Box, arms_out: Picture, search: Search
) -> None:
    upright = only(find_people(arms_out, search)).keypoints
    rows = slice(int(kept.y_min_px), int(kept.y_max_px))
    columns = slice(int(kept.x_min_px), int(kept.x_max_px))
    cut = np.ascontiguousarray(arms_out[rows, columns])
    keypoints = only(find_people(cut, search)).keypoints.copy()
    keypoints[:, :2] += kept.x_min_px, kept.y_min_px
    assert object_keypoint_similarity(keypoints, upright) > 0.9


@pytest.mark.parametrize("mode", SearchMode)
@pytest.mark.parametrize("size", [(1, 1), (16, 16), (8, 2000), (2000, 8), (1, 500)])
def test_tiny_pictures_do_no_harm(size: tuple[int, int], mode: SearchMode, search: Search) -> None:
    width, height = size
    picture = np.random.default_rng(3).integers(0, 256, (height, width, 3), np.uint8)
    assert_sane(find_people(picture, replace(search, mode=mode)), search)


@pytest.mark.parametrize("mode", [SearchMode.FIND_PEOPLE, SearchMode.TWO_PASS])
@pytest.mark.parametrize("reduction", [2, 3])
def test_a_person_too_small_for_multipose_is_found(
    reduction: int, mode: SearchMode, arms_out: Picture, search: Search
) -> None:
    small = arms_out[::reduction, ::reduction]
    canvas = np.full((1100, 1400, 3), 110, np.uint8)
    canvas[400 : 400 + small.shape[0], 600 : 600 + small.shape[1]] = small
    keypoints = only(find_people(canvas, replace(search, mode=mode))).keypoints.copy()
    keypoints[:, :2] = (keypoints[:, :2] - [600, 400]) * reduction
    upright = only(find_people(arms_out, search)).keypoints
    assert object_keypoint_similarity(keypoints, upright) > 0.8
