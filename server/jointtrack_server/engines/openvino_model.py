"""A model compiled for many pictures at once, and once more for a picture that is alone."""

import logging
import threading
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from jointtrack_server.engines._openvino import ov
from jointtrack_server.engines.base import blank_tensor, check_tensor
from jointtrack_server.engines.catalogue import ModelSpec
from jointtrack_server.engines.memory import give_back_memory

_LOG = logging.getLogger(__name__)


QUIET_AFTER = 8
"""Inferences in a row that must have been alone before one is given several threads: among many
callers one is alone now and then, and would be in the way of the next."""


class Traffic:
    """Counts the inferences of all models of an engine that are under way."""

    def __init__(self) -> None:
        self._count = 0
        self._alone_in_a_row = 0
        self._lock = threading.Lock()

    def enter(self) -> bool:
        """Counts one in; whether it is alone, as those before it were."""
        with self._lock:
            self._count += 1
            self._alone_in_a_row = self._alone_in_a_row + 1 if self._count == 1 else 0
            return self._alone_in_a_row > QUIET_AFTER

    def leave(self) -> None:
        with self._lock:
            self._count -= 1


class Compiled:
    """A compiled model with one infer request and its buffers per calling thread."""

    def __init__(self, spec: ModelSpec, model: ov.CompiledModel) -> None:
        self._spec = spec
        self._model = model
        self._of_thread = threading.local()
        self.infer(blank_tensor(spec))

    def infer(self, tensor: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See ``PoseModel.infer``; the shape is not checked."""
        slot = self._slot()
        np.copyto(slot.input[0], tensor)
        # ``infer`` would gather results that lie in ``slot.output`` already.
        slot.request.start_async()
        slot.request.wait()
        keypoints: NDArray[np.float32] = slot.output[0].copy()
        return keypoints

    def _slot(self) -> "_Slot":
        slot: _Slot | None = getattr(self._of_thread, "slot", None)
        if slot is None:
            slot = self._of_thread.slot = _new_slot(self._spec, self._model)
        return slot


class OpenVinoModel:
    """Several pictures at once take one thread each; one that is alone takes several threads.

    ``compile_solo`` makes the second kind. It is called on a thread of its own when pictures come
    alone for the first time, so that neither the start nor a picture waits for it.
    """

    def __init__(
        self,
        spec: ModelSpec,
        crowd: Compiled,
        traffic: Traffic,
        compile_solo: Callable[[], Compiled] | None,
    ) -> None:
        self.spec = spec
        self._crowd = crowd
        self._solo: Compiled | None = None
        self._traffic = traffic
        self._compile_solo = compile_solo

    @property
    def is_solo_ready(self) -> bool:
        """Whether a picture that is alone is given several threads."""
        return self._solo is not None

    def infer(self, tensor: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See ``PoseModel.infer``."""
        check_tensor(self.spec, tensor)
        is_alone = self._traffic.enter()
        try:
            return (self._for_one() if is_alone else self._crowd).infer(tensor)
        finally:
            self._traffic.leave()

    def _for_one(self) -> Compiled:
        if self._compile_solo is not None:
            compile_solo, self._compile_solo = self._compile_solo, None
            # The runner's workers are daemons, and one that is ended inside OpenVINO aborts.
            threading.Thread(target=self._prepare_solo, args=(compile_solo,), daemon=False).start()
        return self._solo or self._crowd

    def _prepare_solo(self, compile_solo: Callable[[], Compiled]) -> None:
        try:
            self._solo = compile_solo()
            give_back_memory()
        except Exception:
            _LOG.exception("%s runs on one thread a picture", self.spec.title)


class _Slot(NamedTuple):
    """One thread's infer request; ``input`` and ``output`` are views of its memory."""

    request: ov.InferRequest
    input: NDArray[np.uint8]
    output: NDArray[np.float32]


def _new_slot(spec: ModelSpec, model: ov.CompiledModel) -> _Slot:
    request = model.create_infer_request()
    buffers = np.zeros(spec.input_shape, np.uint8), np.zeros(spec.output_shape, np.float32)
    request.set_input_tensor(ov.Tensor(buffers[0], shared_memory=True))
    request.set_output_tensor(ov.Tensor(buffers[1], shared_memory=True))
    return _Slot(request, *buffers)
