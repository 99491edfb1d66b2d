"""The commands that docs/grpc-api.md shows, run with the tool itself."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from google.protobuf import json_format

from jointtrack.v1 import image_pb2, measurement_pb2
from jointtrack.v1 import jointtrack_service_pb2 as service_pb2
from jointtrack.v1.jointtrack_service_pb2_grpc import JointTrackServiceStub
from jointtrack_server.grpc_api.server import ADMIN_SERVICE_NAME, SERVICE_NAME
from tests.support.servers import DATA, RunningServer

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
PAGE = (ROOT / "docs" / "grpc-api.md").read_text()


class Commands:
    """The page's commands and what each printed, by the end of its address or its option."""

    def __init__(self, server: RunningServer, folder: Path) -> None:
        (block,) = re.findall(r"```sh\n(.*?)```", PAGE, flags=re.DOTALL)
        (folder / "tests").symlink_to(DATA.parent)
        self._folder = folder
        self._script = [_kept(line) for line in block.splitlines()]
        environment = os.environ | {
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "JOINTTRACK_API_KEY": server.api_key,
        }
        done = subprocess.run(
            ["sh", "-ec", "\n".join(self._script).replace("localhost:50051", server.target)],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def printed(self, name: str) -> str:
        return (self._folder / name).read_text()


def _kept(line: str) -> str:
    """The command with its output in a file."""
    if not line.startswith("buf"):
        return line
    listing = re.search(r"--list-\w+", line)
    return f"{line} > ./{listing[0] if listing else line.rpartition('/')[2]}"


@pytest.fixture(scope="module")
def commands(server: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Commands:
    assert (BIN / "buf").exists(), "The test needs buf: pip install buf-bin"
    return Commands(server, tmp_path_factory.mktemp("tools"))


def test_services_and_methods_are_listed(commands: Commands) -> None:
    services = commands.printed("--list-services").split()
    assert {SERVICE_NAME, ADMIN_SERVICE_NAME, "grpc.health.v1.Health"} <= set(services)
    methods = commands.printed("--list-methods").split()
    assert {f"{SERVICE_NAME}/Detect", f"{SERVICE_NAME}/StreamDetect"} <= set(methods)


def test_health_is_told(commands: Commands) -> None:
    assert json.loads(commands.printed("Check")) == {"status": "SERVING"}


def test_a_picture_is_answered(
    commands: Commands, stub: JointTrackServiceStub, server: RunningServer, photo: bytes
) -> None:
    answer = json_format.Parse(commands.printed("Detect"), service_pb2.DetectResponse())
    options = service_pb2.DetectOptions(
        measurements=[measurement_pb2.MEASUREMENT_TYPE_SHOULDER_ABDUCTION]
    )
    request = service_pb2.DetectRequest(image=image_pb2.Image(encoded=photo), options=options)
    expected = stub.Detect(request, metadata=server.metadata)
    assert _angles(answer) == pytest.approx(_angles(expected), abs=0.1)


def _angles(answer: service_pb2.DetectResponse) -> list[float]:
    (person,) = answer.detection.people
    (measured,) = person.measurements
    return [measured.left.value_deg, measured.right.value_deg]


def test_a_frame_is_answered(commands: Commands) -> None:
    answer = json_format.Parse(commands.printed("StreamDetect"), service_pb2.StreamDetectResponse())
    assert answer.sequence_id == 1
    assert len(answer.detection.people) == 1


def test_both_kinds_of_reflection_serve(server: RunningServer) -> None:
    for version in ("grpc-v1", "grpc-v1alpha"):
        done = subprocess.run(
            f"{BIN}/buf curl --protocol grpc --list-services --reflect-protocol {version} http://{server.target}",
            shell=True,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert SERVICE_NAME in done.stdout.split(), done.stderr
