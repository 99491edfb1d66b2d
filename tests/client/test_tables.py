"""Results as tidy rows and as pandas' tables."""

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from jointtrack import (
    Detection,
    Frame,
    FrameDetection,
    ImageSize,
    JointTrackClient,
    StreamSummary,
    SummaryRequest,
    to_frame,
    to_rows,
)
from jointtrack.testing import FakeServer, detection, draining, invalid_image, summary
from jointtrack.types.tables import COLUMNS
from jointtrack.v1 import jointtrack_service_pb2 as pb

if TYPE_CHECKING:
    from tests.client.conftest import Shell


def test_a_picture_is_one_row_a_person_measurement_and_side(
    server: FakeServer, shell: "Shell"
) -> None:
    server.detect.enqueue(detection({"knee_flexion": (61.0, None), "splits": (120.0, 120.0)}))
    rows = shell.detect(b"jpeg", "knee_flexion, splits").to_rows()
    assert [(row["person"], row["measurement"], row["side"]) for row in rows] == [
        (0, "knee_flexion", "left"),
        (0, "knee_flexion", "right"),
        (0, "splits", "left"),
        (0, "splits", "right"),
    ]
    assert all(tuple(row) == tuple(COLUMNS["angles"]) for row in rows)
    left, right, splits, _ = rows
    assert (left["value_deg"], left["missing_reason"], left["view"]) == (61.0, None, "front")
    assert (right["value_deg"], right["confidence"]) == (None, None)
    assert (right["missing_reason"], right["missing_joints"]) == (
        "keypoint_low_confidence",
        "left_knee",
    )
    assert splits["component_deg"] == 60.0
    assert json.dumps(rows)


def test_a_side_not_asked_for_has_no_row(shell: "Shell") -> None:
    rows = shell.detect(b"jpeg", "knee_flexion", "right").to_rows()
    assert [(row["side"], row["value_deg"]) for row in rows] == [("right", 20.0)]
    measured = shell.measure({"nose": (1, 2, 0.9)}, (4, 4), "splits", "left").to_rows()
    assert [(row["person"], row["side"], row["value_deg"]) for row in measured] == [
        (None, "left", 10.0)
    ]


def test_several_people_are_numbered_and_one_has_rows_as_well(
    server: FakeServer, shell: "Shell"
) -> None:
    server.detect.enqueue(detection({"splits": (1.0, 2.0)}, people=2))
    result = shell.detect(b"jpeg", "splits", max_people=2)
    assert [row["person"] for row in result.to_rows()] == [0, 0, 1, 1]
    assert [row["value_deg"] for row in result.people[1].to_rows()] == [1.0, 2.0]
    keypoints = result.to_rows("keypoints")
    assert len(keypoints) == 2 * 17
    assert (keypoints[0]["joint"], keypoints[17]["person"]) == ("nose", 1)
    assert keypoints[0]["raw_x_px"] is None
    assert all(tuple(row) == tuple(COLUMNS["keypoints"]) for row in keypoints)


def test_a_table_has_numbers_where_numbers_belong(server: FakeServer, shell: "Shell") -> None:
    server.detect.enqueue(detection({"knee_flexion": (61.0, None)}))
    frame = shell.detect(b"jpeg", "knee_flexion").to_frame()
    assert list(frame.columns) == list(COLUMNS["angles"])
    assert {name: str(kind) for name, kind in frame.dtypes.items()} == COLUMNS["angles"]
    assert frame["value_deg"].mean() == 61.0
    assert frame["value_deg"].isna().tolist() == [False, True]
    assert frame["raw_deg"].isna().all()


def test_nobody_is_a_row_that_says_so(server: FakeServer, shell: "Shell") -> None:
    server.detect.enqueue(detection(people=0), detection(people=0))
    results = [shell.detect(b"jpeg", "splits"), shell.detect(b"jpeg")]
    (row,) = results[0].to_rows()
    assert {name: value for name, value in row.items() if value} == {
        "missing_reason": "person_not_found"
    }
    assert [row["missing_reason"] for row in results[1].to_rows("keypoints")] == [
        "person_not_found"
    ]


def test_a_person_without_measurements_has_keypoints_alone(shell: "Shell") -> None:
    result = shell.detect(b"jpeg")
    assert result.to_rows() == []
    empty = result.to_frame()
    assert list(empty.columns) == list(COLUMNS["angles"])
    assert len(result.to_frame("keypoints")) == 17


def test_several_pictures_are_one_table(shell: "Shell") -> None:
    results = {name: shell.detect(b"jpeg", "splits") for name in ("a.jpg", "b.jpg")}
    frame = to_frame(results)
    assert frame["picture"].tolist() == ["a.jpg"] * 2 + ["b.jpg"] * 2
    assert frame.pivot_table("value_deg", "picture", "side").loc["b.jpg", "right"] == 20.0
    assert [row["picture"] for row in to_rows(results.values())] == [0, 0, 1, 1]
    assert len(to_frame(results, "keypoints")) == 34
    assert list(to_frame([]).columns) == list(COLUMNS["angles"])


