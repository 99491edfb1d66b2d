"""channelz, which tells an operator who is connected: off unless set, and for the scope admin."""

from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from grpc_channelz.v1 import channelz_pb2, channelz_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from jointtrack_server.access.caller import Scope
from tests.support.rich_errors import rich_error
from tests.support.servers import RunningServer

GET_SERVERS = channelz_pb2.GetServersRequest()


@pytest.fixture
def watched(start_server: Callable[..., RunningServer]) -> RunningServer:
    return start_server(channelz=True, preload="none")


@pytest.fixture
def channel(watched: RunningServer) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(watched.target) as channel:
        yield channel


def test_connections_and_calls_are_told(channel: grpc.Channel, watched: RunningServer) -> None:
    stub = channelz_pb2_grpc.ChannelzStub(channel)
    for asked in range(3):
        (told,) = stub.GetServers(GET_SERVERS, metadata=watched.metadata).server
        assert told.data.calls_started == asked + 1
    sockets = stub.GetServerSockets(
        channelz_pb2.GetServerSocketsRequest(server_id=told.ref.server_id),
        metadata=watched.metadata,
    )
    assert [one.name.startswith("chttp2 ipv4:127.0.0.1:") for one in sockets.socket_ref] == [True]


def test_what_does_not_exist(channel: grpc.Channel, watched: RunningServer) -> None:
    stub = channelz_pb2_grpc.ChannelzStub(channel)
    with pytest.raises(grpc.RpcError) as caught:
        stub.GetServer(channelz_pb2.GetServerRequest(server_id=10**9), metadata=watched.metadata)
    assert isinstance(caught.value, grpc.Call)
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def test_it_is_for_the_scope_admin(channel: grpc.Channel, watched: RunningServer) -> None:
    assert watched.app.keys is not None
    key = watched.app.keys.create("clinic", scopes=frozenset({Scope.DETECT, Scope.STREAM}))[0]
    service = channelz_pb2.DESCRIPTOR.services_by_name["Channelz"]
    for method in service.methods:
        for metadata, reason in (((), "MISSING_API_KEY"), ((("x-api-key", key),), "MISSING_SCOPE")):
            call: Any = channel.unary_unary(f"/{service.full_name}/{method.name}")
            with pytest.raises(grpc.RpcError) as caught:
                call(b"", metadata=metadata)
            assert rich_error(caught.value).info.reason == reason


def test_reflection_describes_it(channel: grpc.Channel) -> None:
    services = ProtoReflectionDescriptorDatabase(channel).get_services()
    assert "grpc.channelz.v1.Channelz" in services


def test_it_is_off_by_default(server: RunningServer) -> None:
    with grpc.insecure_channel(server.target) as channel, pytest.raises(grpc.RpcError) as caught:
        channelz_pb2_grpc.ChannelzStub(channel).GetServers(GET_SERVERS, metadata=server.metadata)
    assert isinstance(caught.value, grpc.Call)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
