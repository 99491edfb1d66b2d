"""What a picture costs, in counts that a busy machine does not change: a guard, not a benchmark."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from jointtrack_server.domain.types import MeasureOptions
from jointtrack_server.engines.base import PoseModel
from jointtrack_server.motion.one_euro import SmoothingSettings
from jointtrack_server.pipeline.detect import DetectPipeline
from jointtrack_server.pipeline.frames import StreamOptions
from jointtrack_server.pipeline.memory import StreamMemory
from jointtrack_server.pipeline.models import LoadedModels
from jointtrack_server.pipeline.options import DetectOptions

DETECT_CALLS = 111
"""Python functions that begin during one ``DetectPipeline._detect`` of arms_out_front.jpg, warm:
keypoints only, Lightning, whole picture. Counted as here, on CPython 3.11: ``sys.setprofile``'s
"call" events on the calling thread."""

FRAME_CALLS = 182
"""As DETECT_CALLS, of ``StreamMemory.follow`` and ``DetectPipeline.describe`` of one frame with the
one person followed and smoothed."""

MEASURED_FRAME_CALLS = 607
"""As FRAME_CALLS, with knee_flexion measured: twice, as the smoothed pose and the raw one are."""

ALLOWED = 1.5
"""Other Pythons and numpys count a little differently; what this is for grows by whole factors."""

MAX_CPU_RATIO = 2.0
PAIRS = 40


def python_calls(work: Callable[[], object]) -> int:
    count = 0

    def see(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(see)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def test_a_picture_costs_few_python_calls(
    pipeline: DetectPipeline, photo: bytes, lightning: DetectOptions
) -> None:
    counts = [python_calls(lambda: pipeline._detect(photo, lightning)) for _ in range(3)]
    assert 0 < statistics.median(counts) <= DETECT_CALLS * ALLOWED


@pytest.mark.parametrize(
    ("names", "today"), [((), FRAME_CALLS), (("knee_flexion",), MEASURED_FRAME_CALLS)]
)
def test_a_followed_frame_costs_few_python_calls(
    names: tuple[str, ...],
    today: int,
    pipeline: DetectPipeline,
    photo: bytes,
    lightning: DetectOptions,
) -> None:
    options = replace(lightning, measure=MeasureOptions(names))
    memory = StreamMemory(StreamOptions(options, SmoothingSettings()), pipeline.search(options))
    picture = pipeline.decode(photo, min_long_side_px=memory.min_long_side_px)

    def follow(number: int) -> None:
        seen, in_view = memory.follow(picture, number / 30.0)
        assert len(pipeline.describe(picture, seen, options, in_view=in_view).people) == 1

    for number in range(3):
        follow(number)
    counts = [python_calls(partial(follow, number)) for number in range(3, 8)]
    assert 0 < statistics.median(counts) <= today * ALLOWED


@pytest.mark.parametrize("clock", [time.thread_time, time.process_time])
def test_a_picture_costs_little_more_than_its_decoding_resizing_and_inference(
    clock: Callable[[], float],
    pipeline: DetectPipeline,
    models: LoadedModels,
    photo: bytes,
    lightning: DetectOptions,
) -> None:
    """Of the calling thread alone, and with the threads that the inference takes."""
    model = models.models[lightning.model]
    served_s, bare_s = [], []
    for _ in range(PAIRS):
        served_s.append(spent(lambda: pipeline._detect(photo, lightning), clock))
        bare_s.append(spent(lambda: bare(photo, model), clock))
    assert statistics.median(served_s) <= MAX_CPU_RATIO * statistics.median(bare_s)


def spent(work: Callable[[], object], clock: Callable[[], float]) -> float:
    started_s = clock()
    work()
    return clock() - started_s


def bare(photo: bytes, model: PoseModel) -> None:
    """What remains without the server, of a picture that half the size is enough of."""
    pixels = cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_REDUCED_COLOR_2)
    assert pixels is not None
    size_px = model.spec.input_size_px
    scale = size_px / max(pixels.shape[:2])
    height_px, width_px = (round(side * scale) for side in pixels.shape[:2])
    square = np.zeros(model.spec.input_shape[1:], np.uint8)
    top, left = (size_px - height_px) // 2, (size_px - width_px) // 2
    inside = square[top : top + height_px, left : left + width_px]
    cv2.resize(pixels, (width_px, height_px), dst=inside)
    model.infer(square)


SERVE_AND_REPORT = """
import gc, json, os, sys, threading, tracemalloc
from contextlib import suppress
from pathlib import Path

from jointtrack import JointTrackClient
from jointtrack_server.engines.openvino_model import QUIET_AFTER
from tests.support.servers import DATA, run_server

# So many alone in a row that the engine compiles its model once more.
QUIET = 2 * QUIET_AFTER
WARM_UP, PICTURES = 50, 200
HEAVY = ("tensorflow", "keras", "matplotlib", "opentelemetry.sdk")
photo = (DATA / "arms_out_front.jpg").read_bytes()

def descriptors():
    # Without the key store's, which come and go.
    found = []
    for one in Path("/proc/self/fd").glob("*"):
        with suppress(FileNotFoundError):
            found.append(os.readlink(one))
    return sum("access.sqlite3" not in one for one in found)

def held():
    gc.collect()
    traced = tracemalloc.get_traced_memory()[0] if tracemalloc.is_tracing() else 0
    return {
        "traced": traced, "threads": threading.active_count(), "descriptors": descriptors()
    }

def detect(client, count):
    for _ in range(count):
        answer = client.detect(photo, model="movenet-lightning", search="whole_picture")
        assert len(answer.people) == 1

with run_server(Path(sys.argv[1]), engine="openvino") as server:
    with JointTrackClient(server.target, api_key=server.api_key) as client:
        compiling = set(threading.enumerate())
        detect(client, QUIET)
        for thread in set(threading.enumerate()) - compiling:
            if thread.name.endswith("(_prepare_solo)"):
                thread.join()
        tracemalloc.start()
        detect(client, WARM_UP)
        before = held()
        detect(client, PICTURES)
        after = held()
print(json.dumps({
    "grown": {key: after[key] - before[key] for key in before},
    "heavy": [name for name in HEAVY if name in sys.modules],
}))
"""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What a server in a process of its own holds after 200 pictures more than after 50."""
    root = Path(__file__).parents[2]
    paths = [str(root), *filter(None, [os.environ.get("PYTHONPATH")])]
    done = subprocess.run(
        [sys.executable, "-c", SERVE_AND_REPORT, str(tmp_path_factory.mktemp("data"))],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_pictures_leave_no_memory_behind(served: Any) -> None:
    assert served["grown"]["traced"] < 200_000


def test_pictures_leave_no_thread_and_no_descriptor_open(served: Any) -> None:
    assert served["grown"]["threads"] <= 0
    assert served["grown"]["descriptors"] <= 0


def test_a_server_on_openvino_imports_nothing_heavy(served: Any) -> None:
    assert served["heavy"] == []
