"""Calls that need no key are anybody's: what one caller may take of the server with them."""

import gzip
import re
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

import grpc
import psutil
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from jointtrack import JointTrackClient
from jointtrack_server.grpc_api import keyless, reflection
from tests.support.http2 import Http2Caller, grpc_frame, http2_caller
from tests.support.servers import RunningServer
from tests.support.serving import serving
from tests.support.waiting import WAIT_S

INFO = "/jointtrack.v1.JointTrackService/GetServerInfo"
CHECK = "/grpc.health.v1.Health/Check"
WATCH = "/grpc.health.v1.Health/Watch"
REFLECTIONS = [f"/{name}/ServerReflectionInfo" for name in (reflection.V1, reflection.V1ALPHA)]
GZIP = (("grpc-encoding", "gzip"),)
MIB = 1 << 20
NO_MESSAGE = grpc_frame(b"")

LARGE_MIB, CALLERS, CALLS_EACH = 48, 4, 2
GROWTH_MIB = 400
"""One message is inflated at a time: it and its copies. All at once would take 8 times as much."""

RESETS, RESET_GROWTH_MIB = 5000, 60


def is_serving(server: RunningServer) -> bool:
    with grpc.insecure_channel(server.target) as channel:
        answer = health_pb2_grpc.HealthStub(channel).Check(
            health_pb2.HealthCheckRequest(), timeout=WAIT_S
        )
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def test_calls_of_one_connection_are_counted(server: RunningServer) -> None:
    with http2_caller(server.target) as greedy, http2_caller(server.target) as other:
        kept = [greedy.call(WATCH, NO_MESSAGE) for _ in range(keyless.MAX_CALLS)]
        for path in (CHECK, WATCH, *REFLECTIONS):
            refused = greedy.call(path, NO_MESSAGE)
            assert greedy.status(refused) is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert other.status(other.call(CHECK, NO_MESSAGE)) is grpc.StatusCode.OK
        greedy.reset(kept[0])
        while greedy.status(greedy.call(CHECK, NO_MESSAGE)) is not grpc.StatusCode.OK:
            pass
        assert not greedy.ended & set(kept[1:])


def test_messages_that_do_not_come(server: RunningServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyless, "READ_S", 0.3)
    with http2_caller(server.target) as slow:
        began_s = time.monotonic()
        for number, call in enumerate([half_a_call(slow) for _ in range(3)], start=1):
            assert slow.status(call) is grpc.StatusCode.DEADLINE_EXCEEDED
            assert time.monotonic() - began_s > 0.29 * number
    assert is_serving(server)


def half_a_call(caller: Http2Caller) -> int:
    return caller.call(CHECK, NO_MESSAGE[:3], ends=False)


def test_who_is_slow_holds_up_nobody_else(
    server: RunningServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keyless, "READ_S", 600.0)
    with http2_caller(server.target, address="127.0.0.2") as slow:
        for _ in range(keyless.MAX_CALLS):
            half_a_call(slow)
        refused = half_a_call(slow)
        assert slow.status(refused) is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert is_serving(server)


@pytest.mark.parametrize("path", [CHECK, "/grpc.health.v1.Health/List", WATCH, *REFLECTIONS])
def test_messages_that_are_none(server: RunningServer, path: str) -> None:
    with http2_caller(server.target) as caller:
        broken = caller.call(path, grpc_frame(b"\xff\xff\xff"))
        assert caller.status(broken) is grpc.StatusCode.INVALID_ARGUMENT
        if path not in REFLECTIONS:
            without = caller.call(path)
            assert caller.status(without) is grpc.StatusCode.INVALID_ARGUMENT
    assert is_serving(server)


def test_reflection_calls_are_counted(server: RunningServer) -> None:
    with http2_caller(server.target) as one, http2_caller(server.target) as other:
        kept = [
            one.call(REFLECTIONS[number % 2], ends=False) for number in range(reflection.MAX_CALLS)
        ]
        one.status(one.call(CHECK, NO_MESSAGE))
        refused = other.call(REFLECTIONS[0], ends=False)
        assert other.status(refused) is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert not one.ended & set(kept)


@contextmanager
def peak_rss_mib(process: psutil.Process) -> Iterator[list[float]]:
    """The list's last item is the most so far."""
    peaks = [process.memory_info().rss / MIB]
    done = threading.Event()

    def watch() -> None:
        while not done.wait(0.005):
            peaks.append(max(peaks[-1], process.memory_info().rss / MIB))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield peaks
    finally:
        done.set()
        watcher.join()


@dataclass(frozen=True)
class Process:
    """A server in a process of its own, whose memory is nobody else's."""

    target: str
    process: psutil.Process


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    folder = tmp_path_factory.mktemp("alone")
    with serving(folder / "run", "--data-dir", str(folder / "data"), "--no-auth") as served:
        match = re.search(r"gRPC on (\S+)", served.text)
        assert match is not None
        yield Process(match.group(1), psutil.Process(served.process.pid))


def test_strangers_cannot_fill_the_memory(alone: Process) -> None:
    """With fields of zeros, which cost little to send compressed."""
    large = health_pb2.HealthCheckRequest(service="0" * LARGE_MIB * MIB).SerializeToString()
    bomb = grpc_frame(gzip.compress(large, 1), is_compressed=True)
    with ExitStack() as stack:
        peaks = stack.enter_context(peak_rss_mib(alone.process))
        callers = [stack.enter_context(http2_caller(alone.target)) for _ in range(CALLERS)]
        calls = [(one, one.call(CHECK, bomb, GZIP)) for one in callers for _ in range(CALLS_EACH)]
        for caller, call in calls:
            assert caller.status(call) is grpc.StatusCode.INVALID_ARGUMENT
    assert peaks[-1] - peaks[0] < GROWTH_MIB, peaks


@pytest.mark.parametrize("path", [CHECK, INFO])
def test_streams_that_are_opened_and_reset(alone: Process, path: str) -> None:
    """CVE-2023-44487, rapid reset."""
    with (
        peak_rss_mib(alone.process) as peaks,
        http2_caller(alone.target) as hostile,
        JointTrackClient(alone.target) as other,
    ):
        for number in range(RESETS):
            hostile.reset(hostile.call(path, NO_MESSAGE))
            if number % (RESETS // 10) == 0:
                assert other.server_info().engine == "openvino"
        with suppress(ConnectionError):
            hostile.await_end(hostile.call(CHECK, NO_MESSAGE))
        assert other.server_info().engine == "openvino"
    assert peaks[-1] - peaks[0] < RESET_GROWTH_MIB, peaks
