"""Which measurements a picture of the report shows."""

from collections.abc import Iterable, Mapping

from jointtrack.types import Measurement, MeasurementInfo, Person

FRONTAL = (("shoulder_abduction",), ("back_side_flexion",), ("neck_lateral_flexion",))
SAGITTAL = (
    ("shoulder_forward_flexion", "shoulder_extension"),
    ("back_lumbar_forward_flexion", "back_lumbar_extension"),
    ("knee_flexion",),
)
BY_VIEW = {"front": FRONTAL, "back": FRONTAL, "side": SAGITTAL}
"""One of each group, the first that fits; three fill a third of a page."""

CANDIDATES = tuple(name for group in (*FRONTAL, *SAGITTAL) for name in group)


def suitable(person: Person, infos: Mapping[str, MeasurementInfo]) -> tuple[str, ...]:
    """What the picture shows best, of the person's measurements of all CANDIDATES.

    If nothing of it can be measured, the first of each group, so that the report says why.
    """
    groups = BY_VIEW.get(person.measurements[0].view or "", (*FRONTAL, *SAGITTAL))
    chosen = [_first_fitting(person, group, infos) for group in groups]
    return tuple(name for name in chosen if name) or tuple(group[0] for group in groups)


def _first_fitting(
    person: Person, group: Iterable[str], infos: Mapping[str, MeasurementInfo]
) -> str | None:
    measured = [item for item in map(person.angle, group) if _is_measured(item)]
    for item in measured:
        if not names_the_opposite(item, infos[item.name]):
            return item.name
    return measured[0].name if measured else None


def names_the_opposite(item: Measurement, info: MeasurementInfo) -> bool:
    """Bending to a side always has its opposite: that is no warning."""
    return info.kind != "direction" and "opposite_direction" in item.warnings


def _is_measured(item: Measurement) -> bool:
    return any(value.value_deg is not None for value in item.sides.values())
