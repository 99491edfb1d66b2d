"""Ten times the load that it can carry: refused at once, fairly, and nothing is left behind."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2

from jointtrack.v1 import image_pb2
from jointtrack.v1 import jointtrack_service_pb2 as service_pb2
from jointtrack.v1.jointtrack_service_pb2_grpc import JointTrackServiceStub
from tests.support.rich_errors import rich_error
from tests.support.servers import DATA, RunningServer

PHOTO = (DATA / "arms_out_front.jpg").read_bytes()
REQUEST = service_pb2.DetectRequest(image=image_pb2.Image(encoded=PHOTO))
WORKERS, MAX_QUEUE, SECONDS = 2, 4, 4.0
NO_RETRIES = (("grpc.enable_retries", 0), ("grpc.use_local_subchannel_pool", 1))


class Caller:
    """Calls again and again, from so many threads, and counts what comes of it."""

    def __init__(self, target: str, key: str, threads: int) -> None:
        self.outcomes: Counter[str] = Counter()
        self.latencies_s: list[float] = []
        self.refusals: list[grpc.RpcError] = []
        self._metadata = (("x-api-key", key),)
        self._target = target
        self._threads = [threading.Thread(target=self._call) for _ in range(threads)]
        self._end_s = 0.0

    def start(self) -> None:
        self._end_s = time.monotonic() + SECONDS
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        for thread in self._threads:
            thread.join(30)

    def _call(self) -> None:
        with grpc.insecure_channel(self._target, options=NO_RETRIES) as channel:
            stub = JointTrackServiceStub(channel)
            while time.monotonic() < self._end_s:
                began_s = time.monotonic()
                try:
                    stub.Detect(REQUEST, metadata=self._metadata, timeout=30)
                except grpc.RpcError as error:
                    self.refusals.append(error)
                    self.outcomes[rich_error(error).info.reason] += 1
                    time.sleep(0.02)
                else:
                    self.latencies_s.append(time.monotonic() - began_s)
                    self.outcomes["answered"] += 1


@pytest.fixture
def small(start_server: Callable[..., RunningServer]) -> RunningServer:
    return start_server(workers=WORKERS, max_queue=MAX_QUEUE)


def key_for(server: RunningServer, name: str) -> str:
    assert server.app.keys is not None
    return server.app.keys.create(name)[0]


def test_a_greedy_caller_does_not_starve_the_others(small: RunningServer) -> None:
    greedy = Caller(small.target, key_for(small, "greedy"), 10 * (WORKERS + MAX_QUEUE))
    modest = Caller(small.target, key_for(small, "modest"), 1)
    greedy.start()
    modest.start()
    greedy.join()
    modest.join()
    assert greedy.outcomes["OVERLOADED"] > greedy.outcomes["answered"] > 0
    assert set(greedy.outcomes) == {"answered", "OVERLOADED"}
    # Alone among 60 it would be refused nine times in ten; here it has its turn.
    assert modest.outcomes["answered"] > modest.outcomes["OVERLOADED"]
    assert small.app.runner.in_flight == 0
    with grpc.insecure_channel(small.target) as channel:
        stub = JointTrackServiceStub(channel)
        assert len(stub.Detect(REQUEST, metadata=small.metadata).detection.people) == 1


def test_a_refusal_says_when_to_come_back_and_not_all_at_once(small: RunningServer) -> None:
    crowd = Caller(small.target, small.api_key, 10 * (WORKERS + MAX_QUEUE))
    crowd.start()
    crowd.join()
    pushbacks_ms: set[int] = set()
    for refusal in crowd.refusals:
        error = rich_error(refusal)
        assert error.code is grpc.StatusCode.UNAVAILABLE
        delay = error.detail(error_details_pb2.RetryInfo)
        assert delay is not None
        delay_s = delay.retry_delay.ToTimedelta().total_seconds()
        assert delay_s >= 1.0
        assert isinstance(refusal, grpc.Call)
        trailers = dict(refusal.trailing_metadata() or ())
        pushback_ms = int(trailers["grpc-retry-pushback-ms"])
        assert 500 <= pushback_ms / delay_s <= 1500
        pushbacks_ms.add(pushback_ms)
    assert len(pushbacks_ms) > len(crowd.refusals) / 10


def test_who_is_not_let_in_is_answered_before_the_picture_is_read(small: RunningServer) -> None:
    """A stranger's picture would take memory: he is refused although it never comes whole."""
    began = threading.Event()
    refused = threading.Event()

    def half_a_message() -> Iterator[bytes]:
        began.set()
        assert refused.wait(20)
        yield b""

    with grpc.insecure_channel(small.target) as channel:
        call: Any = channel.stream_unary("/jointtrack.v1.JointTrackService/Detect")
        with pytest.raises(grpc.RpcError) as caught:
            call(half_a_message(), metadata=(("x-api-key", "jt_00000000_wrong"),), timeout=10)
        refused.set()
    assert began.is_set()
    assert rich_error(caught.value).info.reason == "INVALID_API_KEY"


def test_work_whose_caller_has_gone_is_not_done(small: RunningServer) -> None:
    hold = threading.Event()
    begun = threading.Barrier(WORKERS + 1)

    def wait() -> None:
        begun.wait(10)
        assert hold.wait(20)

    async def block() -> None:
        await small.app.runner.run(wait)

    busy = [asyncio.run_coroutine_threadsafe(block(), small.loop) for _ in range(WORKERS)]
    begun.wait(10)
    with grpc.insecure_channel(small.target) as channel:
        stub = JointTrackServiceStub(channel)
        with pytest.raises(grpc.RpcError) as caught:
            stub.Detect(REQUEST, metadata=small.metadata, timeout=0.3)
        assert isinstance(caught.value, grpc.Call)
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        end_s = time.monotonic() + 10
        while small.app.runner.in_flight > WORKERS and time.monotonic() < end_s:
            time.sleep(0.02)
        assert small.app.runner.in_flight == WORKERS, "the picture still waits for a thread"
        hold.set()
        for one in busy:
            one.result(10)
        assert len(stub.Detect(REQUEST, metadata=small.metadata).detection.people) == 1
