"""What ``jointtrack detect --format`` prints."""

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.operationoutcome import OperationOutcome
from typer.testing import CliRunner, Result

from jointtrack import _enums
from jointtrack.cli import words
from jointtrack.cli.app import app
from jointtrack.cli.formats.csv_rows import COLUMNS
from jointtrack.testing import Failure, FakeServer, detection

Detect = Callable[..., Result]
Json = dict[str, Any]

DOCS = Path(__file__).parents[2] / "docs" / "reports.md"
FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\tx", "＝1")


@pytest.fixture
def detect(tmp_path: Path, server: FakeServer, monkeypatch: pytest.MonkeyPatch) -> Detect:
    """Runs ``jointtrack detect`` in a folder with photo.jpg, against the fake server."""
    monkeypatch.chdir(tmp_path)
    Path("photo.jpg").write_bytes(b"jpeg")

    def run(*arguments: str) -> Result:
        command = ["detect", "--target", server.target, *arguments]
        return CliRunner().invoke(app, command, catch_exceptions=False)

    return run


def rows_of(done: Result) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(done.stdout_bytes.decode(), newline="")))


def bundle_of(done: Result) -> Json:
    (line,) = done.stdout.splitlines()
    Bundle.model_validate_json(line)
    value: Json = json.loads(line)
    return value


def observations(bundle: Json) -> list[Json]:
    resources = [entry["resource"] for entry in bundle["entry"]]
    return [one for one in resources if one["resourceType"] == "Observation"]


def test_json_has_the_normal_range_and_its_source_beside_each_value(
    detect: Detect, server: FakeServer
) -> None:
    server.detect.enqueue(detection({"knee_flexion": (-0.6, 15.4), "splits": (15.6, None)}))
    value = json.loads(detect("photo.jpg", "-m", "knee_flexion,splits", "--format", "json").stdout)
    knee, splits = value["people"][0]["measurements"]
    assert knee["normal"] == {"min_deg": 0.0, "max_deg": 15.0, "source": "made up"}
    assert knee["sides"]["left"]["compared_to_normal"] == "below"
    assert knee["sides"]["right"]["compared_to_normal"] == "within"
    assert splits["sides"]["left"]["compared_to_normal"] == "above"
    assert splits["sides"]["right"]["compared_to_normal"] is None


def test_csv_has_a_row_for_each_photo_measurement_and_side(
    detect: Detect, server: FakeServer
) -> None:
    server.detect.enqueue(detection({"knee_flexion": (-3.256, None), "splits": (62, 61)}))
    done = detect("photo.jpg", "-m", "knee_flexion,splits", "--format", "csv")
    assert done.exit_code == 0
    assert done.stdout_bytes.count(b"\r\n") == done.stdout_bytes.count(b"\n") == 5
    assert tuple(rows_of(done)[0]) == COLUMNS
    left, right, *_ = rows_of(done)
    assert {name: text for name, text in left.items() if text} == {
        "photo": "photo.jpg",
        "person": "1",
        "measurement": "knee_flexion",
        "title": "Knee Flexion",
        "body_part": "knee",
        "kind": "limb",
        "side": "left",
        "value_deg": "-3.26",
        "normal_min_deg": "0",
        "normal_max_deg": "15",
        "normal_source": "made up",
        "compared_to_normal": "below",
        "confidence": "0.900",
        "view": "front",
        "model": "movenet-thunder",
        "model_version": "4",
    }
    assert (right["side"], right["value_deg"], right["confidence"]) == ("right", "", "")
    assert right["missing_reason"] == "keypoint_low_confidence"
    assert right["missing_joints"] == "left_knee"


@pytest.mark.skipif(not DOCS.exists(), reason="the docs are not in the package")
def test_the_docs_describe_every_column() -> None:
    (table,) = re.findall(r"### CSV\n.*?\n(\|.*?)\n\n", DOCS.read_text("utf-8"), re.DOTALL)
    cells = [line.split("|")[1] for line in table.splitlines()[2:]]
    assert tuple(re.findall(r"`(\w+)`", " ".join(cells))) == COLUMNS


def test_csv_has_only_the_side_asked_for(detect: Detect) -> None:
    done = detect("photo.jpg", "-m", "splits", "--side", "right", "--format", "csv")
    assert [row["side"] for row in rows_of(done)] == ["right"]


@pytest.mark.parametrize("start", FORMULAS)
def test_csv_gives_a_spreadsheet_no_formula(detect: Detect, start: str) -> None:
    Path(f"{start}.jpg").write_bytes(b"jpeg")
    (row,) = rows_of(
        detect("-m", "splits", "--side", "left", "--format", "csv", "--", f"{start}.jpg")
    )
    assert row["photo"] == f"'{start}.jpg"


def test_csv_quotes_what_would_break_a_row(detect: Detect) -> None:
    name = 'a,"b"\nc.jpg'
    Path(name).write_bytes(b"jpeg")
    (row,) = rows_of(detect(name, "-m", "splits", "--side", "left", "--format", "csv"))
    assert row["photo"] == name


