from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from jointtrack_server.engines.base import Engine, PoseModel
from jointtrack_server.engines.catalogue import CATALOGUE, ModelSpec
from jointtrack_server.engines.openvino import OpenVinoEngine

DATA = Path(__file__).parents[2] / "data"


@pytest.fixture(scope="session")
def openvino_f32() -> Engine:
    return OpenVinoEngine(precision="f32", streams=2, chosen="openvino for a test")


@pytest.fixture(scope="session")
def openvino_auto() -> Engine:
    return OpenVinoEngine(precision="auto", streams=2, chosen="openvino for a test")


@pytest.fixture(scope="session")
def tensorflow_f32() -> Engine:
    # Here, because the import takes seconds that other tests need not wait for.
    from jointtrack_server.engines.tensorflow import TensorFlowEngine

    return TensorFlowEngine(precision="f32", streams=2, chosen="tensorflow for a test")


@pytest.fixture(scope="session")
def load_model(request: pytest.FixtureRequest) -> Callable[[str, ModelSpec], PoseModel]:
    """Loads a model with the engine of a fixture above; each once in a session."""
    loaded: dict[tuple[str, str], PoseModel] = {}

    def load(engine_fixture: str, spec: ModelSpec) -> PoseModel:
        key = (engine_fixture, spec.title)
        if key not in loaded:
            engine: Engine = request.getfixturevalue(engine_fixture)
            loaded[key] = engine.load(spec, spec.embedded_folder)
        return loaded[key]

    return load


@pytest.fixture(scope="session")
def letterboxed() -> Callable[[str, ModelSpec], NDArray[np.uint8]]:
    """A picture of tests/data in the middle of a black square of the model's size, RGB."""

    def letterbox(name: str, spec: ModelSpec) -> NDArray[np.uint8]:
        bgr = cv2.imread(str(DATA / name))
        assert bgr is not None
        scale = spec.input_size_px / max(bgr.shape[:2])
        height_px, width_px = (round(side * scale) for side in bgr.shape[:2])
        small = cv2.resize(bgr, (width_px, height_px), interpolation=cv2.INTER_AREA)
        square = np.zeros(spec.input_shape[1:], np.uint8)
        top, left = (spec.input_size_px - height_px) // 2, (spec.input_size_px - width_px) // 2
        square[top : top + height_px, left : left + width_px] = small[..., ::-1]
        return square

    return letterbox


@pytest.fixture(params=CATALOGUE, ids=lambda spec: spec.title.replace(" ", "-"))
def spec(request: pytest.FixtureRequest) -> ModelSpec:
    found = request.param
    assert isinstance(found, ModelSpec)
    return found
