"""What is tried again, when, and how often, between the client and a real gRPC server."""

import asyncio
import json
import time
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest

from jointtrack import (
    AsyncJointTrackClient,
    DeadlineExceededError,
    JointTrackClient,
    JointTrackError,
    UnavailableError,
)
from jointtrack._channel import service_config
from jointtrack.testing import Failure, FakeServer, detection
from jointtrack.v1 import jointtrack_service_pb2 as pb

if TYPE_CHECKING:
    from tests.client.conftest import Shell, ShellFactory

OVERLOADED = Failure("UNAVAILABLE", "OVERLOADED", "Too much at once.")
MOST_TRIES = 4
LONGEST_FIRST_PAUSE_S = 0.2 * 1.2


def _ask_to_wait(retry_after_s: float) -> Failure:
    return Failure("UNAVAILABLE", "OVERLOADED", "Too much.", retry_after_s=retry_after_s)


class TimedServer(FakeServer):
    """Notes when pictures arrive."""

    def __init__(self) -> None:
        super().__init__()
        self.arrivals_s: list[float] = []

    def Detect(self, request: pb.DetectRequest, context: Any) -> pb.DetectResponse:  # noqa: N802
        self.arrivals_s.append(time.monotonic())
        return super().Detect(request, context)

    @property
    def pauses_s(self) -> list[float]:
        return [after - before for before, after in pairwise(self.arrivals_s)]


@pytest.fixture
def server() -> Iterator[TimedServer]:
    with TimedServer() as server:
        yield server


def test_unavailable_is_tried_again(server: TimedServer, shell: "Shell") -> None:
    server.detect.enqueue(OVERLOADED, OVERLOADED, detection({"splits": (61.0, None)}))
    assert shell.detect(b"picture", "splits").person.angle("splits").left == 61.0
    assert len(server.detect.requests) == 3
    server.measure.enqueue(OVERLOADED)
    server.server_info.enqueue(OVERLOADED)
    shell.measure({"nose": (1, 2, 0.9)}, (10, 10), "splits")
    shell.server_info()
    assert (len(server.measure.requests), len(server.server_info.requests)) == (2, 2)


def test_so_is_what_a_stopping_server_cancels(server: TimedServer, shell: "Shell") -> None:
    server.detect.enqueue(Failure("CANCELLED", "", "CANCELLED"))
    assert shell.detect(b"picture").people
    assert len(server.detect.requests) == 2


async def test_but_not_what_the_caller_cancels(server: TimedServer) -> None:
    def slow(request: pb.DetectRequest) -> pb.Detection:
        time.sleep(0.5)
        return detection()

    server.detect.enqueue(slow)
    async with AsyncJointTrackClient(server.target) as client:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.detect(b"picture"), 0.2)
        await asyncio.sleep(1.0)
        assert len(server.detect.requests) == 1
        assert (await client.detect(b"picture")).people


def test_large_pictures_are_tried_again(server: TimedServer, shell: "Shell") -> None:
    server.detect.enqueue(OVERLOADED)
    shell.detect(bytes(20_000_000))
    assert [len(item.image.encoded) for item in server.detect.requests] == [20_000_000] * 2


def test_it_is_given_up_after_four_tries(server: TimedServer, shell: "Shell") -> None:
    server.detect.enqueue(*[_ask_to_wait(0.25)] * (MOST_TRIES + 1))
    with pytest.raises(UnavailableError) as caught:
        shell.detect(b"picture")
    assert (caught.value.reason, caught.value.retry_after_s) == ("OVERLOADED", 0.25)
    assert len(server.detect.requests) == MOST_TRIES


@pytest.mark.parametrize(
    ("code", "reason", "retry_after_s"),
    [
        ("INVALID_ARGUMENT", "INVALID_IMAGE", None),
        ("UNAUTHENTICATED", "INVALID_API_KEY", None),
        ("PERMISSION_DENIED", "MISSING_SCOPE", None),
        ("RESOURCE_EXHAUSTED", "RATE_LIMITED", 0.1),
        ("RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", 0.1),
        ("DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED", None),
        ("ABORTED", "STREAM_IDLE", None),
        ("INTERNAL", "INTERNAL", None),
    ],
)
def test_anything_else_is_not(
    server: TimedServer, shell: "Shell", code: str, reason: str, retry_after_s: float | None
) -> None:
    server.detect.enqueue(Failure(code, reason, "No.", retry_after_s=retry_after_s))
    with pytest.raises(JointTrackError) as caught:
        shell.detect(b"picture")
    assert (caught.value.code, caught.value.reason) == (code, reason)
    assert len(server.detect.requests) == 1


def test_a_server_that_asks_to_wait_is_given_that_time(
    server: TimedServer, connect: "ShellFactory"
) -> None:
    wait_s = 1.0
    server.detect.enqueue(_ask_to_wait(wait_s))
    assert connect(server.target).detect(b"picture").people
    (pause_s,) = server.pauses_s
    assert pause_s > wait_s - 0.01 > LONGEST_FIRST_PAUSE_S


def test_the_deadline_holds_for_all_tries_together(
    server: TimedServer, connect: "ShellFactory"
) -> None:
    server.detect.enqueue(_ask_to_wait(300.0))
    started_s = time.monotonic()
    with pytest.raises(DeadlineExceededError, match=r"within 0\.5 s"):
        connect(server.target, timeout_s=0.5).detect(b"picture")
    assert time.monotonic() - started_s < 60.0
    assert len(server.detect.requests) == 1
    assert connect(server.target).detect(b"picture").people


def test_a_stream_is_never_tried_again_by_itself(server: TimedServer, shell: "Shell") -> None:
    refused = Failure(
        "UNAVAILABLE", "SERVER_DRAINING", "Not here.", retry_after_s=0.0, ends_stream=True
    )
    server.frame.enqueue(refused, refused)
    with pytest.raises(UnavailableError):
        shell.stream([b"frame"])
    assert len(server.configs) == len(server.frame.requests) == 1


def test_a_server_that_only_refuses_is_spared_further_tries(server: TimedServer) -> None:
    tries_that_failed = json.loads(service_config())["retryThrottling"]["maxTokens"] // 2
    server.detect.enqueue(*[_ask_to_wait(0.0)] * (tries_that_failed + 50))
    with JointTrackClient(server.target) as client:
        while len(server.detect.requests) < tries_that_failed:
            with pytest.raises(UnavailableError):
                client.detect(b"picture")
        server.detect.requests.clear()
        for _ in range(10):
            with pytest.raises(UnavailableError):
                client.detect(b"picture")
    assert len(server.detect.requests) == 10, "one try each"
