"""How long, how much and for whom an interrupted stream is opened again."""

import asyncio
import itertools
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from typing import TYPE_CHECKING

import pytest

from jointtrack import (
    AsyncJointTrackClient,
    DeadlineExceededError,
    JointTrackClient,
    UnavailableError,
)
from jointtrack._outbox import MIN_UNANSWERED
from jointtrack._resumption import FIRST_PAUSE_S
from jointtrack.testing import Failure, FakeServer, detection
from jointtrack.v1 import jointtrack_service_pb2 as pb
from tests.support.interruptions import DRAINING, answered_ids, frames, kinds
from tests.support.waiting import eventually

if TYPE_CHECKING:
    from tests.client.conftest import Shell, ShellFactory


def test_it_is_given_up_in_time(server: FakeServer, shell: "Shell") -> None:
    server.frame.enqueue(detection())
    server.frame.default = DRAINING
    with pytest.raises(UnavailableError) as caught:
        shell.stream(frames(5), resume_timeout_s=2.0)
    assert (caught.value.reason, caught.value.last_sequence_id) == ("SERVER_DRAINING", 10)
    assert 2 <= len(server.configs) <= 4, "pauses of 0.2, 0.4 and 0.8 seconds, or a little more"


def test_a_server_that_is_gone_is_given_up_in_time(server: FakeServer, shell: "Shell") -> None:
    def stop(frame: pb.Frame) -> pb.Detection:
        server.stop()
        return detection()

    server.frame.enqueue(detection(), stop)
    with pytest.raises(UnavailableError, match="Cannot reach") as caught:
        shell.stream(frames(5), resume_timeout_s=1.0)
    assert caught.value.last_sequence_id == 10


def test_the_streams_own_time_holds_for_all_calls_together(
    server: FakeServer, shell: "Shell"
) -> None:
    for _ in range(50):
        server.frame.enqueue(detection(), DRAINING)
    started_s = time.monotonic()
    with pytest.raises((DeadlineExceededError, UnavailableError)):
        shell.stream(frames(50), resume_timeout_s=300.0, timeout_s=1.0)
    assert time.monotonic() - started_s < 60.0
    assert len(server.configs) <= 1 + 1.0 / FIRST_PAUSE_S


def test_a_call_that_resumes_it_has_what_is_left_of_that_time(
    server: FakeServer, connect: "ShellFactory"
) -> None:
    over = threading.Event()

    def slow(frame: pb.Frame) -> pb.Detection:
        over.wait(60.0)
        return detection()

    server.frame.enqueue(detection(), DRAINING, slow)
    with pytest.raises(DeadlineExceededError) as caught:
        connect(server.target).stream(frames(3), resume_timeout_s=300.0, timeout_s=3.0)
    over.set()
    assert caught.value.last_sequence_id == 10
    assert len(server.configs) == 2


def test_every_answer_starts_the_waiting_anew(server: FakeServer, shell: "Shell") -> None:
    for _ in range(8):
        server.frame.enqueue(detection(), DRAINING)
    answers = shell.stream(frames(9), resume_timeout_s=5.0)
    assert kinds(answers).count("resumed") == 8, "with pauses that double, it would be too late"


def test_frames_are_kept_only_up_to_a_bound(server: FakeServer, shell: "Shell") -> None:
    taken = 0
    taken_unanswered: list[int] = []

    def camera() -> Iterator[bytes]:
        nonlocal taken
        for _ in range(100):
            taken += 1
            yield b"frame"

    def slow(frame: pb.Frame) -> pb.Detection:
        eventually(lambda: taken >= MIN_UNANSWERED)
        time.sleep(0.5)
        taken_unanswered.append(taken)
        return detection()

    server.frame.enqueue(slow)
    assert len(shell.stream(camera(), resume_timeout_s=30.0)) == 100
    assert taken_unanswered == [MIN_UNANSWERED]


