"""The 19 measurements: one row each. A new one is a function in a body part's module and a row."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from jointtrack_server.domain.types import NormalRange, View
from jointtrack_server.measurements import back, elbow, hip, knee, neck, shoulder
from jointtrack_server.measurements.reading import Measure

FRONTAL = (View.FRONT, View.BACK)
SAGITTAL = (View.SIDE,)
ANY_VIEW: tuple[View, ...] = ()

CFR_PLATE_I = "38 CFR 4.71, plate I"
CFR_PLATE_II = "38 CFR 4.71, plate II"
CFR_SPINE = "38 CFR 4.71a, note (2) on the spine"
OSHA_SITTING = "Recommended when sitting, after OSHA's neutral postures"


class Kind(StrEnum):
    """What left and right mean."""

    LIMB = "limb"
    """The subject's own limb."""
    DIRECTION = "direction"
    """Bending towards that side: one angle, the two are negatives of each other."""
    MIDLINE = "midline"
    """One angle, the same under both."""
    BOTH_LEGS = "both_legs"
    """One angle that both legs make, the same under both."""


@dataclass(frozen=True, slots=True)
class MeasurementSpec:
    """One measurement, described.

    ``views`` are those it can be measured from, empty for any. ``zero`` and ``positive`` say in
    words what 0 degrees and the positive sense are. ``plausible`` is the closed range in degrees
    outside which the detection must have failed. ``names_direction`` is set where a negative value
    means a motion other than the one the name says. ``measure_side`` measures one side.
    """

    name: str
    title: str
    body_part: str
    kind: Kind
    views: tuple[View, ...]
    zero: str
    positive: str
    normal: NormalRange
    plausible: tuple[float, float]
    measure_side: Measure
    names_direction: bool = False


