"""Connections that are pinged, grow old or fall silent."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from h2.errors import ErrorCodes

from jointtrack.v1 import jointtrack_service_pb2 as service_pb2
from jointtrack.v1.jointtrack_service_pb2_grpc import JointTrackServiceStub
from tests.support.http2 import Http2Caller, grpc_frame, http2_caller
from tests.support.servers import RunningServer
from tests.support.waiting import WAIT_S, eventually

Start = Callable[..., RunningServer]

INFO = service_pb2.GetServerInfoRequest()
WATCH = "/grpc.health.v1.Health/Watch"
NO_MESSAGE = grpc_frame(b"")
PINGS, EVERY_S = 8, 0.1


def ping(caller: Http2Caller) -> None:
    """Until the server has had enough."""
    for _ in range(PINGS):
        caller.ping()
        with suppress(ConnectionError):
            caller.receive()
        if caller.goaway:
            return
        time.sleep(EVERY_S)


@pytest.mark.parametrize("has_call", [True, False], ids=["in a call", "idle"])
@pytest.mark.parametrize(
    ("interval_s", "without_calls"), [(EVERY_S / 2, True), (EVERY_S / 2, False), (60.0, True)]
)
def test_pings(start_server: Start, interval_s: float, without_calls: bool, has_call: bool) -> None:
    server = start_server(
        auth=False,
        preload="none",
        min_ping_interval_s=interval_s,
        keepalive_without_calls=without_calls,
    )
    is_welcome = interval_s < EVERY_S and (without_calls or has_call)
    with (
        grpc.insecure_channel(server.target) as other,
        http2_caller(server.target) as caller,
    ):
        stub = JointTrackServiceStub(other)
        assert stub.GetServerInfo(INFO).engine == "openvino"
        if has_call:
            caller.call(WATCH, NO_MESSAGE)
        ping(caller)
        if is_welcome:
            assert caller.goaway is None
        else:
            assert caller.goaway is not None
            assert caller.goaway.error_code == ErrorCodes.ENHANCE_YOUR_CALM
            assert caller.goaway.additional_data == b"too_many_pings"
        assert stub.GetServerInfo(INFO).engine == "openvino"


def test_an_old_connection_is_replaced_and_no_call_fails(start_server: Start) -> None:
    server = start_server(auth=False, preload="none", max_connection_age_s=0.5)
    states: list[grpc.ChannelConnectivity] = []

    def connections() -> int:
        return states.count(grpc.ChannelConnectivity.READY)

    with grpc.insecure_channel(server.target) as channel:
        channel.subscribe(states.append)
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        stub = JointTrackServiceStub(channel)
        eventually(lambda: stub.GetServerInfo(INFO).engine == "openvino" and connections() > 2)
        with ThreadPoolExecutor(1) as pool:
            stopping = pool.submit(server.stop)
            assert next(watch).status == health_pb2.HealthCheckResponse.NOT_SERVING
            stopping.result()


def test_calls_of_an_old_connection_may_have_an_end(start_server: Start) -> None:
    server = start_server(
        auth=False, preload="none", max_connection_age_s=0.5, max_connection_grace_s=0.5
    )
    with grpc.insecure_channel(server.target) as channel:
        asked = health_pb2.HealthCheckRequest()
        watch = health_pb2_grpc.HealthStub(channel).Watch(asked, timeout=WAIT_S)
        assert next(watch).status == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(grpc.RpcError):
            next(watch)
        assert watch.code() is grpc.StatusCode.UNAVAILABLE


def test_a_peer_that_is_dead_is_hung_up(start_server: Start) -> None:
    server = start_server(auth=False, preload="none", keepalive_s=0.5, keepalive_timeout_s=2.0)
    with http2_caller(server.target) as dead, http2_caller(server.target) as alive:
        for caller in (dead, alive):
            watch = caller.call(WATCH, NO_MESSAGE)
            while not caller.data[watch]:
                caller.receive()
        while not dead.is_hung_up:
            alive.receive()  # acknowledges the server's pings
        assert not alive.is_hung_up
