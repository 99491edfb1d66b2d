from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from jointtrack_server.domain.skeleton import Side
from jointtrack_server.domain.types import (
    AngleFigure,
    Arc,
    ImageSize,
    Line,
    Measurement,
    MeasureOptions,
    Picture,
    Pose,
    SideValue,
    View,
)
from jointtrack_server.imaging import palette
from jointtrack_server.imaging.overlay import draw_overlay
from jointtrack_server.measurements import MEASUREMENTS, measure
from tests.support.vectors import VECTORS, Vector, changed

WITH_VALUES = {
    id_: vector for id_, vector in VECTORS.items() if set(vector.expected.values()) != {None}
}
GREY = 128


def plain(size: ImageSize, level: int = GREY) -> Picture:
    return np.full((size.height_px, size.width_px, 3), level, dtype=np.uint8)


def measured(pose: Pose, name: str, *sides: Side) -> Measurement:
    (measurement,) = measure(pose, MeasureOptions(names=(name,), sides=sides or tuple(Side)))
    return measurement


def drawn_on_grey(pose: Pose, measurement: Measurement) -> tuple[Picture, NDArray[np.bool_]]:
    """The overlay on a plain picture, and where it changed the picture."""
    before = plain(pose.image_size)
    after = draw_overlay(before, measurement)
    return after, (after != before).any(axis=2)


def resized(pose: Pose, width_px: int, height_px: int) -> Pose:
    """The same pose in a picture of another size."""
    size = pose.image_size
    keypoints = pose.keypoints.copy()
    keypoints[:, 0] *= np.float32(width_px / size.width_px)
    keypoints[:, 1] *= np.float32(height_px / size.height_px)
    return Pose(keypoints, ImageSize(width_px, height_px))


def share_changed(changes: NDArray[np.bool_], point: tuple[float, float], reach: int) -> float:
    """Of the square of ``2 * reach + 1`` pixels about a point."""
    x, y = round(point[0]), round(point[1])
    return float(changes[y - reach : y + reach + 1, x - reach : x + reach + 1].mean())


@pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS.keys())
def test_sides_without_a_value_draw_nothing(vector: Vector) -> None:
    measurement = measured(vector.pose, vector.measurement)
    hidden = {
        side: replace(value, value_deg=None, figure=None)
        for side, value in measurement.sides.items()
    }
    before = plain(vector.pose.image_size)
    after = draw_overlay(before, replace(measurement, sides=hidden))
    assert np.array_equal(after, before)
    assert after is not before


@pytest.mark.parametrize("vector", WITH_VALUES.values(), ids=WITH_VALUES.keys())
def test_every_figure_marks_its_joint_and_leaves_the_picture_as_it_was(vector: Vector) -> None:
    measurement = measured(vector.pose, vector.measurement)
    before = plain(vector.pose.image_size)
    after = draw_overlay(before, measurement)
    assert (before == GREY).all()
    assert after.shape == before.shape
    assert after.dtype == np.uint8
    changes = (after != before).any(axis=2)
    for value in measurement.sides.values():
        if value.figure is not None:
            x, y = (round(v) for v in value.figure.vertex)
            assert tuple(after[y, x]) in (palette.ACCENT, palette.ALERT)
            for line in value.figure.moving:
                middle = tuple((a + b) / 2 for a, b in zip(line.start, line.end, strict=True))
                assert share_changed(changes, (middle[0], middle[1]), 6) > 0.1


def test_all_nineteen_are_drawn_by_some_vector() -> None:
    assert {vector.measurement for vector in WITH_VALUES.values()} == set(MEASUREMENTS)


def test_an_unmeasured_side_is_left_out() -> None:
    vector = VECTORS["knee_flexion-7"]  # the left ankle is not in the picture
    measurement = measured(vector.pose, "knee_flexion")
    only_right = measured(vector.pose, "knee_flexion", Side.RIGHT)
    picture = plain(vector.pose.image_size)
    assert measurement.sides[Side.LEFT].figure is None
    assert np.array_equal(draw_overlay(picture, measurement), draw_overlay(picture, only_right))


@pytest.mark.parametrize(
    "vector_id", ["back_side_flexion-2", "back_lumbar_forward_flexion-2", "splits-2"]
)
def test_an_angle_that_both_sides_share_is_drawn_once_with_its_positive_value(
    vector_id: str,
) -> None:
    vector = VECTORS[vector_id]
    picture = plain(vector.pose.image_size)
    both = draw_overlay(picture, measured(vector.pose, vector.measurement))
    left = draw_overlay(picture, measured(vector.pose, vector.measurement, Side.LEFT))
    assert np.array_equal(both, left)


