"""A stream may run for hours: memory does not grow with it."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from jointtrack import JointTrackClient, RawImage
from tests.support.servers import DATA

FRAMES = 20_000
WARM_AFTER = 4_000
MAX_GROWTH_KB = 24 * 1024


@pytest.fixture
def process(tmp_path: Path) -> Iterator[tuple[int, str]]:
    """A server in a process of its own: its id and address."""
    command = [str(Path(sys.executable).parent / "jointtrack"), "serve", "--no-auth"]
    command += ["--grpc-port", "0", "--http-port", "0", "--data-dir", str(tmp_path)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout is not None
        found = re.search(r"gRPC on (\S+)", server.stdout.readline())
        assert found
        yield server.pid, found[1]
    finally:
        server.terminate()
        assert server.wait(20) == 0
        if server.stdout is not None:
            server.stdout.close()


def resident_kb(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found
    return int(found[1])


def test_memory_is_flat_over_20000_frames(process: tuple[int, str]) -> None:
    """Small frames and the fastest search, so that the machine's time goes into frames."""
    pid, target = process
    picture = cv2.imread(str(DATA / "walk_side.jpg"))
    assert picture is not None
    walker = np.ascontiguousarray(cv2.resize(picture[60:480, 540:820], (112, 168)))
    empty = np.full_like(walker, 110)
    images = [RawImage.from_array(one, "bgr24") for one in (walker, empty)]
    frames = (images[i // 500 % 2] for i in range(FRAMES))
    warm_kb = 0
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
                assert answer.summary.frame_count == FRAMES
                continue
            people += len(answer.detection.people) if answer.detection else 0
            answered += 1
            if answered == WARM_AFTER:
                warm_kb = resident_kb(pid)
        grown_kb = resident_kb(pid) - warm_kb
    assert answered == FRAMES
    assert people > FRAMES // 3
    assert grown_kb < MAX_GROWTH_KB, f"{grown_kb} kB more than after {WARM_AFTER} frames"
