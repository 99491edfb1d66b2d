"""`jointtrack video` over the whole walk, against the real server: every output."""

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from jointtrack_server.imaging import palette
from tests.support.clips import (
    WALK,
    decode,
    walk,
)
from tests.support.servers import RunningServer
from tests.support.video_command import Rows, table, video


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
    result = video(server, WALK, "-m", "knee_flexion,hip_side", *paths)
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
        float(row["raw_deg"])
        for row in report.rows
        if row["raw_deg"]
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
