"""What every engine offers, and what all of them check alike."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from jointtrack_server.engines.catalogue import ModelSpec
from jointtrack_server.errors import StartupError


class PoseModel(Protocol):
    """A loaded model. Safe to call from several threads at once."""

    @property
    def spec(self) -> ModelSpec: ...

    def infer(self, tensor: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Keypoints of one picture, S x S pixels, S = ``spec.input_size_px``.

        ``tensor`` is (S, S, 3) uint8 RGB. Coordinates are fractions of S, 0..1 inside the picture;
        scores are 0..1. A single-pose model gives (1, 17, 3) float32: y, x, score. MultiPose gives
        (6, 56) float32, a row per person found or guessed: 17 times y, x, score, then y_min, x_min,
        y_max, x_max and the person's score. The array belongs to the caller.

        Raises ValueError if ``tensor`` has another shape or type.
        """
        ...


class EngineInfo(Protocol):
    """What runs the models, and why."""

    @property
    def name(self) -> str:
        """A name from ``select.ENGINES``."""
        ...

    @property
    def device(self) -> str:
        """Such as "CPU" or "GPU:0"."""
        ...

    @property
    def precision(self) -> str:
        """ "f32" or "bf16"."""
        ...

    @property
    def reason(self) -> str:
        """Why this engine, device and precision, in a sentence."""
        ...


class Engine(EngineInfo, Protocol):
    """Something that runs models."""

    def load(self, spec: ModelSpec, folder: Path) -> PoseModel:
        """The SavedModel in ``folder``, checked against ``spec`` and warmed up.

        Raises StartupError if it cannot be read or is another model.
        """
        ...


def check_tensor(spec: ModelSpec, tensor: NDArray[np.uint8]) -> None:
    """Raises ValueError if ``tensor`` is not one picture of the size that ``spec`` takes."""
    if tensor.dtype != np.uint8 or tensor.shape != spec.input_shape[1:]:
        raise ValueError(
            f"{spec.title} takes a uint8 array of shape {spec.input_shape[1:]}, "
            f"not {tensor.dtype} {tensor.shape}"
        )


def blank_tensor(spec: ModelSpec) -> NDArray[np.uint8]:
    """A black picture of the right size, to warm up with."""
    return np.zeros(spec.input_shape[1:], np.uint8)


def unreadable(spec: ModelSpec, folder: Path, detail: str) -> StartupError:
    """What to raise where an engine cannot read ``folder``; ``detail`` is what it says."""
    return StartupError(
        f"{folder / 'saved_model.pb'} cannot be read as {spec.title} ({detail}). "
        "Use the weights that come with the server, or another copy of the SavedModel."
    )


def wrong_model(spec: ModelSpec, folder: Path, found: str) -> StartupError:
    """What to raise where the SavedModel in ``folder`` is readable but another model."""
    return StartupError(
        f"{folder / 'saved_model.pb'} is not {spec.title}: expected input int32 "
        f"{_shape_text(spec.input_shape)} and output {_shape_text(spec.output_shape)}, "
        f"found {found}. Give the folder of {spec.tfhub_handle}."
    )


def message_lines(error: BaseException) -> list[str]:
    """The lines of a foreign error's message that say something; at least one."""
    lines = [line.strip().rstrip(".") for line in str(error).splitlines() if line.strip()]
    return lines or [type(error).__name__]


def _shape_text(shape: Sequence[int]) -> str:
    return "[" + ",".join(str(size) for size in shape) + "]"
