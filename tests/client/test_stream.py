import asyncio
import itertools
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from jointtrack import (
    AsyncJointTrackClient,
    DeadlineExceededError,
    Frame,
    FrameDetection,
    FrameDropped,
    FrameError,
    InvalidRequestError,
    JointTrackClient,
    Overflow,
    Smoothing,
    UnavailableError,
)
from jointtrack.frames import FrameNumbering
from jointtrack.testing import Failure, FakeServer, detection
from jointtrack.v1 import jointtrack_service_pb2 as pb

if TYPE_CHECKING:
    from tests.client.conftest import Shell

BAD = Failure("INVALID_ARGUMENT", "INVALID_IMAGE", "Not a picture.", {"bytes": "3"})


def _offsets_ms(server: FakeServer) -> list[float]:
    return [item.capture_offset.ToMilliseconds() for item in server.frame.requests]


def test_answers_come_in_order_and_in_kind(server: FakeServer, shell: "Shell") -> None:
    server.frame.enqueue(
        detection({"splits": (1.0, None)}), BAD, pb.FrameDropped(dropped_count=1), detection()
    )
    *answers, last = shell.stream([b"a", b"b", b"c", b"d"], "splits", fps=10)
    first, second, third, fourth = answers
    assert isinstance(first, FrameDetection)
    assert first.detection.person.angle("splits").left == 1.0
    assert isinstance(second, FrameError)
    assert isinstance(second.error, InvalidRequestError)
    assert (second.error.reason, second.error.metadata) == ("INVALID_IMAGE", {"bytes": "3"})
    assert isinstance(third, FrameDropped)
    assert third.dropped_count == 1
    assert isinstance(fourth, FrameDetection)
    assert [item.sequence_id for item in answers] == [0, 1, 2, 3]
    assert [item.kind for item in (first, second, third, last)] == [
        "detection",
        "error",
        "dropped",
        "summary",
    ]
    assert second.to_dict()["error"]["reason"] == "INVALID_IMAGE"


def test_config_is_sent_once_and_first(server: FakeServer, shell: "Shell") -> None:
    shell.stream(
        [b"a"],
        "splits",
        "left",
        overflow=Overflow.LATEST,
        max_in_flight=2,
        max_people=3,
        strict=True,
    )
    (config,) = server.configs
    assert (config.overflow, config.max_in_flight) == (pb.OVERFLOW_LATEST, 2)
    assert (config.options.strict, config.options.max_people) == (True, 3)
    assert len(config.options.measurements) == 1
    assert not config.HasField("smoothing")


@pytest.mark.parametrize(
    ("smoothing", "sent"),
    [
        ("off", pb.Smoothing(mode=pb.SMOOTHING_MODE_OFF)),
        (Smoothing.OFF, pb.Smoothing(mode=pb.SMOOTHING_MODE_OFF)),
        ("default", pb.Smoothing(mode=pb.SMOOTHING_MODE_ONE_EURO)),
        (0.25, pb.Smoothing(mode=pb.SMOOTHING_MODE_ONE_EURO, strength=0.25)),
        (0, pb.Smoothing(mode=pb.SMOOTHING_MODE_ONE_EURO, strength=0.0)),
    ],
)
def test_smoothing_is_a_name_or_a_strength(
    server: FakeServer, shell: "Shell", smoothing: str | float, sent: pb.Smoothing
) -> None:
    (answer,) = shell.stream([b"a"], smoothing=smoothing)
    assert server.configs[0].smoothing == sent
    assert answer.detection is not None
    assert bool(answer.detection.person.raw_keypoints) == (sent.mode != pb.SMOOTHING_MODE_OFF)


def test_an_unknown_smoothing_is_refused_with_the_known_ones(shell: "Shell") -> None:
    with pytest.raises(InvalidRequestError, match="off, default or a number") as caught:
        shell.stream([b"a"], smoothing="strong")
    assert caught.value.field_violations[0].field == "smoothing"


def test_an_empty_stream_is_legal(server: FakeServer, shell: "Shell") -> None:
    assert shell.stream([]) == []
    assert len(server.configs) == 1


def test_fps_times_the_frames(server: FakeServer, shell: "Shell") -> None:
    shell.stream(
        [b"a", Frame(b"b", sequence_id=5), b"c", Frame(b"d", capture_offset_s=2.0)], fps=10
    )
    assert [item.sequence_id for item in server.frame.requests] == [0, 5, 6, 7]
    assert _offsets_ms(server) == [0, 500, 600, 2000]


def test_a_live_camera_is_timed_by_the_clock() -> None:
    clock = itertools.count(100.0, 0.25)
    numbering = FrameNumbering(clock=lambda: next(clock))
    offsets = [numbering.message(b"a").frame.capture_offset.ToMilliseconds() for _ in range(3)]
    assert offsets == [0, 250, 500]


def test_fps_must_be_positive(shell: "Shell") -> None:
    with pytest.raises(ValueError, match="fps"):
        shell.stream([b"a"], fps=0)


