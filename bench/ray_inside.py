"""What a step costs on Ray Serve, seen from the door; prints JSON. A process of `make bench-ray`.

    python -m bench.ray_inside SECONDS

The same step with what could cross the network: the caller's file, all pixels, those of a person's
crop as they are or as a JPEG, or the model's input. Then through the server's own handle, and how
long a second replica takes.
"""

import json
import statistics
import sys
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import cv2
import numpy as np
import psutil
from numpy.typing import NDArray

from bench.cases import LIGHTNING, PICTURE
from bench.ray_step import LIMITS
from jointtrack_server.distributed import environment
from jointtrack_server.domain.crop import whole_picture
from jointtrack_server.domain.types import ImageSize, Picture
from jointtrack_server.engines.base import PoseModel
from jointtrack_server.engines.catalogue import ModelSpec, find_spec
from jointtrack_server.engines.select import create_engine
from jointtrack_server.engines.sources import locate
from jointtrack_server.imaging.crop import cut_crop
from jointtrack_server.imaging.decode import decode_file
from jointtrack_server.pipeline.models import load_models
from jointtrack_server.settings import Settings

LARGE_SIDE_PX = 2048
CROP_SHARE = 0.75
SCALE_UP_LIMIT_S = 120.0
LEAST_LONG_SIDE_PX = 1024
"""As the default search decodes: a large JPEG at half its size or less."""


def load_alone(spec: ModelSpec) -> PoseModel:
    """On one thread, as a replica of one CPU has it."""
    return create_engine(streams=1, solo_threads=1).load(spec, locate(spec))


def decoded(data: bytes) -> Picture:
    return decode_file(data, LIMITS, min_long_side_px=LEAST_LONG_SIDE_PX).pixels


def model_input(pixels: Picture, size_px: int) -> NDArray[np.uint8]:
    return cut_crop(pixels, whole_picture(ImageSize.of(pixels)), size_px).pixels


def person_crop(pixels: Picture) -> Picture:
    """As large as the crop around a person who fills most of the picture."""
    height_px, width_px = pixels.shape[:2]
    side_px = round(CROP_SHARE * max(height_px, width_px))
    top, left = max(height_px - side_px, 0) // 2, max(width_px - side_px, 0) // 2
    return np.ascontiguousarray(pixels[top : top + side_px, left : left + side_px])


def jpeg(pixels: Picture) -> bytes:
    return cv2.imencode(".jpg", pixels)[1].tobytes()


class Crossing:
    """A replica that takes any of them."""

    def __init__(self) -> None:
        cv2.setNumThreads(1)
        self.model = load_alone(find_spec(LIGHTNING))
        self.size_px = self.model.spec.input_size_px

    async def of_file(self, data: bytes) -> NDArray[np.float32]:
        return self.model.infer(model_input(decoded(data), self.size_px))

    async def of_pixels(self, pixels: Picture) -> NDArray[np.float32]:
        return self.model.infer(model_input(pixels, self.size_px))

    async def of_input(self, tensor: NDArray[np.uint8]) -> NDArray[np.float32]:
        return self.model.infer(tensor)

    async def cpu_s(self) -> float:
        times = psutil.Process().cpu_times()
        return float(times.user + times.system)


@dataclass(frozen=True, slots=True)
class Timed:
    """A step's median, and the CPU of both ends, in milliseconds."""

    p50_ms: float
    door_cpu_ms: float
    replica_cpu_ms: float


def timed(
    step: Callable[[], object], seconds: float, cpu_s: Callable[[], float] = lambda: 0.0
) -> Timed:
    """One after another, for so long."""
    for _ in range(3):
        step()
    waits_ms, there, here, end = [], cpu_s(), time.process_time(), time.perf_counter() + seconds
    while (began := time.perf_counter()) < end:
        step()
        waits_ms.append((time.perf_counter() - began) * 1000.0)
    here, there = time.process_time() - here, cpu_s() - there
    per_step = 1000.0 / len(waits_ms)
    return Timed(statistics.median(waits_ms), here * per_step, there * per_step)


