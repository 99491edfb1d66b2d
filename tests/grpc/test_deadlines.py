"""Deadlines as any client may write them, and what waits when one passes."""

from collections.abc import Callable

import grpc
import pytest

from jointtrack.v1 import image_pb2
from jointtrack.v1 import jointtrack_service_pb2 as service_pb2
from tests.support.busy import busy
from tests.support.http2 import grpc_frame, http2_caller
from tests.support.servers import RunningServer
from tests.support.waiting import eventually

DETECT = "/jointtrack.v1.JointTrackService/Detect"


def request(photo: bytes) -> bytes:
    image = image_pb2.Image(encoded=photo)
    return grpc_frame(service_pb2.DetectRequest(image=image).SerializeToString())


@pytest.mark.parametrize("timeout", ["99999999H", "99999999S", "5M", "5000m", "5000000u"])
def test_long_ones_are_kept(server: RunningServer, photo: bytes, timeout: str) -> None:
    with http2_caller(server.target) as caller:
        call = caller.call(DETECT, request(photo), (*server.metadata, ("grpc-timeout", timeout)))
        assert caller.status(call) is grpc.StatusCode.OK


@pytest.mark.parametrize("timeout", ["0S", "0n", "1n", "1u"])
def test_ones_that_have_passed(server: RunningServer, photo: bytes, timeout: str) -> None:
    with http2_caller(server.target) as caller:
        call = caller.call(DETECT, request(photo), (*server.metadata, ("grpc-timeout", timeout)))
        caller.await_end(call)
        assert caller.headers[call].get("grpc-status", "4") == "4"


@pytest.mark.parametrize("timeout", ["", "5", "S", "-1S", "1.5S", "5X", "5 S", "999999999S", "١S"])
def test_ones_that_are_none(server: RunningServer, photo: bytes, timeout: str) -> None:
    """gRPC refuses them, or takes them for what they may have meant."""
    with http2_caller(server.target) as caller:
        odd = caller.call(DETECT, request(photo), (*server.metadata, ("grpc-timeout", timeout)))
        assert caller.status(odd) in {grpc.StatusCode.INTERNAL, grpc.StatusCode.OK}
        sound = caller.call(DETECT, request(photo), server.metadata)
        assert caller.status(sound) is grpc.StatusCode.OK


@pytest.mark.parametrize("ends_by", ["deadline", "reset"])
def test_what_waits_is_dropped(
    start_server: Callable[..., RunningServer], photo: bytes, ends_by: str
) -> None:
    server = start_server(auth=False, workers=1, preload="none")
    timeout = (("grpc-timeout", "200m"),) if ends_by == "deadline" else ()
    with busy(server, workers=1), http2_caller(server.target) as caller:
        calls = [caller.call(DETECT, request(photo), timeout) for _ in range(5)]
        if ends_by == "deadline":
            for call in calls:
                assert caller.status(call) is grpc.StatusCode.DEADLINE_EXCEEDED
        else:
            eventually(lambda: server.app.runner.in_flight == 6)
            for call in calls:
                caller.reset(call)
        eventually(lambda: server.app.runner.in_flight == 1)
