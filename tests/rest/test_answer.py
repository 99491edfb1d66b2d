"""The documented answer, member by member."""

import math

import pytest

from jointtrack import JointTrackClient
from jointtrack_server.measurements import MEASUREMENTS
from jointtrack_server.rest_api.schema import DetectAnswer
from tests.support.http import Door, picture_of, pixels_of

WIDTH, HEIGHT = 612, 680


@pytest.mark.parametrize("path", ["/jointtrack/v1/detect", "/detect"])
def test_the_documented_shape_and_nothing_else(door: Door, photo: bytes, path: str) -> None:
    response = door.post(
        path, files={"image": photo}, data={"measurement": "shoulder_abduction", "side": "both"}
    )

    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    answer = response.json()
    assert list(answer) == ["status", "image", "measurements"]
    assert answer["status"] == "ok"
    assert list(answer["image"]) == ["data", "width", "height"]
    assert (answer["image"]["width"], answer["image"]["height"]) == (WIDTH, HEIGHT)
    (measurement,) = answer["measurements"]
    assert list(measurement) == ["name", "title", "bodyPart", "value", "image"]
    assert measurement["name"] == "shoulder_abduction"
    assert measurement["title"] == "Shoulder Abduction"
    assert measurement["bodyPart"] == "shoulder"
    assert list(measurement["value"]) == ["left", "right"]
    assert all(type(value) is int for value in measurement["value"].values())
    assert (measurement["image"]["width"], measurement["image"]["height"]) == (WIDTH, HEIGHT)


def test_overlays_are_the_picture_with_something_drawn(door: Door, photo: bytes) -> None:
    answer = door.detect(photo, "shoulder_abduction,splits")

    original = pixels_of(photo).astype(int)
    overlays = [pixels_of(picture_of(one["image"])).astype(int) for one in answer["measurements"]]
    for overlay in overlays:
        assert overlay.shape == original.shape
        changed = (abs(overlay - original).max(axis=2) > 64).mean()
        assert 0.0005 < changed < 0.2
    assert abs(overlays[0] - overlays[1]).max() > 64


@pytest.mark.parametrize(
    ("side", "other"),
    [("left", "right"), ("right", "left"), ("LEFT", "right"), (" left ", "right")],
)
def test_the_side_not_asked_for_is_null(door: Door, photo: bytes, side: str, other: str) -> None:
    both = door.detect(photo)["measurements"][0]["value"]
    answer = door.detect(photo, side=side, include="details")

    (measurement,) = answer["measurements"]
    asked = side.strip().lower()
    assert measurement["value"] == {asked: both[asked], other: None}
    assert measurement["reasons"] == {}
    assert list(measurement["confidence"]) == [asked]


@pytest.mark.parametrize("fields", [{}, {"side": ""}, {"side": "both"}])
def test_both_sides_by_default(door: Door, photo: bytes, fields: dict[str, str]) -> None:
    (measurement,) = door.detect(photo, **fields)["measurements"]
    assert None not in measurement["value"].values()


def test_values_are_those_of_grpc_rounded_half_up(door: Door, photo: bytes, profile: bytes) -> None:
    names = tuple(MEASUREMENTS)
    with JointTrackClient(door.server.target, api_key=door.server.api_key) as client:
        for picture in (photo, profile):
            answer = door.detect(picture, ",".join(names))
            measured = client.detect(picture, names).people[0].measurements
            for rest, grpc in zip(answer["measurements"], measured, strict=True):
                assert rest["name"] == grpc.name
                expected = {
                    side: None if value is None else math.floor(value + 0.5)
                    for side, value in (("left", grpc.left), ("right", grpc.right))
                }
                assert rest["value"] == expected


def test_every_measurement_in_the_order_asked(door: Door, photo: bytes) -> None:
    names = list(MEASUREMENTS)[::-1]
    answer = door.detect(photo, ",".join(names))
    assert [one["name"] for one in answer["measurements"]] == names
    assert len(names) == 19


def test_three_measurements_have_their_own_overlays_in_the_order_asked(
    door: Door, photo: bytes
) -> None:
    names = ["splits", "shoulder_abduction", "elbow_side"]
    together = door.detect(photo, ",".join(names))["measurements"]
    assert [one["name"] for one in together] == names
    overlays = [picture_of(one["image"]) for one in together]
    assert len(set(overlays)) == len(names)
    for name, overlay in zip(names, overlays, strict=True):
        (alone,) = door.detect(photo, name)["measurements"]
        assert picture_of(alone["image"]) == overlay, name