def crossings(seconds: float) -> list[dict[str, Any]]:
    """A row for each picture and each thing that could be sent."""
    from ray import serve  # noqa: PLC0415  # after the server has set Ray's variables

    options: dict[str, Any] = {"num_cpus": 0}
    deployment: Any = serve.deployment(ray_actor_options=options)(Crossing)
    handle: Any = serve.run(deployment.bind(), name="crossing", route_prefix=None)
    size_px = find_spec(LIGHTNING).input_size_px

    def remote(method: str, sent: object) -> object:
        by_value = handle.options(method_name=method, _by_reference=False)
        return by_value.remote(sent).result(timeout_s=60)

    def replica_cpu_s() -> float:
        return float(handle.cpu_s.remote().result(timeout_s=60))

    def file(data: bytes) -> object:
        return remote("of_file", data)

    def pixels(data: bytes) -> object:
        return remote("of_pixels", decoded(data))

    def crop(data: bytes) -> object:
        return remote("of_pixels", person_crop(decoded(data)))

    def crop_as_jpeg(data: bytes) -> object:
        return remote("of_file", jpeg(person_crop(decoded(data))))

    def model_s_input(data: bytes) -> object:
        return remote("of_input", model_input(decoded(data), size_px))

    rows = []
    for data in (PICTURE.read_bytes(), large_picture()):
        picture = decoded(data)
        its_crop = person_crop(picture)
        for step, sent_bytes in (
            (file, len(data)),
            (pixels, picture.nbytes),
            (crop, its_crop.nbytes),
            (crop_as_jpeg, len(jpeg(its_crop))),
            (model_s_input, 3 * size_px**2),
        ):
            found = timed(partial(step, data), seconds, replica_cpu_s)
            rows.append(
                {
                    "picture": f"{len(data) // 1000} kB, {picture.shape[1]}x{picture.shape[0]} px",
                    "sent": step.__name__,
                    "bytes": sent_bytes,
                    "p50_ms": found.p50_ms,
                    "door_cpu_ms": found.door_cpu_ms,
                    "replica_cpu_ms": found.replica_cpu_ms,
                }
            )
    serve.delete("crossing")
    return rows


def large_picture() -> bytes:
    pixels = decode_file(PICTURE.read_bytes(), LIMITS).pixels
    scale = LARGE_SIDE_PX / max(pixels.shape[:2])
    resized = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    return cv2.imencode(".jpg", resized[..., ::-1])[1].tobytes()


def overhead(models: dict[str, PoseModel], seconds: float) -> list[dict[str, Any]]:
    """An inference here and through the handle."""
    rows = []
    for name, remote in models.items():
        local = load_alone(remote.spec)
        tensor = np.zeros(remote.spec.input_shape[1:], np.uint8)
        here = timed(partial(local.infer, tensor), seconds)
        there = timed(partial(remote.infer, tensor), seconds)
        rows.append(
            {
                "model": name,
                "bytes": tensor.nbytes,
                "local_ms": here.p50_ms,
                "remote_ms": there.p50_ms,
                "overhead_ms": there.p50_ms - here.p50_ms,
                "door_cpu_ms": there.door_cpu_ms,
            }
        )
    return rows


def scale_up_s(model: PoseModel) -> float:
    """From the first of 8 callers to the second replica that runs; the delay is set to 0."""
    from ray import serve  # noqa: PLC0415

    is_over = threading.Event()
    tensor = np.zeros(model.spec.input_shape[1:], np.uint8)

    def call() -> None:
        while not is_over.is_set():
            model.infer(tensor)

    def running() -> int:
        deployments = serve.status().applications["jointtrack"].deployments
        states: dict[Any, int] = dict(deployments[model.spec.name].replica_states)
        return states.get("RUNNING", 0)

    callers = [threading.Thread(target=call) for _ in range(8)]
    began = time.monotonic()
    for caller in callers:
        caller.start()
    try:
        while running() < 2:
            if time.monotonic() - began > SCALE_UP_LIMIT_S:
                raise RuntimeError("no second replica came")
            time.sleep(0.1)
        return time.monotonic() - began
    finally:
        is_over.set()
        for caller in callers:
            caller.join()


def main(seconds: float) -> None:
    warnings.simplefilter("ignore")
    cv2.setNumThreads(1)
    environment.prepare("")
    ray_models = {LIGHTNING: {"max_replicas": 2, "max_ongoing": 8, "upscale_delay_s": 0}}
    settings = Settings(backend="ray", preload="all", ray_models=ray_models, ray_step_s=60)  # type: ignore[arg-type]
    began = time.monotonic()
    loaded = load_models(settings)
    start_s = time.monotonic() - began
    models = {spec.name: model for spec, model in loaded.models.items()}
    found = {
        "cluster_start_s": start_s,
        "crossings": crossings(seconds),
        "overhead": overhead(dict(models), seconds),
        "scale_up_s": scale_up_s(models[LIGHTNING]),
    }
    loaded.close()
    print(json.dumps(found))


if __name__ == "__main__":
    main(float(sys.argv[1]))
