import io
import json
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from jointtrack import (
    JOINT_NAMES,
    BoundingBox,
    DeadlineExceededError,
    ImageSize,
    InvalidRequestError,
    Keypoint,
    MeasurementName,
    NoPersonError,
    RawImage,
    SearchMode,
    Side,
)
from jointtrack._requests import KeypointSource
from jointtrack.testing import FakeServer, detection
from jointtrack.v1 import jointtrack_service_pb2 as pb
from jointtrack.v1 import measurement_pb2

if TYPE_CHECKING:
    from tests.client.conftest import Shell


def test_detect_takes_every_kind_of_picture(
    server: FakeServer, shell: "Shell", tmp_path: Path
) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(b"jpeg")
    for source in (path, str(path), b"jpeg", bytearray(b"jpeg"), io.BytesIO(b"jpeg")):
        shell.detect(source)
        assert server.detect.requests[-1].image.encoded == b"jpeg"
    shell.detect("https://example.org/photo.jpg")
    assert server.detect.requests[-1].image.url == "https://example.org/photo.jpg"
    shell.detect(RawImage(bytes(6), 2, 1))
    assert server.detect.requests[-1].image.raw.width_px == 2


def test_a_missing_file_is_an_os_error(shell: "Shell", tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        shell.detect(tmp_path / "none.jpg")


def test_every_option_is_sent(server: FakeServer, shell: "Shell") -> None:
    shell.detect(
        b"jpeg",
        [MeasurementName.SPLITS, "knee_side"],
        Side.LEFT,
        model="movenet-lightning",
        model_version="4",
        search=SearchMode.TWO_PASS,
        region=BoundingBox(1, 2, 3, 4),
        max_people=1,
        facing="right",
        mirrored=True,
        strict=True,
        include_overlays=True,
        include_image=True,
    )
    sent = server.detect.requests[0].options
    assert list(sent.measurements) == [
        measurement_pb2.MEASUREMENT_TYPE_SPLITS,
        measurement_pb2.MEASUREMENT_TYPE_KNEE_SIDE,
    ]
    assert sent.side == measurement_pb2.SIDE_LEFT
    assert (sent.model, sent.model_version) == ("movenet-lightning", "4")
    assert sent.search == pb.SEARCH_MODE_TWO_PASS
    assert (sent.region.x_min_px, sent.region.y_max_px) == (1, 4)
    assert (sent.max_people, sent.facing) == (1, measurement_pb2.FACING_RIGHT)
    assert all((sent.mirrored, sent.strict, sent.include_overlays, sent.include_image))


def test_defaults_are_left_to_the_server(server: FakeServer, shell: "Shell") -> None:
    shell.detect(b"jpeg")
    assert server.detect.requests[0].options == pb.DetectOptions(side=measurement_pb2.SIDE_BOTH)


def test_measurements_may_be_one_string(server: FakeServer, shell: "Shell") -> None:
    result = shell.detect(b"jpeg", "splits, knee_side")
    assert [item.name for item in result.person.measurements] == ["splits", "knee_side"]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"measurements": "neck_rotation"}, "UNKNOWN_MEASUREMENT"),
        ({"side": "middle"}, "INVALID_SIDE"),
        ({"search": "everywhere"}, "INVALID_REQUEST"),
        ({"facing": "up"}, "INVALID_REQUEST"),
    ],
)
def test_unknown_names_are_refused_before_sending(
    server: FakeServer, shell: "Shell", options: dict[str, Any], reason: str
) -> None:
    for call in (lambda: shell.detect(b"jpeg", **options), lambda: shell.stream([b""], **options)):
        with pytest.raises(InvalidRequestError) as caught:
            call()
        assert caught.value.reason == reason
    assert not server.metadata


def test_absent_is_none_and_zero_is_zero(server: FakeServer, shell: "Shell") -> None:
    server.detect.enqueue(detection({"knee_flexion": (0.0, None)}))
    angle = shell.detect(b"jpeg", "knee_flexion").person.angle("knee_flexion")
    assert angle.left == 0.0
    assert angle.right is None
    assert angle.sides["left"].missing_reason is None
    assert angle.sides["left"].confidence == pytest.approx(0.9)
    assert angle.sides["right"].missing_reason == "keypoint_low_confidence"
    assert angle.sides["right"].missing_joints == ("left_knee",)
    assert angle.sides["right"].confidence is None
    assert angle.sides["right"].component_deg is None
    assert (angle.facing, angle.view, angle.overlay) == (None, "front", None)


def test_a_side_not_asked_for_has_neither_value_nor_reason(shell: "Shell") -> None:
    angle = shell.detect(b"jpeg", "knee_flexion", "left").person.angle("knee_flexion")
    assert (angle.left, angle.right) == (10.0, None)
    assert angle.sides["right"].missing_reason is None