def test_a_stream_is_one_table_with_the_time_of_each_frame(
    server: FakeServer, shell: "Shell"
) -> None:
    server.frame.enqueue(
        detection({"splits": (1.0, 2.0)}),
        invalid_image(),
        pb.FrameDropped(dropped_count=1),
        detection(people=0),
    )
    frames = [b"jpeg", b"bad", SummaryRequest(), b"late", Frame(b"jpeg", 9, 1.25), Frame(b"a", 10)]
    answers = shell.stream(frames, "splits", fps=30.0, overflow="latest")
    table = to_frame(answers)
    assert table["sequence_id"].tolist() == [0, 0, 1, 2, 9, 10, 10]
    assert table["time_s"].tolist() == pytest.approx([0, 0, 1 / 30, 2 / 30, 1.25, 1 / 3, 1 / 3])
    assert table["missing_reason"].tolist()[2:5] == [
        "invalid_image",
        "frame_dropped",
        "person_not_found",
    ]
    assert table["value_deg"].dropna().tolist() == [1.0, 2.0, 10.0, 20.0]
    assert table["raw_deg"].dropna().tolist() == [1.0, 2.0, 10.0, 20.0]
    assert table["track_id"].dropna().unique().tolist() == ["1"]
    assert table.columns.tolist() == ["sequence_id", "time_s", *COLUMNS["angles"]]
    keypoints = to_frame(answers, "keypoints")
    assert len(keypoints) == 2 * 17 + 3
    assert keypoints["raw_x_px"].dropna().eq(keypoints["x_px"].dropna()).all()


def test_an_interruption_loses_no_time(server: FakeServer, shell: "Shell") -> None:
    server.frame.enqueue(detection(), draining())
    answers = shell.stream([b"jpeg"] * 3, fps=10.0, resume_timeout_s=10.0)
    times_s = [answer.capture_offset_s for answer in answers if isinstance(answer, FrameDetection)]
    assert times_s == pytest.approx([0.0, 0.1, 0.2])
    assert answers[1].kind == "resumed"
    assert answers[1].to_rows() == []


def test_a_summary_is_one_row_a_person_measurement_and_side(
    server: FakeServer, shell: "Shell"
) -> None:
    server.summary.enqueue(summary({"knee_flexion": ((5.0, 61.0), None)}, people=2))
    answers = shell.stream([b"jpeg"], "knee_flexion", fps=10.0)
    last = answers[-1]
    assert isinstance(last, StreamSummary)
    rows = last.to_rows()
    assert [(row["track_id"], row["side"], row["range_deg"]) for row in rows] == [
        ("1", "left", 56.0),
        ("1", "right", None),
        ("2", "left", 56.0),
        ("2", "right", None),
    ]
    assert (rows[0]["minimum_deg"], rows[0]["maximum_deg"], rows[0]["hold_s"]) == (5.0, 61.0, 1.0)
    table = last.to_frame()
    assert {name: str(kind) for name, kind in table.dtypes.items()} == COLUMNS["ranges"]
    assert to_rows(answers, "ranges") == rows
    assert last.to_rows("angles") == []
    one_side = shell.stream([b"jpeg"], "knee_flexion", "right", fps=10.0)[-1].to_rows()
    assert [(row["side"], row["range_deg"]) for row in one_side] == [("right", 20.0)]


def test_other_kinds_of_rows_are_refused() -> None:
    nothing = Detection(ImageSize(4, 4), (), None)
    with pytest.raises(ValueError, match="Rows are of angles, keypoints, ranges, not of 'joints'"):
        nothing.to_rows("joints")  # type: ignore[arg-type]


def test_pandas_is_asked_for_only_when_it_is_needed(server: FakeServer) -> None:
    code = (
        "import sys; sys.modules['pandas'] = None; import jointtrack\n"
        f"with jointtrack.JointTrackClient({server.target!r}) as client:\n"
        "    result = client.detect(b'jpeg', 'splits')\n"
        "print(len(result.to_rows()))\n"
        "result.to_frame()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == "2\n"
    assert done.stderr.rstrip().endswith(
        "ImportError: Tables need pandas: pip install 'jointtrack[pandas]'."
    )


def test_a_result_is_readable_on_one_line(server: FakeServer, shell: "Shell") -> None:
    server.detect.enqueue(detection({"knee_flexion": (61.0, None)}))
    result = shell.detect(b"jpeg", "knee_flexion", include_overlays=True)
    assert repr(result.person.angle("knee_flexion").sides["left"]) == (
        "SideValue(value_deg=61, confidence=0.9)"
    )
    shown = repr(result)
    assert "\n" not in shown
    assert "keypoints=<17 Keypoint>" in shown
    assert "overlay=EncodedImage(data=<26 bytes>, media_type='image/jpeg'" in shown
    assert len(shown) < 700
    many: Any = shell.server_info()
    assert "measurements=<19 MeasurementInfo>" in repr(many)


def test_dicts_have_every_field_and_plain_values(shell: "Shell") -> None:
    result = shell.detect(b"jpeg", "knee_flexion", "left", include_image=True)
    value = result.to_dict()
    assert list(value) == [
        "image_size",
        "people",
        "timings",
        "model",
        "image",
        "request_id",
    ]
    (person,) = value["people"]
    assert list(person) == [
        "keypoints",
        "box",
        "score",
        "track_id",
        "measurements",
        "raw_keypoints",
    ]
    (measured,) = person["measurements"]
    assert measured["sides"]["right"] == {
        "value_deg": None,
        "missing_reason": None,
        "missing_joints": [],
        "confidence": None,
        "component_deg": None,
        "raw_deg": None,
    }
    (answer, last) = shell.stream([b"jpeg"], "knee_flexion", fps=30.0)
    assert list(answer.to_dict()) == ["sequence_id", "capture_offset_s", "detection", "kind"]
    assert (answer.to_dict()["kind"], last.to_dict()["kind"]) == ("detection", "summary")
    assert json.dumps([value, answer.to_dict(), last.to_dict()], allow_nan=False)


def test_a_table_is_made_from_a_stream_as_it_comes(server: FakeServer) -> None:
    with JointTrackClient(server.target) as client:
        table: pd.DataFrame = to_frame(client.stream([b"jpeg"], "splits"))
    assert len(table) == 2
