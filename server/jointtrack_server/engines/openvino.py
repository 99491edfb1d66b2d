"""MoveNet on the CPU by OpenVINO, which reads a SavedModel without TensorFlow."""

from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from jointtrack_server.engines._openvino import ov
from jointtrack_server.engines.base import message_lines, unreadable, wrong_model
from jointtrack_server.engines.catalogue import ModelSpec
from jointtrack_server.engines.openvino_model import Compiled, OpenVinoModel, Traffic
from jointtrack_server.errors import StartupError

BF16_CPU_FLAGS = frozenset({"avx512_bf16", "amx_bf16"})
"""Flags in Linux' /proc/cpuinfo of CPUs that multiply in bf16.

OpenVINO also lists BF16 for CPUs that only convert it (AVX-NE-CONVERT), where nothing was measured.
"""

PRECISIONS = ("auto", "f32", "bf16")

_CPU_INFO = Path("/proc/cpuinfo")


class Precision(NamedTuple):
    """The arithmetic to use, "f32" or "bf16", and why."""

    name: str
    reason: str


def cpu_flags(cpu_info: Path = _CPU_INFO) -> frozenset[str]:
    """What the CPU can do, as Linux names it; empty where the system does not say."""
    if not cpu_info.is_file():
        return frozenset()
    for line in cpu_info.read_text(encoding="utf-8", errors="replace").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "flags":
            return frozenset(value.split())
    return frozenset()


def choose_precision(
    requested: str, capabilities: Collection[str], flags: Collection[str]
) -> Precision:
    """ "auto" is bf16 where the CPU computes it itself, f32 elsewhere.

    bf16 was measured to be 1.7 to 1.8 times faster than f32 on a CPU with avx512_bf16, and no less
    accurate on labelled people. ``capabilities`` are OpenVINO's, ``flags`` those of ``cpu_flags``.

    Raises StartupError if bf16 is asked for and the CPU has none, or for an unknown precision.
    """
    if requested not in PRECISIONS:
        raise StartupError(f'Unknown precision "{requested}": set one of {", ".join(PRECISIONS)}.')
    if requested == "f32":
        return Precision("f32", "f32 as asked for")
    native = sorted(BF16_CPU_FLAGS.intersection(flags)) if "BF16" in capabilities else []
    if native and requested == "bf16":
        return Precision("bf16", "bf16 as asked for")
    if native:
        return Precision("bf16", f"bf16 because this CPU has {native[0]}: faster and as accurate")
    lacking = f"this CPU has none of {', '.join(sorted(BF16_CPU_FLAGS))}"
    if requested == "bf16":
        raise StartupError(
            f'Precision "bf16" is not possible: {lacking}. Set the precision "f32" or "auto".'
        )
    return Precision("f32", f"f32 because {lacking}")


class OpenVinoEngine:
    """Runs ``streams`` pictures at the same time, on one thread each, or one alone on several.

    ``chosen`` says why this engine; ``precision`` is "auto", "f32" or "bf16"; a picture that is
    alone takes ``solo_threads``, but no more than ``streams``.

    Raises StartupError if the precision is not possible.
    """

    name = "openvino"
    device = "CPU"

    def __init__(self, *, precision: str, streams: int, chosen: str, solo_threads: int = 4) -> None:
        self._core = ov.Core()
        choice = choose_precision(
            precision, self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"), cpu_flags()
        )
        self.precision = choice.name
        self.reason = f"{chosen}; {choice.reason}"
        self._streams = streams
        self._solo_threads = min(solo_threads, streams)
        self._traffic = Traffic()

    def load(self, spec: ModelSpec, folder: Path) -> OpenVinoModel:
        """See ``Engine.load``."""
        try:
            model = self._read(spec, folder)
            crowd = self._compile(spec, model, streams=self._streams, threads=self._streams)
        except StartupError:
            raise
        except Exception as error:  # whatever OpenVINO and its reader raise
            # It says the cause last, after places in its source.
            detail = f"OpenVINO: {message_lines(error)[-1]}"
            raise unreadable(spec, folder, detail) from error

        def compile_solo() -> Compiled:
            # Read once: the constants are shared, and the memory of another reading is not needed.
            return self._compile(spec, model, streams=1, threads=self._solo_threads)

        return OpenVinoModel(
            spec, crowd, self._traffic, compile_solo if self._solo_threads > 1 else None
        )

    @staticmethod
    def _read(spec: ModelSpec, folder: Path) -> ov.Model:
        # ``Core.read_model`` loads the readers of all formats to ask each, which takes 4 MB.
        reader = ov.frontend.FrontEndManager().load_by_framework("tf")
        model = reader.convert(reader.load(folder))
        _check_input(spec, folder, model)
        model.reshape(list(spec.input_shape))
        _check_output(spec, folder, model)
        return _with_uint8_input(model)

    def _compile(self, spec: ModelSpec, model: ov.Model, *, streams: int, threads: int) -> Compiled:
        config = {
            "NUM_STREAMS": streams,
            "INFERENCE_NUM_THREADS": threads,
            # Pinned, two one-thread users of OpenVINO both land on core 0 and share it.
            "ENABLE_CPU_PINNING": False,
            "INFERENCE_PRECISION_HINT": self.precision,
        }
        return Compiled(spec, self._core.compile_model(model, "CPU", config))


def _with_uint8_input(model: ov.Model) -> ov.Model:
    """The model with its int32 input replaced by a uint8 one: a quarter of the memory to move."""
    steps = ov.preprocess.PrePostProcessor(model)
    steps.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    return steps.build()


def _check_input(spec: ModelSpec, folder: Path, model: ov.Model) -> None:
    expected = ov.PartialShape(list(spec.input_shape))
    match model.inputs:
        case [one] if one.element_type == ov.Type.i32 and one.partial_shape.compatible(expected):
            return
    raise wrong_model(spec, folder, _signature(model))


def _check_output(spec: ModelSpec, folder: Path, model: ov.Model) -> None:
    expected = ov.PartialShape(list(spec.output_shape))
    match model.outputs:
        case [one] if one.element_type == ov.Type.f32 and one.partial_shape == expected:
            return
    raise wrong_model(spec, folder, _signature(model))


def _signature(model: ov.Model) -> str:
    inputs, outputs = (
        " and ".join(f"{port.element_type.get_type_name()} {port.partial_shape}" for port in ports)
        for ports in (model.inputs, model.outputs)
    )
    return f"input {inputs} and output {outputs}"
