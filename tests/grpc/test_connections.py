"""Callers that take more of a gRPC connection, or more connections, than they may."""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress

import grpc
import pytest

from jointtrack.v1 import jointtrack_service_pb2 as service_pb2
from jointtrack.v1.jointtrack_service_pb2_grpc import JointTrackServiceStub
from tests.support.http import read_to_the_end
from tests.support.servers import RunningServer
from tests.support.streams import config, frame, walk_frames
from tests.support.waiting import WAIT_S, eventually

Start = Callable[..., RunningServer]

OWN_CONNECTION = (("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0))
INFO = service_pb2.GetServerInfoRequest()
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
SETTINGS, PING, GOAWAY = 4, 6, 7
ENHANCE_YOUR_CALM = 11


def channel(server: RunningServer) -> grpc.Channel:
    return grpc.insecure_channel(server.target, options=OWN_CONNECTION)


def ask(opened: grpc.Channel, metadata: tuple[tuple[str, str], ...] = ()) -> str:
    stub = JointTrackServiceStub(opened)
    return stub.GetServerInfo(INFO, timeout=WAIT_S, metadata=metadata).engine


def connect(server: RunningServer) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.app.grpc_door.port), timeout=WAIT_S)


def http2_frame(kind: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, 0]) + bytes(4) + payload


@pytest.mark.parametrize("entries", [1, 50], ids=["one", "many"])
def test_metadata_beyond_the_limit(start_server: Start, entries: int) -> None:
    server = start_server(auth=False, max_head_bytes=4096, preload="none")
    fits, too_large = (
        tuple((f"x-fill-{number}", "x" * (total // entries)) for number in range(entries))
        for total in (1500, 6000)
    )
    with channel(server) as opened:
        for _ in range(20):
            with pytest.raises(grpc.RpcError) as caught:
                ask(opened, metadata=too_large)
            assert isinstance(caught.value, grpc.Call)
            assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert "4096" in (caught.value.details() or "")
            assert ask(opened, metadata=fits) == "openvino"


def test_calls_of_one_connection_wait_for_each_other(start_server: Start) -> None:
    server = start_server(auth=False, max_calls_per_connection=2)
    done = threading.Event()

    def requests() -> Iterator[service_pb2.StreamDetectRequest]:
        yield config()
        yield frame(1, walk_frames()[60])
        done.wait(WAIT_S)

    with channel(server) as greedy, channel(server) as other:
        streams = [JointTrackServiceStub(greedy).StreamDetect(requests()) for _ in range(2)]
        for stream in streams:
            assert next(stream).sequence_id == 1
        waiting = JointTrackServiceStub(greedy).GetServerInfo.future(INFO, timeout=WAIT_S)
        assert ask(other) == "openvino"
        time.sleep(0.5)
        assert not waiting.done()
        done.set()
        assert waiting.result().engine == "openvino"


def test_too_many_connections(start_server: Start) -> None:
    server = start_server(auth=False, max_connections=5, preload="none")
    with ExitStack() as stack:
        kept = [stack.enter_context(channel(server)) for _ in range(5)]
        assert [ask(one) for one in kept] == ["openvino"] * 5
        for _ in range(20):
            with connect(server) as another, suppress(ConnectionError):
                assert another.recv(1) == b""
        assert ask(kept[0]) == "openvino"
        kept[0].close()
        with channel(server) as another_channel:
            stub = JointTrackServiceStub(another_channel)
            stub.GetServerInfo(INFO, timeout=WAIT_S, wait_for_ready=True)


def test_connections_that_say_nothing_are_closed(start_server: Start) -> None:
    server = start_server(auth=False, max_connections=10, http_timeout_s=1.0, preload="none")
    with ExitStack() as stack:
        silent = [stack.enter_context(connect(server)) for _ in range(10)]
        for number, connection in enumerate(silent):
            connection.sendall(PREFACE[:number])
        for connection in silent:
            read_to_the_end(connection)
        with channel(server) as opened:
            assert ask(opened) == "openvino"


def test_a_connection_without_calls_is_closed_and_opened_again(start_server: Start) -> None:
    server = start_server(auth=False, max_connection_idle_s=1.0, preload="none")
    states: list[grpc.ChannelConnectivity] = []
    with channel(server) as opened:
        opened.subscribe(states.append)
        assert ask(opened) == "openvino"
        eventually(lambda: states[-1] is grpc.ChannelConnectivity.IDLE)
        assert grpc.ChannelConnectivity.TRANSIENT_FAILURE not in states
        assert ask(opened) == "openvino"


def test_pings_without_end(start_server: Start) -> None:
    server = start_server(auth=False, preload="none")
    with connect(server) as connection:
        with suppress(ConnectionError):
            connection.sendall(PREFACE + http2_frame(SETTINGS))
            for _ in range(1000):
                connection.sendall(http2_frame(PING, bytes(8)) * 10)
        answered = read_to_the_end(connection)
    assert struct.pack(">I", ENHANCE_YOUR_CALM) + b"too_many_pings" in answered
    with channel(server) as opened:
        assert ask(opened) == "openvino"
