"""The parts of ``jointtrack report`` that need no server."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import html5lib
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from jointtrack import (
    BoundingBox,
    EncodedImage,
    Measurement,
    MeasurementInfo,
    ModelInfo,
    NormalRange,
    Person,
    SideValue,
)
from jointtrack.cli import connect
from jointtrack.cli.app import app
from jointtrack.cli.formats.reading import compared
from jointtrack.cli.report import gauge as scale
from jointtrack.cli.report.choice import CANDIDATES, suitable
from jointtrack.cli.report.contents import (
    FIGURE_ASPECT,
    Finding,
    Heading,
    Photo,
    finding,
    photo,
)
from jointtrack.cli.report.render import render

NORMAL = NormalRange(0.0, 140.0, "38 CFR 4.71, plate II")
MODEL = ModelInfo("movenet-thunder", "4", 256, 1, "", "embedded", True)
HOSTILE = """<script>alert(1)</script>"><img src=x onerror=alert(1)>&amp;'{{ 7 * 7 }}"""


def info(name: str = "knee_flexion", kind: str = "limb", **changes: object) -> MeasurementInfo:
    plain = MeasurementInfo(
        name, "Knee Flexion", "knee", ("side",), "straight", "bending", NORMAL, kind
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def measured(
    left: float | None, right: float | None, name: str = "knee_flexion", **changes: object
) -> Measurement:
    sides = {
        side: SideValue(None, "keypoint_low_confidence", (f"{side}_knee",))
        if value is None
        else SideValue(value, confidence=0.9)
        for side, value in (("left", left), ("right", right))
    }
    plain = Measurement(name, "Knee Flexion", "knee", sides, "side")
    return replace(plain, **changes)  # type: ignore[arg-type]


def person(*measurements: Measurement, box: BoundingBox | None = None) -> Person:
    return Person((), box or BoundingBox(10, 10, 20, 50), 0.9, measurements=measurements)


def found(item: Measurement, described: MeasurementInfo) -> Finding:
    return finding(item, described, "photo.jpg")


@pytest.mark.parametrize(
    ("value_deg", "kind", "place"),
    [
        (-0.5, "limb", "within"),
        (-0.6, "limb", "below"),
        (140.4, "limb", "within"),
        (140.5, "limb", "above"),
        (-12.0, "midline", "below"),
        (-12.0, "direction", None),
        (12.0, "direction", "within"),
        (None, "limb", None),
    ],
)
def test_values_are_compared_in_whole_degrees(
    value_deg: float | None, kind: str, place: str | None
) -> None:
    assert compared(value_deg, info(kind=kind)) == place
    assert compared(value_deg, info(kind=kind, normal=None)) is None
    assert compared(value_deg, None) is None


def test_limbs_are_compared_side_by_side() -> None:
    row = found(measured(151.0, 130.4), info())
    assert (row.left, row.right, row.both) == ("151°", "130°", None)
    assert row.difference == "21° more on the left"
    assert row.words == (
        "Left: 11° above the reference range.",
        "Right: within the reference range.",
    )
    assert row.places == ("above", "within")


def test_a_missing_side_says_why_and_what_to_do() -> None:
    row = found(measured(None, 20.0), info())
    assert (row.left, row.right, row.difference) == ("–", "20°", None)
    assert row.words[0].startswith("Left: not measurable. A needed joint is hidden")
    assert row.words[0].endswith("Not seen: left knee.")
    assert row.gauge
    assert [mark.letter for mark in row.gauge.marks] == ["R"]


def test_nothing_measured_draws_no_scale_and_no_doubt_about_values() -> None:
    item = measured(None, None, warnings=("view_mismatch", "out_of_plane"))
    row = found(item, info(views=("front", "back")))
    assert row.gauge is None
    assert row.cautions == ("It needs a picture taken from the front or from behind.",)


def test_bending_to_a_side_is_one_angle() -> None:
    item = measured(-12.4, 12.4, warnings=("opposite_direction",))
    row = found(item, info(kind="direction"))
    assert row.both == "12° to the right"
    assert row.difference is None
    assert row.words == ("Within the reference range.",)
    assert row.cautions == ()
    assert found(measured(0.2, -0.2), info(kind="direction")).both == "0°"


@pytest.mark.parametrize("kind", ["midline", "both_legs"])
def test_one_angle_is_said_once_and_has_no_asymmetry(kind: str) -> None:
    row = found(measured(35.0, 35.0), info(kind=kind))
    assert (row.both, row.difference, row.places) == ("35°", None, ("within",))


def test_the_opposite_movement_is_not_compared() -> None:
    item = measured(-38.0, 23.0, warnings=("opposite_direction",))
    row = found(item, info())
    assert row.left == "−38°"
    assert row.words[0] == "Left: 38° of the opposite movement."
    assert row.places == ("opposite", "within")
    assert row.difference is None


def test_a_measurement_without_a_range_is_shown_without_a_scale() -> None:
    row = found(measured(35.0, 36.0), info(normal=None))
    assert (row.gauge, row.normal) == (None, "–")
    assert row.words == ("Both sides: there is no reference range.",)


@given(
    st.floats(-200, 200), st.floats(1, 180), st.floats(-200, 200), st.none() | st.floats(-200, 200)
)
def test_scales_keep_everything_in_order_and_on_the_drawing(
    low: float, span: float, left: float, right: float | None
) -> None:
    values = {"left": left} if right is None else {"left": left, "right": right}
    drawn = scale.gauge(NormalRange(low, low + span, ""), values)
    assert scale.START <= drawn.range_start < drawn.range_end <= scale.END
    assert all(scale.START <= mark.x <= scale.END for mark in drawn.marks)
    for mark, value in zip(drawn.marks, values.values(), strict=True):
        assert (mark.x < drawn.range_start) <= (value < low)
        assert (mark.x > drawn.range_end) <= (value > low + span)


boxes = st.tuples(*[st.floats(-50, 700)] * 4).map(
    lambda edge: BoundingBox(
        min(edge[0], edge[2]), min(edge[1], edge[3]), max(edge[0], edge[2]), max(edge[1], edge[3])
    )
)


@given(boxes, st.integers(1, 700), st.integers(1, 700))
def test_figures_are_cut_inside_the_picture(box: BoundingBox, width: int, height: int) -> None:
    overlay = EncodedImage(b"jpeg", "image/jpeg", width, height)
    item = measured(1.0, 2.0, overlay=overlay)
    (drawn,) = photo("a.jpg", person(item, box=box), {"knee_flexion": info()}).figures
    left, top, wide, high = map(float, drawn.view_box.split())
    assert left >= 0
    assert top >= 0
    assert left + wide <= width + 1
    assert top + high <= height + 1
    assert wide == pytest.approx(FIGURE_ASPECT * high, abs=1)


def everything(view: str, **left_right: tuple[float | None, float | None]) -> Person:
    """All candidates, -20 degrees with the warning for each but those given."""
    return person(
        *(
            measured(*left_right.get(name, (10.0, 10.0)), name=name, view=view)
            if name in left_right
            else measured(-20.0, -20.0, name=name, view=view, warnings=("opposite_direction",))
            for name in CANDIDATES
        )
    )


INFOS = {name: info(name) for name in CANDIDATES}


def test_a_side_view_shows_the_direction_that_was_moved() -> None:
    moved = everything("side", back_lumbar_extension=(15.0, 15.0), knee_flexion=(5.0, None))
    assert suitable(moved, INFOS) == (
        "shoulder_forward_flexion",
        "back_lumbar_extension",
        "knee_flexion",
    )


def test_a_front_view_shows_frontal_measurements_that_have_a_value() -> None:
    seen = everything("front", back_side_flexion=(None, None))
    assert suitable(seen, INFOS) == ("shoulder_abduction", "neck_lateral_flexion")


def test_a_picture_in_which_nothing_is_measurable_shows_what_should_be() -> None:
    nothing = everything("side", **dict.fromkeys(CANDIDATES, (None, None)))
    assert suitable(nothing, INFOS) == (
        "shoulder_forward_flexion",
        "back_lumbar_forward_flexion",
        "knee_flexion",
    )


def test_local_without_the_server_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(connect, "LOCAL_GROUP", "offered.by.nobody")
    command = ["report", "photo.jpg", "-o", str(tmp_path / "report.html"), "--local"]
    done = CliRunner().invoke(app, command, catch_exceptions=False)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "jointtrack: --local needs the server: pip install 'jointtrack[server]'\n"


def test_no_text_becomes_markup() -> None:
    described = info(
        title=HOSTILE, zero=HOSTILE, positive=HOSTILE, normal=NormalRange(0, 140, HOSTILE)
    )
    item = measured(10.0, None, warnings=(HOSTILE, "several_people"))
    item = replace(item, overlay=EncodedImage(b"jpeg", f"image/{HOSTILE}", 60, 80))
    item = replace(item, sides={**item.sides, "right": SideValue(None, HOSTILE, (HOSTILE,))})
    shown: list[Photo] = [photo(HOSTILE, person(item), {"knee_flexion": described})]
    heading = Heading(HOSTILE, date(2026, 1, 31), HOSTILE, HOSTILE, HOSTILE, None, HOSTILE)
    rows = [finding(item, described, HOSTILE)] * 2
    html = render(heading, shown, rows, replace(MODEL, name=HOSTILE), "A4")
    page = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(html)
    names = {element.tag for element in page.iter() if isinstance(element.tag, str)}
    assert not {"script", "img"} & names
    attributes = {name for element in page.iter() for name in element.attrib}
    assert not any(str(name).startswith("on") for name in attributes)
    assert html.count("alert(1)") == html.count("&lt;script&gt;alert(1)") * 2
    assert "{{ 7 * 7 }}" in html