def test_files_are_frames(server: FakeServer, shell: "Shell", tmp_path: Path) -> None:
    path = tmp_path / "frame.jpg"
    path.write_bytes(b"jpeg")
    shell.stream([path, Frame(str(path))])
    assert [item.image.encoded for item in server.frame.requests] == [b"jpeg", b"jpeg"]


def test_a_stream_that_ends_with_a_status_raises(server: FakeServer, shell: "Shell") -> None:
    server.stream_failure = Failure("UNAVAILABLE", "SERVER_DRAINING", "The server stops.")
    with pytest.raises(UnavailableError) as caught:
        shell.stream([b"a"])
    assert caught.value.reason == "SERVER_DRAINING"
    assert len(server.configs) == 1, "a stream is never sent again"


def test_an_error_of_the_frames_is_raised(shell: "Shell", tmp_path: Path) -> None:
    def frames() -> Iterator[bytes]:
        yield b"a"
        raise RuntimeError("the camera broke")

    with pytest.raises(RuntimeError, match="the camera broke"):
        shell.stream(frames())
    with pytest.raises(FileNotFoundError):
        shell.stream([tmp_path / "none.jpg"])


def test_a_stream_may_have_a_deadline(server: FakeServer, shell: "Shell") -> None:
    def slow(frame: pb.Frame) -> pb.Detection:
        time.sleep(0.5)
        return detection()

    server.frame.default = slow
    with pytest.raises(DeadlineExceededError, match=r"within 0\.2 s"):
        shell.stream([b"a", b"b"], timeout_s=0.2)


class Camera:
    """Frames without end, until ``stopped``."""

    def __init__(self) -> None:
        self.taken = 0
        self.stopped = threading.Event()

    def __iter__(self) -> Iterator[bytes]:
        while not self.stopped.wait(0.005):
            self.taken += 1
            yield b"frame"

    async def aiter(self) -> AsyncIterator[bytes]:
        for frame in self:
            yield frame
            await asyncio.sleep(0)

    def is_idle(self) -> bool:
        """Whether nobody takes frames any more, within 5 s."""
        for _ in range(25):
            taken = self.taken
            time.sleep(0.2)
            if self.taken == taken:
                return True
        return False


@pytest.fixture
def camera() -> Iterator[Camera]:
    camera = Camera()
    yield camera
    camera.stopped.set()


def test_closing_the_generator_cancels_the_call(server: FakeServer, camera: Camera) -> None:
    with JointTrackClient(server.target) as client:
        answers = client.stream(camera)
        assert [next(answers).sequence_id for _ in range(3)] == [0, 1, 2]
        taken = camera.taken
        time.sleep(0.2)
        assert camera.taken > taken, "frames are read ahead while the stream is open"
        answers.close()
        assert camera.is_idle()
        assert client.detect(b"jpeg").people, "the client lives on"


@pytest.mark.parametrize("asynchronous", [False, True])
async def test_closing_the_asynchronous_generator_cancels_the_call(
    server: FakeServer, camera: Camera, asynchronous: bool
) -> None:
    async with AsyncJointTrackClient(server.target) as client:
        frames: Any = camera.aiter() if asynchronous else camera
        async with aclosing(client.stream(frames)) as answers:
            assert [(await anext(answers)).sequence_id for _ in range(3)] == [0, 1, 2]
        assert await asyncio.to_thread(camera.is_idle)
        assert (await client.detect(b"jpeg")).people


async def test_cancelling_the_task_cancels_the_call(server: FakeServer, camera: Camera) -> None:
    seen = asyncio.Event()

    async def follow(client: AsyncJointTrackClient) -> None:
        async for _ in client.stream(camera):
            seen.set()

    async with AsyncJointTrackClient(server.target) as client:
        task = asyncio.create_task(follow(client))
        await asyncio.wait_for(seen.wait(), 5.0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert await asyncio.to_thread(camera.is_idle)


async def test_asynchronous_frames_and_their_errors(server: FakeServer) -> None:
    async def frames() -> AsyncIterator[bytes]:
        yield b"a"
        await asyncio.sleep(0)
        yield b"b"

    async def broken() -> AsyncIterator[bytes]:
        yield b"a"
        raise RuntimeError("the camera broke")

    async with AsyncJointTrackClient(server.target) as client:
        assert [item.sequence_id async for item in client.stream(frames())] == [0, 1]
        with pytest.raises(RuntimeError, match="the camera broke"):
            _ = [item async for item in client.stream(broken())]


async def test_cancelling_a_call_leaves_the_client_usable(server: FakeServer) -> None:
    def slow(request: pb.DetectRequest) -> pb.Detection:
        time.sleep(0.3)
        return detection()

    server.detect.enqueue(slow)
    async with AsyncJointTrackClient(server.target) as client:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(client.detect(b"jpeg"), 0.1)
        assert (await client.detect(b"jpeg")).people