_ROWS = (
    MeasurementSpec(
        name="shoulder_abduction",
        title="Shoulder Abduction",
        body_part="shoulder",
        kind=Kind.LIMB,
        views=FRONTAL,
        zero="arm along the trunk",
        positive="away from the body",
        normal=NormalRange(0, 180, f"{CFR_PLATE_I}; AAOS"),
        plausible=(-60, 200),
        measure_side=shoulder.abduction,
    ),
    MeasurementSpec(
        name="shoulder_forward_flexion",
        title="Shoulder Forward Flexion",
        body_part="shoulder",
        kind=Kind.LIMB,
        views=SAGITTAL,
        zero="arm along the trunk",
        positive="forward and up",
        normal=NormalRange(0, 180, f"{CFR_PLATE_I}; AAOS; AMA"),
        plausible=(-90, 200),
        measure_side=shoulder.forward_flexion,
        names_direction=True,
    ),
    MeasurementSpec(
        name="shoulder_extension",
        title="Shoulder Extension",
        body_part="shoulder",
        kind=Kind.LIMB,
        views=SAGITTAL,
        zero="arm along the trunk",
        positive="backward",
        normal=NormalRange(0, 60, "AAOS"),
        plausible=(-200, 90),
        measure_side=shoulder.extension,
        names_direction=True,
    ),
    MeasurementSpec(
        name="back_side_flexion",
        title="Back Side Flexion",
        body_part="back",
        kind=Kind.DIRECTION,
        views=FRONTAL,
        zero="trunk vertical",
        positive="leaning toward that side",
        normal=NormalRange(0, 30, CFR_SPINE),
        plausible=(-75, 75),
        measure_side=back.side_flexion,
        names_direction=True,
    ),
    MeasurementSpec(
        name="back_lumbar_forward_flexion",
        title="Lumbar Forward Flexion",
        body_part="back",
        kind=Kind.MIDLINE,
        views=SAGITTAL,
        zero="trunk vertical",
        positive="forward",
        normal=NormalRange(0, 90, f"{CFR_SPINE} (whole trunk)"),
        plausible=(-60, 160),
        measure_side=back.lumbar_forward_flexion,
        names_direction=True,
    ),
    MeasurementSpec(
        name="back_lumbar_extension",
        title="Lumbar Extension",
        body_part="back",
        kind=Kind.MIDLINE,
        views=SAGITTAL,
        zero="trunk vertical",
        positive="backward",
        normal=NormalRange(0, 30, f"{CFR_SPINE} (whole trunk)"),
        plausible=(-160, 60),
        measure_side=back.lumbar_extension,
        names_direction=True,
    ),
    MeasurementSpec(
        name="knee_flexion",
        title="Knee Flexion",
        body_part="knee",
        kind=Kind.LIMB,
        views=SAGITTAL,
        zero="straight",
        positive="heel to buttock; negative is hyperextension",
        normal=NormalRange(0, 140, CFR_PLATE_II),
        plausible=(-25, 165),
        measure_side=knee.flexion,
    ),
    MeasurementSpec(
        name="knee_extension",
        title="Knee Extension",
        body_part="knee",
        kind=Kind.LIMB,
        views=SAGITTAL,
        zero="straight",
        positive="hyperextension; negative is what lacks to straight",
        normal=NormalRange(0, 10, f"{CFR_PLATE_II} (0); AAOS (up to 10)"),
        plausible=(-165, 25),
        measure_side=knee.extension,
    ),
    MeasurementSpec(
        name="neck_lateral_flexion",
        title="Neck Lateral Flexion",
        body_part="neck",
        kind=Kind.DIRECTION,
        views=FRONTAL,
        zero="head along the trunk",
        positive="ear toward that shoulder",
        normal=NormalRange(0, 45, f"{CFR_SPINE}; AAOS"),
        plausible=(-80, 80),
        measure_side=neck.lateral_flexion,
        names_direction=True,
    ),
    MeasurementSpec(
        name="neck_forward_flexion",
        title="Neck Forward Flexion",
        body_part="neck",
        kind=Kind.MIDLINE,
        views=SAGITTAL,
        zero="looking straight ahead",
        positive="chin down",
        normal=NormalRange(0, 45, f"{CFR_SPINE}; AAOS"),
        plausible=(-100, 100),
        measure_side=neck.forward_flexion,
        names_direction=True,
    ),
    MeasurementSpec(
        name="neck_extension",
        title="Neck Extension",
        body_part="neck",
        kind=Kind.MIDLINE,
        views=SAGITTAL,
        zero="looking straight ahead",
        positive="looking up",
        normal=NormalRange(0, 45, f"{CFR_SPINE}; AAOS"),
        plausible=(-100, 100),
        measure_side=neck.extension,
        names_direction=True,
    ),
    MeasurementSpec(
        name="splits",
        title="Splits",
        body_part="hip",
        kind=Kind.BOTH_LEGS,
        views=ANY_VIEW,
        zero="legs parallel",
        positive="opening",
        normal=NormalRange(0, 180, "No clinical norm; 180 is a full split"),
        plausible=(0, 215),
        measure_side=hip.splits,
    ),
    MeasurementSpec(
        name="squats_knee_front",
        title="Squats Knee (front view)",
        body_part="knee",
        kind=Kind.LIMB,
        views=FRONTAL,
        zero="hip, knee and ankle in line",
        positive="knee inward (valgus)",
        normal=NormalRange(0, 10, "Screening reference; Herrington & Munro 2010"),
        plausible=(-60, 60),
        measure_side=knee.frontal_projection,
    ),
    MeasurementSpec(
        name="squats_knee_side",
        title="Squats Knee (side view)",
        body_part="knee",
        kind=Kind.LIMB,
        views=SAGITTAL,
        zero="straight",
        positive="flexion",
        normal=NormalRange(
            0,
            140,
            f"{CFR_PLATE_II}; squat depths: quarter 40-70, half 80-100, parallel 110-120, deep 135",
        ),
        plausible=(-25, 165),
        measure_side=knee.flexion,
    ),
    MeasurementSpec(
        name="squats_hip_front",
        title="Squats Hip (front view)",
        body_part="hip",
        kind=Kind.LIMB,
        views=FRONTAL,
        zero="thigh along the trunk",
        positive="abduction (knee out)",
        normal=NormalRange(0, 45, CFR_PLATE_II),
        plausible=(-50, 120),
        measure_side=hip.frontal_abduction,
    ),
    MeasurementSpec(
        name="squats_hip_side",
        title="Squats Hip (side view)",
        body_part="hip",
        kind=Kind.LIMB,
        views=SAGITTAL,
        zero="thigh along the trunk",
        positive="flexion",
        normal=NormalRange(0, 125, CFR_PLATE_II),
        plausible=(-45, 150),
        measure_side=hip.flexion,
    ),
    MeasurementSpec(
        name="elbow_side",
        title="Elbow (side view)",
        body_part="elbow",
        kind=Kind.LIMB,
        views=SAGITTAL,
        zero="fully folded; 180 is straight",
        positive="opening",
        normal=NormalRange(90, 120, OSHA_SITTING),
        plausible=(10, 180),
        measure_side=elbow.interior,
    ),
    MeasurementSpec(
        name="hip_side",
        title="Hip (side view)",
        body_part="hip",
        kind=Kind.LIMB,
        views=SAGITTAL,
        zero="fully folded; 180 is straight",
        positive="opening",
        normal=NormalRange(90, 120, OSHA_SITTING),
        plausible=(10, 180),
        measure_side=hip.interior,
    ),
    MeasurementSpec(
        name="knee_side",
        title="Knee (side view)",
        body_part="knee",
        kind=Kind.LIMB,
        views=SAGITTAL,
        zero="fully folded; 180 is straight",
        positive="opening",
        normal=NormalRange(90, 130, OSHA_SITTING),
        plausible=(10, 180),
        measure_side=knee.interior,
    ),
)

MEASUREMENTS: Mapping[str, MeasurementSpec] = MappingProxyType({row.name: row for row in _ROWS})
"""By API name, in the order of the contract's MeasurementType."""
