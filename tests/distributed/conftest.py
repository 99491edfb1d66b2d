"""Two clusters: one with a server that runs its models there, and one without models."""

import json
import secrets
from collections.abc import Iterator

import pytest

from tests.support.ray_cluster import running_cluster
from tests.support.replicas import LIGHTNING, MULTIPOSE, THUNDER
from tests.support.serving import Served, serving

ONE = {"max_replicas": 1, "cpus": 0.5}
TWO = {"min_replicas": 2, "max_replicas": 2, "cpus": 0.5}
SCALED = {
    "max_replicas": 2,
    "cpus": 0.5,
    "target_ongoing": 1,
    "max_queued": 2,
    "upscale_delay_s": 1,
    "downscale_delay_s": 2,
}
SERVE = ("serve", "--backend", "ray", "--no-auth", "--grpc-port", "0", "--http-port", "0")
TOKEN = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "0" * 64}


@pytest.fixture(scope="package")
def cluster() -> Iterator[str]:
    """The address of one that has no models; its token is ``TOKEN``."""
    with running_cluster(TOKEN) as address:
        yield address


@pytest.fixture(scope="package")
def on_ray() -> Iterator[dict[str, str]]:
    """The variables of servers that join the cluster."""
    token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
    models = {THUNDER: TWO, MULTIPOSE: ONE, LIGHTNING: SCALED}
    with running_cluster(token) as address:
        yield {
            **token,
            "JOINTTRACK_BACKEND": "ray",
            "JOINTTRACK_RAY_ADDRESS": address,
            "JOINTTRACK_RAY_MODELS": json.dumps(models),
            "JOINTTRACK_RAY_STEP_S": "300",
        }


@pytest.fixture(scope="package")
def door(on_ray: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The first server on the cluster, which has deployed the models; it asks for no keys."""
    folder = tmp_path_factory.mktemp("door")
    options = ("--no-auth", "--data-dir", str(folder))
    with serving(folder, *options, **on_ray) as served:
        yield served
