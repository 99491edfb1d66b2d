"""The README's first screen is the product, and what it shows is what a user gets."""

import re
import shutil
from pathlib import Path

from tests.support.docs import (
    ROOT,
    assert_prints_what_it_shows,
    blocks,
    here,
    run,
    run_python,
)
from tests.support.servers import RunningServer

README = "README.md"


def test_the_first_screen_shows_the_product() -> None:
    screen = "\n".join((ROOT / README).read_text().splitlines()[:24])
    assert "make run" in screen
    assert "make test" in screen
    pictures = re.findall(r'<img src="([^"]+)"', screen)
    assert pictures
    assert all((ROOT / picture).is_file() for picture in pictures)


def test_console_blocks_print_what_they_show(checkout: Path, server: RunningServer) -> None:
    (block,) = blocks(README, "console")
    assert_prints_what_it_shows(block, checkout, server)
    assert (checkout / "overlay.jpg").read_bytes().startswith(b"\xff\xd8\xff")


def test_the_python_block_runs(checkout: Path, server: RunningServer) -> None:
    (block,) = blocks(README, "python")
    printed = run_python(block, checkout, server)
    assert re.match(r"2\d\.\d+ 2\d\.\d+\nNone \(\) side left\n", printed), printed


def test_the_curl_line_is_answered(checkout: Path, server: RunningServer) -> None:
    (line,) = [
        line
        for block in blocks(README, "sh")
        for line in block.splitlines()
        if line.startswith("curl")
    ]
    done = run(here(line, server), checkout, server)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith('{"status":"ok","image":{"data":"data:image/jpeg;base64,')


def test_the_video_line_writes_what_it_names(checkout: Path, server: RunningServer) -> None:
    lines = [line for block in blocks(README, "sh") for line in block.splitlines()]
    (line,) = [line for line in lines if line.startswith("jointtrack video")]
    done = run(line.replace("walk.mp4", "tests/data/walk_side.mp4"), checkout, server)
    assert done.returncode == 0, done.stderr
    for name in ("out.mp4", "angles.csv", "summary.json", "angles.png"):
        assert (checkout / name).stat().st_size > 1000


def test_the_lines_for_the_file_print_what_they_say(checkout: Path, server: RunningServer) -> None:
    lines = [line for block in blocks(README, "sh") for line in block.splitlines()]
    report, fhir = (line for line in lines if " left.jpg " in line)
    for name, sample in (("front.jpg", "arms_out_front.jpg"), ("left.jpg", "walk_side.jpg")):
        shutil.copy(checkout / "tests" / "data" / sample, checkout / name)
    done = run(report, checkout, server)
    assert (done.returncode, done.stdout) == (0, "wrote report.html\n"), done.stderr
    assert "</html>" in (checkout / "report.html").read_text()
    assert run(fhir, checkout, server).stdout.startswith('{"resourceType": "Bundle"')


def test_links_lead_somewhere() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"
