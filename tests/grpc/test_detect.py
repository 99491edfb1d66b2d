"""Detect on real pictures with the real models."""

from typing import Any

import cv2
import grpc
import numpy as np
import pytest

from jointtrack.v1 import image_pb2, measurement_pb2, pose_pb2
from jointtrack.v1 import jointtrack_service_pb2 as service_pb2
from jointtrack.v1.jointtrack_service_pb2_grpc import JointTrackServiceStub
from tests.support.rich_errors import rich_error
from tests.support.servers import DATA, RunningServer

ABDUCTION = measurement_pb2.MEASUREMENT_TYPE_SHOULDER_ABDUCTION
KNEE_FLEXION = measurement_pb2.MEASUREMENT_TYPE_KNEE_FLEXION


def request_of(data: bytes, **options: object) -> service_pb2.DetectRequest:
    return service_pb2.DetectRequest(
        image=image_pb2.Image(encoded=data),
        options=service_pb2.DetectOptions(**options),  # type: ignore[arg-type]
    )


def points(person: pose_pb2.Person) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    return np.array([(one.x_px, one.y_px) for one in person.keypoints])


def test_keypoints_only_by_default(
    stub: JointTrackServiceStub, server: RunningServer, photo: bytes
) -> None:
    answer = stub.Detect(request_of(photo), metadata=server.metadata)
    (person,) = answer.detection.people
    size = answer.detection.image_size
    assert (size.width_px, size.height_px) == (612, 680)
    assert [one.joint for one in person.keypoints] == list(range(1, 18))
    assert not person.measurements
    assert not answer.HasField("image")
    assert (answer.model.name, answer.model.version) == ("movenet-thunder", "4")
    assert 0.3 <= person.score <= 1
    assert person.track_id == ""
    # The man in front (his nose is near x 264), not the bystander behind him.
    assert person.keypoints[0].x_px == pytest.approx(264, abs=15)
    assert answer.detection.timings.infer_ms > 0


def test_the_man_holds_his_left_arm_higher_than_his_right(
    stub: JointTrackServiceStub, server: RunningServer, photo: bytes
) -> None:
    answer = stub.Detect(
        request_of(photo, measurements=[ABDUCTION], include_overlays=True, include_image=True),
        metadata=server.metadata,
    )
    (measured,) = answer.detection.people[0].measurements
    assert measured.view == measurement_pb2.VIEW_FRONT
    # His left arm is near the horizontal, but his trunk leans 10 degrees to his right.
    assert measured.left.value_deg == pytest.approx(74, abs=6)
    assert measured.right.value_deg == pytest.approx(50, abs=6)
    assert measurement_pb2.WARNING_SEVERAL_PEOPLE in measured.warnings
    assert answer.image.data == photo
    overlay = cv2.imdecode(np.frombuffer(measured.overlay.data, np.uint8), cv2.IMREAD_COLOR)
    assert overlay is not None
    assert overlay.shape == (680, 612, 3)
    assert measured.overlay.media_type == "image/jpeg"
    assert measured.overlay.data != photo


def test_the_woman_walks_to_the_left(stub: JointTrackServiceStub, server: RunningServer) -> None:
    data = (DATA / "walk_side.jpg").read_bytes()
    answer = stub.Detect(request_of(data, measurements=[KNEE_FLEXION]), metadata=server.metadata)
    (measured,) = answer.detection.people[0].measurements
    assert measured.view == measurement_pb2.VIEW_SIDE
    assert measured.facing == measurement_pb2.FACING_LEFT
    assert measured.left.value_deg == pytest.approx(25, abs=12)
    assert measured.right.value_deg == pytest.approx(25, abs=12)