def test_person(server: FakeServer, shell: "Shell") -> None:
    server.detect.enqueue(detection(people=2))
    result = shell.detect(b"jpeg", max_people=2)
    assert len(result.people) == 2
    assert result.person == result.people[0]
    assert result.person.track_id is None
    assert tuple(item.joint for item in result.person.keypoints) == JOINT_NAMES
    assert result.person.keypoint("left_knee").x_px == 70.0
    assert result.image_size == ImageSize(640, 480)
    assert result.model.name == "movenet-thunder"
    assert result.image is None
    with pytest.raises(KeyError, match="splits is not in this answer"):
        result.person.angle("splits")


def test_nobody_is_an_empty_list_and_a_clear_error(server: FakeServer, shell: "Shell") -> None:
    server.detect.enqueue(detection(people=0))
    result = shell.detect(b"jpeg")
    assert result.people == ()
    with pytest.raises(NoPersonError, match="whole person"):
        _ = result.person


def test_pictures_come_back_only_if_asked_for(shell: "Shell", tmp_path: Path) -> None:
    result = shell.detect(b"jpeg", "splits", include_overlays=True, include_image=True)
    overlay = result.person.angle("splits").overlay
    assert overlay is not None
    assert result.image is not None
    overlay.save(tmp_path / "overlay.jpg")
    assert (tmp_path / "overlay.jpg").read_bytes() == overlay.data
    assert (overlay.media_type, overlay.width_px) == ("image/jpeg", 640)


def test_results_become_json(shell: "Shell") -> None:
    result = shell.detect(b"jpeg", "splits", "left", include_image=True)
    value = json.loads(json.dumps(result.to_dict()))
    measured = value["people"][0]["measurements"][0]
    assert measured["sides"]["left"]["value_deg"] == 10.0
    assert measured["sides"]["right"]["value_deg"] is None
    assert value["image"]["data"].startswith("/9g")


ROWS = [(float(row), row + 0.5, 0.9) for row in range(17)]


@pytest.mark.parametrize(
    "keypoints",
    [
        ROWS,
        [Keypoint(joint, *row) for joint, row in zip(JOINT_NAMES, ROWS, strict=True)],
        dict(zip(JOINT_NAMES, ROWS, strict=True)),
    ],
    ids=["rows", "keypoints", "names"],
)
def test_measure_takes_every_kind_of_keypoints(
    server: FakeServer, shell: "Shell", keypoints: KeypointSource
) -> None:
    result = shell.measure(keypoints, (640, 480), "knee_flexion", "right", facing="left")
    assert result.angle("knee_flexion").right == 20.0
    assert result.angle("knee_flexion").left is None
    sent = server.measure.requests[0]
    assert [(item.joint, item.x_px, item.y_px) for item in sent.keypoints] == [
        (row + 1, row, row + 0.5) for row in range(17)
    ]
    assert (sent.image_size.width_px, sent.image_size.height_px) == (640, 480)
    assert sent.facing == measurement_pb2.FACING_LEFT


@pytest.mark.parametrize(
    "keypoints", [ROWS[:16], [], [(1.0, 2.0)] * 17, {"nose": (1.0, 2.0)}, {"tail": (1, 2, 3)}]
)
def test_measure_refuses_other_keypoints(
    server: FakeServer, shell: "Shell", keypoints: KeypointSource
) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        shell.measure(keypoints, (640, 480), "knee_flexion")
    assert caught.value.reason == "INVALID_KEYPOINTS"
    assert not server.metadata


def test_measure_takes_some_keypoints_by_name(server: FakeServer, shell: "Shell") -> None:
    shell.measure({"left_hip": (1, 2, 0.9)}, ImageSize(640, 480), ["knee_flexion"])
    assert len(server.measure.requests[0].keypoints) == 1


def test_server_info(shell: "Shell") -> None:
    info = shell.server_info()
    assert [item.name for item in info.measurements] == list(MeasurementName)
    assert info.measurements[0].normal is not None
    assert info.measurements[0].views == ("front",)
    assert info.models[0].is_default
    assert info.limits.max_people == 6
    assert json.dumps(info.to_dict())


def test_every_limit_of_the_contract_has_its_place(shell: "Shell") -> None:
    limits = shell.server_info().limits.to_dict()
    fields = pb.Limits.DESCRIPTOR.fields
    assert list(limits) == [one.name + ("_s" if one.message_type else "") for one in fields]
    assert all(limits.values()), "none is forgotten on the way"
    assert (limits["max_stream_idle_s"], limits["fetch_timeout_s"]) == (300.0, 10.0)


def test_a_slow_server_meets_the_deadline(server: FakeServer, shell: "Shell") -> None:
    over = threading.Event()

    def slow(request: pb.DetectRequest) -> pb.Detection:
        over.wait(30)
        return detection()

    server.detect.enqueue(slow)
    started_s = time.monotonic()
    with pytest.raises(DeadlineExceededError, match=r"within 0\.2 s"):
        shell.detect(b"jpeg", timeout_s=0.2)
    assert time.monotonic() - started_s < 20
    over.set()
