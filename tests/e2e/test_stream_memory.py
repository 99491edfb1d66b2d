"""A stream may run for hours: memory does not grow with it, nor with others that do nothing."""

import json
import queue
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import cv2
import grpc
import numpy as np
import psutil
import pytest
from websockets.sync.client import connect

from jointtrack import JointTrackClient, RawImage
from jointtrack.v1.jointtrack_service_pb2 import StreamDetectRequest
from jointtrack.v1.jointtrack_service_pb2_grpc import JointTrackServiceStub
from jointtrack_server.rest_api.live_messages import HEAD
from tests.support.http import live_url
from tests.support.servers import DATA
from tests.support.serving import Served, serving
from tests.support.streams import config, frame

FRAMES = 20_000
STREAMS = 2
"""Side by side, so that no CPU waits."""
WARM_AFTER = 4_000
MAX_GROWTH_KB = 24 * 1024
WAIT_S = 300.0
IDLE_STREAMS = 20


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path, "--no-auth", "--data-dir", str(tmp_path)) as served:
        yield served
        assert served.stop(signal.SIGTERM) == 0


def resident_kb(served: Served) -> int:
    return int(psutil.Process(served.process.pid).memory_info().rss) // 1024


def walk(target: str, images: list[RawImage], warm: threading.Barrier) -> int:
    """Streams its share of the frames, and is warm when the others are too. The people seen."""
    frames = (images[i // 500 % 2] for i in range(FRAMES // STREAMS))
    answered = people = 0
    with JointTrackClient(target) as client:
        answers = client.stream(
            frames,
            measurements=["knee_flexion", "hip_side"],
            model="movenet-lightning",
            search="whole_picture",
            fps=30,
        )
        for answer in answers:
            if answer.summary is not None:
                assert answer.summary.frame_count == FRAMES // STREAMS
                continue
            people += len(answer.detection.people) if answer.detection else 0
            answered += 1
            if answered == WARM_AFTER // STREAMS:
                warm.wait(WAIT_S)
    assert answered == FRAMES // STREAMS
    return people


@pytest.mark.local_backend("it takes minutes on replicas, and test_soak looks at memory there")
def test_memory_is_flat_over_20000_frames(served: Served) -> None:
    """Small frames and the fastest search, so that the machine's time goes into frames."""
    picture = cv2.imread(str(DATA / "walk_side.jpg"))
    assert picture is not None
    walker = np.ascontiguousarray(cv2.resize(picture[60:480, 540:820], (112, 168)))
    empty = np.full_like(walker, 110)
    images = [RawImage.from_array(one, "bgr24") for one in (walker, empty)]
    warm_kb: list[int] = []
    warm = threading.Barrier(STREAMS, lambda: warm_kb.append(resident_kb(served)))
    with ThreadPoolExecutor(STREAMS) as pool:
        streams = [pool.submit(walk, served.target, images, warm) for _ in range(STREAMS)]
        people = sum(stream.result() for stream in streams)
    grown_kb = resident_kb(served) - warm_kb[0]
    assert people > FRAMES // 3
    assert grown_kb < MAX_GROWTH_KB, f"{grown_kb} kB more than after {WARM_AFTER} frames"


@contextmanager
def grpc_stream(served: Served, picture: bytes) -> Iterator[None]:
    """Has one frame answered, and then says nothing."""
    requests: queue.SimpleQueue[StreamDetectRequest | None] = queue.SimpleQueue()
    with grpc.insecure_channel(served.target) as channel:
        call = JointTrackServiceStub(channel).StreamDetect(iter(requests.get, None))
        requests.put(config())
        requests.put(frame(0, picture))
        assert next(call).detection.people
        yield
        requests.put(None)
        assert list(call) == []


@contextmanager
def live_stream(served: Served, picture: bytes) -> Iterator[None]:
    """As ``grpc_stream``."""
    with connect(live_url(served.url)) as connection:
        connection.send('{"measurement": "knee_flexion"}')
        connection.send(HEAD.pack(0, 0.0) + picture)
        assert json.loads(connection.recv(WAIT_S))["people"]
        yield


@pytest.mark.parametrize("opened", [grpc_stream, live_stream])
def test_idle_streams_hold_no_pictures(
    opened: Callable[[Served, bytes], AbstractContextManager[None]], served: Served
) -> None:
    photo = cv2.imread(str(DATA / "arms_out_front.jpg"))
    assert photo is not None
    picture = cv2.imencode(".bmp", cv2.resize(photo, (2400, 2666)))[1].tobytes()
    with ExitStack() as stack:
        stack.enter_context(opened(served, picture))
        first_kb = resident_kb(served)
        for _ in range(IDLE_STREAMS - 1):
            stack.enter_context(opened(served, picture))
        grown_kb = resident_kb(served) - first_kb
    a_picture_each_kb = IDLE_STREAMS * len(picture) / 1024
    assert grown_kb < a_picture_each_kb / 2, grown_kb
