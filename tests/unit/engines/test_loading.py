"""What is no SavedModel of the model asked for is refused by every engine, naming the file."""

from pathlib import Path

import pytest

from jointtrack_server.engines.base import Engine
from jointtrack_server.engines.catalogue import ModelSpec, find_spec
from jointtrack_server.errors import StartupError

LIGHTNING, THUNDER, MULTIPOSE = (
    find_spec(name) for name in ("movenet-lightning", "movenet-thunder", "movenet-multipose")
)


@pytest.fixture(params=["openvino_f32", "tensorflow_f32"])
def engine(request: pytest.FixtureRequest) -> Engine:
    found: Engine = request.getfixturevalue(request.param)
    return found


@pytest.mark.parametrize(
    ("spec", "other"),
    [(LIGHTNING, THUNDER), (LIGHTNING, MULTIPOSE), (THUNDER, MULTIPOSE), (MULTIPOSE, THUNDER)],
    ids=lambda spec: spec.name,
)
def test_another_model_is_refused(engine: Engine, spec: ModelSpec, other: ModelSpec) -> None:
    with pytest.raises(StartupError, match=f"is not {spec.title}: expected input int32") as caught:
        engine.load(spec, other.embedded_folder)
    assert str(other.embedded_folder / "saved_model.pb") in str(caught.value)
    assert f"Give the folder of {spec.tfhub_handle}." in str(caught.value)


GENUINE = (LIGHTNING.embedded_folder / "saved_model.pb").read_bytes()


@pytest.mark.parametrize(
    "content",
    [b"", b"garbage" * 1000, GENUINE[: len(GENUINE) // 2]],
    ids=["empty", "garbage", "truncated"],
)
def test_a_corrupt_file_is_refused(engine: Engine, content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "saved_model.pb"
    file.write_bytes(content)
    with pytest.raises(StartupError, match="cannot be read as movenet-lightning 4") as caught:
        engine.load(LIGHTNING, tmp_path)
    assert str(file) in str(caught.value)
    assert "Use the weights that come with the server" in str(caught.value)


def test_a_missing_file_is_named(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="cannot be read as movenet-lightning 4") as caught:
        engine.load(LIGHTNING, tmp_path)
    assert str(tmp_path / "saved_model.pb") in str(caught.value)
