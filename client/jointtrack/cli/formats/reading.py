"""How a value is read: in whole degrees, beside the normal range."""

import math

from jointtrack.types import MeasurementInfo, NormalRange


def whole_degrees(value_deg: float) -> int:
    """Halves go up, as on the overlays."""
    return math.floor(value_deg + 0.5)


def compared(value_deg: float | None, info: MeasurementInfo | None) -> str | None:
    """ "below", "within" or "above" the normal range, in whole degrees; None without either.

    None too for bending away from a side, which the other side's value is for.
    """
    if value_deg is None or info is None or info.normal is None:
        return None
    degrees = whole_degrees(value_deg)
    if info.kind == "direction" and degrees < 0:
        return None
    if degrees < info.normal.min_deg:
        return "below"
    return "above" if degrees > info.normal.max_deg else "within"


def range_text(normal: NormalRange) -> str:
    """Such as "0 to 140"."""
    return f"{normal.min_deg:.0f} to {normal.max_deg:.0f}"
