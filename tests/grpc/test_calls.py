"""What surrounds every call: keys, ids, deadlines, limits, server info."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2

from jointtrack.v1 import image_pb2, measurement_pb2
from jointtrack.v1 import jointtrack_service_pb2 as service_pb2
from jointtrack.v1.jointtrack_service_pb2_grpc import JointTrackServiceStub
from jointtrack_server.grpc_api.server import SERVICE_NAME
from tests.support.rich_errors import rich_error
from tests.support.servers import RunningServer

INFO = service_pb2.GetServerInfoRequest()


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ((), "MISSING_API_KEY"),
        ((("x-api-key", ""),), "MISSING_API_KEY"),
        ((("x-api-key", "jt_00000000_wrong"),), "INVALID_API_KEY"),
    ],
)
def test_no_key_no_entry(
    stub: JointTrackServiceStub, metadata: tuple[tuple[str, str], ...], reason: str
) -> None:
    calls: list[Callable[[], object]] = [
        lambda: stub.GetServerInfo(INFO, metadata=metadata),
        lambda: stub.Detect(service_pb2.DetectRequest(), metadata=metadata),
        lambda: stub.Measure(service_pb2.MeasureRequest(), metadata=metadata),
        lambda: list(stub.StreamDetect(iter(()), metadata=metadata)),
    ]
    for call in calls:
        with pytest.raises(grpc.RpcError) as caught:
            call()
        error = rich_error(caught.value)
        assert (error.code, error.info.reason) == (grpc.StatusCode.UNAUTHENTICATED, reason)


def test_request_id_is_the_callers_own_if_sane(
    stub: JointTrackServiceStub, server: RunningServer
) -> None:
    def id_for(given: str) -> str:
        metadata = (*server.metadata, ("x-request-id", given))
        _, call = stub.GetServerInfo.with_call(INFO, metadata=metadata)
        return str(dict(call.trailing_metadata() or ())["x-request-id"])

    assert id_for("visit-42") == "visit-42"
    assert id_for("no blanks") != "no blanks"
    assert id_for("x" * 100) != "x" * 100


def test_server_info(stub: JointTrackServiceStub, server: RunningServer) -> None:
    info = stub.GetServerInfo(INFO, metadata=server.metadata)
    assert [one.name for one in info.models] == [
        "movenet-lightning",
        "movenet-thunder",
        "movenet-multipose",
    ]
    assert [one.name for one in info.models if one.is_default] == ["movenet-thunder"]
    assert {one.origin for one in info.models} == {"embedded"}
    assert info.engine == "openvino"
    assert info.device == "CPU"
    assert info.precision in {"f32", "bf16"}
    assert info.precision in info.engine_reason
    assert [one.type for one in info.measurements] == list(range(1, 20))
    kinds = {one.name: measurement_pb2.MeasurementKind.Name(one.kind) for one in info.measurements}
    assert kinds["knee_flexion"] == "MEASUREMENT_KIND_LIMB"
    assert kinds["back_side_flexion"] == "MEASUREMENT_KIND_DIRECTION"
    assert kinds["neck_extension"] == "MEASUREMENT_KIND_MIDLINE"
    assert kinds["splits"] == "MEASUREMENT_KIND_BOTH_LEGS"
    for one in info.measurements:
        assert one.title
        assert one.body_part
        assert one.zero
        assert one.positive
        assert one.normal.source
        assert one.normal.min_deg < one.normal.max_deg or one.name == "splits"
    assert info.limits.max_image_bytes == 32 << 20
    assert info.limits.max_people == 6


def test_a_message_that_is_no_protobuf(server: RunningServer) -> None:
    with grpc.insecure_channel(server.target) as channel:
        call: Any = channel.unary_unary(f"/{SERVICE_NAME}/Detect")
        with pytest.raises(grpc.RpcError) as caught:
            call(b"\xff\xff\xff", metadata=server.metadata)
    error = rich_error(caught.value)
    assert (error.code, error.info.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_REQUEST")


def test_limits_name_both_numbers(start_server: Callable[..., RunningServer], photo: bytes) -> None:
    small = start_server(max_image_bytes=2048, max_image_pixels=10_000)
    with grpc.insecure_channel(small.target) as channel:
        stub = JointTrackServiceStub(channel)
        raw = image_pb2.RawImage(
            data=bytes(3 * 101 * 100),
            width_px=101,
            height_px=100,
            pixel_format=image_pb2.PIXEL_FORMAT_RGB24,
        )
        for image, found, limit in (
            (image_pb2.Image(encoded=photo), str(len(photo)), "2048"),
            (image_pb2.Image(raw=raw), "10100", "10000"),
        ):
            with pytest.raises(grpc.RpcError) as caught:
                stub.Detect(service_pb2.DetectRequest(image=image), metadata=small.metadata)
            error = rich_error(caught.value)
            assert error.info.reason == "IMAGE_TOO_LARGE"
            assert found in error.message
            assert limit in error.message
            assert {found, limit} <= set(error.info.metadata.values())


def test_a_full_queue_is_refused_at_once_and_says_when_to_retry(
    start_server: Callable[..., RunningServer], photo: bytes
) -> None:
    busy = start_server(workers=1, max_queue=1)
    request = service_pb2.DetectRequest(image=image_pb2.Image(encoded=photo))

    def detect(stub: JointTrackServiceStub) -> str:
        try:
            stub.Detect(request, metadata=busy.metadata)
        except grpc.RpcError as caught:
            error = rich_error(caught)
            retry = error.detail(error_details_pb2.RetryInfo)
            assert retry is not None
            assert retry.retry_delay.ToMilliseconds() > 0
            return str(error.info.reason)
        return "OK"

    with grpc.insecure_channel(busy.target) as channel, ThreadPoolExecutor(16) as pool:
        stub = JointTrackServiceStub(channel)
        outcomes = list(pool.map(detect, [stub] * 16))
    assert set(outcomes) == {"OK", "OVERLOADED"}
    assert busy.app.runner.in_flight == 0


def test_a_deadline_that_has_passed_costs_no_inference(
    stub: JointTrackServiceStub, server: RunningServer, photo: bytes
) -> None:
    request = service_pb2.DetectRequest(image=image_pb2.Image(encoded=photo))
    with pytest.raises(grpc.RpcError) as caught:
        stub.Detect(request, metadata=server.metadata, timeout=0.001)
    assert isinstance(caught.value, grpc.Call)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert len(stub.Detect(request, metadata=server.metadata).detection.people) == 1


def test_unexpected_errors_leak_nothing(
    start_server: Callable[..., RunningServer], photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = start_server()

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("secret path /srv/patients")

    monkeypatch.setattr("jointtrack_server.pipeline.detect.find_people", fail)
    request = service_pb2.DetectRequest(image=image_pb2.Image(encoded=photo))
    channel = grpc.insecure_channel(broken.target)
    with channel, pytest.raises(grpc.RpcError) as caught:
        JointTrackServiceStub(channel).Detect(request, metadata=broken.metadata)
    error = rich_error(caught.value)
    assert (error.code, error.info.reason) == (grpc.StatusCode.INTERNAL, "INTERNAL")
    assert "secret" not in str(error.status)
    assert error.request_id in error.message