def test_an_error_of_the_frames_ends_the_waiting(server: FakeServer, shell: "Shell") -> None:
    def broken() -> Iterator[bytes]:
        yield b"a"
        eventually(lambda: server.frame.requests)
        time.sleep(1.0)
        raise RuntimeError("the camera broke")

    server.frame.default = Failure(
        "UNAVAILABLE", "OVERLOADED", "Later.", retry_after_s=200.0, ends_stream=True
    )
    started_s = time.monotonic()
    with pytest.raises(RuntimeError, match="the camera broke"):
        shell.stream(broken(), resume_timeout_s=1000.0)
    assert time.monotonic() - started_s < 100.0


def test_without_frames_it_is_not_opened_again(connect: "ShellFactory") -> None:
    goes_on = threading.Event()
    first_answered = threading.Event()
    opened_in_vain: list[int] = []

    def camera() -> Iterator[bytes]:
        yield b"first"
        goes_on.wait(60.0)
        yield b"second"

    def restart() -> None:
        first_answered.wait(60.0)
        first.stop()
        second.start()
        time.sleep(5 * FIRST_PAUSE_S)
        opened_in_vain.append(len(second.configs))
        goes_on.set()

    with FakeServer() as first:
        second = FakeServer(port=int(first.target.rpartition(":")[2]))
        operator = threading.Thread(target=restart)
        operator.start()
        answers = connect(first.target).stream(
            camera(), resume_timeout_s=60.0, on_answer=lambda _: first_answered.set()
        )
        operator.join()
        second.stop()
    assert [answer.sequence_id for answer in answers] == [0, 0, 1]
    assert kinds(answers) == ["detection", "resumed", "detection"]
    assert opened_in_vain == [0]


def test_no_thread_stays(server: FakeServer, shell: "Shell") -> None:
    server.frame.enqueue(detection(), DRAINING, detection(), DRAINING)
    shell.stream(frames(5), resume_timeout_s=30.0)
    shell.stream(frames(5))
    with pytest.raises(UnavailableError):
        server.frame.enqueue(DRAINING)
        shell.stream(frames(5))
    eventually(
        lambda: not [one for one in threading.enumerate() if one.name == "jointtrack frames"]
    )


def test_closing_the_client_ends_the_stream(server: FakeServer) -> None:
    with JointTrackClient(server.target) as client:
        answers = client.stream(itertools.repeat(b"frame"), resume_timeout_s=60.0)
        next(answers)
        client.close()
        with pytest.raises(UnavailableError) as caught:
            for _ in answers:
                pass
    assert caught.value.code == "CANCELLED"


async def test_closing_the_asynchronous_client_ends_the_stream(server: FakeServer) -> None:
    async with AsyncJointTrackClient(server.target) as client:
        answers = client.stream(itertools.repeat(b"frame"), resume_timeout_s=60.0)
        await anext(answers)
        await client.close()
        with pytest.raises(UnavailableError) as caught:
            async for _ in answers:
                pass
    assert caught.value.code == "CANCELLED"


async def test_asynchronous_frames_are_read_once(server: FakeServer) -> None:
    begun = 0

    async def camera() -> AsyncIterator[bytes]:
        nonlocal begun
        begun += 1
        for at in range(6):
            await asyncio.sleep(0)
            yield b"%d" % at

    server.frame.enqueue(detection(), DRAINING, detection(), DRAINING)
    async with AsyncJointTrackClient(server.target) as client:
        answers = [one async for one in client.stream(camera(), resume_timeout_s=30.0)]
    assert answered_ids(answers) == [0, 1, 2, 3, 4, 5]
    assert begun == 1


async def test_cancelling_the_task_ends_the_waiting(server: FakeServer) -> None:
    server.frame.default = Failure(
        "UNAVAILABLE", "OVERLOADED", "Later.", retry_after_s=200.0, ends_stream=True
    )

    async def follow(client: AsyncJointTrackClient) -> None:
        async with aclosing(client.stream([b"a"], resume_timeout_s=1000.0)) as answers:
            async for _ in answers:
                pass

    async with AsyncJointTrackClient(server.target) as client:
        task = asyncio.create_task(follow(client))
        await asyncio.to_thread(eventually, lambda: bool(server.frame.requests))
        await asyncio.sleep(0.2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asyncio.wait_for(task, 60.0)
        assert (await client.detect(b"picture")).people
