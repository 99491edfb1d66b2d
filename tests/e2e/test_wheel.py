"""The client from the wheel alone, at both ends of its dependencies: tests, and a real call."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.servers import DATA, RunningServer

ROOT = Path(__file__).resolve().parents[2]
QUICK_TESTS = (
    "conftest.py",
    "test_admin.py",
    "test_calls.py",
    "test_connection.py",
    "test_errors.py",
    "test_images.py",
    "test_life.py",
    "test_names.py",
    "test_public_api.py",
    "test_stream.py",
    "test_summary.py",
    "test_wrong_arguments.py",
)
"""Need nothing but the client and a fake server; the other tests run in the project's own venv."""
PYTEST_INI = """[pytest]
addopts = -ra --strict-markers --import-mode=importlib -p no:cacheprovider
filterwarnings = error
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
"""
REAL_CALL = """
import asyncio, sys
from jointtrack import AsyncJointTrackClient, JointTrackClient

target, key, picture = sys.argv[1:]
with JointTrackClient(target, api_key=key) as client:
    assert client.server_info().models
    result = client.detect(picture, "knee_flexion", include_overlays=True)
    assert result.person.angle("knee_flexion").overlay, result
    last = list(client.stream([picture] * 3, "knee_flexion", fps=30.0))[-1]
    assert last.summary and last.summary.frame_count == 3, last

async def main():
    async with AsyncJointTrackClient(target, api_key=key) as client:
        await client.wait_ready()
        assert (await client.detect(picture)).people
        assert [answer.kind async for answer in client.stream([picture] * 2)][0] == "detection"

asyncio.run(main())
print("answered")
"""


class End(NamedTuple):
    """One end of the ranges: the Python, and what to hold the dependencies to."""

    python: str
    pins: tuple[str, ...]
    expected: dict[str, str]


def _newest_other_python() -> str | None:
    """The newest Python beside this one, on the path or of pyenv."""
    for minor in range(14, sys.version_info.minor, -1):
        versions = (Path.home() / ".pyenv" / "versions").glob(f"3.{minor}.*/bin/python")
        for python in filter(None, (shutil.which(f"python3.{minor}"), *map(str, versions))):
            works = subprocess.run([python, "-c", "import ssl"], check=False, capture_output=True)
            if works.returncode == 0:
                return python
    return None


ENDS = {
    "oldest": End(
        sys.executable,
        ("grpcio==1.62.*", "protobuf==4.25.*", "googleapis-common-protos==1.62.*"),
        {"grpcio": "1.62.", "protobuf": "4.25."},
    ),
    "newest": End(_newest_other_python() or sys.executable, ("protobuf>=7",), {"protobuf": "7."}),
}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    _run([sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT)], ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module", params=ENDS)
def python(
    request: pytest.FixtureRequest, wheel: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The Python of an environment with the wheel, its dependencies at one end, and pytest."""
    end = ENDS[request.param]
    folder = tmp_path_factory.mktemp(request.param)
    _run([end.python, "-m", "venv", "--without-pip", str(folder)], folder)
    python = folder / "bin" / "python"
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]
    tools = ("pytest", "pytest-asyncio")
    _run([*pip, "install", "--quiet", str(wheel), *end.pins, *tools], folder)
    for package, version in end.expected.items():
        code = f"from importlib.metadata import version; print(version({package!r}))"
        assert _run([str(python), "-c", code], folder).startswith(version)
    return python


def _run(command: list[str], cwd: Path) -> str:
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_has_what_the_client_reads(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {
        "jointtrack/py.typed",
        "jointtrack/service_config.json",
        "jointtrack/v1/jointtrack_service_pb2.pyi",
    } <= names


def test_the_client_brings_nothing_heavy(python: Path, tmp_path: Path) -> None:
    code = (
        "import importlib.util as util; "
        "print([name for name in ('numpy', 'cv2', 'av', 'pandas', 'openvino', 'tensorflow', "
        "'fastapi', 'typer', 'rich') if util.find_spec(name)])"
    )
    assert _run([str(python), "-c", code], tmp_path).strip() == "[]"


def test_client_tests_pass_on_the_wheel_alone(python: Path, tmp_path: Path) -> None:
    tests = tmp_path / "client"
    tests.mkdir()
    for name in QUICK_TESTS:
        shutil.copy(ROOT / "tests" / "client" / name, tests)
    (tmp_path / "pytest.ini").write_text(PYTEST_INI)
    output = _run([str(python), "-m", "pytest", "-q", str(tests)], tmp_path)
    assert " passed" in output
    assert "skipped" not in output


def test_the_wheel_alone_talks_to_a_real_server(
    python: Path, server: RunningServer, tmp_path: Path
) -> None:
    picture = str(DATA / "walk_side.jpg")
    command = [str(python), "-W", "error", "-c", REAL_CALL, server.target, server.api_key, picture]
    assert _run(command, tmp_path) == "answered\n"
