import math

import numpy as np
import pytest

from jointtrack_server.domain.skeleton import Side
from jointtrack_server.imaging import palette
from jointtrack_server.video.trace import WINDOW_S, PanelSize, Trace
from tests.support.clips import Pixels

LETTERS = {Side.LEFT: "L", Side.RIGHT: "R"}
SIZE = PanelSize.of(640, 480)
BLANK: Pixels = np.full((480, 640, 3), 90, np.uint8)


def drawn(trace: Trace, size: PanelSize = SIZE, left: int = 0, top: int = 0) -> Pixels:
    picture = BLANK.copy()
    trace.draw(picture, left, top, size)
    return picture


def columns_of(picture: Pixels, side: Side) -> list[int]:
    """Where the graph, under the header, has this side's colour."""
    graph = picture[round(2.4 * SIZE.font) : SIZE.height].astype(int)
    near = np.abs(graph - palette.SIDES_ON_DARK[side]).sum(axis=2) < 30
    found: list[int] = np.flatnonzero(near.any(axis=0)).tolist()
    return found


def wave(trace: Trace, seconds: float = WINDOW_S, *, gap: tuple[float, float] = (9, 9)) -> None:
    for index in range(round(seconds * 30)):
        time_s = index / 30
        value = 40 + 30 * math.sin(time_s * 3)
        left = None if gap[0] <= time_s < gap[1] else value
        trace.add(time_s, {Side.LEFT: left, Side.RIGHT: 80 - value})


def test_only_the_panel_changes() -> None:
    trace = Trace("Knee Flexion", LETTERS)
    wave(trace)
    changed = (drawn(trace, left=100, top=50) != BLANK).any(axis=2)
    assert changed[50 : 50 + SIZE.height, 100 : 100 + SIZE.width].mean() > 0.9
    changed[50 : 50 + SIZE.height, 100 : 100 + SIZE.width] = False
    assert not changed.any()


def test_both_sides_are_drawn_and_the_right_one_is_dashed() -> None:
    trace = Trace("Knee Flexion", LETTERS)
    wave(trace)
    picture = drawn(trace)
    left, right = columns_of(picture, Side.LEFT), columns_of(picture, Side.RIGHT)
    assert len(left) > 0.7 * SIZE.width
    assert 0.3 * len(left) < len(right) < 0.9 * len(left)


def test_a_gap_in_the_values_is_a_gap_in_the_line() -> None:
    whole, broken = Trace("Knee Flexion", LETTERS), Trace("Knee Flexion", LETTERS)
    wave(whole)
    wave(broken, gap=(1.0, 2.0))
    missing = set(columns_of(drawn(whole), Side.LEFT)) - set(columns_of(drawn(broken), Side.LEFT))
    assert 0.15 * SIZE.width < len(missing) < 0.30 * SIZE.width
    assert max(missing) - min(missing) < 0.30 * SIZE.width


def test_a_side_without_a_value_now_shows_no_number() -> None:
    with_value, without = Trace("Splits", {Side.LEFT: ""}), Trace("Splits", {Side.LEFT: ""})
    for index in range(10):
        with_value.add(index / 30, {Side.LEFT: 88.0})
        without.add(index / 30, {Side.LEFT: 88.0 if index < 9 else None})
    assert with_value.is_current
    assert not without.is_current
    assert (drawn(with_value) != drawn(without)).any()


def test_what_is_older_than_the_window_is_forgotten() -> None:
    trace = Trace("Knee Flexion", LETTERS)
    wave(trace, seconds=1.0)
    assert not trace.is_blank
    for index in range(round((WINDOW_S + 1.1) * 30)):
        trace.add_nothing(1.0 + index / 30)
    assert trace.is_blank


@pytest.mark.parametrize(("width", "height"), [(64, 48), (200, 100), (1920, 1080), (720, 1280)])
def test_it_fits_into_any_picture(width: int, height: int) -> None:
    trace = Trace("Shoulder Forward Flexion", LETTERS)
    wave(trace)
    size = PanelSize.of(width, height)
    picture = np.full((height, width, 3), 90, np.uint8)
    trace.draw(picture, 0, 0, size)
    assert size.width <= width
    assert size.height <= height
    assert (picture != 90).any()
