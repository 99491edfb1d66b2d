"""``jointtrack report`` as a user starts it, and what is on the paper."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from xml.etree.ElementTree import Element

import html5lib
import pytest
from pypdf import PdfReader
from typer.testing import CliRunner, Result

from jointtrack import JointTrackClient
from jointtrack.cli.app import app
from tests.support.command import run_here
from tests.support.servers import DATA, RunningServer

Report = Callable[..., Result]
DEGREES = re.compile(r"−?\d+°")


@pytest.fixture
def report(server: RunningServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Report:
    """Runs the command in a folder with front.jpg and left.jpg."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(DATA / "arms_out_front.jpg", "front.jpg")
    shutil.copy(DATA / "walk_side.jpg", "left.jpg")

    def make(*arguments: str) -> Result:
        connection = ("--target", server.target, "--api-key", server.api_key)
        return CliRunner().invoke(app, ["report", *arguments, *connection], catch_exceptions=False)

    return make


def page_of(path: str) -> Element:
    """The page, which must be HTML without an error."""
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    page: Element = parser.parse(Path(path).read_text("utf-8"))
    return page


def text_of(element: Element | None) -> str:
    assert element is not None
    return " ".join("".join(element.itertext()).split())


def rows(page: Element) -> dict[str, list[str]]:
    """The cells of each row of the table, by the measurement's title."""
    found = {}
    for row in page.findall(".//tbody/tr"):
        heading = row.find("th")
        assert heading is not None
        found[(heading.text or "").strip()] = [text_of(cell) for cell in row.findall("td")]
    return found


def test_a_front_and_a_side_picture_make_a_report(report: Report) -> None:
    done = report("front.jpg", "left.jpg", "-o", "report.html", "--patient-name", "Jo Example")
    assert (done.exit_code, done.stdout) == (0, "wrote report.html\n")
    page = page_of("report.html")
    assert page.get("lang") == "en"
    assert text_of(page.find(".//title")) == "Joint angle report – Jo Example"
    shown = rows(page)
    assert set(shown) == {
        "Shoulder Abduction",
        "Back Side Flexion",
        "Neck Lateral Flexion",
        "Shoulder Forward Flexion",
        "Lumbar Extension",
        "Knee Flexion",
    }
    drawings = page.findall(".//figure/{http://www.w3.org/2000/svg}svg") or page.findall(
        ".//figure/svg"
    )
    assert len(drawings) == 6
    assert all(DEGREES.search(drawing.get("aria-label") or "") for drawing in drawings)
    assert "Several people are in the picture" in text_of(page)
    assert "This is not a diagnosis." in text_of(page.find(".//footer"))
    assert Path("report.html").read_text().count("data:image/jpeg;base64,/9j/") == 6


def test_it_says_what_the_server_measured_and_what_is_normal(
    report: Report, server: RunningServer
) -> None:
    assert report("left.jpg:knee_flexion,squats_hip_side", "-o", "report.html").exit_code == 0
    with JointTrackClient(server.target, api_key=server.api_key) as client:
        person = client.detect("left.jpg", ["knee_flexion"]).person
    knee = person.angle("knee_flexion")
    assert knee.left is not None
    assert knee.right is not None
    left, right, normal, said = rows(page_of("report.html"))["Knee Flexion"]
    assert left == f"{knee.left:.0f}°"
    assert right == f"{knee.right:.0f}°"
    assert "0° to 140° · 38 CFR 4.71, plate II" in normal
    assert "Both sides: within the reference range." in said
    assert "below the reference range" in rows(page_of("report.html"))["Squats Hip (side view)"][3]


def test_measurements_are_those_of_each_picture(report: Report) -> None:
    pictures = ("front.jpg:squats_knee_front,squats_hip_front", "left.jpg")
    assert report(*pictures, "-m", "knee_flexion", "-o", "report.html").exit_code == 0
    assert list(rows(page_of("report.html"))) == [
        "Squats Knee (front view)",
        "Squats Hip (front view)",
        "Knee Flexion",
    ]


def test_what_cannot_be_measured_says_why_and_what_to_do(report: Report) -> None:
    assert report("left.jpg:neck_lateral_flexion", "-o", "report.html").exit_code == 0
    value, normal, said = rows(page_of("report.html"))["Neck Lateral Flexion"]
    assert value == "–"
    assert normal.startswith("0° to 45° · 38 CFR")
    assert said.startswith("Not measurable. The limb points at the camera.")
    assert "It needs a picture taken from the front or from behind." in said


def test_the_page_asks_for_nothing_and_runs_nothing(report: Report) -> None:
    name = "<img src=x onerror=alert(1)>.jpg"
    shutil.copy("front.jpg", name)
    hostile = '"><script src="https://example.com/x.js"></script>'
    options = ("--patient-name", hostile, "--note", hostile, "--title", hostile)
    assert report(name, "-o", "report.html", *options).exit_code == 0
    page = page_of("report.html")
    policy = page.find(".//meta[@http-equiv='Content-Security-Policy']")
    assert policy is not None
    assert "default-src 'none'" in (policy.get("content") or "")
    names = {str(element.tag).rpartition("}")[2] for element in page.iter()}
    assert not names & {"script", "link", "img", "iframe", "object", "base", "form"}
    for element in page.iter():
        for attribute, value in element.attrib.items():
            if str(attribute).endswith(("href", "src")):
                assert value.startswith("data:image/jpeg;base64,")
    styles = " ".join(text_of(style) for style in page.iter("style"))
    assert "url(" not in styles
    assert "@import" not in styles
    assert name in text_of(page)


@pytest.mark.parametrize("picture", ["none.jpg", "empty.jpg", "nobody.jpg"])
def test_without_all_pictures_there_is_no_report(report: Report, picture: str) -> None:
    import numpy as np
    from PIL import Image

    Path("empty.jpg").touch()
    Image.fromarray(np.full((200, 200, 3), 90, np.uint8)).save("nobody.jpg")
    Path("report.html").write_text("an earlier report")
    done = report("front.jpg", picture, "-o", "report.html")
    assert (done.exit_code, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"jointtrack: {picture}: ")
    assert Path("report.html").read_text() == "an earlier report"
    assert not list(Path().glob(".jointtrack*"))


@pytest.mark.parametrize("paper", ["A4", "Letter"])
def test_front_and_side_fit_on_one_page(report: Report, paper: str) -> None:
    assert shutil.which("chromium"), "This test needs Chromium: apt-get install chromium"
    options = ("--patient-name", "Jo Example", "--patient-id", "4711", "--clinician", "A. Sample")
    done = report("front.jpg", "left.jpg", "-o", "report.pdf", "--paper", paper, *options)
    assert done.exit_code == 0, done.stderr
    pages = PdfReader("report.pdf").pages
    assert len(pages) == 1
    height_in = float(pages[0].mediabox.height) / 72
    assert height_in == pytest.approx(11.69 if paper == "A4" else 11.0, abs=0.02)
    text = " ".join(pages[0].extract_text().split())
    for part in ("Jo Example", "Knee Flexion", "38 CFR 4.71, plate II", "not a diagnosis"):
        assert part in text


def test_it_needs_no_server_with_local(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("JOINTTRACK_TARGET", raising=False)
    out = tmp_path / "report.html"
    done = run_here("report", str(DATA / "walk_side.jpg"), "-o", str(out), "--local")
    assert done.returncode == 0, done.stderr
    assert "Knee Flexion" in rows(page_of(str(out)))
