"""Streams as a caller writes them."""

import asyncio
import time
from functools import cache

import cv2
import pytest
from google.protobuf.duration_pb2 import Duration

from jointtrack.v1 import image_pb2
from jointtrack.v1 import jointtrack_service_pb2 as service_pb2
from tests.support.servers import DATA, RunningServer


def config(**options: object) -> service_pb2.StreamDetectRequest:
    message = service_pb2.StreamConfig(**options)  # type: ignore[arg-type]
    return service_pb2.StreamDetectRequest(config=message)


def frame(sequence_id: int, data: bytes) -> service_pb2.StreamDetectRequest:
    offset = Duration()
    offset.FromMilliseconds(sequence_id * 33)
    return service_pb2.StreamDetectRequest(
        frame=service_pb2.Frame(
            sequence_id=sequence_id,
            capture_offset=offset,
            image=image_pb2.Image(encoded=data),
        )
    )


@cache
def walk_frames() -> list[bytes]:
    """The 132 frames of the walk, as JPEG."""
    video = cv2.VideoCapture(str(DATA / "walk_side.mp4"))
    frames = []
    while True:
        ok, picture = video.read()
        if not ok:
            break
        frames.append(cv2.imencode(".jpg", picture)[1].tobytes())
    video.release()
    assert len(frames) == 132
    return frames


def await_idle(server: RunningServer) -> None:
    async def sessions() -> int:
        names = (getattr(task.get_coro(), "__qualname__", "") for task in asyncio.all_tasks())
        return sum("StreamSession" in name for name in names)

    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        tasks = asyncio.run_coroutine_threadsafe(sessions(), server.loop).result(5)
        if tasks == 0 and server.app.runner.in_flight == 0:
            return
        time.sleep(0.05)
    pytest.fail("the server still works for a caller that has gone")