def test_a_direction_asked_for_alone_shows_its_own_sign() -> None:
    vector = VECTORS["back_side_flexion-2"]  # 20 to the left
    picture = plain(vector.pose.image_size)
    left = draw_overlay(picture, measured(vector.pose, vector.measurement, Side.LEFT))
    right = draw_overlay(picture, measured(vector.pose, vector.measurement, Side.RIGHT))
    assert not np.array_equal(left, right)


def test_lines_are_white_and_have_a_dark_halo() -> None:
    vector = VECTORS["knee_flexion-2"]
    measurement = measured(vector.pose, "knee_flexion", Side.RIGHT)
    after, _ = drawn_on_grey(vector.pose, measurement)
    figure = measurement.sides[Side.RIGHT].figure
    assert figure is not None
    (shank,) = figure.moving
    x = round((shank.start[0] + shank.end[0]) / 2)
    y = round((shank.start[1] + shank.end[1]) / 2)
    column = after[y - 8 : y + 9, x].astype(int).mean(axis=1)
    assert column.max() == 255
    darkest = GREY * (1 - palette.HALO_OPACITY)
    assert column.min() == pytest.approx(darkest, abs=2)


def test_low_confidence_dots_the_moving_line_and_nothing_else() -> None:
    vector = VECTORS["knee_flexion-2"]
    sure = measured(vector.pose, "knee_flexion", Side.RIGHT)
    unsure = measured(changed(vector.pose, right_ankle=0.4), "knee_flexion", Side.RIGHT)
    figure = sure.sides[Side.RIGHT].figure
    assert figure is not None
    sure_picture, _ = drawn_on_grey(vector.pose, sure)
    unsure_picture, _ = drawn_on_grey(vector.pose, unsure)
    (shank,) = figure.moving
    thigh = figure.reference[1]
    assert whites_along(sure_picture, shank) > 1.5 * whites_along(unsure_picture, shank)
    assert whites_along(sure_picture, thigh) == whites_along(unsure_picture, thigh)


def whites_along(picture: Picture, line: Line) -> int:
    steps = np.linspace(0.3, 0.9, 100)
    points = np.array(line.start) + steps[:, None] * (np.array(line.end) - np.array(line.start))
    columns, rows = np.rint(points).astype(int).T
    return int((picture[rows, columns] == 255).all(axis=1).sum())


def test_a_reference_that_is_no_body_line_is_dashed() -> None:
    vector = VECTORS["shoulder_abduction-2"]
    measurement = measured(vector.pose, "shoulder_abduction", Side.LEFT)
    figure = measurement.sides[Side.LEFT].figure
    assert figure is not None
    (trunk,) = figure.reference
    assert trunk.dashed
    after, _ = drawn_on_grey(vector.pose, measurement)
    assert 30 < whites_along(after, trunk) < 80


@pytest.mark.parametrize(
    ("vector_id", "side", "towards"),
    [
        ("shoulder_abduction-2", Side.LEFT, (1, 1)),  # 90 out to image right: below right
        ("shoulder_forward_flexion-2", Side.RIGHT, (1, 1)),  # 90 forward, facing right
        ("shoulder_extension-2", Side.RIGHT, (-1, 1)),  # 30 behind, facing right
        ("shoulder_extension-5", Side.RIGHT, (1, 1)),  # -90: on the other side of zero
        ("knee_flexion-2", Side.RIGHT, (-1, 1)),  # heel to buttock, facing right
        ("hip_side-2", Side.RIGHT, (1, -1)),  # inside, between trunk and thigh
    ],
)
def test_the_arc_turns_in_the_sense_of_the_motion(
    vector_id: str, side: Side, towards: tuple[int, int]
) -> None:
    vector = VECTORS[vector_id]
    figure = measured(vector.pose, vector.measurement).sides[side].figure
    assert figure is not None
    bisector = np.radians(figure.arc.start_deg + figure.arc.sweep_deg / 2)
    assert (np.sign(np.cos(bisector)), np.sign(-np.sin(bisector))) == towards


@pytest.mark.parametrize("vector", WITH_VALUES.values(), ids=WITH_VALUES.keys())
def test_the_arc_ends_on_the_moving_line_and_is_as_large_as_the_value(vector: Vector) -> None:
    for value in measured(vector.pose, vector.measurement).sides.values():
        figure = value.figure
        if figure is None or vector.measurement in ("squats_knee_front", "splits"):
            continue
        assert value.value_deg is not None
        assert abs(figure.arc.sweep_deg) == pytest.approx(abs(value.value_deg), abs=1e-6)
        line = figure.moving[0]
        end = np.degrees(np.arctan2(line.start[1] - line.end[1], line.end[0] - line.start[0]))
        difference = (figure.arc.start_deg + figure.arc.sweep_deg - end + 180) % 360 - 180
        assert difference == pytest.approx(0.0, abs=1e-3)


