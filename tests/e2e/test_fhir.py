"""FHIR of the real server's measurements, all 19 of them."""

import json
import re
from typing import Any

from fhir.resources.R4B.bundle import Bundle
from fhir.resources.R4B.observation import Observation
from typer.testing import CliRunner

from jointtrack import MeasurementName
from jointtrack.cli.app import app
from jointtrack_server.measurements import MEASUREMENTS, Kind
from tests.support.servers import DATA, RunningServer

Json = dict[str, Any]


def observations(server: RunningServer, *arguments: str) -> list[Json]:
    connection = ("--target", server.target, "--api-key", server.api_key)
    command = ["detect", str(DATA / "walk_side.jpg"), *arguments, "--format", "fhir", *connection]
    done = CliRunner().invoke(app, command, catch_exceptions=False)
    assert done.exit_code == 0, done.stderr
    Bundle.model_validate_json(done.stdout)
    resources = [entry["resource"] for entry in json.loads(done.stdout)["entry"]]
    return [one for one in resources if one["resourceType"] == "Observation"]


def code_of(one: Json) -> str:
    code: str = one["code"]["coding"][0]["code"]
    return code


def site_of(one: Json) -> str:
    display: str = one["bodySite"]["coding"][0]["display"]
    return display


def test_every_measurement_is_valid_and_has_its_site_range_and_source(
    server: RunningServer,
) -> None:
    found = observations(server, "-m", ",".join(MeasurementName))
    kinds = [spec.kind for spec in MEASUREMENTS.values()]
    pairs = kinds.count(Kind.LIMB) + kinds.count(Kind.DIRECTION)
    assert len(found) == 2 * pairs + len(kinds) - pairs
    assert len({one["id"] for one in found}) == len(found)
    for one in found:
        # What R4 demands and the models do not check (obs-6).
        assert ("valueQuantity" in one) != ("dataAbsentReason" in one)
        name = code_of(one).partition("_to_")[0]
        normal = MEASUREMENTS[name].normal
        (written,) = one["referenceRange"]
        assert (written["low"]["value"], written["high"]["value"]) == (
            normal.min_deg,
            normal.max_deg,
        )
        assert normal.source in written["text"]
        sides = {"left", "right"}
        at = sides & set(site_of(one).lower().split())
        if MEASUREMENTS[name].kind is Kind.LIMB:
            assert at == sides & set(one["code"]["text"].split())
            assert len(at) == 1
        else:
            assert not at


def test_bending_to_the_left_is_not_coded_as_bending_to_the_right(server: RunningServer) -> None:
    left, right = observations(server, "-m", "back_side_flexion")
    assert code_of(left) == "back_side_flexion_to_left"
    assert code_of(right) == "back_side_flexion_to_right"
    assert left["valueQuantity"]["value"] == -right["valueQuantity"]["value"] != 0
    assert site_of(left) == site_of(right) == "Trunk structure"


def test_splits_are_one_observation_with_each_leg_s_share(server: RunningServer) -> None:
    (splits,) = observations(server, "-m", "splits")
    shares = {code_of(part): part["valueQuantity"]["value"] for part in splits["component"]}
    assert set(shares) == {"confidence", "splits_left", "splits_right"}
    total = shares["splits_left"] + shares["splits_right"]
    assert abs(total - splits["valueQuantity"]["value"]) < 0.2


def test_the_docs_show_what_is_printed(server: RunningServer) -> None:
    page = (DATA.parents[1] / "docs" / "reports.md").read_text()
    (command,) = re.findall(
        r"^jointtrack detect walk_side.jpg (.*) --format fhir (.*)$", page, re.M
    )
    (block,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    (printed,) = observations(server, *" ".join(command).split())
    shown = json.loads(block)
    Observation.model_validate_json(block)
    # bf16 and f32 differ by about a degree.
    difference = shown["valueQuantity"].pop("value") - printed["valueQuantity"].pop("value")
    assert abs(difference) <= 2
    for one in (shown, printed):
        del one["component"][0]["valueQuantity"]["value"]
        del one["device"]["reference"]  # changes with the version
    assert shown == printed


def test_what_cannot_be_measured_says_why(server: RunningServer) -> None:
    for one in observations(server, "-m", "neck_lateral_flexion"):
        assert one["dataAbsentReason"]["text"].startswith("The limb points at the camera.")
        (note,) = one["note"]
        assert note["text"].startswith("The picture was taken from an unsuitable side")