def test_details(door: Door, photo: bytes) -> None:
    answer = door.detect(photo, "shoulder_extension,splits", include="details", strict="true")

    extension, splits = answer["measurements"]
    assert extension["value"] == {"left": None, "right": None}
    assert extension["reasons"] == {
        side: {"code": "wrong_view", "keypoints": []} for side in ("left", "right")
    }
    assert extension["confidence"] == {}
    assert extension["view"] == "front"
    assert "view_mismatch" in extension["warnings"]
    assert extension["normal"] == {"min": 0, "max": 60, "source": "AAOS"}
    assert set(splits["components"]) == {"left", "right"}
    assert all(0.3 <= score <= 1 for score in splits["confidence"].values())
    assert answer["model"] == {"name": "movenet-thunder", "version": "4", "engine": "openvino"}
    assert "keypoints" not in answer


def test_keypoints_in_pixels_of_the_picture(door: Door, photo: bytes) -> None:
    answer = door.detect(photo, include="keypoints")

    keypoints = {one["name"]: one for one in answer["keypoints"]}
    assert len(keypoints) == 17
    assert next(iter(keypoints)) == "nose"
    assert list(keypoints)[-1] == "right_ankle"
    assert all(0 <= one["x"] <= WIDTH and 0 <= one["y"] <= HEIGHT for one in keypoints.values())
    assert keypoints["nose"]["y"] < keypoints["left_hip"]["y"] < keypoints["left_ankle"]["y"]
    assert keypoints["left_hip"]["x"] > keypoints["right_hip"]["x"]
    assert "model" not in answer


def test_several_people(door: Door, two_people: bytes) -> None:
    alone = door.detect(two_people, include="keypoints")
    answer = door.detect(two_people, include="keypoints", people="2")

    assert "people" not in alone
    first, second = answer["people"]
    assert first["measurements"] == answer["measurements"] == alone["measurements"]
    assert first["keypoints"] == answer["keypoints"]
    assert second["keypoints"] != first["keypoints"]
    for person in (first, second):
        assert 0.3 < person["score"] <= 1
        box = person["box"]
        assert 0 <= box["xMin"] < box["xMax"] <= answer["image"]["width"]
        assert 0 <= box["yMin"] < box["yMax"] <= answer["image"]["height"]


def test_facing(door: Door, profile: bytes) -> None:
    answers = {
        facing: door.detect(profile, "shoulder_forward_flexion", include="details", facing=facing)
        for facing in ("left", "right")
    }
    left, right = (one["measurements"][0] for one in answers.values())
    assert (left["facing"], right["facing"]) == ("left", "right")
    assert left["value"]["left"] == -right["value"]["left"] != 0


@pytest.mark.parametrize(("text", "swapped"), [("true", True), ("1", True), ("false", False)])
def test_mirrored(door: Door, photo: bytes, text: str, swapped: bool) -> None:
    plain = door.detect(photo)["measurements"][0]["value"]
    value = door.detect(photo, mirrored=text)["measurements"][0]["value"]
    assert plain["left"] != plain["right"]
    left, right = ("right", "left") if swapped else ("left", "right")
    assert value == {"left": plain[left], "right": plain[right]}


@pytest.mark.parametrize(
    ("fields", "model"),
    [
        ({}, ("movenet-thunder", "4")),
        ({"model": "movenet-lightning"}, ("movenet-lightning", "4")),
        ({"model": "movenet-multipose", "version": "1"}, ("movenet-multipose", "1")),
        ({"version": "4"}, ("movenet-thunder", "4")),
    ],
)
def test_model_and_version(
    door: Door, photo: bytes, fields: dict[str, str], model: tuple[str, str]
) -> None:
    used = door.detect(photo, include="details", **fields)["model"]
    assert (used["name"], used["version"]) == model


@pytest.mark.parametrize(
    "fields",
    [{}, {"include": "keypoints,details"}, {"include": "details, keypoints", "people": "3"}],
)
def test_answers_fit_the_published_schema(
    door: Door, two_people: bytes, fields: dict[str, str]
) -> None:
    response = door.post(
        files={"image": two_people}, data={"measurement": ",".join(MEASUREMENTS), **fields}
    )
    answer = DetectAnswer.model_validate_json(response.content)
    assert answer.model_dump(mode="json", exclude_unset=True) == response.json()
