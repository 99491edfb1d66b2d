import asyncio
import json
import socket
import threading
import time
from typing import TYPE_CHECKING

import grpc
import pytest

from jointtrack import AuthenticationError, JointTrackClient, UnavailableError, __version__
from jointtrack._channel import MAX_MESSAGE_BYTES, connection, is_loopback, service_config
from jointtrack.testing import FakeServer
from jointtrack.tls import Tls

if TYPE_CHECKING:
    from tests.client.conftest import Shell, ShellFactory


def _options(target: str = "localhost:50051", tls: Tls = None) -> dict[str, object]:
    settings = connection(
        target,
        api_key=None,
        tls=tls,
        client_certificate=None,
        allow_cleartext_key=False,
        timeout_s=1.0,
        retries=3,
        max_message_bytes=MAX_MESSAGE_BYTES,
        compression=None,
        channel_options={"grpc.keepalive_time_ms": 1},
    )
    return dict(settings.options) | {"credentials": settings.credentials}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize(
    "target",
    [
        "localhost:1",
        "LOCALHOST",
        "127.0.0.1:1",
        "127.9.9.9",
        "[::1]:50051",
        "dns:///localhost:1",
        "ipv4:127.0.0.1:1",
        "unix:/run/jointtrack.sock",
    ],
)
def test_this_machine_is_plaintext_by_default(target: str) -> None:
    assert is_loopback(target)
    assert _options(target)["credentials"] is None
    assert _options(target, tls=True)["credentials"] is not None


@pytest.mark.parametrize(
    "target",
    [
        "server:50051",
        "10.0.0.1:1",
        "localhost.example.org:1",
        "127.0.0.1.example.org:1",
        "[::2]:1",
        "ipv4:127.0.0.1:1,10.0.0.1:1",
    ],
)
def test_other_machines_are_tls_by_default(target: str) -> None:
    assert not is_loopback(target)
    assert _options(target)["credentials"] is not None
    assert _options(target, tls=False)["credentials"] is None


def test_a_target_is_no_url() -> None:
    with pytest.raises(ValueError, match="host:port"):
        JointTrackClient("http://localhost:50051")


def test_channel_options() -> None:
    options = _options()
    assert options["grpc.max_send_message_length"] == 64 * 1024 * 1024
    assert options["grpc.max_receive_message_length"] == 64 * 1024 * 1024
    assert options["grpc.keepalive_time_ms"] == 1, "the caller's option wins"
    assert options["grpc.service_config"] == service_config()
    assert options["grpc.lb_policy_name"] == "pick_first", "this machine is one server"
    assert _options("server:50051")["grpc.lb_policy_name"] == "round_robin"


def test_only_idempotent_calls_are_tried_again() -> None:
    (policy,) = json.loads(service_config())["methodConfig"]
    assert {name["method"] for name in policy["name"]} == {
        "Detect",
        "Measure",
        "GetServerInfo",
        "ListKeys",
        "ListPlans",
    }
    assert policy["retryPolicy"]["retryableStatusCodes"] == ["UNAVAILABLE", "CANCELLED"]
    assert policy["retryPolicy"]["maxAttempts"] == 4


def test_api_key_and_user_agent_are_sent(connect: "ShellFactory") -> None:
    with FakeServer(api_key="secret") as server:
        shell = connect(server.target, api_key="secret")
        shell.wait_ready(5.0)
        shell.detect(b"picture")
        shell.stream([b"picture"])
        shell.server_info()
        shell.measure({"nose": (1, 2, 0.9)}, (10, 10), "splits")
    assert [call["x-api-key"] for call in server.metadata] == ["secret"] * 4
    assert f"jointtrack-python/{__version__}" in str(server.metadata[0]["user-agent"])


@pytest.mark.parametrize("api_key", [None, "wrong"])
def test_a_wrong_key_is_an_authentication_error(
    connect: "ShellFactory", api_key: str | None
) -> None:
    with FakeServer(api_key="secret") as server:
        shell = connect(server.target, api_key=api_key)
        with pytest.raises(AuthenticationError) as caught:
            shell.detect(b"picture")
        with pytest.raises(AuthenticationError):
            shell.stream([b"picture"])
    assert caught.value.reason == "INVALID_API_KEY"
    assert "x-api-key" not in server.metadata[0] or api_key


def test_no_server_is_said_so(connect: "ShellFactory") -> None:
    target = f"127.0.0.1:{_free_port()}"
    shell = connect(target, timeout_s=0.3)
    for call in (lambda: shell.detect(b"a"), lambda: shell.stream([b"a"])):
        with pytest.raises(UnavailableError, match=f"Cannot reach {target}"):
            call()


def test_calls_wait_for_a_server_that_starts_late(connect: "ShellFactory") -> None:
    port = _free_port()
    late = FakeServer(port=port)
    starter = threading.Timer(0.5, late.start)
    shell = connect(f"127.0.0.1:{port}", timeout_s=10.0)
    starter.start()
    try:
        shell.wait_ready(10.0)
        assert shell.detect(b"picture").people
    finally:
        starter.join()
        late.stop()


def test_wait_ready_waits_for_the_health_service(server: FakeServer, shell: "Shell") -> None:
    server.ready = False
    with pytest.raises(UnavailableError, match=r"not ready within 0\.3 s"):
        shell.wait_ready(0.3)
    timer = threading.Timer(0.3, setattr, (server, "ready", True))
    timer.start()
    started_s = time.monotonic()
    shell.wait_ready(60.0)
    assert 0.2 < time.monotonic() - started_s < 30.0
    timer.join()


def test_wait_ready_is_content_without_a_health_service(connect: "ShellFactory") -> None:
    from concurrent.futures import ThreadPoolExecutor

    bare = grpc.server(ThreadPoolExecutor(1))
    port = bare.add_insecure_port("127.0.0.1:0")
    bare.start()
    try:
        connect(f"127.0.0.1:{port}").wait_ready(5.0)
    finally:
        bare.stop(None).wait()


def test_wait_ready_gives_up_in_time(connect: "ShellFactory") -> None:
    started_s = time.monotonic()
    with pytest.raises(UnavailableError):
        connect(f"127.0.0.1:{_free_port()}").wait_ready(0.4)
    assert time.monotonic() - started_s < 20.0


def test_the_asynchronous_client_is_made_outside_a_loop(server: FakeServer) -> None:
    from jointtrack import AsyncJointTrackClient

    client = AsyncJointTrackClient(server.target)

    async def main() -> int:
        async with client:
            return len((await client.detect(b"picture")).people)

    assert asyncio.run(main()) == 1