def test_raw_pixels_give_what_the_file_gives(
    stub: JointTrackServiceStub, server: RunningServer
) -> None:
    bgr = cv2.imread(str(DATA / "walk_side.jpg"))
    assert bgr is not None
    height, width = bgr.shape[:2]
    _, png = cv2.imencode(".png", bgr)
    encoded = stub.Detect(request_of(png.tobytes()), metadata=server.metadata)
    padded = np.zeros((height, width + 5, 3), np.uint8)
    padded[:, :width] = bgr
    layouts = {
        "bgr": (bgr.tobytes(), image_pb2.PIXEL_FORMAT_BGR24, 0),
        "rgb": (bgr[:, :, ::-1].tobytes(), image_pb2.PIXEL_FORMAT_RGB24, 0),
        "strided": (padded.tobytes(), image_pb2.PIXEL_FORMAT_BGR24, (width + 5) * 3),
    }
    for name, (data, pixel_format, stride) in layouts.items():
        raw = image_pb2.RawImage(
            data=data,
            width_px=width,
            height_px=height,
            pixel_format=pixel_format,
            row_stride_bytes=stride,
        )
        answer = stub.Detect(
            service_pb2.DetectRequest(image=image_pb2.Image(raw=raw)), metadata=server.metadata
        )
        np.testing.assert_allclose(
            points(answer.detection.people[0]),
            points(encoded.detection.people[0]),
            atol=0.01,
            err_msg=name,
        )


def test_two_people_most_prominent_first(
    stub: JointTrackServiceStub, server: RunningServer
) -> None:
    data = (DATA / "two_people.jpg").read_bytes()
    answer = stub.Detect(
        request_of(data, max_people=6, measurements=[ABDUCTION]), metadata=server.metadata
    )
    people = answer.detection.people
    assert len(people) >= 2
    assert np.abs(points(people[0]) - points(people[1])).max() > 50
    for person in people:
        assert measurement_pb2.WARNING_SEVERAL_PEOPLE in person.measurements[0].warnings


def test_a_region_picks_the_bystander(
    stub: JointTrackServiceStub, server: RunningServer, photo: bytes
) -> None:
    box = pose_pb2.BoundingBox(x_min_px=420, y_min_px=130, x_max_px=500, y_max_px=365)
    answer = stub.Detect(request_of(photo, region=box), metadata=server.metadata)
    (person,) = answer.detection.people
    assert 420 < person.keypoints[0].x_px < 500


@pytest.mark.parametrize("mode", [1, 2, 3])
@pytest.mark.parametrize("model", ["movenet-lightning", "movenet-thunder", "movenet-multipose"])
def test_every_search_with_every_model(
    stub: JointTrackServiceStub, server: RunningServer, mode: int, model: str
) -> None:
    data = (DATA / "walk_side.jpg").read_bytes()
    answer = stub.Detect(request_of(data, search=mode, model=model), metadata=server.metadata)
    (person,) = answer.detection.people
    assert answer.model.name == model
    assert person.keypoints[0].x_px == pytest.approx(625, abs=40)


def test_nobody_there_is_no_error(stub: JointTrackServiceStub, server: RunningServer) -> None:
    _, png = cv2.imencode(".png", np.full((300, 400, 3), 120, np.uint8))
    answer = stub.Detect(request_of(png.tobytes()), metadata=server.metadata)
    assert not answer.detection.people
    assert answer.detection.image_size.width_px == 400


def test_mirrored_exchanges_left_and_right(
    stub: JointTrackServiceStub, server: RunningServer, photo: bytes
) -> None:
    plain = stub.Detect(request_of(photo, measurements=[ABDUCTION]), metadata=server.metadata)
    mirrored = stub.Detect(
        request_of(photo, measurements=[ABDUCTION], mirrored=True), metadata=server.metadata
    )
    before, after = plain.detection.people[0], mirrored.detection.people[0]
    assert after.measurements[0].left == before.measurements[0].right
    # Keypoints 6 and 7 of the skeleton are the left and the right shoulder.
    assert after.keypoints[5].x_px == before.keypoints[6].x_px


