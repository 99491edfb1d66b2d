"""A server that finds models on the cluster which are not as its own settings have them."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from jointtrack import JointTrackClient, JointTrackError
from tests.distributed.conftest import SERVE
from tests.support.command import assert_refused, run
from tests.support.replicas import LIGHTNING, THUNDER, frozen, replicas
from tests.support.serving import PHOTO, Served, serving

STEP_S = 2.0
LIMIT_S = 180.0


@pytest.fixture(scope="module")
def joined(
    door: Served, on_ray: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    """A server with settings of its own, where ``door`` has deployed the models by others."""
    folder = tmp_path_factory.mktemp("joined")
    own = {
        "JOINTTRACK_ENGINE": "tensorflow",
        "JOINTTRACK_RAY_MODELS": json.dumps({THUNDER: {"min_replicas": 1, "max_replicas": 1}}),
        "JOINTTRACK_RAY_STEP_S": str(STEP_S),
    }
    before = replicas(THUNDER)
    assert len(before) == 2
    with serving(folder, "--no-auth", "--data-dir", str(folder), **{**on_ray, **own}) as served:
        assert replicas(THUNDER) == before, "the models are used as they are"
        yield served


def test_what_a_server_asks_for_and_does_not_get_is_said(joined: Served) -> None:
    (line,) = [line for line in joined.logged if line["level"] != "INFO"]
    assert line["level"] == "WARNING"
    assert line["message"].endswith(
        ": engine is openvino, not tensorflow; "
        f"{THUNDER} has min_replicas 2, not 1; {THUNDER} has max_replicas 2, not 1"
    )


def test_a_step_that_takes_too_long_is_refused_as_overloaded(joined: Served) -> None:
    with JointTrackClient(joined.target, retries=0) as client, frozen(LIGHTNING):
        with pytest.raises(JointTrackError) as caught:
            client.detect(PHOTO, model=LIGHTNING, timeout_s=LIMIT_S)
        with PHOTO.open("rb") as photo:
            answer = requests.post(
                f"{joined.url}/jointtrack/v1/detect",
                files={"image": photo},
                data={"measurement": "knee_flexion", "model": LIGHTNING},
                timeout=LIMIT_S,
            )
    error = caught.value
    assert (error.reason, error.retry_after_s) == ("OVERLOADED", 1.0)
    assert f"none answered in {STEP_S:g} s" in str(error)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")


def test_a_token_that_cannot_be_read_is_named(cluster: str, tmp_path: Path) -> None:
    missing = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(tmp_path / "token")}
    done = run(*SERVE, "--ray-address", cluster, **missing)
    assert_refused(done, str(tmp_path / "token"), "RAY_AUTH_TOKEN")
