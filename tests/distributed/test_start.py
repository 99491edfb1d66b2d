"""`jointtrack serve --backend ray` with a cluster of its own, and what keeps it from starting."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import psutil

from jointtrack import JointTrackClient
from tests.distributed.conftest import SERVE
from tests.support.command import ENVIRONMENT, assert_refused, run
from tests.support.replicas import THUNDER
from tests.support.serving import PHOTO, serving

WITHOUT_RAY = """
import sys
sys.modules["ray"] = None
sys.argv[0] = "jointtrack"
import jointtrack.__main__ as command
command.main()
"""
STOP_S = 60.0
STRANGER = "import sys, ray; ray.init(sys.argv[1], log_to_driver=False)"


def assert_keeps_strangers_out(parts: list[psutil.Process]) -> None:
    """Ray listens on every interface of the machine."""
    words = [word for part in parts for word in part.cmdline()]
    (address,) = {word.partition("=")[2] for word in words if word.startswith("--gcs-address=")}
    done = subprocess.run(
        [sys.executable, "-c", STRANGER, address],
        env={**ENVIRONMENT, "RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "another"},
        capture_output=True,
        text=True,
        timeout=STOP_S,
        check=False,
    )
    assert done.returncode == 1
    assert "AuthenticationError" in done.stderr


def test_a_server_starts_a_cluster_for_itself_and_ends_it(tmp_path: Path) -> None:
    with serving(tmp_path, "--backend", "ray", "--no-auth", "--data-dir", str(tmp_path)) as served:
        with JointTrackClient(served.target) as client:
            assert client.detect(PHOTO).people
        parts = psutil.Process(served.process.pid).children(recursive=True)
        assert {part.nice() for part in parts} == {psutil.Process().nice()}, "none gives way"
        assert_keeps_strangers_out(parts)
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(STOP_S) == 0
        _, left = psutil.wait_procs(parts, timeout=STOP_S)
        assert not left
        assert [line["message"] for line in served.logged if line["level"] != "INFO"] == []
        assert [line["logger"] for line in served.logged if line["logger"].startswith("ray")] == []


def test_a_cluster_that_is_not_there_is_named() -> None:
    done = run(*SERVE, "--ray-address", "127.0.0.1:1")
    assert_refused(done, "127.0.0.1:1", "ray start", "--ray-address", "RAY_AUTH_TOKEN")


def test_several_processes_need_a_cluster_that_is_there() -> None:
    assert_refused(run(*SERVE, "--processes", "2"), "--ray-address auto", "--processes")


def test_a_model_that_there_is_not_is_named() -> None:
    done = run(*SERVE, JOINTTRACK_RAY_MODELS=json.dumps({"movenet-thnder": {}}))
    assert_refused(done, "movenet-thnder", THUNDER)


def test_without_the_extra_the_server_says_what_to_install() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_RAY, *SERVE],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=STOP_S,
        check=False,
    )
    assert_refused(done, "The package ray is missing", "pip install 'jointtrack[ray]'")