def test_valgus_beyond_ten_degrees_is_marked() -> None:
    pose = VECTORS["squats_knee_front-2"].pose  # left 12, right 5
    sides = measured(pose, "squats_knee_front").sides
    alerts = {
        side: value.figure is not None and value.figure.alert for side, value in sides.items()
    }
    assert alerts == {Side.LEFT: True, Side.RIGHT: False}


@pytest.mark.parametrize("side_px", [1, 8, 24, 60])
@pytest.mark.parametrize("vector_id", ["shoulder_abduction-7", "neck_lateral_flexion-2"])
def test_tiny_pictures_are_drawn_on(vector_id: str, side_px: int) -> None:
    pose = resized(VECTORS[vector_id].pose, side_px, side_px)
    measurement = measured(pose, VECTORS[vector_id].measurement)
    after, changes = drawn_on_grey(pose, measurement)
    assert after.shape == (side_px, side_px, 3)
    assert changes.any()


def test_marks_grow_with_the_picture() -> None:
    pose = VECTORS["shoulder_abduction-2"].pose
    shares = []
    for factor in (3, 6):
        size = pose.image_size
        larger = resized(pose, size.width_px * factor, size.height_px * factor)
        _, changes = drawn_on_grey(larger, measured(larger, "shoulder_abduction"))
        shares.append(changes.mean())
    assert shares[1] == pytest.approx(shares[0], rel=0.15)


@pytest.mark.parametrize("edge", ["left", "right", "top", "bottom"])
@pytest.mark.parametrize("scale", [0.25, 1.0, 4.0])
def test_labels_stay_inside_the_picture_and_off_the_joint(edge: str, scale: float) -> None:
    """One arm, its shoulder close to an edge: the label's plate must lie whole in the picture."""
    width, height = round(640 * scale), round(480 * scale)
    near = 12 * scale
    vertex = {
        "left": (near, height / 2),
        "right": (width - near, height / 2),
        "top": (width / 2, near),
        "bottom": (width / 2, height - near),
    }[edge]
    for direction_deg in range(0, 360, 45):
        value = hand_made(vertex, float(direction_deg), 100.0 * scale)
        measurement = Measurement("knee_flexion", {Side.LEFT: value}, View.SIDE, None, ())
        before = plain(ImageSize(width, height), 255)
        after = draw_overlay(before, measurement)
        ground = after.max(axis=2) < 0.5 * 255  # only the plate is so dark on white
        rows, columns = np.nonzero(ground)
        font_px = max(12.0, 4.5 * min(width, height) / 100)
        plate_height, plate_width = np.ptp(rows) + 1, np.ptp(columns) + 1
        assert plate_height == pytest.approx(2 * 0.72 * font_px, abs=3)
        assert plate_width > 1.5 * plate_height
        x, y = (round(v) for v in vertex)
        assert tuple(after[y, x]) == palette.ACCENT


def hand_made(vertex: tuple[float, float], direction_deg: float, length: float) -> SideValue:
    angle = np.radians(direction_deg)
    end = (vertex[0] + length * float(np.cos(angle)), vertex[1] - length * float(np.sin(angle)))
    zero = (vertex[0], vertex[1] + length)
    figure = AngleFigure(
        vertex,
        moving=(Line(vertex, end),),
        reference=(Line(vertex, zero, dashed=True),),
        arc=Arc(vertex, -90.0, direction_deg + 90.0),
    )
    return SideValue(-123.4, confidence=0.9, figure=figure)


# Few places, so that keypoints often coincide.
places = st.one_of(st.sampled_from([0.0, 50.0, 100.0]), st.floats(-2.0, 102.0, width=32))


@settings(max_examples=30, deadline=None)
@given(
    rows=st.lists(
        st.tuples(places, places, st.sampled_from([0.1, 0.4, 0.9])), min_size=17, max_size=17
    )
)
def test_any_pose_can_be_drawn(rows: list[tuple[float, float, float]]) -> None:
    pose = Pose(np.array(rows, dtype=np.float32), ImageSize(100, 100))
    for measurement in measure(pose, MeasureOptions(names=tuple(MEASUREMENTS))):
        has_value = any(value.figure is not None for value in measurement.sides.values())
        _, changes = drawn_on_grey(pose, measurement)
        assert changes.any() == has_value