BAD_OPTIONS: dict[str, tuple[dict[str, Any], str, str]] = {
    "unknown measurement": (dict(measurements=[77]), "UNKNOWN_MEASUREMENT", "measurements[0]"),
    "repeated measurement": (dict(measurements=[1, 1]), "REPEATED_MEASUREMENT", "measurements[1]"),
    "unknown side": (dict(side=5), "INVALID_SIDE", "side"),
    "unknown model": (dict(model="openpose"), "UNKNOWN_MODEL", "model"),
    "unknown version": (dict(model_version="9"), "UNKNOWN_MODEL", "model_version"),
    "two models": (dict(model="movenet-thunder,movenet-lightning"), "AMBIGUOUS_MODEL", "model"),
    "unknown search": (dict(search=8), "INVALID_REQUEST", "search"),
    "too many people": (dict(max_people=7), "INVALID_REQUEST", "max_people"),
    "people less than none": (dict(max_people=-1), "INVALID_REQUEST", "max_people"),
    "people in one pass": (dict(max_people=2, search=3), "INVALID_REQUEST", "max_people"),
    "empty region": (dict(region=pose_pb2.BoundingBox()), "INVALID_REQUEST", "region"),
}


@pytest.mark.parametrize("case", BAD_OPTIONS)
def test_bad_options(
    stub: JointTrackServiceStub, server: RunningServer, photo: bytes, case: str
) -> None:
    options, reason, field = BAD_OPTIONS[case]
    with pytest.raises(grpc.RpcError) as caught:
        stub.Detect(request_of(photo, **options), metadata=server.metadata)
    error = rich_error(caught.value)
    assert (error.code, error.info.reason) == (grpc.StatusCode.INVALID_ARGUMENT, reason)
    assert error.field == f"options.{field}"


BAD_IMAGES = {
    "none": (image_pb2.Image(), "INVALID_ARGUMENT", "MISSING_IMAGE"),
    "empty": (image_pb2.Image(encoded=b""), "INVALID_ARGUMENT", "MISSING_IMAGE"),
    "text": (image_pb2.Image(encoded=b"hello"), "INVALID_ARGUMENT", "INVALID_IMAGE"),
    "gif": (
        image_pb2.Image(encoded=b"GIF89a" + bytes(50)),
        "INVALID_ARGUMENT",
        "UNSUPPORTED_IMAGE_FORMAT",
    ),
    "cut off": (
        image_pb2.Image(encoded=(DATA / "walk_side.jpg").read_bytes()[:5000]),
        "INVALID_ARGUMENT",
        "INVALID_IMAGE",
    ),
    "raw without format": (
        image_pb2.Image(raw=image_pb2.RawImage(data=b"abc", width_px=1, height_px=1)),
        "INVALID_ARGUMENT",
        "INVALID_IMAGE",
    ),
    "raw too short": (
        image_pb2.Image(
            raw=image_pb2.RawImage(data=b"abc", width_px=9, height_px=9, pixel_format=1)  # type: ignore[arg-type]
        ),
        "INVALID_ARGUMENT",
        "INVALID_IMAGE",
    ),
    "url": (
        image_pb2.Image(url="http://127.0.0.1/photo.jpg"),
        "FAILED_PRECONDITION",
        "IMAGE_FETCH_FAILED",
    ),
}


@pytest.mark.parametrize("case", BAD_IMAGES)
def test_bad_image_and_the_next_request_is_answered(
    stub: JointTrackServiceStub, server: RunningServer, photo: bytes, case: str
) -> None:
    image, code, reason = BAD_IMAGES[case]
    with pytest.raises(grpc.RpcError) as caught:
        stub.Detect(service_pb2.DetectRequest(image=image), metadata=server.metadata)
    error = rich_error(caught.value)
    assert (error.code, error.info.reason) == (grpc.StatusCode[code], reason)
    assert len(stub.Detect(request_of(photo), metadata=server.metadata).detection.people) == 1
