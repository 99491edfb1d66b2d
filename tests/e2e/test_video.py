"""`jointtrack video` on real clips against the real server."""

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from jointtrack.cli.app import app
from jointtrack_server.imaging import palette
from tests.support.clips import (
    SEEN,
    WALK,
    Pixels,
    decode,
    even_times,
    jpeg,
    turn_track,
    walk,
    walk_pictures,
    write_clip,
)
from tests.support.servers import RunningServer

KNEE = ("-m", "knee_flexion")
Run = Callable[..., Result]
Rows = list[dict[str, str]]


def invoke(server: RunningServer, *arguments: str | Path, stdin: bytes = b"") -> Result:
    options = ["--target", server.target, "--api-key", server.api_key]
    return CliRunner(env={"COLUMNS": "200"}).invoke(
        app, ["video", *map(str, arguments), *options], input=stdin, catch_exceptions=False
    )


@pytest.fixture
def run(server: RunningServer) -> Run:
    return lambda *arguments, **options: invoke(server, *arguments, **options)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A third of a second of the walk."""
    return write_clip(tmp_path / "clip.mp4", walk_pictures(10), even_times(10))


def table(path: Path) -> Rows:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@dataclass(frozen=True)
class Report:
    """All that one run over the whole walk has written."""

    folder: Path
    printed: str

    @property
    def rows(self) -> Rows:
        return table(self.folder / "a.csv")

    @property
    def summary(self) -> dict[str, object]:
        summary: dict[str, object] = json.loads((self.folder / "a.json").read_text())
        return summary


@pytest.fixture(scope="module")
def report(server: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Report:
    folder = tmp_path_factory.mktemp("report")
    outputs = [("-o", "a.mp4"), ("--csv", "a.csv"), ("--json", "a.json"), ("--plot", "a.png")]
    outputs += [("--trc", "a.trc"), ("--mot", "a.mot")]
    paths = [part for option, name in outputs for part in (option, folder / name)]
    result = invoke(server, WALK, "-m", "knee_flexion,hip_side", *paths)
    assert result.exit_code == 0, result.output
    return Report(folder, result.output)


def test_the_video_has_every_frame_at_its_time(report: Report) -> None:
    annotated = decode(report.folder / "a.mp4")
    assert annotated.times_s == pytest.approx(walk().times_s, abs=1 / 90_000)
    for got, before in zip(annotated.frames, walk().frames, strict=True):
        assert got.shape == before.shape


def test_the_video_shows_the_figure_and_the_trace_once_somebody_is_there(report: Report) -> None:
    annotated = decode(report.folder / "a.mp4")
    empty, seen = (np.abs(annotated.frames[at].astype(int) - walk().frames[at]) for at in (0, 60))
    assert (empty.max(axis=2) > 60).mean() < 0.01
    assert (seen.max(axis=2) > 60).mean() > 0.05
    near_accent = np.abs(annotated.frames[60].astype(int) - palette.ACCENT).sum(axis=2) < 60
    assert near_accent[300:500, 550:850].sum() > 50, "arcs on the legs"
    assert near_accent[:250, :300].sum() > 50, "the trace in the corner"


def test_the_csv_has_a_row_for_each_frame_measurement_and_side(report: Report) -> None:
    rows = report.rows
    assert list(rows[0]) == [
        "time_s",
        "frame",
        "track_id",
        "measurement",
        "side",
        "value_deg",
        "raw_deg",
        "confidence",
        "missing_reason",
    ]
    assert set(Counter(row["frame"] for row in rows).values()) == {4}
    assert [int(row["frame"]) for row in rows[::4]] == list(range(132))
    times = [float(row["time_s"]) for row in rows[::4]]
    assert times == pytest.approx(walk().times_s, abs=1e-6)


def test_missing_cells_are_empty_and_say_why(report: Report) -> None:
    assert report.rows[0]["missing_reason"] == "person_not_found"
    for row in report.rows:
        has_value = row["value_deg"] != ""
        assert (row["missing_reason"] == "") is has_value
        assert (row["confidence"] != "") is has_value
        assert (row["raw_deg"] != "") is has_value
    measured = [row for row in report.rows if row["value_deg"]]
    assert len(measured) > 300
    assert any(row["value_deg"] != row["raw_deg"] for row in measured)


def test_the_summary_names_file_model_and_settings(report: Report) -> None:
    summary = report.summary
    assert summary["file"] == str(WALK)
    assert summary["frame_count"] == 132
    assert summary["bad_frame_count"] == 0
    assert summary["ended_early"] is None
    assert summary["model"]["name"] == "movenet-thunder"  # type: ignore[index]
    assert summary["settings"]["measurements"] == ["knee_flexion", "hip_side"]  # type: ignore[index]
    walker = max(summary["people"], key=lambda one: one["frame_count"])  # type: ignore[call-overload]
    knee = walker["measurements"][0]["sides"]["left"]
    values = [
        float(row["value_deg"])
        for row in report.rows
        if row["value_deg"]
        and (row["track_id"], row["measurement"], row["side"])
        == (walker["track_id"], "knee_flexion", "left")
    ]
    assert min(values) - 0.01 <= knee["minimum"]["value_deg"]
    assert knee["maximum"]["value_deg"] <= max(values) + 0.01
    assert knee["range_deg"] > 40
    assert len(knee["repetitions"]) >= 2


def test_the_plot_has_both_sides_and_the_normal_range(report: Report) -> None:
    with Image.open(report.folder / "a.png") as image:
        assert image.format == "PNG"
        pixels = np.asarray(image.convert("RGB")).astype(int)
    for colour in palette.SIDES_ON_WHITE.values():
        assert (np.abs(pixels - colour).sum(axis=2) < 10).sum() > 1000
    shaded = np.abs(pixels - (0xE8, 0xEE, 0xE6)).sum(axis=2) < 6
    assert shaded.mean() > 0.1


def test_trc_markers_are_pixels_with_y_up(report: Report) -> None:
    lines = (report.folder / "a.trc").read_text().split("\n")
    assert lines[0] == "PathFileType\t4\t(X/Y/Z)\ta.trc"
    assert dict(zip(lines[1].split("\t"), lines[2].split("\t"), strict=True)) == {
        "DataRate": "30.000",
        "CameraRate": "30.000",
        "NumFrames": "132",
        "NumMarkers": "17",
        "Units": "px",
        "OrigDataRate": "30.000",
        "OrigDataStartFrame": "1",
        "OrigNumFrames": "132",
    }
    names = lines[3].split("\t")[2::3]
    body = [line.split("\t") for line in lines[6:-1]]
    assert [row[0] for row in body] == [str(number) for number in range(1, 133)]
    assert {len(row) for row in body} == {2 + 3 * 17}
    assert set(body[0][2:]) == {""}
    row = body[60]
    y = {name: float(row[3 + 3 * at]) for at, name in enumerate(names[:17]) if row[3 + 3 * at]}
    assert y["nose"] > y["left_hip"] > y["left_ankle"] > 0


def test_mot_angles_are_those_of_the_csv(report: Report) -> None:
    lines = (report.folder / "a.mot").read_text().splitlines()
    assert lines[:6] == [
        "walk_side",
        "version=1",
        "nRows=132",
        "nColumns=5",
        "inDegrees=yes",
        "endheader",
    ]
    heads = lines[6].split("\t")
    last = dict(zip(heads, lines[7 + 100].split("\t"), strict=True))
    (row,) = (
        row
        for row in report.rows
        if (row["frame"], row["measurement"], row["side"]) == ("100", "knee_flexion", "left")
    )
    assert float(last["knee_flexion_left"]) == pytest.approx(float(row["value_deg"]), abs=0.01)
    assert lines[7].split("\t")[1:] == ["NaN"] * 4


def test_the_table_at_the_end_names_person_side_and_range(report: Report) -> None:
    assert "132 frames, 0 bad" in report.printed
    (line,) = (
        line for line in report.printed.splitlines() if "Knee Flexion" in line and "left" in line
    )
    assert line.count("°") == 3
    assert f"wrote {report.folder / 'a.mp4'}" in report.printed


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


def test_mjpeg_on_standard_input(run: Run, tmp_path: Path) -> None:
    stdin = b"".join(map(jpeg, walk_pictures(5)))
    result = run("-", *KNEE, "--fps", "25", "-o", tmp_path / "out.mp4", stdin=stdin)
    assert result.exit_code == 0
    assert "5 frames, 0 bad" in result.output
    assert decode(tmp_path / "out.mp4").times_s == pytest.approx([0, 0.04, 0.08, 0.12, 0.16])


def test_options_reach_the_server(run: Run, clip: Path, tmp_path: Path) -> None:
    options = ("--side", "left", "--model", "movenet-lightning", "--search", "whole_picture")
    options += ("--smoothing", "off", "--facing", "left", "--mirrored", "--jpeg")
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


def one_line(result: Result) -> str:
    assert result.exit_code == 1
    assert result.stdout == ""
    (line,) = result.stderr.strip().splitlines()
    return line


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
    assert "no frames" in one_line(run("-", *KNEE, "--csv", out, stdin=b"nothing"))
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
    result = CliRunner().invoke(
        app,
        ["video", str(clip), *KNEE, "--csv", str(tmp_path / "out.csv"), "--target", "localhost:1"]
        + ["--timeout", "0.2"],
    )
    assert "Cannot reach localhost:1" in one_line(result)


@pytest.mark.parametrize("given", ["2", "-0.1", "some"])
def test_smoothing_is_off_default_or_a_strength(run: Run, clip: Path, given: str) -> None:
    result = run(clip, *KNEE, f"--smoothing={given}", "--csv", "out.csv")
    assert result.exit_code == 2
    assert "--smoothing" in result.stderr


def start(*arguments: str | Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-m", "jointtrack", "video", *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={name: text for name, text in os.environ.items() if name[:11] != "JOINTTRACK_"},
    )


def test_local_needs_no_server(clip: Path, tmp_path: Path) -> None:
    process = start(clip, *KNEE, "--local", "-o", tmp_path / "out.mp4", "--csv", tmp_path / "a.csv")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (0, b"")
    assert b"10 frames, 0 bad" in out
    assert len(decode(tmp_path / "out.mp4").frames) == 10
    assert any(row["value_deg"] for row in table(tmp_path / "a.csv"))


def test_ctrl_c_leaves_whole_files_of_what_was_done(server: RunningServer, tmp_path: Path) -> None:
    outputs = ("-o", tmp_path / "out.mp4", "--csv", tmp_path / "a.csv")
    outputs += ("--json", tmp_path / "a.json", "--plot", tmp_path / "a.png")
    connection = ("--target", server.target, "--api-key", server.api_key)
    process = start("-", *KNEE, *outputs, *connection, "--fps", "30")
    assert process.stdin is not None
    frames = [jpeg(picture) for picture in walk_pictures(8)]
    process.stdin.write(b"".join(frames))
    process.stdin.flush()
    part = tmp_path / ".out.mp4.part"
    deadline_s = time.monotonic() + 30
    while not part.exists() and time.monotonic() < deadline_s:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _feed_until_the_end(process, frames[-1])
    _, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert b"interrupted" in err
    assert not part.exists()
    count = len(decode(tmp_path / "out.mp4").frames)
    assert count >= 8
    assert len(table(tmp_path / "a.csv")) >= 2 * count
    assert json.loads((tmp_path / "a.json").read_text())["ended_early"] == "interrupted"
    with Image.open(tmp_path / "a.png") as image:
        image.load()


def _feed_until_the_end(process: "subprocess.Popen[bytes]", frame: bytes) -> None:
    """A live source goes on until it is no longer read."""
    assert process.stdin is not None
    try:
        while process.poll() is None:
            process.stdin.write(frame)
            process.stdin.flush()
            time.sleep(0.05)
    except BrokenPipeError:
        pass
    process.stdin = None


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
    assert line.endswith("pip install 'jointtrack[video]'")


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
