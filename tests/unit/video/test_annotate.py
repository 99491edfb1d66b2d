import pytest

from jointtrack.types import BoundingBox
from jointtrack_server.video.annotate import Corner
from jointtrack_server.video.trace import PanelSize

WIDTH, HEIGHT = 1000, 600
PANEL = PanelSize(font=15.0, width=300, height=200)
TOP_LEFT, TOP_RIGHT = Corner(right=False, bottom=False), Corner(right=True, bottom=False)
BOTTOM_LEFT = Corner(right=False, bottom=True)

AT_LEFT = BoundingBox(50, 50, 250, 550)
AT_RIGHT = BoundingBox(800, 50, 950, 550)
MIDDLE = BoundingBox(450, 50, 550, 550)


@pytest.mark.parametrize(
    ("before", "boxes", "after"),
    [
        (TOP_LEFT, [], TOP_LEFT),
        (TOP_RIGHT, [MIDDLE], TOP_RIGHT),
        (TOP_LEFT, [AT_LEFT], TOP_RIGHT),
        (TOP_RIGHT, [AT_RIGHT], TOP_LEFT),
        (TOP_RIGHT, [AT_LEFT, AT_RIGHT], TOP_RIGHT),
        (TOP_LEFT, [AT_LEFT, BoundingBox(700, 150, 990, 550)], TOP_LEFT),
        (TOP_LEFT, [AT_LEFT, BoundingBox(700, 250, 990, 550)], TOP_RIGHT),
        (TOP_RIGHT, [BoundingBox(50, 50, 950, 250)], BOTTOM_LEFT),
    ],
)
def test_panels_leave_a_corner_only_for_one_that_hides_far_less(
    before: Corner, boxes: list[BoundingBox], after: Corner
) -> None:
    assert before.away_from(boxes, PANEL, WIDTH, HEIGHT) == after


def test_corners_are_inside_the_picture() -> None:
    assert TOP_LEFT.place(PANEL, WIDTH, HEIGHT) == (0, 0)
    assert TOP_RIGHT.place(PANEL, WIDTH, HEIGHT) == (700, 0)
    assert BOTTOM_LEFT.place(PANEL, WIDTH, HEIGHT) == (0, 400)
