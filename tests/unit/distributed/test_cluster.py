"""What is decided before a replica starts, and when a server gives up."""

import socket
from pathlib import Path

import pytest
from pydantic import ValidationError

from jointtrack_server.distributed.cluster import is_gone
from jointtrack_server.distributed.options import ApplicationOptions, check_names, share
from jointtrack_server.engines.catalogue import CATALOGUE
from jointtrack_server.errors import StartupError
from jointtrack_server.settings import Settings
from jointtrack_server.settings.scaling import ReplicaSettings


@pytest.mark.parametrize(
    ("cpus", "gpus", "settings", "most"),
    [
        (2.0, 0.0, ReplicaSettings(), 1),
        (48.0, 0.0, ReplicaSettings(), 16),
        (48.0, 0.0, ReplicaSettings(cpus=4), 4),
        (48.0, 1.5, ReplicaSettings(gpus=0.25), 2),
        (48.0, 0.0, ReplicaSettings(gpus=0.25), 1),
        (2.0, 0.0, ReplicaSettings(min_replicas=3), 3),
    ],
)
def test_the_models_share_a_cluster(
    cpus: float, gpus: float, settings: ReplicaSettings, most: int
) -> None:
    assert share(settings, cpus, gpus) == most


def test_the_servers_settings_are_those_of_the_application() -> None:
    replicas = {CATALOGUE[0].name: {"max_replicas": 8, "gpus": 0.5}}
    settings = Settings(precision="f32", solo_threads=1, ray_models=replicas)  # type: ignore[arg-type]
    options = ApplicationOptions.of(settings)
    assert (options.precision, options.solo_threads) == ("f32", 1)
    assert options.of_model(CATALOGUE[0]) == ReplicaSettings(max_replicas=8, gpus=0.5)
    assert options.of_model(CATALOGUE[1]) == ReplicaSettings()


def test_a_model_that_there_is_not_is_named() -> None:
    with pytest.raises(StartupError, match="movenet-thnder"):
        check_names(ApplicationOptions(models={"movenet-thnder": ReplicaSettings()}))


def test_a_word_that_replicas_do_not_know_is_refused() -> None:
    with pytest.raises(ValidationError, match="replica_count"):
        Settings(ray_models={CATALOGUE[0].name: {"replica_count": 2}})  # type: ignore[dict-item]


def test_a_node_is_gone_when_nobody_listens(tmp_path: Path) -> None:
    node = tmp_path / "node"
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(node))
        listening.listen()
        assert not is_gone(node)
    assert is_gone(node)
    node.unlink()
    assert is_gone(node)
