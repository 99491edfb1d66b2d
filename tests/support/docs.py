"""Blocks of the docs, run as a reader would run them."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.support.servers import RunningServer

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
DEGREES = re.compile(r"-?\d+(\.\d+)?(?=°)")
MAX_OFF_DEG = 2
"""bf16 and f32 differ by about a degree."""


def blocks(page: str, language: str) -> list[str]:
    """The page's blocks in a language."""
    text = (ROOT / page).read_text()
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE)


def here(text: str, server: RunningServer) -> str:
    """The text with the test server's addresses in place of the default ones."""
    text = text.replace("http://localhost:8080", server.url)
    return text.replace("localhost:50051", server.target)


def run(command: str, cwd: Path, server: RunningServer) -> subprocess.CompletedProcess[str]:
    """Through a shell that has the key and the command on its path."""
    environment = {
        **os.environ,
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "JOINTTRACK_TARGET": server.target,
        "JOINTTRACK_API_KEY": server.api_key,
        "KEY": server.api_key,
        "COLUMNS": "80",
    }
    return subprocess.run(  # noqa: PLW1510  # callers check
        command, shell=True, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120
    )


def run_python(program: str, cwd: Path, server: RunningServer) -> str:
    """What it prints; ``KEY`` is the API key."""
    file = cwd / "program.py"
    file.write_text("import os\nKEY = os.environ['KEY']\n" + here(program, server))
    done = run(f"{sys.executable} -W error {file}", cwd, server)
    assert done.returncode == 0, done.stderr
    return done.stdout


def assert_shown(printed: str, shown: str) -> None:
    """The same text, and angles that are the same but for rounding."""
    assert DEGREES.sub("N", printed) == DEGREES.sub("N", shown)
    for found, promised in zip(DEGREES.finditer(printed), DEGREES.finditer(shown), strict=True):
        assert abs(float(found[0]) - float(promised[0])) <= MAX_OFF_DEG


def assert_prints_what_it_shows(block: str, cwd: Path, server: RunningServer) -> None:
    """A console block: the command after "$ ", and below it what it prints."""
    command, shown = block.removeprefix("$ ").split("\n", 1)
    done = run(command, cwd, server)
    assert done.returncode == 0, done.stderr
    assert_shown(done.stdout, shown)
