"""A stub on the real server."""

from collections.abc import Iterator

import grpc
import pytest

from jointtrack.v1.jointtrack_service_pb2_grpc import JointTrackServiceStub
from tests.support.admin import Admin
from tests.support.servers import DATA, RunningServer, run_server

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


@pytest.fixture(scope="session")
def keyed_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """A server whose keys come and go."""
    with run_server(tmp_path_factory.mktemp("keys"), preload="none") as running:
        yield running


@pytest.fixture
def channel(keyed_server: RunningServer) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(keyed_server.target) as channel:
        yield channel


@pytest.fixture
def service(channel: grpc.Channel) -> JointTrackServiceStub:
    return JointTrackServiceStub(channel)


@pytest.fixture
def admin(channel: grpc.Channel, keyed_server: RunningServer) -> Admin:
    return Admin(channel, keyed_server.metadata)
