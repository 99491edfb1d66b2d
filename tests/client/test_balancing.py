"""One client on several servers: calls are spread, and go on when one of them dies."""

from pathlib import Path

from jointtrack import JointTrackClient
from jointtrack.testing import FakeServer
from tests.support.several import STREAMS, assert_nothing_lost, at_work, counted, two_servers


def test_calls_go_to_every_address_of_the_name() -> None:
    with FakeServer() as first, FakeServer() as second:
        target = f"ipv4:{first.target},{second.target}"
        with JointTrackClient(target, tls=False) as client:
            while not (first.metadata and second.metadata):
                assert len(first.metadata) + len(second.metadata) < 200
                client.server_info()
            before = len(first.metadata)
            for _ in range(10):
                client.server_info()
        assert 4 <= len(first.metadata) - before <= 6


def test_calls_and_streams_go_on_when_a_server_dies(tmp_path: Path) -> None:
    with two_servers(tmp_path) as servers:
        target = ",".join(server.target for server in servers)
        with JointTrackClient(f"ipv4:{target}", tls=False) as client, at_work(client) as work:
            work.await_more(calls=20, frames=5)
            calls = counted(servers, "jointtrack_requests_total", method="Detect")
            streams = counted(servers, "jointtrack_streams_open")
            servers[1].process.kill()
            work.await_more(calls=20, frames=5)
        assert min(calls) > 0
        assert sum(streams) == STREAMS
        assert min(streams) > 0
        assert sum(work.resumed) == streams[1]
        assert_nothing_lost(work)
