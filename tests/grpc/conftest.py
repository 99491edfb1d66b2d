"""A stub on the real server."""

from collections.abc import Iterator

import grpc
import pytest

from jointtrack.v1.jointtrack_service_pb2_grpc import JointTrackServiceStub
from tests.support.servers import DATA, RunningServer

CHANNEL_OPTIONS = (
    ("grpc.max_send_message_length", 64 << 20),
    ("grpc.max_receive_message_length", 64 << 20),
)


@pytest.fixture
def stub(server: RunningServer) -> Iterator[JointTrackServiceStub]:
    with grpc.insecure_channel(server.target, options=CHANNEL_OPTIONS) as channel:
        yield JointTrackServiceStub(channel)


@pytest.fixture
def photo() -> bytes:
    return (DATA / "arms_out_front.jpg").read_bytes()
