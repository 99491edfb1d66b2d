"""What an angle's curve tells of an exercise: repetitions, and how long the end was held."""

import numpy as np

from jointtrack_server.motion.curve import Curve
from jointtrack_server.motion.types import Repetition

LOW_SHARE, HIGH_SHARE = 0.3, 0.7
"""Shares of the range that a repetition starts and ends below, and rises above (our choice)."""

MIN_REPETITION_RANGE_DEG = 15.0
"""A smaller range is noise and small movements, no exercise (our choice)."""

HOLD_TOLERANCE_DEG = 5.0
"""The end is held while the angle stays within this of the maximum (our choice)."""

MAX_HOLD_GAP_S = 0.5
"""A longer time between two measurable frames ends a hold (our choice)."""


def find_repetitions(curve: Curve, minimum_deg: float, maximum_deg: float) -> list[Repetition]:
    """Finished repetitions, in order; none if the range is under 15 degrees.

    In one, the angle rises above 70 % of the range after having been below 30 % of it, and falls
    below 30 % again. Frames that were not measurable are skipped.
    """
    range_deg = maximum_deg - minimum_deg
    if range_deg < MIN_REPETITION_RANGE_DEG:
        return []
    medians = curve.medians_deg
    is_low = medians < minimum_deg + LOW_SHARE * range_deg
    is_high = medians > minimum_deg + HIGH_SHARE * range_deg
    telling = np.flatnonzero(is_low | is_high)
    high = is_high[telling]
    leaves_low = telling[:-1][~high[:-1] & high[1:]]
    back_in_low = telling[1:][high[:-1] & ~high[1:]]
    if len(leaves_low):
        back_in_low = back_in_low[back_in_low > leaves_low[0]]
    pairs = zip((leaves_low + 1).tolist(), back_in_low.tolist(), strict=False)
    return [_repetition(curve, first, last) for first, last in pairs]


def longest_hold_s(curve: Curve, maximum_deg: float) -> float:
    """Longest time in seconds that the curve stays within 5 degrees of the maximum."""
    near = np.flatnonzero(curve.medians_deg >= maximum_deg - HOLD_TOLERANCE_DEG)
    if not len(near):
        return 0.0
    near_s = curve.median_capture_s[near]
    elapsed_s = np.diff(near_s)
    breaks = (np.diff(near) > 1) | (elapsed_s < 0.0) | (elapsed_s > MAX_HOLD_GAP_S)
    starts = np.concatenate([[0], np.flatnonzero(breaks) + 1])
    ends = np.concatenate([np.flatnonzero(breaks), [len(near) - 1]])
    return float((near_s[ends] - near_s[starts]).max())


def _repetition(curve: Curve, first: int, last: int) -> Repetition:
    start_s = float(curve.median_capture_s[first])
    duration_s = max(float(curve.median_capture_s[last]) - start_s, 0.0)
    peak = first + int(curve.medians_deg[first : last + 1].argmax())
    return Repetition(start_s, duration_s, curve.extreme(peak))
