"""A picture that is alone is given several threads, and the same answer."""

import logging
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from jointtrack_server.engines import openvino_model
from jointtrack_server.engines.base import blank_tensor
from jointtrack_server.engines.catalogue import ModelSpec, find_spec
from jointtrack_server.engines.openvino import OpenVinoEngine
from jointtrack_server.engines.openvino_model import QUIET_AFTER, Compiled, OpenVinoModel, Traffic

Letterbox = Callable[[str, ModelSpec], NDArray[np.uint8]]

PICTURES = ("walk_side.jpg", "two_people.jpg", "arms_out_front.jpg")
LIGHTNING = find_spec("movenet-lightning")
COMPILE_S = 30.0


@pytest.fixture(autouse=True)
def at_once(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first picture that is alone counts as quiet, except in tests named "patient"."""
    if "patient" not in request.node.name:
        monkeypatch.setattr(openvino_model, "QUIET_AFTER", 0)


class CountingEngine(OpenVinoEngine):
    """The real engine; says how often it compiled, and ``breaks`` from the second time on."""

    def __init__(self, *, streams: int, solo_threads: int = 4, breaks: bool = False) -> None:
        super().__init__(
            precision="f32",
            streams=streams,
            chosen="openvino for a test",
            solo_threads=solo_threads,
        )
        self._breaks = breaks
        self.compiled: list[dict[str, int]] = []
        self.compiled_by: list[threading.Thread] = []

    def _compile(self, spec: ModelSpec, model: Any, **numbers: Any) -> Compiled:
        self.compiled.append(numbers)
        self.compiled_by.append(threading.current_thread())
        if self._breaks and len(self.compiled) > 1:
            raise RuntimeError("no memory for this")
        return super()._compile(spec, model, **numbers)

    def load_embedded(self, spec: ModelSpec) -> OpenVinoModel:
        return self.load(spec, spec.embedded_folder)

    @contextmanager
    def busy(self) -> Iterator[None]:
        """As if another picture were under way."""
        self._traffic.enter()
        yield
        self._traffic.leave()


def wait_until(condition: Callable[[], bool]) -> None:
    deadline_s = time.monotonic() + COMPILE_S
    while not condition():
        assert time.monotonic() < deadline_s
        time.sleep(0.005)


def wait_for_threads(before: set[threading.Thread]) -> None:
    wait_until(lambda: set(threading.enumerate()) <= before)


def test_a_picture_that_is_alone_gets_the_answer_of_a_crowd_to_the_bit(
    spec: ModelSpec, letterboxed: Letterbox
) -> None:
    engine = CountingEngine(streams=2)
    model = engine.load_embedded(spec)
    tensors = [letterboxed(name, spec) for name in PICTURES]
    with engine.busy():
        crowd = [model.infer(tensor) for tensor in tensors]
    assert not model.is_solo_ready
    assert engine.compiled == [{"streams": 2, "threads": 2}]
    model.infer(tensors[0])
    wait_until(lambda: model.is_solo_ready)
    solo = [model.infer(tensor) for tensor in tensors]
    np.testing.assert_array_equal(solo, crowd)
    assert engine.compiled[1:] == [{"streams": 1, "threads": 2}]


def test_only_who_is_alone_is_given_several_threads(
    letterboxed: Letterbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = CountingEngine(streams=2)
    model = engine.load_embedded(LIGHTNING)
    tensor = letterboxed(PICTURES[0], LIGHTNING)
    model.infer(tensor)
    wait_until(lambda: model.is_solo_ready)
    used: list[Compiled] = []
    infer = Compiled.infer

    def note(compiled: Compiled, tensor: NDArray[np.uint8]) -> NDArray[np.float32]:
        used.append(compiled)
        return infer(compiled, tensor)

    monkeypatch.setattr(Compiled, "infer", note)
    model.infer(tensor)
    with engine.busy():
        model.infer(tensor)
    model.infer(tensor)
    alone, crowded, alone_again = used
    assert alone is alone_again is not crowded


def test_models_of_one_engine_know_of_each_other() -> None:
    engine = CountingEngine(streams=2)
    model, other = (engine.load_embedded(LIGHTNING) for _ in range(2))
    before = set(threading.enumerate())
    with engine.busy():
        model.infer(blank_tensor(LIGHTNING))
        other.infer(blank_tensor(LIGHTNING))
    wait_for_threads(before)
    assert len(engine.compiled) == 2
    assert not model.is_solo_ready
    assert not other.is_solo_ready


def test_many_pictures_that_are_alone_compile_once() -> None:
    engine = CountingEngine(streams=2)
    model = engine.load_embedded(LIGHTNING)
    before = set(threading.enumerate())
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(model.infer, [blank_tensor(LIGHTNING)] * 60))
    model.infer(blank_tensor(LIGHTNING))
    wait_until(lambda: model.is_solo_ready)
    wait_for_threads(before)
    assert len(engine.compiled) == 2


def test_one_stream_has_no_second_kind() -> None:
    engine = CountingEngine(streams=1)
    model = engine.load_embedded(LIGHTNING)
    before = set(threading.enumerate())
    for _ in range(3):
        model.infer(blank_tensor(LIGHTNING))
    wait_for_threads(before)
    assert engine.compiled == [{"streams": 1, "threads": 1}]
    assert not model.is_solo_ready


def test_many_streams_leave_a_picture_that_is_alone_four_threads() -> None:
    engine = CountingEngine(streams=6)
    model = engine.load_embedded(LIGHTNING)
    model.infer(blank_tensor(LIGHTNING))
    wait_until(lambda: model.is_solo_ready)
    assert engine.compiled == [{"streams": 6, "threads": 6}, {"streams": 1, "threads": 4}]


def test_one_thread_for_a_picture_that_is_alone_is_what_the_crowd_gives_it() -> None:
    engine = CountingEngine(streams=2, solo_threads=1)
    model = engine.load_embedded(LIGHTNING)
    before = set(threading.enumerate())
    model.infer(blank_tensor(LIGHTNING))
    wait_for_threads(before)
    assert engine.compiled == [{"streams": 2, "threads": 2}]
    assert not model.is_solo_ready


def test_a_second_kind_that_cannot_be_compiled_leaves_the_first(
    letterboxed: Letterbox, caplog: pytest.LogCaptureFixture
) -> None:
    engine = CountingEngine(streams=2, breaks=True)
    model = engine.load_embedded(LIGHTNING)
    tensor = letterboxed(PICTURES[0], LIGHTNING)
    before = set(threading.enumerate())
    with caplog.at_level(logging.ERROR):
        first = model.infer(tensor)
        wait_for_threads(before)
        np.testing.assert_array_equal(model.infer(tensor), first)
    (record,) = caplog.records
    assert record.getMessage() == "movenet-lightning 4 runs on one thread a picture"
    assert record.exc_info
    assert str(record.exc_info[1]) == "no memory for this"
    assert len(engine.compiled) == 2
    assert not model.is_solo_ready


def test_a_refused_tensor_does_not_count_as_under_way() -> None:
    engine = CountingEngine(streams=2)
    model = engine.load_embedded(LIGHTNING)
    with pytest.raises(ValueError, match="takes a uint8 array"):
        model.infer(np.zeros((1, 1, 3), np.uint8))
    model.infer(blank_tensor(LIGHTNING))
    wait_until(lambda: model.is_solo_ready)


def test_traffic_counts_right_under_many_threads() -> None:
    traffic = Traffic()
    together = threading.Barrier(8)
    alone_at_once: list[bool] = []

    def pass_through() -> None:
        for _ in range(300):
            together.wait(10)
            alone_at_once.append(traffic.enter())
            together.wait(10)
            traffic.leave()

    with ThreadPoolExecutor(8) as pool:
        for one in [pool.submit(pass_through) for _ in range(8)]:
            one.result(30)
    assert alone_at_once.count(True) == 300
    assert traffic.enter()
    assert not traffic.enter()


def test_a_process_that_ends_waits_for_the_second_kind() -> None:
    """The runner's workers are daemons; a daemon that is ended inside OpenVINO aborts."""
    engine = CountingEngine(streams=2)
    model = engine.load_embedded(LIGHTNING)
    worker = threading.Thread(target=model.infer, args=(blank_tensor(LIGHTNING),), daemon=True)
    worker.start()
    worker.join()
    wait_until(lambda: model.is_solo_ready)
    assert engine.compiled_by[-1] is not worker
    assert not engine.compiled_by[-1].daemon


def test_a_patient_engine_waits_for_several_pictures_in_a_row_that_are_alone() -> None:
    traffic = Traffic()
    for _ in range(2):
        quiet = []
        for _ in range(QUIET_AFTER + 2):
            quiet.append(traffic.enter())
            traffic.leave()
        assert quiet == [False] * QUIET_AFTER + [True] * 2
        traffic.enter()
        assert not traffic.enter()
        traffic.leave()
        traffic.leave()
