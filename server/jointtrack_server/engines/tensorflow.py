"""MoveNet by TensorFlow Hub, on an NVIDIA GPU where TensorFlow sees one."""

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from jointtrack_server.engines._tensorflow import hub, tf
from jointtrack_server.engines.base import (
    blank_tensor,
    check_tensor,
    message_lines,
    unreadable,
    wrong_model,
)
from jointtrack_server.engines.catalogue import ModelSpec
from jointtrack_server.errors import StartupError

SIGNATURE, INPUT, OUTPUT = "serving_default", "input", "output_0"
"""TF Hub's signature of MoveNet."""


class TensorFlowEngine:
    """Runs on the first GPU, else on ``streams`` threads of the CPU. Always f32.

    ``chosen`` says why this engine; ``precision`` is "auto" or "f32". TensorFlow shares its threads
    among the pictures by itself, so ``solo_threads`` changes nothing.

    Raises StartupError for another precision.
    """

    name = "tensorflow"
    precision = "f32"

    def __init__(self, *, precision: str, streams: int, chosen: str, solo_threads: int = 4) -> None:
        if precision not in {"auto", "f32"}:
            raise StartupError(
                f'The engine "tensorflow" computes in f32, not "{precision}": set the precision '
                '"f32" or "auto", or the engine "openvino".'
            )
        gpus = visible_gpus()
        _set_up_process(gpus, streams)
        self.device = "GPU:0" if gpus else "CPU"
        where = "on the first GPU" if gpus else "on the CPU because TensorFlow sees no GPU"
        self.reason = f"{chosen}; {where}; f32 is what it computes in"

    def load(self, spec: ModelSpec, folder: Path) -> "TensorFlowModel":
        """See ``Engine.load``."""
        try:
            loaded = hub.load(str(folder))
        except Exception as error:  # whatever TensorFlow and its readers raise
            detail = f"TensorFlow: {message_lines(error)[0]}"
            raise unreadable(spec, folder, detail) from error
        _check_signature(spec, folder, loaded)
        model = TensorFlowModel(spec, loaded)
        model.infer(blank_tensor(spec))
        return model


class TensorFlowModel:
    """A loaded SavedModel. TensorFlow's functions may be called from any thread."""

    def __init__(self, spec: ModelSpec, loaded: Any) -> None:  # noqa: ANN401 TensorFlow is untyped
        self.spec = spec
        self._loaded = loaded  # holds the variables, to which the function keeps weak references
        self._function = loaded.signatures[SIGNATURE]

    def infer(self, tensor: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See ``PoseModel.infer``."""
        check_tensor(self.spec, tensor)
        batch = tf.constant(tensor[np.newaxis].astype(np.int32))
        keypoints: NDArray[np.float32] = self._function(**{INPUT: batch})[OUTPUT][0].numpy()
        return keypoints


def visible_gpus() -> list[Any]:
    """The GPUs that TensorFlow can use."""
    return list(tf.config.list_physical_devices("GPU"))


def _set_up_process(gpus: list[Any], streams: int) -> None:
    # TF32 would round f32 to 10 bits in convolutions.
    tf.config.experimental.enable_tensor_float_32_execution(False)
    # TensorFlow refuses changes once it runs: the first engine of a process decides.
    with contextlib.suppress(RuntimeError):
        for gpu in gpus:
            tf.config.experimental.set_memory_growth(gpu, True)
        tf.config.threading.set_intra_op_parallelism_threads(streams)
        tf.config.threading.set_inter_op_parallelism_threads(streams)


def _check_signature(spec: ModelSpec, folder: Path, loaded: Any) -> None:  # noqa: ANN401
    signatures = getattr(loaded, "signatures", {})
    if SIGNATURE not in signatures:
        raise wrong_model(spec, folder, f"no signature {SIGNATURE}")
    function = signatures[SIGNATURE]
    inputs, outputs = function.structured_input_signature[1], function.structured_outputs
    if not (
        _fits(inputs, INPUT, tf.int32, spec.input_shape)
        and _fits(outputs, OUTPUT, tf.float32, spec.output_shape)
    ):
        raise wrong_model(spec, folder, f"input {_text(inputs)} and output {_text(outputs)}")


def _fits(tensors: dict[str, Any], name: str, dtype: object, shape: tuple[int, ...]) -> bool:
    if set(tensors) != {name}:
        return False
    found = tensors[name]
    return bool(found.dtype == dtype and found.shape.is_compatible_with(shape))


def _text(tensors: dict[str, Any]) -> str:
    return " and ".join(f"{found.dtype.name} {found.shape}" for found in tensors.values())
