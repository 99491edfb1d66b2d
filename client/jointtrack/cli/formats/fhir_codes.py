"""The codes that FHIR resources use.

SNOMED CT's body structures are those of DICOM's context groups 4031 and 244, with the left and
right ones as HL7's value sets of body sites spell them; the shoulders' and LOINC's active ranges of
motion are those that SMART Markers records. A measurement without such a code has only our own.
"""

from jointtrack.types import MeasurementInfo

Json = dict[str, object]

MEASUREMENT_SYSTEM = "urn:jointtrack:measurement"
"""Our own codes: the measurements' names, and what belongs to them."""

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
UCUM = "http://unitsofmeasure.org"
OBSERVATION_CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
DATA_ABSENT_REASON = "http://terminology.hl7.org/CodeSystem/data-absent-reason"

BODY_SITES = {
    ("shoulder", "left"): ("91775009", "Structure of left shoulder region"),
    ("shoulder", "right"): ("91774008", "Structure of right shoulder region"),
    ("elbow", "left"): ("368148009", "Left elbow region structure"),
    ("elbow", "right"): ("368149001", "Right elbow region structure"),
    ("hip", "left"): ("287679003", "Left hip region structure"),
    ("hip", "right"): ("287579007", "Right hip region structure"),
    ("hip", None): ("29836001", "Hip region structure"),
    ("knee", "left"): ("82169009", "Structure of left knee region"),
    ("knee", "right"): ("6757004", "Structure of right knee region"),
    ("neck", None): ("45048000", "Neck structure"),
    ("back", None): ("22943007", "Trunk structure"),
}
"""By body part and side. "back" is the whole trunk: 17 keypoints hold no spine."""

ACTIVE_ROM = {
    ("knee_flexion", "left"): (
        "41343-5",
        "Knee - left Flexion Active Range of Motion Quantitative",
    ),
    ("knee_flexion", "right"): (
        "41347-6",
        "Knee - right Flexion Active Range of Motion Quantitative",
    ),
    ("knee_extension", "left"): (
        "41345-0",
        "Knee - left Extension Active Range of Motion Quantitative",
    ),
    ("knee_extension", "right"): (
        "41349-2",
        "Knee - right Extension Active Range of Motion Quantitative",
    ),
    ("shoulder_forward_flexion", "left"): (
        "41295-7",
        "Shoulder - left Flexion Active Range of Motion Quantitative",
    ),
    ("shoulder_forward_flexion", "right"): (
        "41307-0",
        "Shoulder - right Flexion Active Range of Motion Quantitative",
    ),
    ("shoulder_extension", "left"): (
        "41297-3",
        "Shoulder - left Extension Active Range of Motion Quantitative",
    ),
    ("shoulder_extension", "right"): (
        "41309-6",
        "Shoulder - right Extension Active Range of Motion Quantitative",
    ),
}
"""LOINC's codes, by measurement and side."""


def measured_code(info: MeasurementInfo, side: str, *, active_rom: bool) -> Json:
    """What was measured, as a CodeableConcept."""
    name, text = info.name, info.title
    match info.kind:
        case "midline" | "both_legs":
            pass
        case "limb":
            text = f"{info.title}, {side}"
        case _:
            # Nothing else tells bending to the left from bending to the right.
            name, text = f"{info.name}_to_{side}", f"{info.title}, to the {side}"
    codings = [coding(MEASUREMENT_SYSTEM, name, text)]
    if active_rom and (loinc := ACTIVE_ROM.get((info.name, side))):
        codings.append(coding(LOINC, *loinc))
    return {"coding": codings, "text": text}


def body_site(info: MeasurementInfo, side: str) -> Json:
    """Where on the body, with the side for limbs, as a CodeableConcept."""
    at: str | None = None
    match info.kind:
        case "limb":
            at, text = side, f"{side} {info.body_part}"
        case "both_legs":
            text = "both legs"
        case _:
            text = info.body_part
    site = BODY_SITES.get((info.body_part, at))
    concept: Json = {"text": text.capitalize()}
    return concept if site is None else {"coding": [coding(SNOMED, *site)], **concept}


def coding(system: str, code: str, display: str) -> Json:
    return {"system": system, "code": code, "display": display}


def degrees(value_deg: float) -> Json:
    """A Quantity; a tenth of a degree is finer than any picture can be read."""
    return {"value": round(value_deg, 1), "unit": "deg", "system": UCUM, "code": "deg"}
