"""The registry of engines and the choice of one."""

import importlib.util
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from jointtrack_server.engines.base import Engine
from jointtrack_server.engines.optional import import_with_extra
from jointtrack_server.errors import StartupError


class EngineEntry(NamedTuple):
    """Where an engine's class is, and the extra that brings what it imports."""

    module: str
    class_name: str
    extra: str


class Choice(NamedTuple):
    """A name from ``ENGINES`` and why."""

    name: str
    reason: str


ENGINES: Mapping[str, EngineEntry] = {
    "openvino": EngineEntry("jointtrack_server.engines.openvino", "OpenVinoEngine", "server"),
    "tensorflow": EngineEntry(
        "jointtrack_server.engines.tensorflow", "TensorFlowEngine", "tensorflow"
    ),
}

NVIDIA_DEVICE_FILES = (Path("/proc/driver/nvidia/version"), Path("/dev/nvidia0"))
"""Present where NVIDIA's driver is loaded. To ask TensorFlow would take seconds."""


def create_engine(
    name: str = "auto", *, precision: str = "auto", streams: int = 1, solo_threads: int = 4
) -> Engine:
    """The engine called ``name``, running ``streams`` pictures at the same time.

    On a CPU, a picture that is alone may take ``solo_threads``.

    "auto" is "openvino" unless TensorFlow is installed and sees a GPU. ``precision`` is "auto",
    "f32" or "bf16".

    Raises StartupError for an unknown name, a missing package or an impossible precision.
    """
    choice = choose_engine() if name == "auto" else Choice(name, f"{name} as asked for")
    if choice.name not in ENGINES:
        raise StartupError(f'Unknown engine "{name}": set one of auto, {", ".join(ENGINES)}.')
    entry = ENGINES[choice.name]
    module = import_with_extra(entry.module, extra=entry.extra)
    engine: Engine = getattr(module, entry.class_name)(
        precision=precision,
        streams=streams,
        solo_threads=solo_threads,
        chosen=choice.reason,
    )
    return engine


def choose_engine(device_files: tuple[Path, ...] = NVIDIA_DEVICE_FILES) -> Choice:
    """What "auto" means on this machine. Imports TensorFlow only beside an NVIDIA device."""
    if not any(file.exists() for file in device_files):
        return Choice("openvino", "openvino because this machine has no NVIDIA GPU")
    if not all(importlib.util.find_spec(name) for name in ("tensorflow", "tensorflow_hub")):
        return Choice(
            "openvino",
            "openvino because TensorFlow, which could use the NVIDIA GPU, is not installed "
            "(pip install 'jointtrack[tensorflow]')",
        )
    entry = ENGINES["tensorflow"]
    if not import_with_extra(entry.module, extra=entry.extra).visible_gpus():
        return Choice("openvino", "openvino because TensorFlow sees no GPU on this machine")
    return Choice("tensorflow", "tensorflow because it sees a GPU")
