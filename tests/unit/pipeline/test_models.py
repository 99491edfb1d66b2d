"""Which models are loaded at the start, and what stops it."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from jointtrack_server.engines.base import blank_tensor
from jointtrack_server.engines.catalogue import CATALOGUE, ModelSpec, find_spec
from jointtrack_server.engines.openvino import OpenVinoEngine
from jointtrack_server.engines.openvino_model import OpenVinoModel
from jointtrack_server.errors import StartupError
from jointtrack_server.pipeline.models import load_models
from jointtrack_server.settings import Settings

LIGHTNING, THUNDER, MULTIPOSE = (
    find_spec(name) for name in ("movenet-lightning", "movenet-thunder", "movenet-multipose")
)


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the models that the real engine loads, as it does."""
    names: list[str] = []
    load = OpenVinoEngine.load

    def note(engine: OpenVinoEngine, spec: ModelSpec, folder: Path) -> OpenVinoModel:
        names.append(spec.name)
        return load(engine, spec, folder)

    monkeypatch.setattr(OpenVinoEngine, "load", note)
    return names


def settings(**options: object) -> Settings:
    return Settings(engine="openvino", precision="f32", **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("preload", "at_start"),
    [
        ("none", set()),
        ("default", {THUNDER.name, MULTIPOSE.name}),
        ("all", {LIGHTNING.name, THUNDER.name, MULTIPOSE.name}),
    ],
)
def test_preload_says_what_is_loaded_at_the_start(
    preload: str, at_start: set[str], loads: list[str]
) -> None:
    loaded = load_models(settings(preload=preload))
    assert sorted(loads) == sorted(at_start)
    assert set(loaded.models) == set(loaded.specs) == set(CATALOGUE)
    assert loaded.finder.spec is MULTIPOSE
    for _ in range(2):
        loaded.models[LIGHTNING].infer(blank_tensor(LIGHTNING))
    assert sorted(loads) == sorted(at_start | {LIGHTNING.name})


def test_the_default_search_is_loaded_unless_something_else_is_asked_for(loads: list[str]) -> None:
    load_models(settings())
    assert sorted(loads) == [MULTIPOSE.name, THUNDER.name]


@pytest.mark.parametrize("preload", ["none", "default", "all"])
@pytest.mark.parametrize("spec", CATALOGUE, ids=lambda spec: spec.name)
def test_a_folder_without_a_model_stops_the_start(
    preload: str, spec: ModelSpec, tmp_path: Path, loads: list[str]
) -> None:
    with pytest.raises(StartupError, match=r"no saved_model\.pb") as caught:
        load_models(settings(preload=preload, model_paths={spec.name: tmp_path}))
    assert str(tmp_path) in str(caught.value)
    assert not loads


def test_a_folder_with_another_model_stops_the_start() -> None:
    paths = {THUNDER.name: LIGHTNING.embedded_folder}
    with pytest.raises(StartupError, match="is not movenet-thunder 4"):
        load_models(settings(model_paths=paths))


@pytest.mark.parametrize("preload", ["none", "default"])
def test_damaged_embedded_weights_stop_the_start_even_if_nobody_asked_for_them_yet(
    preload: str, tmp_path: Path, loads: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "lightning"
    shutil.copytree(LIGHTNING.embedded_folder, folder)
    file = folder / "saved_model.pb"
    file.write_bytes(file.read_bytes()[:-1] + b"?")
    damaged = replace(LIGHTNING, embedded_folder=folder)
    catalogue = (damaged, THUNDER, MULTIPOSE)
    monkeypatch.setattr("jointtrack_server.pipeline.models.CATALOGUE", catalogue)
    with pytest.raises(StartupError, match="is damaged: its SHA-256 is") as caught:
        load_models(settings(preload=preload))
    assert str(file) in str(caught.value)
    assert not loads


def test_a_model_with_a_path_of_its_own_is_loaded_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "saved_model.pb").write_bytes(b"no model")
    with pytest.raises(StartupError, match="cannot be read as"):
        load_models(settings(model_paths={LIGHTNING.name: tmp_path}))
