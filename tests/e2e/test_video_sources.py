"""`jointtrack video` on every kind of source, with every option, and on what is none."""

import io
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from jointtrack.cli.app import app
from tests.support.clips import (
    SEEN,
    Pixels,
    decode,
    even_times,
    jpeg,
    turn_track,
    walk,
    walk_pictures,
    write_clip,
)
from tests.support.servers import DATA, RunningServer
from tests.support.video_command import KNEE, one_line, table, video

Run = Callable[..., Result]


@pytest.fixture
def run(server: RunningServer) -> Run:
    return lambda *arguments: video(server, *arguments)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A third of a second of the walk."""
    return write_clip(tmp_path / "clip.mp4", walk_pictures(10), even_times(10))


def test_variable_frame_rate_is_kept(run: Run, tmp_path: Path) -> None:
    times_s = [0.0, 0.033, 0.1, 0.25, 0.283, 0.6]
    source = write_clip(tmp_path / "vfr.mp4", walk_pictures(6), times_s)
    assert run(source, *KNEE, "-o", tmp_path / "out.mp4").exit_code == 0
    assert decode(tmp_path / "out.mp4").times_s == pytest.approx(times_s, abs=1e-4)


def test_a_rotated_clip_comes_out_upright(run: Run, tmp_path: Path) -> None:
    lying = [np.ascontiguousarray(np.rot90(picture)) for picture in walk_pictures(4)]
    source = write_clip(tmp_path / "turned.mp4", lying, even_times(4))
    turn_track(source)
    outputs = ("-o", tmp_path / "out.mp4", "--csv", tmp_path / "out.csv")
    assert run(source, *KNEE, *outputs).exit_code == 0
    video = decode(tmp_path / "out.mp4")
    assert video.frames[0].shape == walk().frames[0].shape
    grass = np.abs(video.frames[0][450:].astype(int) - walk().frames[SEEN][450:]).mean()
    assert grass < 25
    assert all(row["value_deg"] for row in table(tmp_path / "out.csv"))


def test_a_folder_of_frames_with_a_broken_one(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for number, picture in enumerate(walk_pictures(6)):
        data = jpeg(picture)
        (folder / f"frame{number}.jpg").write_bytes(data[:2000] if number == 2 else data)
    outputs = ("-o", tmp_path / "out.mp4", "--csv", tmp_path / "out.csv")
    result = run(folder, *KNEE, "--fps", "10", *outputs)
    assert result.exit_code == 0
    assert "6 frames, 1 bad" in result.output
    assert decode(tmp_path / "out.mp4").times_s == pytest.approx([0, 0.1, 0.3, 0.4, 0.5], abs=1e-4)
    bad = [row for row in table(tmp_path / "out.csv") if row["frame"] == "2"]
    assert [(row["value_deg"], row["missing_reason"]) for row in bad] == [("", "invalid_image")] * 2


def test_options_reach_the_server(run: Run, clip: Path, tmp_path: Path) -> None:
    options = ["--side", "left", "--model", "movenet-lightning", "--search", "whole_picture"]
    options += ["--smoothing", "off", "--facing", "left", "--mirrored", "--jpeg"]
    outputs = ("--csv", tmp_path / "out.csv", "--json", tmp_path / "out.json")
    assert run(clip, *KNEE, *options, *outputs).exit_code == 0
    rows = table(tmp_path / "out.csv")
    assert {row["side"] for row in rows} == {"left"}
    assert {row["raw_deg"] for row in rows if row["value_deg"]} <= {""}
    assert json.loads((tmp_path / "out.json").read_text())["model"]["name"] == "movenet-lightning"


def test_nobody_in_the_video(run: Run, tmp_path: Path) -> None:
    grey: list[Pixels] = [np.full((120, 160, 3), 128, np.uint8)] * 3
    source = write_clip(tmp_path / "grey.mp4", grey, even_times(3))
    outputs = ("-o", tmp_path / "out.mp4", "--plot", tmp_path / "out.png")
    result = run(source, *KNEE, *outputs, "--trc", tmp_path / "out.trc")
    assert result.exit_code == 0
    assert "nobody was found" in result.stderr
    assert len(decode(tmp_path / "out.mp4").frames) == 3
    with Image.open(tmp_path / "out.png") as image:
        assert image.format == "PNG"


def test_several_people_have_ids_of_their_own(run: Run, tmp_path: Path) -> None:
    with Image.open(DATA / "two_people.jpg") as image:
        picture = np.asarray(image.convert("RGB"))
    source = write_clip(tmp_path / "two.mp4", [picture] * 6, even_times(6))
    outputs = ("-o", tmp_path / "out.mp4", "--csv", tmp_path / "out.csv")
    plot = ("--plot", tmp_path / "out.png")
    result = run(source, "-m", "shoulder_abduction", "--max-people", "2", *outputs, *plot)
    assert result.exit_code == 0
    rows = table(tmp_path / "out.csv")
    assert Counter(row["track_id"] for row in rows) == {"1": 12, "2": 12}
    assert len(decode(tmp_path / "out.mp4").frames) == 6
    with Image.open(tmp_path / "out.png") as image:
        assert image.height > 900, "two panels"


def test_bad_sources_are_told_in_one_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("not a video")
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "folder").mkdir()
    out = tmp_path / "out.csv"
    for name, said in (
        ("none.mp4", "No such file"),
        ("text.mp4", "text.mp4"),
        ("empty.mp4", "empty.mp4"),
        ("folder", "add --fps"),
    ):
        line = one_line(run(tmp_path / name, *KNEE, "--csv", out))
        assert said in line
        assert name in line
    assert "no pictures" in one_line(run(tmp_path / "folder", *KNEE, "--fps", "9", "--csv", out))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty.mp4", "folder", "text.mp4"]


def test_bad_outputs_are_told_before_any_work(run: Run, clip: Path, tmp_path: Path) -> None:
    assert "there is no folder" in one_line(run(clip, *KNEE, "-o", tmp_path / "no" / "out.mp4"))
    assert "nothing to write" in one_line(run(clip, *KNEE))


def test_a_failed_run_leaves_the_old_output(run: Run, clip: Path, tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("old")
    line = one_line(run(clip, *KNEE, "--model", "none", "--csv", tmp_path / "out.csv"))
    assert "UNKNOWN_MODEL" in line
    assert (tmp_path / "out.csv").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clip.mp4", "out.csv"]


def test_without_a_server_the_line_says_so(clip: Path, tmp_path: Path) -> None:
    arguments = ["video", str(clip), *KNEE, "--csv", str(tmp_path / "out.csv")]
    result = CliRunner().invoke(app, [*arguments, "--target=localhost:1", "--timeout=0.2"])
    assert "Cannot reach localhost:1" in one_line(result)


@pytest.mark.parametrize("given", ["2", "-0.1", "some"])
def test_smoothing_is_off_default_or_a_strength(run: Run, clip: Path, given: str) -> None:
    result = run(clip, *KNEE, f"--smoothing={given}", "--csv", "out.csv")
    assert result.exit_code == 2
    assert "--smoothing" in result.stderr


@pytest.mark.parametrize("module", ["av", "matplotlib", "cv2"])
def test_without_the_extra_the_line_says_what_to_install(module: str, tmp_path: Path) -> None:
    code = (
        f"import sys; sys.modules[{module!r}] = None; "
        f"sys.argv = ['jointtrack', 'video', 'a.mp4', '-m', 'splits', '--csv', 'a.csv']; "
        "import jointtrack.__main__ as command; command.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 1
    (line,) = done.stderr.strip().splitlines()
    assert line.endswith("pip install 'jointtrack[report]'")


def test_progress_goes_to_a_terminal_only(run: Run, clip: Path, tmp_path: Path) -> None:
    result = run(clip, *KNEE, "--csv", tmp_path / "a.csv")
    assert result.stderr == ""
    assert "measuring" not in result.stdout


def test_the_input_stays_as_it_was(run: Run, clip: Path) -> None:
    before = clip.read_bytes()
    assert "is the source" in one_line(run(clip, *KNEE, "-o", clip))
    assert clip.read_bytes() == before
    with av.open(io.BytesIO(before)) as container:
        assert container.streams.video
