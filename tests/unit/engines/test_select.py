import sys
from pathlib import Path

import pytest

from jointtrack_server.engines.base import Engine
from jointtrack_server.engines.select import ENGINES, choose_engine, create_engine
from jointtrack_server.errors import StartupError


def test_the_registry_names_every_engine(openvino_f32: Engine, tensorflow_f32: Engine) -> None:
    found = {
        engine.name: (type(engine).__module__, type(engine).__name__)
        for engine in (openvino_f32, tensorflow_f32)
    }
    assert found == {name: (entry.module, entry.class_name) for name, entry in ENGINES.items()}


def test_an_engine_can_be_asked_for_by_name() -> None:
    engine = create_engine("openvino", precision="f32", streams=1)
    assert (engine.name, engine.device, engine.precision) == ("openvino", "CPU", "f32")
    assert engine.reason == "openvino as asked for; f32 as asked for"


def test_auto_asks_tensorflow_only_beside_an_nvidia_device(
    tmp_path: Path, tensorflow_f32: Engine
) -> None:
    assert choose_engine((tmp_path / "nvidia0",)).reason.endswith("this machine has no NVIDIA GPU")
    (tmp_path / "nvidia0").touch()
    choice = choose_engine((tmp_path / "nvidia0",))
    assert (
        choice
        == {
            "GPU:0": ("tensorflow", "tensorflow because it sees a GPU"),
            "CPU": ("openvino", "openvino because TensorFlow sees no GPU on this machine"),
        }[tensorflow_f32.device]
    )


def test_auto_says_that_tensorflow_could_use_the_gpu(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nvidia0").touch()
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    choice = choose_engine((tmp_path / "nvidia0",))
    assert choice.name == "openvino"
    assert "pip install 'jointtrack[tensorflow]'" in choice.reason


def test_the_tensorflow_engine_says_what_it_does_and_why(tensorflow_f32: Engine) -> None:
    assert (tensorflow_f32.name, tensorflow_f32.precision) == ("tensorflow", "f32")
    assert tensorflow_f32.reason.startswith("tensorflow for a test; on the ")


def test_tensorflow_has_no_bf16() -> None:
    with pytest.raises(StartupError, match='computes in f32, not "bf16": set the precision'):
        create_engine("tensorflow", precision="bf16")


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(StartupError, match='"onnx": set one of auto, openvino, tensorflow'):
        create_engine("onnx")


@pytest.mark.parametrize(
    ("name", "package", "extra"),
    [
        ("openvino", "openvino", "server"),
        ("tensorflow", "tensorflow", "tensorflow"),
        ("tensorflow", "tensorflow_hub", "tensorflow"),
    ],
)
def test_a_missing_package_comes_with_its_pip_command(
    name: str, package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (name, f"_{name}"):
        monkeypatch.delitem(sys.modules, f"jointtrack_server.engines.{module}", raising=False)
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(StartupError) as caught:
        create_engine(name)
    assert str(caught.value) == (
        f"The package {package} is missing. Install it: pip install 'jointtrack[{extra}]'"
    )