def test_csv_has_rows_for_photos_without_values(detect: Detect, server: FakeServer) -> None:
    server.detect.enqueue(detection(people=0))
    server.detect.enqueue(Failure("INVALID_ARGUMENT", "INVALID_IMAGE", "Send a JPEG."))
    photos = ("photo.jpg", "photo.jpg", "none.jpg")
    done = detect(*photos, "-m", "splits", "--side", "left", "--format", "csv")
    assert done.exit_code == 1
    assert len(done.stderr.splitlines()) == 3
    assert [(row["person"], row["value_deg"], row["missing_reason"]) for row in rows_of(done)] == [
        ("", "", "person_not_found"),
        ("", "", "invalid_image"),
        ("", "", "file_not_readable"),
    ]


def test_fhir_has_an_observation_for_each_side(detect: Detect, server: FakeServer) -> None:
    server.detect.enqueue(detection({"knee_flexion": (61.26, None)}))
    bundle = bundle_of(detect("photo.jpg", "-m", "knee_flexion", "--format", "fhir"))
    left, right = observations(bundle)
    assert left["valueQuantity"] == {
        "value": 61.3,
        "unit": "deg",
        "system": "http://unitsofmeasure.org",
        "code": "deg",
    }
    assert left["bodySite"]["coding"][0]["display"] == "Structure of left knee region"
    assert right["bodySite"]["coding"][0]["display"] == "Structure of right knee region"
    assert left["referenceRange"][0]["text"] == "0 to 15 degrees; made up"
    assert left["referenceRange"][0]["high"]["value"] == 15
    assert "dataAbsentReason" not in left
    assert "valueQuantity" not in right
    assert right["dataAbsentReason"]["coding"][0]["code"] == "unknown"
    assert right["dataAbsentReason"]["text"].endswith("Not seen: left knee.")
    assert {left["status"], right["status"]} == {"preliminary"}
    assert "subject" not in left
    assert "effectiveDateTime" not in left


def test_fhir_refers_to_its_device(detect: Detect) -> None:
    bundle = bundle_of(detect("photo.jpg", "-m", "knee_flexion", "--format", "fhir"))
    device = bundle["entry"][0]
    assert device["resource"]["resourceType"] == "Device"
    assert device["resource"]["version"][1] == {"type": {"text": "movenet-thunder"}, "value": "4"}
    for one in observations(bundle):
        assert one["device"]["reference"] == device["fullUrl"]


def test_fhir_takes_patient_and_time(detect: Detect) -> None:
    context = ("--patient", "Patient/123", "--taken-at", "2026-01-31T09:30+01:00")
    done = detect("photo.jpg", "-m", "splits", "--side", "left", "--format", "fhir", *context)
    (one,) = observations(bundle_of(done))
    assert one["subject"] == {"reference": "Patient/123"}
    assert one["effectiveDateTime"] == "2026-01-31T09:30:00+01:00"


def test_fhir_has_loinc_only_for_the_end_of_active_motions(detect: Detect) -> None:
    asked = ("photo.jpg", "-m", "knee_flexion,splits", "--side", "right", "--format", "fhir")
    plain = observations(bundle_of(detect(*asked)))
    assert all(len(one["code"]["coding"]) == 1 for one in plain)
    knee, splits = observations(bundle_of(detect(*asked, "--active-rom")))
    assert knee["code"]["coding"][1]["code"] == "41347-6"
    assert len(splits["code"]["coding"]) == 1


def test_fhir_knows_the_same_picture_again(detect: Detect) -> None:
    Path("other.jpg").write_bytes(b"another jpeg")
    Path("copy.jpg").write_bytes(b"jpeg")

    def ids(photo: str) -> set[str]:
        done = detect(photo, "-m", "splits,knee_flexion", "--format", "fhir")
        return {one["id"] for one in observations(bundle_of(done))}

    first = ids("photo.jpg")
    assert len(first) == 4
    assert ids("copy.jpg") == first
    assert not ids("other.jpg") & first


def test_fhir_holds_no_picture_and_no_file_name(detect: Detect) -> None:
    Path("jo-smith.jpg").write_bytes(b"jpeg")
    done = detect("jo-smith.jpg", "-m", "splits", "-o", "overlay.jpg", "--format", "fhir")
    assert Path("overlay.jpg").exists()
    assert "smith" not in done.stdout
    assert "base64" not in done.stdout
    assert len(done.stdout) < 5000


def test_fhir_says_what_failed(detect: Detect, server: FakeServer) -> None:
    server.detect.enqueue(detection(people=0))
    server.detect.enqueue(Failure("INVALID_ARGUMENT", "INVALID_IMAGE", "Send a JPEG."))
    photos = ("photo.jpg", "photo.jpg", "none.jpg")
    done = detect(*photos, "-m", "splits", "--format", "fhir")
    assert done.exit_code == 1
    found = [OperationOutcome.model_validate_json(line) for line in done.stdout.splitlines()]
    assert [one.issue[0].code for one in found] == ["not-found", "invalid", "exception"]


def test_every_reason_and_warning_has_plain_words() -> None:
    assert tuple(words.REASONS) == _enums.MISSING_REASONS.names
    assert tuple(words.WARNINGS) == _enums.WARNINGS.names
    assert words.warning_text("unknown_99") == "Unknown 99."
