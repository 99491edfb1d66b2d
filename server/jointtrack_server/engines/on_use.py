"""A model that is loaded when somebody asks for it."""

import threading
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from jointtrack_server.engines.base import PoseModel
from jointtrack_server.engines.catalogue import ModelSpec
from jointtrack_server.engines.memory import give_back_memory


class LoadedOnUse:
    """Stands for the model that ``load`` gives; the first caller waits for it, with all others."""

    repeats = 0

    def __init__(self, spec: ModelSpec, load: Callable[[], PoseModel]) -> None:
        self.spec = spec
        self._load = load
        self._model: PoseModel | None = None
        self._lock = threading.Lock()

    @property
    def is_loaded(self) -> bool:
        return self._model is not None

    def infer(self, tensor: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See ``PoseModel.infer``. Raises StartupError if the model cannot be loaded."""
        return (self._model or self.loaded()).infer(tensor)

    def loaded(self) -> PoseModel:
        """The model itself. Raises StartupError if it cannot be loaded."""
        with self._lock:
            if self._model is None:
                self._model = self._load()
                give_back_memory()
            return self._model
