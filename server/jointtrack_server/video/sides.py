"""Which lines a measurement has in a trace or a plot, and what they are called."""

from jointtrack_server.domain.skeleton import Side
from jointtrack_server.measurements import MEASUREMENTS, Kind

ONE_ANGLE = (Kind.MIDLINE, Kind.BOTH_LEGS)


def shown_sides(name: str, sides: tuple[Side, ...]) -> tuple[Side, ...]:
    """``sides``, or only the first where both are one angle, such as the trunk's."""
    return sides[:1] if is_one_angle(name) else sides


def is_one_angle(name: str) -> bool:
    return MEASUREMENTS[name].kind in ONE_ANGLE
