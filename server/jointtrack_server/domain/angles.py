"""How an angle is told in whole degrees."""

import math


def round_degrees(value_deg: float) -> int:
    """The nearest whole degree, halves upwards: 2.5 is 3, -2.5 is -2, and never -0.

    ``round`` is wrong here: it takes halves to the even neighbour, so 2.5 would be 2.
    """
    return math.floor(value_deg + 0.5)
