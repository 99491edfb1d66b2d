"""The client from the wheel alone: a fresh environment, its tests, and nothing heavy in it."""

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
NEED_EXTRAS = {"test_cli.py", "test_numpy_images.py", "test_video_files.py"}
PYTEST_INI = """[pytest]
addopts = -ra --strict-markers --import-mode=importlib -p no:cacheprovider
filterwarnings = error
asyncio_mode = auto
asyncio_default_fixture_loop_scope = function
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    _run([sys.executable, "-m", "build", "--wheel", "--outdir", str(folder), str(ROOT)], ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment with the wheel, its dependencies and pytest."""
    folder = tmp_path_factory.mktemp("env")
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    packages = [str(wheel), "pytest", "pytest-asyncio"]
    _run([str(python), "-m", "pip", "install", "--quiet", *packages], folder)
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
        "print([name for name in ('numpy', 'cv2', 'av', 'openvino', 'tensorflow', 'fastapi', "
        "'typer', 'rich') if util.find_spec(name)])"
    )
    assert _run([str(python), "-c", code], tmp_path).strip() == "[]"


def test_client_tests_pass_on_the_wheel_alone(python: Path, tmp_path: Path) -> None:
    tests = tmp_path / "client"
    shutil.copytree(
        ROOT / "tests" / "client", tests, ignore=lambda *_: NEED_EXTRAS | {"__pycache__"}
    )
    (tmp_path / "pytest.ini").write_text(PYTEST_INI)
    output = _run([str(python), "-m", "pytest", "-q", str(tests)], tmp_path)
    assert " passed" in output
    assert "skipped" not in output
