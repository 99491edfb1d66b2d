"""Every anatomical test vector through the public Measure RPC."""

import json
import math
from typing import Any

import grpc
import pytest

from jointtrack.v1 import jointtrack_service_pb2 as service_pb2
from jointtrack.v1 import measurement_pb2, pose_pb2
from jointtrack.v1.image_pb2 import ImageSize
from jointtrack.v1.joint_pb2 import JOINT_NOSE, Joint
from jointtrack.v1.jointtrack_service_pb2_grpc import JointTrackServiceStub
from tests.support.rich_errors import rich_error
from tests.support.servers import DATA, RunningServer

VECTORS: list[dict[str, Any]] = json.loads(
    (DATA.parent / "golden" / "measurement_vectors.json").read_text()
)


def keypoints_of(vector: dict[str, Any]) -> list[pose_pb2.Keypoint]:
    return [
        pose_pb2.Keypoint(joint=Joint.Value(f"JOINT_{name.upper()}"), x_px=x, y_px=y, score=score)
        for name, (x, y, score) in vector["keypoints"].items()
    ]


def request_of(vector: dict[str, Any], **options: Any) -> service_pb2.MeasureRequest:
    name = f"MEASUREMENT_TYPE_{vector['measurement'].upper()}"
    return service_pb2.MeasureRequest(
        keypoints=keypoints_of(vector),
        image_size=ImageSize(width_px=vector["width"], height_px=vector["height"]),
        measurements=[measurement_pb2.MeasurementType.Value(name)],
        **options,
    )


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: str(vector["id"]))
def test_vector(stub: JointTrackServiceStub, server: RunningServer, vector: dict[str, Any]) -> None:
    (measured,) = stub.Measure(request_of(vector), metadata=server.metadata).measurements
    assert measured.name == vector["measurement"]
    for side, value in (("left", measured.left), ("right", measured.right)):
        expected = vector["expected"][side]
        if expected is None:
            assert not value.HasField("value_deg")
            reason = measurement_pb2.MissingReason.Name(value.missing_reason)
            assert reason == f"MISSING_REASON_{vector['expected_reason'][side].upper()}"
        else:
            assert value.missing_reason == measurement_pb2.MISSING_REASON_UNSPECIFIED
            assert abs(math.floor(value.value_deg + 0.5) - expected) <= vector["tolerance"]
            assert 0.3 <= value.confidence <= 1.0
    if "expected_warning" in vector:
        warnings = [measurement_pb2.Warning.Name(one) for one in measured.warnings]
        assert f"WARNING_{vector['expected_warning'].upper()}" in warnings


def test_answers_in_request_order_and_only_the_side_asked_for(
    stub: JointTrackServiceStub, server: RunningServer
) -> None:
    request = request_of(VECTORS[0], side=measurement_pb2.SIDE_RIGHT)
    del request.measurements[:]
    request.measurements.extend(reversed(measurement_pb2.MeasurementType.values()[1:]))
    answer = stub.Measure(request, metadata=server.metadata)
    assert [one.type for one in answer.measurements] == list(reversed(range(1, 20)))
    for one in answer.measurements:
        assert one.left == measurement_pb2.SideValue()


BAD_REQUESTS: dict[str, tuple[dict[str, Any], str, str]] = {
    "no measurement": (dict(measurements=[]), "MISSING_MEASUREMENT", "measurements"),
    "unspecified measurement": (
        dict(measurements=[0]),
        "UNKNOWN_MEASUREMENT",
        "measurements[0]",
    ),
    "unknown measurement": (dict(measurements=[7, 99]), "UNKNOWN_MEASUREMENT", "measurements[1]"),
    "repeated measurement": (dict(measurements=[7, 7]), "REPEATED_MEASUREMENT", "measurements[1]"),
    "unknown side": (dict(side=9), "INVALID_SIDE", "side"),
    "unknown facing": (dict(facing=9), "INVALID_REQUEST", "facing"),
    "no size": (dict(image_size=ImageSize()), "INVALID_REQUEST", "image_size"),
    "no keypoints": (dict(keypoints=[]), "INVALID_KEYPOINTS", "keypoints"),
    "no joint": (
        dict(keypoints=[pose_pb2.Keypoint(x_px=1, score=0.5)]),
        "INVALID_KEYPOINTS",
        "keypoints[0].joint",
    ),
    "joint twice": (
        dict(keypoints=[pose_pb2.Keypoint(joint=JOINT_NOSE)] * 2),
        "INVALID_KEYPOINTS",
        "keypoints[1].joint",
    ),
    "not a number": (
        dict(keypoints=[pose_pb2.Keypoint(joint=JOINT_NOSE, x_px=math.nan)]),
        "INVALID_KEYPOINTS",
        "keypoints[0]",
    ),
    "score in percent": (
        dict(keypoints=[pose_pb2.Keypoint(joint=JOINT_NOSE, score=90)]),
        "INVALID_KEYPOINTS",
        "keypoints[0].score",
    ),
}


@pytest.mark.parametrize("case", BAD_REQUESTS)
def test_bad_request(stub: JointTrackServiceStub, server: RunningServer, case: str) -> None:
    changes, reason, field = BAD_REQUESTS[case]
    request = request_of(VECTORS[0])
    for name in changes:
        request.ClearField(name)  # type: ignore[arg-type]
    request.MergeFrom(service_pb2.MeasureRequest(**changes))
    with pytest.raises(grpc.RpcError) as caught:
        stub.Measure(request, metadata=server.metadata)
    error = rich_error(caught.value)
    assert (error.code, error.info.reason) == (grpc.StatusCode.INVALID_ARGUMENT, reason)
    assert error.field == field


def test_mirrored_exchanges_the_sides(stub: JointTrackServiceStub, server: RunningServer) -> None:
    vector = next(one for one in VECTORS if one["id"] == "shoulder_abduction-2")
    plain = stub.Measure(request_of(vector), metadata=server.metadata).measurements[0]
    mirrored = stub.Measure(request_of(vector, mirrored=True), metadata=server.metadata)
    assert mirrored.measurements[0].left == plain.right
    assert mirrored.measurements[0].right == plain.left
