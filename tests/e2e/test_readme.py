"""The README's first screen is the product, and what it shows is what a user gets."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.servers import RunningServer

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BIN = Path(sys.executable).parent
DEGREES = re.compile(r"\d+(?=°)")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def here(text: str, server: RunningServer) -> str:
    """The text with the test server's addresses in place of the default ones."""
    text = text.replace("http://localhost:8080", server.url)
    return text.replace("localhost:50051", server.target)


def run(command: str, cwd: Path, server: RunningServer) -> subprocess.CompletedProcess[str]:
    environment = {
        **os.environ,
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "JOINTTRACK_TARGET": server.target,
        "JOINTTRACK_API_KEY": server.api_key,
        "KEY": server.api_key,
        "COLUMNS": "80",
    }
    return subprocess.run(  # noqa: PLW1510  # callers check
        command, shell=True, cwd=cwd, env=environment, capture_output=True, text=True, timeout=60
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A folder with the samples, as the README's commands see them from the project's root."""
    shutil.copytree(ROOT / "tests" / "data", tmp_path / "tests" / "data")
    return tmp_path


def test_the_first_screen_shows_the_product() -> None:
    screen = "\n".join(README.splitlines()[:24])
    assert "make run" in screen
    assert "make test" in screen
    pictures = re.findall(r'<img src="([^"]+)"', screen)
    assert pictures
    assert all((ROOT / picture).is_file() for picture in pictures)


def test_console_blocks_print_what_they_show(checkout: Path, server: RunningServer) -> None:
    (block,) = blocks("console")
    command, shown = block.removeprefix("$ ").split("\n", 1)
    done = run(command, checkout, server)
    assert done.returncode == 0, done.stderr
    assert DEGREES.sub("N", done.stdout) == DEGREES.sub("N", shown)
    for found, promised in zip(DEGREES.findall(done.stdout), DEGREES.findall(shown), strict=True):
        # bf16 and f32 differ by about a degree.
        assert abs(int(found) - int(promised)) <= 2
    assert (checkout / "overlay.jpg").read_bytes().startswith(b"\xff\xd8\xff")


def test_the_python_block_runs(checkout: Path, server: RunningServer) -> None:
    (block,) = blocks("python")
    program = checkout / "readme.py"
    program.write_text("import os\nKEY = os.environ['KEY']\n" + here(block, server))
    done = run(f"{sys.executable} -W error {program}", checkout, server)
    assert done.returncode == 0, done.stderr
    assert re.match(r"2\d\.\d+ 2\d\.\d+\nNone \(\) side left\n", done.stdout), done.stdout


def test_the_curl_line_is_answered(checkout: Path, server: RunningServer) -> None:
    (line,) = [
        line for block in blocks("sh") for line in block.splitlines() if line.startswith("curl")
    ]
    done = run(here(line, server), checkout, server)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith('{"status":"ok","image":{"data":"data:image/jpeg;base64,')


def test_the_video_line_writes_what_it_names(checkout: Path, server: RunningServer) -> None:
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    (line,) = [line for line in lines if line.startswith("jointtrack video")]
    done = run(line.replace("walk.mp4", "tests/data/walk_side.mp4"), checkout, server)
    assert done.returncode == 0, done.stderr
    for name in ("out.mp4", "angles.csv", "summary.json", "angles.png"):
        assert (checkout / name).stat().st_size > 1000


def test_links_lead_somewhere() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
