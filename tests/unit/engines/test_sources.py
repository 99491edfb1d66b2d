import dataclasses
import shutil
import sys
from pathlib import Path

import pytest

from jointtrack_server.engines.catalogue import ModelSpec, find_spec
from jointtrack_server.engines.sources import locate, origin_of
from jointtrack_server.errors import StartupError


def test_embedded_weights_are_intact(spec: ModelSpec) -> None:
    assert locate(spec) == spec.embedded_folder


@pytest.fixture
def copied_lightning(tmp_path: Path) -> ModelSpec:
    """Lightning with its embedded folder somewhere that a test may spoil."""
    spec = find_spec("movenet-lightning")
    folder = tmp_path / "lightning"
    shutil.copytree(spec.embedded_folder, folder)
    return dataclasses.replace(spec, embedded_folder=folder)


def test_a_changed_byte_of_embedded_weights_is_noticed(copied_lightning: ModelSpec) -> None:
    file = copied_lightning.embedded_folder / "saved_model.pb"
    content = bytearray(file.read_bytes())
    content[1000] ^= 1
    file.write_bytes(content)
    with pytest.raises(StartupError, match="is damaged: its SHA-256 is") as caught:
        locate(copied_lightning)
    assert str(file) in str(caught.value)
    assert "Install jointtrack again." in str(caught.value)


def test_missing_embedded_weights_are_named(copied_lightning: ModelSpec) -> None:
    (copied_lightning.embedded_folder / "saved_model.pb").unlink()
    with pytest.raises(StartupError, match=r"no saved_model\.pb") as caught:
        locate(copied_lightning)
    assert str(copied_lightning.embedded_folder) in str(caught.value)


def test_a_models_own_folder_goes_before_the_source(copied_lightning: ModelSpec) -> None:
    folder = copied_lightning.embedded_folder
    spec, paths = find_spec("movenet-lightning"), {"movenet-lightning": folder}
    assert locate(spec, source="tfhub", model_paths=paths) == folder
    assert origin_of(spec, "tfhub", paths) == "lightning"


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match=r"no saved_model\.pb") as caught:
        locate(find_spec(), model_paths={"movenet-thunder": tmp_path})
    assert str(tmp_path) in str(caught.value)


def test_a_folder_for_an_unknown_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="A folder is given for thunder, but the models are"):
        locate(find_spec(), model_paths={"thunder": tmp_path})


def test_an_unknown_source_is_refused() -> None:
    with pytest.raises(StartupError, match='Unknown model source "ftp": set one of embedded, tfh'):
        locate(find_spec(), source="ftp")


def test_tfhub_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("jointtrack_server.engines.tfhub", "jointtrack_server.engines._tensorflow"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(StartupError, match=r"pip install 'jointtrack\[tensorflow\]'"):
        locate(find_spec(), source="tfhub")
