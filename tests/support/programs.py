"""The examples in other languages: built as their users build them, run as processes."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
NODE = EXAMPLES / "node"
JAVA = EXAMPLES / "java"
BUILD_TIMEOUT_S = 300
RUN_TIMEOUT_S = 180


@dataclass(frozen=True, slots=True)
class Printed:
    """What a program that has ended said."""

    exit_code: int
    lines: list[str]
    errors: list[str]


@dataclass(frozen=True, slots=True)
class Examples:
    """The programs of one language: one picture, and the frames of a video."""

    detect: tuple[str, ...]
    stream: tuple[str, ...]

    def run_detect(self, target: str, photo: Path, **environment: str) -> Printed:
        return _run_program(self.detect, target, [photo], environment)

    def run_stream(self, target: str, frames: list[Path], **environment: str) -> Printed:
        return _run_program(self.stream, target, frames, environment)


def node_examples(kind: str) -> Examples:
    programs = NODE / "dist" / kind
    detect, stream = (("node", str(programs / f"{name}.js")) for name in ("detect", "stream"))
    return Examples(detect, stream)


def java_examples() -> Examples:
    java = ("java", "-cp", (JAVA / "build/classpath").read_text().strip())
    return Examples((*java, "Detect"), (*java, "StreamDetect"))


def build_node() -> None:
    _need(Path(shutil.which("npm") or "npm"), "npm comes with Node.js: apt-get install nodejs npm")
    installed = NODE / "node_modules" / ".package-lock.json"
    lock = NODE / "package-lock.json"
    if not installed.exists() or installed.stat().st_mtime < lock.stat().st_mtime:
        _build("npm", "ci", "--no-audit", "--no-fund", cwd=NODE)
    _build("npm", "run", "build", cwd=NODE)


def build_java() -> None:
    packages = " ".join((JAVA / "packages.txt").read_text().split())
    advice = f"the Java examples need: apt-get install --no-install-recommends {packages}"
    _need(Path(shutil.which("javac") or "javac"), advice)
    _need(Path(shutil.which("grpc_java_plugin") or "grpc_java_plugin"), advice)
    _build("./build.sh", cwd=JAVA)


def _need(tool: Path, advice: str) -> None:
    """Skips the test where a tool is not installed, but not in CI."""
    if tool.exists():
        return
    message = f"{tool} was not found: {advice}"
    if os.environ.get("CI") == "true":
        pytest.fail(message)
    pytest.skip(message)


def _build(*command: str, cwd: Path) -> None:
    done = subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, timeout=BUILD_TIMEOUT_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def _run_program(
    command: tuple[str, ...], target: str, files: list[Path], environment: dict[str, str]
) -> Printed:
    clean = {key: value for key, value in os.environ.items() if not key.startswith("JOINTTRACK_")}
    done = subprocess.run(
        [*command, *map(str, files)],
        env=clean | {"JOINTTRACK_TARGET": target} | environment,
        capture_output=True,
        text=True,
        timeout=RUN_TIMEOUT_S,
        check=False,
    )
    return Printed(done.returncode, done.stdout.splitlines(), done.stderr.splitlines())
