"""The real models and the pipeline on them, warmed up."""

import threading
import time
from collections.abc import Iterator

import cv2
import pytest

from jointtrack_server.engines.catalogue import find_spec
from jointtrack_server.pipeline.detect import DetectPipeline
from jointtrack_server.pipeline.models import LoadedModels, load_models
from jointtrack_server.pipeline.options import DetectOptions
from jointtrack_server.pipeline.people import SearchMode
from jointtrack_server.pipeline.runner import Runner
from jointtrack_server.settings import Settings
from tests.support.pipelines import pipeline_on
from tests.support.servers import DATA

COMPILE_S = 30.0


@pytest.fixture(scope="package")
def lightning() -> DetectOptions:
    return DetectOptions(find_spec("movenet-lightning"), search=SearchMode.WHOLE_PICTURE)


@pytest.fixture(scope="package")
def photo() -> bytes:
    """A man, 612x680."""
    return (DATA / "arms_out_front.jpg").read_bytes()


@pytest.fixture(scope="package")
def models() -> LoadedModels:
    return load_models(Settings(engine="openvino", precision="f32"))


@pytest.fixture(scope="package")
def pipeline(
    models: LoadedModels, photo: bytes, lightning: DetectOptions
) -> Iterator[DetectPipeline]:
    cv_threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    runner = Runner(2, 8)
    pipeline, threads = pipeline_on(models, runner), set(threading.enumerate())
    for _ in range(3):
        pipeline._detect(photo, lightning)
    wait_for_what_runs_beside(threads)
    yield pipeline
    runner.close()
    cv2.setNumThreads(cv_threads)


def wait_for_what_runs_beside(threads: set[threading.Thread]) -> None:
    """The compilation that the first picture starts takes CPU time of its own."""
    deadline_s = time.monotonic() + COMPILE_S
    while not set(threading.enumerate()) <= threads:
        assert time.monotonic() < deadline_s
        time.sleep(0.01)
