"""The limit: decode, letterbox or search, infer, on every core, with no server around it."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from jointtrack_server.domain.crop import whole_picture
from jointtrack_server.domain.types import ImageSize
from jointtrack_server.engines.base import PoseModel
from jointtrack_server.imaging.decode import ImageLimits, decode_file
from jointtrack_server.pipeline.estimate import estimate
from jointtrack_server.pipeline.models import LoadedModels
from jointtrack_server.pipeline.people import Search, find_people

_LIMITS = ImageLimits(1 << 30, 1 << 30)


def one_pass(model: PoseModel, data: bytes) -> None:
    """One look at the whole picture."""
    picture = decode_file(data, _LIMITS, min_long_side_px=1024)
    estimate(picture.pixels, whole_picture(ImageSize.of(picture.pixels)), model)


def find_and_refine(models: LoadedModels, model: PoseModel, data: bytes) -> None:
    """The default chain for still pictures."""
    picture = decode_file(data, _LIMITS, min_long_side_px=1024)
    find_people(picture.pixels, Search(model, models.finder))


def pictures_per_second(work: Callable[[], None], threads: int, seconds: float) -> float:
    """Runs ``work`` on ``threads`` threads for ``seconds``."""
    work()
    end = time.perf_counter() + seconds

    def loop() -> int:
        count = 0
        while time.perf_counter() < end:
            work()
            count += 1
        return count

    with ThreadPoolExecutor(threads) as pool:
        began = time.perf_counter()
        done = sum(future.result() for future in [pool.submit(loop) for _ in range(threads)])
        return done / (time.perf_counter() - began)
