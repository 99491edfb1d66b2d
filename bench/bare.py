"""The limit: the least that a picture can cost, on every core, with no server around it.

Written against OpenCV and OpenVINO alone, so that a slow server cannot hide in a slow limit.
"""

import base64
import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from jointtrack_server.cpus import available_cpus
from jointtrack_server.domain.types import ImageSize, MeasureOptions, Pose
from jointtrack_server.engines._openvino import ov
from jointtrack_server.engines.catalogue import find_spec
from jointtrack_server.engines.sources import locate
from jointtrack_server.imaging.decode import ImageLimits, decode_file
from jointtrack_server.imaging.encode import encode_jpeg
from jointtrack_server.imaging.overlay import draw_overlay
from jointtrack_server.measurements import measure
from jointtrack_server.pipeline.models import LoadedModels, load_models
from jointtrack_server.pipeline.people import Search, find_people
from jointtrack_server.settings import Settings

_HALF_SIZE_RGB = cv2.IMREAD_REDUCED_GRAYSCALE_2 | cv2.IMREAD_COLOR_RGB

OVERLAYS = ("shoulder_abduction", "knee_flexion", "elbow_side")


@dataclass(frozen=True, slots=True)
class BareLoop:
    """What to do with the picture, again and again, on ``threads`` threads; 0 is one a core."""

    work: str
    model: str = "movenet-lightning"
    precision: str = "auto"
    threads: int = 0
    reduced: bool = True
    """Decode the JPEG at half size where that is enough for the model, as the server does."""


class Pace(NamedTuple):
    """Pictures a second, CPU milliseconds a picture, and latencies in milliseconds."""

    rate: float
    cpu_ms: float
    latencies_ms: list[float]


def run(loop: BareLoop, data: bytes, seconds: float) -> Pace:
    """Runs the loop; called in a process of its own."""
    cv2.setNumThreads(1)
    step = _WORK[loop.work](loop, data)
    threads = loop.threads or available_cpus()
    started_at: list[tuple[float, float]] = []

    def start() -> None:
        started_at.append((time.process_time(), time.perf_counter()))

    warm = threading.Barrier(threads, action=start)

    def repeat() -> list[float]:
        work = step()
        work()
        warm.wait()
        latencies, end = [], time.perf_counter() + seconds
        while (started := time.perf_counter()) < end:
            work()
            latencies.append((time.perf_counter() - started) * 1000.0)
        return latencies

    with ThreadPoolExecutor(threads) as pool:
        found = [one for part in pool.map(lambda _: repeat(), range(threads)) for one in part]
        ((cpu, began),) = started_at
        elapsed, cpu = time.perf_counter() - began, time.process_time() - cpu
    return Pace(len(found) / elapsed, cpu * 1000.0 / len(found), found)


Step = Callable[[], Callable[[], Any]]
"""Makes what one thread does with a picture; each thread has its own buffers."""


@cache
def compiled(name: str, precision: str, streams: int) -> ov.CompiledModel:
    spec = find_spec(name)
    core = ov.Core()
    model = core.read_model(locate(spec))
    model.reshape(list(spec.input_shape))
    steps = ov.preprocess.PrePostProcessor(model)
    steps.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    config = {"NUM_STREAMS": streams, "INFERENCE_NUM_THREADS": streams}
    hint = {} if precision == "auto" else {"INFERENCE_PRECISION_HINT": precision}
    return core.compile_model(steps.build(), "CPU", {**config, **hint, "ENABLE_CPU_PINNING": False})


def _one_pass(loop: BareLoop, data: bytes) -> Step:
    """Decode, letterbox, infer."""
    model = compiled(loop.model, loop.precision, available_cpus())
    encoded, size = np.frombuffer(data, np.uint8), find_spec(loop.model).input_size_px
    long_side_px = max(decode(encoded).shape)
    halve = loop.reduced and long_side_px // 2 >= size
    flags = _HALF_SIZE_RGB if halve else cv2.IMREAD_COLOR_RGB

    def step() -> Callable[[], Any]:
        request, tensor = new_request(model, size)

        def work() -> None:
            letterbox(decode(encoded, flags), tensor)
            request.start_async()
            request.wait()

        return work

    return step


def _infer(loop: BareLoop, data: bytes) -> Step:
    """Inference alone, of a picture that is ready."""
    model = compiled(loop.model, loop.precision, available_cpus())
    size = find_spec(loop.model).input_size_px

    def step() -> Callable[[], Any]:
        request, tensor = new_request(model, size)
        letterbox(decode(np.frombuffer(data, np.uint8)), tensor)
        return lambda: (request.start_async(), request.wait())

    return step


def new_request(model: ov.CompiledModel, size: int) -> tuple[ov.InferRequest, NDArray[np.uint8]]:
    """An infer request, and its input: a black picture of (size, size, 3)."""
    request, tensor = model.create_infer_request(), np.zeros((1, size, size, 3), np.uint8)
    request.set_input_tensor(ov.Tensor(tensor, shared_memory=True))
    return request, tensor[0]


def decode(encoded: NDArray[np.uint8], flags: int = cv2.IMREAD_COLOR_RGB) -> NDArray[Any]:
    """RGB pixels of a picture file."""
    picture = cv2.imdecode(encoded, flags)
    assert picture is not None
    return picture


def letterbox(picture: NDArray[Any], tensor: NDArray[np.uint8]) -> None:
    """Into the middle of ``tensor``, whose borders stay as they are."""
    size = len(tensor)
    height, width = picture.shape[:2]
    scale = size / max(height, width)
    new_width, new_height = round(width * scale), round(height * scale)
    top, left = (size - new_height) // 2, (size - new_width) // 2
    target = tensor[top : top + new_height, left : left + new_width]
    cv2.resize(picture, (new_width, new_height), dst=target)


@cache
def _models() -> LoadedModels:
    return load_models(Settings(solo_threads=1))


def _default_chain(loop: BareLoop, data: bytes) -> Step:
    """Decode and the search of still pictures."""
    models, limits = _models(), ImageLimits(1 << 30, 1 << 30)
    search = Search(models.models[find_spec()], models.finder)

    def work() -> None:
        picture = decode_file(data, limits, min_long_side_px=1024)
        find_people(picture.pixels, search)

    return lambda: work


def _three_overlays(loop: BareLoop, data: bytes) -> Step:
    """The same, three measurements, their overlays as JPEG, and all of it as JSON."""
    models, limits = _models(), ImageLimits(1 << 30, 1 << 30)
    search = Search(models.models[find_spec()], models.finder)

    def work() -> None:
        pixels = decode_file(data, limits).pixels
        keypoints = find_people(pixels, search).found[0].keypoints
        pose = Pose(keypoints, ImageSize.of(pixels))
        overlays = [
            encode_jpeg(draw_overlay(pixels, one)).data
            for one in measure(pose, MeasureOptions(names=OVERLAYS))
        ]
        json.dumps([base64.b64encode(one).decode() for one in (data, *overlays)])

    return lambda: work


_WORK: dict[str, Callable[[BareLoop, bytes], Step]] = {
    "infer": _infer,
    "one pass": _one_pass,
    "default chain": _default_chain,
    "three overlays": _three_overlays,
}
