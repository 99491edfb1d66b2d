"""A model that is loaded when somebody asks for it, from as many threads as ask."""

import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import pytest

from jointtrack_server.engines.base import Engine, PoseModel, blank_tensor
from jointtrack_server.engines.catalogue import find_spec
from jointtrack_server.engines.on_use import LoadedOnUse
from jointtrack_server.errors import StartupError

CALLERS = 12
SPEC = find_spec("movenet-lightning")


class Loading:
    """Loads the real model, slowly enough for all callers to wait; the first ``failures`` fail."""

    def __init__(self, engine: Engine, failures: int = 0) -> None:
        self._load = partial(engine.load, SPEC, SPEC.embedded_folder)
        self._failures = failures
        self.count = 0
        self.may_end = threading.Event()

    def __call__(self) -> PoseModel:
        self.count += 1
        assert self.may_end.wait(10)
        if self.count <= self._failures:
            raise StartupError(f"failure {self.count}")
        return self._load()


def test_many_callers_load_once(openvino_f32: Engine) -> None:
    loading = Loading(openvino_f32)
    model = LoadedOnUse(SPEC, loading)
    assert model.spec is SPEC
    assert loading.count == 0
    here = threading.Barrier(CALLERS + 1)

    def infer(tensor: np.ndarray) -> np.ndarray:
        here.wait(10)
        return model.infer(tensor)

    with ThreadPoolExecutor(CALLERS) as pool:
        answers = [pool.submit(infer, blank_tensor(SPEC)) for _ in range(CALLERS)]
        here.wait(10)
        loading.may_end.set()
        first, *others = [answer.result(30) for answer in answers]
    assert loading.count == 1
    for other in others:
        np.testing.assert_array_equal(other, first)
    model.infer(blank_tensor(SPEC))
    assert model.loaded() is model.loaded()
    assert loading.count == 1


def test_every_caller_hears_of_an_error_and_the_next_one_tries_again(openvino_f32: Engine) -> None:
    loading = Loading(openvino_f32, failures=3)
    loading.may_end.set()
    model = LoadedOnUse(SPEC, loading)
    with ThreadPoolExecutor(3) as pool:
        answers = [pool.submit(model.infer, blank_tensor(SPEC)) for _ in range(3)]
        errors = [answer.exception(10) for answer in answers]
    assert {str(error) for error in errors} == {"failure 1", "failure 2", "failure 3"}
    assert {type(error) for error in errors} == {StartupError}
    assert model.infer(blank_tensor(SPEC)).shape == (1, 17, 3)
    assert loading.count == 4


def test_a_loaded_model_still_checks_what_it_is_given(openvino_f32: Engine) -> None:
    model = LoadedOnUse(SPEC, partial(openvino_f32.load, SPEC, SPEC.embedded_folder))
    with pytest.raises(ValueError, match="takes a uint8 array"):
        model.infer(np.zeros((1, 1, 3), np.uint8))
