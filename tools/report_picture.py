"""The picture of a report in the docs: the sample pictures, the command, a browser's screenshot."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image

from jointtrack.cli.report.pdf import QUIET, find_browser

ROOT = Path(__file__).parents[1]
SAMPLES = {"front.jpg": "arms_out_front.jpg", "left.jpg": "walk_side.jpg"}
PAPER = ("--patient-name", "Jo Example", "--patient-id", "4711", "--clinician", "A. Sample")
WIDTH_PX, HEIGHT_PX, SCALE = 820, 1100, 1.5


def draw_report(picture: Path) -> None:
    """Writes ``picture``, a PNG."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        for name, sample in SAMPLES.items():
            shutil.copy(ROOT / "tests" / "data" / sample, Path(folder) / name)
        command = [str(Path(sys.executable).parent / "jointtrack"), "report", *SAMPLES, *PAPER]
        command += ["--taken-on", "2026-01-31", "-o", "report.html", "--local"]
        subprocess.run(command, cwd=folder, check=True)
        shot = Path(folder) / "report.png"
        browser = [find_browser(), *QUIET, "--hide-scrollbars", f"--user-data-dir={folder}/profile"]
        browser += [f"--force-device-scale-factor={SCALE}", f"--screenshot={shot}"]
        browser += [f"--window-size={WIDTH_PX},{HEIGHT_PX}"]
        if os.geteuid() == 0:
            browser.append("--no-sandbox")
        page = (Path(folder) / "report.html").as_uri()
        subprocess.run([*browser, page], check=True, capture_output=True)
        with Image.open(shot) as drawn:
            drawn.convert("RGB").save(picture, optimize=True)


if __name__ == "__main__":
    draw_report(ROOT / "docs" / "images" / "report.png")
